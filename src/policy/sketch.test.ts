import { describe, expect, test } from 'bun:test';
import { seededRandom } from '../base/random.ts';
import { FrequencySketch } from './sketch.ts';

/** Keys of all ranges that are used: small numbers, 32 bits, and above. */
const KEYS = [0, 1, 2, 77, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 2 ** 40 + 5, 2 ** 53 - 1];

describe('the frequency sketch', () => {
  test('counts from the first request to 16, exactly while there are few keys', () => {
    const sketch = new FrequencySketch(1024);
    for (const key of KEYS) expect(sketch.estimate(key)).toBe(0);
    for (let round = 1; round <= 20; round += 1) {
      for (const key of KEYS) sketch.add(key);
      for (const key of KEYS) expect(sketch.estimate(key)).toBe(Math.min(round, 16));
    }
  });

  test('never estimates too little within a sample, and seldom too much', () => {
    const random = seededRandom(3);
    const sketch = new FrequencySketch(1_000);
    const counts = new Map<number, number>();
    for (let i = 0; i < 4_000; i += 1) {
      const key = Math.floor(random.next() ** 3 * 1_000);
      sketch.add(key);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    let tooMuch = 0;
    for (const [key, count] of counts) {
      expect(sketch.estimate(key)).toBeGreaterThanOrEqual(Math.min(count, 16));
      if (sketch.estimate(key) > Math.min(count, 16)) tooMuch += 1;
    }
    expect(tooMuch / counts.size).toBeLessThan(0.1);
  });

  test('is halved after ten requests for each of its words, and forgets what came once', () => {
    const sketch = new FrequencySketch(64);
    for (let i = 0; i < 9; i += 1) sketch.add(7);
    sketch.add(8);
    for (let i = 10; i < 639; i += 1) sketch.add(1_000 + (i % 3));
    expect([sketch.estimate(7), sketch.estimate(8)]).toEqual([9, 1]);
    sketch.add(1_000);
    expect([sketch.estimate(7), sketch.estimate(8)]).toEqual([4, 0]);
    // The next one comes after half as many.
    for (let i = 0; i < 319; i += 1) sketch.add(1_000);
    expect(sketch.estimate(7)).toBe(4);
    sketch.add(1_000);
    expect(sketch.estimate(7)).toBe(2);
  });

  test('keeps what it knows when it is widened', () => {
    const sketch = new FrequencySketch(64);
    for (let i = 0; i < 5; i += 1) for (const key of KEYS) sketch.add(key);
    const before = KEYS.map((key) => sketch.estimate(key));
    sketch.ensure(64);
    sketch.ensure(5_000);
    expect(KEYS.map((key) => sketch.estimate(key))).toEqual(before);
    for (let i = 0; i < 3; i += 1) sketch.add(KEYS[3]!);
    expect(sketch.estimate(KEYS[3]!)).toBe(before[3]! + 3);
  });
});
