import { describe, expect, test } from 'bun:test';
import { METADATA_BYTES } from '../cache/contract.ts';
import { createPolicy } from '../policy/create.ts';
import { costBytesOf } from '../store/memory/arena-cost.ts';
import type { TrafficBatch } from '../traffic/batch.ts';
import { Stated, type TrafficRow, UNKNOWN_LIFE } from '../traffic/batch.ts';
import { totalsOf } from '../traffic/totals.ts';
import type { ReplayOptions, SimulatedNode } from './plan.ts';
import { replay as replayPublished } from './published/replay.ts';
import { fewKeys, remarksOn } from './remarks.ts';
import type { ServedCounts, SimulationReport } from './report.ts';
import {
  imageTraffic,
  nodeWith,
  type RowInput,
  recordOf,
  rowsOf,
  START_MS,
  sampleOf,
  stated,
} from './simulate.fixture.ts';
import { simulate } from './simulate.ts';

function replay(
  rows: readonly RowInput[],
  node: SimulatedNode = nodeWith(),
  options: ReplayOptions = {},
): SimulationReport {
  return simulate(recordOf(rowsOf(rows)), [node], options)[0]!;
}

/** How each request was served, by replaying one more of them each time. */
function told(rows: readonly RowInput[], node?: SimulatedNode): string[] {
  const words: string[] = [];
  let before: ServedCounts | undefined;
  for (let count = 1; count <= rows.length; count += 1) {
    // Time goes on until all that is under way has landed.
    const { all } = replay(rows.slice(0, count), node);
    words.push(wordFor(all, before));
    before = all;
  }
  return words;
}

function wordFor(now: ServedCounts, before: ServedCounts | undefined): string {
  const grown = (count: (of: ServedCounts) => number): boolean =>
    count(now) > (before === undefined ? 0 : count(before));
  if (grown((of) => of.memoryHits)) return 'hit';
  if (grown((of) => of.diskHits)) return 'disk';
  if (grown((of) => of.staleHits)) return 'stale';
  if (grown((of) => of.revalidated)) return 'revalidated';
  if (grown((of) => of.collapsed)) return 'collapsed';
  if (grown((of) => of.bypasses)) return 'bypass';
  if (grown((of) => of.failed)) return 'failed';
  const reasons = Object.keys(now.missReasons) as (keyof ServedCounts['missReasons'])[];
  return `miss ${reasons.find((reason) => grown((of) => of.missReasons[reason]))}`;
}

const noValidator = { flags: Stated.IMAGE };

describe('against the published replay', () => {
  test.each(['lru', 'fifo', 'sieve', 'gdsf'] as const)('%s misses the same', (policy) => {
    const rows = imageTraffic(5, 30_000, 4_000, stated(10 ** 9));
    const chargeOf = (row: TrafficRow): number =>
      costBytesOf(row.bodyBytes + row.besideBytes, 128) + METADATA_BYTES;
    const ids = new Map<number, number>();
    for (const { keyLo } of rows) if (!ids.has(keyLo)) ids.set(keyLo, ids.size);
    const keys = Uint32Array.from(rows, ({ keyLo }) => ids.get(keyLo)!);
    const sizes = Uint32Array.from(rows, chargeOf);
    for (const sizeBytes of [300_000, 3_000_000, 30_000_000]) {
      const plain = createPolicy(policy, { capacityBytes: sizeBytes, isPinned: () => false });
      const { misses } = replayPublished({ objects: ids.size, keys, sizes }, plain);
      const node = nodeWith({ memory: { sizeBytes, policy } });
      const [report] = simulate(recordOf(rows), [node]);
      expect(report!.all.misses).toBe(misses);
      expect(report!.all.misses + report!.all.hits).toBe(rows.length);
    }
  });
});

describe('why a request was a miss', () => {
  test('first, and then none', () => {
    expect(
      told([
        { atS: 0, key: 1 },
        { atS: 1, key: 1 },
        { atS: 2, key: 2 },
      ]),
    ).toEqual(['miss first', 'hit', 'miss first']);
  });

  test('evicted', () => {
    const node = nodeWith({ memory: { sizeBytes: 5000 } });
    const rows = [1, 2, 3, 1].map((key, atS) => ({ atS, key, bytes: 1500 }));
    expect(told(rows, node)).toEqual(['miss first', 'miss first', 'miss first', 'miss evicted']);
  });

  test('expired, where nothing can confirm it or it has changed', () => {
    const life = stated(5, noValidator);
    expect(
      told([
        { atS: 0, key: 1, life },
        { atS: 6, key: 1, life },
      ]),
    ).toEqual(['miss first', 'miss expired']);
    const changed = stated(5);
    const rows = [
      { atS: 0, key: 1, life: changed },
      { atS: 6, key: 1, life: changed },
      { atS: 12, key: 1, life: changed, bytes: 1001 },
    ];
    expect(told(rows)).toEqual(['miss first', 'revalidated', 'miss expired']);
  });

  test('refused for want of room that may be taken', () => {
    const node = nodeWith({ memory: { sizeBytes: 5000 }, room: { minResidencyS: 100, pinnedShare: 0 } });
    const rows = [1, 2, 3, 3].map((key, atS) => ({ atS, key, bytes: 1500 }));
    expect(told(rows, node)).toEqual(['miss first', 'miss first', 'miss first', 'miss refused']);
    expect(replay(rows, node).memory.refusals).toEqual({ residency: 2 });
  });

  test('not storable: by what it says, by its size, by its route', () => {
    const kind = { notStored: 'private' as const };
    expect(
      told([
        { atS: 0, key: 1, kind },
        { atS: 1, key: 1, kind },
      ]),
    ).toEqual(['miss first', 'miss not-storable']);
    const large = nodeWith({ route: { objectBytesMax: 999 } });
    expect(
      told(
        [
          { atS: 0, key: 1 },
          { atS: 1, key: 1 },
        ],
        large,
      ),
    ).toEqual(['miss first', 'miss not-storable']);
    const none = nodeWith({ route: { caches: false } });
    expect(
      told(
        [
          { atS: 0, key: 1 },
          { atS: 1, key: 1 },
        ],
        none,
      ),
    ).toEqual(['bypass', 'bypass']);
  });
});

describe('time', () => {
  test('a route that keeps longer than the origin says', () => {
    const life = stated(2);
    const rows = [
      { atS: 0, key: 1, life },
      { atS: 5, key: 1, life },
    ];
    expect(told(rows)).toEqual(['miss first', 'revalidated']);
    expect(told(rows, nodeWith({ route: { minTtlS: 60 } }))).toEqual(['miss first', 'hit']);
  });

  test('stale while it is renewed, and fresh from then on', () => {
    const life = stated(5);
    const rows = [0, 6, 7].map((atS) => ({ atS, key: 1, life, originMs: 100 }));
    const report = replay(rows, nodeWith({ route: { staleWhileRevalidateS: 60 } }));
    expect(told(rows, nodeWith({ route: { staleWhileRevalidateS: 60 } }))).toEqual([
      'miss first',
      'stale',
      'hit',
    ]);
    expect([report.origin.requests, report.origin.validations]).toEqual([2, 1]);
  });

  test('a failing origin: stale in its window, then an error; the last known good one for ever', () => {
    const life = stated(5);
    const failed = { kind: { outcome: 'failed' as const, status: 0 }, life: UNKNOWN_LIFE };
    const rows = [
      { atS: 0, key: 1, life },
      { atS: 6, key: 1, ...failed },
      { atS: 200, key: 1, ...failed },
    ];
    expect(told(rows, nodeWith({ route: { staleIfErrorS: 60 } }))).toEqual(['miss first', 'stale', 'failed']);
    expect(told(rows, nodeWith({ route: { lastKnownGood: 'images' } }))).toEqual([
      'miss first',
      'stale',
      'stale',
    ]);
    // Served stale after waiting for the origin: that must have failed as well.
    const stale = [rows[0]!, { atS: 6, key: 1, kind: { outcome: 'stale' as const }, originMs: 50 }];
    expect(told(stale)).toEqual(['miss first', 'failed']);
  });

  test('errors are kept for as long as the route says', () => {
    const rows = [0, 4, 11].map((atS) => ({
      atS,
      key: 1,
      kind: { status: 404 },
      life: stated(undefined, { flags: 0 }),
    }));
    expect(told(rows)).toEqual(['miss first', 'hit', 'miss expired']);
    expect(told(rows, nodeWith({ route: { negativeTtlS: 0 } }))).toEqual([
      'miss first',
      'miss not-storable',
      'miss not-storable',
    ]);
  });

  test('requests that come while it is fetched share the fetch', () => {
    const rows = [0, 0.5, 0.999, 1.1].map((atS) => ({ atS, key: 1, originMs: 1000 }));
    const { all, origin } = replay(rows);
    expect([all.misses, all.collapsed, all.hits, origin.requests]).toEqual([1, 2, 1, 1]);
  });

  test('what a record does not say is assumed, and said', () => {
    const unknown = [0, 80_000, 90_000].map((atS) => ({
      atS,
      key: 1,
      life: UNKNOWN_LIFE,
      beside: 0,
      originMs: undefined,
    }));
    expect(told(unknown)).toEqual(['miss first', 'hit', 'revalidated']);
    expect(told(unknown, nodeWith({ route: { defaultTtlS: 10 } }))).toEqual([
      'miss first',
      'revalidated',
      'revalidated',
    ]);
    expect(replay(unknown).assumptions).toEqual([
      expect.stringContaining('does not say for how long the responses of 3 requests'),
      expect.stringContaining('How long the origin takes is not known for 3 requests'),
      expect.stringContaining('count 400 bytes'),
    ]);
    // What the origin stated once for a key holds for hits of it, too.
    const applied = { known: 'applied', lifetimeS: 5, whileRevalidateS: 0, ifErrorS: 0, flags: 16 } as const;
    const rows = [
      { atS: 0, key: 1, life: stated(1000) },
      { atS: 10, key: 1, life: applied },
      { atS: 20, key: 2, life: applied },
      { atS: 30, key: 2, life: applied },
    ];
    expect(told(rows)).toEqual(['miss first', 'hit', 'miss first', 'revalidated']);
  });
});

describe('what an origin can do', () => {
  const limits = (connections: number, queueMax: number, queueTimeoutMs = 60_000): SimulatedNode =>
    nodeWith({ origins: new Map([['origin', { connections, queueMax, queueTimeoutMs }]]) });
  const rows = [1, 2, 3, 4].map((key) => ({ atS: key / 100, key, originMs: 1000 }));

  test('no limit: nobody waits, and nothing is said of a queue', () => {
    expect(replay(rows).origin.queue).toBeUndefined();
  });

  test('those who have to wait, how many at once, and for how long', () => {
    const { origin, all } = replay(rows, limits(1, 10));
    expect(origin.queue).toEqual({ waited: 3, deepest: 3, refused: 0, waitP99Ms: 2944 });
    expect([all.misses, origin.requests]).toEqual([4, 4]);
  });

  test('a full queue refuses, and a wait that is too long ends', () => {
    const full = replay(rows, limits(1, 2));
    expect([full.all.misses, full.all.failed, full.origin.queue!.refused]).toEqual([3, 1, 1]);
    const late = replay(rows, limits(1, 10, 1500));
    expect([late.all.misses, late.all.failed, late.origin.queue!.refused]).toEqual([2, 2, 2]);
  });

  test('a stale copy stands in for a fetch that was refused', () => {
    const life = stated(5);
    const crowd = [
      { atS: 0, key: 1, life, originMs: 10 },
      { atS: 10, key: 2, originMs: 1000 },
      { atS: 10.1, key: 1, life, originMs: 10 },
    ];
    const node = { ...limits(1, 0), otherRoute: nodeWith({ route: { staleIfErrorS: 60 } }).otherRoute };
    const { all } = replay(crowd, node);
    expect([all.misses, all.staleHits, all.failed]).toEqual([2, 1, 0]);
  });

  test('load: mean, seconds and the busiest minute', () => {
    const busy = [
      ...Array.from({ length: 60 }, (_, key) => ({ atS: key, key, bytes: 100 })),
      ...Array.from({ length: 240 }, (_, key) => ({ atS: 120 + key / 4, key: 1000 + key, bytes: 100 })),
    ];
    const { origin } = replay(busy);
    expect(origin.requests).toBe(300);
    expect(origin.requestsPerS.mean).toBeCloseTo(300 / 179.75, 5);
    expect(origin.requestsPerS.p99).toBe(4);
    expect(origin.requestsPerS.peakMinute).toBeGreaterThan(3);
    expect(origin.bytesPerS.mean).toBeCloseTo(30_000 / 179.75, 4);
  });
});

describe('variants', () => {
  const variant = { variant: true };

  test('one that is absent fetches its original, once for all of them', () => {
    const rows = [
      { atS: 0, key: 10, of: 1, kind: variant, bytes: 400 },
      { atS: 0, key: 1, bytes: 9000, kind: { internal: true } },
      { atS: 5, key: 11, of: 1, kind: variant, bytes: 500 },
      { atS: 6, key: 1, bytes: 9000 },
      { atS: 7, key: 10, of: 1, kind: variant, bytes: 400 },
    ];
    const { all, origin, assumptions, memory } = replay(rows);
    expect([all.requests, all.misses, all.hits]).toEqual([4, 2, 2]);
    expect([origin.requests, origin.bytes, memory.entries]).toEqual([1, 9000, 3]);
    expect(assumptions).toEqual([]);
  });

  test('an original that the record does not show is assumed, and counted', () => {
    const rows = [
      { atS: 0, key: 7, bytes: 5000 },
      { atS: 1, key: 10, of: 1, kind: variant, bytes: 400 },
      { atS: 2, key: 11, of: 1, kind: variant, bytes: 500 },
    ];
    const { all, origin, assumptions } = replay(rows);
    expect([all.misses, all.hits, origin.requests, origin.bytes]).toEqual([3, 0, 2, 9992]);
    expect(assumptions).toEqual([expect.stringContaining('for 2 requests of variants')]);
  });

  test('a failing origin fails what would be made of what is not there', () => {
    const kind = { ...variant, outcome: 'failed' as const, status: 0 };
    const { all } = replay([{ atS: 0, key: 10, of: 1, kind, life: UNKNOWN_LIFE }]);
    expect([all.failed, all.misses]).toEqual([1, 0]);
  });
});

describe('reports', () => {
  const rows = rowsOf(
    Array.from({ length: 400 }, (_, at) => ({
      atS: at,
      key: at % 37,
      bytes: 500 + (at % 37) * 100,
      originMs: at % 90,
    })),
  );
  const small = nodeWith({ name: 'small', memory: { sizeBytes: 20_000 } });
  const disk = { sizeBytes: 2 ** 21, objectBytesMax: 2 ** 20, minResidencyS: 0, variantsShare: 0.5 };

  test('the same record twice says the same', () => {
    expect(simulate(recordOf(rows), [small])).toEqual(simulate(recordOf(rows), [small]));
  });

  test('nodes at once say what each says alone', () => {
    const nodes = [
      small,
      nodeWith({ name: 's3', memory: { sizeBytes: 30_000, policy: 's3-fifo' } }),
      { ...small, disk },
    ];
    expect(simulate(recordOf(rows), nodes)).toEqual(
      nodes.flatMap((node) => simulate(recordOf(rows), [node])),
    );
  });

  test('levels, firsts and minutes', () => {
    const [{ memory, minutes, all }] = simulate(recordOf(rows), [small]) as [SimulationReport];
    expect(memory.limit).toBe('bytes');
    expect(memory.firstEvictionMs).toBeGreaterThan(memory.filledMs!);
    expect(memory.usedBytesMax).toBeLessThanOrEqual(20_000);
    expect(memory.insertions - memory.evictions).toBe(memory.entries);
    expect(memory.earlyEvictions).toBe(memory.evictions);
    expect(memory.evictionAgeS!.p10).toBeLessThanOrEqual(memory.evictionAgeS!.p90);
    expect(memory.usableS).toBe(3584);
    expect(minutes.requests.length).toBe(7);
    const sum = (series: Float64Array): number => series.reduce((total, one) => total + one, 0);
    expect(sum(minutes.requests)).toBe(all.requests);
    expect(sum(minutes.hits)).toBe(all.hits);
    expect(sum(minutes.evictions)).toBe(memory.evictions);
    expect(sum(minutes.prematureEvictions)).toBe(memory.prematureEvictions);
    expect(minutes.memoryUsedBytes.at(-1)).toBe(memory.usedBytes);
    const roomy = replay([{ atS: 0, key: 1 }]).memory;
    expect([roomy.limit, roomy.firstEvictionMs, roomy.evictionAgeS]).toEqual(['none', undefined, undefined]);
  });

  test('requests that are centuries apart have longer rows, and are told', () => {
    const apart = [...rows, { ...rows[0]!, atMs: Date.UTC(9999, 0) }];
    const [report] = simulate(recordOf(apart), [small]) as [SimulationReport];
    const { minutes, all } = report;
    expect(minutes.requests.length).toBeLessThanOrEqual(100_000);
    expect(minutes.stepMs).toBe(100 * 86_400_000);
    const sum = (series: Float64Array): number => series.reduce((total, one) => total + one, 0);
    expect(sum(minutes.requests)).toBe(all.requests);
    expect(sum(minutes.hits)).toBe(all.hits);
    expect(minutes.memoryUsedBytes.at(-1)).toBe(report.memory.usedBytes);
    expect(remarksOn(report).join(' ')).toMatch(/has nothing from 2024-.* means of 100 d/);
  });

  test('a sample of few keys is warned of, the more the fewer', () => {
    const [few] = simulate(recordOf(rows), [small], { rate: 0.5 }) as [SimulationReport];
    expect(few.keys).toBeLessThan(37);
    expect(few.keys).toBeGreaterThan(0);
    expect(remarksOn(few)[0]).toStartWith(`Beware: only ${few.keys} keys were replayed, too few`);
    expect(fewKeys({ rate: 0.1, keys: 4000 })).toEqual([
      'Beware: only 4,000 keys were replayed: ratios are off by about 2.0 points on average, and single ones by two to four times as much.',
    ]);
    expect(fewKeys({ rate: 0.1, keys: 16_000 })).toEqual([]);
    expect(fewKeys({ rate: 1, keys: 170 })).toEqual([]);
  });

  test('routes that the configuration does not have are named, with what stands for them', () => {
    const node = { ...small, routes: new Map([['pages', small.otherRoute]]) };
    expect(simulate(recordOf(rows), [node])[0]!.assumptions).toContain(
      'The configuration has no route "images" of the record: the rules of "pages", its last one, stand for it.',
    );
  });

  test('counts begin when they are told to, with what came before in the cache', () => {
    const countFromMs = START_MS + 200_000;
    const [part] = simulate(recordOf(rows), [nodeWith()], { countFromMs });
    expect([part!.all.requests, part!.all.hits]).toEqual([200, 200]);
    expect([part!.memory.insertions, part!.memory.entries, part!.minutes.fromMs]).toEqual([
      0,
      37,
      // Minutes are those of the clock, as in what a record says of itself.
      Math.floor(countFromMs / 60_000) * 60_000,
    ]);
  });

  test('a warm start holds what it is told, and evicts from the first newcomer on', () => {
    const entry = (key: number) => {
      const { keyLo, keyHi } = rowsOf([{ atS: 0, key }])[0]!;
      const nowS = START_MS / 1000;
      const until = { freshUntilS: nowS + 999, revalidateUntilS: nowS + 999, errorUntilS: nowS + 999 };
      const sizes = { recordBytes: 1300, bodyBytes: 1000, status: 200, flags: 16 };
      return {
        keyLo,
        keyHi,
        route: 'images',
        bornS: nowS,
        storedS: nowS - 50,
        ...until,
        ...sizes,
        tier: 'memory' as const,
      };
    };
    const warm = { takenAtMs: START_MS, entries: [1, 2, 3].map(entry) };
    const asked = [3, 2, 9, 1].map((key, atS) => ({ atS, key }));
    const node = nodeWith({ memory: { sizeBytes: 5000 } });
    expect(replay(asked, node).all.hits).toBe(0);
    const report = replay(asked, node, { warm });
    expect([report.start, report.all.hits, report.memory.firstEvictionMs]).toEqual(['warm', 2, 2000]);
    expect([report.all.missReasons.first, report.all.missReasons.evicted]).toEqual([1, 1]);
  });

  test('requests that the node itself answered are left out', () => {
    const { all, assumptions } = replay([{ atS: 0, key: 1, kind: { outcome: 'refused', status: 400 } }]);
    expect(all.requests).toBe(0);
    expect(assumptions).toEqual([expect.stringContaining('1 request were answered')]);
  });

  test('an empty record', () => {
    const [report] = simulate(recordOf([]), [nodeWith()]);
    expect([report!.all.requests, report!.memory.entries, report!.origin.requestsPerS.mean]).toEqual([
      0, 0, 0,
    ]);
  });
});

describe('samples', () => {
  test('a rate that the record does not have is refused with a sentence', () => {
    const record = sampleOf(recordOf(imageTraffic(1, 100, 10)), 0.5);
    expect(() => simulate(record, [nodeWith()], { rate: 0.7 })).toThrow('at most 0.5');
  });

  test('a part of a whole record is what a record of that rate would be', () => {
    const record = recordOf(imageTraffic(3, 20_000, 4_000));
    const node = nodeWith({ memory: { sizeBytes: 4_000_000 } });
    const [a] = simulate(record, [node], { rate: 0.25 });
    const [b] = simulate(sampleOf(record, 0.25), [node]);
    expect({ ...a, record: undefined, minutes: undefined }).toEqual({
      ...b!,
      record: undefined,
      minutes: undefined,
    });
    // Minutes are corrected as the totals are: their sums agree, also where none of the totals of a batch say which minute.
    for (const { minutes, all } of [a!, b!]) {
      const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);
      expect(sum(minutes.requests)).toBeCloseTo(all.requests, 3);
      expect(sum(minutes.bytes) / all.bytes).toBeCloseTo(1, 6);
      expect(sum(minutes.hits) / all.hits).toBeCloseTo(1, 2);
    }
    expect(a!.all.requests).toBeCloseTo(20_000, 5);
  });

  test('requests at a time of which the sample has no key count too', () => {
    const [batch, ...others] = sampleOf(recordOf(imageTraffic(3, 2_000, 400)), 0.25).batches();
    const [first] = totalsOf({ ...batch!, rate: 1 });
    const later = {
      ...batch!,
      count: 0,
      baseMs: batch!.baseMs + 3_600_000,
      totals: [{ ...first!, requests: 77 }],
    };
    const record = (batches: TrafficBatch[]) => ({
      info: {
        ...recordOf([]).info,
        rows: 2_000,
        rateMin: 0.25,
        rateMax: 0.25,
        fromMs: batch!.baseMs,
        toMs: later.baseMs,
      },
      batches: () => batches,
    });
    const [before] = simulate(record([batch!, ...others]), [nodeWith()]);
    const [after] = simulate(record([batch!, ...others, later]), [nodeWith()]);
    expect(after!.all.requests - before!.all.requests).toBeCloseTo(77, 3);
    expect(after!.minutes.requests.at(-1)).toBeCloseTo(77, 3);
  });

  test('at a tenth of the keys both ratios are near those of all, and nearer than without the correction', () => {
    const nodes = [20e6, 80e6, 300e6].flatMap((sizeBytes) =>
      (['lru', 's3-fifo'] as const).map((policy) => nodeWith({ memory: { sizeBytes, policy } })),
    );
    const errors = { object: 0, byte: 0, naiveObject: 0, naiveByte: 0 };
    const seeds = 5;
    for (let seed = 1; seed <= seeds; seed += 1) {
      const record = recordOf(imageTraffic(seed, 120_000, 40_000));
      const sample = sampleOf(record, 0.1);
      const naive = sampleOf(record, 0.1);
      const seen = { requests: 0, bytes: 0 };
      for (const batch of naive.batches()) {
        seen.requests += batch.count;
        for (const bytes of batch.bodyBytes) seen.bytes += bytes;
      }
      const wholes = simulate(record, nodes);
      simulate(sample, nodes).forEach(({ all }, at) => {
        const whole = wholes[at]!.all;
        const object = whole.hits / whole.requests;
        const byte = whole.hitBytes / whole.bytes;
        const missedBytes = all.bytes - all.hitBytes;
        errors.object += Math.abs(all.hits / all.requests - object);
        errors.byte += Math.abs(all.hitBytes / all.bytes - byte);
        errors.naiveObject += Math.abs(1 - (all.misses * 0.1) / seen.requests - object);
        errors.naiveByte += Math.abs(1 - (missedBytes * 0.1) / seen.bytes - byte);
      });
    }
    const runs = seeds * nodes.length;
    expect(errors.object / runs).toBeLessThan(0.025);
    expect(errors.byte / runs).toBeLessThan(0.045);
    expect(errors.naiveObject).toBeGreaterThan(2 * errors.object);
    expect(errors.naiveByte).toBeGreaterThan(2 * errors.byte);
  });
});
