import type { Hash64 } from '../../base/hash.ts';
import { Entries, FACTS, NONE, Word } from '../../cache/entries.ts';
import type { DiskFacts } from './disk.ts';
import { type Row, recordBytes } from './format.ts';

/** Set for an entry that was served from since it was written. */
const HIT = 0x1_0000;

/**
 * What is on disk, by hash: 64 bytes of memory for each response, and 4 to 8 for the index over them. Uses the entry table
 * of the memory tier, whose words have other meanings here: KEY_BYTES has the length of the head in its upper half, HEAD_BYTES
 * the number of the segment, LOCATION the offset in it.
 */
export class DiskIndex {
  readonly #entries: Entries;

  constructor(capacity: number) {
    this.#entries = new Entries(capacity);
  }

  get count(): number {
    return this.#entries.count;
  }

  /** Memory of what is known. */
  get heldBytes(): number {
    return this.#entries.count * 72;
  }

  get isFull(): boolean {
    return this.#entries.count >= this.#entries.capacity;
  }

  /** O(1) expected. */
  find(hash: Hash64): number {
    const entries = this.#entries;
    let slot = entries.first(hash);
    while (slot !== NONE) {
      if (entries.hashLo(slot) === hash.lo && entries.hashHi(slot) === hash.hi) return slot;
      slot = entries.next(slot);
    }
    return NONE;
  }

  /** Takes a slot for a record, which does not answer before {@link link}. */
  take(row: Row, segment: number): number {
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
    return slot;
  }

  link(slot: number): void {
    this.#entries.link(slot);
  }

  /** Forgets a linked slot. */
  remove(slot: number): void {
    this.#entries.unlink(slot);
    this.#entries.release(slot);
  }

  /** Forgets a slot that was never linked. */
  release(slot: number): void {
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
    entries.setFlags(slot, (entries.flags(slot) & ~FACTS) | (facts.flags & FACTS));
  }

  used(slot: number): boolean {
    return this.#entries.used(slot);
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

  /** Recounts everything. O(n), for tests. */
  check(): void {
    this.#entries.check();
  }
}

/** Length of the body in a record, whose checksums take 4 bytes for each 64 KiB and 4 more. */
function bodyOf(recordLength: number, keyAndHead: number): number {
  const rest = recordLength - 80 - keyAndHead - 4;
  const blocks = Math.ceil(rest / (64 * 1024 + 4));
  return rest - blocks * 4;
}
