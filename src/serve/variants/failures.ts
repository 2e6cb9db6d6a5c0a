import type { Clock } from '../../base/clock.ts';
import { isPassing, type TransformFailure } from '../../image/failures.ts';

/** A variant that could not be made is not tried again for so long: it would only fail again. */
const REMEMBERED_MS = 30_000;
const REMEMBERED_MAX = 10_000;
/** Of keys and sentences, in characters: addresses can be long. */
const TEXT_LENGTH_MAX = 8 * 1024 * 1024;

interface Remembered {
  readonly failure: TransformFailure;
  readonly untilMs: number;
}

/** Variants that could not be made a moment ago, by key. Bounded in number and time; the oldest are forgotten first. */
export class VariantFailures {
  readonly #clock: Clock;
  readonly #byKey = new Map<string, Remembered>();
  #textLength = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What says nothing of the original is not remembered. */
  add(key: string, failure: TransformFailure): void {
    if (isPassing(failure.cause)) return;
    const nowMs = this.#clock.monotonicMs();
    this.#forget(key);
    for (const [oldest, { untilMs }] of this.#byKey) {
      const hasRoom = this.#byKey.size < REMEMBERED_MAX && this.#textLength < TEXT_LENGTH_MAX;
      if (nowMs < untilMs && hasRoom) break;
      this.#forget(oldest);
    }
    this.#byKey.set(key, { failure, untilMs: nowMs + REMEMBERED_MS });
    this.#textLength += key.length + failure.detail.length;
  }

  #forget(key: string): void {
    const found = this.#byKey.get(key);
    if (found === undefined) return;
    this.#byKey.delete(key);
    this.#textLength -= key.length + found.failure.detail.length;
  }

  /** Why it failed a moment ago. */
  of(key: string): TransformFailure | undefined {
    const found = this.#byKey.get(key);
    return found !== undefined && this.#clock.monotonicMs() < found.untilMs ? found.failure : undefined;
  }

  /** Something was purged, or uploaded anew: all may be well now. */
  clear(): void {
    this.#byKey.clear();
    this.#textLength = 0;
  }
}
