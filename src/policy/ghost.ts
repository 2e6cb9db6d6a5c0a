import { assert } from '../base/assert.ts';
import { NONE, SlotList, Slots } from './list.ts';

/** Fingerprints up to this fit in 32 bits. */
const MAX_U32 = 0xffff_ffff;

/** Marks a ghost's slot as in use. */
const HELD = 1;

/**
 * A growing column of fingerprints: 4 bytes each, until one above 2^32 - 1 is met (only a simulator has them);
 * then 8 bytes each, so that unique integers below 2^53 stay unique.
 */
export class FingerprintColumn {
  private column: Uint32Array | Float64Array;

  constructor(length: number) {
    this.column = new Uint32Array(length);
  }

  /** The fingerprint at `index`, which was set before. */
  get(index: number): number {
    return this.column[index]!;
  }

  /** O(1) amortised: doubles the column when it is too short. */
  set(index: number, fingerprint: number): void {
    assert(
      fingerprint >= 0 && Number.isSafeInteger(fingerprint),
      'a fingerprint is a whole number, 0 to 2^53 - 1',
    );
    const tooShort = index >= this.column.length;
    const tooNarrow = fingerprint > MAX_U32 && this.column instanceof Uint32Array;
    if (tooShort || tooNarrow)
      this.rebuild(tooShort ? Math.max(index + 1, this.column.length * 2) : this.column.length, tooNarrow);
    this.column[index] = fingerprint;
  }

  private rebuild(length: number, widen: boolean): void {
    const wide = widen || this.column instanceof Float64Array;
    const column = wide ? new Float64Array(length) : new Uint32Array(length);
    column.set(this.column);
    this.column = column;
  }
}

/**
 * A first-in-first-out set of fingerprints of what was evicted, bounded by the bytes those entries had and by their
 * number. Remembers keys, holds no content.
 *
 * Cost: every operation O(1) amortised, no allocation but for growth by doubling. 25 bytes per ghost: 12 for links
 * and size, 4 for the fingerprint, 8 for the hash table (chained), 1 flag.
 */
export class GhostQueue {
  private capacity: number;
  private readonly slots: Slots;
  private readonly queue: SlotList;
  private readonly fingerprints: FingerprintColumn;
  /** First ghost of each hash bucket, and the next one in the same bucket. Lengths are powers of two. */
  private buckets: Int32Array;
  private chain: Int32Array;
  /** Slots that were used and are free again, linked by `chain`. */
  private free = NONE;
  /** Slots from here on were never used. */
  private fresh = 0;

  /** @param capacityBytes bound on the sum of the remembered sizes. */
  constructor(capacityBytes: number) {
    const initial = 64;
    this.capacity = capacityBytes;
    this.slots = new Slots(initial);
    this.queue = new SlotList(this.slots);
    this.fingerprints = new FingerprintColumn(initial);
    this.buckets = new Int32Array(initial).fill(NONE);
    this.chain = new Int32Array(initial).fill(NONE);
  }

  /** Number of fingerprints remembered. */
  get count(): number {
    return this.queue.count;
  }

  /** Sum of the sizes remembered with them. */
  get bytes(): number {
    return this.queue.bytes;
  }

  /**
   * Remembers an evicted entry, forgetting the oldest ones while there are more bytes than the capacity, or more
   * than `maxCount` ghosts. A fingerprint already remembered keeps its place; an entry larger than the whole
   * capacity is not remembered.
   */
  push(fingerprint: number, sizeBytes: number, maxCount: number): void {
    if (sizeBytes > this.capacity || maxCount < 1 || this.find(fingerprint) !== NONE) return;
    while (this.queue.bytes + sizeBytes > this.capacity || this.queue.count >= maxCount)
      this.forget(this.queue.tail);
    const index = this.freeSlot();
    this.slots.sizes[index] = sizeBytes;
    this.slots.marks[index] = HELD;
    this.fingerprints.set(index, fingerprint);
    this.queue.pushHead(index);
    const bucket = this.bucketOf(fingerprint);
    this.chain[index] = this.buckets[bucket]!;
    this.buckets[bucket] = index;
  }

  /** Forgets `fingerprint` and says whether it was remembered. */
  take(fingerprint: number): boolean {
    const index = this.find(fingerprint);
    if (index === NONE) return false;
    this.forget(index);
    return true;
  }

  /** Changes the bound in bytes and forgets the oldest ones that no longer fit. */
  resize(capacityBytes: number): void {
    this.capacity = capacityBytes;
    while (this.queue.bytes > capacityBytes) this.forget(this.queue.tail);
  }

  /** Recounts everything; throws InternalFault on a difference. O(n). */
  check(): void {
    this.queue.check();
    assert(this.queue.bytes <= this.capacity, 'ghost queue: above its capacity');
    for (const index of this.queue.oldestFirst()) {
      assert(
        this.find(this.fingerprints.get(index)) === index,
        'ghost queue: a ghost cannot be found by its fingerprint',
      );
    }
    let chained = 0;
    for (let index of this.buckets) for (; index !== NONE; index = this.chain[index]!) chained += 1;
    assert(chained === this.queue.count, 'ghost queue: the hash table holds another number of ghosts');
    let freed = 0;
    for (let index = this.free; index !== NONE; index = this.chain[index]!) freed += 1;
    assert(freed + chained === this.fresh, 'ghost queue: a slot is lost');
  }

  private find(fingerprint: number): number {
    let index = this.buckets[this.bucketOf(fingerprint)]!;
    while (index !== NONE && this.fingerprints.get(index) !== fingerprint) index = this.chain[index]!;
    return index;
  }

  private forget(index: number): void {
    const bucket = this.bucketOf(this.fingerprints.get(index));
    if (this.buckets[bucket] === index) {
      this.buckets[bucket] = this.chain[index]!;
    } else {
      let before = this.buckets[bucket]!;
      while (this.chain[before] !== index) before = this.chain[before]!;
      this.chain[before] = this.chain[index]!;
    }
    this.queue.unlink(index);
    this.slots.marks[index] = 0;
    this.chain[index] = this.free;
    this.free = index;
  }

  private freeSlot(): number {
    const index = this.free;
    if (index !== NONE) {
      this.free = this.chain[index]!;
      return index;
    }
    if (this.fresh === this.chain.length) this.grow();
    this.fresh += 1;
    return this.fresh - 1;
  }

  /** Doubles the slots and hashes every ghost anew. Only called when no slot is free. */
  private grow(): void {
    const length = this.chain.length * 2;
    this.slots.reserve(length - 1);
    this.buckets = new Int32Array(length).fill(NONE);
    this.chain = new Int32Array(length).fill(NONE);
    for (const index of this.queue.oldestFirst()) {
      const bucket = this.bucketOf(this.fingerprints.get(index));
      this.chain[index] = this.buckets[bucket]!;
      this.buckets[bucket] = index;
    }
  }

  private bucketOf(fingerprint: number): number {
    return scattered(fingerprint) & (this.buckets.length - 1);
  }
}

/** 32 bits whose low ones differ: multiplicative hashing (Knuth, TAOCP 6.4) over both halves of a fingerprint. */
export function scattered(fingerprint: number): number {
  const high = fingerprint > MAX_U32 ? Math.trunc(fingerprint / 0x1_0000_0000) : 0;
  const mixed = Math.imul((fingerprint | 0) ^ Math.imul(high, 0x85eb_ca6b), 0x9e37_79b1);
  return mixed ^ (mixed >>> 15);
}
