import { assert } from '../base/assert.ts';
import { NONE, type SlotList, Slots } from './list.ts';
import type { EntryId, EvictionPolicy, PolicyName, PolicyOptions } from './policy.ts';

/** Largest charge of one entry: sizes are kept in 32 bits. A larger newcomer is refused as too large. */
const MAX_ENTRY_BYTES = 0xffff_ffff;

export interface SlottedOptions extends PolicyOptions {
  /** Slots to allocate up front, usually the size of the entry table. More are added by doubling. Default 1,024. */
  readonly slots?: number;
}

/**
 * What all policies share: the byte account, and the rule that room is made wholly or not at all.
 * A subclass says in which list a newcomer goes and who leaves next.
 *
 * **All or nothing.** Before anybody is evicted, {@link canFree} looks for enough bytes that are not pinned, in the
 * order in which the eviction is going to proceed. That walk stops as soon as it found them: it visits entries for
 * no more bytes than must be freed, plus the pinned ones in between. Only when so much is pinned that the answer is
 * "refuse" does it visit every entry, O(n). After a yes, the eviction cannot fail.
 */
export abstract class SlottedPolicy implements EvictionPolicy {
  abstract readonly name: PolicyName;
  protected readonly slots: Slots;
  protected readonly isPinned: (id: EntryId) => boolean;
  private capacity: number;
  private used = 0;
  private residents = 0;

  constructor(options: SlottedOptions) {
    assertCapacity(options.capacityBytes);
    this.capacity = options.capacityBytes;
    this.isPinned = options.isPinned;
    this.slots = new Slots(options.slots);
  }

  get capacityBytes(): number {
    return this.capacity;
  }

  get usedBytes(): number {
    return this.used;
  }

  get count(): number {
    return this.residents;
  }

  has(id: EntryId): boolean {
    return this.slots.has(id);
  }

  abstract hit(id: EntryId): void;

  admit(id: EntryId, fingerprint: number, sizeBytes: number, victims: EntryId[]): boolean {
    assert(!this.slots.has(id), 'admit: the slot is already resident');
    assert(
      Number.isInteger(sizeBytes) && sizeBytes >= 1,
      'admit: a size is a whole number of at least 1 byte',
    );
    assert(Number.isSafeInteger(fingerprint) && fingerprint >= 0, 'admit: a fingerprint is 0 to 2^53 - 1');
    if (sizeBytes > this.capacity || sizeBytes > MAX_ENTRY_BYTES || !this.accepts(sizeBytes)) return false;
    const excess = this.used + sizeBytes - this.capacity;
    if (excess > 0 && !this.canFree(excess, NONE)) return false;
    this.slots.reserve(id);
    const place = this.placeOf(fingerprint, sizeBytes);
    if (excess > 0) {
      this.evictDownTo(this.capacity - sizeBytes, NONE, victims);
      assert(this.used + sizeBytes <= this.capacity, 'admit: bytes found to be unpinned could not be freed');
    }
    this.slots.sizes[id] = sizeBytes;
    this.used += sizeBytes;
    this.residents += 1;
    this.insert(id, fingerprint, place);
    return true;
  }

  recharge(id: EntryId, sizeBytes: number, victims: EntryId[]): boolean {
    assert(this.slots.has(id), 'recharge: the entry is not resident');
    assert(
      Number.isInteger(sizeBytes) && sizeBytes >= 1,
      'recharge: a size is a whole number of at least 1 byte',
    );
    const growth = sizeBytes - this.slots.sizes[id]!;
    if (growth > 0) {
      if (sizeBytes > this.capacity || sizeBytes > MAX_ENTRY_BYTES) return false;
      const excess = this.used + growth - this.capacity;
      if (excess > 0) {
        if (!this.canFree(excess, id)) return false;
        this.evictDownTo(this.capacity - growth, id, victims);
        assert(
          this.used + growth <= this.capacity,
          'recharge: bytes found to be unpinned could not be freed',
        );
      }
    }
    this.slots.sizes[id] = sizeBytes;
    this.listOf(id).bytes += growth;
    this.used += growth;
    return true;
  }

  remove(id: EntryId): void {
    assert(this.slots.has(id), 'remove: the entry is not resident');
    this.drop(id);
  }

  resize(capacityBytes: number, victims: EntryId[]): void {
    assertCapacity(capacityBytes);
    this.capacity = capacityBytes;
    this.resized(capacityBytes);
    this.trim(victims);
  }

  trim(victims: EntryId[]): void {
    this.evictDownTo(this.capacity, NONE, victims);
  }

  abstract coldestFirst(): Iterable<EntryId>;

  check(): void {
    let count = 0;
    let bytes = 0;
    for (const list of this.lists()) {
      list.check();
      for (const id of list.oldestFirst())
        assert(this.listOf(id) === list, 'an entry is in another list than its mark says');
      count += list.count;
      bytes += list.bytes;
    }
    let marked = 0;
    for (const mark of this.slots.marks) if (mark !== 0) marked += 1;
    assert(count === marked, 'slots marked as resident differ from a recount');
    assert(count === this.residents, 'count differs from a recount');
    assert(bytes === this.used, 'usedBytes differs from a recount');
  }

  /** Every list of residents. */
  protected abstract lists(): readonly SlotList[];

  /** The list in which a resident is. O(1). */
  protected abstract listOf(id: EntryId): SlotList;

  /** False when the algorithm refuses an object of this size whatever the room. */
  protected accepts(_sizeBytes: number): boolean {
    return true;
  }

  /** Where a newcomer will go: asked once it is certain to be admitted, before anybody is evicted for it. */
  protected placeOf(_fingerprint: number, _sizeBytes: number): number {
    return 0;
  }

  /** Links a newcomer, whose size is set, and gives it a non-zero mark. `place` is what {@link placeOf} said. */
  protected abstract insert(id: EntryId, fingerprint: number, place: number): void;

  /** Whether residents other than `exempt` hold `bytes` that are not pinned. Changes nothing. */
  protected abstract canFree(bytes: number, exempt: EntryId): boolean;

  /**
   * Evicts the next one, or returns false when every resident other than `exempt` is pinned.
   * `exempt` is left where it is in its list.
   */
  protected abstract evictOne(exempt: EntryId, victims: EntryId[]): boolean;

  /** The capacity changed; evictions follow. */
  protected resized(_capacityBytes: number): void {}

  /** Takes a resident out of list and account. O(1). */
  protected drop(id: EntryId): void {
    this.listOf(id).unlink(id);
    this.slots.marks[id] = 0;
    this.used -= this.slots.sizes[id]!;
    this.residents -= 1;
  }

  protected evict(id: EntryId, victims: EntryId[]): void {
    this.drop(id);
    victims.push(id);
  }

  private evictDownTo(limitBytes: number, exempt: EntryId, victims: EntryId[]): void {
    let more = true;
    while (more && this.used > limitBytes) more = this.evictOne(exempt, victims);
  }
}

function assertCapacity(capacityBytes: number): void {
  assert(
    Number.isSafeInteger(capacityBytes) && capacityBytes >= 0,
    'a capacity is a whole number of bytes, at least 0',
  );
}
