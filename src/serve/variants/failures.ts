import type { Clock } from '../../base/clock.ts';
import { isPassing, type TransformFailure } from '../../image/failures.ts';

/** A variant that could not be made is not tried again for so long: it would only fail again. */
const REMEMBERED_MS = 30_000;
const REMEMBERED_MAX = 10_000;

interface Remembered {
  readonly failure: TransformFailure;
  readonly untilMs: number;
}

/** Variants that could not be made a moment ago, by key. Bounded in number and time; the oldest are forgotten first. */
export class VariantFailures {
  readonly #clock: Clock;
  readonly #byKey = new Map<string, Remembered>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What says nothing of the original is not remembered. */
  add(key: string, failure: TransformFailure): void {
    if (isPassing(failure.cause)) return;
    const nowMs = this.#clock.monotonicMs();
    this.#byKey.delete(key);
    for (const [oldest, { untilMs }] of this.#byKey) {
      if (nowMs < untilMs && this.#byKey.size < REMEMBERED_MAX) break;
      this.#byKey.delete(oldest);
    }
    this.#byKey.set(key, { failure, untilMs: nowMs + REMEMBERED_MS });
  }

  /** Why it failed a moment ago. */
  of(key: string): TransformFailure | undefined {
    const found = this.#byKey.get(key);
    return found !== undefined && this.#clock.monotonicMs() < found.untilMs ? found.failure : undefined;
  }

  /** Something was purged, or uploaded anew: all may be well now. */
  clear(): void {
    this.#byKey.clear();
  }
}
