import { describe, expect, test } from 'bun:test';
import { seededRandom } from '../../base/random.ts';
import { batchesOf, type TrafficRow } from '../../traffic/batch.ts';
import { curveAround, describeAround, SIZE_FACTORS } from './around.ts';
import { missRatiosAt } from './curve.ts';
import { imageTraffic, lasting, meanError, rowOf, rowsOf } from './curves.fixture.ts';
import { LiveCurve, type LiveCurveOptions } from './live.ts';
import { exactCurve } from './stack.ts';

const HOUR_S = 3_600;
/** Of one image of {@link loop}, as it is charged. */
const CHARGE_BYTES = 144 + 132 * 11;

/** Requests for `images` images of 1 KB in turn, from a time on, `perS` a second. */
function loop(images: number, fromS: number, seconds: number, perS: number, firstKey = 0): TrafficRow[] {
  return Array.from({ length: seconds * perS }, (_, at) =>
    rowOf(firstKey + (at % images), 1_000, (fromS + at / perS) * 1000),
  );
}

function observed(rows: readonly TrafficRow[], options: LiveCurveOptions = {}, rate = 1): LiveCurve {
  const live = new LiveCurve(options);
  for (let at = 0; at < rows.length; at += 1_000)
    for (const batch of batchesOf(rows.slice(at, at + 1_000), rate)) live.onBatch(batch);
  return live;
}

describe('the live curve', () => {
  test('is the exact one while it has room for all keys', () => {
    const rows = rowsOf(imageTraffic({ requests: 20_000, images: 4_000, seed: 8 }));
    const live = observed(rows).curve();
    const exact = exactCurve(batchesOf(rows));
    expect([live.method, live.keys, live.rate]).toEqual(['exact', exact.keys, 1]);
    expect(live.sizesBytes).toEqual(exact.sizesBytes);
    expect(live.objectMissRatio).toEqual(exact.objectMissRatio);
  });

  test('is near the exact one with fewer keys, and takes no more memory than it says', () => {
    const rows = rowsOf(imageTraffic({ requests: 200_000, images: 50_000, seed: 9 }));
    const live = observed(rows);
    const exact = exactCurve(batchesOf(rows));
    const curve = live.curve();
    const sizes = [0.02, 0.05, 0.1, 0.2, 0.4, 0.8].map((share) => share * exact.uniqueBytes);
    for (const ratio of ['object', 'byte'] as const) {
      const got = sizes.map((size) => missRatiosAt(curve, size)[ratio]);
      const want = sizes.map((size) => missRatiosAt(exact, size)[ratio]);
      expect(meanError(got, want)).toBeLessThan(0.03);
    }
    expect(exact.keys).toBeGreaterThan(60_000);
    expect(curve.keys).toBeLessThan(16_384);
    expect(live.memoryBytes).toBeLessThan(1.25 * 2 ** 20);
  });

  test('forgets: a day later the curve is that of the new images', () => {
    const before = loop(1_000, 0, 2 * HOUR_S, 2);
    const after = loop(100, 2 * HOUR_S, 8 * HOUR_S, 2, 5_000);
    const live = observed([...before, ...after], { windowS: HOUR_S });
    const curve = live.curve();
    expect(curve.keys).toBe(100);
    expect(curve.uniqueBytes).toBe(100 * CHARGE_BYTES);
    expect(missRatiosAt(curve, 110 * CHARGE_BYTES).object).toBeLessThan(0.01);
    expect(missRatiosAt(curve, 90 * CHARGE_BYTES).object).toBeGreaterThan(0.99);
    expect(live.observedS).toBe(10 * HOUR_S - 1);
  });

  test('what comes again only after a window is a miss at every size', () => {
    const rows = loop(500, 0, 10 * HOUR_S, 1).map((row) => ({ ...row, atMs: row.atMs * 10 }));
    const curve = observed(rows, { windowS: HOUR_S }).curve();
    expect(curve.objectMissRatio.at(-1)).toBe(1);
  });

  test('its rate falls in a flood of images, and rises again when that is over', () => {
    const random = seededRandom(3);
    const flood = Array.from({ length: 60_000 }, (_, at) => rowOf(10_000 + at, 1_000, at * 10));
    const live = new LiveCurve({ windowS: 600, keysMax: 1_024 });
    for (const batch of batchesOf(flood)) live.onBatch(batch);
    expect(live.curve().rate).toBeLessThan(0.05);
    const steady = Array.from({ length: 120_000 }, (_, at) =>
      rowOf(Math.floor(random.next() * 800), 1_000, 600_000 + at * 100),
    );
    for (let at = 0; at < steady.length; at += 500)
      for (const batch of batchesOf(steady.slice(at, at + 500))) live.onBatch(batch);
    const curve = live.curve();
    expect(curve.rate).toBeGreaterThan(0.25);
    const half = missRatiosAt(curve, 400 * CHARGE_BYTES).object;
    expect(Math.abs(half - 0.5)).toBeLessThan(0.08);
    expect(missRatiosAt(curve, 900 * CHARGE_BYTES).object).toBeLessThan(0.02);
  });

  test('a record that keeps only some keys bounds the rate', () => {
    const rows = loop(1_000, 0, HOUR_S, 2);
    const half = batchesOf(rows, 0.5).map((batch) => ({
      ...batch,
      totals: [{ route: 'images', stratum: 10, requests: batch.count, bodyBytes: batch.count * 1_000 }],
    }));
    const live = new LiveCurve({ windowS: HOUR_S });
    for (const batch of half) live.onBatch(batch);
    expect(live.curve().rate).toBe(0.5);
  });

  test('lifetimes count', () => {
    const rows = loop(10, 0, 600, 1).map((row) => ({ ...row, life: lasting(20) }));
    const curve = observed(rows).curve();
    // Every 20 s, of requests that come each 10 s.
    expect(curve.objectMissRatio.at(-1)).toBeCloseTo(0.5, 12);
  });

  test('nothing is known before the first request', () => {
    const live = new LiveCurve();
    expect([live.curve().requests, live.observedS]).toEqual([0, 0]);
    live.onBatch({ ...batchesOf(loop(1, 0, 1, 1))[0]!, count: 0 });
    expect(live.curve().requests).toBe(0);
  });
});

describe('around the size that there is', () => {
  test('what half and twice the memory would be worth', () => {
    const random = seededRandom(4);
    const rows = Array.from({ length: 40_000 }, (_, at) =>
      rowOf(Math.floor(random.next() * 1_000), 1_000, at * 100),
    );
    const live = observed(rows, { windowS: HOUR_S });
    const around = curveAround(live, 500 * CHARGE_BYTES)!;
    expect(around.sizes.map(({ factor, sizeBytes }) => [factor, sizeBytes])).toEqual([
      [0.5, 250 * CHARGE_BYTES],
      [1, 500 * CHARGE_BYTES],
      [2, 1_000 * CHARGE_BYTES],
    ]);
    // Uniform: a cache hits as much as it holds, but for the first requests of all.
    for (const { factor, objectHitRatio, byteHitRatio } of around.sizes) {
      expect(Math.abs(objectHitRatio - factor / 2)).toBeLessThan(0.06);
      expect(byteHitRatio).toBeCloseTo(objectHitRatio, 6);
    }
    expect([around.observedS, around.windowS]).toEqual([3_999, HOUR_S]);
  });

  test('in words', () => {
    const sizes = [0.25, 0.5, 0.98].map((ratio, at) => ({
      factor: SIZE_FACTORS[at]!,
      sizeBytes: 1,
      objectHitRatio: ratio,
      byteHitRatio: 0,
    }));
    const around = { observedS: HOUR_S, windowS: HOUR_S, requests: 10, sizes };
    const line = 'hits with half the memory 25.0 % (-25.0), with twice as much 98.0 % (+48.0)';
    expect(describeAround(around)).toBe(line);
    expect(describeAround({ ...around, observedS: 60 })).toBe(`${line}, of 1 min so far`);
  });

  test('nothing is said before the first request', () => {
    expect(curveAround(new LiveCurve(), 1e9)).toBeUndefined();
  });
});
