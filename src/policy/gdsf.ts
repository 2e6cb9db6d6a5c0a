import { assert, InternalFault } from '../base/assert.ts';
import type { SlotList } from './list.ts';
import type { EntryId, PolicyName } from './policy.ts';
import { HELD, type SlottedOptions, SlottedPolicy } from './slotted.ts';

const RESIDENT = 1;
/** Scale of a priority, as in the reference implementation; only ratios matter. */
const SCALE = 1e6;
const COUNT_MAX = 0xffff;
/** Entries that a new heap has room for; it doubles. */
const HEAP_MIN = 1024;

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
  private heap = new Int32Array(HEAP_MIN);
  private length = 0;
  private readonly standing: Standing;
  private bytes = 0;
  private clock = 0;
  private touches = 0;
  private readonly passed: EntryId[] = [];

  constructor(options: SlottedOptions) {
    super(options);
    const { beside } = options;
    this.standing = beside instanceof Gdsf ? beside.standing : new Standing(this.slots.marks.length);
  }

  hit(id: EntryId): void {
    assert(this.slots.has(id), 'hit: the entry is not resident');
    const { counts } = this.standing;
    if (counts[id]! < COUNT_MAX) counts[id] = counts[id]! + 1;
    if ((this.slots.marks[id]! & HELD) !== 0) return;
    this.touch(id);
    this.sift(id);
  }

  override uses(id: EntryId): number {
    return this.standing.counts[id]! - 1;
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

  queuedColdestFirst(): Iterable<EntryId> {
    return [...this.heap.subarray(0, this.length)].sort((a, b) => (this.before(a, b) ? -1 : 1));
  }

  protected insert(id: EntryId): void {
    this.standing.reserve(this.slots.marks.length);
    this.slots.marks[id] = RESIDENT;
    this.standing.counts[id] = 1;
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
        this.clock = this.standing.priorities[id]!;
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
    const { priorities, touched, counts } = this.standing;
    this.touches += 1;
    touched[id] = this.touches;
    priorities[id] = this.clock + (counts[id]! * SCALE) / this.slots.sizes[id]!;
  }

  /** Whether `a` leaves before `b`. */
  private before(a: EntryId, b: EntryId): boolean {
    const { priorities, touched } = this.standing;
    const difference = priorities[a]! - priorities[b]!;
    return difference < 0 || (difference === 0 && touched[a]! < touched[b]!);
  }

  private push(id: EntryId): void {
    this.bytes += this.slots.sizes[id]!;
    if (this.length === this.heap.length) {
      const { heap } = this;
      this.heap = new Int32Array(heap.length * 2);
      this.heap.set(heap);
    }
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
}

/** What entries have come to, by slot: 18 bytes each. */
class Standing {
  priorities: Float64Array;
  /** When it was touched last, in touches. */
  touched: Float64Array;
  counts: Uint16Array;

  constructor(length: number) {
    this.priorities = new Float64Array(length);
    this.touched = new Float64Array(length);
    this.counts = new Uint16Array(length);
  }

  reserve(length: number): void {
    if (this.counts.length >= length) return;
    const { priorities, touched, counts } = this;
    this.priorities = new Float64Array(length);
    this.priorities.set(priorities);
    this.touched = new Float64Array(length);
    this.touched.set(touched);
    this.counts = new Uint16Array(length);
    this.counts.set(counts);
  }
}
