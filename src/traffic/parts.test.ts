import { expect, test } from 'bun:test';
import { seededRandom } from '../base/random.ts';
import { batchesOf, type TrafficBatch } from './batch.ts';
import { DistinctKeys } from './distinct.ts';
import { csvLines, nextRequests, oracleRows } from './export.ts';
import { SizeMemory } from './import/sizes.ts';
import { KeyValues } from './key-values.ts';
import { partsOf } from './made/parts.ts';
import { SYNTH_DEFAULTS, synthesise } from './made/synth.ts';
import { encodeBlock } from './record/format.ts';
import { bytesSource, partOf, recordFrom } from './record/reading.ts';
import type { TrafficRecord } from './record.ts';
import { madeRows, rowsOf } from './rows.fixture.ts';
import { placeOf, thresholdOf } from './sample.ts';
import { busiestWindow, summarise } from './summary.ts';
import { totalsOf } from './totals.ts';

function recordOf(batches: readonly TrafficBatch[]): TrafficRecord {
  return recordFrom(
    'made',
    batches.map((batch, i) => bytesSource(`${i}`, encodeBlock(batch))),
  );
}

test('KeyValues is a map; what is remembered of sizes is bounded, and never wrong', () => {
  const random = seededRandom(2);
  const table = new KeyValues();
  const bounded = new SizeMemory(300);
  const model = new Map<string, number>();
  let forgotten = 0;
  for (let i = 0; i < 60_000; i += 1) {
    const keyLo = random.u32() % 200;
    const keyHi = (random.u32() % 200) * 65_536;
    const name = `${keyLo} ${keyHi}`;
    expect(table.get(keyLo, keyHi)).toBe(model.get(name) ?? -1);
    const remembered = bounded.get(keyLo, keyHi);
    if (remembered === -1) forgotten += model.has(name) ? 1 : 0;
    else expect(remembered).toBe(model.get(name)!);
    const value = random.u32();
    model.set(name, value);
    table.set(keyLo, keyHi, value);
    bounded.set(keyLo, keyHi, value);
    expect(bounded.get(keyLo, keyHi)).toBe(value);
  }
  expect(table.size).toBe(model.size);
  expect(forgotten).toBeGreaterThan(1000);
});

test('DistinctKeys is exact for few keys, and else right within three standard errors, also for keys that are counted up or share a half', () => {
  const random = seededRandom(8);
  const kinds: ((i: number) => readonly [number, number])[] = [
    () => [random.u32(), random.u32()],
    (i) => [i, 0],
    (i) => [i % 7, Math.floor(i / 7)],
  ];
  for (const key of kinds) {
    for (const count of [0, 1, 100, 5000, 8192, 8193, 40_000, 300_000]) {
      const keys = new DistinctKeys();
      for (let i = 0; i < count; i += 1) {
        const [lo, hi] = key(i);
        keys.add(lo, hi);
        keys.add(lo, hi);
      }
      expect(Math.abs(keys.count() - count)).toBeLessThanOrEqual(count <= 8192 ? 0 : count * 0.025);
    }
  }
});

test('a summary says what a naive count says', () => {
  const rows = madeRows(seededRandom(6), 20_000);
  const summary = summarise(recordOf(batchesOf(rows)));
  const clients = rows.filter(({ kind }) => !kind.internal);
  const count = (is: (row: (typeof rows)[number]) => boolean) => clients.filter(is).length;
  expect(summary.requests).toBe(clients.length);
  expect(summary.internal).toBe(rows.length - clients.length);
  expect(summary.bodyBytes).toBe(clients.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0));
  expect(summary.outcomes.hit).toBe(count(({ kind }) => kind.outcome === 'hit'));
  expect(summary.withLifetime).toBe(count(({ life }) => life.known !== 'unknown'));
  for (const { name, requests } of summary.routes)
    expect(requests).toBe(count(({ kind }) => kind.route === name));
  const keys = new Set(clients.map(({ keyLo, keyHi }) => `${keyLo} ${keyHi}`)).size;
  expect(Math.abs(summary.keys / keys - 1)).toBeLessThan(0.03);
  const sizes = clients.map(({ bodyBytes }) => bodyBytes).sort((a, b) => a - b);
  const median = sizes[Math.ceil(sizes.length / 2) - 1]!;
  expect(Math.abs(summary.sizes[3]! / median - 1)).toBeLessThan(0.1);
  expect(summary.sizes.at(-1)).toBe(sizes.at(-1)!);
  const minutes = new Map<number, number>();
  for (const { atMs } of clients) {
    const minute = Math.floor(atMs / 60_000) * 60_000;
    minutes.set(minute, (minutes.get(minute) ?? 0) + 1);
  }
  expect(summary.busiestMinute!.requests).toBe(Math.max(...minutes.values()));
  expect(summarise(recordOf([])).busiestHour).toBeUndefined();
});

test('a summary names what is asked for most, where paths are told', () => {
  const rows = madeRows(seededRandom(6), 5_000);
  const batches = batchesOf(rows);
  const counts = new Map<number, number>();
  for (const { keyLo, kind } of rows) if (!kind.internal) counts.set(keyLo, (counts.get(keyLo) ?? 0) + 1);
  const paths = rows.map(({ keyLo, keyHi }) => ({ keyLo, keyHi, path: `/${keyLo}` }));
  const told = summarise(recordOf([{ ...batches[0]!, paths }, ...batches.slice(1)])).paths;
  expect(told).toHaveLength(10);
  for (const { path, requests } of told) expect(counts.get(Number(path.slice(1)))).toBe(requests);
  expect(told[0]!.requests).toBe(Math.max(...counts.values()));
  expect(summarise(recordOf(batches)).paths).toEqual([]);
});

test('the busiest window is the one of all that start with a minute', () => {
  const rows = rowsOf(synthesise({ ...SYNTH_DEFAULTS, requests: 20_000, durationMs: 36_000_000 }));
  const record = recordOf(batchesOf(rows));
  for (const windowMs of [60_000, 600_000, 3_600_000]) {
    const busiest = busiestWindow(record, windowMs)!;
    const inside = (fromMs: number) =>
      rows.filter(({ atMs }) => atMs >= fromMs && atMs < fromMs + windowMs).length;
    expect(inside(busiest.fromMs)).toBe(busiest.requests);
    expect(busiest.toMs - busiest.fromMs).toBe(windowMs);
    for (let at = 0; at < 600; at += 37)
      expect(inside(SYNTH_DEFAULTS.startMs + at * 60_000)).toBeLessThanOrEqual(busiest.requests);
  }
});

test('parts: routes, and a sample with the totals of what it was taken from', () => {
  const rows = madeRows(seededRandom(12), 30_000);
  const batches = batchesOf(rows);
  const routes = new Set([rows[0]!.kind.route]);
  expect(rowsOf(partsOf(batches, { routes }))).toEqual(rows.filter(({ kind }) => routes.has(kind.route)));
  const rate = 0.1;
  const sample = [...partsOf(batches, { rate })];
  expect(rowsOf(sample)).toEqual(rows.filter(({ keyHi }) => placeOf(keyHi) < thresholdOf(rate)));
  const summary = summarise(recordOf(sample));
  expect(summary.requests).toBe(rows.filter(({ kind }) => !kind.internal).length);
  expect(summary.info.rateMin).toBe(rate);
  // A sample of a sample has the totals of the first.
  const again = [...partsOf(sample, { rate: 0.05, routes })];
  expect(rowsOf(again)).toEqual(rowsOf(partsOf(batches, { rate: 0.05, routes })));
  expect(summarise(recordOf(again)).requests).toBe(
    rows.filter(({ kind }) => !kind.internal && routes.has(kind.route)).length,
  );
  expect([...partsOf(batches, { routes: new Set(['nothing']) })]).toEqual([]);
});

test('exports: one line a request, and where the next request of a key is', () => {
  const rows = madeRows(seededRandom(13), 4000);
  const batches = batchesOf(rows);
  const lines = batches.map(csvLines).join('').trimEnd().split('\n');
  expect(lines).toHaveLength(rows.length);
  expect(Number(lines[7]!.split(',')[0]) * 1000).toBeCloseTo(rows[7]!.atMs, 2);
  const clients = rows.filter(({ kind }) => !kind.internal);
  const next = nextRequests(batches, rows.length);
  const bytes = oracleRows(batches[0]!, next, 0);
  expect(bytes).toHaveLength(clients.length * 24);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (let i = 0; i < clients.length; i += 1) {
    const { keyLo, keyHi, bodyBytes, atMs } = clients[i]!;
    const later = clients.findIndex((row, at) => at > i && row.keyLo === keyLo && row.keyHi === keyHi);
    expect(view.getBigInt64(i * 24 + 16, true)).toBe(BigInt(later));
    expect(view.getBigUint64(i * 24 + 4, true)).toBe((BigInt(keyHi) << 32n) | BigInt(keyLo));
    expect([view.getUint32(i * 24, true), view.getUint32(i * 24 + 12, true)]).toEqual([
      Math.floor(atMs / 1000),
      bodyBytes,
    ]);
  }
});

test('made-up traffic has what it was asked for', () => {
  const options = {
    ...SYNTH_DEFAULTS,
    requests: 200_000,
    keys: 10_000,
    oneHit: 0.2,
    scan: 0.1,
    shift: 0,
    zipf: 1,
  };
  const rows = rowsOf(synthesise(options));
  expect(rows).toHaveLength(options.requests);
  expect(rowsOf(synthesise(options))).toEqual(rows);
  expect(rowsOf(synthesise({ ...options, seed: 2 }))[5]).not.toEqual(rows[5]);
  const counts = new Map<number, number>();
  for (const { keyLo } of rows) counts.set(keyLo, (counts.get(keyLo) ?? 0) + 1);
  const often = [...counts.values()].sort((a, b) => b - a);
  const once = often.filter((count) => count === 1).length;
  expect(Math.abs(once / (0.2 * options.requests) - 1)).toBeLessThan(0.1);
  // Zipf with exponent 1: the first is asked for ten times as often as the tenth.
  const harmonic = Array.from({ length: options.keys }, (_, i) => 1 / (i + 1)).reduce(
    (sum, one) => sum + one,
    0,
  );
  const first = (options.requests * 0.7) / harmonic;
  expect(Math.abs(often[0]! / first - 1)).toBeLessThan(0.05);
  expect(Math.abs(often[9]! / (first / 10) - 1)).toBeLessThan(0.15);
  const spanMs = rows.at(-1)!.atMs - rows[0]!.atMs;
  expect(Math.abs(spanMs / options.durationMs - 1)).toBeLessThan(0.05);
  const hour = (at: number) =>
    rows.filter(({ atMs }) => Math.floor(((atMs - options.startMs) / 3_600_000) % 24) === at).length;
  expect(hour(18) / hour(6)).toBeGreaterThan(3);
  const sizes = rows.map(({ bodyBytes }) => bodyBytes).sort((a, b) => a - b);
  expect(sizes.at(-1)! / sizes[0]!).toBeGreaterThan(1e4);
  const distinctKeys = (shift: number) =>
    new Set(rowsOf(synthesise({ ...options, oneHit: 0, shift })).map(({ keyLo }) => keyLo)).size;
  expect(distinctKeys(0)).toBeLessThanOrEqual(options.keys);
  expect(distinctKeys(0.5)).toBeGreaterThan(options.keys * 1.2);
});

test('parts that were recorded at other rates count as much as was asked for in them', () => {
  const rows = madeRows(seededRandom(21), 4000);
  const whole = Array.from({ length: 8 }, (_, at) => batchesOf(rows.slice(at * 500, (at + 1) * 500))).flat();
  // The later half has hardly a row, and says how many requests there were; in its last batch but one there is none at all.
  const later = Math.floor(whole.length / 2);
  const batches = whole.map((batch, at) => {
    if (at < later) return batch;
    const count = at === whole.length - 2 ? 0 : Math.ceil(batch.count / 7);
    return { ...batch, rate: 0.5, count, totals: totalsOf(batch) };
  });
  const [all, sampled] = [summarise(recordOf(whole)), summarise(recordOf(batches))];
  expect(sampled.requests).toBe(all.requests);
  const ever = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };
  const parts = batches.flatMap((batch) => partOf(batch, ever) ?? []);
  expect(summarise(recordOf(parts)).requests).toBe(all.requests);
  const told = Object.values(sampled.outcomes).reduce((sum, count) => sum + count, 0);
  expect(told).toBeCloseTo(all.requests - totalRequests(batches.at(-2)!), 6);
});

function totalRequests({ totals }: { readonly totals: readonly { readonly requests: number }[] }): number {
  return totals.reduce((sum, { requests }) => sum + requests, 0);
}
