import { describe, expect, test } from 'bun:test';
import { seededRandom } from '../base/random.ts';
import { cumulative, LATENCY_BOUNDS_MS, LatencyHistogram } from './histogram.ts';
import { latencySince, quantileMs } from './quantile.ts';

const QUANTILES = [0, 0.1, 0.5, 0.9, 0.99, 0.999, 1];

describe('quantiles from buckets', () => {
  test('lie in the bucket of the true quantile, for any mix of durations', () => {
    for (let seed = 1; seed <= 40; seed += 1) {
      const random = seededRandom(seed);
      const histogram = new LatencyHistogram();
      const durations: number[] = [];
      const spread = random.next() * 6;
      for (let i = 0; i < 1 + seed * 20; i += 1) {
        const ms = 10 ** (random.next() * spread - 2);
        durations.push(ms);
        histogram.record(ms);
      }
      durations.sort((a, b) => a - b);
      for (const q of QUANTILES) {
        const exact = durations[Math.max(0, Math.ceil(q * durations.length) - 1)]!;
        const bucket = LATENCY_BOUNDS_MS.findIndex((boundMs) => exact <= boundMs);
        const estimate = quantileMs(cumulative([histogram]), q)!;
        expect(estimate).toBeGreaterThanOrEqual(bucket === 0 ? 0 : LATENCY_BOUNDS_MS[bucket - 1]!);
        expect(estimate).toBeLessThanOrEqual(LATENCY_BOUNDS_MS[bucket]!);
      }
    }
  });

  test('interpolate as histogram_quantile does', () => {
    // 10 in (1, 2], 10 in (2, 5]: the median is the bound between, the 75th percentile half-way up the second.
    const latency = { boundsMs: [1, 2, 5], counts: [0, 10, 20, 20], sumMs: 0 };
    expect(quantileMs(latency, 0.5)).toBe(2);
    expect(quantileMs(latency, 0.75)).toBe(3.5);
    expect(quantileMs(latency, 0.25)).toBe(1.5);
  });

  test('are none for an empty histogram, and the highest bound for what lies above it', () => {
    expect(quantileMs({ boundsMs: [1, 2], counts: [0, 0, 0], sumMs: 0 }, 0.5)).toBeUndefined();
    expect(quantileMs({ boundsMs: [1, 2], counts: [0, 0, 3], sumMs: 900 }, 0.5)).toBe(2);
    expect(quantileMs({ boundsMs: [1, 2], counts: [1, 1, 1], sumMs: 1 }, 7)).toBe(1);
  });
});

describe('the difference of two histograms', () => {
  const earlier = { boundsMs: [1, 2], counts: [1, 2, 3], sumMs: 10 };
  const later = { boundsMs: [1, 2], counts: [5, 7, 9], sumMs: 25 };

  test('is what came in between', () => {
    expect(latencySince(earlier, later)).toEqual({ boundsMs: [1, 2], counts: [4, 5, 6], sumMs: 15 });
  });

  test('is all of the later one after a restart, with other bounds, and without an earlier one', () => {
    expect(latencySince(later, earlier)).toBe(earlier);
    expect(latencySince({ ...earlier, boundsMs: [1, 3] }, later)).toBe(later);
    expect(latencySince({ boundsMs: [1], counts: [1, 1], sumMs: 1 }, later)).toBe(later);
    expect(latencySince(undefined, later)).toBe(later);
  });
});
