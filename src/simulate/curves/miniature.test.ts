import { describe, expect, test } from 'bun:test';
import { seededRandom } from '../../base/random.ts';
import { POLICY_NAMES } from '../../policy/policy.ts';
import { batchesOf, type TrafficRow } from '../../traffic/batch.ts';
import { replayPublished } from '../published/replay.ts';
import { nodeWith, recordOf, START_MS, stated } from '../simulate.fixture.ts';
import { simulate } from '../simulate.ts';
import { LIVE_RULES, PUBLISHED_RULES } from './curve.ts';
import { GOLDEN, HIT, imageTraffic, lasting, meanError, rowOf, rowsOf, sampled } from './curves.fixture.ts';
import { miniatureCurve } from './miniature.ts';
import { nodeRules } from './node-rules.ts';
import { exactCurve, shardsCurve } from './stack.ts';

const PUBLISHED = ['lru', 'fifo', 'sieve', 's3-fifo', 'gdsf'] as const;

/** Misses of a least-recently-used list with lifetimes. */
function naiveMisses(rows: readonly TrafficRow[], sizeBytes: number): number {
  let list: { keyLo: number; chargeBytes: number; untilS: number }[] = [];
  let misses = 0;
  for (const { keyLo, bodyBytes, besideBytes, atMs, kind, life } of rows) {
    const nowS = Math.floor(atMs / 1000);
    const found = list.find((entry) => entry.keyLo === keyLo);
    list = list.filter((entry) => entry !== found);
    const isHit = found !== undefined && nowS < found.untilS;
    if (!isHit) misses += 1;
    const usableS = LIVE_RULES.usableS(kind, life);
    const chargeBytes = LIVE_RULES.chargeOf(bodyBytes, besideBytes);
    const entry = isHit ? found : { keyLo, chargeBytes, untilS: nowS + usableS };
    if ((!isHit && usableS === 0) || entry.chargeBytes > sizeBytes) continue;
    list.unshift(entry);
    while (list.reduce((sum, each) => sum + each.chargeBytes, 0) > sizeBytes) list.pop();
  }
  return misses;
}

describe('all keys', () => {
  const batches = batchesOf(rowsOf(GOLDEN));
  const sizesBytes = [10_000, 100_000, 500_000, 3_000_000];

  test.each(PUBLISHED)('%s is the published replay at each size', (policy) => {
    const curve = miniatureCurve(batches, { policy, sizesBytes, rules: PUBLISHED_RULES, form: 'published' });
    sizesBytes.forEach((size, at) => {
      const { misses, missedBytes } = replayPublished(policy, GOLDEN, size);
      expect(Math.round(curve.objectMissRatio[at]! * curve.requests)).toBe(misses);
      expect(Math.round(curve.byteMissRatio[at]! * curve.bytes)).toBe(missedBytes);
    });
  });

  test.each([1, 2, 3])('with lifetimes it is a list with lifetimes, seed %d', (seed) => {
    const random = seededRandom(seed);
    const rows = Array.from({ length: 3_000 }, (_, at) => {
      const key = Math.floor(random.next() ** 2 * 80);
      return rowOf(key, 100 + (key % 7) * 1_000, at * 40, { life: lasting([1e6, 3, 20, 0][key % 4]!) });
    });
    const sizes = [9_000, 20_000, 50_000, 100_000, 1_000_000];
    const curve = miniatureCurve(batchesOf(rows), { policy: 'lru', sizesBytes: sizes });
    const misses = curve.objectMissRatio.map((ratio) => Math.round(ratio * rows.length));
    expect(misses).toEqual(sizes.map((size) => naiveMisses(rows, size)));
    // Reuse distances know one lifetime for all sizes; see ReuseSample.
    const stack = exactCurve(batchesOf(rows), { sizesBytes: sizes });
    expect(stack.objectMissRatio.at(-1)).toBeCloseTo(curve.objectMissRatio.at(-1)!, 12);
    expect(meanError(stack.objectMissRatio, curve.objectMissRatio)).toBeLessThan(0.02);
  });
});

describe('some of the keys', () => {
  const rows = rowsOf(imageTraffic({ requests: 100_000, images: 20_000, seed: 6 }));
  const whole = batchesOf(rows);
  const { uniqueBytes } = exactCurve(whole);
  const sizesBytes = [0.1, 0.2, 0.4, 0.8].map((share) => share * uniqueBytes);

  test.each(POLICY_NAMES)('%s: within three points in the mean at 0.3', (policy) => {
    const options = { policy, sizesBytes, miniatureBytesMin: 1 };
    const exact = miniatureCurve(whole, options);
    const curve = miniatureCurve(whole, { ...options, rate: 0.3 });
    expect(meanError(curve.objectMissRatio, exact.objectMissRatio)).toBeLessThan(0.03);
    expect(meanError(curve.byteMissRatio, exact.byteMissRatio)).toBeLessThan(0.04);
    expect([curve.method, curve.policy, curve.requests]).toEqual(['miniature', policy, exact.requests]);
    expect(Math.abs(curve.uniqueBytes / uniqueBytes - 1)).toBeLessThan(0.05);
  });

  test('a sampled record gives what a sample of the whole one gives', () => {
    const options = { policy: 's3-fifo', sizesBytes, miniatureBytesMin: 1 } as const;
    const ofSample = miniatureCurve(sampled(rows, 0.25), options);
    const ofWhole = miniatureCurve(whole, { ...options, rate: 0.25 });
    expect(meanError(ofSample.objectMissRatio, ofWhole.objectMissRatio)).toBeLessThan(1e-9);
    expect(ofSample.rate).toBe(0.25);
  });

  test('a record of which less is kept from the middle on', () => {
    const middle = rows.length / 2;
    const batches = [...batchesOf(rows.slice(0, middle)), ...sampled(rows.slice(middle), 0.25)];
    const options = { policy: 'lru', sizesBytes, miniatureBytesMin: 1 } as const;
    const exact = miniatureCurve(whole, options);
    const curve = miniatureCurve(batches, options);
    expect([curve.rate, curve.requests, curve.bytes]).toEqual([0.25, exact.requests, exact.bytes]);
    expect(meanError(curve.objectMissRatio, exact.objectMissRatio)).toBeLessThan(0.02);
    expect(meanError(curve.byteMissRatio, exact.byteMissRatio)).toBeLessThan(0.03);
    expect(Math.abs(curve.uniqueBytes / uniqueBytes - 1)).toBeLessThan(0.05);
    const reused = shardsCurve(batches, { sizesBytes });
    expect([reused.rate, reused.requests, reused.bytes]).toEqual([0.25, exact.requests, exact.bytes]);
    expect(meanError(reused.objectMissRatio, exact.objectMissRatio)).toBeLessThan(0.02);
    expect(Math.abs(reused.uniqueBytes / uniqueBytes - 1)).toBeLessThan(0.05);
    // And more again: keys that were not followed for a while stay out.
    const more = [...batches, ...batchesOf(rows)];
    expect(shardsCurve(more, { sizesBytes }).rate).toBe(0.25);
    expect(miniatureCurve(more, options).rate).toBe(0.25);
  });

  test('small caches are not made smaller than they can be', () => {
    const options = { policy: 'lru', sizesBytes, rate: 0.01 } as const;
    const exact = miniatureCurve(whole, { ...options, rate: 1 });
    const curve = miniatureCurve(whole, { ...options, miniatureBytesMin: sizesBytes[1]! });
    expect(curve.objectMissRatio.slice(0, 2)).toEqual(exact.objectMissRatio.slice(0, 2));
    expect(curve.objectMissRatio.slice(2)).not.toEqual(exact.objectMissRatio.slice(2));
  });
});

describe('beside the simulator', () => {
  const kind = { ...HIT, outcome: 'miss', tier: 'none' } as const;
  const lives = [100, 1_000, 100_000].map((lifetimeS) => stated(lifetimeS));
  const trace = imageTraffic({ requests: 40_000, images: 8_000, seed: 3 });
  const rows = Array.from(trace.keys, (key, at) =>
    rowOf(key, trace.sizes[at]!, START_MS + at * 100, {
      kind,
      life: lives[key % lives.length]!,
      besideBytes: 300,
      originMs: 1,
    }),
  );
  const { uniqueBytes } = exactCurve(batchesOf(rows));

  test.each(POLICY_NAMES)('%s: as many hits, and bytes of them, with lifetimes', (policy) => {
    for (const share of [0.01, 0.1, 0.5]) {
      const sizeBytes = Math.floor(share * uniqueBytes);
      const node = nodeWith({ memory: { sizeBytes, policy, objectBytesMax: 2 ** 32 } });
      const { hits, hitBytes, requests, bytes } = simulate(recordOf(rows), [node])[0]!.all;
      const curve = miniatureCurve(batchesOf(rows), {
        policy,
        sizesBytes: [sizeBytes],
        rules: nodeRules(node),
      });
      expect([curve.requests, curve.bytes]).toEqual([requests, bytes]);
      expect(Math.round((1 - curve.objectMissRatio[0]!) * requests)).toBe(hits);
      expect(Math.round((1 - curve.byteMissRatio[0]!) * bytes)).toBe(hitBytes);
    }
  });
});
