import type { Clock, Timer } from '../../src/base/clock.ts';

/** The machine's own clock and timers. */
export const realClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: (delayMs, fn) => setTimeout(fn, delayMs) as unknown as Timer,
  cancel: (timer) => clearTimeout(timer as unknown as number | undefined),
};
