import type { EntryId } from '../../policy/policy.ts';
import { ComparisonPolicy } from './comparison-policy.ts';

const UNUSED = 1;
const USED = 2;

/**
 * CLOCK, also called second chance: a FIFO queue with one bit per object. A hit sets the bit; at the tail a set bit is cleared
 * and the object queued again. Corbató: "A paging experiment with the Multics system", In Honor of P. M. Morse, MIT Press 1969.
 *
 * Cost: hit O(1), one byte written; admit O(victims) amortised.
 */
export class Clock extends ComparisonPolicy {
  private readonly queue = this.newList();

  hit(id: EntryId): void {
    this.slots.marks[id] = USED;
  }

  protected insert(id: EntryId): void {
    this.slots.marks[id] = UNUSED;
    this.queue.pushHead(id);
  }

  protected evictOne(): EntryId {
    const { queue } = this;
    const { marks } = this.slots;
    while (marks[queue.tail] === USED) {
      marks[queue.tail] = UNUSED;
      queue.moveToHead(queue.tail);
    }
    const victim = queue.tail;
    queue.unlink(victim);
    return victim;
  }
}
