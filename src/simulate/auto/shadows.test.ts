import { describe, expect, test } from 'bun:test';
import { seededRandom } from '../../base/random.ts';
import { POLICY_NAMES, type PolicyName } from '../../policy/policy.ts';
import { placeOf, thresholdOf } from '../../traffic/sample.ts';
import { hashOf } from './auto.fixture.ts';
import { type ShadowRow, Shadows } from './shadows.ts';

const SECOND_HALF = 7_000_000;

function row(key: number, more: Partial<ShadowRow> = {}): ShadowRow {
  return {
    keyLo: hashOf(key),
    keyHi: hashOf(key + SECOND_HALF),
    chargeBytes: 100,
    nowS: 1_000,
    usableS: Number.POSITIVE_INFINITY,
    renewable: false,
    variant: false,
    ...more,
  };
}

function shadows(names: readonly PolicyName[], budgetBytes: number, entriesMax = 1_000_000): Shadows {
  return new Shadows({ names, budgetBytes, variantsShare: 0.5, favour: 'balanced', entriesMax });
}

/** LRU by a map in the order of use. */
class NaiveLru {
  readonly #entries = new Map<number, { chargeBytes: number; untilS: number }>();
  readonly #budgetBytes: number;

  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes;
  }

  request(key: number, { chargeBytes, nowS, usableS, renewable }: ShadowRow): boolean {
    const old = this.#entries.get(key);
    this.#entries.delete(key);
    if (old !== undefined && nowS < old.untilS) {
      this.#entries.set(key, old);
      return true;
    }
    if (chargeBytes > this.#budgetBytes) return false;
    const kept = old !== undefined && renewable ? old.chargeBytes : chargeBytes;
    this.#entries.set(key, { chargeBytes: kept, untilS: nowS + usableS });
    let used = 0;
    for (const entry of this.#entries.values()) used += entry.chargeBytes;
    for (const [oldest, entry] of this.#entries) {
      if (used <= this.#budgetBytes) break;
      this.#entries.delete(oldest);
      used -= entry.chargeBytes;
    }
    return false;
  }
}

describe('shadows of a cache', () => {
  test.each([1, 2, 3])('LRU hits what a naive one hits, with sizes and lifetimes (seed %d)', (seed) => {
    const random = seededRandom(seed);
    const lru = shadows(['fifo', 'lru'], 3_000);
    const naive = new NaiveLru(3_000);
    for (let i = 0; i < 5_000; i += 1) {
      const key = Math.floor(random.next() ** 2 * 100);
      const asked = row(key, {
        chargeBytes: 1 + Math.floor(random.next() * 200),
        nowS: 1_000 + Math.floor(i / 10),
        usableS: Math.floor(random.next() * 60) + 1,
        renewable: random.next() < 0.5,
      });
      expect((lru.request(asked)! & 2) !== 0).toBe(naive.request(key, asked));
    }
    lru.check();
  });

  test.each([1, 2, 3])('stay whole through all that happens (seed %d)', (seed) => {
    const random = seededRandom(seed);
    const all = shadows(POLICY_NAMES, 20_000, 150);
    for (let i = 0; i < 20_000; i += 1) {
      const key = Math.floor(random.next() ** 3 * 3_000);
      const asked = row(key, {
        chargeBytes: 1 + Math.floor(random.next() ** 4 * 3_000),
        nowS: i,
        usableS: Math.floor(random.next() * 2_000),
        renewable: random.next() < 0.5,
        variant: seed > 1 && key % 3 === 0,
      });
      const hits = all.request(asked);
      expect(hits === undefined).toBe(placeOf(asked.keyHi) >= thresholdOf(all.rate));
      if (random.next() < 0.002) all.fit();
      if (random.next() < 0.001) all.resize(5_000 + Math.floor(random.next() * 40_000));
      if (random.next() < 0.001) all.limit(0.1 + random.next() * 0.9);
      if (i % 500 === 0) all.check();
    }
    all.check();
  });

  test('are made smaller when one holds too much, and larger when all hold little', () => {
    const lru = shadows(['lru'], 100_000, 400);
    for (let key = 0; key < 2_000; key += 1) lru.request(row(key));
    expect([lru.rate, lru.entries, lru.full]).toEqual([1, 1_000, true]);
    expect([lru.fit(), lru.rate, lru.capacityBytes]).toEqual([true, 0.5, 50_000]);
    // Half the keys, in half the room: hardly anybody is lost for it, and nothing differs before it is full again.
    expect(lru.entries).toBeGreaterThan(420);
    expect(lru.full).toBe(false);
    expect([lru.fit(), lru.rate]).toEqual([true, 0.25]);
    expect([lru.fit(), lru.rate]).toEqual([false, 0.25]);
    lru.resize(20_000);
    for (let key = 0; key < 2_000; key += 1) lru.request(row(key));
    expect([lru.entries, lru.full]).toEqual([50, true]);
    expect([lru.fit(), lru.rate]).toEqual([true, 0.5]);
    lru.check();
  });

  test('see no more keys than are recorded', () => {
    const lru = shadows(['lru'], 100_000, 400);
    lru.limit(0.25);
    for (let key = 0; key < 4_000; key += 1) lru.request(row(key));
    expect([lru.rate, lru.capacityBytes, lru.entries]).toEqual([0.25, 25_000, 250]);
    lru.resize(10_000);
    for (let key = 0; key < 4_000; key += 1) lru.request(row(key));
    expect([lru.fit(), lru.rate]).toEqual([false, 0.25]);
    expect(lru.known(0)).toBeUndefined();
  });

  test('give variants their share', () => {
    const lru = shadows(['lru'], 10_000);
    for (let key = 0; key < 50; key += 1) lru.request(row(key));
    for (let key = 1_000; key < 1_500; key += 1) lru.request(row(key, { variant: true }));
    for (let key = 0; key < 50; key += 1) expect(lru.request(row(key))).toBe(1);
    lru.check();
  });
});
