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
  /** Connections kept open at most. */
  readonly connectionsMax: number;
}

const TICK_MS = 4;
/** Arrivals that wait for a connection; more are skipped and counted: the generator is a crowd, not a queue. */
const WAITING_MAX = 512;
const REQUEST_TIMEOUT_MS = 15_000;

/** Sends what the schedule says, when it says so, whether or not the answers keep up (an open system). */
export class Load {
  readonly #options: LoadOptions;
  readonly #clock: Clock;
  readonly #schedule: Schedule;
  readonly #tally = new Tally();
  readonly #idle: LoadConnection[] = [];
  readonly #waiting: Expected[] = [];
  readonly #all: LoadConnection[] = [];
  readonly #startedMs: number;
  readonly #stopTicking: () => void;
  #next: Arrival;
  #running = 0;
  #isOver = false;
  #onDrained: (() => void) | undefined;

  constructor(options: LoadOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
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
    this.#waiting.length = 0;
    if (this.#running > 0) {
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

  #tick(): void {
    const elapsedMs = this.#clock.monotonicMs() - this.#startedMs;
    for (; this.#next.atMs <= elapsedMs; this.#next = this.#schedule.next()) {
      const wish = wishOf(this.#options.images[this.#next.image]!, this.#next.chance);
      const connection = this.#idle.pop() ?? this.#open();
      if (connection !== undefined) this.#send(connection, wish);
      else if (this.#waiting.length < WAITING_MAX) this.#waiting.push(wish);
      else this.#tally.skipped += 1;
    }
  }

  #open(): LoadConnection | undefined {
    if (this.#all.length >= this.#options.connectionsMax) return undefined;
    const connection = new LoadConnection(this.#options.host, this.#options.port);
    this.#all.push(connection);
    return connection;
  }

  #send(connection: LoadConnection, wish: Expected): void {
    this.#tally.sent += 1;
    this.#running += 1;
    const sentMs = this.#clock.monotonicMs();
    let timer: Timer | undefined = this.#clock.after(REQUEST_TIMEOUT_MS, () => {
      timer = undefined;
      connection.close('timeout', `${wish.target} took longer than ${REQUEST_TIMEOUT_MS / 1000} s`);
    });
    connection.get(wish, (ending) => {
      this.#clock.cancel(timer);
      this.#ended(connection, ending, this.#clock.monotonicMs() - sentMs);
    });
  }

  #ended(connection: LoadConnection, ending: Ending, latencyMs: number): void {
    this.#running -= 1;
    if (this.#isOver) this.#tally.unawaited += 1;
    else if (ending.ok) this.#tally.answered(latencyMs, ending.bodyBytes, ending.isHit);
    else this.#tally.failed(ending.kind, ending.detail);
    const next = this.#waiting.shift();
    if (next !== undefined) this.#send(connection, next);
    else this.#idle.push(connection);
    if (this.#running === 0) this.#onDrained?.();
  }
}
