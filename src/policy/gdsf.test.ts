import { describe, expect, test } from 'bun:test';
import { Gdsf } from './gdsf.ts';

function admit(cache: Gdsf, id: number, sizeBytes: number): number[] {
  const victims: number[] = [];
  expect(cache.admit(id, id, sizeBytes, victims)).toBe(true);
  return victims;
}

describe('GDSF', () => {
  test('large ones leave first, unless they are asked for in proportion', () => {
    const cache = new Gdsf({ capacityBytes: 100, isPinned: () => false });
    for (const [id, sizeBytes] of [
      [1, 40],
      [2, 20],
      [3, 40],
    ] as const)
      admit(cache, id, sizeBytes);
    for (let i = 0; i < 4; i += 1) cache.hit(1);
    // Requests per byte: 5/40, 1/20, 1/40.
    expect([...cache.coldestFirst()]).toEqual([3, 2, 1]);
    expect(admit(cache, 4, 50)).toEqual([3, 2]);
  });

  test('among equals the one that was touched least recently leaves', () => {
    const cache = new Gdsf({ capacityBytes: 4, isPinned: () => false });
    for (const id of [1, 2, 3, 4]) admit(cache, id, 1);
    for (const id of [2, 1, 4, 3]) cache.hit(id);
    expect([...cache.coldestFirst()]).toEqual([2, 1, 4, 3]);
  });

  test('what was popular long ago ages: the clock rises to who left', () => {
    const cache = new Gdsf({ capacityBytes: 10, isPinned: () => false });
    admit(cache, 0, 1);
    for (let i = 0; i < 9; i += 1) cache.hit(0);
    let evicted = 0;
    // Ten others at a time, each asked for twice: every round of them raises the clock by two.
    for (let id = 1; cache.has(0); id += 1) {
      evicted += admit(cache, id, 1).length;
      if (cache.has(id)) cache.hit(id);
    }
    expect(evicted).toBeGreaterThan(9);
    expect(evicted).toBeLessThan(100);
  });

  test('a pinned entry that is due counts as touched, and its frequency stays', () => {
    const pins = new Set([1]);
    const cache = new Gdsf({ capacityBytes: 3, isPinned: (id) => pins.has(id) });
    for (const id of [1, 2, 3]) admit(cache, id, 1);
    expect(admit(cache, 4, 1)).toEqual([2]);
    pins.clear();
    // 3 is next; 1 was passed after it, so it has the priority of a newcomer.
    expect([...cache.coldestFirst()]).toEqual([3, 1, 4]);
    cache.check();
  });
});
