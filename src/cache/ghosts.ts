import { assert } from '../base/assert.ts';
import type { Hash64 } from '../base/hash.ts';
import { NONE } from './entries.ts';

/** Memory of one place in the ring: its columns, and up to two heads of the index. */
export const GHOST_BYTES = 35;

/** What a ghost remembers of an eviction. */
export interface Ghost {
  /** Until when the evicted response could have been served, in seconds since the epoch. */
  readonly usableUntilS: number;
  readonly evictedS: number;
  readonly sizeBytes: number;
  readonly route: number;
}

/**
 * The ghost list: the hashes of what was evicted early, so that a later request for one of them shows the eviction
 * to have been premature. A ring of fixed length: the newest push out the oldest, so it remembers the last `capacity`
 * early evictions and says nothing of older ones. {@link GHOST_BYTES} a ghost; add and take are O(1).
 *
 * Identity is the 64-bit keyed hash of the cache key; a collision (about 10^-13 per look-up) would miscount one event.
 */
export class Ghosts {
  readonly capacity: number;
  readonly #lo: Uint32Array;
  readonly #hi: Uint32Array;
  readonly #usableUntilS: Uint32Array;
  readonly #evictedS: Uint32Array;
  readonly #sizeBytes: Uint32Array;
  readonly #route: Uint16Array;
  /** Chain of the index. */
  readonly #next: Int32Array;
  readonly #heads: Int32Array;
  /** 1 where the ring position holds a ghost that was not taken. */
  readonly #live: Uint8Array;
  #cursor = 0;
  #count = 0;

  /** @param capacity ghosts remembered; 0 switches the list off. */
  constructor(capacity: number) {
    this.capacity = capacity;
    this.#lo = new Uint32Array(capacity);
    this.#hi = new Uint32Array(capacity);
    this.#usableUntilS = new Uint32Array(capacity);
    this.#evictedS = new Uint32Array(capacity);
    this.#sizeBytes = new Uint32Array(capacity);
    this.#route = new Uint16Array(capacity);
    this.#next = new Int32Array(capacity);
    this.#live = new Uint8Array(capacity);
    this.#heads = new Int32Array(2 ** Math.max(1, Math.ceil(Math.log2(capacity + 1)))).fill(NONE);
  }

  get count(): number {
    return this.#count;
  }

  /** Remembers an early eviction, forgetting the oldest when full. */
  add(hashLo: number, hashHi: number, ghost: Ghost): void {
    if (this.capacity === 0) return;
    const at = this.#cursor;
    this.#cursor = at + 1 === this.capacity ? 0 : at + 1;
    if (this.#live[at] === 1) this.#drop(at);
    this.#lo[at] = hashLo;
    this.#hi[at] = hashHi;
    this.#usableUntilS[at] = ghost.usableUntilS;
    this.#evictedS[at] = ghost.evictedS;
    this.#sizeBytes[at] = ghost.sizeBytes;
    this.#route[at] = ghost.route;
    const bucket = hashLo & (this.#heads.length - 1);
    this.#next[at] = this.#heads[bucket]!;
    this.#heads[bucket] = at;
    this.#live[at] = 1;
    this.#count += 1;
  }

  /** Finds and forgets the latest ghost of a key; undefined when there is none. */
  take(hash: Hash64): Ghost | undefined {
    if (this.#count === 0) return undefined;
    let at = this.#heads[hash.lo & (this.#heads.length - 1)]!;
    while (at !== NONE && (this.#lo[at] !== hash.lo || this.#hi[at] !== hash.hi)) at = this.#next[at]!;
    if (at === NONE) return undefined;
    this.#drop(at);
    return {
      usableUntilS: this.#usableUntilS[at]!,
      evictedS: this.#evictedS[at]!,
      sizeBytes: this.#sizeBytes[at]!,
      route: this.#route[at]!,
    };
  }

  #drop(at: number): void {
    const bucket = this.#lo[at]! & (this.#heads.length - 1);
    let walk = this.#heads[bucket]!;
    if (walk === at) {
      this.#heads[bucket] = this.#next[at]!;
    } else {
      while (this.#next[walk] !== at) {
        walk = this.#next[walk]!;
        assert(walk !== NONE, 'a live ghost is in its chain');
      }
      this.#next[walk] = this.#next[at]!;
    }
    this.#live[at] = 0;
    this.#count -= 1;
  }
}
