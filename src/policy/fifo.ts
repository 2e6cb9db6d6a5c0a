import { assert } from '../base/assert.ts';
import { NONE, SlotList } from './list.ts';
import type { EntryId, PolicyName } from './policy.ts';
import { type SlottedOptions, SlottedPolicy } from './slotted.ts';

const RESIDENT = 1;

/**
 * First in, first out: the oldest resident leaves; a hit changes nothing. The baseline of every eviction paper and
 * the queue that disks and CDNs like, because it writes in order.
 *
 * Deviation: when the oldest entries are pinned, the next one leaves and they are queued again at the head, as if
 * they had just arrived. Being served is use, and an entry left at the tail would have to be stepped over by every later eviction.
 *
 * Cost: hit O(1) and free of writes; admit O(victims) plus the pinned entries passed. 13 bytes per slot.
 */
export class Fifo extends SlottedPolicy {
  readonly name: PolicyName = 'fifo';
  protected readonly list: SlotList;

  constructor(options: SlottedOptions) {
    super(options);
    this.list = new SlotList(this.slots);
  }

  hit(id: EntryId): void {
    assert(this.slots.has(id), 'hit: the entry is not resident');
  }

  queuedColdestFirst(): Iterable<EntryId> {
    return this.list.oldestFirst();
  }

  protected lists(): readonly SlotList[] {
    return [this.list];
  }

  protected listOf(_id: EntryId): SlotList {
    return this.list;
  }

  protected insert(id: EntryId): void {
    this.slots.marks[id] = RESIDENT;
    this.list.pushHead(id);
  }

  protected canFree(bytes: number, exempt: EntryId): boolean {
    return this.list.unpinnedBytes(bytes, exempt, this.isPinned) >= bytes;
  }

  protected evictOne(exempt: EntryId, victims: EntryId[]): boolean {
    const { prev } = this.slots;
    for (let id = this.list.tail; id !== NONE; id = prev[id]!) {
      if (id === exempt || this.isPinned(id)) continue;
      this.list.moveOlderToHead(id, exempt);
      this.evict(id, victims);
      return true;
    }
    return false;
  }
}
