import { describe, expect, test } from 'bun:test';
import { seededRandom } from '../base/random.ts';
import { Remembered } from './remembered.ts';

describe('what is remembered of keys that are not resident', () => {
  test('each frequency is given once', () => {
    const remembered = new Remembered();
    remembered.put(7, 3);
    remembered.put(8, 255);
    expect([remembered.take(7), remembered.take(7), remembered.take(8), remembered.take(9)]).toEqual([
      3, 0, 255, 0,
    ]);
  });

  test('the latest frequency of a key counts', () => {
    const remembered = new Remembered();
    remembered.put(7, 3);
    remembered.put(7, 4);
    expect([remembered.take(7), remembered.take(7)]).toEqual([4, 0]);
  });

  test('is never wrong about a key: forgotten, or what was put there last', () => {
    const remembered = new Remembered();
    const random = seededRandom(3);
    const known = new Map<number, number>();
    for (let i = 0; i < 20_000; i += 1) {
      const key = Math.floor(random.next() * 90);
      if (random.next() < 0.5) {
        const frequency = 1 + (random.u32() % 255);
        remembered.put(key, frequency);
        known.set(key, frequency);
      } else {
        const frequency = remembered.take(key);
        if (frequency !== 0) expect(frequency).toBe(known.get(key)!);
        known.delete(key);
      }
    }
    const left = [...known.keys()].filter((key) => remembered.take(key) !== 0).length;
    expect(left).toBeGreaterThan(35);
    expect(left).toBeLessThanOrEqual(64);
  });

  test('the latest eight keys are always known', () => {
    const remembered = new Remembered();
    for (let key = 0; key < 5_000; key += 1) remembered.put(key, 1 + (key % 200));
    for (let key = 4_992; key < 5_000; key += 1) expect(remembered.take(key)).toBe(1 + (key % 200));
  });

  test('growing forgets nothing, and then most of as many keys as it was made for are known', () => {
    const remembered = new Remembered();
    for (let key = 0; key < 40; key += 1) remembered.put(key * 7919, 9);
    const before = Array.from({ length: 40 }, (_, key) => key * 7919).filter((key) => {
      const frequency = remembered.take(key);
      if (frequency > 0) remembered.put(key, frequency);
      return frequency === 9;
    });
    remembered.ensure(100_000);
    for (const key of before) expect(remembered.take(key)).toBe(9);
    const random = seededRandom(1);
    const keys = Array.from({ length: 100_000 }, () => random.u32());
    for (const key of keys) remembered.put(key, 5);
    const found = keys.filter((key) => remembered.take(key) === 5).length;
    expect(found / keys.length).toBeGreaterThan(0.9);
  });

  test('keys above 2^32 are told apart', () => {
    const remembered = new Remembered();
    remembered.put(5, 1);
    remembered.put(2 ** 32 + 5, 2);
    remembered.put(2 ** 52 + 5, 3);
    expect([2 ** 52 + 5, 2 ** 32 + 5, 5].map((key) => remembered.take(key))).toEqual([3, 2, 1]);
  });
});
