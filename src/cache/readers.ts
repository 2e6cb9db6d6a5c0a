import { assert } from '../base/assert.ts';

/** Hits that a reader may be ahead of the owner; further ones are dropped, and counted. A power of two. */
const RING_HITS = 8192;
/** Words of a hit: slot and low half of the hash. */
const HIT_WORDS = 2;
/** Words before the hits of a ring. */
const RING_HEADER = 16;
/** Counters of one reader at most: larger tables share them among slots, which costs nothing but a claim now and then. */
const COUNTERS_MAX = 2 ** 22;

/** Words of {@link ReaderShare.ring} before the hits; each on a cache line of its own side. */
export const RingWord = {
  /** Hits noted; written by the reader. */
  NOTED: 0,
  /** Hits dropped because the ring was full; written by the reader. */
  DROPPED: 1,
  /** Hits taken; written by the owner. */
  TAKEN: 8,
} as const;

/** Where in a ring the nth hit lies. */
export function hitAt(n: number): number {
  return RING_HEADER + (n & (RING_HITS - 1)) * HIT_WORDS;
}

/** True when a ring has no room for another hit. Counts wrap at 2^32. */
export function ringFull(noted: number, taken: number): boolean {
  return ((noted - taken) | 0) >= RING_HITS;
}

/** What one reading thread writes: nobody else does, so its death leaves nothing half done. */
export interface ReaderShare {
  /** How often it reads a slot now, at `slot & (length - 1)`. */
  readonly counters: Int32Array<SharedArrayBuffer>;
  /** What it served, for the policy. */
  readonly ring: Int32Array<SharedArrayBuffer>;
}

/**
 * The threads that read entries beside the owner, as the owner sees them. There are no locks, and no word that two threads
 * write: each reader counts in a table of its own what it reads (hazard pointers: Michael, "Hazard Pointers: Safe Memory
 * Reclamation for Lock-Free Objects", IEEE TPDS 15(6), 2004, with counters in the place of pointers).
 *
 * A reader counts itself and looks at the entry's flags then; the owner sets the flag CLAIMED and looks at the counters then.
 * Both do so in sequentially consistent order, so at least one of the two sees the other. That one gives way.
 */
export class Readers {
  /** Hits lost to full rings of readers that are gone. */
  #droppedBefore = 0;
  readonly #shares = new Set<ReaderShare>();
  readonly #counters: number;

  /** @param slots entries that the table can hold now. */
  constructor(slots: number) {
    this.#counters = Math.min(COUNTERS_MAX, 2 ** Math.ceil(Math.log2(Math.max(1024, slots))));
  }

  /** A new reader's memory: what it has not touched is not resident. */
  add(): ReaderShare {
    const share = {
      counters: new Int32Array(new SharedArrayBuffer(this.#counters * 4)),
      ring: new Int32Array(new SharedArrayBuffer((RING_HEADER + RING_HITS * HIT_WORDS) * 4)),
    };
    this.#shares.add(share);
    return share;
  }

  /** A reader is gone, for certain: whatever it was reading is free. */
  remove(share: ReaderShare): void {
    assert(this.#shares.delete(share), 'a reader is removed once');
    this.#droppedBefore += share.ring[RingWord.DROPPED]!;
  }

  /** True when a reader may be reading that slot. O(readers). */
  reading(slot: number): boolean {
    const at = slot & (this.#counters - 1);
    for (const { counters } of this.#shares) if (Atomics.load(counters, at) !== 0) return true;
    return false;
  }

  /** Slots that are being read, over all readers. O(counters), for tests. */
  get pins(): number {
    let sum = 0;
    for (const { counters } of this.#shares) for (const count of counters) sum += count;
    return sum;
  }

  /** Hits that no policy was told of, because a ring was full. */
  get droppedHits(): number {
    let sum = this.#droppedBefore;
    for (const { ring } of this.#shares) sum += ring[RingWord.DROPPED]!;
    return sum;
  }

  /** Hands over the hits noted since the last call. The slot may have been reused meanwhile: compare the hash. */
  drainHits(take: (slot: number, hashLo: number) => void): void {
    for (const { ring } of this.#shares) {
      const noted = Atomics.load(ring, RingWord.NOTED);
      let taken = ring[RingWord.TAKEN]!;
      if (taken === noted) continue;
      for (; taken !== noted; taken = (taken + 1) | 0) {
        const at = hitAt(taken);
        take(ring[at]!, ring[at + 1]! >>> 0);
      }
      Atomics.store(ring, RingWord.TAKEN, taken);
    }
  }
}
