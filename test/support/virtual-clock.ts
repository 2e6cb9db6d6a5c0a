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

/** @param startMs wall clock at the beginning, milliseconds since the epoch. */
export function virtualClock(startMs: number = Date.UTC(2026, 10, 23, 17, 0, 0)): VirtualClock {
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
      for (let timer = next(); timer !== undefined && timer.atMs <= untilMs; timer = next()) fire(timer);
      goTo(untilMs);
    },
    jumpWall(byMs) {
      wallMs += byMs;
    },
    step() {
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
