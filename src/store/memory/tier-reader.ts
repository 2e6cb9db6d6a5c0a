import type { HashKey } from '../../base/hash.ts';
import { type EntriesShare, NONE, Word } from '../../cache/entries.ts';
import { KeyBuffer } from '../../cache/key.ts';
import { EntryReader } from '../../cache/reader.ts';
import type { ReaderShare } from '../../cache/readers.ts';
import type { MemoryPiece } from './arena.ts';
import { ExtentNodes } from './arena-extents.ts';
import { ArenaReader, type ArenaShape, type SegmentBytes } from './arena-reader.ts';

/** The memory of a tier at one moment, or what has changed of it. Applied whole, and in order. */
export interface TierLayout {
  readonly epoch: number;
  readonly entries: EntriesShare;
  readonly pieces: readonly MemoryPiece[];
}

/** What a thread needs to read the tier of another one. Can be posted. */
export interface TierShare extends TierLayout {
  readonly hashKey: HashKey;
  readonly shape: ArenaShape;
}

/**
 * The memory tier as a thread other than its owner reads it, out of the same memory. It changes nothing but its own counters.
 *
 * Whatever it hands out is pinned and verified; whatever it does not find may still be there, and is for the owner to say.
 */
export class TierReader {
  /** The key that {@link find} is asked about; `set` it first. */
  readonly key: KeyBuffer;
  readonly #entries: EntryReader;
  readonly #arena: ArenaReader;
  readonly #segments: (SegmentBytes | undefined)[] = [];
  readonly #extents = new ExtentNodes([]);

  constructor(share: TierShare, own: ReaderShare) {
    this.key = new KeyBuffer(share.hashKey);
    this.#entries = new EntryReader(share.entries, share.epoch, own);
    this.#arena = new ArenaReader(share.shape, this.#segments, this.#extents);
    this.renew(share);
  }

  /** Takes over a change of the tier's memory. */
  renew(layout: TierLayout): void {
    for (const piece of layout.pieces) {
      if (piece.kind === 'extents') this.#extents.chunks[piece.index] = piece.chunk;
      else
        this.#segments[piece.index] =
          piece.buffer === undefined ? undefined : { bytes: Buffer.from(piece.buffer) };
    }
    this.#entries.renew(layout.entries, layout.epoch);
  }

  /** The visible entry of {@link key}, pinned; or NONE, which says only that it cannot be had without the owner. */
  find(): number {
    const slot = this.#entries.candidate(this.key);
    if (slot === NONE || !this.#entries.pin(slot)) return NONE;
    if (this.#sameKey(slot)) return slot;
    this.#entries.unpin(slot);
    return NONE;
  }

  /** Ends the reading of a slot that {@link find} returned. */
  unpin(slot: number): void {
    this.#entries.unpin(slot);
  }

  /** A word of a pinned entry's row. */
  word(slot: number, word: Word): number {
    return this.#entries.word(slot, word);
  }

  /** Notes that a pinned entry was served. */
  hit(slot: number): void {
    this.#entries.hit(slot);
  }

  /** Where a pinned entry lies, for {@link read}. Good as long as somebody has it pinned. */
  place(slot: number): StoredPlace {
    return { ref: this.word(slot, Word.LOCATION), keyBytes: this.word(slot, Word.KEY_BYTES) };
  }

  /** Copies bytes `from..to` of what follows the key (head, then body): as {@link MemoryTier.read}. */
  read(place: StoredPlace, from: number, to: number, into: Uint8Array, at: number): number {
    const { ref, keyBytes } = place;
    return this.#arena.read(ref, keyBytes + to, keyBytes + from, into, at);
  }

  /** The body of a pinned entry as text (latin1); for the small records that are not images. */
  bodyText(slot: number): string {
    const from = this.word(slot, Word.HEAD_BYTES);
    const to = this.word(slot, Word.RECORD_BYTES) - this.word(slot, Word.KEY_BYTES);
    const bytes = Buffer.allocUnsafe(to - from);
    this.read(this.place(slot), from, to, bytes, 0);
    return bytes.toString('latin1');
  }

  #sameKey(slot: number): boolean {
    const { key } = this;
    if (this.word(slot, Word.KEY_BYTES) !== key.length) return false;
    const ref = this.word(slot, Word.LOCATION);
    if (!this.#arena.knows(ref)) return false;
    return this.#arena.equals(ref, this.word(slot, Word.RECORD_BYTES), 0, key.bytes, key.length);
  }
}

/** Where a stored record lies. */
export interface StoredPlace {
  readonly ref: number;
  readonly keyBytes: number;
}
