import { assert } from '../../base/assert.ts';
import { NONE } from './arena-runs.ts';

const FIELDS = 3;
const BLOCK = 0;
const COUNT = 1;
const NEXT = 2;
const NODES_MIN = 64;

/**
 * The extents of records that lie in several: chains of nodes of 12 bytes, beside the segments.
 *
 * They are kept beside, not inside the records' blocks, so that what a record is charged is known before it is
 * placed and does not depend on how scattered free space happens to be.
 */
export class ExtentTable {
  /** Nodes in use: one per extent. */
  count = 0;
  #nodes = new Int32Array(0);
  #free = NONE;

  /** Bytes the table takes: 12 per extent at the highest mark since it was last empty, rounded up to a power of two. */
  get heldBytes(): number {
    return this.#nodes.byteLength;
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
      this.#nodes[node * FIELDS + COUNT] = 0;
      this.#nodes[node * FIELDS + NEXT] = this.#free;
      this.#free = node;
      this.count -= 1;
      node = next;
    }
    if (this.count > 0) return;
    this.#nodes = new Int32Array(0);
    this.#free = NONE;
  }

  /** The first block of an extent. */
  blockOf(node: number): number {
    return this.#nodes[node * FIELDS + BLOCK]!;
  }

  /** The blocks of an extent; 0 for a node that is not in use. */
  countOf(node: number): number {
    return this.#nodes[node * FIELDS + COUNT]!;
  }

  /** The node of the record's next extent, or NONE. */
  nextOf(node: number): number {
    return this.#nodes[node * FIELDS + NEXT]!;
  }

  #node(block: number, count: number, next: number): number {
    if (this.#free === NONE) this.#grow();
    const node = this.#free;
    this.#free = this.nextOf(node);
    this.#nodes[node * FIELDS + BLOCK] = block;
    this.#nodes[node * FIELDS + COUNT] = count;
    this.#nodes[node * FIELDS + NEXT] = next;
    this.count += 1;
    return node;
  }

  #grow(): void {
    const before = this.#nodes.length / FIELDS;
    const after = Math.max(NODES_MIN, before * 2);
    const nodes = new Int32Array(after * FIELDS);
    nodes.set(this.#nodes);
    for (let node = after - 1; node >= before; node--) {
      nodes[node * FIELDS + NEXT] = this.#free;
      this.#free = node;
    }
    this.#nodes = nodes;
  }
}
