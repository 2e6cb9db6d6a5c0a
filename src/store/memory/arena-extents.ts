import { assert } from '../../base/assert.ts';
import { NONE } from './arena-runs.ts';

const FIELDS = 3;
const BLOCK = 0;
const COUNT = 1;
const NEXT = 2;
/** log2 of the nodes of a chunk: 6 KiB of them. */
const CHUNK_SHIFT = 9;
const CHUNK_NODES = 1 << CHUNK_SHIFT;

/** A piece of the table: shared memory that stays where it is, so that other threads can follow chains in it. */
export type ExtentChunk = Int32Array<SharedArrayBuffer>;

/** The chains of extents as anybody may read them; the owner's table grows by whole chunks. */
export class ExtentNodes {
  readonly chunks: ExtentChunk[];

  constructor(chunks: ExtentChunk[]) {
    this.chunks = chunks;
  }

  /** True when the chunk that a node lies in is here. */
  has(node: number): boolean {
    return this.chunks[node >>> CHUNK_SHIFT] !== undefined;
  }

  /** The first block of an extent. */
  blockOf(node: number): number {
    return this.get(node, BLOCK);
  }

  /** The blocks of an extent; 0 for a node that is not in use. */
  countOf(node: number): number {
    return this.get(node, COUNT);
  }

  /** The node of the record's next extent, or NONE. */
  nextOf(node: number): number {
    return this.get(node, NEXT);
  }

  protected get(node: number, field: number): number {
    return this.chunks[node >>> CHUNK_SHIFT]![(node & (CHUNK_NODES - 1)) * FIELDS + field]!;
  }
}

/**
 * The extents of records that lie in several: chains of nodes of 12 bytes, beside the segments.
 *
 * They are kept beside, not inside the records' blocks, so that what a record is charged is known before it is
 * placed and does not depend on how scattered free space happens to be.
 */
export class ExtentTable extends ExtentNodes {
  /** Nodes in use: one per extent. */
  count = 0;
  readonly #onChunk: (index: number, chunk: ExtentChunk) => void;
  #free = NONE;

  /** @param onChunk told of each chunk that is added; none is ever taken away. */
  constructor(onChunk: (index: number, chunk: ExtentChunk) => void = () => undefined) {
    super([]);
    this.#onChunk = onChunk;
  }

  /** Bytes the table takes: 12 per extent at the highest mark, rounded up to chunks. */
  get heldBytes(): number {
    return this.chunks.length * CHUNK_NODES * FIELDS * 4;
  }

  /**
   * Keeps a chain.
   *
   * @param extents first block and length of each extent, in the order of the record's bytes; at least one pair.
   * @returns its first node.
   */
  add(extents: readonly number[]): number {
    let next = NONE;
    for (let i = extents.length - 2; i >= 0; i -= 2) next = this.#node(extents[i]!, extents[i + 1]!, next);
    return next;
  }

  /** Forgets the chain that starts at `first`. */
  remove(first: number): void {
    for (let node = first; node !== NONE; ) {
      assert(this.countOf(node) > 0, 'a chain is removed only once');
      const next = this.nextOf(node);
      this.#set(node, COUNT, 0);
      this.#set(node, NEXT, this.#free);
      this.#free = node;
      this.count -= 1;
      node = next;
    }
  }

  #node(block: number, count: number, next: number): number {
    if (this.#free === NONE) this.#grow();
    const node = this.#free;
    this.#free = this.nextOf(node);
    this.#set(node, BLOCK, block);
    this.#set(node, COUNT, count);
    this.#set(node, NEXT, next);
    this.count += 1;
    return node;
  }

  #grow(): void {
    const index = this.chunks.length;
    const chunk = new Int32Array(new SharedArrayBuffer(CHUNK_NODES * FIELDS * 4));
    this.chunks.push(chunk);
    for (let node = (index + 1) * CHUNK_NODES - 1; node >= index * CHUNK_NODES; node -= 1) {
      this.#set(node, NEXT, this.#free);
      this.#free = node;
    }
    this.#onChunk(index, chunk);
  }

  #set(node: number, field: number, value: number): void {
    this.chunks[node >>> CHUNK_SHIFT]![(node & (CHUNK_NODES - 1)) * FIELDS + field] = value;
  }
}
