import { describe, expect, test } from 'bun:test';
import { seededRandom } from '../base/random.ts';
import { replay } from '../simulate/published/replay.ts';
import { type Trace, unitSized } from '../simulate/published/trace.ts';
import { createPolicy } from './create.ts';
import { beladyMisses, createModel, mayDecline } from './policy.models.ts';
import { policySuite } from './policy.suite.ts';
import { POLICY_NAMES } from './policy.ts';

for (const name of POLICY_NAMES) {
  policySuite({
    name,
    make: (options) => createPolicy(name, options),
    model: (options) => createModel(name, options),
    refuses: mayDecline(name) ? 'seldom' : 'nobody',
    countsLate: name === 'greedy-dual',
  });
}

policySuite({
  name: 's3-fifo, published form',
  make: (options) => createPolicy('s3-fifo', { ...options, form: 'published' }),
  model: (options) => createModel('s3-fifo', { ...options, form: 'published' }),
  refuses: 'large',
});

policySuite({
  name: 'greedy-dual, favouring requests',
  make: (options) => createPolicy('greedy-dual', { ...options, favour: 'requests' }),
  model: (options) => createModel('greedy-dual', { ...options, favour: 'requests' }),
  refuses: 'seldom',
  countsLate: true,
});

const unpinned = (): boolean => false;

/** Skewed requests with one-time keys in between, as images see them. */
function trace(seed: number, requests = 6_000): Trace {
  const random = seededRandom(seed);
  const popular = 300;
  let once = popular;
  const keys = Uint32Array.from({ length: requests }, () =>
    random.next() < 0.15 ? once++ : Math.floor(random.next() ** 3 * popular),
  );
  const sizeOf = Uint32Array.from({ length: once }, () => 1 + (random.u32() % 500));
  return { objects: once, keys, sizes: keys.map((key) => sizeOf[key]!) };
}

describe('createPolicy', () => {
  test.each([...POLICY_NAMES])('builds an empty %s', (name) => {
    const policy = createPolicy(name, { capacityBytes: 5, isPinned: unpinned });
    expect([policy.name, policy.capacityBytes, policy.usedBytes, policy.count]).toEqual([name, 5, 0, 0]);
    expect([...policy.coldestFirst()]).toEqual([]);
  });
});

describe('LRU', () => {
  test('a larger cache of unit sizes holds all that a smaller one holds (inclusion)', () => {
    const { keys } = trace(1);
    const caches = [3, 10, 50, 200].map((capacityBytes) =>
      createPolicy('lru', { capacityBytes, isPinned: unpinned }),
    );
    for (const key of keys) {
      for (const cache of caches) {
        if (cache.has(key)) cache.hit(key);
        else cache.admit(key, key, 1, []);
      }
      caches.forEach((cache, i) => {
        const larger = caches[i + 1];
        if (larger !== undefined) for (const id of cache.coldestFirst()) expect(larger.has(id)).toBe(true);
      });
    }
  });
});

describe.each([...POLICY_NAMES])('%s against the bound', (name) => {
  test('never misses less than Belady on unit sizes', () => {
    for (const seed of [1, 2, 3]) {
      const units = unitSized(trace(seed));
      for (const capacityBytes of [1, 7, 30, 100, 250]) {
        const policy = createPolicy(name, { capacityBytes, isPinned: unpinned });
        const bound = beladyMisses(units, capacityBytes, mayDecline(name)).misses;
        expect(replay(units, policy).misses).toBeGreaterThanOrEqual(bound);
      }
    }
  });
});

describe('a live switch', () => {
  for (const from of POLICY_NAMES) {
    for (const to of POLICY_NAMES) {
      test(`from ${from} to ${to} keeps every entry`, () => {
        const old = createPolicy(from, { capacityBytes: 20_000, isPinned: unpinned });
        const { keys, sizes, objects } = trace(5);
        keys.forEach((key, i) => {
          if (old.has(key)) old.hit(key);
          else old.admit(key, key, sizes[i]!, []);
        });
        const sizeOf = new Map(Array.from(keys, (key, i) => [key, sizes[i]!]));
        const next = createPolicy(to, { capacityBytes: 20_000, isPinned: unpinned });
        const victims: number[] = [];
        for (const id of old.coldestFirst()) expect(next.admit(id, id, sizeOf.get(id)!, victims)).toBe(true);
        expect(victims).toEqual([]);
        expect([next.count, next.usedBytes]).toEqual([old.count, old.usedBytes]);
        for (let id = 0; id < objects; id += 1) expect(next.has(id)).toBe(old.has(id));
        next.check();
      });
    }
  }
});
