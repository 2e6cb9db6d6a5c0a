import { describe, expect, test } from 'bun:test';
import { InternalFault } from '../base/assert.ts';
import { seededRandom } from '../base/random.ts';
import { Entries, Flag, NONE, Word } from './entries.ts';

/** Follows a chain as the cache does: by both halves of the hash, here without comparing keys. */
function find(entries: Entries, lo: number, hi: number): number[] {
  const found: number[] = [];
  for (let slot = entries.first({ lo, hi }); slot !== NONE; slot = entries.next(slot)) {
    if (entries.hashLo(slot) === lo && entries.hashHi(slot) === hi) found.push(slot);
  }
  return found;
}

describe('the index', () => {
  test.each([
    ['spread hashes', (n: number) => (n * 0x9e3779b9) >>> 0],
    ['hashes that agree in their low bits', (n: number) => (n << 20) >>> 0],
    ['one bucket for all', () => 0xdead_beef],
  ])('equals a Map through 100,000 operations: %s', (name, loOf) => {
    const random = seededRandom(7);
    const keys = name.startsWith('one') ? 300 : 5_000;
    const entries = new Entries(keys);
    const model = new Map<number, number>();
    for (let i = 0; i < 100_000; i += 1) {
      const key = random.u32() % keys;
      const lo = loOf(key);
      const slot = model.get(key);
      expect(find(entries, lo, key)).toEqual(slot === undefined ? [] : [slot]);
      // Long phases of growth and of shrinking, so that buckets split under both.
      const grows = Math.floor(i / 10_000) % 2 === 0;
      if (slot === undefined && (grows || random.u32() % 4 === 0)) {
        const taken = entries.take();
        entries.set(taken, Word.HASH_LO, lo);
        entries.set(taken, Word.HASH_HI, key);
        entries.link(taken);
        model.set(key, taken);
      } else if (slot !== undefined && (!grows || random.u32() % 4 === 0)) {
        entries.unlink(slot);
        entries.release(slot);
        model.delete(key);
      }
      if (i % 5_000 === 0) entries.check();
    }
    entries.check();
    expect(entries.count).toBe(model.size);
    expect(new Set(entries.slots())).toEqual(new Set(model.values()));
    for (const [key, slot] of model) expect(find(entries, loOf(key), key)).toEqual([slot]);
  });
});

describe('slots', () => {
  test('a slot that is used but not linked is found by nobody, and comes back clean', () => {
    const entries = new Entries(2);
    const slot = entries.take();
    entries.set(slot, Word.FLAGS, 0xff);
    entries.set(slot, Word.PINS, 3);
    expect([entries.used(slot), entries.first({ lo: 0, hi: 0 })]).toEqual([true, NONE]);
    entries.release(slot);
    expect(entries.used(slot)).toBe(false);
    const again = entries.take();
    expect([again, entries.flags(again), entries.pins(again)]).toEqual([slot, Flag.FILLING, 0]);
  });

  test('there are as many as promised, and growing keeps what they hold', () => {
    const entries = new Entries(3);
    for (let i = 0; i < 3; i += 1) {
      const slot = entries.take();
      entries.set(slot, Word.HASH_LO, i);
      entries.set(slot, Word.HASH_HI, i * 10);
      entries.set(slot, Word.BORN_S, 4_000_000_000 + i);
      entries.link(slot);
    }
    expect(() => entries.take()).toThrow(InternalFault);
    entries.grow(2);
    expect(entries.capacity).toBe(3);
    entries.grow(5_000);
    expect([entries.capacity, entries.highest]).toEqual([5_000, 3]);
    for (let i = 0; i < 3; i += 1) {
      const [slot] = find(entries, i, i * 10);
      expect(entries.bornS(slot!)).toBe(4_000_000_000 + i);
    }
    for (let i = 3; i < 5_000; i += 1) {
      const slot = entries.take();
      entries.set(slot, Word.HASH_LO, i);
      entries.link(slot);
    }
    entries.check();
  });

  test('a slot is released once, and what is not linked cannot be unlinked', () => {
    const entries = new Entries(2);
    const slot = entries.take();
    expect(() => entries.unlink(slot)).toThrow(InternalFault);
    entries.release(slot);
    expect(() => entries.release(slot)).toThrow(InternalFault);
  });

  test.each([0, -1, 1.5, Number.NaN])('a capacity of %p is a fault', (capacity) => {
    expect(() => new Entries(capacity)).toThrow(InternalFault);
  });
});
