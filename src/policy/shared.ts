import { assert } from '../base/assert.ts';
import { createPolicy } from './create.ts';
import { NONE } from './list.ts';
import type { EntryId, EvictionPolicy, Favour, HoldKind, PolicyName, PolicyOptions } from './policy.ts';
import type { SlottedPolicy } from './slotted.ts';

/** What a divided capacity is made of. */
export interface SharedOptions extends Pick<PolicyOptions, 'isPinned'> {
  /** Part of the capacity that variants are guaranteed, 0 to 1; originals are guaranteed the rest. */
  readonly variantsShare: number;
}

/**
 * One capacity for two classes, originals and variants, with a policy for each, so that no flood of the one pushes out the
 * other. Each class is guaranteed its share, and may borrow what the other does not use:
 *
 * - A newcomer for whom there is room comes in, whatever the shares.
 * - One whose class stays within its guarantee takes from the other class, which has borrowed at least as much as is missing.
 * - Any other takes from its own class. Where that cannot be (all of it is pinned or held, or the newcomer is larger than its
 *   guarantee), the other gives back what it borrowed, and no more.
 * - Where the one that borrowed cannot give (all pinned or held), the newcomer takes from its own class, or is refused.
 *
 * So a class loses entries to the other only while it holds more than its guarantee, and ends below it by less than the last
 * one that left. A shrink takes from who is above the new guarantee, then from variants.
 *
 * The two share all columns by slot ({@link SlottedPolicy}), and are told how much they may hold before each newcomer: at least
 * their guarantee, unless the other has borrowed of it and does not give. So thresholds that follow from the capacity stay
 * what they are worth. Cost: one byte by slot; hit as the policy below; admit a few nanoseconds more, and where both classes
 * are searched for room, two searches.
 */
export class SharedPolicy implements EvictionPolicy {
  readonly name: PolicyName;
  readonly #originals: SlottedPolicy;
  readonly #variants: SlottedPolicy;
  /** 1 for a variant, by slot. */
  #classes: Uint8Array;
  #capacity: number;
  #variantsShare: number;
  /** Whose newcomer was the latest. */
  #latest: SlottedPolicy;

  /** @param originals what was there before the capacity was divided, and stays; variants come. */
  constructor(originals: SlottedPolicy, { isPinned, variantsShare }: SharedOptions) {
    const { name, capacityBytes } = originals;
    assertShare(variantsShare);
    this.name = name;
    this.#originals = originals;
    this.#variants = createPolicy(name, { capacityBytes, isPinned, beside: originals });
    this.#classes = new Uint8Array(originals.slotCount);
    this.#capacity = capacityBytes;
    this.#variantsShare = variantsShare;
    this.#latest = originals;
  }

  get capacityBytes(): number {
    return this.#capacity;
  }

  get usedBytes(): number {
    return this.#originals.usedBytes + this.#variants.usedBytes;
  }

  get count(): number {
    return this.#originals.count + this.#variants.count;
  }

  get declined(): boolean {
    return this.#latest.declined;
  }

  /** What variants hold now. */
  get variants(): { readonly count: number; readonly usedBytes: number } {
    return this.#variants;
  }

  hit(id: EntryId): void {
    this.#of(id).hit(id);
  }

  admit(id: EntryId, fingerprint: number, sizeBytes: number, victims: EntryId[], isVariant = false): boolean {
    const mine = isVariant ? this.#variants : this.#originals;
    const given = this.#make(mine, sizeBytes, NONE);
    this.#latest = mine;
    if (!mine.admit(id, fingerprint, sizeBytes, victims)) return false;
    this.#mark(id, isVariant);
    this.#take(mine, given, victims);
    return true;
  }

  recharge(id: EntryId, sizeBytes: number, victims: EntryId[]): boolean {
    const mine = this.#of(id);
    const growth = this.has(id) ? sizeBytes - mine.sizeBytes(id) : 0;
    const given = growth > 0 ? this.#make(mine, growth, id) : 0;
    if (!mine.recharge(id, sizeBytes, victims)) return false;
    this.#take(mine, given, victims);
    return true;
  }

  renewing(id: EntryId): void {
    this.#of(id).renewing(id);
  }

  favour(side: Favour): void {
    this.#originals.favour(side);
    this.#variants.favour(side);
  }

  remove(id: EntryId): void {
    this.#of(id).remove(id);
  }

  resize(capacityBytes: number, victims: EntryId[]): void {
    this.#originals.bound(capacityBytes); // which judges the number
    this.#capacity = capacityBytes;
    this.#variants.bound(capacityBytes);
    this.trim(victims);
    this.#limit(this.#originals);
    this.#limit(this.#variants);
  }

  /** Changes the guarantees, live. Nobody leaves for it: the next newcomers see to it. O(1). */
  reshare(variantsShare: number): void {
    assertShare(variantsShare);
    this.#variantsShare = variantsShare;
  }

  trim(victims: EntryId[]): void {
    const classes = [this.#variants, this.#originals];
    for (const one of classes)
      this.#shrink(one, Math.min(this.#excess(0), one.usedBytes - this.#guarantee(one)), victims);
    for (const one of classes) this.#shrink(one, Math.min(this.#excess(0), one.usedBytes), victims);
  }

  has(id: EntryId): boolean {
    return this.#originals.has(id); // of either class: they share that column
  }

  hold(id: EntryId, kind: HoldKind): void {
    this.#of(id).hold(id, kind);
  }

  release(id: EntryId): void {
    this.#of(id).release(id);
  }

  isHeld(id: EntryId, kind: HoldKind): boolean {
    return this.#originals.isHeld(id, kind);
  }

  heldBytes(kind: HoldKind): number {
    return this.#originals.heldBytes(kind) + this.#variants.heldBytes(kind);
  }

  roomBytes(isVariant = false): number {
    const mine = isVariant ? this.#variants : this.#originals;
    const other = this.#beside(mine);
    const borrowed = Math.max(0, other.usedBytes - this.#guarantee(other));
    return this.#capacity - this.usedBytes + mine.contestedBytes + Math.min(borrowed, other.contestedBytes);
  }

  longestHeld(kind: HoldKind): EntryId {
    return this.#originals.longestHeld(kind);
  }

  /** The class that would give first, then the other one. */
  *coldestFirst(): Generator<EntryId> {
    const first =
      this.#originals.usedBytes > this.#guarantee(this.#originals) ? this.#originals : this.#variants;
    yield* first.queuedColdestFirst();
    yield* this.#beside(first).queuedColdestFirst();
    yield* this.#originals.heldLongestFirst();
  }

  uses(id: EntryId): number {
    return this.#of(id).uses(id);
  }

  check(): void {
    const count =
      this.#originals.recount((id) => this.#classes[id] === 0) +
      this.#variants.recount((id) => this.#classes[id] === 1);
    let marked = 0;
    for (let id = 0; id < this.#originals.slotCount; id += 1) if (this.has(id)) marked += 1;
    assert(count === marked, 'slots marked as resident differ from a recount of both classes');
  }

  #of(id: EntryId): SlottedPolicy {
    return this.#classes[id] === 1 ? this.#variants : this.#originals;
  }

  #beside(one: SlottedPolicy): SlottedPolicy {
    return one === this.#variants ? this.#originals : this.#variants;
  }

  #guarantee(one: SlottedPolicy): number {
    const variantsBytes = Math.floor(this.#capacity * this.#variantsShare);
    return one === this.#variants ? variantsBytes : this.#capacity - variantsBytes;
  }

  /** Bytes that are missing for so many more. */
  #excess(bytes: number): number {
    return this.usedBytes + bytes - this.#capacity;
  }

  /** Lets one class take so many bytes more, evicting nobody yet. @returns what the other one has to give for it. */
  #make(mine: SlottedPolicy, bytes: number, exempt: EntryId): number {
    const given = this.#owed(mine, bytes, exempt);
    const roomBytes = this.#capacity - this.#beside(mine).usedBytes + given;
    // Where it need not evict, what follows from its capacity is that of its guarantee at least.
    const fits = mine.usedBytes + bytes <= roomBytes;
    mine.bound(fits ? Math.max(roomBytes, this.#guarantee(mine)) : Math.max(0, roomBytes));
    return given;
  }

  /** What the other class gives for so many bytes more of one: it can, and it has borrowed that. */
  #owed(mine: SlottedPolicy, bytes: number, exempt: EntryId): number {
    const excess = this.#excess(bytes);
    const other = this.#beside(mine);
    const borrowed = other.usedBytes - this.#guarantee(other);
    if (excess <= 0 || borrowed <= 0) return 0;
    const isWithin = mine.usedBytes + bytes <= this.#guarantee(mine);
    if (!isWithin && mine.canSpare(excess, exempt)) return 0;
    const given = Math.min(excess, borrowed);
    return other.canSpare(given) ? given : 0;
  }

  /** Takes from the other class what it gives. */
  #take(mine: SlottedPolicy, given: number, victims: EntryId[]): void {
    if (given > 0) this.#shrink(this.#beside(mine), given, victims);
  }

  #shrink(one: SlottedPolicy, bytes: number, victims: EntryId[]): void {
    if (bytes <= 0) return;
    one.bound(one.usedBytes - bytes);
    one.trim(victims);
  }

  /** What a class may hold as it is, so that what follows from its capacity is near the truth until the next newcomer. */
  #limit(one: SlottedPolicy): void {
    const roomBytes = this.#capacity - this.#beside(one).usedBytes;
    one.bound(Math.max(roomBytes, this.#guarantee(one)));
  }

  #mark(id: EntryId, isVariant: boolean): void {
    if (id >= this.#classes.length) {
      const longer = new Uint8Array(this.#originals.slotCount);
      longer.set(this.#classes);
      this.#classes = longer;
    }
    this.#classes[id] = isVariant ? 1 : 0;
  }
}

function assertShare(share: number): void {
  assert(share >= 0 && share <= 1, 'a share is 0 to 1');
}
