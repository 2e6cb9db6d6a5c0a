import type { Hash64 } from '../base/hash.ts';

/** How long requests for a resource whose response could not be shared go to the origin side by side, in milliseconds. */
export const UNSHARED_MS = 10_000;
/** After a validation that did not succeed, the next one in the background waits for so long. */
export const UNRENEWED_MS = 1_000;
/** After an origin failed to validate it, a response that may be served stale on error is served so for a while, unasked. */
export const TROUBLE_MS = 30_000;

const REMEMBERED_MAX = 10_000;

/**
 * Keys that something happened to a moment ago. Bounded in number, the oldest leave first, and in time. It keeps 53 bits of
 * their hashes, so long keys take no more room; two that collide cost one fetch at most.
 */
export class Recent {
  readonly #forMs: number;
  /** In the order of their ends, for all last equally long. */
  readonly #untilMs = new Map<number, number>();

  /** @param forMs how long a key is remembered. */
  constructor(forMs: number) {
    this.#forMs = forMs;
  }

  /** How many are held, at most {@link REMEMBERED_MAX}. */
  get size(): number {
    return this.#untilMs.size;
  }

  add(hash: Hash64, nowMs: number): void {
    const id = idOf(hash);
    this.#untilMs.delete(id);
    for (const [oldest, untilMs] of this.#untilMs) {
      if (nowMs < untilMs && this.#untilMs.size < REMEMBERED_MAX) break;
      this.#untilMs.delete(oldest);
    }
    this.#untilMs.set(id, nowMs + this.#forMs);
  }

  has(hash: Hash64, nowMs: number): boolean {
    const untilMs = this.#untilMs.get(idOf(hash));
    return untilMs !== undefined && nowMs < untilMs;
  }
}

function idOf(hash: Hash64): number {
  return (hash.hi & 0x1f_ffff) * 2 ** 32 + hash.lo;
}
