import { assert } from '../base/assert.ts';
import { Fifo } from './fifo.ts';
import type { EntryId, PolicyName } from './policy.ts';
import { HELD } from './slotted.ts';

/**
 * Least recently used: {@link Fifo}'s queue, in which a hit makes the entry the newest again.
 * Mattson, Gecsei, Slutz, Traiger: "Evaluation techniques for storage hierarchies", IBM Systems Journal 9(2), 1970,
 * https://doi.org/10.1147/sj.92.0078. For unit sizes a larger cache always holds what a smaller one holds.
 *
 * Deviation: a pinned entry that is due to leave counts as used now and becomes the newest.
 *
 * Cost: hit O(1), up to six writes to the neighbours' links; admit O(victims) plus the pinned entries passed.
 * 13 bytes per slot.
 */
export class Lru extends Fifo {
  override readonly name: PolicyName = 'lru';

  override hit(id: EntryId): void {
    assert(this.slots.has(id), 'hit: the entry is not resident');
    if ((this.slots.marks[id]! & HELD) === 0) this.list.moveToHead(id);
  }
}
