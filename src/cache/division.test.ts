import { describe, expect, test } from 'bun:test';
import { type Random, seededRandom } from '../base/random.ts';
import { POLICY_NAMES, type PolicyName } from '../policy/policy.ts';
import { Cache } from './cache.ts';
import { METADATA_BYTES } from './contract.ts';
import { Flag, NONE } from './entries.ts';
import { FREE_FOR_ALL, type RoomRules } from './residency.ts';

const CHARGE_BYTES = 100;
const ENTRY_BYTES = CHARGE_BYTES + METADATA_BYTES;
const NOW_S = 1_000;

/** A cache whose keys are numbers: variants are those above a million. */
class Small {
  readonly cache: Cache;
  readonly #keys = new Map<number, number>();
  #asked = 0;

  constructor(policy: PolicyName, entries: number, room: RoomRules = FREE_FOR_ALL) {
    this.cache = new Cache({
      budgetBytes: entries * ENTRY_BYTES,
      minChargeBytes: CHARGE_BYTES,
      policy,
      routes: 1,
      ghosts: 10,
      room,
      bytes: {
        sameKey: (slot) => this.#keys.get(slot) === this.#asked,
        chargeOf: () => CHARGE_BYTES,
        drop: () => undefined,
      },
    });
  }

  /** True when it was there; else it is stored, if there is room. */
  request(key: number, nowS = NOW_S): boolean {
    this.#asked = key;
    const hash = { lo: (key * 0x9e37_79b1) >>> 0, hi: key };
    const found = this.cache.find(hash);
    if (found !== NONE) {
      this.cache.hit(found);
      return true;
    }
    const slot = this.cache.admit(
      hash,
      {
        route: 0,
        chargeBytes: CHARGE_BYTES,
        recordBytes: CHARGE_BYTES,
        keyBytes: 4,
        headBytes: 4,
        status: 200,
        bornS: nowS,
        freshUntilS: nowS + 1_000,
        revalidateUntilS: 0,
        errorUntilS: 0,
        flags: key >= VARIANTS ? Flag.VARIANT : 0,
      },
      nowS,
    );
    if (slot === NONE) return false;
    this.#keys.set(slot, key);
    this.cache.publish(slot, hash);
    return false;
  }

  get originals(): number {
    return this.cache.count - this.cache.variants.entries;
  }
}

const VARIANTS = 1_000_000;

/** Skewed requests for originals. @returns the share of hits. */
function hitRatio(small: Small, random: Random, requests: number, between: () => void): number {
  let hits = 0;
  for (let i = 0; i < requests; i += 1) {
    if (small.request(Math.floor(random.next() ** 3 * 1_000))) hits += 1;
    between();
  }
  return hits / requests;
}

describe.each([...POLICY_NAMES])('%s', (policy) => {
  test('a tenfold flood of variants leaves the hit ratio of originals what it is in a cache of their share', () => {
    const alone = new Small(policy, 400);
    const beside = new Small(policy, 400);
    const [one, other] = [seededRandom(1), seededRandom(1)];
    let variant = VARIANTS;
    hitRatio(alone, one, 5_000, () => undefined);
    hitRatio(beside, other, 5_000, () => undefined);
    expect(beside.originals).toBeGreaterThan(390);
    const flood = (): void => {
      for (let i = 0; i < 10; i += 1) beside.request(variant++);
    };
    alone.cache.resize(200 * ENTRY_BYTES, NOW_S);
    hitRatio(alone, one, 10_000, () => undefined);
    hitRatio(beside, other, 10_000, flood);
    const before = hitRatio(alone, one, 10_000, () => undefined);
    const flooded = hitRatio(beside, other, 10_000, flood);
    expect(flooded).toBeGreaterThan(before - 0.005);
    expect(beside.originals).toBeGreaterThanOrEqual(199);
    beside.cache.check();
  });

  test('originals that fit their share keep every hit, whatever floods', () => {
    const small = new Small(policy, 400);
    for (let key = 0; key < 190; key += 1) small.request(key);
    for (let round = 0; round < 20; round += 1) {
      for (let i = 0; i < 400; i += 1) small.request(VARIANTS + round * 400 + i);
      for (let key = 0; key < 190; key += 1) expect(small.request(key)).toBe(true);
    }
    // And what they leave is the variants'.
    expect(small.cache.usedBytes).toBeGreaterThan(398 * ENTRY_BYTES);
  });

  test('a switch of policy and a new share keep what is there, and its class', () => {
    const small = new Small(policy, 100);
    for (let key = 0; key < 60; key += 1) small.request(key);
    for (let key = 0; key < 40; key += 1) small.request(VARIANTS + key);
    for (const name of POLICY_NAMES) {
      small.cache.switchPolicy(name, NOW_S);
      small.cache.changeRules({ ...FREE_FOR_ALL, variantsShare: 0.1 }, NOW_S);
      expect([small.originals, small.cache.variants.entries, small.cache.policy]).toEqual([60, 40, name]);
      small.cache.check();
    }
    for (let key = 100; key < 200; key += 1) small.request(key);
    expect([small.originals, small.cache.variants.entries]).toEqual([90, 10]);
    small.cache.check();
  });

  test('a variant that only finds young originals is passed by, and says why', () => {
    const small = new Small(policy, 10, { ...FREE_FOR_ALL, minResidencyS: 10 });
    for (let key = 0; key < 10; key += 1) small.request(key);
    small.request(VARIANTS);
    expect([small.cache.refusal, small.cache.count, small.originals]).toEqual(['residency', 10, 10]);
    small.request(VARIANTS, NOW_S + 10);
    expect([small.originals, small.cache.variants.entries]).toEqual([9, 1]);
    small.cache.check();
  });
});

test('a cache without variants has one policy, and one with them keeps the budget of each class', () => {
  const small = new Small('s3-fifo', 10);
  for (let key = 0; key < 30; key += 1) small.request(key);
  expect(small.cache.variants).toEqual({ entries: 0, usedBytes: 0 });
  for (let key = 0; key < 30; key += 1) small.request(VARIANTS + key);
  expect(small.cache.variants).toEqual({ entries: 5, usedBytes: 5 * ENTRY_BYTES });
});

test('many that became old enough at once do not keep a newcomer of the other class out', () => {
  const small = new Small('lru', 400, { ...FREE_FOR_ALL, minResidencyS: 10 });
  for (let key = 0; key < 200; key += 1) small.request(key);
  for (let key = 0; key < 200; key += 1) small.request(VARIANTS + key);
  for (let key = 1_000; key < 1_010; key += 1) {
    small.request(VARIANTS + key, NOW_S + 20);
    expect(small.request(VARIANTS + key, NOW_S + 20)).toBe(true);
  }
  expect([small.originals, small.cache.variants.entries]).toEqual([200, 200]);
});

/** Policies that keep what was asked for often; and of these, those that know how often. */
const LEARNING = ['greedy-dual', 's3-fifo', 'w-tinylfu', 'sieve', 'gdsf'] as const;
const COUNTING = ['greedy-dual', 's3-fifo', 'w-tinylfu', 'gdsf'] as const;

/** Of 20 favourites in a cache of 100, those that a switch and then 90 keys that are asked for once leave there. */
function favouritesLeft(from: PolicyName, to: PolicyName, known?: (hashLo: number) => number): number {
  const small = new Small(from, 100);
  for (let round = 0; round < 5; round += 1) for (let key = 0; key < 20; key += 1) small.request(key);
  for (let key = 1_000; key < 1_080; key += 1) small.request(key);
  small.cache.switchPolicy(to, NOW_S, known);
  for (let key = 2_000; key < 2_090; key += 1) small.request(key);
  small.cache.check();
  let left = 0;
  for (let key = 0; key < 20; key += 1) if (small.request(key)) left += 1;
  return left;
}

describe.each(COUNTING)('what %s knows of its entries', (from) => {
  test.each(LEARNING)('is not forgotten by a switch to %s', (to) => {
    expect(favouritesLeft(from, to)).toBe(20);
  });
});

test.each(LEARNING)('who knows better than LRU can tell %s', (to) => {
  const favourites = new Set(Array.from({ length: 20 }, (_, key) => (key * 0x9e37_79b1) >>> 0));
  expect(favouritesLeft('lru', to)).toBe(0);
  expect(favouritesLeft('lru', to, (hashLo) => (favourites.has(hashLo) ? 1_000 : 0))).toBe(20);
});
