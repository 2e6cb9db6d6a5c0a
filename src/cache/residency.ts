import { assert } from '../base/assert.ts';
import type { EvictionPolicy } from '../policy/policy.ts';
import { type Entries, NONE } from './entries.ts';

/** Who may not leave for want of room. */
export interface RoomRules {
  /** Nothing leaves that has been resident for less, in seconds; a newcomer is refused instead. 0 for no such floor. */
  readonly minResidencyS: number;
  /** By route: whether its entries never leave for want of room. */
  readonly pinnedRoutes: readonly boolean[];
  /** Share of the budget that entries of pinned routes may be kept in, 0 to 1. What comes beyond is treated as any other. */
  readonly pinnedShare: number;
  /**
   * Share of the budget that variants are guaranteed, 0 to 1, a half by default; originals are guaranteed the rest. Each borrows
   * what the other leaves.
   */
  readonly variantsShare?: number;
}

/** No floor, nothing pinned. */
export const FREE_FOR_ALL: RoomRules = { minResidencyS: 0, pinnedRoutes: [], pinnedShare: 0 };

const VARIANTS_SHARE = 0.5;

/** Entries that an admission lets grow up, unless its newcomer needs more of them; and kept ones that it looks at. */
const RIPEN_AT_ONCE = 32;
const LOOKS = 8;

/**
 * The residency floor and pinned routes. Both take entries out of the competition by {@link EvictionPolicy.hold}: young
 * ones in the order in which they came, so that the oldest of them tells when there is anything to do, and kept ones for
 * as long as they are of use. So each entry costs O(1) in its life, and a newcomer for whom all are too young is refused by
 * comparing two sums.
 */
export class Residency {
  rules: RoomRules;
  /** Newcomers of pinned routes for which the share was used up. Only grows. */
  overflows = 0;
  readonly #entries: Entries;

  constructor(entries: Entries, rules: RoomRules) {
    this.#entries = entries;
    this.rules = rules;
  }

  /** What variants are guaranteed, 0 to 1. */
  get variantsShare(): number {
    return this.rules.variantsShare ?? VARIANTS_SHARE;
  }

  /** Lets those that have become old enough compete: before an admission that needs so many bytes. O(1) amortised. */
  ripen(policy: EvictionPolicy, neededBytes: number, nowS: number, isVariant: boolean): void {
    for (let released = 0; ; released += 1) {
      const slot = policy.longestHeld('young');
      if (slot === NONE || this.#young(slot, nowS)) return;
      if (released >= RIPEN_AT_ONCE && policy.roomBytes(isVariant) >= neededBytes) return;
      policy.release(slot);
    }
  }

  /** A newcomer has its room. */
  admitted(policy: EvictionPolicy, slot: number): void {
    if (this.rules.minResidencyS > 0) policy.hold(slot, 'young');
  }

  /** An entry takes the place of another one of its key, and its age: a renewal is not a new residency. */
  inherit(policy: EvictionPolicy, slot: number, old: number): void {
    if (policy.isHeld(slot, 'young') && !policy.isHeld(old, 'young')) policy.release(slot);
  }

  /** An entry has become visible: it is kept for good where its route is pinned and there is room for that. */
  published(policy: EvictionPolicy, slot: number, chargeBytes: number, nowS: number): void {
    if (this.rules.pinnedRoutes[this.#entries.route(slot)] !== true) return;
    const limitBytes = this.#pinnedBytesMax(policy);
    for (let i = 0; i < LOOKS && policy.heldBytes('kept') + chargeBytes > limitBytes; i += 1) {
      const longest = policy.longestHeld('kept');
      if (longest === NONE) break;
      // What cannot be served any more need not be kept; what can goes to the end, to be looked at later.
      if (nowS >= this.#entries.usableUntilS(longest)) policy.release(longest);
      else policy.hold(longest, 'kept');
    }
    if (policy.heldBytes('kept') + chargeBytes <= limitBytes) policy.hold(slot, 'kept');
    else this.overflows += 1;
  }

  /** An entry is not visible any more, and stays only for its readers. */
  unlinked(policy: EvictionPolicy, slot: number): void {
    if (policy.isHeld(slot, 'kept')) policy.release(slot);
  }

  /** The budget or the share shrank: what no longer fits into the share competes again. */
  fitShare(policy: EvictionPolicy): void {
    const limitBytes = this.#pinnedBytesMax(policy);
    while (policy.heldBytes('kept') > limitBytes) policy.release(policy.longestHeld('kept'));
  }

  /** A shrink of the budget does not wait for anybody to grow up: the oldest of the young competes. False without any. */
  giveUpOne(policy: EvictionPolicy): boolean {
    const slot = policy.longestHeld('young');
    if (slot === NONE) return false;
    policy.release(slot);
    return true;
  }

  /** Changes the rules, live. O(entries). */
  change(policy: EvictionPolicy, rules: RoomRules, chargeOf: (slot: number) => number, nowS: number): void {
    this.rules = rules;
    this.fitShare(policy);
    for (const slot of this.#entries.slots()) {
      const pinned = rules.pinnedRoutes[this.#entries.route(slot)] === true;
      const kept = policy.isHeld(slot, 'kept');
      if (kept && !pinned) policy.release(slot);
      else if (!kept && pinned && this.#entries.visible(slot))
        this.published(policy, slot, chargeOf(slot), nowS);
    }
  }

  /** For tests. O(n). */
  check(policy: EvictionPolicy): void {
    assert(policy.heldBytes('kept') <= this.#pinnedBytesMax(policy), 'what is kept is within its share');
    for (const slot of this.#entries.slots()) {
      if (!policy.isHeld(slot, 'kept')) continue;
      const pinned = this.rules.pinnedRoutes[this.#entries.route(slot)] === true;
      assert(pinned && this.#entries.visible(slot), 'what is kept is visible and of a pinned route');
    }
  }

  /** A clock that was set back makes nobody younger. */
  #young(slot: number, nowS: number): boolean {
    const ageS = nowS - this.#entries.storedS(slot);
    return ageS >= 0 && ageS < this.rules.minResidencyS;
  }

  #pinnedBytesMax(policy: EvictionPolicy): number {
    return Math.floor(policy.capacityBytes * this.rules.pinnedShare);
  }
}
