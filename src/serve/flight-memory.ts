import type { Clock } from '../base/clock.ts';
import type { Hash64 } from '../base/hash.ts';
import type { KeyBuffer } from '../cache/key.ts';

/** How long requests for a resource whose response could not be shared go to the origin side by side. */
const UNSHARED_MS = 10_000;
/** After a validation that did not succeed, the next one in the background waits for so long. */
const RETRY_MS = 1_000;
/** After an origin failed to validate it, a response that may be served stale on error is served so for a while, unasked. */
const TROUBLE_MS = 30_000;

/** What happened to keys a moment ago, and makes a difference to whoever asks for them next. */
export class FlightMemory {
  readonly #key: KeyBuffer;
  readonly #clock: Clock;
  /** By primary key: a response that is private, or too large, is fetched by each request for itself, not in line. */
  readonly unshared = new Recent(UNSHARED_MS);
  /** By key: a busy image whose origin fails must not cost the origin a request for each stale hit. */
  readonly unrenewed = new Recent(RETRY_MS);
  readonly troubled = new Recent(TROUBLE_MS);

  constructor(key: KeyBuffer, clock: Clock) {
    this.#key = key;
    this.#clock = clock;
  }

  remember(recent: Recent, key: string): void {
    recent.add(this.#key.set(key), this.#clock.monotonicMs());
  }

  happened(recent: Recent, key: string): boolean {
    return recent.size > 0 && recent.has(this.#key.set(key), this.#clock.monotonicMs());
  }
}

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
