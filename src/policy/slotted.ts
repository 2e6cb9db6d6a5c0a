import { assert } from '../base/assert.ts';
import { NONE, SlotList, Slots } from './list.ts';
import type { EntryId, EvictionPolicy, Favour, HoldKind, PolicyName, PolicyOptions } from './policy.ts';

/** Largest charge of one entry: sizes are kept in 32 bits. A larger newcomer is refused as too large. */
const MAX_ENTRY_BYTES = 0xffff_ffff;

const YOUNG = 64;
const KEPT = 128;
/** The bits of a mark that say that an entry is held, and so in no queue of the algorithm. Only this file sets them. */
export const HELD = YOUNG | KEPT;

export interface SlottedOptions extends PolicyOptions {
  /** Slots to allocate up front, usually the size of the entry table. More are added by doubling. Default 1,024. */
  readonly slots?: number;
  /** A policy of the same name, over other entries of the same table: their columns are shared, and which is held longest is known of both. */
  readonly beside?: SlottedPolicy | undefined;
}

/**
 * What all policies share: the byte account, and the rule that room is made wholly or not at all.
 * A subclass says in which list a newcomer goes and who leaves next.
 *
 * **All or nothing.** Before anybody is evicted, {@link canFree} looks for enough bytes that are not pinned, in the
 * order in which the eviction is going to proceed. That walk stops as soon as it found them: it visits entries for
 * no more bytes than must be freed, plus the pinned ones in between. Only when so much is pinned that the answer is
 * "refuse" does it visit every entry, O(n). After a yes, the eviction cannot fail.
 *
 * **Held entries** are in lists of their own. What they leave to others is known by their bytes, at once.
 *
 * **Two beside each other** (`shared.ts`) have queues of their own, and all else that takes memory by the slot in common: an entry
 * is in one of them only.
 */
export abstract class SlottedPolicy implements EvictionPolicy {
  abstract readonly name: PolicyName;
  protected readonly slots: Slots;
  protected readonly isPinned: (id: EntryId) => boolean;
  private capacity: number;
  private used = 0;
  private residents = 0;
  private refusedByChoice = false;
  private readonly held: Readonly<Record<HoldKind, SlotList>>;
  /** Of those, what is this policy's own. */
  private readonly heldHere: Record<HoldKind, number> = { young: 0, kept: 0 };

  constructor(options: SlottedOptions) {
    const { beside } = options;
    assertCapacity(options.capacityBytes);
    this.capacity = options.capacityBytes;
    this.isPinned = options.isPinned;
    this.slots = beside?.slots ?? new Slots(options.slots);
    this.held = beside?.held ?? { young: new SlotList(this.slots), kept: new SlotList(this.slots) };
  }

  get declined(): boolean {
    return this.refusedByChoice;
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
    this.refusedByChoice = false;
    this.requested(fingerprint, sizeBytes);
    if (sizeBytes > this.capacity || sizeBytes > MAX_ENTRY_BYTES || !this.accepts(sizeBytes)) return false;
    const excess = this.used + sizeBytes - this.capacity;
    if (excess > this.contestedBytes) return false;
    // Before the search for room, whose cost is only bounded by the newcomer's size.
    this.refusedByChoice = excess > 0 && this.prefersOthers(fingerprint, sizeBytes, excess);
    if (this.refusedByChoice || (excess > 0 && !this.canFree(excess, NONE))) return false;
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
        if (excess > this.contestedBytes || !this.canFree(excess, id)) return false;
        this.evictDownTo(this.capacity - growth, id, victims);
        assert(
          this.used + growth <= this.capacity,
          'recharge: bytes found to be unpinned could not be freed',
        );
      }
    }
    this.slots.sizes[id] = sizeBytes;
    const kind = this.kindOf(id);
    if (kind === undefined) this.grown(id, growth);
    else {
      this.held[kind].bytes += growth;
      this.heldHere[kind] += growth;
    }
    this.used += growth;
    return true;
  }

  renewing(_id: EntryId): void {}

  favour(_side: Favour): void {}

  hold(id: EntryId, kind: HoldKind): void {
    assert(this.slots.has(id), 'hold: the entry is not resident');
    this.detach(id);
    this.slots.marks[id] = (this.slots.marks[id]! & ~HELD) | (kind === 'young' ? YOUNG : KEPT);
    this.held[kind].pushHead(id);
    this.heldHere[kind] += this.slots.sizes[id]!;
  }

  release(id: EntryId): void {
    assert(this.kindOf(id) !== undefined, 'release: the entry is not held');
    this.detach(id);
    this.slots.marks[id] = this.slots.marks[id]! & ~HELD;
    this.enqueue(id);
  }

  isHeld(id: EntryId, kind: HoldKind): boolean {
    return this.slots.has(id) && (this.slots.marks[id]! & (kind === 'young' ? YOUNG : KEPT)) !== 0;
  }

  heldBytes(kind: HoldKind): number {
    return this.heldHere[kind];
  }

  roomBytes(): number {
    return this.capacity - this.heldHere.young - this.heldHere.kept;
  }

  longestHeld(kind: HoldKind): EntryId {
    return this.held[kind].tail;
  }

  remove(id: EntryId): void {
    assert(this.slots.has(id), 'remove: the entry is not resident');
    this.drop(id);
  }

  resize(capacityBytes: number, victims: EntryId[]): void {
    this.bound(capacityBytes);
    this.trim(victims);
  }

  /** Sets the capacity and evicts nobody: whoever is above it leaves with the next {@link trim}, or newcomer. O(1) amortised. */
  bound(capacityBytes: number): void {
    assertCapacity(capacityBytes);
    if (capacityBytes === this.capacity) return;
    this.capacity = capacityBytes;
    this.resized(capacityBytes);
  }

  /** Whether residents other than `exempt` of so many bytes could leave now. Changes nothing. Visits as many as hold them. */
  canSpare(bytes: number, exempt: EntryId = NONE): boolean {
    return bytes <= this.contestedBytes && this.canFree(bytes, exempt);
  }

  /** Slots that there are columns for. */
  get slotCount(): number {
    return this.slots.marks.length;
  }

  /** What a resident is charged. */
  sizeBytes(id: EntryId): number {
    return this.slots.sizes[id]!;
  }

  trim(victims: EntryId[]): void {
    this.evictDownTo(this.capacity, NONE, victims);
  }

  *coldestFirst(): Generator<EntryId> {
    yield* this.queuedColdestFirst();
    yield* this.heldLongestFirst();
  }

  /** What {@link coldestFirst} says of the entries that are held, those of a policy beside this one included. */
  *heldLongestFirst(): Generator<EntryId> {
    yield* this.held.young.oldestFirst();
    yield* this.held.kept.oldestFirst();
  }

  check(): void {
    const count = this.recount(() => true);
    let marked = 0;
    for (const mark of this.slots.marks) if (mark !== 0) marked += 1;
    assert(count === marked, 'slots marked as resident differ from a recount');
  }

  /** {@link check} for one of two that share their columns. @returns its entries. */
  recount(isMine: (id: EntryId) => boolean): number {
    let { count, bytes } = this.checkQueues();
    for (const kind of ['young', 'kept'] as const) {
      let heldBytes = 0;
      this.held[kind].check();
      for (const id of this.held[kind].oldestFirst()) {
        assert(this.kindOf(id) === kind, 'an entry is held otherwise than its mark says');
        if (!isMine(id)) continue;
        count += 1;
        heldBytes += this.slots.sizes[id]!;
      }
      assert(heldBytes === this.heldHere[kind], 'heldBytes differs from a recount');
      bytes += heldBytes;
    }
    assert(count === this.residents, 'count differs from a recount');
    assert(bytes === this.used, 'usedBytes differs from a recount');
    return count;
  }

  /** Every queue of the algorithm. */
  protected abstract lists(): readonly SlotList[];

  /** The queue in which a resident is that is not held, or in which it was before. O(1). */
  protected abstract listOf(id: EntryId): SlotList;

  /** What {@link coldestFirst} says of the entries that are not held. */
  abstract queuedColdestFirst(): Iterable<EntryId>;

  /** Entries and bytes of the queues, recounted. */
  protected checkQueues(): { count: number; bytes: number } {
    let count = 0;
    let bytes = 0;
    for (const list of this.lists()) {
      list.check();
      for (const id of list.oldestFirst()) {
        assert(this.listOf(id) === list, 'an entry is in another list than its mark says');
        assert((this.slots.marks[id]! & HELD) === 0, 'an entry in a queue is marked as held');
      }
      count += list.count;
      bytes += list.bytes;
    }
    return { count, bytes };
  }

  uses(_id: EntryId): number {
    return 0;
  }

  /** Puts an entry that was held, and whose mark is as it was, into its queue. */
  protected enqueue(id: EntryId): void {
    this.listOf(id).pushHead(id);
  }

  /** Takes an entry out of its queue. */
  protected dequeue(id: EntryId): void {
    this.listOf(id).unlink(id);
  }

  /** An entry in a queue changed its size by so many bytes. */
  protected grown(id: EntryId, growthBytes: number): void {
    this.listOf(id).bytes += growthBytes;
  }

  /** Whether the algorithm keeps those that would have to leave for a newcomer: `excessBytes` of them. */
  protected prefersOthers(_fingerprint: number, _sizeBytes: number, _excessBytes: number): boolean {
    return false;
  }

  /** Bytes of the entries that are not held. */
  get contestedBytes(): number {
    return this.used - this.heldHere.young - this.heldHere.kept;
  }

  /** Something that is not resident was asked for, and may be admitted now. */
  protected requested(_fingerprint: number, _sizeBytes: number): void {}

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

  /** Why an entry is held; undefined for one that is in a queue. */
  private kindOf(id: EntryId): HoldKind | undefined {
    const held = this.slots.marks[id]! & HELD;
    if (held === 0) return undefined;
    return held === YOUNG ? 'young' : 'kept';
  }

  private detach(id: EntryId): void {
    const kind = this.kindOf(id);
    if (kind === undefined) {
      this.dequeue(id);
      return;
    }
    this.held[kind].unlink(id);
    this.heldHere[kind] -= this.slots.sizes[id]!;
  }

  /** Takes a resident out of list and account. O(1). */
  private drop(id: EntryId): void {
    this.detach(id);
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
