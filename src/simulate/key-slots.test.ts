import { describe, expect, test } from 'bun:test';
import { seededRandom } from '../base/random.ts';
import { KeySlots, NONE } from './key-slots.ts';

function slotOf(keys: KeySlots, lo: number, hi: number): number {
  const found = keys.find(lo, hi);
  return found === NONE ? keys.add(lo, hi) : found;
}

describe('KeySlots', () => {
  test('numbers keys in the order in which they are added, over several doublings', () => {
    const random = seededRandom(1);
    const keys = new KeySlots();
    const map = new Map<string, number>();
    for (let i = 0; i < 30_000; i += 1) {
      const [lo, hi] = [random.u32() % 3_000, random.u32() % 4];
      const expected = map.get(`${lo} ${hi}`) ?? map.size;
      map.set(`${lo} ${hi}`, expected);
      expect(slotOf(keys, lo, hi)).toBe(expected);
    }
    expect(keys.count).toBe(map.size);
    expect(map.size).toBeGreaterThan(8_192);
  });

  test('keys that differ in one half only are different ones', () => {
    const keys = new KeySlots();
    const hashes = [
      [0, 0],
      [0xffff_ffff, 0],
      [0, 0xffff_ffff],
      [0xffff_ffff, 0xffff_ffff],
      [0, 0],
    ] as const;
    expect(hashes.map(([lo, hi]) => slotOf(keys, lo, hi))).toEqual([0, 1, 2, 3, 0]);
  });

  test('agrees with a map where keys leave and come again; slots are used again', () => {
    const random = seededRandom(2);
    const keys = new KeySlots();
    const map = new Map<string, number>();
    let most = 0;
    for (let i = 0; i < 40_000; i += 1) {
      const [lo, hi] = [random.u32() % 300, random.u32() % 3];
      const name = `${lo} ${hi}`;
      const slot = keys.find(lo, hi);
      expect(slot).toBe(map.get(name) ?? NONE);
      if (slot !== NONE) {
        expect([keys.lo(slot), keys.hi(slot)]).toEqual([lo, hi]);
        keys.remove(slot);
        map.delete(name);
      } else map.set(name, keys.add(lo, hi));
      most = Math.max(most, map.size);
    }
    expect(keys.count).toBe(map.size);
    expect(new Set(map.values()).size).toBe(map.size);
    expect(Math.max(...map.values())).toBeLessThan(most);
  });
});
