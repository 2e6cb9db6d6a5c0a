import type { Balance } from './balance.ts';
import type { DiskIndex } from './disk-index.ts';

/** Said by {@link Rewriting.of} instead of a slot: others may have a turn. */
export const PAUSE = -1;

/** Entries that are looked at before others get a turn: a few hundred microseconds. */
const SLICE = 512;

/** A segment that leaves, as far as it matters here. */
export interface LeavingSegment {
  readonly id: number;
  /** Slots of the index whose records were written there; some have moved on since. */
  readonly slots: readonly number[];
}

/** What may still be written again of the segment that is leaving. */
interface Room {
  hitBytes: number;
  allBytes: number;
}

/**
 * Which records of a segment that leaves are written again: FIFO with re-insertion, by segment. As far as there is room:
 * originals that were hit; originals that are still usable, as many as these are behind their share; variants that were hit.
 * It touches no bytes: the disk tier and the simulator both do as it says.
 */
export class Rewriting {
  readonly #index: DiskIndex;
  readonly #balance: Balance;
  readonly #nowS: () => number;
  /** What the originals of the segment that is leaving are going to need. */
  #claimedBytes = 0;

  /** @param nowS seconds since the epoch. */
  constructor(index: DiskIndex, balance: Balance, nowS: () => number) {
    this.#index = index;
    this.#balance = balance;
    this.#nowS = nowS;
  }

  /** Room in the segment that is being written to that new variants have to leave for what is written again; 0 at most times. */
  get claimedBytes(): number {
    return this.#claimedBytes;
  }

  /**
   * Yields the slots to be written again, one at a time, or {@link PAUSE}; each wants to be told whether that was done. What is
   * yielded no more may be forgotten. O(slots).
   */
  *of(segment: LeavingSegment): Generator<number, void, boolean> {
    const index = this.#index;
    const { hit, all } = this.#balance.againBytesMax;
    const room = { hitBytes: hit, allBytes: all };
    this.#claim(segment, room);
    yield* this.#each(segment, room, (slot) => !index.isVariant(slot) && index.wasHit(slot));
    if (this.#balance.behindBytes > 0) yield* this.#each(segment, room, (slot) => !index.isVariant(slot));
    this.#claimedBytes = 0;
    if (index.levels.variants.entries > 0) yield* this.#each(segment, room, (slot) => index.wasHit(slot));
  }

  #claim(segment: LeavingSegment, room: Room): void {
    const index = this.#index;
    const most = Math.min(room.allBytes, this.#balance.behindBytes);
    let bytes = 0;
    for (const slot of segment.slots) {
      if (bytes >= most) break;
      if (index.liesIn(slot, segment.id) && !index.isVariant(slot) && this.#isUsable(slot))
        bytes += index.recordBytes(slot);
    }
    this.#claimedBytes = bytes;
  }

  /** Those that are wanted and for which there is room. */
  *#each(
    segment: LeavingSegment,
    room: Room,
    isWanted: (slot: number) => boolean,
  ): Generator<number, void, boolean> {
    const index = this.#index;
    // Read anew each time: what is written again may be appended to the segment's own list.
    for (let position = 0; position < segment.slots.length; position += 1) {
      const slot = segment.slots[position]!;
      if (position % SLICE === SLICE - 1) yield PAUSE;
      if (!index.liesIn(slot, segment.id) || !isWanted(slot)) continue;
      const bytes = index.recordBytes(slot);
      const asHit = index.wasHit(slot) && bytes <= Math.min(room.hitBytes, room.allBytes);
      // The last one may be larger than what is left, or large ones would never have their share.
      if (!asHit && !(room.allBytes > 0 && this.#isOwed(slot))) continue;
      if (!(yield slot)) continue;
      room.allBytes -= bytes;
      if (asHit) room.hitBytes -= bytes;
      this.#claimedBytes = Math.max(0, this.#claimedBytes - bytes);
    }
  }

  #isOwed(slot: number): boolean {
    return this.#balance.behindBytes > 0 && !this.#index.isVariant(slot) && this.#isUsable(slot);
  }

  #isUsable(slot: number): boolean {
    return this.#nowS() < this.#index.usableUntilS(slot);
  }
}
