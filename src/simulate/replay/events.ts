import type { Clock, Timer } from '../../base/clock.ts';

/** What is told when its time has come. */
export interface Due {
  due(): void;
}

const ROUNDING_MS = 0.5;

interface Appointment {
  atMs: number;
  /** Of two at one time the earlier one is first. */
  order: number;
  what: Due | undefined;
}

/**
 * Time in a replay: it goes from one recorded request to the next, and whatever is due in between happens at its time, in order.
 * A binary heap; events are used again, so nothing is allocated once there are as many as are ever waiting. O(log n) each.
 */
export class Events implements Clock {
  #nowMs = 0;
  #order = 0;
  /** The first `#count` are waiting, as a heap; the rest is free. */
  readonly #heap: Appointment[] = [];
  #count = 0;

  /** Milliseconds since the epoch, with a fraction. */
  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  /** Tells `what` at that time; a time that has passed counts as now. */
  at(atMs: number, what: Due): void {
    this.#push(Math.max(atMs, this.#nowMs), what);
  }

  after(delayMs: number, fn: () => void): Timer {
    const timer = { due: fn };
    this.#push(this.#nowMs + delayMs, timer);
    return timer as unknown as Timer;
  }

  cancel(timer: Timer | undefined): void {
    if (timer !== undefined) (timer as unknown as { due: () => void }).due = doNothing;
  }

  /**
   * Goes on to a time, and does all that is due until then and in the half millisecond behind it: origin times are recorded in whole
   * ones, and what was over when somebody asked again is over.
   */
  advance(toMs: number): void {
    while (this.#count > 0 && this.#heap[0]!.atMs <= toMs + ROUNDING_MS) this.#next();
    this.#nowMs = toMs;
  }

  /** Does all that is still due, whenever that is. */
  finish(): void {
    while (this.#count > 0) this.#next();
  }

  #next(): void {
    const heap = this.#heap;
    const first = heap[0]!;
    const { what, atMs } = first;
    first.what = undefined;
    this.#count -= 1;
    heap[0] = heap[this.#count]!;
    heap[this.#count] = first;
    this.#sink(0);
    if (atMs > this.#nowMs) this.#nowMs = atMs;
    what!.due();
  }

  #push(atMs: number, what: Due): void {
    const heap = this.#heap;
    if (this.#count === heap.length) heap.push({ atMs: 0, order: 0, what: undefined });
    const event = heap[this.#count]!;
    event.atMs = atMs;
    event.order = this.#order;
    event.what = what;
    this.#order += 1;
    let at = this.#count;
    this.#count += 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(event, heap[above]!)) break;
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = event;
  }

  #sink(from: number): void {
    const heap = this.#heap;
    const count = this.#count;
    const event = heap[from]!;
    let at = from;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= count) break;
      if (below + 1 < count && isBefore(heap[below + 1]!, heap[below]!)) below += 1;
      if (!isBefore(heap[below]!, event)) break;
      heap[at] = heap[below]!;
      at = below;
    }
    heap[at] = event;
  }
}

function isBefore(a: Appointment, b: Appointment): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

function doNothing(): void {}
