import { assert } from '../base/assert.ts';
import type { Hash64 } from '../base/hash.ts';

/** No entry, or no ghost. */
export const NONE = -1;

/** Bits of {@link Entries.flags}. */
export const Flag = {
  /** Being filled: not yet visible to lookups. */
  FILLING: 1,
  /** No longer visible: replaced or purged while it was still being served. */
  UNLINKED: 2,
  /** Not a response: names the request fields that choose among the variants of this key (Vary). */
  VARY: 4,
  /** May not be reused without a successful validation, however fresh (`no-cache`). */
  VALIDATE: 8,
  /** Has an ETag or Last-Modified, so it can be validated. */
  VALIDATOR: 16,
} as const;

/**
 * The entry table: one slot of typed arrays per resident response, and a hash index over them.
 *
 * Structure of arrays on shared memory, because (1) a JavaScript object per entry would cost several times the
 * {@link METADATA_BYTES} a slot takes and be walked by every garbage collection, (2) workers can later map the same table.
 * The arrays are reserved for the most entries the budget can hold, so that there is no entry limit an operator could
 * hit before the byte limit; memory that no slot has used yet is not resident.
 *
 * The index is linear hashing (Litwin, VLDB 1980) with chaining: the table grows by one bucket per insertion, so no
 * request ever pays for a rehash. Lookup is O(1) expected. All times are whole seconds since the Unix epoch.
 */
export class Entries {
  #capacity: number;
  hashLo: Uint32Array;
  hashHi: Uint32Array;
  /** Where the store keeps the bytes. */
  location: Uint32Array;
  /** Length of the stored record: key, head, body. */
  recordBytes: Uint32Array;
  keyBytes: Uint16Array;
  headBytes: Uint16Array;
  /** Status code of the stored response. */
  status: Uint16Array;
  /** When the response was generated at the origin: now - bornS is its age (RFC 9111 section 4.2.3). */
  bornS: Uint32Array;
  freshUntilS: Uint32Array;
  /** End of the windows in which it may be served stale; at least freshUntilS. */
  revalidateUntilS: Uint32Array;
  errorUntilS: Uint32Array;
  /** When it became resident. */
  storedS: Uint32Array;
  route: Uint16Array;
  flags: Uint8Array;
  /** How many deliveries and fills use the bytes now; above 0 nothing may be evicted. */
  pins: Uint32Array;

  #count = 0;
  #highest = 0;
  /** Chains of the index and, for free slots, of the free list. */
  #next: Int32Array;
  #free = NONE;
  #heads: Int32Array;
  #buckets = 1024;
  #linked = 0;

  constructor(capacity: number) {
    assert(
      Number.isSafeInteger(capacity) && capacity >= 1 && capacity < 2 ** 31,
      'entry capacity in 1..2^31',
    );
    this.#capacity = capacity;
    this.hashLo = u32(capacity);
    this.hashHi = u32(capacity);
    this.location = u32(capacity);
    this.recordBytes = u32(capacity);
    this.keyBytes = u16(capacity);
    this.headBytes = u16(capacity);
    this.status = u16(capacity);
    this.bornS = u32(capacity);
    this.freshUntilS = u32(capacity);
    this.revalidateUntilS = u32(capacity);
    this.errorUntilS = u32(capacity);
    this.storedS = u32(capacity);
    this.route = u16(capacity);
    this.flags = new Uint8Array(new SharedArrayBuffer(capacity));
    this.pins = u32(capacity);
    this.#next = new Int32Array(new SharedArrayBuffer(capacity * 4));
    this.#heads = new Int32Array(this.#buckets).fill(NONE);
  }

  /** The most entries there can be. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Makes room for more entries; never fewer. Copies the table: O(n), for a rare change of budget. */
  grow(capacity: number): void {
    if (capacity <= this.#capacity) return;
    this.#capacity = capacity;
    this.hashLo = u32(capacity, this.hashLo);
    this.hashHi = u32(capacity, this.hashHi);
    this.location = u32(capacity, this.location);
    this.recordBytes = u32(capacity, this.recordBytes);
    this.keyBytes = u16(capacity, this.keyBytes);
    this.headBytes = u16(capacity, this.headBytes);
    this.status = u16(capacity, this.status);
    this.bornS = u32(capacity, this.bornS);
    this.freshUntilS = u32(capacity, this.freshUntilS);
    this.revalidateUntilS = u32(capacity, this.revalidateUntilS);
    this.errorUntilS = u32(capacity, this.errorUntilS);
    this.storedS = u32(capacity, this.storedS);
    this.route = u16(capacity, this.route);
    const flags = new Uint8Array(new SharedArrayBuffer(capacity));
    flags.set(this.flags);
    this.flags = flags;
    this.pins = u32(capacity, this.pins);
    const next = new Int32Array(new SharedArrayBuffer(capacity * 4));
    next.set(this.#next);
    this.#next = next;
  }

  /** Slots in use. */
  get count(): number {
    return this.#count;
  }

  /** One above the highest slot ever used: the bound for a walk over all slots. */
  get highest(): number {
    return this.#highest;
  }

  /** Takes a free slot, its fields undefined but for flags and pins, which are 0. The lowest ones are reused first-out. */
  take(): number {
    let slot = this.#free;
    if (slot !== NONE) {
      this.#free = this.#next[slot]!;
    } else {
      assert(this.#highest < this.capacity, 'the budget cannot hold more entries than there are slots');
      slot = this.#highest;
      this.#highest += 1;
    }
    this.flags[slot] = 0;
    this.pins[slot] = 0;
    this.recordBytes[slot] = 1;
    this.#count += 1;
    return slot;
  }

  /** Gives a slot back. It must not be linked. */
  release(slot: number): void {
    assert(this.recordBytes[slot] !== 0, 'a slot is released once');
    this.recordBytes[slot] = 0;
    this.#next[slot] = this.#free;
    this.#free = slot;
    this.#count -= 1;
  }

  /** True when the slot is in use. */
  used(slot: number): boolean {
    return this.recordBytes[slot] !== 0;
  }

  /** First slot of the chain a hash falls into; follow with {@link next}. The caller compares hashes and keys. */
  first(hash: Hash64): number {
    return this.#heads[this.#bucketOf(hash.lo)]!;
  }

  next(slot: number): number {
    return this.#next[slot]!;
  }

  /** Makes a slot findable by its hash. Grows the index by one bucket when it is full. */
  link(slot: number): void {
    const bucket = this.#bucketOf(this.hashLo[slot]!);
    this.#next[slot] = this.#heads[bucket]!;
    this.#heads[bucket] = slot;
    this.#linked += 1;
    if (this.#linked > this.#buckets) this.#split();
  }

  /** Takes a slot out of the index. */
  unlink(slot: number): void {
    const bucket = this.#bucketOf(this.hashLo[slot]!);
    let at = this.#heads[bucket]!;
    if (at === slot) {
      this.#heads[bucket] = this.#next[slot]!;
    } else {
      // Asserted before it is followed: NONE has no next, and the walk would never end.
      assert(at !== NONE, 'an unlinked slot was linked');
      while (this.#next[at] !== slot) {
        at = this.#next[at]!;
        assert(at !== NONE, 'an unlinked slot was linked');
      }
      this.#next[at] = this.#next[slot]!;
    }
    this.#linked -= 1;
  }

  #bucketOf(lo: number): number {
    const level = 31 - Math.clz32(this.#buckets);
    const half = 2 ** level;
    const wide = (lo & (half * 2 - 1)) >>> 0;
    return wide < this.#buckets ? wide : (lo & (half - 1)) >>> 0;
  }

  /** Litwin's split: the next bucket in order is divided in two by one more bit of the hash. */
  #split(): void {
    const half = 2 ** (31 - Math.clz32(this.#buckets));
    const from = this.#buckets - half;
    const to = this.#buckets;
    if (to === this.#heads.length) {
      const wider = new Int32Array(this.#heads.length * 2);
      wider.set(this.#heads);
      this.#heads = wider;
    }
    this.#buckets += 1;
    let at = this.#heads[from]!;
    this.#heads[from] = NONE;
    this.#heads[to] = NONE;
    while (at !== NONE) {
      const next = this.#next[at]!;
      const bucket = (this.hashLo[at]! & half) === 0 ? from : to;
      this.#next[at] = this.#heads[bucket]!;
      this.#heads[bucket] = at;
      at = next;
    }
  }

  /** Every used slot. O(highest). */
  *slots(): Generator<number> {
    for (let slot = 0; slot < this.#highest; slot += 1) if (this.used(slot)) yield slot;
  }

  /** Recounts the index and the free list. O(n), for tests. */
  check(): void {
    let linked = 0;
    for (let bucket = 0; bucket < this.#buckets; bucket += 1) {
      for (let at = this.#heads[bucket]!; at !== NONE; at = this.#next[at]!) {
        assert(this.used(at), 'a linked slot is in use');
        assert(this.#bucketOf(this.hashLo[at]!) === bucket, 'a slot is in its own bucket');
        linked += 1;
      }
    }
    assert(linked === this.#linked, 'linked count equals recount');
    let free = 0;
    for (let at = this.#free; at !== NONE; at = this.#next[at]!) free += 1;
    assert(this.#highest - free === this.#count, 'used count equals recount');
  }
}

function u32(capacity: number, from?: Uint32Array): Uint32Array {
  const column = new Uint32Array(new SharedArrayBuffer(capacity * 4));
  if (from !== undefined) column.set(from);
  return column;
}

function u16(capacity: number, from?: Uint16Array): Uint16Array {
  const column = new Uint16Array(new SharedArrayBuffer(capacity * 2));
  if (from !== undefined) column.set(from);
  return column;
}
