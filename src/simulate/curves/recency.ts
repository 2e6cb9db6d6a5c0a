import { NONE, widened } from '../key-slots.ts';

const POSITIONS_MIN = 128;
/** With more of the positions taken after a renumbering, the next one would come too soon. */
const CROWDED_SHARE = 0.75;

/**
 * Slots in the order of their last use, with the bytes that lie above each: a Fenwick tree over positions of use (Bennett and
 * Kruskal: "LRU stack processing", IBM Journal of Research and Development 19(4), 1975; Fenwick: "A new data structure for
 * cumulative frequency tables", Software: Practice and Experience 24(3), 1994).
 *
 * Every use takes a new position. When they are used up, the slots are numbered anew from the oldest on, into twice as many
 * positions where most are taken. All operations are O(log n) amortised. 12 bytes a position, of which there are up to three times
 * as many as slots, and 4 a slot.
 */
export class RecencyOrder {
  /** Weights of all slots, summed. */
  bytes = 0;
  readonly #weightOf: (slot: number) => number;
  /** The tree: its element at i sums the weights of the i & -i positions up to i. Position 0 is never used. */
  #tree = new Float64Array(POSITIONS_MIN);
  #slotAt = new Int32Array(POSITIONS_MIN).fill(NONE);
  #positionOf = new Int32Array(POSITIONS_MIN);
  #count = 0;
  #latest = 0;

  /** @param weightOf bytes of a slot, at least 0; must not change while it is in the order, but right before {@link renumber}. */
  constructor(weightOf: (slot: number) => number) {
    this.#weightOf = weightOf;
  }

  /** Bytes of the slots that were used after this one, its own not among them. */
  bytesAbove(slot: number): number {
    const tree = this.#tree;
    let below = 0;
    for (let at = this.#positionOf[slot]!; at > 0; at &= at - 1) below += tree[at]!;
    return this.bytes - below;
  }

  /** Puts a slot that is not in the order on top of it. */
  add(slot: number): void {
    if (slot >= this.#positionOf.length) this.#widen(slot);
    if (this.#latest + 1 === this.#tree.length) this.renumber();
    this.#latest += 1;
    this.#count += 1;
    this.#positionOf[slot] = this.#latest;
    this.#slotAt[this.#latest] = slot;
    this.#weigh(this.#latest, this.#weightOf(slot));
  }

  /** Takes a slot out. */
  remove(slot: number): void {
    const at = this.#positionOf[slot]!;
    this.#slotAt[at] = NONE;
    this.#count -= 1;
    this.#weigh(at, -this.#weightOf(slot));
  }

  /** Numbers the slots anew, closing the gaps, and weighs them anew. O(positions). */
  renumber(): void {
    const from = this.#slotAt;
    const isCrowded = this.#count > from.length * CROWDED_SHARE;
    const length = isCrowded ? from.length * 2 : from.length;
    const slotAt = isCrowded ? new Int32Array(length).fill(NONE) : from;
    const tree = isCrowded ? new Float64Array(length) : this.#tree.fill(0);
    let position = 0;
    this.bytes = 0;
    for (let at = 1; at <= this.#latest; at += 1) {
      const slot = from[at]!;
      if (slot === NONE) continue;
      from[at] = NONE;
      position += 1;
      slotAt[position] = slot;
      this.#positionOf[slot] = position;
      tree[position] = this.#weightOf(slot);
      this.bytes += tree[position]!;
    }
    for (let at = 1; at < length; at += 1) {
      const above = at + (at & -at);
      if (above < length) tree[above]! += tree[at]!;
    }
    this.#latest = position;
    this.#slotAt = slotAt;
    this.#tree = tree;
  }

  /** From the one that was not used for the longest time to the latest. Those that were passed may be removed meanwhile. */
  *oldestFirst(): Generator<number> {
    for (let at = 1; at <= this.#latest; at += 1) {
      const slot = this.#slotAt[at]!;
      if (slot !== NONE) yield slot;
    }
  }

  /** Bytes that it takes. */
  get memoryBytes(): number {
    return this.#tree.byteLength + this.#slotAt.byteLength + this.#positionOf.byteLength;
  }

  #weigh(position: number, bytes: number): void {
    const tree = this.#tree;
    this.bytes += bytes;
    for (let at = position; at < tree.length; at += at & -at) tree[at]! += bytes;
  }

  #widen(slot: number): void {
    const slots = Math.max(slot + 1, this.#positionOf.length * 2);
    this.#positionOf = widened(this.#positionOf, new Int32Array(slots));
  }
}
