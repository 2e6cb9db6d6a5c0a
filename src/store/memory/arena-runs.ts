import { assert } from '../../base/assert.ts';
import type { Segment } from './arena-segment.ts';

/** "No block": what a search returns when it finds nothing. */
export const NONE = -1;

/** 32 size classes per power of two: a run found without looking is at most 1/32 longer than asked for. */
const SPLIT_BITS = 5;
const SPLIT = 1 << SPLIT_BITS;
/** Levels for runs of up to 2^22 blocks. */
const LEVELS = 19;
/** Runs of the request's own class that are looked at before the search goes elsewhere. */
const PROBES_MAX = 16;

/** What a free run says in its first block, in words from its start; its last word is its length once more. */
const LENGTH = 0;
const NEXT = 1;
const PREVIOUS = 2;

/**
 * The runs of free blocks: a two-level segregated fit (TLSF; Masmano, Ripoll, Crespo, Real: "TLSF: a new dynamic
 * memory allocator for real-time systems", ECRTS 2004). Finding, inserting and removing a run are O(1): two bitmaps
 * say which size classes have a member. Neighbours are merged at once, so two adjacent runs never exist.
 *
 * Deviations: sizes count blocks, not bytes; a request that no larger class can serve also looks at a few runs of its
 * own class (a pure TLSF would fail although one of them may fit, which matters in a cache, as it is always full);
 * whether a neighbour is free comes from the segment's bitmap, so that taken blocks carry no header.
 *
 * Links live inside the free blocks. A run never crosses a segment. Runs in doomed segments are not listed.
 */
export class FreeRuns {
  /** Sum of the lengths of all listed runs, in blocks. */
  freeBlocks = 0;
  readonly #segments: readonly (Segment | undefined)[];
  readonly #segmentShift: number;
  readonly #indexMask: number;
  readonly #wordShift: number;
  readonly #heads = new Int32Array(LEVELS * SPLIT).fill(NONE);
  #levels = 0;
  readonly #classes = new Int32Array(LEVELS);

  /**
   * @param segments the arena's table, by slot.
   * @param segmentShift log2 of the blocks per segment; at most 22.
   * @param blockShift log2 of the bytes per block; at least 4, for three links and a length.
   */
  constructor(segments: readonly (Segment | undefined)[], segmentShift: number, blockShift: number) {
    assert(segmentShift <= LEVELS + SPLIT_BITS - 2, 'a free run must fit the highest class');
    assert(blockShift >= 4, 'a block must hold the links of a free run');
    this.#segments = segments;
    this.#segmentShift = segmentShift;
    this.#indexMask = (1 << segmentShift) - 1;
    this.#wordShift = blockShift - 2;
  }

  /** The global number of the first block of a run of at least `count` blocks, or {@link NONE}. O(1). */
  fit(count: number): number {
    const wanted = classOf(count);
    // Any member of a class above fits, and so does any member of this one if `count` is its lower bound.
    const found = this.#atLeast(lowerBoundOf(wanted) === count ? wanted : wanted + 1);
    if (found !== NONE) return found;
    let run = this.#heads[wanted]!;
    for (let probes = 0; run !== NONE && probes < PROBES_MAX; probes++) {
      if (this.#word(run, LENGTH) >= count) return run;
      run = this.#word(run, NEXT);
    }
    return NONE;
  }

  /** A run of the highest class that has one, so at most 1/32 shorter than the longest; {@link NONE} when full. O(1). */
  largest(): number {
    const levels = this.#levels;
    if (levels === 0) return NONE;
    const level = 31 - Math.clz32(levels);
    return this.#heads[level * SPLIT + 31 - Math.clz32(this.#classes[level]!)]!;
  }

  /** Blocks of the listed run that starts at `run`. */
  lengthOf(run: number): number {
    return this.#word(run, LENGTH);
  }

  /** Hands out the first `count` blocks of the listed run that starts at `run`; the rest of it stays free. O(1). */
  take(run: number, count: number): void {
    const length = this.lengthOf(run);
    assert(count >= 1 && count <= length, 'a run is not longer than it says');
    this.#unlink(run, length);
    if (count < length) this.#link(run + count, length - count);
    this.#segmentOf(run).take(run & this.#indexMask, count);
  }

  /** Takes back `count` taken blocks from `block` on, merged with free neighbours. O(1). */
  release(block: number, count: number): void {
    const segment = this.#segmentOf(block);
    const index = block & this.#indexMask;
    segment.release(index, count);
    if (!segment.doomed) this.#merge(segment, index, count);
  }

  /** Lists blocks that just came to be: a segment's first, or those by which its usable part grew. */
  add(block: number, count: number): void {
    this.#merge(this.#segmentOf(block), block & this.#indexMask, count);
  }

  /** Takes every run of a segment out of the lists, before it is doomed. O(blocks / 32 + runs). */
  withdraw(segment: Segment): void {
    const first = segment.slot << this.#segmentShift;
    segment.eachFreeRun((index, count) => this.#unlink(first + index, count));
  }

  /** Lists every run of a segment, when it is spared after all. O(blocks / 32 + runs). */
  restore(segment: Segment): void {
    const first = segment.slot << this.#segmentShift;
    segment.eachFreeRun((index, count) => this.#link(first + index, count));
  }

  /** Recounts everything; throws InternalFault when a link, a length, a bitmap or a sum is wrong. For tests. O(blocks). */
  check(): void {
    let runs = 0;
    let free = 0;
    for (const segment of this.#segments) {
      if (segment === undefined || segment.doomed) continue;
      segment.eachFreeRun((index, count) => {
        const run = (segment.slot << this.#segmentShift) + index;
        assert(this.#word(run, LENGTH) === count, 'a free run must know its length');
        assert(
          this.#word(run, (count << this.#wordShift) - 1) === count,
          'a free run must end with its length',
        );
        runs += 1;
        free += count;
      });
    }
    assert(free === this.freeBlocks, 'the count of free blocks must equal a recount');
    for (let c = 0; c < this.#heads.length; c++) runs -= this.#checkClass(c);
    assert(runs === 0, 'every free run must be listed once');
    for (let level = 0; level < LEVELS; level++) {
      const listed = ((this.#levels >>> level) & 1) === 1;
      assert(listed === (this.#classes[level] !== 0), 'the level bitmap must tell which levels have runs');
    }
  }

  #checkClass(c: number): number {
    let length = 0;
    let previous = NONE;
    for (let run = this.#heads[c]!; run !== NONE; run = this.#word(run, NEXT)) {
      const segment = this.#segmentOf(run);
      assert(!segment.doomed && !segment.isTaken(run & this.#indexMask), 'only free blocks may be listed');
      assert(classOf(this.#word(run, LENGTH)) === c, 'a run must be listed in its own class');
      assert(this.#word(run, PREVIOUS) === previous, 'a list must read the same from both ends');
      previous = run;
      length += 1;
    }
    const listed = ((this.#classes[c >>> SPLIT_BITS]! >>> (c & (SPLIT - 1))) & 1) === 1;
    assert(listed === length > 0, 'the class bitmap must tell which classes have runs');
    return length;
  }

  #merge(segment: Segment, index: number, count: number): void {
    const block = (segment.slot << this.#segmentShift) + index;
    let start = block;
    let length = count;
    if (index > 0 && !segment.isTaken(index - 1)) {
      const before = segment.words[(index << this.#wordShift) - 1]!;
      start -= before;
      length += before;
      this.#unlink(start, before);
    }
    const end = index + count;
    if (end < segment.blocks && !segment.isTaken(end)) {
      const after = segment.words[(end << this.#wordShift) + LENGTH]!;
      length += after;
      this.#unlink(block + count, after);
    }
    this.#link(start, length);
  }

  /** The head of the lowest class from `c` on that has a member. */
  #atLeast(c: number): number {
    const level = c >>> SPLIT_BITS;
    if (level >= LEVELS) return NONE;
    const here = this.#classes[level]! & (-1 << (c & (SPLIT - 1)));
    if (here !== 0) return this.#heads[level * SPLIT + lowestBit(here)]!;
    const above = this.#levels & (-2 << level);
    if (above === 0) return NONE;
    const next = lowestBit(above);
    return this.#heads[next * SPLIT + lowestBit(this.#classes[next]!)]!;
  }

  #link(run: number, length: number): void {
    const c = classOf(length);
    const head = this.#heads[c]!;
    const words = this.#segmentOf(run).words;
    const base = (run & this.#indexMask) << this.#wordShift;
    words[base + LENGTH] = length;
    words[base + NEXT] = head;
    words[base + PREVIOUS] = NONE;
    words[base + (length << this.#wordShift) - 1] = length;
    if (head !== NONE) this.#setWord(head, PREVIOUS, run);
    this.#heads[c] = run;
    const level = c >>> SPLIT_BITS;
    this.#classes[level] = this.#classes[level]! | (1 << (c & (SPLIT - 1)));
    this.#levels |= 1 << level;
    this.freeBlocks += length;
  }

  #unlink(run: number, length: number): void {
    const words = this.#segmentOf(run).words;
    const base = (run & this.#indexMask) << this.#wordShift;
    const next = words[base + NEXT]!;
    const previous = words[base + PREVIOUS]!;
    if (next !== NONE) this.#setWord(next, PREVIOUS, previous);
    if (previous !== NONE) this.#setWord(previous, NEXT, next);
    else this.#setHead(classOf(length), next);
    this.freeBlocks -= length;
  }

  #setHead(c: number, run: number): void {
    this.#heads[c] = run;
    if (run !== NONE) return;
    const level = c >>> SPLIT_BITS;
    const classes = this.#classes[level]! & ~(1 << (c & (SPLIT - 1)));
    this.#classes[level] = classes;
    if (classes === 0) this.#levels &= ~(1 << level);
  }

  #segmentOf(block: number): Segment {
    return this.#segments[block >>> this.#segmentShift]!;
  }

  #word(run: number, field: number): number {
    return this.#segmentOf(run).words[((run & this.#indexMask) << this.#wordShift) + field]!;
  }

  #setWord(run: number, field: number, value: number): void {
    this.#segmentOf(run).words[((run & this.#indexMask) << this.#wordShift) + field] = value;
  }
}

/** The size class of a run: exact below 32 blocks, then 32 classes per power of two. */
function classOf(count: number): number {
  if (count < SPLIT) return count;
  const log = 31 - Math.clz32(count);
  return ((log - SPLIT_BITS) << SPLIT_BITS) + (count >>> (log - SPLIT_BITS));
}

/** The shortest run of a class. */
function lowerBoundOf(c: number): number {
  if (c < SPLIT) return c;
  return (SPLIT + (c & (SPLIT - 1))) << ((c >>> SPLIT_BITS) - 1);
}

function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}
