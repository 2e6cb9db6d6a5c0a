import type { Hash64 } from '../base/hash.ts';
import {
  bucketOf,
  type EntriesShare,
  HeaderWord,
  HIDDEN,
  NONE,
  ROW_SHIFT,
  Word as W,
  type Word,
} from './entries.ts';
import { hitAt, type ReaderShare, RingWord, ringFull } from './readers.ts';

/** Steps along a chain of the index. The owner changes it meanwhile; whoever is not found by then is asked for there. */
const STEPS_MAX = 32;

/**
 * The entry table as a thread other than its owner reads it: without locks, and never wrong, because an entry is
 * verified after it was pinned. What cannot be found or pinned at the first attempt is the owner's to answer.
 */
export class EntryReader {
  #entries: EntriesShare;
  #epoch: number;
  readonly #own: ReaderShare;
  readonly #counterMask: number;

  /** @param epoch of the owner's table when it shared `entries`. */
  constructor(entries: EntriesShare, epoch: number, own: ReaderShare) {
    this.#entries = entries;
    this.#epoch = epoch;
    this.#own = own;
    this.#counterMask = own.counters.length - 1;
  }

  /** Takes over a newer share. Entries that are pinned stay so: counters do not depend on the table. */
  renew(entries: EntriesShare, epoch: number): void {
    this.#entries = entries;
    this.#epoch = epoch;
  }

  /** A slot that may hold the entry of a hash, or NONE. It proves nothing before {@link pin} and a look at its key. */
  candidate(hash: Hash64): number {
    const { header, rows, heads } = this.#entries;
    // A share that is void may be shorter than the index has become.
    let slot = (heads[bucketOf(hash.lo, header[HeaderWord.BUCKETS]!)] ?? 0) - 1;
    for (let steps = 0; slot !== NONE && steps < STEPS_MAX; steps += 1) {
      const row = slot << ROW_SHIFT;
      if (rows[row + W.HASH_LO] === hash.lo && rows[row + W.HASH_HI] === hash.hi) return slot;
      slot = (rows[row + W.NEXT] ?? 0) - 1;
    }
    return NONE;
  }

  /**
   * Pins a slot, if it holds a visible entry; whose, its key must tell. Its row and its bytes then stay as they are, lifetime
   * aside, until {@link unpin}.
   */
  pin(slot: number): boolean {
    const { header, rows } = this.#entries;
    const row = slot << ROW_SHIFT;
    // Counted first, looked at then (see Readers).
    Atomics.add(this.#own.counters, slot & this.#counterMask, 1);
    if (
      Atomics.load(header, HeaderWord.EPOCH) === this.#epoch &&
      (Atomics.load(rows, row + W.FLAGS) & HIDDEN) === 0
    )
      return true;
    this.unpin(slot);
    return false;
  }

  unpin(slot: number): void {
    Atomics.sub(this.#own.counters, slot & this.#counterMask, 1);
  }

  /** A word of a pinned slot's row. */
  word(slot: number, word: Word): number {
    return this.#entries.rows[(slot << ROW_SHIFT) + word]!;
  }

  /** Notes for the policy that a pinned entry was served. Never waits: without room the hit is dropped, and counted. */
  hit(slot: number): void {
    const { ring } = this.#own;
    const noted = ring[RingWord.NOTED]!;
    if (ringFull(noted, Atomics.load(ring, RingWord.TAKEN))) {
      ring[RingWord.DROPPED]! += 1;
      return;
    }
    const at = hitAt(noted);
    ring[at] = slot;
    ring[at + 1] = this.word(slot, W.HASH_LO);
    Atomics.store(ring, RingWord.NOTED, (noted + 1) | 0);
  }
}
