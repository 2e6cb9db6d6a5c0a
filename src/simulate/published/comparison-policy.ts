import { SlotList, Slots } from '../../policy/list.ts';
import type { EntryId } from '../../policy/policy.ts';
import type { Trace } from './trace.ts';

/**
 * What the policies share that exist to be compared with and never serve: nothing is pinned, held, purged or resized,
 * and the slot of an object is its key in the trace. They keep the columns and lists of the live policies, and the same rule
 * of admission: what is larger than the capacity stays out and evicts nobody, and all else is let in.
 */
export abstract class ComparisonPolicy {
  protected readonly slots: Slots;
  protected readonly capacityBytes: number;
  private usedBytes = 0;

  /** @param capacityBytes a whole number of at least 0. */
  constructor(trace: Trace, capacityBytes: number) {
    this.slots = new Slots(trace.objects);
    this.capacityBytes = capacityBytes;
  }

  /** Whether the object is resident. */
  has(id: EntryId): boolean {
    return this.slots.has(id);
  }

  /** A request for a resident object. */
  abstract hit(id: EntryId): void;

  /** A request for an object that is not resident, and is admitted if it is not too large. O(victims) evictions. */
  admit(id: EntryId, _fingerprint: number, sizeBytes: number): void {
    this.requested(id);
    if (sizeBytes > this.largestBytes()) return;
    while (this.lacksRoom(sizeBytes)) {
      const victim = this.evictOne();
      this.slots.marks[victim] = 0;
      this.usedBytes -= this.slots.sizes[victim]!;
    }
    this.slots.sizes[id] = sizeBytes;
    this.usedBytes += sizeBytes;
    this.insert(id);
  }

  /** Whether somebody has to leave before a newcomer of this size may enter. */
  protected lacksRoom(sizeBytes: number): boolean {
    return this.usedBytes + sizeBytes > this.capacityBytes;
  }

  /** Objects above this are not admitted. */
  protected largestBytes(): number {
    return this.capacityBytes;
  }

  /** Something that is not resident was asked for. */
  protected requested(_id: EntryId): void {}

  /** Takes in a newcomer, whose size is set, and gives it a non-zero mark. */
  protected abstract insert(id: EntryId): void;

  /** Takes out who leaves next. Only called while there is somebody. */
  protected abstract evictOne(): EntryId;

  protected newList(): SlotList {
    return new SlotList(this.slots);
  }
}
