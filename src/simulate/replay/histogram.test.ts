import { expect, test } from 'bun:test';
import { seededRandom } from '../../base/random.ts';
import { Histogram } from './histogram.ts';

test('quantiles are those of the sorted values, rounded down by a 64th at most', () => {
  const random = seededRandom(4);
  for (const most of [50, 1000, 2 ** 31, 2 ** 45]) {
    const histogram = new Histogram();
    const values = Array.from({ length: 999 }, () => Math.floor(random.next() ** 3 * most));
    for (const value of values) histogram.add(value);
    values.sort((a, b) => a - b);
    for (const q of [0.01, 0.1, 0.5, 0.9, 0.99, 1]) {
      const exact = values[Math.ceil(999 * q) - 1]!;
      const found = histogram.quantile(q)!;
      expect(found).toBeLessThanOrEqual(exact);
      expect(found).toBeGreaterThanOrEqual(exact < 128 ? exact : exact * (63 / 64));
    }
  }
});

test('nothing, and how often', () => {
  const histogram = new Histogram();
  expect([histogram.quantile(0.5), histogram.total]).toEqual([undefined, 0]);
  histogram.add(7, 3);
  histogram.add(9);
  expect([histogram.quantile(0.75), histogram.quantile(0.76), histogram.total]).toEqual([7, 9, 4]);
});
