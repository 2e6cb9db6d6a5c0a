import { assert } from '../../base/assert.ts';

/**
 * One fixed piece of shared memory, cut into blocks, with one bit per block: set while a record lies in it.
 *
 * The buffer is made at full length at once, because the system only commits pages that were touched; `blocks`
 * says how many of them may be used, so that a budget need not be a multiple of the segment length.
 */
export class Segment {
  /** Position in the arena's table; the global number of a block is `slot * blocks per segment + index`. */
  readonly slot: number;
  /** A Buffer because its `copy` needs no view per call: 12 ns where `set(subarray())` takes 35 to 150. */
  readonly bytes: Buffer<SharedArrayBuffer>;
  /** The same memory as 32-bit words, for the links that free runs keep inside themselves. */
  readonly words: Int32Array<SharedArrayBuffer>;
  /** Blocks from this index on are not usable yet. Grows, never shrinks. */
  blocks = 0;
  /** Blocks that records lie in. */
  usedBlocks = 0;
  /** True when the segment is to be given back: nothing new is put here, and its free blocks are in no list. */
  doomed = false;
  readonly #taken: Int32Array;

  /**
   * @param slot position in the arena's table.
   * @param blocksMax how many the buffer holds.
   * @param buffer zeroed shared memory, as long as `blocksMax` blocks.
   */
  constructor(slot: number, blocksMax: number, buffer: SharedArrayBuffer) {
    this.slot = slot;
    this.bytes = Buffer.from(buffer);
    this.words = new Int32Array(buffer);
    this.#taken = new Int32Array((blocksMax + 31) >>> 5);
  }

  /** Bytes of bookkeeping beside the buffer. */
  get overheadBytes(): number {
    return this.#taken.byteLength;
  }

  /** True when a record lies in that block. `index` must be below {@link blocks}. */
  isTaken(index: number): boolean {
    return ((this.#taken[index >>> 5]! >>> (index & 31)) & 1) === 1;
  }

  /** Marks free blocks as taken. Throws InternalFault when one of them already is: two records would overlap. */
  take(index: number, count: number): void {
    assert(index + count <= this.blocks, 'a record must lie inside its segment');
    const taken = this.#taken;
    for (let at = index, end = index + count; at < end; ) {
      const mask = maskOf(at, end);
      const word = taken[at >>> 5]!;
      assert((word & mask) === 0, 'a block is given to one record only');
      taken[at >>> 5] = word | mask;
      at = (at | 31) + 1;
    }
    this.usedBlocks += count;
  }

  /** Marks taken blocks as free. Throws InternalFault when one of them is free: a record was freed twice. */
  release(index: number, count: number): void {
    assert(index + count <= this.blocks, 'a record must lie inside its segment');
    const taken = this.#taken;
    for (let at = index, end = index + count; at < end; ) {
      const mask = maskOf(at, end);
      const word = taken[at >>> 5]!;
      assert((word & mask) === mask, 'only taken blocks are freed');
      taken[at >>> 5] = word & ~mask;
      at = (at | 31) + 1;
    }
    this.usedBlocks -= count;
  }

  /** Calls `visit` for each maximal run of free blocks, from low to high. One step per 32 blocks or boundary. */
  eachFreeRun(visit: (index: number, count: number) => void): void {
    for (let start = this.#next(0, 0); start < this.blocks; ) {
      const end = this.#next(start, 1);
      visit(start, end - start);
      start = this.#next(end, 0);
    }
  }

  /** The first block from `index` on whose bit equals `bit`; `blocks` or more when none of the usable ones does. */
  #next(index: number, bit: 0 | 1): number {
    const flip = bit === 1 ? 0 : -1;
    while (index < this.blocks) {
      const rest = (this.#taken[index >>> 5]! ^ flip) >>> (index & 31);
      if (rest !== 0) return index + 31 - Math.clz32(rest & -rest);
      index = (index | 31) + 1;
    }
    return this.blocks;
  }
}

/** The bits of `at` and its followers below `end` within the 32-bit word of `at`. */
function maskOf(at: number, end: number): number {
  const low = at & 31;
  const high = Math.min(32, low + end - at);
  return (-1 << low) & (-1 >>> (32 - high));
}
