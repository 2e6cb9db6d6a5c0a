import { type Clock, every, type Timer } from '../../base/clock.ts';
import type { Config } from '../../config/config.ts';
import type { Log } from '../../monitor/log.ts';
import type { Recorder } from '../../monitor/recorder.ts';
import type { LineSink } from '../../monitor/sink.ts';
import type { RequestHandler } from '../../serve/answer.ts';
import type { MemoryTier } from '../../store/memory/tier.ts';
import type { TierLayout } from '../../store/memory/tier-reader.ts';
import type { TrafficRecorder } from '../../traffic/live/recorder.ts';
import { newServerStats, type ServerStats } from '../limits.ts';
import type { PublicServer, PublicServerOptions } from '../listener.ts';
import { type Board, BoardWord, boardStats, othersOf } from './board.ts';
import { Member } from './member.ts';

/** How often the owner learns what workers did: counts their hits, gives back what they were the last to read. */
const TICK_MS = 10;
/** How often it looks whether they are alive; without a beat for so many looks, a worker is ended. */
const LOOK_MS = 1_000;
const LOOKS_WITHOUT_BEAT = 10;
/** Pause before a worker is started anew; doubled each time until one has lived for a minute. */
const RESTART_MS = 500;
const RESTART_MAX_MS = 30_000;
const STABLE_MS = 60_000;
/** After the deadline of a drain, what a worker gets to say that it is done. */
const GRACE_MS = 1_000;

export interface CrewOptions {
  /** Workers beside the owner: at least 1. */
  readonly count: number;
  /** What the workers' ports are opened with; the port is the one that the owner got. */
  readonly listen: Pick<PublicServerOptions, 'listen' | 'limits' | 'tls'>;
  /** The configuration and the names of routes by id; {@link Crew.configure} changes them. */
  readonly config: Pick<Config, 'routes' | 'cache' | 'log'>;
  readonly routeNames: readonly string[];
  readonly pseudonym: string;
  readonly tier: MemoryTier;
  readonly handler: RequestHandler;
  readonly recorder: Recorder;
  /** Takes the rows of workers too; undefined where traffic is not recorded. */
  readonly traffic?: TrafficRecorder | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** Where access log lines go now; undefined for nowhere. */
  readonly accessSink: () => LineSink | undefined;
  readonly onFault: (error: unknown) => void;
}

/** Open connections by thread; made before the owner listens, because its own are among them. */
export type ConnectionCounts = Int32Array<SharedArrayBuffer>;

/** The counts of an owner and so many workers. */
export function newConnectionCounts(workers: number): ConnectionCounts {
  return new Int32Array(new SharedArrayBuffer((workers + 1) * 4));
}

/**
 * The workers of a node, looked after by its owner: started, watched, started anew when one dies, drained.
 * What a dead worker had pinned, counted and asked for is given back, booked and settled; its connections are lost.
 */
export class Crew {
  /** Workers that ended without being asked to. */
  deaths = 0;
  options: CrewOptions;
  readonly connections: ConnectionCounts;
  readonly #members: (Member | undefined)[];
  readonly #timers: (Timer | undefined)[] = [];
  readonly #delaysMs: number[];
  /** Of workers that are gone. */
  readonly #loggedBefore = { lines: 0, dropped: 0 };
  #statsBefore: ServerStats = newServerStats();
  readonly #stops: (() => void)[];
  #stopping = false;
  #started = 0;
  #onEmpty: (() => void) | undefined;

  constructor(options: CrewOptions, connections: ConnectionCounts) {
    this.options = options;
    this.connections = connections;
    this.#members = Array.from({ length: options.count });
    this.#delaysMs = this.#members.map(() => RESTART_MS);
    for (let i = 0; i < options.count; i += 1) this.#start(i);
    const { clock } = options;
    this.#stops = [every(clock, TICK_MS, () => this.tick()), every(clock, LOOK_MS, () => this.#look())];
  }

  /** Workers that listen now. */
  get alive(): number {
    return this.#members.filter((member) => member?.listening === true).length;
  }

  /** True once every worker has listened, or died trying. */
  get ready(): boolean {
    return this.#started >= this.options.count;
  }

  /** Requests of workers that the owner has not settled. */
  get asks(): number {
    return this.#living().reduce((sum, member) => sum + member.link.count, 0);
  }

  /** Access log lines of workers. */
  get logged(): { readonly lines: number; readonly dropped: number } {
    const sum = { ...this.#loggedBefore };
    for (const { board } of this.#living()) addLogged(sum, board);
    return sum;
  }

  /** Tells the workers of a change of the tier's memory. */
  announce(layout: TierLayout): void {
    for (const member of this.#living()) member.outbox.send({ kind: 'layout', layout });
  }

  /** The routes or the access log are others now: those at work are told, and those that start later begin with them. */
  configure(config: CrewOptions['config'], routeNames: readonly string[]): void {
    this.options = { ...this.options, config, routeNames: [...routeNames] };
    for (const member of this.#living()) member.configure(this.options);
  }

  /** Collects the garbage of the workers. */
  collectGarbage(): void {
    for (const member of this.#living()) member.outbox.send({ kind: 'collect' });
  }

  /** The transport counters of owner and workers, those that are gone included. */
  stats(own: ServerStats): ServerStats {
    const boards = this.#living().map((member) => member.board);
    return boardStats(boards, own, this.#statsBefore);
  }

  /** Catches up with the workers. Done every {@link TICK_MS}; also before their counts are read. */
  tick(): void {
    for (const member of this.#living()) member.tick();
    this.options.tier.cache.catchUp();
  }

  /** Ends a worker at once, as a fault would. For tests, and for one that no longer answers. */
  terminate(index: number): void {
    this.#members[index]?.thread.terminate();
  }

  /** Lets the workers finish what they are sending; see {@link PublicServer.drain}. */
  async drain(deadlineMs: number): Promise<number> {
    const { clock } = this.options;
    this.#stopping = true;
    for (const timer of this.#timers) clock.cancel(timer);
    for (const member of this.#living()) member.outbox.send({ kind: 'drain', deadlineMs });
    const members = this.#living();
    const timer = clock.after(deadlineMs + GRACE_MS, () => {
      for (const member of members) member.thread.terminate();
    });
    await this.#emptied();
    clock.cancel(timer);
    for (const stop of this.#stops) stop();
    this.tick();
    return members.reduce((sum, member) => sum + member.cut, 0);
  }

  #emptied(): Promise<void> {
    if (this.#living().length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const before = this.#onEmpty;
      this.#onEmpty = () => {
        before?.();
        resolve();
      };
    });
  }

  #living(): Member[] {
    return this.#members.filter((member) => member !== undefined);
  }

  #start(index: number): void {
    const { clock } = this.options;
    const startedMs = clock.monotonicMs();
    this.#members[index] = new Member(this.options, this.connections, index + 1, {
      onListening: () => {
        this.#started += 1;
      },
      onGone: (member, error) => {
        if (clock.monotonicMs() - startedMs > STABLE_MS) this.#delaysMs[index] = RESTART_MS;
        if (!member.listening) this.#started += 1;
        this.#gone(index, member, error);
      },
    });
  }

  #gone(index: number, member: Member, error: string | undefined): void {
    this.#members[index] = undefined;
    this.#statsBefore = boardStats([member.board], this.#statsBefore);
    addLogged(this.#loggedBefore, member.board);
    this.tick();
    if (this.#stopping) {
      if (this.#living().length === 0) this.#onEmpty?.();
      return;
    }
    const delayMs = this.#delaysMs[index]!;
    this.#delaysMs[index] = Math.min(RESTART_MAX_MS, delayMs * 2);
    this.deaths += 1;
    const { log, clock } = this.options;
    log.error('a worker ended; its connections are lost, and another one is started', {
      worker: index + 1,
      error: error ?? 'it was terminated',
      restartMs: delayMs,
    });
    this.#timers[index] = clock.after(delayMs, () => this.#start(index));
  }

  #look(): void {
    for (const member of this.#living()) {
      if (member.silentLooks() < LOOKS_WITHOUT_BEAT) continue;
      this.options.log.error('a worker does not answer any more, and is ended', { worker: member.index });
      member.thread.terminate();
    }
  }
}

function addLogged(sum: { lines: number; dropped: number }, { words }: Board): void {
  sum.lines += words[BoardWord.LOG_LINES]!;
  sum.dropped += words[BoardWord.LOG_DROPPED]!;
}

/** The public ports of owner and workers as one. */
export function joined(own: PublicServer, crew: Crew): PublicServer {
  return {
    port: own.port,
    url: own.url,
    get stats() {
      return crew.stats(own.stats);
    },
    get draining() {
      return own.draining;
    },
    announceEnd: () => own.announceEnd(),
    connections: () => othersOf(crew.connections, -1),
    async drain(deadlineMs) {
      const cut = await Promise.all([own.drain(deadlineMs), crew.drain(deadlineMs)]);
      return cut[0] + cut[1];
    },
  };
}
