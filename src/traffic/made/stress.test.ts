import { expect, test } from 'bun:test';
import { seededRandom } from '../../base/random.ts';
import { batchesOf, type TrafficBatch, type TrafficRow } from '../batch.ts';
import { rowsOf } from '../rows.fixture.ts';
import { placeOf, thresholdOf } from '../sample.ts';
import { totalsOf } from '../totals.ts';
import { catalogue, growth, nodeLost, peak } from './stress.ts';
import { SYNTH_DEFAULTS, synthesise } from './synth.ts';

const MADE = [
  ...synthesise({ ...SYNTH_DEFAULTS, requests: 70_000, keys: 5000, zipf: 0.6, oneHit: 0.05, seed: 3 }),
];
const ROWS = rowsOf(MADE);

function keyOf({ keyHi, keyLo }: TrafficRow): string {
  return `${keyHi} ${keyLo}`;
}

function distinct(rows: readonly TrafficRow[]): number {
  return new Set(rows.map(keyOf)).size;
}

/** Requests of each key, most first. */
function popularity(rows: readonly TrafficRow[]): number[] {
  const counts = new Map<string, number>();
  for (const row of rows) counts.set(keyOf(row), (counts.get(keyOf(row)) ?? 0) + 1);
  return [...counts.values()].sort((a, b) => b - a);
}

function rises(rows: readonly TrafficRow[]): boolean {
  return rows.every((row, i) => i === 0 || row.atMs >= rows[i - 1]!.atMs);
}

test('peak: the same requests in less time', () => {
  for (const factor of [1, 2, 3.5]) {
    const rows = rowsOf(peak(factor)(MADE));
    expect(rows.map(({ atMs: _, ...rest }) => rest)).toEqual(ROWS.map(({ atMs: _, ...rest }) => rest));
    const first = ROWS[0]!.atMs;
    for (let i = 0; i < rows.length; i += 997)
      expect(Math.abs(rows[i]!.atMs - first - (ROWS[i]!.atMs - first) / factor)).toBeLessThan(0.002);
    expect(rises(rows)).toBe(true);
  }
});

test('catalogue: as many requests at the same times, for more images of the same sizes', () => {
  for (const factor of [1, 1.5, 2, 3.2]) {
    const rows = rowsOf(catalogue(factor)(MADE));
    expect(rows.map(({ atMs, bodyBytes }) => [atMs, bodyBytes])).toEqual(
      ROWS.map(({ atMs, bodyBytes }) => [atMs, bodyBytes]),
    );
    if (factor === 1) expect(rows).toEqual(ROWS);
    expect(distinct(rows)).toBeGreaterThanOrEqual(distinct(ROWS));
    expect(distinct(rows)).toBeLessThanOrEqual(distinct(ROWS) * (factor + 0.05));
  }
  // Of what is asked for often every part is there, and they are asked for alike.
  const counts = new Map<string, Map<string, number>>();
  for (const [i, row] of rowsOf(catalogue(3)(MADE)).entries()) {
    const parts = counts.get(keyOf(ROWS[i]!)) ?? new Map<string, number>();
    counts.set(keyOf(ROWS[i]!), parts.set(keyOf(row), (parts.get(keyOf(row)) ?? 0) + 1));
  }
  let looked = 0;
  for (const parts of counts.values()) {
    const all = [...parts.values()].reduce((sum, one) => sum + one, 0);
    if (all < 150) continue;
    looked += 1;
    expect(parts.size).toBe(3);
    for (const count of parts.values()) expect(Math.abs(count / all - 1 / 3)).toBeLessThan(0.15);
  }
  expect(looked).toBeGreaterThan(3);
  const parted = new Set(
    rowsOf(catalogue(1.5)(MADE)).flatMap((row, i) =>
      keyOf(row) === keyOf(ROWS[i]!) ? [] : [keyOf(ROWS[i]!)],
    ),
  );
  const often = [...counts].filter(
    ([, parts]) => [...parts.values()].reduce((sum, one) => sum + one, 0) > 30,
  );
  expect(Math.abs(often.filter(([key]) => parted.has(key)).length / often.length - 0.5)).toBeLessThan(0.05);
});

test('growth: every request stays, and copies with other keys come between them, as popular as those that they are of', () => {
  for (const factor of [1, 1.3, 2, 2.5]) {
    const rows = rowsOf(growth(factor)(MADE));
    expect(Math.abs(rows.length / ROWS.length / factor - 1)).toBeLessThan(0.05);
    expect(Math.abs(distinct(rows) / distinct(ROWS) / factor - 1)).toBeLessThan(0.03);
    expect(rises(rows)).toBe(true);
    const known = new Set(ROWS.map(keyOf));
    expect(rows.filter((row) => known.has(keyOf(row)))).toEqual(ROWS);
    if (factor === 2) {
      const counts = popularity(ROWS);
      expect(popularity(rows)).toEqual(counts.flatMap((count) => [count, count]));
    }
  }
  expect(rowsOf(nodeLost(4)(MADE))).toEqual(rowsOf(growth(4 / 3)(MADE)));
  expect(rowsOf(growth(1.3, 7)(MADE))).not.toEqual(rowsOf(growth(1.3, 8)(MADE)));
});

test('the stressed form of a sample is a sample of the stressed form', () => {
  const rate = 0.25;
  const threshold = thresholdOf(rate);
  const sampleOf = (rows: readonly TrafficRow[]) => rows.filter(({ keyHi }) => placeOf(keyHi) < threshold);
  const sampled = batchesOf(sampleOf(ROWS), rate).map((batch) => ({ ...batch, totals: [] }));
  for (const form of [growth(2), growth(3)]) {
    const keys = (rows: readonly TrafficRow[]) => rows.map(keyOf).sort();
    expect(keys(rowsOf(form(sampled)))).toEqual(keys(sampleOf(rowsOf(form(MADE)))));
  }
  // Which part of an image a request gets is drawn: the parts are those of the same images.
  expect(new Set(rowsOf(catalogue(2)(sampled)).map(({ keyHi }) => placeOf(keyHi) < threshold))).toEqual(
    new Set([true]),
  );
});

test('variants go with their originals, and totals with the requests', () => {
  const random = seededRandom(4);
  const rows = ROWS.slice(0, 20_000).map((row) => ({
    ...row,
    keyLo: random.u32() % 3 === 0 ? row.keyLo : random.u32(),
  }));
  const sizes = (form: readonly TrafficBatch[]) => {
    const byResource = new Map<number, Set<number>>();
    for (const { keyHi, bodyBytes } of rowsOf(form))
      byResource.set(keyHi, (byResource.get(keyHi) ?? new Set()).add(bodyBytes));
    return byResource;
  };
  const before = sizes(batchesOf(rows));
  for (const form of [catalogue(2), growth(2)]) {
    // Sizes here belong to resources: those of a twin are those of its original.
    const known = new Set([...before.values()].flatMap((set) => [...set]));
    for (const set of sizes([...form(batchesOf(rows))]).values()) {
      expect(set.size).toBe(1);
      expect(known.has([...set][0]!)).toBe(true);
    }
  }
  const sampled = batchesOf(ROWS.slice(0, 1000), 0.5).map((batch) => ({ ...batch, totals: totalsOf(batch) }));
  const sum = (batches: Iterable<TrafficBatch>) =>
    [...batches].flatMap(({ totals }) => totals).reduce((all, { requests }) => all + requests, 0);
  expect(sum(peak(2)(sampled))).toBe(1000);
  expect(sum(catalogue(2)(sampled))).toBe(1000);
  expect(sum(growth(2)(sampled))).toBe(2000);
});

test('batches stay within their bounds', () => {
  const batches = [...growth(100)(MADE.slice(0, 1))];
  for (const { count, timeUs } of batches) {
    expect(count).toBeLessThanOrEqual(65_536);
    expect(timeUs).toHaveLength(count);
  }
  expect(batches.reduce((all, { count }) => all + count, 0)).toBe(MADE[0]!.count * 100);
  expect(() => peak(0.5)).toThrow();
  expect(() => growth(Number.NaN)).toThrow();
  expect(() => nodeLost(1)).toThrow();
});

test('growth: as many more requests as ordered, whatever the popularity of the images', () => {
  const made = [...synthesise({ ...SYNTH_DEFAULTS, requests: 20_000, keys: 2000, zipf: 1.2 })];
  const keysOf = (batches: Iterable<TrafficBatch>): number => distinct(rowsOf(batches));
  for (const factor of [1.1, 1.3, 1.5, 2.25]) {
    for (const seed of [1, 2, 3]) {
      const grown = [...growth(factor, seed)(made)];
      const requests = grown.reduce((sum, { count }) => sum + count, 0);
      expect(Math.abs(requests / (20_000 * factor) - 1)).toBeLessThan(0.001);
      expect(Math.abs(keysOf(grown) / (keysOf(made) * factor) - 1)).toBeLessThan(0.05);
    }
  }
});
