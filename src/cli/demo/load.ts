import { type Clock, every, type Timer } from '../../base/clock.ts';
import { type Ending, type Expected, LoadConnection } from './load-connection.ts';
import { type Asked, wishOf } from './mix.ts';
import { type Arrival, Schedule, type ScheduleOptions } from './schedule.ts';
import { Tally, type TrafficReport } from './tally.ts';

export interface LoadOptions {
  readonly host: string;
  readonly port: number;
  /** By the index that arrivals use. */
  readonly images: readonly Asked[];
  readonly schedule: Omit<ScheduleOptions, 'sizesBytes'>;
  /**
   * Connections kept open at most. Variants have theirs: while many have to be made, what is ready is asked for all the same, and
   * whoever looks at the page does not wait behind hundreds of others.
   */
  readonly connections: { readonly ready: number; readonly variants: number };
}

/** Requests of one kind: some under way, others in line. */
interface Lane {
  readonly max: number;
  running: number;
  readonly waiting: Expected[];
}

const TICK_MS = 4;
/** Arrivals of each kind that wait for a connection; more are skipped and counted: the generator is a crowd, not a queue. */
const WAITING_MAX = 512;
const REQUEST_TIMEOUT_MS = 15_000;

/** Sends what the schedule says, when it says so, whether or not the answers keep up (an open system). */
export class Load {
  readonly #options: LoadOptions;
  readonly #clock: Clock;
  readonly #schedule: Schedule;
  readonly #tally = new Tally();
  readonly #idle: LoadConnection[] = [];
  readonly #ready: Lane;
  readonly #variants: Lane;
  readonly #all: LoadConnection[] = [];
  readonly #startedMs: number;
  readonly #stopTicking: () => void;
  #next: Arrival;
  #isOver = false;
  #onDrained: (() => void) | undefined;

  constructor(options: LoadOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    this.#ready = { max: options.connections.ready, running: 0, waiting: [] };
    this.#variants = { max: options.connections.variants, running: 0, waiting: [] };
    const sizesBytes = options.images.map((image) => image.sizeBytes);
    this.#schedule = new Schedule({ ...options.schedule, sizesBytes });
    this.#next = this.#schedule.next();
    this.#startedMs = clock.monotonicMs();
    this.#stopTicking = every(clock, TICK_MS, () => this.#tick());
  }

  report(): TrafficReport {
    return this.#tally.report();
  }

  /** Sends nothing more, waits for running answers up to `deadlineMs`, then closes every connection: what is left is no error. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopTicking();
    this.#ready.waiting.length = 0;
    this.#variants.waiting.length = 0;
    if (this.#isBusy) {
      await new Promise<void>((resolve) => {
        const timer = this.#clock.after(deadlineMs, resolve);
        this.#onDrained = () => {
          this.#clock.cancel(timer);
          resolve();
        };
      });
    }
    this.#isOver = true;
    for (const connection of this.#all) connection.close();
  }

  get #isBusy(): boolean {
    return this.#ready.running + this.#variants.running > 0;
  }

  #tick(): void {
    const elapsedMs = this.#clock.monotonicMs() - this.#startedMs;
    for (; this.#next.atMs <= elapsedMs; this.#next = this.#schedule.next()) {
      const wish = wishOf(this.#options.images[this.#next.image]!, this.#next.chance);
      const lane = wish.sizeBytes === undefined ? this.#variants : this.#ready;
      if (lane.running < lane.max) this.#send(lane, this.#idle.pop() ?? this.#open(), wish);
      else if (lane.waiting.length < WAITING_MAX) lane.waiting.push(wish);
      else this.#tally.skipped += 1;
    }
  }

  #open(): LoadConnection {
    const connection = new LoadConnection(this.#options.host, this.#options.port);
    this.#all.push(connection);
    return connection;
  }

  #send(lane: Lane, connection: LoadConnection, wish: Expected): void {
    this.#tally.sent += 1;
    lane.running += 1;
    const sentMs = this.#clock.monotonicMs();
    let timer: Timer | undefined = this.#clock.after(REQUEST_TIMEOUT_MS, () => {
      timer = undefined;
      connection.close('timeout', `${wish.target} took longer than ${REQUEST_TIMEOUT_MS / 1000} s`);
    });
    connection.get(wish, (ending) => {
      this.#clock.cancel(timer);
      this.#ended(lane, connection, ending, this.#clock.monotonicMs() - sentMs);
    });
  }

  #ended(lane: Lane, connection: LoadConnection, ending: Ending, latencyMs: number): void {
    lane.running -= 1;
    if (this.#isOver) this.#tally.unawaited += 1;
    else if (ending.ok) this.#tally.answered(latencyMs, ending.bodyBytes, ending.isHit);
    else this.#tally.failed(ending.kind, ending.detail);
    const next = lane.waiting.shift();
    if (next !== undefined) this.#send(lane, connection, next);
    else this.#idle.push(connection);
    if (!this.#isBusy) this.#onDrained?.();
  }
}
