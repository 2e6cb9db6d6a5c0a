import { describe, expect, test } from 'bun:test';
import { WTinyLfu } from './w-tinylfu.ts';

const unpinned = (): boolean => false;

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

/** Requests in order, each of its own size; returns the victims in order. */
function request(cache: WTinyLfu, ids: readonly number[], sizeBytes = 1): number[] {
  const victims: number[] = [];
  for (const id of ids) {
    if (cache.has(id)) cache.hit(id);
    else cache.admit(id, id, sizeBytes, victims);
  }
  return victims;
}

describe('W-TinyLFU', () => {
  test('a scan passes through the window and leaves what was asked for twice alone', () => {
    const cache = new WTinyLfu({ capacityBytes: 100, isPinned: unpinned });
    request(cache, [...range(0, 100), ...range(0, 100)]);
    // What was last in the window has a frequency of two as well, and ties keep who is there.
    expect(request(cache, range(1_000, 1_200))).toEqual([99, ...range(1_000, 1_199)]);
    cache.check();
  });

  test('a candidate of the window takes the place of who was asked for less often', () => {
    const cache = new WTinyLfu({ capacityBytes: 100, isPinned: unpinned });
    request(cache, range(0, 100));
    request(cache, [200, 200, 200]);
    // 99 was in the window when 200 came, and lost to 0. Now 200 is the candidate, and 0 the oldest on probation.
    expect(request(cache, [300])).toEqual([0]);
    expect([cache.has(99), cache.has(200)]).toEqual([false, true]);
  });

  test('a large newcomer must be asked for more often than all whose room it takes', () => {
    const cache = new WTinyLfu({ capacityBytes: 100, isPinned: unpinned });
    request(cache, [...range(0, 100), ...range(0, 100)]);
    // Five victims with two requests each: ten do not suffice, eleven do.
    const victims: number[] = [];
    for (let attempt = 1; attempt <= 10; attempt += 1) {
      expect([cache.admit(500, 500, 5, victims), cache.declined]).toEqual([false, true]);
    }
    expect(victims).toEqual([]);
    expect(cache.admit(500, 500, 5, victims)).toBe(true);
    expect(victims.length).toBe(5);
    cache.check();
  });

  test('a contest looks at no more than it must, and is decided after 256 victims', () => {
    let asked = 0;
    const isPinned = (): boolean => {
      asked += 1;
      return false;
    };
    const cache = new WTinyLfu({ capacityBytes: 1_000, isPinned });
    request(cache, range(0, 1_000));
    // A newcomer that is too large for its one request is declined at the first victim.
    expect([cache.admit(5_000, 5_000, 700, []), asked]).toEqual([false, 1]);
    // The first 300 fade to nothing while the others are asked for again and again.
    for (let i = 0; i < 14; i += 1) request(cache, range(300, 1_000));
    const victims: number[] = [];
    // That the last hundred of those who leave are popular comes after the first 256, which decided.
    expect(cache.admit(5_001, 5_001, 400, victims)).toBe(true);
    expect(victims).toEqual(range(0, 400));
    cache.check();
  });

  test('what is protected beyond its share goes back on probation', () => {
    const cache = new WTinyLfu({ capacityBytes: 100, isPinned: unpinned });
    request(cache, [...range(0, 100), ...range(0, 99)]);
    // 79 of the 99 in main are protected, the last ones hit; the others leave first, in their order.
    expect([...cache.coldestFirst()].slice(0, 3)).toEqual([0, 1, 2]);
    request(cache, [0]);
    expect([...cache.coldestFirst()].slice(0, 3)).toEqual([1, 2, 3]);
  });
});
