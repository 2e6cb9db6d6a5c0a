import { describe, expect, test } from 'bun:test';
import { seededRandom } from '../../base/random.ts';
import { POLICY_NAMES } from '../../policy/policy.ts';
import { batchesOf, type ServedKind, statedLife, type TrafficRow } from '../../traffic/batch.ts';
import type { TrafficRecord } from '../../traffic/record.ts';
import { madeRecord, plainNode, rowsOf, START_MS, uniformRequests } from '../naive.fixture.ts';
import { simulate } from '../simulate.ts';
import { answerOf } from './answer.ts';
import { type PlanQuestion, plan } from './planner.ts';
import { busiest } from './window.ts';

/** Plans by the simulator that predicts, for records whose answer is known. */

const MIB = 2 ** 20;
/** What an image of 64 KiB is charged: its blocks, its key and head, and its row of the index. */
const CHARGE = Math.ceil((65_536 + 400) / 128) * 132 + 144;

function question(record: TrafficRecord, hit: number, rest: Partial<PlanQuestion> = {}): PlanQuestion {
  return {
    record,
    node: plainNode(50 * MIB),
    targets: [{ name: 'hit', value: hit }],
    window: (demand) => busiest(demand, 3_600_000, 'the busiest hour'),
    policies: ['lru'],
    allPolicies: POLICY_NAMES,
    disk: false,
    margin: 0,
    prices: { memory: undefined, disk: undefined, egress: undefined },
    searchRowsMax: 1e9,
    exactRowsMax: 1e9,
    replay: simulate,
    ...rest,
  };
}

/** The requests with another life or kind, the same for all or by their position. */
function altered(
  rows: readonly TrafficRow[],
  more: (row: TrafficRow, at: number) => Partial<TrafficRow>,
): TrafficRecord {
  const batches = batchesOf(rows.map((row, at) => ({ ...row, ...more(row, at) })));
  return {
    ...madeRecord([]),
    info: {
      ...madeRecord([]).info,
      rows: rows.length,
      requests: rows.length,
      fromMs: rows[0]!.atMs,
      toMs: rows.at(-1)!.atMs,
    },
    batches: () => batches,
  };
}

const REQUESTS = uniformRequests({
  objects: 500,
  bodyBytes: 65_536,
  minutes: 120,
  perMinute: () => 200,
  seed: 9,
});

describe('plans by the simulator', () => {
  test('a uniform catalogue needs its share of the bytes, as they are charged', () => {
    for (const hit of [0.6, 0.95]) {
      const { needed } = plan(question(madeRecord(REQUESTS), hit))!;
      expect(needed.memoryBytes / (500 * CHARGE)).toBeGreaterThan(hit - 0.025);
      expect(needed.memoryBytes / (500 * CHARGE)).toBeLessThan(hit + 0.025);
    }
  });

  test('lifetimes are a ceiling that no size lifts, and are named', () => {
    const life = statedLife(300);
    const found = plan(
      question(
        altered(rowsOf(REQUESTS), () => ({ life })),
        0.95,
      ),
    )!;
    expect(found.unmet.length).toBe(1);
    // Each image is asked for every 150 s: about one request in three comes when it has expired.
    const answer = answerOf(found).join(' ');
    expect(answer).toMatch(/ 3\d\.\d\d % are for images that had expired/);
    expect(answer).toContain('Longer lifetimes do more here than any size');
  });

  test('what may not be stored is a ceiling too', () => {
    const kept = rowsOf(REQUESTS);
    const kind: ServedKind = { ...kept[0]!.kind, notStored: 'private' };
    const life = statedLife(86_400);
    // One image in ten.
    const found = plan(
      question(
        altered(kept, ({ keyLo }) => (keyLo % 10 === 0 ? { kind, life } : { life })),
        0.95,
      ),
    )!;
    expect(answerOf(found).join(' ')).toMatch(/ (?:8|9|10|11|12)\.\d\d % are for what may not be stored/);
  });

  test('more never does worse, with any policy that is no gamble', () => {
    const random = seededRandom(21);
    const skewed = REQUESTS.map((request) => ({ ...request, key: Math.floor(2_000 * random.next() ** 3) }));
    for (const policy of ['lru', 's3-fifo', 'gdsf'] as const) {
      const found = plan(question(madeRecord(skewed), 0.7, { policies: [policy] }))!;
      expect(found.unmet).toEqual([]);
      const ratios = found.sensitivity.map(({ report }) => report.all.hits / report.all.requests);
      for (const [at, ratio] of ratios.entries())
        expect(ratio).toBeGreaterThanOrEqual((ratios[at - 1] ?? 0) - 0.002);
      expect(found.chosen.report.all.hits / found.chosen.report.all.requests).toBeGreaterThanOrEqual(0.7);
    }
  });

  test('the policy that needs least is chosen, and the target is met with it', () => {
    // A third of all requests are for images that nobody asks for again: LRU lets them push out the others.
    const random = seededRandom(22);
    const scanned = REQUESTS.map((request, at) =>
      at % 3 === 0
        ? { ...request, key: 10_000 + at }
        : { ...request, key: Math.floor(500 * random.next() ** 2) },
    );
    const one = plan(question(madeRecord(scanned), 0.55))!;
    const any = plan(
      question(madeRecord(scanned), 0.55, { policies: ['lru', 's3-fifo', 'w-tinylfu', 'sieve'] }),
    )!;
    expect(any.policy).not.toBe('lru');
    expect(any.needed.memoryBytes).toBeLessThan(one.needed.memoryBytes * 0.8);
    expect(any.chosen.report.all.hits / any.chosen.report.all.requests).toBeGreaterThanOrEqual(0.55);
  });

  test('a disk keeps what memory has no room for', () => {
    const found = plan(question(madeRecord(REQUESTS), 0.9, { disk: true }))!;
    const { all } = found.chosen.report;
    expect(found.disk).toBe('needed');
    expect(all.hits / all.requests).toBeGreaterThanOrEqual(0.9);
    expect(all.memoryHits / all.requests).toBeGreaterThanOrEqual(0.7);
    expect(all.diskHits / all.requests).toBeGreaterThan(0.05);
    expect(found.memoryAlone! / (500 * CHARGE)).toBeGreaterThan(0.86);
  });

  test('a long record is searched by a sample, and comes to much the same', () => {
    const whole = plan(question(madeRecord(REQUESTS), 0.8))!;
    const sampled = plan(
      question(madeRecord(REQUESTS), 0.8, { searchRowsMax: REQUESTS.length / 4, exactRowsMax: 0 }),
    )!;
    expect(sampled.chosen.report.rate).toBe(1);
    expect(sampled.sensitivity[0]!.report.rate).toBeLessThan(0.3);
    expect(sampled.needed.memoryBytes / whole.needed.memoryBytes).toBeGreaterThan(0.9);
    expect(sampled.needed.memoryBytes / whole.needed.memoryBytes).toBeLessThan(1.1);
    expect(answerOf(sampled).join(' ')).toContain('estimates from 25 % of the keys');
    expect(sampled.window.fromMs).toBe(START_MS + 3_600_000);
  });
});
