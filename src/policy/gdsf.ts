import { assert, InternalFault } from '../base/assert.ts';
import type { SlotList } from './list.ts';
import type { EntryId, PolicyName } from './policy.ts';
import { HELD, type SlottedOptions, SlottedPolicy } from './slotted.ts';

const RESIDENT = 1;
/** Scale of a priority, as in the reference implementation; only ratios matter. */
const SCALE = 1e6;
const COUNT_MAX = 0xffff;

/**
 * Greedy-Dual-Size-Frequency. Cherkasova: "Improving WWW Proxies Performance with Greedy-Dual-Size-Frequency Caching
 * Policy", HP Laboratories report HPL-98-69R1, 1998. Every miss costs the same, so it keeps the number of misses low
 * and has little regard for their bytes.
 *
 * An entry's priority is `clock + frequency / size`; who has the least leaves, and the clock becomes that priority, so that
 * what was popular long ago ages. Among equal priorities the one that was touched least recently leaves.
 *
 * Deviations: a pinned entry that would leave counts as touched then (its frequency stays); a frequency counts to 65,535.
 *
 * Cost: hit and admit O(log n) in a binary heap, each eviction too, and as much for each pinned entry passed. 35 bytes per slot.
 */
export class Gdsf extends SlottedPolicy {
  readonly name: PolicyName = 'gdsf';
  private heap: Int32Array;
  private length = 0;
  private priorities: Float64Array;
  /** When it was touched last, in touches. */
  private touched: Float64Array;
  private counts: Uint16Array;
  private bytes = 0;
  private clock = 0;
  private touches = 0;
  private readonly passed: EntryId[] = [];

  constructor(options: SlottedOptions) {
    super(options);
    const { length } = this.slots.marks;
    this.heap = new Int32Array(length);
    this.priorities = new Float64Array(length);
    this.touched = new Float64Array(length);
    this.counts = new Uint16Array(length);
  }

  hit(id: EntryId): void {
    assert(this.slots.has(id), 'hit: the entry is not resident');
    if (this.counts[id]! < COUNT_MAX) this.counts[id] = this.counts[id]! + 1;
    if ((this.slots.marks[id]! & HELD) !== 0) return;
    this.touch(id);
    this.sift(id);
  }

  protected lists(): readonly SlotList[] {
    return [];
  }

  protected override checkQueues(): { count: number; bytes: number } {
    let bytes = 0;
    for (let at = 0; at < this.length; at += 1) {
      const id = this.heap[at]!;
      assert(this.slots.marks[id] === RESIDENT, 'gdsf: an entry of the heap is marked otherwise');
      assert(this.slots.prev[id] === at, 'gdsf: an entry does not know its place in the heap');
      assert(at === 0 || !this.before(id, this.heap[(at - 1) >> 1]!), 'gdsf: the heap is out of order');
      bytes += this.slots.sizes[id]!;
    }
    assert(bytes === this.bytes, 'gdsf: bytes of the heap differ from a recount');
    return { count: this.length, bytes };
  }

  protected queuedColdestFirst(): Iterable<EntryId> {
    return [...this.heap.subarray(0, this.length)].sort((a, b) => (this.before(a, b) ? -1 : 1));
  }

  protected insert(id: EntryId): void {
    const { length } = this.slots.marks;
    if (this.heap.length < length) this.widen(length);
    this.slots.marks[id] = RESIDENT;
    this.counts[id] = 1;
    this.enqueue(id);
  }

  protected override enqueue(id: EntryId): void {
    this.touch(id);
    this.push(id);
  }

  protected override dequeue(id: EntryId): void {
    const at = this.slots.prev[id]!;
    this.length -= 1;
    this.bytes -= this.slots.sizes[id]!;
    const last = this.heap[this.length]!;
    if (last === id) return;
    this.put(last, at);
    this.sift(last);
  }

  protected override grown(id: EntryId, growthBytes: number): void {
    this.bytes += growthBytes;
    // Its priority follows with the next touch: a recharge keeps the entry's place.
    assert(this.slots.marks[id] === RESIDENT, 'gdsf: only what is in the heap grows here');
  }

  protected canFree(bytes: number, exempt: EntryId): boolean {
    let found = 0;
    for (let at = 0; at < this.length && found < bytes; at += 1) {
      const id = this.heap[at]!;
      if (id !== exempt && !this.isPinned(id)) found += this.slots.sizes[id]!;
    }
    return found >= bytes;
  }

  protected evictOne(exempt: EntryId, victims: EntryId[]): boolean {
    const { passed } = this;
    let found = false;
    while (this.length > 0 && !found) {
      const id = this.heap[0]!;
      found = id !== exempt && !this.isPinned(id);
      if (found) {
        this.clock = this.priorities[id]!;
        this.evict(id, victims);
      } else {
        this.dequeue(id);
        passed.push(id);
      }
    }
    for (const id of passed) {
      if (found && id !== exempt) this.touch(id);
      this.push(id);
    }
    passed.length = 0;
    return found;
  }

  protected listOf(_id: EntryId): SlotList {
    throw new InternalFault('gdsf: the queue is a heap, not a list');
  }

  private touch(id: EntryId): void {
    this.touches += 1;
    this.touched[id] = this.touches;
    this.priorities[id] = this.clock + (this.counts[id]! * SCALE) / this.slots.sizes[id]!;
  }

  /** Whether `a` leaves before `b`. */
  private before(a: EntryId, b: EntryId): boolean {
    const difference = this.priorities[a]! - this.priorities[b]!;
    return difference < 0 || (difference === 0 && this.touched[a]! < this.touched[b]!);
  }

  private push(id: EntryId): void {
    this.bytes += this.slots.sizes[id]!;
    this.length += 1;
    this.put(id, this.length - 1);
    this.sift(id);
  }

  private put(id: EntryId, at: number): void {
    this.heap[at] = id;
    this.slots.prev[id] = at;
  }

  /** Moves an entry up or down to where its priority belongs. */
  private sift(id: EntryId): void {
    const { heap, length } = this;
    let at = this.slots.prev[id]!;
    while (at > 0 && this.before(id, heap[(at - 1) >> 1]!)) {
      this.put(heap[(at - 1) >> 1]!, at);
      at = (at - 1) >> 1;
    }
    for (let child = at * 2 + 1; child < length; child = at * 2 + 1) {
      if (child + 1 < length && this.before(heap[child + 1]!, heap[child]!)) child += 1;
      if (!this.before(heap[child]!, id)) break;
      this.put(heap[child]!, at);
      at = child;
    }
    this.put(id, at);
  }

  private widen(length: number): void {
    const [heap, priorities, touched, counts] = [this.heap, this.priorities, this.touched, this.counts];
    this.heap = new Int32Array(length);
    this.heap.set(heap);
    this.priorities = new Float64Array(length);
    this.priorities.set(priorities);
    this.touched = new Float64Array(length);
    this.touched.set(touched);
    this.counts = new Uint16Array(length);
    this.counts.set(counts);
  }
}
