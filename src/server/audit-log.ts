import type { Clock } from '../base/clock.ts';
import type { Log } from '../monitor/log.ts';
import type { LineSink } from '../monitor/sink.ts';

/** One request to the admin port that changes something, or was meant to. */
export interface AuditedCall {
  /** Name of the token; the token itself appears nowhere. */
  readonly who: string;
  readonly role: string;
  readonly client: string;
  readonly method: string;
  readonly path: string;
  /** What was asked for: the body. */
  readonly what: unknown;
  readonly status: number;
  /** What it was answered. */
  readonly result: unknown;
}

/** Longest form of what was asked, and of the answer: a list of ten thousand addresses is cut. */
const TEXT_CHARS = 1_000;

/** Writes what operators do: to the log of the node in short, and where it is wanted as one JSON object per line. */
export class AuditLog {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #sink: LineSink | undefined;

  constructor(log: Log, clock: Clock, sink: LineSink | undefined) {
    this.#log = log;
    this.#clock = clock;
    this.#sink = sink;
  }

  /** Lines lost because they could not be written; undefined when nothing is written. */
  get lostLines(): number | undefined {
    return this.#sink?.lostLines;
  }

  /** Never throws. */
  write(call: AuditedCall): void {
    const { who, role, client, method, path, status } = call;
    const what = cut(call.what);
    this.#log.info('an operator asked for a change', { who, client, method, path, what, status });
    const time = new Date(this.#clock.nowMs()).toISOString();
    const line = { time, who, role, client, method, path, what, status, result: cut(call.result) };
    try {
      this.#sink?.write(Buffer.from(`${JSON.stringify(line)}\n`, 'utf8'));
    } catch (error) {
      this.#log.error('the audit log could not be written', { error: String(error) });
    }
  }
}

function cut(value: unknown): string | undefined {
  const text = value === undefined ? undefined : JSON.stringify(value);
  return text === undefined || text.length <= TEXT_CHARS ? text : `${text.slice(0, TEXT_CHARS)}...`;
}
