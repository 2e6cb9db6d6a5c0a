import { describe, expect, test } from 'bun:test';
import { createPolicy } from './create.ts';
import { GreedyDual } from './greedy-dual.ts';
import { FAVOURS, type Favour } from './policy.ts';

const unpinned = (): boolean => false;

function cacheOf(capacityBytes: number, favour?: Favour): GreedyDual {
  return new GreedyDual({ capacityBytes, isPinned: unpinned, favour });
}

/** One request; returns who left for it. */
function request(cache: GreedyDual, id: number, sizeBytes: number, fingerprint = id): number[] {
  const victims: number[] = [];
  if (cache.has(id)) cache.hit(id);
  else cache.admit(id, fingerprint, sizeBytes, victims);
  return victims;
}

/** Requests of an id until it is resident. */
function requestsUntilIn(cache: GreedyDual, id: number, sizeBytes: number): number {
  let count = 0;
  for (; !cache.has(id) && count < 1_000; count += 1) request(cache, id, sizeBytes);
  return count;
}

describe('who leaves', () => {
  test('of what was asked for as often, the large ones', () => {
    const cache = cacheOf(10_000);
    for (let id = 0; id < 10; id += 1) request(cache, id, id % 2 === 0 ? 1_900 : 100);
    const victims: number[] = [];
    for (let id = 20; id < 70; id += 1) victims.push(...request(cache, id, 100));
    expect(victims.toSorted()).toEqual([2, 4, 6]);
    cache.check();
  });

  test('of one size, those that nobody asked for again, the oldest first', () => {
    const cache = cacheOf(40);
    for (const id of [1, 2, 3, 4]) request(cache, id, 10);
    request(cache, 1, 10);
    request(cache, 3, 10);
    expect([...cache.coldestFirst()]).toEqual([2, 4, 1, 3]);
    expect([5, 6].map((id) => request(cache, id, 10))).toEqual([[2], [4]]);
  });

  test('what was popular long ago ages', () => {
    const cache = cacheOf(100);
    for (let i = 0; i < 200; i += 1) request(cache, 0, 10);
    let newcomers = 0;
    for (let id = 1; cache.has(0); id += 1) {
      request(cache, id, 10);
      newcomers = id;
    }
    // 127 requests to the power of 3/4 are worth 38 newcomers' lives, of nine newcomers each.
    expect(newcomers).toBeGreaterThan(100);
    expect(newcomers).toBeLessThan(600);
  });
});

describe('who is let in', () => {
  test('a newcomer is declined while it is worth less than who would have to leave, and gets in when it is asked for again', () => {
    const cache = cacheOf(10_000);
    for (let id = 0; id < 100; id += 1) {
      request(cache, id, 100);
      request(cache, id, 100);
    }
    expect(request(cache, 200, 9_000)).toEqual([]);
    expect([cache.has(200), cache.declined, cache.count]).toEqual([false, true, 100]);
    const count = requestsUntilIn(cache, 200, 9_000);
    expect(count).toBeGreaterThan(1);
    expect(count).toBeLessThan(20);
    cache.check();
  });

  test('those that are declined make the others age, each one a little: what is asked for once gets in at last', () => {
    const cache = cacheOf(10_000);
    for (let id = 0; id < 100; id += 1) {
      request(cache, id, 100);
      request(cache, id, 100);
    }
    let id = 1_000;
    while (!cache.has(id) && id < 1_500) {
      id += 1;
      request(cache, id, 9_000);
    }
    expect(id).toBeGreaterThan(1_001);
    expect(id).toBeLessThan(1_500);
  });

  test('a frequency outlasts the residency', () => {
    const cache = cacheOf(1_000);
    for (let i = 0; i < 20; i += 1) request(cache, 0, 10, 7_777);
    cache.remove(0);
    for (let id = 1; id <= 100; id += 1) request(cache, id, 10);
    request(cache, 200, 10, 7_777); // another slot, the same key
    const victims: number[] = [];
    for (let id = 300; id < 399; id += 1) victims.push(...request(cache, id, 10));
    expect([victims.length, cache.has(200)]).toEqual([99, true]);
  });

  test('a renewal has the standing of what it renews', () => {
    const cache = cacheOf(1_000);
    for (let id = 0; id < 10; id += 1) for (let i = 0; i < 10; i += 1) request(cache, id, 100);
    expect(request(cache, 20, 100)).toEqual([]);
    expect(cache.has(20)).toBe(false);
    cache.renewing(9);
    expect(request(cache, 21, 100, 9)).toEqual([0]);
    cache.remove(9);
    expect(request(cache, 22, 100)).toEqual([]);
    expect([cache.has(22), cache.has(21)]).toEqual([true, true]);
    cache.check();
  });
});

describe('which misses are avoided', () => {
  /** How many requests for one large image outweigh one request for each of ten small ones in its room. */
  const requestsNeeded = (favour: Favour): number => {
    const cache = cacheOf(100_000, favour);
    for (let id = 0; id < 100; id += 1) {
      request(cache, id, 1_000);
      request(cache, id, 1_000);
    }
    return requestsUntilIn(cache, 200, 50_000);
  };

  test('requests favour small images, bytes large ones', () => {
    const [requests, balanced, bytes] = FAVOURS.map(requestsNeeded);
    expect(requests!).toBeGreaterThan(balanced!);
    expect(balanced!).toBeGreaterThan(bytes!);
    expect(bytes!).toBeLessThan(4);
  });

  test('it can be changed live, and a policy beside it has the same', () => {
    const cache = cacheOf(100_000, 'requests');
    const fill = (): void => {
      for (let id = 0; id < 100; id += 1) {
        if (cache.has(id)) cache.remove(id);
        request(cache, id, 1_000);
      }
    };
    fill();
    cache.favour('bytes');
    fill();
    const beside = createPolicy('greedy-dual', { capacityBytes: 100_000, isPinned: unpinned, beside: cache });
    for (let id = 500; id < 600; id += 1) beside.admit(id, id, 1_000, []);
    for (const one of [cache, beside])
      expect(requestsUntilIn(one as GreedyDual, 200, 50_000)).toBeLessThan(6);
  });
});

test('values that are out of range are worth the least and the most', () => {
  const cache = cacheOf(2 ** 40, 'requests');
  for (let id = 0; id < 100; id += 1) request(cache, id, 1);
  request(cache, 100, 2 ** 32 - 1);
  expect([...cache.coldestFirst()][0]).toBe(100);
  for (let id = 101; id < 200; id += 1) request(cache, id, 2 ** 32 - 1);
  request(cache, 200, 1);
  expect([...cache.coldestFirst()].at(-1)).toBe(200);
  cache.check();
});

test('a pinned entry that is due is queued anew', () => {
  const pins = new Set([1]);
  const cache = new GreedyDual({ capacityBytes: 30, isPinned: (id) => pins.has(id) });
  for (const id of [1, 2, 3]) request(cache, id, 10);
  expect(request(cache, 4, 10)).toEqual([2]);
  pins.clear();
  expect([...cache.coldestFirst()]).toEqual([3, 1, 4]);
  cache.check();
});
