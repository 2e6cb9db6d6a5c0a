import { describe, expect, test } from 'bun:test';
import { seededRandom } from '../../base/random.ts';
import { batchesOf, statedLife, type TrafficRow } from '../../traffic/batch.ts';
import { placeOf, thresholdOf } from '../../traffic/sample.ts';
import { replayPublished } from '../published/replay.ts';
import { unitSized } from '../published/trace.ts';
import { LIVE_RULES, PUBLISHED_RULES } from './curve.ts';
import { GOLDEN, HIT, imageTraffic, lasting, meanError, rowOf, rowsOf, sampled } from './curves.fixture.ts';
import { miniatureCurve } from './miniature.ts';
import { exactCurve, shardsCurve } from './stack.ts';

/** Reuse distances by summing up what lies above in a list. */
function naiveDistances(rows: readonly TrafficRow[]): number[] {
  let stack: { keyLo: number; chargeBytes: number; untilS: number }[] = [];
  return rows.map(({ keyLo, bodyBytes, besideBytes, atMs, kind, life }) => {
    const nowS = Math.floor(atMs / 1000);
    const at = stack.findIndex((entry) => entry.keyLo === keyLo);
    const found = stack[at];
    const isReuse = found !== undefined && nowS < found.untilS;
    const above = stack.slice(0, Math.max(0, at)).reduce((sum, entry) => sum + entry.chargeBytes, 0);
    const usableS = LIVE_RULES.usableS(kind, life);
    stack = stack.filter((entry) => entry !== found);
    const untilS = isReuse ? found.untilS : nowS + usableS;
    const chargeBytes = LIVE_RULES.chargeOf(bodyBytes, besideBytes);
    if (isReuse || usableS > 0) stack.unshift({ keyLo, chargeBytes, untilS });
    return isReuse ? above + found.chargeBytes : Number.POSITIVE_INFINITY;
  });
}

function randomRows(seed: number, requests: number): TrafficRow[] {
  const random = seededRandom(seed);
  const lives = [undefined, lasting(3), lasting(20), lasting(0)];
  return Array.from({ length: requests }, (_, at) => {
    const key = Math.floor(random.next() ** 2 * 80);
    const life = lives[key % lives.length];
    return rowOf(key, 100 + (key % 7) * 1_000 + Math.floor(random.next() * 3), at * 40, {
      besideBytes: key % 3 === 0 ? 0 : 300,
      ...(life === undefined ? {} : { life }),
    });
  });
}

describe('exact', () => {
  test.each([1, 2, 3])('distances are those of a list that is summed up, seed %d', (seed) => {
    const rows = randomRows(seed, 3_000);
    const distances = naiveDistances(rows);
    const bytes = rows.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0);
    const sizesBytes = Array.from({ length: 200 }, (_, at) => 1_000 * (at + 1));
    const curve = exactCurve(batchesOf(rows), { sizesBytes });
    const missed = (size: number) => rows.filter((_, at) => distances[at]! > size);
    sizesBytes.forEach((size, at) => {
      expect(curve.objectMissRatio[at]).toBeCloseTo(missed(size).length / rows.length, 12);
      const missedBytes = missed(size).reduce((sum, { bodyBytes }) => sum + bodyBytes, 0);
      expect(curve.byteMissRatio[at]).toBeCloseTo(missedBytes / bytes, 12);
    });
    expect([curve.method, curve.rate, curve.requests, curve.bytes]).toEqual(['exact', 1, rows.length, bytes]);
  });

  test('objects of one size: a replay at every size counts the same', () => {
    const trace = unitSized(GOLDEN);
    const sizesBytes = Array.from({ length: trace.objects }, (_, at) => at + 1);
    const { objectMissRatio } = exactCurve(batchesOf(rowsOf(trace)), { sizesBytes, rules: PUBLISHED_RULES });
    for (const size of sizesBytes) {
      const { misses } = replayPublished('lru', trace, size);
      expect(Math.round(objectMissRatio[size - 1]! * trace.keys.length)).toBe(misses);
    }
  });

  test('objects of many sizes: the same from the largest object on, and more misses below', () => {
    const largest = GOLDEN.sizes.reduce((most, size) => Math.max(most, size), 0);
    const sizesBytes = Array.from({ length: 60 }, (_, at) => Math.round(5_000 * 1.2 ** at));
    const curve = exactCurve(batchesOf(rowsOf(GOLDEN)), { sizesBytes, rules: PUBLISHED_RULES });
    let [equal, above] = [0, 0];
    sizesBytes.forEach((size, at) => {
      const { misses, missedBytes } = replayPublished('lru', GOLDEN, size);
      const got = Math.round(curve.objectMissRatio[at]! * GOLDEN.keys.length);
      const gotBytes = Math.round(curve.byteMissRatio[at]! * curve.bytes);
      if (size >= largest) {
        expect([got, gotBytes]).toEqual([misses, missedBytes]);
        equal += 1;
      } else {
        expect(got).toBeGreaterThanOrEqual(misses);
        above += 1;
      }
    });
    expect(equal).toBeGreaterThan(20);
    expect(above).toBeGreaterThan(10);
  });

  test('sizes of its own go from the first hit to all bytes there are', () => {
    const rows = randomRows(4, 2_000);
    const curve = exactCurve(batchesOf(rows));
    expect(curve.sizesBytes.at(-1)).toBeGreaterThanOrEqual(curve.uniqueBytes);
    expect(curve.sizesBytes.at(-2)).toBeLessThan(curve.uniqueBytes);
    expect(curve.objectMissRatio[0]).toBe(1);
    for (const ratios of [curve.objectMissRatio, curve.byteMissRatio]) {
      expect(ratios).toEqual(ratios.toSorted((a, b) => b - a));
      expect(ratios.length).toBe(curve.sizesBytes.length);
    }
  });

  test('an empty record has an empty curve', () => {
    const curve = exactCurve([], { sizesBytes: [1, 2] });
    expect([curve.requests, curve.uniqueBytes, curve.objectMissRatio]).toEqual([0, 0, [0, 0]]);
    expect(exactCurve([]).objectMissRatio.every((ratio) => ratio === 0)).toBe(true);
  });
});

describe('what a request comes to', () => {
  const curveOf = (rows: readonly TrafficRow[]) => exactCurve(batchesOf(rows), { sizesBytes: [1e9] });

  test('a lifetime begins with the fetch, and hits do not prolong it', () => {
    const rows = [0, 5, 9, 10, 19, 20].map((s) => rowOf(1, 100, s * 1000, { life: lasting(10) }));
    expect(curveOf(rows).objectMissRatio).toEqual([3 / 6]);
  });

  test('what may not be stored is a miss each time and takes no room', () => {
    const kind = { ...HIT, outcome: 'miss', tier: 'none', notStored: 'private' } as const;
    const curve = curveOf([1, 1, 1].map((key, at) => rowOf(key, 100, at, { kind })));
    expect([curve.objectMissRatio[0], curve.uniqueBytes, curve.keys]).toEqual([1, 0, 0]);
  });

  test('what went past the cache is a miss, and changes nothing for others', () => {
    const kind = { ...HIT, outcome: 'bypass', tier: 'none', notStored: 'rule' } as const;
    const rows = [rowOf(1, 100, 0), rowOf(1, 100, 1, { kind }), rowOf(2, 100, 2, { kind }), rowOf(1, 100, 3)];
    expect(curveOf(rows).objectMissRatio).toEqual([3 / 4]);
    const options = { policy: 'lru', sizesBytes: [1e9] } as const;
    expect(miniatureCurve(batchesOf(rows), options).objectMissRatio).toEqual([3 / 4]);
  });

  test('what failed while it was stored is a hit of the caches that still have it', () => {
    const kind = { ...HIT, status: 0, outcome: 'failed', tier: 'none' } as const;
    const rows = [rowOf(1, 100, 0), rowOf(1, 0, 1, { kind }), rowOf(1, 100, 2), rowOf(2, 0, 3, { kind })];
    const curve = curveOf(rows);
    expect([curve.objectMissRatio[0], curve.keys]).toEqual([2 / 4, 1]);
  });

  test('what found no room here is judged as any other', () => {
    const kind = { ...HIT, outcome: 'miss', tier: 'none', notStored: 'no-room' } as const;
    expect(curveOf([1, 1].map((key, at) => rowOf(key, 100, at, { kind }))).objectMissRatio).toEqual([0.5]);
  });

  test('stated lifetimes: age on arrival, no-cache, the heuristic, stale while it is renewed', () => {
    const usable = (...said: Parameters<typeof statedLife>) => LIVE_RULES.usableS(HIT, statedLife(...said));
    expect(usable(60, { ageS: 20 })).toBe(40);
    expect(usable(60, { whileRevalidateS: 30 })).toBe(90);
    expect(usable(60, { flags: 1 })).toBe(0);
    expect(usable(undefined, { modifiedAgoS: 1_000 })).toBe(100);
    expect(usable(undefined, { modifiedAgoS: 1e9 })).toBe(86_400);
    expect(usable(undefined)).toBe(0);
    expect(LIVE_RULES.usableS(HIT, { known: 'unknown' })).toBe(Number.POSITIVE_INFINITY);
  });

  test("the node's own requests for originals take room and are nobody's misses", () => {
    const internal = { ...HIT, internal: true };
    const rows = [
      rowOf(1, 100, 0),
      rowOf(2, 5_000, 1, { kind: internal }),
      rowOf(1, 100, 2),
      rowOf(2, 5_000, 3, { kind: internal }),
    ];
    const curve = exactCurve(batchesOf(rows), { sizesBytes: [2_000, 10_000] });
    expect([curve.requests, curve.bytes, curve.objectMissRatio]).toEqual([2, 200, [1, 0.5]]);
  });
});

describe('sampled', () => {
  const rows = rowsOf(imageTraffic({ requests: 150_000, images: 30_000, seed: 5 }));
  const whole = batchesOf(rows);
  const { uniqueBytes } = exactCurve(whole);
  const sizesBytes = [0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1].map((share) => share * uniqueBytes);
  const exact = exactCurve(whole, { sizesBytes });

  test('a rate of 1 is exact', () => {
    expect(shardsCurve(whole, { sizesBytes, rate: 1 })).toEqual(exact);
    expect(shardsCurve(whole, { sizesBytes, keysMax: 1e6 })).toEqual(exact);
  });

  test('a tenth of the keys: within two points in the mean of six samples, where without totals it would be five', () => {
    const salts = [1, 2, 3, 4, 5, 6].map((salt) => Math.imul(salt, 0x9e37_79b1));
    const errors = salts.map((salt) => {
      const batches = whole.map((batch) => ({ ...batch, keyHi: batch.keyHi.map((hi) => (hi ^ salt) >>> 0) }));
      const curve = shardsCurve(batches, { sizesBytes, rate: 0.1 });
      expect([curve.requests, curve.bytes, curve.method]).toEqual([exact.requests, exact.bytes, 'shards']);
      expect(Math.abs(curve.uniqueBytes / uniqueBytes - 1)).toBeLessThan(0.05);
      const sampledRequests = batches
        .flatMap(({ keyHi }) => [...keyHi])
        .filter((hi) => placeOf(hi) < thresholdOf(0.1)).length;
      const plain = curve.objectMissRatio.map(
        (ratio) => (ratio * curve.requests * curve.rate) / sampledRequests,
      );
      return {
        object: meanError(curve.objectMissRatio, exact.objectMissRatio),
        byte: meanError(curve.byteMissRatio, exact.byteMissRatio),
        plain: meanError(plain, exact.objectMissRatio),
      };
    });
    const meanOf = (name: 'object' | 'byte' | 'plain') =>
      errors.reduce((sum, error) => sum + error[name], 0) / errors.length;
    expect(meanOf('object')).toBeLessThan(0.02);
    expect(meanOf('byte')).toBeLessThan(0.03);
    expect(meanOf('plain')).toBeGreaterThan(0.04);
  });

  test('a record that is itself a sample says the same as a sample of the whole one', () => {
    const ofSample = shardsCurve(sampled(rows, 0.25), { sizesBytes });
    const ofWhole = shardsCurve(whole, { sizesBytes, rate: 0.25 });
    expect(ofSample.rate).toBe(ofWhole.rate);
    expect(meanError(ofSample.objectMissRatio, ofWhole.objectMissRatio)).toBeLessThan(1e-9);
  });

  test('a sample without totals is taken for what it is', () => {
    const batches = sampled(rows, 0.25).map((batch) => ({ ...batch, totals: [] }));
    const curve = shardsCurve(batches, { sizesBytes });
    expect(Math.abs(curve.requests / exact.requests - 1)).toBeLessThan(0.3);
    expect(meanError(curve.objectMissRatio, exact.objectMissRatio)).toBeLessThan(0.1);
  });

  test('a bound on the keys is kept, and the rate falls to what fits', () => {
    const curve = shardsCurve(whole, { sizesBytes, keysMax: 8_192 });
    expect(curve.keys).toBeLessThanOrEqual(8_192);
    expect(curve.keys).toBeGreaterThan(8_192 * 0.8);
    expect(Math.abs(curve.keys / curve.rate / exact.keys - 1)).toBeLessThan(0.05);
    expect(meanError(curve.objectMissRatio, exact.objectMissRatio)).toBeLessThan(0.03);
    expect(meanError(curve.byteMissRatio, exact.byteMissRatio)).toBeLessThan(0.05);
  });

  test('any number of variants of one resource stay within the bound', () => {
    const { keyHi } = rowOf(1, 1, 0);
    const variants = Array.from({ length: 500 }, (_, at) => rowOf(at, 100, at, { keyHi }));
    expect(shardsCurve(batchesOf(variants), { keysMax: 64 }).keys).toBeLessThanOrEqual(64);
  });

  test('estimates are ratios that fall with the size, however small the sample', () => {
    for (const rate of [0.0001, 0.001, 0.01]) {
      const curve = shardsCurve(whole, { sizesBytes, rate });
      for (const ratios of [curve.objectMissRatio, curve.byteMissRatio]) {
        expect(ratios.every((ratio) => ratio >= 0 && ratio <= 1)).toBe(true);
        expect(ratios).toEqual(ratios.toSorted((a, b) => b - a));
      }
    }
  });
});
