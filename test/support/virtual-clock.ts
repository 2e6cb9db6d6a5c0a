import type { Clock, Timer } from '../../src/base/clock.ts';

/** A clock that stands still until a test moves it. Timers fire in the order of their time, then of their making. */
export interface VirtualClock extends Clock {
  /** Moves on by `byMs` and calls what falls due on the way, timers set meanwhile included. */
  advance(byMs: number): void;
  /** Lets the wall clock jump, and only it: what NTP or an operator does. */
  jumpWall(byMs: number): void;
  /** Goes to the next timer and calls it; false when there is none. */
  step(): boolean;
  /** Timers set and not yet fired. */
  readonly pending: number;
}

interface Scheduled {
  readonly atMs: number;
  readonly order: number;
  readonly fn: () => void;
}

/**
 * @param startMs wall clock at the beginning, milliseconds since the epoch.
 * @param settle called after each timer and before time moves on: lets what has been promised happen.
 */
export function virtualClock(
  startMs: number = Date.UTC(2026, 10, 23, 17, 0, 0),
  settle: () => void = () => undefined,
): VirtualClock {
  let elapsedMs = 0;
  let wallMs = startMs;
  let order = 0;
  const timers = new Set<Scheduled>();

  const next = (): Scheduled | undefined => {
    let first: Scheduled | undefined;
    for (const timer of timers) {
      if (
        first === undefined ||
        timer.atMs < first.atMs ||
        (timer.atMs === first.atMs && timer.order < first.order)
      )
        first = timer;
    }
    return first;
  };
  const goTo = (atMs: number): void => {
    wallMs += atMs - elapsedMs;
    elapsedMs = atMs;
  };
  const fire = (timer: Scheduled): void => {
    goTo(Math.max(elapsedMs, timer.atMs));
    timers.delete(timer);
    timer.fn();
    settle();
  };
  return {
    nowMs: () => wallMs,
    monotonicMs: () => elapsedMs,
    after(delayMs, fn) {
      order += 1;
      const timer = { atMs: elapsedMs + Math.max(0, delayMs), order, fn };
      timers.add(timer);
      return timer as unknown as Timer;
    },
    cancel(timer) {
      timers.delete(timer as unknown as Scheduled);
    },
    advance(byMs) {
      const untilMs = elapsedMs + byMs;
      settle();
      for (let timer = next(); timer !== undefined && timer.atMs <= untilMs; timer = next()) fire(timer);
      goTo(untilMs);
    },
    jumpWall(byMs) {
      wallMs += byMs;
    },
    step() {
      settle();
      const timer = next();
      if (timer === undefined) return false;
      fire(timer);
      return true;
    },
    get pending() {
      return timers.size;
    },
  };
}

/** The clock as one process sees it: once that has ended, no timer of it fires any more. */
export function mortalClock(clock: VirtualClock): { readonly clock: VirtualClock; readonly end: () => void } {
  let over = false;
  const mortal: VirtualClock = {
    ...clock,
    after: (delayMs, fn) =>
      clock.after(delayMs, () => {
        if (!over) fn();
      }),
    get pending() {
      return clock.pending;
    },
  };
  return {
    clock: mortal,
    end: () => {
      over = true;
    },
  };
}
