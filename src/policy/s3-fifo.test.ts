import { describe, expect, test } from 'bun:test';
import { S3Fifo } from './s3-fifo.ts';

/** Requests in order, each of its own size; returns the victims in order. */
function request(cache: S3Fifo, ids: readonly number[], sizeBytes = 1): number[] {
  const victims: number[] = [];
  for (const id of ids) {
    if (cache.has(id)) cache.hit(id);
    else cache.admit(id, id, sizeBytes, victims);
  }
  return victims;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

const unpinned = (): boolean => false;

describe('S3-FIFO', () => {
  test('what is asked for once passes through the small queue and leaves main alone', () => {
    const cache = new S3Fifo({ capacityBytes: 100, isPinned: unpinned });
    // 0..89 are asked for three times and reach main once room is needed; a scan of 500 follows.
    request(cache, [...range(0, 90), ...range(0, 90), ...range(0, 90)]);
    const victims = request(cache, range(1_000, 1_500));
    expect(victims).toEqual(range(1_000, 1_490));
    for (const id of range(0, 90)) expect(cache.has(id)).toBe(true);
    cache.check();
  });

  test('one hit in the small queue is not enough, two are', () => {
    const cache = new S3Fifo({ capacityBytes: 20, isPinned: unpinned });
    request(cache, [...range(0, 20), 0, 1, 1]);
    expect(request(cache, [100])).toEqual([0]);
    expect(request(cache, [101])).toEqual([2]);
    expect(cache.has(1)).toBe(true);
  });

  test('a key that comes back while its ghost is remembered goes to main', () => {
    const cache = new S3Fifo({ capacityBytes: 20, isPinned: unpinned });
    request(cache, range(0, 20));
    expect(request(cache, [100])).toEqual([0]);
    expect(request(cache, [0])).toEqual([1]);
    // From the small queue 0 would leave before 100; in main it outlives the whole small queue.
    expect(request(cache, range(200, 219))).toEqual([...range(2, 20), 100]);
    expect(cache.has(0)).toBe(true);
  });

  test('the ghost is found by fingerprint, not by slot', () => {
    const cache = new S3Fifo({ capacityBytes: 20, isPinned: unpinned });
    const victims: number[] = [];
    for (const id of range(0, 20)) cache.admit(id, 7_000 + id, 1, victims);
    cache.admit(20, 9_000, 1, victims);
    expect(victims).toEqual([0]);
    cache.admit(0, 7_000, 1, victims); // the old key in its old slot: to main
    cache.admit(1, 9_001, 1, victims); // a new key in the slot of one that left: to small
    for (const id of range(30, 50)) cache.admit(id, id, 1, victims);
    expect([cache.has(0), cache.has(1)]).toEqual([true, false]);
    cache.check();
  });

  test('the live form takes large objects straight to main, past the small queue', () => {
    const cache = new S3Fifo({ capacityBytes: 100, isPinned: unpinned });
    request(cache, range(0, 60));
    const victims: number[] = [];
    expect(cache.admit(500, 500, 40, victims)).toBe(true);
    expect(victims).toEqual([]);
    expect(request(cache, range(600, 650))).toEqual(range(0, 50));
    expect(cache.has(500)).toBe(true);
  });

  test('a large object leaves first when main gives way, unless it was hit', () => {
    for (const hits of [0, 1]) {
      const cache = new S3Fifo({ capacityBytes: 100, isPinned: unpinned });
      request(cache, [...range(0, 60), ...range(0, 60), ...range(0, 60)]);
      request(cache, [500], 45); // promotes the sixty, five of which leave
      expect([cache.has(500), cache.usedBytes]).toEqual([true, 100]);
      for (let i = 0; i < hits; i += 1) cache.hit(500);
      expect(request(cache, [600])).toEqual([hits === 0 ? 500 : 5]);
      cache.check();
    }
  });

  test('a large object that is being served stays on probation', () => {
    const pins = new Set([500]);
    const cache = new S3Fifo({ capacityBytes: 100, isPinned: (id) => pins.has(id) });
    request(cache, [...range(0, 60), ...range(0, 60), ...range(0, 60)]);
    request(cache, [500], 45);
    expect(request(cache, [600])).toEqual([5]);
    pins.clear();
    expect(request(cache, [601])).toEqual([500]);
  });

  test('the published form never takes what is a tenth of the capacity or more', () => {
    const cache = new S3Fifo({ capacityBytes: 109, isPinned: unpinned, form: 'published' });
    expect(cache.admit(1, 1, 10, [])).toBe(false);
    expect(cache.admit(1, 1, 9, [])).toBe(true);
  });

  test('pins hinder leaving, not promotion', () => {
    const pins = new Set<number>();
    const cache = new S3Fifo({ capacityBytes: 20, isPinned: (id) => pins.has(id) });
    request(cache, [...range(0, 20), 0, 0]);
    pins.add(0).add(1);
    expect(request(cache, [100])).toEqual([2]); // 0 went to main, 1 back to the head of the small queue
    pins.clear();
    expect([...cache.coldestFirst()]).toEqual([...range(3, 20), 1, 100, 0]);
  });

  test('a small queue full of pinned entries makes main give way', () => {
    const pins = new Set<number>();
    const cache = new S3Fifo({ capacityBytes: 20, isPinned: (id) => pins.has(id) });
    request(cache, [...range(0, 20), ...range(0, 10), ...range(0, 10)]);
    expect(request(cache, [100])).toEqual([10]); // 0..9 are in main now
    for (const id of [...range(11, 20), 100]) pins.add(id);
    expect(request(cache, [101, 102])).toEqual([0, 101]);
    cache.check();
  });

  test('finds what may leave even when it was promoted during the very search', () => {
    const pins = new Set<number>();
    const cache = new S3Fifo({ capacityBytes: 20, isPinned: (id) => pins.has(id) });
    request(cache, [
      ...range(0, 20),
      ...range(0, 20),
      ...range(0, 20),
      100,
      ...range(1, 20),
      ...range(1, 20),
    ]);
    expect(cache.has(100)).toBe(true);
    for (const id of range(1, 20)) pins.add(id);
    request(cache, [100, 100]); // alone in the small queue, and due for promotion
    const victims: number[] = [];
    cache.resize(19, victims);
    expect(victims).toEqual([100]);
    cache.check();
  });

  test('the live form remembers a bounded number of ghosts', () => {
    // Many tiny ones leave for few large ones: bytes alone would allow 9,000 ghosts.
    const live = new S3Fifo({ capacityBytes: 10_000, isPinned: unpinned });
    const published = new S3Fifo({ capacityBytes: 10_000, isPinned: unpinned, form: 'published' });
    for (const cache of [live, published]) {
      request(cache, range(0, 10_000));
      request(cache, range(20_000, 20_012), 900);
    }
    // A key that left early is a ghost (and goes to main, past a scan) only where it has not been forgotten.
    const outlives = (cache: S3Fifo): boolean => {
      request(cache, [6_000]);
      request(cache, range(30_000, 42_000));
      return cache.has(6_000);
    };
    expect(outlives(live)).toBe(false);
    expect(outlives(published)).toBe(true);
  });
});
