import { NONE, type SlotList } from '../../policy/list.ts';
import type { EntryId } from '../../policy/policy.ts';
import { ComparisonPolicy } from './comparison-policy.ts';
import type { Trace } from './trace.ts';

const RESIDENT = 1;

/**
 * Least frequently used: the resident with the fewest requests leaves, and among those the one that came to that number
 * first. Requests are counted from 1 while an object is resident, and forgotten when it leaves. In constant time by one list
 * for each number: Shah, Mitra, Matani: "An O(1) algorithm for implementing the LFU cache eviction scheme", 2010 (reprinted as
 * arXiv:2110.11602), https://arxiv.org/abs/2110.11602.
 *
 * Cost: hit O(1); admit O(victims), and O(different counts) each time that the last one of the least count left.
 * 17 bytes per slot, and a list for each count that there is.
 */
export class Lfu extends ComparisonPolicy {
  private readonly counts: Uint32Array;
  /** By the number of requests; none is empty. */
  private readonly lists = new Map<number, SlotList>();
  /** The least number that any resident has, unless `lists` has none of it. */
  private least = 1;

  constructor(trace: Trace, capacityBytes: number) {
    super(trace, capacityBytes);
    this.counts = new Uint32Array(trace.objects);
  }

  hit(id: EntryId): void {
    this.takeOut(id);
    this.counts[id] = this.counts[id]! + 1;
    this.putIn(id);
  }

  protected insert(id: EntryId): void {
    this.slots.marks[id] = RESIDENT;
    this.counts[id] = 1;
    this.least = 1;
    this.putIn(id);
  }

  protected evictOne(): EntryId {
    if (!this.lists.has(this.least)) this.least = Math.min(...this.lists.keys());
    const victim = this.lists.get(this.least)?.tail ?? NONE;
    this.takeOut(victim);
    return victim;
  }

  private takeOut(id: EntryId): void {
    const count = this.counts[id]!;
    const list = this.lists.get(count)!;
    list.unlink(id);
    if (list.count === 0) this.lists.delete(count);
  }

  private putIn(id: EntryId): void {
    const count = this.counts[id]!;
    let list = this.lists.get(count);
    if (list === undefined) {
      list = this.newList();
      this.lists.set(count, list);
    }
    list.pushHead(id);
  }
}
