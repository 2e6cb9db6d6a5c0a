/** Time as a dependency: only `main.ts` builds the real one, so the whole node runs under a virtual clock in tests. */
export interface Clock {
  /** Wall-clock time, milliseconds since the Unix epoch. May jump. For HTTP dates and ages. */
  nowMs(): number;
  /** Monotonic time in milliseconds (fractional). Never goes back. For durations and deadlines. */
  monotonicMs(): number;
  /** Calls `fn` once after `delayMs`. The returned handle is only good for {@link Clock.cancel}. */
  after(delayMs: number, fn: () => void): Timer;
  /** Cancels a timer; a timer that already fired, or `undefined`, is ignored. */
  cancel(timer: Timer | undefined): void;
}

/** Opaque handle of a scheduled call. */
export type Timer = { readonly __timer: unique symbol };

/** Wall-clock time in whole seconds since the Unix epoch: what HTTP dates and ages are counted in. */
export function epochS(clock: Clock): number {
  return Math.floor(clock.nowMs() / 1000);
}

/** Calls `fn` every `periodMs` until the returned function is called. Periods do not overlap. */
export function every(clock: Clock, periodMs: number, fn: () => void): () => void {
  let timer: Timer | undefined;
  const tick = (): void => {
    timer = clock.after(periodMs, tick);
    fn();
  };
  timer = clock.after(periodMs, tick);
  return () => {
    clock.cancel(timer);
    timer = undefined;
  };
}

/** What lets others run, when it is awaited, before one goes on. */
export function turnOf(clock: Clock): () => Promise<void> {
  return () => new Promise((resolve) => void clock.after(0, resolve));
}
