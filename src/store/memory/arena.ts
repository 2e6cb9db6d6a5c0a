import { assert } from '../../base/assert.ts';
import { blocksOf, costBytesOf } from './arena-cost.ts';
import { type ExtentChunk, ExtentTable } from './arena-extents.ts';
import { ArenaReader, type ArenaShape, CHAINED, type Ref } from './arena-reader.ts';
import { NONE } from './arena-runs.ts';
import type { Segment } from './arena-segment.ts';
import { Space } from './arena-space.ts';

/** Returned instead of a {@link Ref} when there is no room: -1. */
export const NO_ROOM = NONE;

const BLOCKS_MAX = CHAINED;
const BLOCK_BYTES = 256;
const SEGMENT_BYTES = 16 * 2 ** 20;
const SEGMENT_BYTES_MAX = 2 ** 30;
const SEGMENT_BLOCKS_MAX = 2 ** 22;

/** Of that, what bits and extents are expected to take; the rest keeps a few blocks free. */
const TABLES_PER_BLOCK = 1 / 256;

export interface ArenaOptions {
  /** Bytes that records may be charged. At most 2^30 blocks: 264 GiB by default. */
  readonly capacityBytes: number;
  /** The unit of allocation: a power of two from 32 bytes to 1 MiB. Default 256. */
  readonly blockBytes?: number;
  /** Length of a segment: a power of two from one block to 2^22 blocks, at most 1 GiB. Default 16 MiB. */
  readonly segmentBytes?: number;
  /** Where segments come from: zeroed memory, or a RangeError when the system has none left. Default: the runtime. */
  readonly allocateBuffer?: (sizeBytes: number) => SharedArrayBuffer;
  /** Told of every piece of memory that comes or goes, before anything is laid there. */
  readonly onMemory?: (change: MemoryPiece) => void;
}

/** A piece of an arena's memory, by its number; a segment without a buffer has been given back. */
export type MemoryPiece =
  | { readonly kind: 'segment'; readonly index: number; readonly buffer: SharedArrayBuffer | undefined }
  | { readonly kind: 'extents'; readonly index: number; readonly chunk: ExtentChunk };

/**
 * Memory for cached records: byte strings of any length in fixed segments of shared memory.
 *
 * A cache frees in the order of its policy, so free space is scattered. Fixed segments keep the process at its budget
 * under such churn (one buffer per record overshot 4 GB by half), and a record for which no run of free blocks is long
 * enough is laid into several **extents**. Hence the promise: **an allocation succeeds if and only if
 * `usedBytes + costBytes(bytes) <= capacityBytes`**, however scattered the free blocks are, unless the system itself
 * has no memory. What a record costs depends on its length alone.
 *
 * Segments are made when first needed. After a shrink some are **doomed**: nothing new is put there, the owner moves
 * records out ({@link isDoomed}, {@link relocate}) in slices of its own choice, and an empty one is given back.
 *
 * The caller keeps each record's length and passes the same one every time. Another length, or a reference that was
 * freed, is a fault of the program: InternalFault where it can be seen cheaply, else damage to other records.
 */
export class Arena {
  readonly blockBytes: number;
  readonly segmentBytes: number;
  /** Records placed so far. */
  allocations = 0;
  /** Those of them that needed more than one extent. */
  chainedAllocations = 0;
  #copyBuffer: Uint8Array | undefined;
  readonly #blockShift: number;
  readonly #segmentShift: number;
  readonly #indexMask: number;
  readonly #blockCostBytes: number;
  readonly #space: Space;
  readonly #segments: readonly (Segment | undefined)[];
  readonly #extents: ExtentTable;
  readonly #reader: ArenaReader;
  #capacityBytes = 0;
  #usedBlocks = 0;

  /** Takes no memory for segments yet. @throws RangeError when an option is out of bounds. */
  constructor(options: ArenaOptions) {
    this.blockBytes = options.blockBytes ?? BLOCK_BYTES;
    this.segmentBytes = options.segmentBytes ?? SEGMENT_BYTES;
    this.#blockShift = log2('blockBytes', this.blockBytes, 32, 2 ** 20);
    this.#blockCostBytes = costBytesOf(1, this.blockBytes);
    const segmentBytesMax = Math.min(SEGMENT_BYTES_MAX, this.blockBytes * SEGMENT_BLOCKS_MAX);
    const segmentBytesShift = log2('segmentBytes', this.segmentBytes, this.blockBytes, segmentBytesMax);
    this.#segmentShift = segmentBytesShift - this.#blockShift;
    this.#indexMask = (1 << this.#segmentShift) - 1;
    this.#space = new Space({
      blockShift: this.#blockShift,
      segmentShift: this.#segmentShift,
      allocateBuffer: options.allocateBuffer ?? ((sizeBytes) => new SharedArrayBuffer(sizeBytes)),
      onSegment: (index, buffer) => options.onMemory?.({ kind: 'segment', index, buffer }),
    });
    this.#segments = this.#space.segments;
    this.#extents = new ExtentTable((index, chunk) => options.onMemory?.({ kind: 'extents', index, chunk }));
    this.#reader = new ArenaReader(this.shape, this.#segments, this.#extents);
    this.resize(options.capacityBytes);
  }

  /** How it is cut, for an {@link ArenaReader}. */
  get shape(): ArenaShape {
    return { blockShift: this.#blockShift, segmentShift: this.#segmentShift };
  }

  /** All memory that there is now: what {@link ArenaOptions.onMemory} was told, in sum. */
  memory(): MemoryPiece[] {
    const pieces: MemoryPiece[] = [];
    for (const segment of this.#segments) {
      if (segment !== undefined)
        pieces.push({ kind: 'segment', index: segment.slot, buffer: segment.bytes.buffer });
    }
    this.#extents.chunks.forEach((chunk, index) => {
      pieces.push({ kind: 'extents', index, chunk });
    });
    return pieces;
  }

  /** What records may be charged in sum. */
  get capacityBytes(): number {
    return this.#capacityBytes;
  }

  /** Sum of the costs of all records. Above the capacity only after a shrink, until the owner has freed enough. */
  get usedBytes(): number {
    return this.#usedBlocks * this.#blockCostBytes;
  }

  /** What may still be charged; 0 while more is used than the capacity. */
  get freeBytes(): number {
    return Math.max(0, this.#capacityBytes - this.usedBytes);
  }

  /**
   * Bytes of segments that records lie in or may come to lie in, doomed ones included. Never above the capacity,
   * except after a shrink: then by less than one segment once the doomed ones are empty.
   */
  get heldBytes(): number {
    return this.#space.heldBlocks * this.blockBytes;
  }

  /** Bytes of bookkeeping beside the segments: one bit per block, 12 bytes per extent of a chained record. O(segments). */
  get overheadBytes(): number {
    return this.#space.overheadBytes + this.#extents.heldBytes;
  }

  /** Bytes of blocks that records still take in doomed segments; 0 when a shrink is complete. O(segments). */
  get doomedBytes(): number {
    return this.#space.doomedBlocks * this.blockBytes;
  }

  /** Extents of all chained records. */
  get extents(): number {
    return this.#extents.count;
  }

  /** Times the system had no memory for a segment; it is asked again whenever one is needed. */
  get refusedSegments(): number {
    return this.#space.refusedSegments;
  }

  /** As {@link costBytesOf}, which says why. */
  costBytes(bytes: number): number {
    return costBytesOf(bytes, this.blockBytes);
  }

  /**
   * Makes room for a record. Its content is whatever was there before.
   *
   * Takes one run of blocks where there is one, else a new segment where the capacity allows it, else the longest runs.
   * O(extents), and one bit per block.
   *
   * @param bytes its length, at least 1.
   * @returns {@link NO_ROOM}, with nothing changed, if and only if its cost is above {@link freeBytes} (or the system has
   *   no memory for the segment it needs, see {@link refusedSegments}).
   */
  allocate(bytes: number): Ref {
    const count = this.#blocksOf(bytes);
    const space = this.#space;
    if ((this.#usedBlocks + count) * this.#blockCostBytes > this.#capacityBytes) return NO_ROOM;
    if (!space.ensure(count)) return NO_ROOM;
    this.#usedBlocks += count;
    this.allocations += 1;
    const block = space.take(count);
    if (space.lastTaken === count) return block;
    this.chainedAllocations += 1;
    const extents = [block, space.lastTaken];
    space.takeAll(count - space.lastTaken, extents);
    return CHAINED + this.#extents.add(extents);
  }

  /** Gives a record's blocks back. O(extents). */
  free(ref: Ref, bytes: number): void {
    const count = this.#blocksOf(bytes);
    if (ref < CHAINED) {
      this.#space.release(ref, count);
    } else {
      let blocks = 0;
      this.#eachExtent(ref, count, (_, length) => {
        blocks += length;
      });
      assert(blocks === count, 'a record is freed with the length that it was allocated with');
      this.#eachExtent(ref, count, (block, length) => this.#space.release(block, length));
      this.#extents.remove(ref - CHAINED);
    }
    this.#usedBlocks -= count;
  }

  /** Copies all of `source` into the record, from `offset` on. The caller sees to it that it ends inside the record. */
  write(ref: Ref, offset: number, source: Uint8Array): void {
    if (source.length === 0) return;
    if (ref < CHAINED) {
      const segment = this.#segmentOf(ref);
      const start = this.#startOf(ref) + offset;
      const lastIndex = (start + source.length - 1) >>> this.#blockShift;
      assert(offset >= 0 && segment.isTaken(lastIndex), 'a write lies inside its record');
      segment.bytes.set(source, start);
      return;
    }
    this.#reader.eachPiece(ref, offset, source.length, (memory, start, count, done) => {
      memory.set(source.subarray(done, done + count), start);
      return true;
    });
  }

  /**
   * Copies `length` bytes of one record, from `source` on, into another, from `target` on.
   *
   * @param from reference of the one; @param to reference of the other.
   */
  copy(from: number, to: number, source: number, target: number, length: number): void {
    this.#copyBuffer ??= new Uint8Array(64 * 1024);
    const buffer = this.#copyBuffer;
    for (let done = 0; done < length; ) {
      const n = this.read(from, source + length, source + done, buffer, 0);
      this.write(to, target + done, buffer.subarray(0, n));
      done += n;
    }
  }

  /**
   * Copies what lies from `offset` on into `into` from `at` on: what is left of the record, as much as fits.
   * Contiguous: the copy and about 20 ns, with nothing allocated. Chained: O(extents).
   *
   * @param bytes the record's length, or the position to stop at.
   * @returns bytes copied; 0 at the end of the record or of `into`.
   */
  read(ref: Ref, bytes: number, offset: number, into: Uint8Array, at: number): number {
    return this.#reader.read(ref, bytes, offset, into, at);
  }

  /** A view of the whole record, good until it is freed or relocated; undefined when it lies in several extents. */
  contiguous(ref: Ref, bytes: number): Uint8Array<SharedArrayBuffer> | undefined {
    if (ref >= CHAINED) return undefined;
    const start = this.#startOf(ref);
    return this.#segmentOf(ref).bytes.subarray(start, start + bytes);
  }

  /** True when the record has the first `length` bytes of `other` at `offset`. For comparing keys. */
  equals(ref: Ref, bytes: number, offset: number, other: Uint8Array, length: number): boolean {
    return this.#reader.equals(ref, bytes, offset, other, length);
  }

  /**
   * Sets the capacity, at once. Growing makes segments when they are needed. Shrinking loses no record: it dooms the
   * segments with the fewest used blocks that the new capacity can do without, and nothing can be allocated until
   * the owner has freed what is above it. O(segments, and blocks / 32 of those that are doomed).
   *
   * @throws RangeError when it is negative, not a number, or above 2^30 blocks; nothing has changed then.
   */
  resize(capacityBytes: number): void {
    const most = BLOCKS_MAX * this.#blockCostBytes;
    if (!(capacityBytes >= 0 && capacityBytes <= most)) {
      throw new RangeError(
        `memory arena: capacityBytes must be 0 to ${most}, got ${capacityBytes}; larger blocks than ${this.blockBytes} bytes allow more`,
      );
    }
    this.#capacityBytes = capacityBytes;
    const blocks = Math.floor(capacityBytes / (this.blockBytes * (1 + TABLES_PER_BLOCK)));
    this.#space.resize(Math.min(blocks, BLOCKS_MAX));
  }

  /** True when the record, or a part of it, lies in a segment that is to be given back. O(extents). */
  isDoomed(ref: Ref): boolean {
    let doomed = false;
    this.#eachExtent(ref, 1, (block) => {
      doomed ||= this.#segmentOf(block).doomed;
    });
    return doomed;
  }

  /**
   * Moves those parts of a record that lie in doomed segments. Needs no free bytes: it works in a full arena, too.
   * The old reference is void afterwards, so nobody may be reading by it. O(bytes moved + extents).
   *
   * @returns the new reference (the old one when there was nothing to move), or {@link NO_ROOM}, with nothing changed;
   *   the latter only while more is used than the capacity, or when the system has no memory.
   */
  relocate(ref: Ref, bytes: number): Ref {
    const space = this.#space;
    const count = this.#blocksOf(bytes);
    let doomedBlocks = 0;
    this.#eachExtent(ref, count, (block, length) => {
      if (space.segmentOf(block).doomed) doomedBlocks += length;
    });
    if (doomedBlocks === 0) return ref;
    if (!space.ensure(doomedBlocks)) return NO_ROOM;
    const extents: number[] = [];
    this.#eachExtent(ref, count, (block, length) => {
      if (space.segmentOf(block).doomed) space.move(block, length, extents);
      else extents.push(block, length);
    });
    if (ref >= CHAINED) this.#extents.remove(ref - CHAINED);
    return extents.length === 2 ? extents[0]! : CHAINED + this.#extents.add(extents);
  }

  /**
   * Recounts everything from scratch; throws InternalFault when a counter, link or bit is wrong. For tests.
   *
   * @param records all records that should be here: then none may overlap, and no block may belong to nobody.
   */
  check(records?: Iterable<readonly [ref: Ref, bytes: number]>): void {
    let used = 0;
    for (const segment of this.#segments) used += segment?.usedBlocks ?? 0;
    assert(used === this.#usedBlocks, 'usedBytes must equal a recount');
    this.#space.check();
    if (records === undefined) return;
    const seen = new Set<number>();
    let extents = 0;
    for (const [ref, bytes] of records) {
      const before = seen.size;
      this.#eachExtent(ref, this.#blocksOf(bytes), (block, count) => {
        if (ref >= CHAINED) extents += 1;
        for (let b = block; b < block + count; b++) {
          assert(this.#segmentOf(b).isTaken(b & this.#indexMask), 'a record lies in taken blocks');
          seen.add(b);
        }
      });
      assert(
        seen.size - before === this.#blocksOf(bytes),
        'a record has as many blocks as it costs, and its own',
      );
    }
    assert(seen.size === this.#usedBlocks, 'a taken block belongs to a record');
    assert(extents === this.#extents.count, 'an extent belongs to a record');
  }

  #eachExtent(ref: Ref, count: number, visit: (block: number, count: number) => void): void {
    if (ref < CHAINED) {
      visit(ref, count);
      return;
    }
    for (let node = ref - CHAINED; node !== NONE; node = this.#extents.nextOf(node)) {
      visit(this.#extents.blockOf(node), this.#extents.countOf(node));
    }
  }

  #blocksOf(bytes: number): number {
    return blocksOf(bytes, this.blockBytes);
  }

  #segmentOf(block: number): Segment {
    return this.#segments[block >>> this.#segmentShift]!;
  }

  /** Where a block starts in its segment, in bytes. */
  #startOf(block: number): number {
    return (block & this.#indexMask) << this.#blockShift;
  }
}

function log2(name: string, value: number, least: number, most: number): number {
  const log = Math.log2(value);
  if (Number.isInteger(log) && value >= least && value <= most) return log;
  throw new RangeError(`memory arena: ${name} must be a power of two from ${least} to ${most}, got ${value}`);
}
