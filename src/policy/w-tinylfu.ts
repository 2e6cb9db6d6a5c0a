import { assert } from '../base/assert.ts';
import { FingerprintColumn } from './ghost.ts';
import { NONE, SlotList } from './list.ts';
import type { EntryId, PolicyName } from './policy.ts';
import { FrequencySketch } from './sketch.ts';
import { HELD, type SlottedOptions, SlottedPolicy } from './slotted.ts';

/** A mark names the queue. */
const IN_WINDOW = 1;
const IN_PROBATION = 2;
const IN_PROTECTED = 4;

/** Share of the capacity that newcomers pass through, and share of the rest that is protected. */
const WINDOW_SHARE = 0.01;
const PROTECTED_SHARE = 0.8;
/** Victims whose frequencies are added up before a candidate is let in: bounds the work of a contest. */
const VICTIMS_MAX = 256;

/**
 * W-TinyLFU. Einziger, Friedman, Manes: "TinyLFU: A Highly Efficient Cache Admission Policy", ACM Transactions on
 * Storage 13(4), 2017, https://doi.org/10.1145/3149371. For objects of different sizes as in Einziger, Eytan, Friedman,
 * Manes: "Lightweight Robust Size Aware Cache Management", ACM Transactions on Storage 18(3), 2022,
 * https://doi.org/10.1145/3507920, its variant AV (aggregated victims).
 *
 * Newcomers enter a *window* (LRU, 1 % of the capacity). What the window pushes out is a candidate for the main part
 * (segmented LRU: *probation*, and four fifths *protected* for what was hit there). A candidate stays only if it was
 * asked for more often than all those together whose room it takes ({@link FrequencySketch}); ties keep who is there. A
 * newcomer larger than the window is a candidate at once, and `admit` may decline it.
 *
 * Deviations: (1) while there is room nobody contests; (2) a candidate that loses leaves, but those that it
 * lost to keep their places, so that a refusal changes nothing; (3) after 256 victims that together were asked for less
 * often than the candidate the contest is decided; (4) a pinned entry that would leave counts as used now.
 *
 * Cost: hit O(1) amortised, some ten memory accesses for the sketch; admit O(victims) amortised. 17 bytes per slot and
 * 6 to 12 per entry for the sketch.
 */
export class WTinyLfu extends SlottedPolicy {
  readonly name: PolicyName = 'w-tinylfu';
  private readonly window: SlotList;
  private readonly probation: SlotList;
  private readonly protected: SlotList;
  private readonly fingerprints: FingerprintColumn;
  private readonly sketch = new FrequencySketch();
  private windowCapacity = 0;
  /** Bytes that are about to enter the window. */
  private incoming = 0;
  /** Whether the latest newcomer needed others to leave. */
  private pressed = false;

  constructor(options: SlottedOptions) {
    super(options);
    this.window = new SlotList(this.slots);
    this.probation = new SlotList(this.slots);
    this.protected = new SlotList(this.slots);
    const { beside } = options;
    this.fingerprints =
      beside instanceof WTinyLfu ? beside.fingerprints : new FingerprintColumn(this.slots.marks.length);
    this.resized(options.capacityBytes);
  }

  hit(id: EntryId): void {
    assert(this.slots.has(id), 'hit: the entry is not resident');
    this.sketch.add(this.fingerprints.get(id));
    const { marks } = this.slots;
    const mark = marks[id]!;
    if (mark === IN_WINDOW) this.window.moveToHead(id);
    else if (mark === IN_PROTECTED) this.protected.moveToHead(id);
    else if (mark === IN_PROBATION) {
      this.probation.unlink(id);
      this.protect(id);
    } else if ((mark & IN_PROBATION) !== 0) marks[id] = (mark & HELD) | IN_PROTECTED;
  }

  override uses(id: EntryId): number {
    return Math.max(0, this.sketch.estimate(this.fingerprints.get(id)) - 1);
  }

  /** Main before window: exact but for the contests, whose outcome depends on what else is asked for meanwhile. */
  *queuedColdestFirst(): Generator<EntryId> {
    for (const list of this.lists()) yield* list.oldestFirst();
  }

  protected lists(): readonly SlotList[] {
    return [this.probation, this.protected, this.window];
  }

  protected listOf(id: EntryId): SlotList {
    const mark = this.slots.marks[id]!;
    if ((mark & IN_WINDOW) !== 0) return this.window;
    return (mark & IN_PROBATION) === 0 ? this.protected : this.probation;
  }

  protected override resized(capacityBytes: number): void {
    this.windowCapacity = Math.floor(capacityBytes * WINDOW_SHARE);
  }

  protected override requested(fingerprint: number): void {
    this.sketch.add(fingerprint);
    this.pressed = false;
  }

  protected override prefersOthers(fingerprint: number, sizeBytes: number, excessBytes: number): boolean {
    this.pressed = true;
    return sizeBytes > this.windowCapacity && !this.wins(fingerprint, excessBytes, NONE);
  }

  protected override placeOf(_fingerprint: number, sizeBytes: number): number {
    const place = sizeBytes > this.windowCapacity ? IN_PROBATION : IN_WINDOW;
    this.incoming = place === IN_WINDOW ? sizeBytes : 0;
    return place;
  }

  protected insert(id: EntryId, fingerprint: number, place: number): void {
    this.incoming = 0;
    this.fingerprints.set(id, fingerprint);
    this.sketch.ensure(this.count);
    this.slots.marks[id] = place;
    this.enqueue(id);
  }

  protected override enqueue(id: EntryId): void {
    if (this.slots.marks[id] === IN_PROTECTED) this.protect(id);
    else this.listOf(id).pushHead(id);
    // Where nobody has to leave, the window's surplus goes to main without a contest.
    while (!this.pressed && this.window.bytes > this.windowCapacity) this.moveToMain(this.window.tail);
  }

  protected canFree(bytes: number, exempt: EntryId): boolean {
    let found = 0;
    for (const list of this.lists()) {
      if (found < bytes) found += list.unpinnedBytes(bytes - found, exempt, this.isPinned);
    }
    return found >= bytes;
  }

  protected evictOne(exempt: EntryId, victims: EntryId[]): boolean {
    const { prev, sizes } = this.slots;
    let id = this.window.tail;
    while (id !== NONE && this.window.bytes + this.incoming > this.windowCapacity) {
      const newer = prev[id]!;
      if (id !== exempt) {
        if (!this.isPinned(id) && !this.wins(this.fingerprints.get(id), sizes[id]!, exempt)) {
          this.evict(id, victims);
          return true;
        }
        this.moveToMain(id);
      }
      id = newer;
    }
    for (const list of this.lists()) if (this.evictOldest(list, exempt, victims)) return true;
    return false;
  }

  private evictOldest(list: SlotList, exempt: EntryId, victims: EntryId[]): boolean {
    const { prev } = this.slots;
    for (let id = list.tail; id !== NONE; id = prev[id]!) {
      if (id === exempt || this.isPinned(id)) continue;
      list.moveOlderToHead(id, exempt);
      this.evict(id, victims);
      return true;
    }
    return false;
  }

  /** Whether a candidate was asked for more often than all those of main together that hold the bytes it needs. */
  private wins(fingerprint: number, bytes: number, exempt: EntryId): boolean {
    const { prev, sizes } = this.slots;
    const frequency = this.sketch.estimate(fingerprint);
    let needed = bytes;
    let theirs = 0;
    let count = 0;
    for (const list of [this.probation, this.protected]) {
      for (let id = list.tail; id !== NONE; id = prev[id]!) {
        if (id === exempt || this.isPinned(id)) continue;
        theirs += this.sketch.estimate(this.fingerprints.get(id));
        if (theirs >= frequency) return false;
        needed -= sizes[id]!;
        count += 1;
        if (needed <= 0 || count === VICTIMS_MAX) return true;
      }
    }
    return true;
  }

  private moveToMain(id: EntryId): void {
    this.window.unlink(id);
    this.slots.marks[id] = IN_PROBATION;
    this.probation.pushHead(id);
  }

  /** Links an entry as the newest of the protected; what that part cannot hold goes back on probation. */
  private protect(id: EntryId): void {
    this.slots.marks[id] = IN_PROTECTED;
    this.protected.pushHead(id);
    const heldBytes = this.heldBytes('young') + this.heldBytes('kept');
    const capacity = (this.capacityBytes - heldBytes - this.windowCapacity) * PROTECTED_SHARE;
    while (this.protected.bytes > capacity && this.protected.tail !== NONE) {
      const oldest = this.protected.tail;
      this.protected.unlink(oldest);
      this.slots.marks[oldest] = IN_PROBATION;
      this.probation.pushHead(oldest);
    }
  }
}
