import type { Clock, Timer } from '../../base/clock.ts';

export interface QueueOptions {
  /** Most holders of a place at a time; may be infinite. */
  readonly places: number;
  /** Most that wait for one. */
  readonly max: number;
  /** Longest wait. */
  readonly timeoutMs: number;
}

/** One that wants a place. Exactly one of the three is called, unless it is cancelled before. */
export interface Queued {
  /** It has a place, to be given back with {@link Queue.leave}. */
  granted(waitedMs: number): void;
  /** It waited for {@link QueueOptions.timeoutMs}. */
  expired(): void;
  /** One that a client waits for needed its room, or the queue was emptied. */
  dropped(): void;
}

/** Of all places, how many may serve nobody that waits: the rest is free for those who do. */
const BACKGROUND_SHARE = 3 / 4;

interface Wait {
  readonly sinceMs: number;
  readonly timer: Timer;
  readonly background: boolean;
}

/**
 * Places, and two bounded queues for them, first in, first out: one for requests that a client waits for, and one for the
 * renewals in the background, which go second, hold three quarters of the places at most, and lose their room first. O(1).
 */
export class Queue {
  readonly #options: QueueOptions;
  readonly #clock: Clock;
  readonly #awaited = new Map<Queued, Wait>();
  readonly #background = new Map<Queued, Wait>();
  #taken = 0;
  #takenInBackground = 0;

  constructor(options: QueueOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  get taken(): number {
    return this.#taken;
  }

  get waiting(): number {
    return this.#awaited.size + this.#background.size;
  }

  /**
   * Asks for a place.
   *
   * @returns `granted` when it has it at once (nothing is called), `waits`, or `full`.
   */
  enter(one: Queued, background: boolean): 'granted' | 'waits' | 'full' {
    if (this.#hasRoom(background)) {
      this.#take(background);
      return 'granted';
    }
    return this.#wait(one, background);
  }

  #wait(one: Queued, background: boolean): 'waits' | 'full' {
    let oldest: Queued | undefined;
    if (this.waiting >= this.#options.max) {
      oldest = background ? undefined : this.#background.keys().next().value;
      if (oldest === undefined) return 'full';
      this.cancel(oldest);
    }
    const timer = this.#clock.after(this.#options.timeoutMs, () => {
      this.cancel(one);
      one.expired();
    });
    const wait = { sinceMs: this.#clock.monotonicMs(), timer, background };
    (background ? this.#background : this.#awaited).set(one, wait);
    oldest?.dropped();
    return 'waits';
  }

  /** It waits no longer; ignored when it does not. */
  cancel(one: Queued): void {
    const line = this.#awaited.has(one) ? this.#awaited : this.#background;
    const wait = line.get(one);
    if (wait === undefined) return;
    this.#clock.cancel(wait.timer);
    line.delete(one);
  }

  /** Gives a place back. */
  leave(background: boolean): void {
    this.#taken -= 1;
    if (background) this.#takenInBackground -= 1;
    this.#grantNext();
  }

  /** Sends everybody away that waits. */
  drop(): void {
    const all = [...this.#awaited.keys(), ...this.#background.keys()];
    for (const one of all) this.cancel(one);
    for (const one of all) one.dropped();
  }

  #grantNext(): void {
    if (this.waiting === 0) return;
    const awaited = this.#awaited.entries().next().value;
    const next = awaited ?? this.#background.entries().next().value;
    if (next === undefined || !this.#hasRoom(awaited === undefined)) return;
    const [one, { sinceMs, background }] = next;
    this.cancel(one);
    this.#take(background);
    one.granted(this.#clock.monotonicMs() - sinceMs);
  }

  #take(background: boolean): void {
    this.#taken += 1;
    if (background) this.#takenInBackground += 1;
  }

  #hasRoom(background: boolean): boolean {
    const { places } = this.#options;
    if (this.#taken >= places) return false;
    return !background || this.#takenInBackground < Math.max(1, Math.floor(places * BACKGROUND_SHARE));
  }
}
