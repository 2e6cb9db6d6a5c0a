import { assert } from '../../base/assert.ts';
import type { ExtentNodes } from './arena-extents.ts';
import { NONE } from './arena-runs.ts';

/** Where a record lies: an integer from 0 to 2^31 - 1, so that it fits an Int32Array. Says nothing about its length. */
export type Ref = number;

/** Set in the reference of a record in several extents; the rest is then its first node in the extent table. */
export const CHAINED = 0x4000_0000;

/** How an arena is cut: both are log2. */
export interface ArenaShape {
  /** Of the bytes per block. */
  readonly blockShift: number;
  /** Of the blocks per segment. */
  readonly segmentShift: number;
}

/** The memory of a segment, as far as reading goes. */
export interface SegmentBytes {
  readonly bytes: Buffer<SharedArrayBuffer>;
}

/** The reading half of an arena: all it needs is shared memory, so other threads have one of their own. */
export class ArenaReader {
  readonly #blockShift: number;
  readonly #segmentShift: number;
  readonly #indexMask: number;
  readonly #segments: readonly (SegmentBytes | undefined)[];
  readonly #extents: ExtentNodes;

  /** @param segments by number; the list may change while the reader is used. */
  constructor(shape: ArenaShape, segments: readonly (SegmentBytes | undefined)[], extents: ExtentNodes) {
    this.#blockShift = shape.blockShift;
    this.#segmentShift = shape.segmentShift;
    this.#indexMask = (1 << shape.segmentShift) - 1;
    this.#segments = segments;
    this.#extents = extents;
  }

  /** See {@link Arena.read}. */
  read(ref: Ref, bytes: number, offset: number, into: Uint8Array, at: number): number {
    const count = Math.min(bytes - offset, into.length - at);
    if (count <= 0) return 0;
    if (ref < CHAINED) {
      const start = this.startOf(ref) + offset;
      return this.#memoryOf(ref).copy(into, at, start, start + count);
    }
    this.eachPiece(ref, offset, count, (memory, start, length, done) => {
      memory.copy(into, at + done, start, start + length);
      return true;
    });
    return count;
  }

  /** True when the record has the first `length` bytes of `other` at `offset`. For comparing keys. */
  equals(ref: Ref, bytes: number, offset: number, other: Uint8Array, length: number): boolean {
    if (length > other.length || offset + length > bytes) return false;
    if (ref < CHAINED) {
      return sameBytes(this.#memoryOf(ref), this.startOf(ref) + offset, other, 0, length);
    }
    return this.eachPiece(ref, offset, length, (memory, start, count, done) =>
      sameBytes(memory, start, other, done, count),
    );
  }

  /** Visits the memory of a chained record's bytes `offset` to `offset + bytes`, until `visit` says false. */
  eachPiece(ref: Ref, offset: number, bytes: number, visit: VisitPiece): boolean {
    let skip = offset;
    let done = 0;
    for (let node = ref - CHAINED; done < bytes; node = this.#extents.nextOf(node)) {
      assert(node !== NONE, 'bytes that are asked for lie inside their record');
      const length = this.#extents.countOf(node) << this.#blockShift;
      if (skip >= length) {
        skip -= length;
        continue;
      }
      const block = this.#extents.blockOf(node);
      const count = Math.min(length - skip, bytes - done);
      if (!visit(this.#memoryOf(block), this.startOf(block) + skip, count, done)) return false;
      done += count;
      skip = 0;
    }
    return true;
  }

  /** True when every piece of memory that a record lies in is known here; the owner may be ahead with a new one. */
  knows(ref: Ref): boolean {
    if (ref < CHAINED) return this.#segments[ref >>> this.#segmentShift] !== undefined;
    for (let node = ref - CHAINED; node !== NONE; node = this.#extents.nextOf(node)) {
      if (!this.#extents.has(node)) return false;
      if (this.#segments[this.#extents.blockOf(node) >>> this.#segmentShift] === undefined) return false;
    }
    return true;
  }

  /** Where a block starts in its segment, in bytes. */
  startOf(block: number): number {
    return (block & this.#indexMask) << this.#blockShift;
  }

  #memoryOf(block: number): Buffer<SharedArrayBuffer> {
    return this.#segments[block >>> this.#segmentShift]!.bytes;
  }
}

/** @returns false to stop. `done` is how many bytes were visited before. */
export type VisitPiece = (
  memory: Buffer<SharedArrayBuffer>,
  start: number,
  count: number,
  done: number,
) => boolean;

/** A loop, because keys are short: 60 bytes take 35 ns, where a native comparison takes 55. */
function sameBytes(a: Uint8Array, aStart: number, b: Uint8Array, bStart: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (a[aStart + i] !== b[bStart + i]) return false;
  return true;
}
