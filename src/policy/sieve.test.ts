import { expect, test } from 'bun:test';
import { Sieve } from './sieve.ts';

/** Requests in order, unit sizes; returns the victims in order. */
function request(cache: Sieve, ids: readonly number[]): number[] {
  const victims: number[] = [];
  for (const id of ids) {
    if (cache.has(id)) cache.hit(id);
    else cache.admit(id, id, 1, victims);
  }
  return victims;
}

test('the hand clears, evicts, and goes on from where it stopped', () => {
  // Seven places, oldest first 1..7; 1, 2 and 7 are visited.
  const cache = new Sieve({ capacityBytes: 7, isPinned: () => false });
  expect(request(cache, [1, 2, 3, 4, 5, 6, 7, 1, 2, 7])).toEqual([]);
  // The hand clears 1 and 2 and takes 3; 1 and 2 survive behind it while 4 and 5 go.
  expect(request(cache, [8, 9, 10])).toEqual([3, 4, 5]);
  // Then 6; 7 is cleared; then the newcomers in front of the hand, before 1 and 2.
  expect(request(cache, [11, 12])).toEqual([6, 8]);
  expect([...cache.coldestFirst()]).toEqual([9, 10, 11, 12, 1, 2, 7]);
});

test('the hand past the newest starts over at the oldest', () => {
  const cache = new Sieve({ capacityBytes: 3, isPinned: () => false });
  expect(request(cache, [1, 2, 3, 1, 2, 4, 5])).toEqual([3, 1]);
});

test('removing the entry under the hand moves the hand one on', () => {
  const cache = new Sieve({ capacityBytes: 4, isPinned: () => false });
  expect(request(cache, [1, 2, 3, 4, 1, 5])).toEqual([2]);
  cache.remove(3); // where the hand stands
  cache.check();
  expect(request(cache, [6, 7])).toEqual([4]);
});

test('a pinned entry is passed by and keeps its place', () => {
  const pins = new Set([1, 2]);
  const cache = new Sieve({ capacityBytes: 4, isPinned: (id) => pins.has(id) });
  expect(request(cache, [1, 2, 3, 4, 5])).toEqual([3]);
  pins.clear();
  expect([...cache.coldestFirst()]).toEqual([4, 5, 1, 2]);
});
