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
  /** About to be evicted, moved or rewritten: other threads keep off. Only while the owner is busy with it. */
  CLAIMED: 32,
  /** May stand in for a failing origin however old it is (`stale.lastKnownGood`). */
  LAST_GOOD: 64,
  /** May answer requests with credentials: it says so (RFC 9111 section 3.5). */
  SHARED: 128,
  /** Not resident: the body is in a lower tier, and the row is lent for as long as somebody uses it. */
  GUEST: 256,
  /** Made of an original, which is stored by itself: the two have shares of the budget. Never changes. */
  VARIANT: 2048,
  /** A variant that was served since somebody last looked: its original's budget spares it once. */
  USED: 4096,
} as const;

/** Those of the bits below that say what an entry is: a renewal leaves them. */
export const NATURE: number = Flag.VARY | Flag.VARIANT;

/** The bits that come from the response, and go wherever it goes. */
export const FACTS: number = NATURE | Flag.VALIDATE | Flag.VALIDATOR | Flag.LAST_GOOD | Flag.SHARED;

/** What other threads must not answer with: not yet, or no longer, or not now. */
export const HIDDEN = Flag.FILLING | Flag.UNLINKED | Flag.CLAIMED;

/** The words of an entry's row. All are unsigned 32-bit integers; times are seconds since the Unix epoch. */
export const Word = {
  HASH_LO: 0,
  HASH_HI: 1,
  /** Next slot of the index's chain, or of the free list, plus one; 0 ends it. */
  NEXT: 2,
  /** Where the store keeps the bytes. */
  LOCATION: 3,
  /** Length of the stored record: key, head, body. 0 in a free slot. */
  RECORD_BYTES: 4,
  KEY_BYTES: 5,
  HEAD_BYTES: 6,
  /** Status code of the stored response. */
  STATUS: 7,
  /** When the response was generated at the origin: now - bornS is its age (RFC 9111 section 4.2.3). */
  BORN_S: 8,
  FRESH_UNTIL_S: 9,
  /** Ends of the windows in which it may be served stale; at least FRESH_UNTIL_S. */
  REVALIDATE_UNTIL_S: 10,
  ERROR_UNTIL_S: 11,
  /** When it became resident. */
  STORED_S: 12,
  ROUTE: 13,
  /** Bits of {@link Flag}. */
  FLAGS: 14,
  /** How many deliveries and fills use the bytes now; above 0 nothing may be evicted. */
  PINS: 15,
} as const;
export type Word = (typeof Word)[keyof typeof Word];

/** Words of a row: 64 bytes, one cache line. */
const ROW = 16;
/** log2 of the words of a row: where a slot's row starts. */
export const ROW_SHIFT = 4;
/** Rows that the longest array of the runtime (4 GiB) can hold. */
const ROWS_MAX = 2 ** 26;
const BUCKETS_MIN = 1024;

/** Words of {@link EntriesShare.header}. */
export const HeaderWord = {
  /** Counts what makes an earlier share void: a new table, a segment that is gone. */
  EPOCH: 0,
  /** Buckets of the index in use. */
  BUCKETS: 1,
} as const;

/** The table as other threads map it, to read. All of it is shared memory. */
export interface EntriesShare {
  /** {@link HeaderWord}s. The same for good; the others are replaced when the table grows. */
  readonly header: Int32Array<SharedArrayBuffer>;
  readonly rows: Uint32Array<SharedArrayBuffer>;
  /** Per bucket its first slot plus one; 0 for none. */
  readonly heads: Int32Array<SharedArrayBuffer>;
}

/** The bucket of a hash while there are `buckets` of them (Litwin's linear hashing). */
export function bucketOf(lo: number, buckets: number): number {
  const half = 2 ** (31 - Math.clz32(buckets));
  const wide = (lo & (half * 2 - 1)) >>> 0;
  return wide < buckets ? wide : (lo & (half - 1)) >>> 0;
}

/**
 * The entry table: one row of 16 words per resident response, and a hash index over them.
 *
 * Rows in one array on shared memory, because (1) a JavaScript object per entry would cost several times as much and be
 * walked by every garbage collection, (2) a hit touches one cache line of it, where a column for each field costs a
 * cache and TLB miss each (measured at 10^6 entries: half of the time of a hit), (3) workers map the same table, to read.
 * It is reserved for the most entries the budget can hold, so that there is no entry limit an operator could
 * hit before the byte limit (but for 67 million of them); memory that no row has used yet is not resident.
 *
 * The index is linear hashing (Litwin, VLDB 1980) with chaining: the table grows by one bucket per insertion, so no
 * request ever pays for a rehash. Lookup is O(1) expected.
 */
export class Entries {
  readonly #header = new Int32Array(new SharedArrayBuffer(64));
  #capacity: number;
  #rows: Uint32Array<SharedArrayBuffer>;
  #count = 0;
  #highest = 0;
  #free = NONE;
  #heads: Int32Array<SharedArrayBuffer>;
  #buckets = BUCKETS_MIN;
  #linked = 0;

  constructor(capacity: number) {
    assert(Number.isSafeInteger(capacity) && capacity >= 1, 'entry capacity is a positive integer');
    this.#capacity = Math.min(capacity, ROWS_MAX);
    this.#rows = rows(this.#capacity);
    this.#heads = heads(this.#capacity);
    this.#header[HeaderWord.BUCKETS] = this.#buckets;
  }

  /** What other threads need to look up entries; void once {@link epoch} has moved on. */
  share(): EntriesShare {
    return { header: this.#header, rows: this.#rows, heads: this.#heads };
  }

  /** Which share is the valid one. */
  get epoch(): number {
    return this.#header[HeaderWord.EPOCH]!;
  }

  /** Makes every earlier share void: readers that still have one turn to the owner. Before what it names is reused. */
  nextEpoch(): void {
    Atomics.add(this.#header, HeaderWord.EPOCH, 1);
  }

  /** The most entries there can be. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Makes room for more entries; never fewer. Copies the table: O(n), for a rare change of budget. */
  grow(capacity: number): void {
    const wanted = Math.min(capacity, ROWS_MAX);
    if (wanted <= this.#capacity) return;
    this.nextEpoch();
    const wider = rows(wanted);
    wider.set(this.#rows.subarray(0, this.#highest * ROW));
    this.#rows = wider;
    const more = heads(wanted);
    more.set(this.#heads.subarray(0, this.#buckets));
    this.#heads = more;
    this.#capacity = wanted;
  }

  hashLo(slot: number): number {
    return this.#rows[(slot << ROW_SHIFT) + Word.HASH_LO]!;
  }

  hashHi(slot: number): number {
    return this.#rows[(slot << ROW_SHIFT) + Word.HASH_HI]!;
  }

  location(slot: number): number {
    return this.#rows[(slot << ROW_SHIFT) + Word.LOCATION]!;
  }

  recordBytes(slot: number): number {
    return this.#rows[(slot << ROW_SHIFT) + Word.RECORD_BYTES]!;
  }

  keyBytes(slot: number): number {
    return this.#rows[(slot << ROW_SHIFT) + Word.KEY_BYTES]!;
  }

  headBytes(slot: number): number {
    return this.#rows[(slot << ROW_SHIFT) + Word.HEAD_BYTES]!;
  }

  status(slot: number): number {
    return this.#rows[(slot << ROW_SHIFT) + Word.STATUS]!;
  }

  bornS(slot: number): number {
    return this.#rows[(slot << ROW_SHIFT) + Word.BORN_S]!;
  }

  freshUntilS(slot: number): number {
    return this.#rows[(slot << ROW_SHIFT) + Word.FRESH_UNTIL_S]!;
  }

  revalidateUntilS(slot: number): number {
    return this.#rows[(slot << ROW_SHIFT) + Word.REVALIDATE_UNTIL_S]!;
  }

  errorUntilS(slot: number): number {
    return this.#rows[(slot << ROW_SHIFT) + Word.ERROR_UNTIL_S]!;
  }

  storedS(slot: number): number {
    return this.#rows[(slot << ROW_SHIFT) + Word.STORED_S]!;
  }

  /** Until when it may answer in any way: fresh, or in one of its stale windows. */
  usableUntilS(slot: number): number {
    return Math.max(this.freshUntilS(slot), this.revalidateUntilS(slot), this.errorUntilS(slot));
  }

  /** True for an entry that lookups find: filled, and neither replaced nor purged. */
  visible(slot: number): boolean {
    return this.used(slot) && (this.flags(slot) & (Flag.FILLING | Flag.UNLINKED)) === 0;
  }

  route(slot: number): number {
    return this.#rows[(slot << ROW_SHIFT) + Word.ROUTE]!;
  }

  flags(slot: number): number {
    return this.#rows[(slot << ROW_SHIFT) + Word.FLAGS]!;
  }

  pins(slot: number): number {
    return this.#rows[(slot << ROW_SHIFT) + Word.PINS]!;
  }

  /** Writes one word of a row: an integer from 0 to 2^32 - 1. */
  set(slot: number, word: Word, value: number): void {
    this.#rows[(slot << ROW_SHIFT) + word] = value;
  }

  /** Writes a slot's flags, and everything written to its row before them: other threads see both in this order. */
  setFlags(slot: number, flags: number): void {
    Atomics.store(this.#rows, (slot << ROW_SHIFT) + Word.FLAGS, flags);
  }

  /** Slots in use. */
  get count(): number {
    return this.#count;
  }

  /** One above the highest slot ever used: the bound for a walk over all slots. */
  get highest(): number {
    return this.#highest;
  }

  /** Takes a free slot, its fields undefined but for flags (FILLING) and pins (0). The lowest ones are reused first-out. */
  take(): number {
    let slot = this.#free;
    if (slot !== NONE) {
      this.#free = this.next(slot);
    } else {
      assert(this.#highest < this.capacity, 'the budget cannot hold more entries than there are slots');
      slot = this.#highest;
      this.#highest += 1;
    }
    this.setFlags(slot, Flag.FILLING);
    this.set(slot, Word.PINS, 0);
    this.set(slot, Word.RECORD_BYTES, 1);
    this.#count += 1;
    return slot;
  }

  /** Gives a slot back. It must not be linked. */
  release(slot: number): void {
    assert(this.recordBytes(slot) !== 0, 'a slot is released once');
    this.setFlags(slot, Flag.UNLINKED);
    this.set(slot, Word.RECORD_BYTES, 0);
    this.#chain(slot, this.#free);
    this.#free = slot;
    this.#count -= 1;
  }

  /** True when the slot is in use. */
  used(slot: number): boolean {
    return this.recordBytes(slot) !== 0;
  }

  /** First slot of the chain a hash falls into; follow with {@link next}. The caller compares hashes and keys. */
  first(hash: Hash64): number {
    return this.#heads[bucketOf(hash.lo, this.#buckets)]! - 1;
  }

  next(slot: number): number {
    return this.#rows[(slot << ROW_SHIFT) + Word.NEXT]! - 1;
  }

  /** The first slot from one of a chain on whose 64 bits are these, or NONE. The caller compares keys. */
  alike(hash: Hash64, from: number = this.first(hash)): number {
    let slot = from;
    while (slot !== NONE && (this.hashLo(slot) !== hash.lo || this.hashHi(slot) !== hash.hi))
      slot = this.next(slot);
    return slot;
  }

  /** Makes a slot findable by its hash. Grows the index by one bucket when it is full. */
  link(slot: number): void {
    const bucket = bucketOf(this.hashLo(slot), this.#buckets);
    this.#chain(slot, this.#head(bucket));
    this.#heads[bucket] = slot + 1;
    this.#linked += 1;
    if (this.#linked > this.#buckets) this.#split();
  }

  /** Takes a slot out of the index. */
  unlink(slot: number): void {
    const bucket = bucketOf(this.hashLo(slot), this.#buckets);
    let at = this.#head(bucket);
    if (at === slot) {
      this.#heads[bucket] = this.next(slot) + 1;
    } else {
      // Asserted before it is followed: NONE has no next, and the walk would never end.
      assert(at !== NONE, 'an unlinked slot was linked');
      while (this.next(at) !== slot) {
        at = this.next(at);
        assert(at !== NONE, 'an unlinked slot was linked');
      }
      this.#chain(at, this.next(slot));
    }
    this.#linked -= 1;
  }

  #chain(slot: number, next: number): void {
    this.#rows[(slot << ROW_SHIFT) + Word.NEXT] = next + 1;
  }

  #head(bucket: number): number {
    return this.#heads[bucket]! - 1;
  }

  /** Litwin's split: the next bucket in order is divided in two by one more bit of the hash. */
  #split(): void {
    const half = 2 ** (31 - Math.clz32(this.#buckets));
    const from = this.#buckets - half;
    const to = this.#buckets;
    this.#buckets += 1;
    this.#header[HeaderWord.BUCKETS] = this.#buckets;
    let at = this.#head(from);
    this.#heads[from] = 0;
    this.#heads[to] = 0;
    while (at !== NONE) {
      const next = this.next(at);
      const bucket = (this.hashLo(at) & half) === 0 ? from : to;
      this.#chain(at, this.#head(bucket));
      this.#heads[bucket] = at + 1;
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
      for (let at = this.#head(bucket); at !== NONE; at = this.next(at)) {
        assert(this.used(at), 'a linked slot is in use');
        assert(bucketOf(this.hashLo(at), this.#buckets) === bucket, 'a slot is in its own bucket');
        linked += 1;
      }
    }
    assert(linked === this.#linked, 'linked count equals recount');
    let free = 0;
    for (let at = this.#free; at !== NONE; at = this.next(at)) free += 1;
    assert(this.#highest - free === this.#count, 'used count equals recount');
  }
}

function rows(count: number): Uint32Array<SharedArrayBuffer> {
  return new Uint32Array(new SharedArrayBuffer(count * ROW * 4));
}

/** As many as the table can come to need: each entry adds one bucket. What is not used is not resident. */
function heads(capacity: number): Int32Array<SharedArrayBuffer> {
  const count = Math.max(BUCKETS_MIN, 2 ** Math.ceil(Math.log2(capacity + 1)));
  return new Int32Array(new SharedArrayBuffer(count * 4));
}
