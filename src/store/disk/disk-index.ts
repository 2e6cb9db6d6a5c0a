import { assert } from '../../base/assert.ts';
import type { Hash64 } from '../../base/hash.ts';
import type { ClassLevels } from '../../cache/division.ts';
import { Entries, FACTS, Flag, NATURE, NONE, Word } from '../../cache/entries.ts';
import type { DiskFacts } from './disk.ts';
import { BLOCK_BYTES, HEAD_BYTES, Kind, type Row, recordBytes } from './format.ts';

/** Memory for each response: a row, its share of the index over them, and its place in the list of its segment. */
export const INDEX_BYTES = 96;
/** Set for an entry that was served from since it was written. */
const HIT = 0x100;
/** No entry, but what is known of one while older segments are still being read: that it is no more, or its lifetimes. */
const REMOVED = 0x200;
const RENEWED = 0x400;
const HEARSAY: number = REMOVED | RENEWED;

/**
 * What is on disk, by hash. Uses the entry table
 * of the memory tier, whose words have other meanings here: KEY_BYTES has the length of the head in its upper half, HEAD_BYTES
 * the number of the segment, LOCATION the offset in it.
 */
export class DiskIndex {
  readonly #entries: Entries;
  #heard: number[] = [];
  /** Of what is found: originals and variants, with the bytes of their records. */
  readonly #originals = { entries: 0, usedBytes: 0 };
  readonly #variants = { entries: 0, usedBytes: 0 };

  constructor(capacity: number) {
    this.#entries = new Entries(capacity);
  }

  get count(): number {
    return this.#entries.count;
  }

  /** What each class has on disk, by the records that are found; without footers, and what is waiting to leave. */
  get levels(): { readonly originals: ClassLevels; readonly variants: ClassLevels } {
    return { originals: this.#originals, variants: this.#variants };
  }

  /** Memory of what is known. */
  get heldBytes(): number {
    return this.#entries.count * INDEX_BYTES;
  }

  /** Makes sure that there is a free slot, in more memory when it must be. @returns false when there can be no more. */
  hasRoom(): boolean {
    const entries = this.#entries;
    if (entries.count < entries.capacity) return true;
    entries.grow(entries.capacity * 2);
    return entries.count < entries.capacity;
  }

  /** The entry of a hash, or NONE. O(1) expected. */
  find(hash: Hash64): number {
    const slot = this.#find(hash);
    return slot !== NONE && (this.#entries.flags(slot) & HEARSAY) !== 0 ? NONE : slot;
  }

  /**
   * Takes in a row of the time before this start, the youngest first: what is known already is newer.
   *
   * @param segment where it lies, or undefined when it is no more, or is not to be found again.
   * @returns the slot of a new entry, or NONE.
   */
  recall(row: Row, segment: number | undefined): number {
    const hash = { lo: row.hashLo, hi: row.hashHi };
    const known = this.#find(hash);
    const isRenewed = known !== NONE && (this.#entries.flags(known) & RENEWED) !== 0;
    if ((known !== NONE && !isRenewed) || !this.hasRoom()) return NONE;
    if (row.kind === Kind.RENEWAL) {
      if (known === NONE) this.#hear(row, RENEWED);
      return NONE;
    }
    const renewed = isRenewed ? this.row(known, row.kind) : undefined;
    if (isRenewed) this.remove(known);
    if (segment === undefined) {
      this.#hear(row, REMOVED);
      return NONE;
    }
    const slot = this.#keep(row, segment);
    // Of that very version: another may be all that is left of what was renewed.
    if (renewed?.storedS === row.storedS) this.renew(slot, renewed);
    return slot;
  }

  /** While segments are being read: older versions of this are not to be found any more. */
  forgetAhead(removal: Row): void {
    const known = this.#find({ lo: removal.hashLo, hi: removal.hashHi });
    if (known !== NONE) this.remove(known);
    if (this.hasRoom()) this.#hear(removal, REMOVED);
  }

  /** All segments were read: what is only known from hearsay is of no use any more. */
  endRecall(): void {
    for (const slot of this.#heard) {
      if (this.used(slot) && (this.#entries.flags(slot) & HEARSAY) !== 0) this.remove(slot);
    }
    this.#heard = [];
  }

  #hear(row: Row, flag: number): void {
    const slot = this.#take(row, 0);
    this.#entries.set(slot, Word.FLAGS, this.#entries.flags(slot) | flag);
    this.#heard.push(slot);
  }

  #find(hash: Hash64): number {
    const entries = this.#entries;
    let slot = entries.first(hash);
    while (slot !== NONE) {
      if (entries.hashLo(slot) === hash.lo && entries.hashHi(slot) === hash.hi) return slot;
      slot = entries.next(slot);
    }
    return NONE;
  }

  /** Makes a record the entry of its hash. */
  replace(row: Row, segment: number): number {
    const known = this.#find({ lo: row.hashLo, hi: row.hashHi });
    if (known !== NONE) this.remove(known);
    return this.#keep(row, segment);
  }

  #keep(row: Row, segment: number): number {
    const slot = this.#take(row, segment);
    this.#count(slot, 1);
    return slot;
  }

  #count(slot: number, sign: 1 | -1): void {
    const levels = this.isVariant(slot) ? this.#variants : this.#originals;
    levels.entries += sign;
    levels.usedBytes += sign * this.#entries.recordBytes(slot);
  }

  #take(row: Row, segment: number): number {
    const entries = this.#entries;
    const slot = entries.take();
    entries.set(slot, Word.HASH_LO, row.hashLo);
    entries.set(slot, Word.HASH_HI, row.hashHi);
    entries.set(slot, Word.RECORD_BYTES, recordBytes(row));
    entries.set(slot, Word.KEY_BYTES, row.keyBytes + row.headBytes * 2 ** 16);
    entries.set(slot, Word.STATUS, row.status);
    entries.set(slot, Word.STORED_S, row.storedS);
    entries.set(slot, Word.ROUTE, row.route);
    this.move(slot, segment, row.offset);
    entries.setFlags(slot, row.flags & FACTS);
    this.renew(slot, row);
    entries.link(slot);
    return slot;
  }

  remove(slot: number): void {
    if ((this.#entries.flags(slot) & HEARSAY) === 0) this.#count(slot, -1);
    this.#entries.unlink(slot);
    this.#entries.release(slot);
  }

  /** The record lies elsewhere now. */
  move(slot: number, segment: number, offset: number): void {
    this.#entries.set(slot, Word.HEAD_BYTES, segment);
    this.#entries.set(slot, Word.LOCATION, offset);
  }

  renew(
    slot: number,
    facts: Pick<Row, 'bornS' | 'freshUntilS' | 'revalidateUntilS' | 'errorUntilS' | 'flags'>,
  ): void {
    const entries = this.#entries;
    entries.set(slot, Word.BORN_S, facts.bornS);
    entries.set(slot, Word.FRESH_UNTIL_S, facts.freshUntilS);
    entries.set(slot, Word.REVALIDATE_UNTIL_S, facts.revalidateUntilS);
    entries.set(slot, Word.ERROR_UNTIL_S, facts.errorUntilS);
    const marks = FACTS & ~NATURE;
    entries.setFlags(slot, (entries.flags(slot) & ~marks) | (facts.flags & marks));
  }

  used(slot: number): boolean {
    return this.#entries.used(slot);
  }

  isVariant(slot: number): boolean {
    return (this.#entries.flags(slot) & Flag.VARIANT) !== 0;
  }

  /** Length of the whole record on disk. */
  recordBytes(slot: number): number {
    return this.#entries.recordBytes(slot);
  }

  /** True while the record of that slot is the one that lies in that segment. */
  liesIn(slot: number, segment: number): boolean {
    return this.used(slot) && this.segment(slot) === segment;
  }

  segment(slot: number): number {
    return this.#entries.headBytes(slot);
  }

  offset(slot: number): number {
    return this.#entries.location(slot);
  }

  wasHit(slot: number): boolean {
    return (this.#entries.flags(slot) & HIT) !== 0;
  }

  setHit(slot: number, hit: boolean): void {
    const flags = this.#entries.flags(slot);
    this.#entries.setFlags(slot, hit ? flags | HIT : flags & ~HIT);
  }

  /** When it stops being usable by its own lifetimes. */
  usableUntilS(slot: number): number {
    const entries = this.#entries;
    return Math.max(entries.freshUntilS(slot), entries.revalidateUntilS(slot), entries.errorUntilS(slot));
  }

  /** All that is known of a record, as its head on disk says it. */
  row(slot: number, kind: number): Row {
    const entries = this.#entries;
    const lengths = entries.keyBytes(slot);
    const keyBytes = lengths % 2 ** 16;
    const headBytes = Math.floor(lengths / 2 ** 16);
    return {
      kind,
      hashLo: entries.hashLo(slot),
      hashHi: entries.hashHi(slot),
      offset: entries.location(slot),
      keyBytes,
      headBytes,
      bodyBytes: bodyOf(entries.recordBytes(slot), keyBytes + headBytes),
      status: entries.status(slot),
      bornS: entries.bornS(slot),
      freshUntilS: entries.freshUntilS(slot),
      revalidateUntilS: entries.revalidateUntilS(slot),
      errorUntilS: entries.errorUntilS(slot),
      storedS: entries.storedS(slot),
      flags: entries.flags(slot) & FACTS,
      route: entries.route(slot),
      segment: entries.headBytes(slot),
    };
  }

  facts(slot: number): DiskFacts {
    const { status, bornS, freshUntilS, revalidateUntilS, errorUntilS, storedS, flags, route, bodyBytes } =
      this.row(slot, 0);
    return { status, bornS, freshUntilS, revalidateUntilS, errorUntilS, storedS, flags, route, bodyBytes };
  }

  *slots(): Generator<number> {
    yield* this.#entries.slots();
  }

  /** Every response that can be found. O(n). */
  *responses(): Generator<number> {
    for (const slot of this.slots()) if ((this.#entries.flags(slot) & HEARSAY) === 0) yield slot;
  }

  /** Recounts everything. O(n), for tests. */
  check(): void {
    this.#entries.check();
    const recount = { originals: { entries: 0, usedBytes: 0 }, variants: { entries: 0, usedBytes: 0 } };
    for (const slot of this.slots()) {
      if ((this.#entries.flags(slot) & HEARSAY) !== 0) continue;
      const levels = this.isVariant(slot) ? recount.variants : recount.originals;
      levels.entries += 1;
      levels.usedBytes += this.#entries.recordBytes(slot);
    }
    assert(JSON.stringify(recount) === JSON.stringify(this.levels), 'what each class has equals a recount');
  }
}

/** Length of the body in a record, whose checksums take 4 bytes for each 64 KiB and 4 more. */
function bodyOf(recordLength: number, keyAndHead: number): number {
  const rest = recordLength - HEAD_BYTES - keyAndHead - 4;
  const blocks = Math.ceil(rest / (BLOCK_BYTES + 4));
  return rest - blocks * 4;
}
