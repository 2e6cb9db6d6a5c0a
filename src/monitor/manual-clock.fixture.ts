import type { Clock, Timer } from '../base/clock.ts';

/** A clock that stands still until a test moves it. */
export interface ManualClock extends Clock {
  /** Moves on and calls what falls due, in order. */
  advance(byMs: number): void;
  /** Timers set and not yet fired. */
  readonly pending: number;
}

export function manualClock(startMs: number = Date.UTC(2026, 10, 23, 17, 0, 0)): ManualClock {
  let elapsedMs = 0;
  let timers: { atMs: number; fn: () => void }[] = [];
  const earliest = (): { atMs: number; fn: () => void } | undefined =>
    timers.reduce<(typeof timers)[number] | undefined>(
      (first, timer) => (first === undefined || timer.atMs < first.atMs ? timer : first),
      undefined,
    );
  return {
    nowMs: () => startMs + elapsedMs,
    monotonicMs: () => elapsedMs,
    after(delayMs, fn) {
      const timer = { atMs: elapsedMs + delayMs, fn };
      timers.push(timer);
      return timer as unknown as Timer;
    },
    cancel(timer) {
      timers = timers.filter((other) => other !== (timer as unknown));
    },
    advance(byMs) {
      const untilMs = elapsedMs + byMs;
      for (let timer = earliest(); timer !== undefined && timer.atMs <= untilMs; timer = earliest()) {
        elapsedMs = timer.atMs;
        timers = timers.filter((other) => other !== timer);
        timer.fn();
      }
      elapsedMs = untilMs;
    },
    get pending() {
      return timers.length;
    },
  };
}
