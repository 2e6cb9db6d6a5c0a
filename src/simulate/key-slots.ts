import { assert } from '../base/assert.ts';

/** No slot. */
export const NONE = -1;

const BUCKETS_MIN = 64;

/**
 * Keys of 64 bits as slots: small, dense numbers by which columns of other tables are indexed. They are given in the order in which keys are
 * added, and again after removal. Chained hashing by the low half, which comes out of a keyed hash. Finding, adding and removing are
 * O(1) expected; 12 bytes a slot and 4 for its bucket, at most twice that a key.
 */
export class KeySlots {
  /** Keys in the table. */
  count = 0;
  #lo = new Uint32Array(BUCKETS_MIN);
  #hi = new Uint32Array(BUCKETS_MIN);
  /** Next slot of the bucket, or of the free list. */
  #next = new Int32Array(BUCKETS_MIN);
  #heads = new Int32Array(BUCKETS_MIN).fill(NONE);
  #free = NONE;
  /** Slots from here on were never used. */
  #fresh = 0;

  /** Slots that columns beside it need: grows by doubling. */
  get slots(): number {
    return this.#lo.length;
  }

  lo(slot: number): number {
    return this.#lo[slot]!;
  }

  hi(slot: number): number {
    return this.#hi[slot]!;
  }

  /** The slot of a key, or {@link NONE}. */
  find(lo: number, hi: number): number {
    let slot = this.#heads[lo & (this.#heads.length - 1)]!;
    while (slot !== NONE && (this.#lo[slot] !== lo || this.#hi[slot] !== hi)) slot = this.#next[slot]!;
    return slot;
  }

  /** Takes a slot for a key that has none. O(1) amortised. */
  add(lo: number, hi: number): number {
    const slot = this.#take();
    this.#lo[slot] = lo;
    this.#hi[slot] = hi;
    this.#link(slot);
    this.count += 1;
    return slot;
  }

  /** Gives a slot back. */
  remove(slot: number): void {
    const bucket = this.#lo[slot]! & (this.#heads.length - 1);
    if (this.#heads[bucket] === slot) {
      this.#heads[bucket] = this.#next[slot]!;
    } else {
      let before = this.#heads[bucket]!;
      while (this.#next[before] !== slot) {
        before = this.#next[before]!;
        assert(before !== NONE, 'a key that is removed is in the table');
      }
      this.#next[before] = this.#next[slot]!;
    }
    this.#next[slot] = this.#free;
    this.#free = slot;
    this.count -= 1;
  }

  /** Bytes that the table takes. */
  get memoryBytes(): number {
    return this.#lo.byteLength * 3 + this.#heads.byteLength;
  }

  #take(): number {
    const slot = this.#free;
    if (slot !== NONE) {
      this.#free = this.#next[slot]!;
      return slot;
    }
    if (this.#fresh === this.#lo.length) this.#grow();
    this.#fresh += 1;
    return this.#fresh - 1;
  }

  #link(slot: number): void {
    const bucket = this.#lo[slot]! & (this.#heads.length - 1);
    this.#next[slot] = this.#heads[bucket]!;
    this.#heads[bucket] = slot;
  }

  /** Doubles everything and links all keys anew. Only called when no slot is free. */
  #grow(): void {
    const slots = this.#lo.length * 2;
    this.#lo = widened(this.#lo, new Uint32Array(slots));
    this.#hi = widened(this.#hi, new Uint32Array(slots));
    this.#next = new Int32Array(slots);
    this.#heads = new Int32Array(slots).fill(NONE);
    for (let slot = 0; slot < this.#fresh; slot += 1) this.#link(slot);
  }
}

/** `longer`, starting with a copy of `column`. */
export function widened<T extends Int32Array | Uint32Array | Float64Array>(column: T, longer: T): T {
  longer.set(column);
  return longer;
}
