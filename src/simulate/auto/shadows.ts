import { assert } from '../../base/assert.ts';
import { createPolicy } from '../../policy/create.ts';
import type { Favour, KnownUses, PolicyName } from '../../policy/policy.ts';
import { SharedPolicy } from '../../policy/shared.ts';
import type { SlottedPolicy } from '../../policy/slotted.ts';
import { placeOf, rateOf, thresholdOf } from '../../traffic/sample.ts';
import { KeySlots, NONE, widened } from '../key-slots.ts';

/** One request, as far as it tells policies apart. */
export interface ShadowRow {
  /** Halves of the key's hash, as in `TrafficBatch`. */
  keyLo: number;
  keyHi: number;
  /** What the response is charged in the live cache, metadata included; 0 for one that is too large. */
  chargeBytes: number;
  /** Seconds since the epoch. */
  nowS: number;
  /** For how many seconds from now on the response, if it comes from the origin now, can be served without asking. */
  usableS: number;
  /** The origin can confirm it: past its time it is renewed where it lies, and not fetched anew. */
  renewable: boolean;
  variant: boolean;
}

/** What shadowed caches are made of. */
export interface ShadowOptions {
  /** At most 30. */
  readonly names: readonly PolicyName[];
  /** Of the live cache. */
  readonly budgetBytes: number;
  /** Share of the budget that variants are guaranteed, 0 to 1. */
  readonly variantsShare: number;
  /** Which misses policies avoid that have a choice. */
  readonly favour: Favour;
  /** Entries that one of them may come to hold; beyond that, all are made smaller. */
  readonly entriesMax: number;
}

const ALL = thresholdOf(1);
/** With less than this share of the entries they may have, all are made larger. */
const SPARE_SHARE = 0.25;

const unpinned = (): boolean => false;

/**
 * A small cache for each policy, beside the live one: the very policies that serve, told of a sample of the keys and given as
 * large a share of the budget (miniature simulation; Waldspurger, Saemundsson, Ahmad, Park: "Cache Modeling and Optimization using
 * Miniature Simulations", USENIX ATC 2017). They share one table of keys, so that a request costs one lookup in it and one step
 * in each policy.
 *
 * The share of the keys halves when one of them holds more than `entriesMax` entries, and doubles when all are full with less
 * than a quarter of that, up to all keys that are recorded. So a small cache is shadowed whole. The residency floor and pinned
 * routes are left out: they are the same for all.
 *
 * Cost: 0.2 to 0.7 µs for a request and six policies; some 300 bytes for each key that any of them holds.
 */
export class Shadows {
  readonly names: readonly PolicyName[];
  #budgetBytes: number;
  readonly #variantsShare: number;
  readonly #entriesMax: number;
  #threshold = ALL;
  #recorded = ALL;
  #policies: (SlottedPolicy | SharedPolicy)[];
  readonly #keys = new KeySlots();
  /** By slot: how many policies hold the key; a slot in use has at least one. By slot and policy: until when its copy is usable. */
  #holders = new Float64Array(0);
  #untilS = new Float64Array(0);
  readonly #victims: number[] = [];
  #full = false;

  constructor({ names, budgetBytes, variantsShare, favour, entriesMax }: ShadowOptions) {
    assert(names.length > 0 && names.length <= 30, 'a request is answered with a bit for each policy');
    this.names = names;
    this.#budgetBytes = budgetBytes;
    this.#variantsShare = variantsShare;
    this.#entriesMax = entriesMax;
    this.#policies = names.map((name) =>
      createPolicy(name, { capacityBytes: this.capacityBytes, isPinned: unpinned, favour }),
    );
  }

  /** Share of the keys that they are told of, above 0 to 1. */
  get rate(): number {
    return rateOf(this.#threshold);
  }

  /** Whether one has had to evict since they were made, or made of another size: before that they do not differ. */
  get full(): boolean {
    return this.#full;
  }

  /** Entries of the one that holds the most. O(policies). */
  get entries(): number {
    let most = 0;
    for (const { count } of this.#policies) if (count > most) most = count;
    return most;
  }

  /** What each of them may hold. */
  get capacityBytes(): number {
    return Math.floor(this.#budgetBytes * this.rate);
  }

  /**
   * One request of the live cache.
   *
   * @returns for each policy, by its place in {@link names}, a bit that says whether it would have been served without asking;
   *   undefined for a key that is not in the sample.
   */
  request(row: Readonly<ShadowRow>): number | undefined {
    if (placeOf(row.keyHi) >= this.#threshold) return undefined;
    if (row.variant && !(this.#policies[0] instanceof SharedPolicy)) this.#divide();
    const slot = this.#slotOf(row.keyLo, row.keyHi);
    let hits = 0;
    for (let at = 0; at < this.#policies.length; at += 1) if (this.#asked(at, slot, row)) hits |= 1 << at;
    if (this.#holders[slot] === 0) this.#keys.remove(slot);
    return hits;
  }

  /** Fits the sample to what they hold. To be called now and then. @returns whether it changed. O(keys) if so. */
  fit(): boolean {
    const { entries } = this;
    const before = this.#threshold;
    if (entries > this.#entriesMax) this.#sample(Math.max(1, before >>> 1));
    else if (this.#full && entries < this.#entriesMax * SPARE_SHARE)
      this.#sample(Math.min(this.#recorded, before * 2));
    return this.#threshold !== before;
  }

  /** The live cache is of another size. They evict by their own choice, and differ once they are full again. O(evictions). */
  resize(budgetBytes: number): void {
    this.#budgetBytes = budgetBytes;
    this.#bound();
  }

  /** Only keys of that share are told of from now on, above 0 to 1. @returns whether the sample became smaller. O(keys) if so. */
  limit(rate: number): boolean {
    this.#recorded = thresholdOf(rate);
    if (this.#recorded >= this.#threshold) return false;
    this.#sample(this.#recorded);
    return true;
  }

  /** What one of them knows of its entries: of all keys, or undefined where they see only a part of them. O(keys). */
  known(at: number): KnownUses | undefined {
    if (this.#threshold !== ALL) return undefined;
    const policy = this.#policies[at]!;
    const uses = new Map<number, number>();
    for (const slot of this.#slots()) if (policy.has(slot)) uses.set(this.#keys.lo(slot), policy.uses(slot));
    return (hashLo) => uses.get(hashLo);
  }

  /** Recounts everything and throws InternalFault where a count is wrong. O(keys), for tests. */
  check(): void {
    let held = 0;
    let keys = 0;
    for (const slot of this.#slots()) {
      const holders = this.#policies.filter((policy) => policy.has(slot)).length;
      assert(holders === this.#holders[slot], 'holders of a key differ from a recount');
      assert(
        this.#keys.find(this.#keys.lo(slot), this.#keys.hi(slot)) === slot,
        'a key that is held is found',
      );
      held += holders;
      keys += 1;
    }
    assert(keys === this.#keys.count, 'a key is known while a policy holds it');
    for (const policy of this.#policies) {
      policy.check();
      assert(policy.usedBytes <= this.capacityBytes, 'a shadow is within its capacity');
      held -= policy.count;
    }
    assert(held === 0, 'every entry of a policy has a key');
  }

  #asked(at: number, slot: number, row: Readonly<ShadowRow>): boolean {
    const policy = this.#policies[at]!;
    const cell = slot * this.#policies.length + at;
    const untilS = row.nowS + row.usableS;
    if (policy.has(slot)) {
      const usable = row.nowS < this.#untilS[cell]!;
      if (usable || row.renewable) {
        policy.hit(slot);
        if (!usable) this.#untilS[cell] = untilS;
        return usable;
      }
      policy.remove(slot);
      this.#holders[slot]! -= 1;
    }
    if (row.chargeBytes > 0 && policy.admit(slot, row.keyLo, row.chargeBytes, this.#victims, row.variant)) {
      this.#holders[slot]! += 1;
      this.#untilS[cell] = untilS;
    }
    if (this.#victims.length > 0) {
      this.#full = true;
      this.#evicted();
    }
    return false;
  }

  #evicted(): void {
    for (const slot of this.#victims) {
      this.#holders[slot]! -= 1;
      if (this.#holders[slot] === 0) this.#keys.remove(slot);
    }
    this.#victims.length = 0;
  }

  #sample(threshold: number): void {
    if (threshold === this.#threshold) return;
    this.#threshold = threshold;
    for (const slot of this.#slots()) {
      if (placeOf(this.#keys.hi(slot)) < threshold) continue;
      for (const policy of this.#policies) if (policy.has(slot)) policy.remove(slot);
      this.#holders[slot] = 0;
      this.#keys.remove(slot);
    }
    this.#bound();
  }

  #bound(): void {
    for (const policy of this.#policies) policy.resize(this.capacityBytes, this.#victims);
    this.#evicted();
    this.#full = false;
  }

  /** With the first variant, as in the live cache. */
  #divide(): void {
    const options = { isPinned: unpinned, variantsShare: this.#variantsShare };
    this.#policies = this.#policies.map((policy) =>
      policy instanceof SharedPolicy ? policy : new SharedPolicy(policy, options),
    );
  }

  #slotOf(lo: number, hi: number): number {
    const found = this.#keys.find(lo, hi);
    if (found !== NONE) return found;
    const slot = this.#keys.add(lo, hi);
    const { slots } = this.#keys;
    if (slots > this.#holders.length) {
      this.#holders = widened(this.#holders, new Float64Array(slots));
      this.#untilS = widened(this.#untilS, new Float64Array(slots * this.names.length));
    }
    return slot;
  }

  /** Those in use. */
  *#slots(): Generator<number> {
    for (let slot = 0; slot < this.#holders.length; slot += 1) if (this.#holders[slot]! > 0) yield slot;
  }
}
