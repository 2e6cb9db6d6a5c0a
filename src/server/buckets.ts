/** How often something may happen: `burst` times at once, and `perS` times a second in the long run. */
export interface Rate {
  readonly burst: number;
  readonly perS: number;
}

/** Token buckets by name, bounded in number: beyond it the one that was used longest ago is forgotten, and full again. O(1). */
export class Buckets {
  readonly #rate: Rate;
  readonly #max: number;
  readonly #buckets = new Map<string, { left: number; atMs: number }>();

  constructor(rate: Rate, max: number) {
    this.#rate = rate;
    this.#max = max;
  }

  /** Takes one. @returns false when there is none left. */
  take(name: string, nowMs: number): boolean {
    const { burst, perS } = this.#rate;
    const bucket = this.#buckets.get(name) ?? { left: burst, atMs: nowMs };
    this.#buckets.delete(name);
    this.#buckets.set(name, bucket);
    if (this.#buckets.size > this.#max) this.#buckets.delete(this.#buckets.keys().next().value!);
    bucket.left = Math.min(burst, bucket.left + ((nowMs - bucket.atMs) * perS) / 1000);
    bucket.atMs = nowMs;
    if (bucket.left < 1) return false;
    bucket.left -= 1;
    return true;
  }
}
