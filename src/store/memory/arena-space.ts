import { assert } from '../../base/assert.ts';
import { FreeRuns, NONE } from './arena-runs.ts';
import { Segment } from './arena-segment.ts';

export interface SpaceOptions {
  /** log2 of the bytes per block. */
  readonly blockShift: number;
  /** log2 of the blocks per segment. */
  readonly segmentShift: number;
  /** Makes zeroed shared memory of that many bytes. RangeError means that the system has none left. */
  readonly allocateBuffer: (sizeBytes: number) => SharedArrayBuffer;
  /** Told of each segment that was made, and, without a buffer, of each that was given back. */
  readonly onSegment: (slot: number, buffer: SharedArrayBuffer | undefined) => void;
}

/**
 * The blocks of an arena: which segments there are, which are to go, and where a run of blocks is to be had.
 *
 * A *sound* segment is one that is not doomed. Sound blocks that exist or may still be made are never fewer than the
 * capacity, so whatever lies in doomed segments finds a place in sound ones as long as no more is used than the
 * capacity. At most one segment is *short*, that is not wholly usable: the one at which the capacity ended.
 */
export class Space {
  /** By slot. Public for the hot paths of the arena, which must not change it. */
  readonly segments: (Segment | undefined)[] = [];
  capacityBlocks = 0;
  /** Usable blocks of all segments. */
  heldBlocks = 0;
  /** Usable blocks of the segments that are not doomed. */
  soundBlocks = 0;
  /** Times the system had no memory for a segment. */
  refusedSegments = 0;
  /** Length of the run that {@link take} returned last: a second result without an object per call. */
  lastTaken = 0;
  readonly #runs: FreeRuns;
  readonly #options: SpaceOptions;
  readonly #segmentBlocks: number;

  constructor(options: SpaceOptions) {
    this.#options = options;
    this.#segmentBlocks = 1 << options.segmentShift;
    this.#runs = new FreeRuns(this.segments, options.segmentShift, options.blockShift);
  }

  /** Blocks that records still take in doomed segments. */
  get doomedBlocks(): number {
    let sum = 0;
    for (const segment of this.segments) if (segment?.doomed === true) sum += segment.usedBlocks;
    return sum;
  }

  /** Bytes of bookkeeping beside the segments. */
  get overheadBytes(): number {
    let sum = 0;
    for (const segment of this.segments) sum += segment?.overheadBytes ?? 0;
    return sum;
  }

  /** Makes blocks usable until `count` are free. False when capacity or system do not allow it. */
  ensure(count: number): boolean {
    while (this.#runs.freeBlocks < count) if (!this.#grow()) return false;
    return true;
  }

  /**
   * Takes a run of `count` blocks where there is one or can be made one, else a shorter one, as long as can be had.
   * At least one block must be free.
   *
   * @returns its first block; {@link lastTaken} says how many it has.
   */
  take(count: number): number {
    const wanted = Math.min(count, this.#segmentBlocks);
    let run = this.#runs.fit(wanted);
    while (run === NONE && this.#grow()) run = this.#runs.fit(wanted);
    if (run === NONE) run = this.#runs.largest();
    this.lastTaken = Math.min(wanted, this.#runs.lengthOf(run));
    this.#runs.take(run, this.lastTaken);
    return run;
  }

  /** Gives blocks back; a doomed segment that is empty then is dropped. */
  release(block: number, count: number): void {
    this.#runs.release(block, count);
    const segment = this.segmentOf(block);
    if (segment.doomed && segment.usedBlocks === 0) this.#drop(segment);
  }

  /** The segment that a block lies in. */
  segmentOf(block: number): Segment {
    return this.segments[block >>> this.#options.segmentShift]!;
  }

  /** Takes `count` free blocks, appended to `extents` as pairs of first block and length. So many must be free. */
  takeAll(count: number, extents: number[]): void {
    for (let left = count; left > 0; left -= this.lastTaken) {
      const block = this.take(left);
      extents.push(block, this.lastTaken);
    }
  }

  /** Moves what lies in `count` blocks of one segment to as many free ones, which are appended to `extents`. */
  move(block: number, count: number, extents: number[]): void {
    const appended = extents.length;
    this.takeAll(count, extents);
    const source = this.segmentOf(block).bytes;
    let start = this.#startOf(block);
    for (let i = appended; i < extents.length; i += 2) {
      const end = start + (extents[i + 1]! << this.#options.blockShift);
      source.copy(this.segmentOf(extents[i]!).bytes, this.#startOf(extents[i]!), start, end);
      start = end;
    }
    this.release(block, count);
  }

  /** Sets the capacity; spares the fullest doomed segments that it needs, dooms the emptiest that it does not. */
  resize(capacityBlocks: number): void {
    this.capacityBlocks = capacityBlocks;
    const emptiestFirst = this.segments.filter((segment) => segment !== undefined);
    emptiestFirst.sort((a, b) => a.usedBlocks - b.usedBlocks);
    for (const segment of emptiestFirst.toReversed()) {
      if (segment.doomed && this.soundBlocks < capacityBlocks) this.#spare(segment);
    }
    for (const segment of emptiestFirst) {
      if (!segment.doomed && this.soundBlocks - segment.blocks >= capacityBlocks) this.#doom(segment);
    }
  }

  /** Recounts everything; throws InternalFault when something is wrong. For tests. */
  check(): void {
    let held = 0;
    let sound = 0;
    let short = 0;
    for (const segment of this.segments) {
      if (segment === undefined) continue;
      let taken = segment.blocks;
      segment.eachFreeRun((_, count) => {
        taken -= count;
      });
      assert(taken === segment.usedBlocks, 'a segment must know how many of its blocks are taken');
      assert(!segment.doomed || taken > 0, 'an empty doomed segment is dropped');
      held += segment.blocks;
      if (!segment.doomed) sound += segment.blocks;
      if (segment.blocks < this.#segmentBlocks) short += 1;
    }
    assert(
      held === this.heldBlocks && sound === this.soundBlocks,
      'held and sound blocks must equal a recount',
    );
    assert(short <= 1, 'at most one segment is short');
    assert(held === sound || sound >= this.capacityBlocks, 'only what the capacity can do without is doomed');
    this.#runs.check();
  }

  /** Where a block starts in its segment, in bytes. */
  #startOf(block: number): number {
    return (block & (this.#segmentBlocks - 1)) << this.#options.blockShift;
  }

  /** Makes more blocks usable: the rest of a short segment, or a new one. False when the capacity is reached. */
  #grow(): boolean {
    const room = this.capacityBlocks - this.soundBlocks;
    if (room <= 0) return false;
    const short = this.segments.find(
      (segment) => segment !== undefined && segment.blocks < this.#segmentBlocks,
    );
    const segment = short ?? this.#newSegment();
    if (segment === undefined) return false;
    const from = segment.blocks;
    const added = Math.min(room, this.#segmentBlocks - from);
    segment.blocks += added;
    this.soundBlocks += added;
    this.heldBlocks += added;
    this.#runs.add((segment.slot << this.#options.segmentShift) + from, added);
    return true;
  }

  #newSegment(): Segment | undefined {
    const vacant = this.segments.indexOf(undefined);
    const slot = vacant === -1 ? this.segments.length : vacant;
    const { allocateBuffer, blockShift } = this.#options;
    try {
      const segment = new Segment(
        slot,
        this.#segmentBlocks,
        allocateBuffer(this.#segmentBlocks << blockShift),
      );
      this.segments[slot] = segment;
      this.#options.onSegment(slot, segment.bytes.buffer);
      return segment;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.refusedSegments += 1;
      return undefined;
    }
  }

  #doom(segment: Segment): void {
    this.#runs.withdraw(segment);
    segment.doomed = true;
    this.soundBlocks -= segment.blocks;
    if (segment.usedBlocks === 0) this.#drop(segment);
  }

  #spare(segment: Segment): void {
    segment.doomed = false;
    this.soundBlocks += segment.blocks;
    this.#runs.restore(segment);
  }

  #drop(segment: Segment): void {
    this.segments[segment.slot] = undefined;
    this.heldBlocks -= segment.blocks;
    this.#options.onSegment(segment.slot, undefined);
  }
}
