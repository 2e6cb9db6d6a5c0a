import { describe, expect, test } from 'bun:test';
import { InternalFault } from '../base/assert.ts';
import { type Random, seededRandom } from '../base/random.ts';
import { POLICY_NAMES, type PolicyName } from '../policy/policy.ts';
import { Cache } from './cache.ts';
import { type EntryFacts, METADATA_BYTES } from './contract.ts';
import { Flag, NONE } from './entries.ts';
import { REMOVAL_REASONS } from './outcome.ts';

interface Held {
  readonly key: number;
  readonly facts: EntryFacts;
  readonly chargeBytes: number;
  readonly storedS: number;
  state: 'filling' | 'visible' | 'unlinked';
  pins: number;
  usableUntilS: number;
}

const ROUTES = 3;
const GHOSTS = 8;
const MIN_CHARGE_BYTES = 10;

/** A cache beside the naive form of its books. Which victim leaves is the policy's choice: the model only judges it. */
class Model {
  readonly cache: Cache;
  readonly held = new Map<number, Held>();
  readonly removals: Record<string, number> = Object.fromEntries(
    REMOVAL_REASONS.map((reason) => [reason, 0]),
  );
  readonly routes = Array.from({ length: ROUTES }, () => ({
    evictions: 0,
    earlyEvictions: 0,
    prematureEvictions: 0,
    refetchedBytes: 0,
  }));
  readonly ages: number[] = [];
  readonly ghosts: ({ key: number; usableUntilS: number; sizeBytes: number; route: number } | undefined)[] =
    new Array(GHOSTS).fill(undefined);
  nowS = 1_000_000;
  insertions = 0;
  shrinkWaits = false;
  #ghostCursor = 0;
  #asked = 0;
  #dropped: number[] = [];
  readonly #random: Random;
  /** Half of the newcomers are variants, so that what may be had is not all of the budget. */
  readonly #isDivided: boolean;

  constructor(policy: PolicyName, random: Random, isDivided: boolean) {
    this.#random = random;
    this.#isDivided = isDivided;
    this.cache = new Cache({
      budgetBytes: 3_000,
      minChargeBytes: MIN_CHARGE_BYTES,
      policy,
      routes: ROUTES,
      ghosts: GHOSTS,
      bytes: {
        sameKey: (slot) => this.held.get(slot)?.key === this.#asked,
        chargeOf: (slot) => this.cache.entries.recordBytes(slot),
        drop: (slot) => void this.#dropped.push(slot),
      },
    });
  }

  below(limit: number): number {
    return Math.floor(this.#random.next() * limit);
  }

  /** Few different low halves, so that chains are long. */
  hash(key: number): { lo: number; hi: number } {
    this.#asked = key;
    return { lo: key % 4, hi: key };
  }

  any(wanted: (held: Held) => boolean): number | undefined {
    const slots = [...this.held].filter(([, held]) => wanted(held)).map(([slot]) => slot);
    return slots[this.below(slots.length)];
  }

  visible(key: number): number {
    return [...this.held].find(([, held]) => held.key === key && held.state === 'visible')?.[0] ?? NONE;
  }

  get pinnedBytes(): number {
    return [...this.held.values()].reduce((sum, one) => sum + (one.pins > 0 ? one.chargeBytes : 0), 0);
  }

  /** Books what was dropped by the last call as evictions, which only befall what is visible and not pinned. */
  bookEvictions(): number {
    const dropped = this.#dropped;
    this.#dropped = [];
    for (const slot of dropped) {
      const one = this.held.get(slot)!;
      expect([one.state, one.pins]).toEqual(['visible', 0]);
      this.held.delete(slot);
      this.removals['room']! += 1;
      this.ages.push(Math.max(0, this.nowS - one.storedS));
      const books = this.routes[one.facts.route]!;
      books.evictions += 1;
      if (this.nowS >= one.usableUntilS || (one.facts.flags & Flag.VARY) !== 0) continue;
      books.earlyEvictions += 1;
      this.ghosts[this.#ghostCursor] = {
        key: one.key,
        usableUntilS: one.usableUntilS,
        sizeBytes: one.facts.recordBytes,
        route: one.facts.route,
      };
      this.#ghostCursor = (this.#ghostCursor + 1) % GHOSTS;
    }
    return dropped.length;
  }

  admit(): void {
    const key = this.below(40);
    const recordBytes = MIN_CHARGE_BYTES + (this.below(20) === 0 ? this.below(4_000) : this.below(300));
    const facts: EntryFacts = {
      route: this.below(ROUTES),
      chargeBytes: recordBytes,
      recordBytes,
      keyBytes: 4,
      headBytes: 4,
      status: 200,
      bornS: this.nowS,
      ...this.lifetime(),
      flags:
        [0, 0, Flag.VARY, Flag.VALIDATOR][this.below(4)]! |
        (this.#isDivided && this.below(2) === 0 ? Flag.VARIANT : 0),
    };
    const chargeBytes = recordBytes + METADATA_BYTES;
    const pinnedBytes = this.pinnedBytes;
    const slot = this.cache.admit(this.hash(key), facts, this.nowS);
    const evicted = this.bookEvictions();
    const fits = pinnedBytes + chargeBytes <= this.cache.budgetBytes;
    if (slot === NONE) {
      expect(evicted).toBe(0);
      if (fits && !this.#isDivided) expect(this.cache.refusal).toBe('admission');
      if (this.cache.refusal === 'admission')
        expect(['greedy-dual', 'w-tinylfu']).toContain(this.cache.policy);
      else expect(this.cache.refusal).toBe('no-room');
      return;
    }
    expect(fits).toBe(true);
    expect(this.held.has(slot)).toBe(false);
    this.insertions += 1;
    const usableUntilS = Math.max(facts.freshUntilS, facts.revalidateUntilS, facts.errorUntilS);
    this.held.set(slot, {
      key,
      facts,
      chargeBytes,
      storedS: this.nowS,
      state: 'filling',
      pins: 1,
      usableUntilS,
    });
  }

  lifetime(): Pick<EntryFacts, 'freshUntilS' | 'revalidateUntilS' | 'errorUntilS'> {
    const freshUntilS = this.nowS - 20 + this.below(100);
    return {
      freshUntilS,
      revalidateUntilS: freshUntilS + this.below(50),
      errorUntilS: freshUntilS + this.below(50),
    };
  }

  /** Drops of the last call must be exactly these: what was not visible to lookups any more. */
  forgets(slot: number): void {
    const one = this.held.get(slot)!;
    const gone = one.state === 'unlinked' && one.pins === 0;
    expect(this.#dropped).toEqual(gone ? [slot] : []);
    this.#dropped = [];
    if (gone) this.held.delete(slot);
  }

  publish(slot: number): void {
    const one = this.held.get(slot)!;
    const old = this.visible(one.key);
    this.cache.publish(slot, this.hash(one.key));
    if (old !== NONE) {
      this.removals['replaced']! += 1;
      this.held.get(old)!.state = 'unlinked';
      this.forgets(old);
    }
    one.state = 'visible';
    one.pins -= 1;
  }

  missed(): void {
    const key = this.below(40);
    const places = this.ghosts.map((ghost, i) => ({
      ghost,
      order: (i - this.#ghostCursor + GHOSTS) % GHOSTS,
      i,
    }));
    const latest = places.filter(({ ghost }) => ghost?.key === key).sort((a, b) => b.order - a.order)[0];
    const premature = latest?.ghost !== undefined && this.nowS < latest.ghost.usableUntilS;
    expect(this.cache.missed(this.hash(key), this.nowS)).toBe(premature);
    if (latest?.ghost === undefined) return;
    this.ghosts[latest.i] = undefined;
    if (!premature) return;
    this.routes[latest.ghost.route]!.prematureEvictions += 1;
    this.routes[latest.ghost.route]!.refetchedBytes += latest.ghost.sizeBytes;
  }

  compare(): void {
    const { cache, held } = this;
    cache.check();
    const variants = [...held.values()].filter(({ facts }) => (facts.flags & Flag.VARIANT) !== 0);
    expect(cache.variants).toEqual({
      entries: variants.length,
      usedBytes: variants.reduce((sum, one) => sum + one.chargeBytes, 0),
    });
    expect(cache.count).toBe(held.size);
    expect(cache.usedBytes).toBe([...held.values()].reduce((sum, one) => sum + one.chargeBytes, 0));
    // Over the budget is only what a shrink could not evict, until the next trim or admission.
    this.shrinkWaits &&= cache.usedBytes > cache.budgetBytes;
    if (!this.shrinkWaits) expect(cache.usedBytes).toBeLessThanOrEqual(cache.budgetBytes);
    expect(cache.account.insertions).toBe(this.insertions);
    expect({ ...cache.account.removals } as Record<string, number>).toEqual(this.removals);
    for (const [i, books] of this.routes.entries()) expect(cache.account.routes[i]!).toMatchObject(books);
    const key = this.below(40);
    expect(cache.find(this.hash(key))).toBe(this.visible(key));
    const latest = this.ages.slice(-1000).sort((a, b) => a - b);
    expect(cache.account.evictionAgeS()).toBe(latest[latest.length >> 1]);
  }

  step(): void {
    const roll = this.below(100);
    const visible = (held: Held): boolean => held.state === 'visible';
    const some = this.any(roll < 60 ? (held) => held.state === 'filling' : roll < 85 ? visible : () => true);
    this.nowS += this.below(3);
    if (roll < 35) this.admit();
    else if (roll < 38) this.#resize();
    else if (roll < 40) this.#switch();
    else if (roll < 41) this.#reshare();
    else if (roll < 45) this.missed();
    else if (roll < 46) this.nowS -= 5;
    else if (some === undefined) return;
    else if (roll < 57) this.publish(some);
    else if (roll < 60) this.#withdraw(some);
    else if (roll < 68) this.cache.hit(some);
    else if (roll < 72) this.#remove(some);
    else if (roll < 85) this.#pin(some);
    else this.#unpin();
  }

  #resize(): void {
    const budgetBytes = 400 + this.below(5_000);
    this.cache.resize(budgetBytes, this.nowS);
    this.shrinkWaits = this.cache.usedBytes > budgetBytes;
    this.bookEvictions();
    expect(this.cache.usedBytes).toBeLessThanOrEqual(Math.max(budgetBytes, this.pinnedBytes));
  }

  #reshare(): void {
    const { count, rules } = this.cache;
    this.cache.changeRules({ ...rules, variantsShare: this.#random.next() }, this.nowS);
    expect(this.cache.count).toBe(count);
  }

  #switch(): void {
    const usedBytes = this.cache.usedBytes;
    const over = usedBytes > this.cache.budgetBytes;
    this.cache.switchPolicy(POLICY_NAMES[this.below(POLICY_NAMES.length)]!, this.nowS);
    const evicted = this.bookEvictions();
    if (!over) expect(evicted).toBe(0);
  }

  #withdraw(slot: number): void {
    const one = this.held.get(slot)!;
    one.state = 'unlinked';
    one.pins -= 1;
    this.cache.withdraw(slot);
    this.forgets(slot);
  }

  #remove(slot: number): void {
    const reason = (['purged', 'expired', 'tainted'] as const)[this.below(3)]!;
    this.held.get(slot)!.state = 'unlinked';
    this.removals[reason]! += 1;
    this.cache.remove(slot, reason);
    this.forgets(slot);
  }

  #pin(slot: number): void {
    this.cache.pin(slot);
    this.held.get(slot)!.pins += 1;
  }

  #unpin(): void {
    const slot = this.any((held) => held.pins > (held.state === 'filling' ? 1 : 0));
    if (slot === undefined) return;
    const one = this.held.get(slot)!;
    one.pins -= 1;
    this.cache.unpin(slot);
    this.forgets(slot);
    if (this.below(2) === 0) return;
    this.cache.trim(this.nowS);
    this.bookEvictions();
    expect(this.cache.usedBytes).toBeLessThanOrEqual(Math.max(this.cache.budgetBytes, this.pinnedBytes));
  }
}

describe.each([...POLICY_NAMES])('%s', (policy) => {
  test.each([false, true])('equals its naive books after every operation; with variants: %p', (isDivided) => {
    for (let seed = 1; seed <= 12; seed += 1) {
      const model = new Model(policy, seededRandom(seed), isDivided);
      for (let i = 0; i < 500; i += 1) {
        model.step();
        model.compare();
      }
      expect(model.removals['room']).toBeGreaterThan(0);
    }
  });
});

const FACTS: EntryFacts = {
  route: 0,
  chargeBytes: 100,
  recordBytes: 100,
  keyBytes: 4,
  headBytes: 4,
  status: 200,
  bornS: 0,
  freshUntilS: 100,
  revalidateUntilS: 100,
  errorUntilS: 100,
  flags: 0,
};

function small(policy: PolicyName, entries: number): Cache {
  const cache: Cache = new Cache({
    budgetBytes: entries * (100 + METADATA_BYTES),
    minChargeBytes: 100,
    policy,
    routes: 1,
    ghosts: 10,
    bytes: { sameKey: () => true, chargeOf: () => 100, drop: () => undefined },
  });
  return cache;
}

function put(cache: Cache, key: number, nowS = 0): number {
  const slot = cache.admit({ lo: key, hi: key }, FACTS, nowS);
  if (slot !== NONE) cache.publish(slot, { lo: key, hi: key });
  return slot;
}

/** One that is asked for often enough is never declined. */
function putUntilStored(cache: Cache, key: number): number {
  let slot = put(cache, key);
  for (let i = 0; slot === NONE && i < 1_000; i += 1) slot = put(cache, key);
  return slot;
}

test.each([...POLICY_NAMES])('%s: a budget full of the smallest records still takes newcomers', (policy) => {
  const cache = small(policy, 4);
  for (let key = 0; key < 50; key += 1) expect(putUntilStored(cache, key)).not.toBe(NONE);
  expect(cache.count).toBe(4);
  cache.resize(8 * (100 + METADATA_BYTES), 0);
  for (let key = 50; key < 100; key += 1) expect(putUntilStored(cache, key)).not.toBe(NONE);
  expect(cache.count).toBe(8);
  cache.check();
});

test.each([...POLICY_NAMES])(
  '%s: a switch keeps every entry, also when a shrink waits for readers',
  (policy) => {
    const cache = small(policy, 4);
    const slots = [0, 1, 2, 3].map((key) => put(cache, key));
    for (const slot of slots) cache.pin(slot);
    cache.resize(2 * (100 + METADATA_BYTES), 1);
    for (const name of POLICY_NAMES) {
      cache.switchPolicy(name, 1);
      expect([cache.policy, cache.count]).toEqual([name, 4]);
      cache.check();
    }
    // The readers are done, and nobody has trimmed yet.
    for (const slot of slots) cache.unpin(slot);
    cache.switchPolicy(policy, 1);
    expect(cache.count).toBe(2);
    expect(cache.account.removals.room).toBe(2);
    cache.check();
  },
);

test('filling is ended once, by publish or by withdraw', () => {
  const cache = small('lru', 4);
  const slot = put(cache, 1);
  expect(() => cache.publish(slot, { lo: 1, hi: 1 })).toThrow(InternalFault);
  expect(() => cache.withdraw(slot)).toThrow(InternalFault);
  expect(() => cache.unpin(slot)).toThrow(InternalFault);
});

test('greedy-dual: a renewal is worth what it renews', () => {
  const cache = small('greedy-dual', 4);
  const slots = [0, 1, 2, 3].map((key) => put(cache, key));
  for (let i = 0; i < 50; i += 1) for (const slot of slots) cache.hit(slot);
  expect([put(cache, 9), cache.refusal]).toEqual([NONE, 'admission']);
  expect(put(cache, 3)).not.toBe(NONE);
  expect([cache.count, cache.account.removals.replaced]).toEqual([3, 1]);
  cache.check();
});

test('the side that is favoured is kept when the policy changes', () => {
  const cache = small('greedy-dual', 4);
  expect(cache.favour).toBe('balanced');
  cache.changeFavour('bytes');
  cache.switchPolicy('lru', 0);
  cache.switchPolicy('greedy-dual', 0);
  expect(cache.favour).toBe('bytes');
});
