import { assert } from '../base/assert.ts';
import type { Hash64 } from '../base/hash.ts';
import { createPolicy } from '../policy/create.ts';
import type { Favour, KnownUses, PolicyName } from '../policy/policy.ts';
import { SharedPolicy } from '../policy/shared.ts';
import { Account } from './account.ts';
import { Claims } from './claims.ts';
import { type CacheBytes, type CacheOptions, type EntryFacts, METADATA_BYTES } from './contract.ts';
import type { Departures } from './departures.ts';
import { type CachePolicy, type ClassLevels, divided, rebuilt, variantsOf } from './division.ts';
import { Entries, Flag, NONE, Word } from './entries.ts';
import { describe } from './entry-facts.ts';
import { Leaving } from './leaving.ts';
import type { RemovalReason, RoomRefusal } from './outcome.ts';
import type { Readers } from './readers.ts';
import { FREE_FOR_ALL, Residency, type RoomRules } from './residency.ts';

/**
 * The deciding half of a tier: index, byte account, policy and ghosts. It owns no bytes and reads no clock, so the
 * simulator drives this very object (design, decisions 2 and 3).
 *
 * An entry's life: admit (room made, filling, invisible, pinned) -> publish (visible) -> remove or evicted. One that is
 * removed while it is being served becomes invisible at once and keeps its bytes, charged, until the last unpin.
 */
export class Cache {
  readonly entries: Entries;
  readonly account: Account;
  readonly claims: Claims;
  readonly #bytes: CacheBytes;
  readonly #smallestBytes: number;
  readonly #leaving: Leaving;
  #policy: CachePolicy;
  #favour: Favour;
  readonly #victims: number[] = [];
  #guests = 0;
  readonly #residency: Residency;
  #refusal: RoomRefusal = 'no-room';
  readonly #readers: Readers | undefined;
  readonly #isPinned: (slot: number) => boolean;

  constructor(options: CacheOptions) {
    this.#smallestBytes = METADATA_BYTES + options.minChargeBytes;
    this.entries = new Entries(this.#slotsFor(options.budgetBytes));
    this.account = new Account(options.routes);
    this.#leaving = new Leaving(this.entries, this.account, options.ghosts);
    this.#bytes = options.bytes;
    this.#residency = new Residency(this.entries, options.room ?? FREE_FOR_ALL);
    this.#readers = options.readers;
    this.claims = new Claims(this.entries, options.readers);
    this.#isPinned =
      options.readers === undefined
        ? (slot) => this.entries.pins(slot) !== 0
        : (slot) => !this.claims.claimForVictims(slot);
    const { policy, budgetBytes: capacityBytes, favour = 'balanced' } = options;
    this.#favour = favour;
    this.#policy = createPolicy(policy, { capacityBytes, isPinned: this.#isPinned, favour });
  }

  get policy(): PolicyName {
    return this.#policy.name;
  }

  /** What is resident, by the policy's order. O(entries). */
  coldestFirst(): Iterable<number> {
    return this.#policy.coldestFirst();
  }

  /** Which misses the policy avoids, where it has a choice. */
  get favour(): Favour {
    return this.#favour;
  }

  get budgetBytes(): number {
    return this.#policy.capacityBytes;
  }

  /** Charged for all that is resident: records and metadata. Never above the budget, but while a shrink waits for readers. */
  get usedBytes(): number {
    return this.#policy.usedBytes;
  }

  /** Why keys that are not stored are not. */
  get departures(): Departures {
    return this.#leaving.departures;
  }

  /** Resident entries; rows that are only lent are none. */
  get count(): number {
    return this.entries.count - this.#guests;
  }

  /** What variants hold of it; the rest is what originals do. */
  get variants(): ClassLevels {
    return variantsOf(this.#policy);
  }

  /** Why {@link admit} returned NONE the last time that it did. */
  get refusal(): RoomRefusal {
    return this.#refusal;
  }

  /** Bytes of what is too young to leave for want of room; some of it may have become old enough since the last admission. */
  get youngBytes(): number {
    return this.#policy.heldBytes('young');
  }

  /** Bytes of pinned routes that never leave for want of room. */
  get pinnedBytes(): number {
    return this.#policy.heldBytes('kept');
  }

  /** Newcomers of pinned routes that did not fit into the pinned share. Only grows. */
  get pinnedOverflows(): number {
    return this.#residency.overflows;
  }

  get rules(): RoomRules {
    return this.#residency.rules;
  }

  /** The visible entry of a key, or NONE. Does not count as a use. O(1) expected. */
  find(hash: Hash64): number {
    const { entries } = this;
    let slot = entries.alike(hash);
    while (slot !== NONE && !this.#bytes.sameKey(slot)) slot = entries.alike(hash, entries.next(slot));
    return slot;
  }

  /** True for an entry that lookups find: filled, and neither replaced nor purged. */
  visible(slot: number): boolean {
    return this.entries.visible(slot);
  }

  /** A visible entry was served from. O(1). */
  hit(slot: number): void {
    this.#policy.hit(slot);
    const flags = this.entries.flags(slot);
    if ((flags & (Flag.VARIANT | Flag.USED)) === Flag.VARIANT) this.entries.setFlags(slot, flags | Flag.USED);
  }

  /** Whether a variant was served since this was last asked, or since it was stored. */
  takeUsed(slot: number): boolean {
    const flags = this.entries.flags(slot);
    this.entries.setFlags(slot, flags & ~Flag.USED);
    return (flags & Flag.USED) !== 0;
  }

  /** Keeps an entry's bytes while they are being read or written. */
  pin(slot: number): void {
    this.entries.set(slot, Word.PINS, this.entries.pins(slot) + 1);
  }

  unpin(slot: number): void {
    const { entries } = this;
    assert(entries.pins(slot) > 0, 'unpin follows pin');
    entries.set(slot, Word.PINS, entries.pins(slot) - 1);
    if (entries.pins(slot) === 0 && (entries.flags(slot) & Flag.UNLINKED) !== 0) this.#forget(slot);
  }

  /**
   * Learns what other threads did: counts their hits, and forgets what they were the last to read. To be called every few
   * milliseconds while there are such threads; {@link admit} does so besides.
   */
  catchUp(): void {
    const readers = this.#readers;
    if (readers === undefined) return;
    const { entries } = this;
    readers.drainHits((slot, hashLo) => {
      if (this.visible(slot) && entries.hashLo(slot) === hashLo) this.hit(slot);
    });
    for (const slot of this.claims.takeLingering()) {
      const isUnlinked = entries.used(slot) && (entries.flags(slot) & Flag.UNLINKED) !== 0;
      if (isUnlinked && entries.pins(slot) === 0) this.#forget(slot);
    }
  }

  /**
   * Makes room for a response and takes a slot for it: filling, invisible and pinned once.
   * Whoever is evicted for it has been dropped when this returns.
   *
   * @returns the slot, or NONE when room cannot be made: it is larger than the budget, or the rest is being served, too
   *   young to leave, worth more or the other class's. {@link refusal} says which.
   */
  admit(hash: Hash64, facts: EntryFacts, nowS: number): number {
    const { entries } = this;
    this.#leaving.nowS = nowS;
    const charge = facts.chargeBytes + METADATA_BYTES;
    this.catchUp();
    this.#refusal = 'no-room';
    if (charge > this.budgetBytes || entries.count === entries.capacity) return NONE;
    const isVariant = (facts.flags & Flag.VARIANT) !== 0;
    if (isVariant) this.#policy = divided(this.#policy, this.#isPinned, this.#residency.variantsShare);
    this.#residency.ripen(this.#policy, charge, nowS, isVariant);
    const renewed = entries.alike(hash); // 64 bits are enough to learn by
    if (renewed !== NONE) this.#policy.renewing(renewed);
    const slot = entries.take();
    const admitted = this.#policy.admit(slot, hash.lo, charge, this.#victims, isVariant);
    this.#evicted(nowS);
    if (!admitted) {
      this.#refusal = this.#refused(charge, isVariant);
      entries.release(slot);
      return NONE;
    }
    this.#residency.admitted(this.#policy, slot);
    entries.set(slot, Word.HASH_LO, hash.lo);
    entries.set(slot, Word.HASH_HI, hash.hi);
    describe(entries, slot, facts, nowS);
    this.account.inserted(facts.route, charge);
    return slot;
  }

  /**
   * Lends a row to a response whose body another tier holds: found by nobody, charged nothing, pinned once, and gone with
   * the last unpin. The request path can then treat it as it treats any other slot.
   *
   * @returns the slot, or NONE when the table is full.
   */
  lend(facts: Omit<EntryFacts, 'chargeBytes'>, nowS: number): number {
    const { entries } = this;
    if (entries.count === entries.capacity) return NONE;
    const slot = entries.take();
    describe(entries, slot, facts, nowS);
    entries.setFlags(slot, Flag.GUEST | Flag.UNLINKED | facts.flags);
    this.#guests += 1;
    return slot;
  }

  /** Makes a filled entry visible, in place of any other of the same key, and ends its filling pin. */
  publish(slot: number, hash: Hash64): void {
    const { entries } = this;
    assert((entries.flags(slot) & Flag.FILLING) !== 0, 'publish follows admit');
    const old = this.find(hash);
    if (old !== NONE) this.remove(old, 'replaced');
    entries.setFlags(slot, entries.flags(slot) & ~Flag.FILLING);
    entries.link(slot);
    // Which was admitted a moment ago: near enough to now to tell what has expired.
    this.#residency.published(this.#policy, slot, this.#chargeOf(slot), entries.storedS(slot));
    this.unpin(slot);
  }

  /** Gives a filling entry the residency of the one that it is going to replace: a renewal does not make it young again. */
  inherit(slot: number, old: number): void {
    this.entries.set(slot, Word.STORED_S, this.entries.storedS(old));
    this.#residency.inherit(this.#policy, slot, old);
  }

  /** Gives up a filling entry: what arrived was not whole, or a better one came first. */
  withdraw(slot: number): void {
    assert((this.entries.flags(slot) & Flag.FILLING) !== 0, 'withdraw follows admit');
    this.entries.setFlags(slot, (this.entries.flags(slot) & ~Flag.FILLING) | Flag.UNLINKED);
    this.unpin(slot);
  }

  /** Undoes {@link admit} for an entry that the store could find no bytes for. Who was evicted for it stays so. */
  retract(slot: number): void {
    this.entries.set(slot, Word.PINS, 0);
    this.account.left(this.entries.route(slot), this.#chargeOf(slot));
    this.#policy.remove(slot);
    this.entries.release(slot);
  }

  /**
   * Takes a visible entry out for another reason than room. Its bytes stay until nobody reads them.
   *
   * @param purge the number of the purge that removes it.
   */
  remove(slot: number, reason: Exclude<RemovalReason, 'room'>, purge = 0): void {
    this.#leaving.departs(slot, reason, purge);
    this.entries.unlink(slot);
    this.entries.setFlags(slot, this.entries.flags(slot) | Flag.UNLINKED);
    this.account.removed(reason);
    this.#residency.unlinked(this.#policy, slot);
    if (reason !== 'replaced') this.#bytes.forgotten?.(slot);
    if (this.entries.pins(slot) === 0) this.#forget(slot);
  }

  /** Tells the account when a request missed because its entry had been evicted while it was still usable. */
  missed(hash: Hash64, nowS: number): boolean {
    this.#leaving.nowS = nowS;
    return this.#leaving.missed(hash);
  }

  /**
   * Sets the byte budget. Shrinking evicts by the policy at once; entries that are being served stay, until
   * {@link trim} finds them done.
   */
  resize(budgetBytes: number, nowS: number): void {
    this.entries.grow(this.#slotsFor(budgetBytes));
    this.#policy.resize(budgetBytes, this.#victims);
    this.#residency.fitShare(this.#policy);
    this.#evicted(nowS);
    this.trim(nowS);
  }

  /**
   * Evicts what a shrink had to leave because it was being served. No-op while the budget is kept. Youth protects from
   * newcomers, not from the operator: the budget is a promise about memory.
   */
  trim(nowS: number): void {
    this.#leaving.nowS = nowS;
    const policy = this.#policy;
    if (policy.usedBytes <= policy.capacityBytes) return;
    do policy.trim(this.#victims);
    while (policy.usedBytes > policy.capacityBytes && this.#residency.giveUpOne(policy));
    this.#evicted(nowS);
  }

  /** Changes who may not leave for want of room, live; nobody leaves for it. O(entries). */
  changeRules(rules: RoomRules, nowS: number): void {
    this.#residency.change(this.#policy, rules, (slot) => this.#chargeOf(slot), nowS);
    if (this.#policy instanceof SharedPolicy) this.#policy.reshare(this.#residency.variantsShare);
  }

  /**
   * Changes the policy and keeps every entry: the new one is told of them from the coldest to the hottest, and how often they
   * were used (`known`, or what the old one remembers). O(n). Only what a shrink still had to get rid of leaves.
   */
  switchPolicy(name: PolicyName, nowS: number, known: KnownUses = () => undefined): void {
    const old = this.#policy;
    const { variantsShare } = this.#residency;
    const options = { isPinned: this.#isPinned, variantsShare, favour: this.#favour, known };
    const fresh = rebuilt(old, name, options, this.entries, (slot) => this.#chargeOf(slot));
    this.#policy = fresh;
    if (fresh.capacityBytes === old.capacityBytes) return;
    fresh.resize(old.capacityBytes, this.#victims);
    this.#evicted(nowS);
    this.trim(nowS);
  }

  /** Chooses which misses the policy avoids, live, where it has a choice; now and after a switch. Nobody leaves for it. O(1). */
  changeFavour(side: Favour): void {
    this.#favour = side;
    this.#policy.favour(side);
  }

  /** Recounts everything and throws InternalFault when a counter is wrong. O(n), for tests. */
  check(): void {
    this.entries.check();
    this.#policy.check();
    this.#residency.check(this.#policy);
    let charged = 0;
    for (const slot of this.entries.slots()) {
      if ((this.entries.flags(slot) & Flag.GUEST) !== 0) continue;
      assert(this.#policy.has(slot), 'every used slot is in the policy');
      charged += this.#chargeOf(slot);
    }
    assert(charged === this.usedBytes, 'charged bytes equal a recount');
    assert(this.#policy.count === this.count, 'policy and table count alike');
    this.account.check(this.entries, (slot) => this.#chargeOf(slot));
  }

  #refused(charge: number, isVariant: boolean): RoomRefusal {
    if (this.#policy.declined) return 'admission';
    const roomBytes = this.#policy.roomBytes(isVariant);
    // It would be let in if nothing were too young, or pinned.
    const wouldFit = charge <= roomBytes + this.youngBytes + this.pinnedBytes;
    return charge > roomBytes && wouldFit ? 'residency' : 'no-room';
  }

  /** One more than fit the budget: a newcomer has its slot before its victims leave theirs. */
  #slotsFor(budgetBytes: number): number {
    return Math.floor(budgetBytes / this.#smallestBytes) + 1;
  }

  #chargeOf(slot: number): number {
    return this.#bytes.chargeOf(slot) + METADATA_BYTES;
  }

  /** Books the policy's victims: they leave for want of room. */
  #evicted(nowS: number): void {
    const victims = this.#victims;
    this.#leaving.nowS = nowS;
    const { entries } = this;
    for (const slot of victims) {
      const linked = (entries.flags(slot) & Flag.UNLINKED) === 0;
      if (linked) this.#bytes.evicted?.(slot);
      this.#leaving.evicted(slot, this.#chargeOf(slot));
      if (linked) entries.unlink(slot);
      this.#bytes.drop(slot);
      entries.release(slot);
    }
    victims.length = 0;
    this.claims.settled();
  }

  /** An unlinked entry's bytes are free at last, unless other threads still read them. */
  #forget(slot: number): void {
    if ((this.entries.flags(slot) & Flag.GUEST) !== 0) {
      this.#guests -= 1;
      this.#bytes.drop(slot);
      this.entries.release(slot);
      return;
    }
    if (this.claims.lingers(slot)) return;
    this.account.left(this.entries.route(slot), this.#chargeOf(slot));
    this.#policy.remove(slot);
    this.#bytes.drop(slot);
    this.entries.release(slot);
  }
}
