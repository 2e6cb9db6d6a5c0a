import { describe, expect, test } from 'bun:test';
import { Schedule, type ScheduleOptions } from './schedule.ts';

const DAY_MS = 60_000;
const sizesBytes = Array.from({ length: 100 }, (_, i) => (i % 20 === 0 ? 2_000_000 : 30_000));

function schedule(change: Partial<ScheduleOptions> = {}): Schedule {
  return new Schedule({
    sizesBytes,
    seed: 7,
    ratePerS: { min: 200, max: 2_500 },
    dayMs: DAY_MS,
    alpha: 0.9,
    ...change,
  });
}

describe('the traffic schedule', () => {
  test('is the same for the same seed and another for another', () => {
    const take = (seed: number): string => {
      const from = schedule({ seed });
      return JSON.stringify(Array.from({ length: 500 }, () => from.next()));
    };
    expect(take(1)).toBe(take(1));
    expect(take(1)).not.toBe(take(2));
  });

  test('moves forward, stays among the images, and keeps to its rate', () => {
    const from = schedule();
    let lastMs = 0;
    let expected = 0;
    const count = 20_000;
    for (let i = 0; i < count; i += 1) {
      const { atMs, image } = from.next();
      expect(atMs).toBeGreaterThan(lastMs);
      expect(image).toBeWithin(0, sizesBytes.length);
      expected += ((atMs - lastMs) / 1000) * from.ratePerS(lastMs);
      lastMs = atMs;
    }
    // a Poisson count: 20,000 give or take a few times its square root
    expect(Math.abs(expected - count)).toBeLessThan(5 * Math.sqrt(count));
  });

  test('has a day: quiet before dawn, busiest in the evening, within bounds at every time', () => {
    const from = schedule();
    const rates = Array.from({ length: 240 }, (_, i) => ({
      hour: from.hour((i / 240) * DAY_MS),
      rate: from.ratePerS((i / 240) * DAY_MS),
    }));
    for (const { rate } of rates) {
      expect(rate).toBeGreaterThanOrEqual(200);
      expect(rate).toBeLessThanOrEqual(2_500);
    }
    const at = (hour: number): number =>
      rates.reduce((best, one) => (Math.abs(one.hour - hour) < Math.abs(best.hour - hour) ? one : best)).rate;
    expect(at(5)).toBeLessThan(250);
    expect(at(20.5)).toBeGreaterThan(2_300);
    expect(at(12)).toBeGreaterThan(at(8));
    expect(from.hour(0)).toBeCloseTo(from.hour(DAY_MS), 6);
  });

  test('popularity is a Zipf law: counts by rank fall by its exponent', () => {
    const from = schedule({ dayMs: 1e12 }); // no drift
    const counts = new Map<number, number>();
    const total = 100_000;
    for (let i = 0; i < total; i += 1) {
      const { image } = from.next();
      counts.set(image, (counts.get(image) ?? 0) + 1);
    }
    const ranked = [...counts.values()].sort((a, b) => b - a);
    let norm = 0;
    for (let rank = 1; rank <= 100; rank += 1) norm += rank ** -0.9;
    for (const rank of [1, 2, 5, 20]) {
      const expected = (total * rank ** -0.9) / norm;
      expect(Math.abs(ranked[rank - 1]! - expected)).toBeLessThan(6 * Math.sqrt(expected));
    }
    const large = [...counts].filter(([image]) => sizesBytes[image]! > 1e6).map(([, n]) => n);
    expect(Math.max(...large)).toBeLessThan(ranked[4]!);
  });

  test('popularity drifts: the favourites of one day are not all those of the next', () => {
    const from = schedule();
    const favourites = (untilMs: number): Set<number> => {
      const counts = new Map<number, number>();
      for (let next = from.next(); next.atMs < untilMs; next = from.next()) {
        counts.set(next.image, (counts.get(next.image) ?? 0) + 1);
      }
      return new Set(
        [...counts]
          .sort((a, b) => b[1] - a[1])
          .slice(0, 10)
          .map(([image]) => image),
      );
    };
    const first = favourites(DAY_MS / 4);
    const later = favourites(DAY_MS * 1.25);
    expect(first.difference(later).size).toBeGreaterThan(0);
    expect(first.size).toBe(10);
  });
});
