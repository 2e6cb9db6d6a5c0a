import { assert } from '../base/assert.ts';
import type { Hash64 } from '../base/hash.ts';

/** Memory of one place in the ring: its row, and up to two heads of the index. */
export const GHOST_BYTES = 32;

/** Words of a ghost's row. One row, and not columns: a look-up that finds nothing touches one cache line of it. */
const Word = {
  LO: 0,
  HI: 1,
  NEXT: 2,
  USABLE_UNTIL_S: 3,
  SIZE_BYTES: 4,
  /** Plus one; 0 where no ghost is. */
  ROUTE: 5,
} as const;
const ROW = 6;

/** What a ghost remembers of an eviction. */
export interface Ghost {
  /** Until when the evicted response could have been served, in seconds since the epoch. */
  readonly usableUntilS: number;
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
  readonly #rows: Uint32Array;
  /** Per bucket the position of its first ghost, plus one; 0 for none. {@link Word.NEXT} goes on like that. */
  readonly #heads: Uint32Array;
  /** What the last {@link take} found: reused. */
  readonly #taken = { usableUntilS: 0, sizeBytes: 0, route: 0 };
  #cursor = 0;
  #count = 0;

  /** @param capacity ghosts remembered; 0 switches the list off. */
  constructor(capacity: number) {
    this.capacity = capacity;
    this.#rows = new Uint32Array(capacity * ROW);
    this.#heads = new Uint32Array(2 ** Math.max(1, Math.ceil(Math.log2(capacity + 1))));
  }

  get count(): number {
    return this.#count;
  }

  /** Remembers an early eviction, forgetting the oldest when full. */
  add(hashLo: number, hashHi: number, ghost: Ghost): void {
    if (this.capacity === 0) return;
    const at = this.#cursor;
    const row = at * ROW;
    const rows = this.#rows;
    this.#cursor = at + 1 === this.capacity ? 0 : at + 1;
    if (rows[row + Word.ROUTE] !== 0) this.#drop(at);
    const bucket = hashLo & (this.#heads.length - 1);
    rows[row + Word.LO] = hashLo;
    rows[row + Word.HI] = hashHi;
    rows[row + Word.USABLE_UNTIL_S] = ghost.usableUntilS;
    rows[row + Word.SIZE_BYTES] = ghost.sizeBytes;
    rows[row + Word.ROUTE] = ghost.route + 1;
    rows[row + Word.NEXT] = this.#heads[bucket]!;
    this.#heads[bucket] = at + 1;
    this.#count += 1;
  }

  /** Finds and forgets the latest ghost of a key; undefined when there is none. It is good until the next call. */
  take(hash: Hash64): Ghost | undefined {
    if (this.#count === 0) return undefined;
    const rows = this.#rows;
    let next = this.#heads[hash.lo & (this.#heads.length - 1)]!;
    while (next !== 0) {
      const row = (next - 1) * ROW;
      if (rows[row + Word.LO] === hash.lo && rows[row + Word.HI] === hash.hi) break;
      next = rows[row + Word.NEXT]!;
    }
    if (next === 0) return undefined;
    const row = (next - 1) * ROW;
    const taken = this.#taken;
    taken.usableUntilS = rows[row + Word.USABLE_UNTIL_S]!;
    taken.sizeBytes = rows[row + Word.SIZE_BYTES]!;
    taken.route = rows[row + Word.ROUTE]! - 1;
    this.#drop(next - 1);
    return taken;
  }

  #drop(at: number): void {
    const rows = this.#rows;
    const row = at * ROW;
    const bucket = rows[row + Word.LO]! & (this.#heads.length - 1);
    let walk = this.#heads[bucket]!;
    if (walk === at + 1) {
      this.#heads[bucket] = rows[row + Word.NEXT]!;
    } else {
      while (rows[(walk - 1) * ROW + Word.NEXT] !== at + 1) {
        walk = rows[(walk - 1) * ROW + Word.NEXT]!;
        assert(walk !== 0, 'a live ghost is in its chain');
      }
      rows[(walk - 1) * ROW + Word.NEXT] = rows[row + Word.NEXT]!;
    }
    rows[row + Word.ROUTE] = 0;
    this.#count -= 1;
  }
}
