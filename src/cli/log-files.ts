import type { Log } from '../monitor/log.ts';
import type { FileSink } from '../monitor/sink.ts';
import type { AccessLogs } from '../server/live.ts';
import type { World } from './world.ts';

/** The files that a running node writes its access and audit log to. */
export class LogFiles implements AccessLogs {
  readonly #log: Log;
  readonly #world: Pick<World, 'openSink'>;
  readonly #sinks = new Set<FileSink>();
  /** Of files that are written to no more, and whose last lines are still on their way. */
  readonly #closing = new Set<Promise<void>>();

  constructor(log: Log, world: Pick<World, 'openSink'>) {
    this.#log = log;
    this.#world = world;
  }

  /** @param to a path, `stdout`, `stderr`, or `off` for none. @throws the system's error. */
  open(to: string): FileSink | undefined {
    if (to === 'off') return undefined;
    const sink = this.#world.openSink(to, (trouble) =>
      trouble === undefined
        ? this.#log.info('a log file is written again', { file: to })
        : this.#log.error('a log file cannot be written', { file: to, trouble }),
    );
    this.#sinks.add(sink);
    return sink;
  }

  retire(sink: object): void {
    for (const one of this.#sinks) {
      if (one !== sink) continue;
      this.#sinks.delete(one);
      const closing = one.close();
      this.#closing.add(closing);
      void closing.finally(() => this.#closing.delete(closing));
    }
  }

  /** After a rotation. */
  reopen(): void {
    for (const sink of this.#sinks) sink.reopen();
  }

  /** Waits for what is under way. */
  async close(): Promise<void> {
    await Promise.all([...this.#closing, ...[...this.#sinks].map((sink) => sink.close())]);
  }
}
