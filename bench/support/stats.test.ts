import { expect, test } from 'bun:test';
import { seededRandom } from '../../src/base/random.ts';
import { median, quantile, roundRatios, spread } from './stats.ts';

test('the median is the middle value, whatever the order', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([])).toBeNaN();
});

test('a quantile is the smallest value that enough values do not exceed', () => {
  const random = seededRandom(7);
  for (let run = 0; run < 50; run += 1) {
    const values = Array.from({ length: 1 + Math.floor(random.next() * 200) }, () => random.next());
    const share = 0.01 + 0.99 * random.next();
    const enough = (bound: number): boolean =>
      values.filter((value) => value <= bound).length >= share * values.length;
    const naive = Math.min(...values.filter(enough));
    expect(quantile(values, share)).toBe(naive);
  }
  expect(quantile([], 0.5)).toBeNaN();
});

test('a spread names the extremes', () => {
  expect(spread([5, 1, 9])).toEqual({ median: 5, min: 1, max: 9 });
});

test('ratios are taken round by round', () => {
  expect(roundRatios([2, 9], [1, 3])).toEqual([2, 3]);
  expect(() => roundRatios([1], [1, 2])).toThrow(RangeError);
});
