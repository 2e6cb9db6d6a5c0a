import { describe, expect, test } from 'bun:test';
import { seededRandom } from '../../base/random.ts';
import { POLICY_NAMES } from '../../policy/policy.ts';
import { cut } from '../../traffic/made/derived.ts';
import { madeRecord, naiveReplay, plainNode, START_MS, uniformRequests } from '../naive.fixture.ts';
import { simulate } from '../simulate.ts';
import { answerOf, yamlOf } from './answer.ts';
import { type PlanQuestion, plan } from './planner.ts';
import { moneyText, readPrice } from './prices.ts';
import { sizesTable } from './tables.ts';
import { readTarget, type Target } from './targets.ts';
import { busiest, demandOf } from './window.ts';

const MIB = 2 ** 20;
const NO_PRICES = { memory: undefined, disk: undefined, egress: undefined };

function target(text: string): Target {
  const read = readTarget(text);
  if (!read.ok) throw new Error(read.reason);
  return read.value;
}

/** 400 images of 256 KiB (100 MiB), asked for alike: each is as likely as any other to be the next. */
const UNIFORM = madeRecord(
  uniformRequests({
    objects: 400,
    bodyBytes: MIB / 4,
    minutes: 180,
    perMinute: (minute) => (minute >= 120 ? 150 : 60),
    seed: 7,
  }),
);

function question(targets: readonly string[], rest: Partial<PlanQuestion> = {}): PlanQuestion {
  return {
    record: UNIFORM,
    node: plainNode(50 * MIB),
    targets: targets.map(target),
    window: (demand) => busiest(demand, 3_600_000, 'the busiest hour'),
    policies: ['lru'],
    allPolicies: ['lru'],
    disk: false,
    margin: 0.2,
    prices: NO_PRICES,
    searchRowsMax: 1e9,
    exactRowsMax: 1e9,
    replay: naiveReplay,
    ...rest,
  };
}

describe('plan', () => {
  test('finds that of a uniform catalogue a share of the bytes hits as often', () => {
    for (const share of [0.5, 0.8, 0.95]) {
      const found = plan(question([`hit=${share}`]))!;
      expect(found.unmet).toEqual([]);
      // A share of all images in LRU is a hit for that share of requests, whatever came before.
      expect(found.needed.memoryBytes / (100 * MIB)).toBeGreaterThan(share - 0.02);
      expect(found.needed.memoryBytes / (100 * MIB)).toBeLessThan(share + 0.02);
      expect(found.chosen.sizes.memoryBytes / found.needed.memoryBytes).toBeGreaterThanOrEqual(1.2);
      expect(found.chosen.sizes.memoryBytes / found.needed.memoryBytes).toBeLessThan(1.25);
    }
  });

  test('looks at the busiest stretch, and only at what came until its end', () => {
    const { window } = plan(question(['hit=0.5']))!;
    expect(window).toEqual({
      fromMs: START_MS + 120 * 60_000,
      toMs: START_MS + 180 * 60_000,
      text: 'the busiest hour',
      requests: 9000,
    });
    const early = plan(
      question(['hit=0.5'], {
        window: (demand) =>
          busiest({ ...demand, requests: new Map([9, 9, 1].entries()) }, 120_000, 'two minutes'),
      }),
    )!;
    expect(early.chosen.report.record.toMs).toBe(START_MS + 120_000);
  });

  test('says what cannot be had, why, and what comes close', () => {
    const fresh = uniformRequests({
      objects: 400,
      bodyBytes: MIB / 4,
      minutes: 180,
      perMinute: () => 60,
      seed: 3,
    }).map((request, i) =>
      // One request in ten is for an image that nobody asked for before.
      i % 10 === 0 ? { ...request, key: 10_000 + i } : request,
    );
    const found = plan(question(['hit=0.95'], { record: madeRecord(fresh) }))!;
    expect(found.unmet).toEqual([target('hit=0.95')]);
    const [first, why] = answerOf(found);
    expect(first).toMatch(
      /^No size meets a hit ratio of at least 95.00 %: in the busiest hour \(.*\) the hit ratio is at most 90.00 %/,
    );
    expect(why).toContain('10.00 % are for images asked for the first time');
    expect(found.chosen.report.all.hits / found.chosen.report.all.requests).toBeGreaterThan(0.89);
    // What no size meets no row meets.
    expect([...found.sensitivity, ...found.policies].filter(({ meets }) => meets)).toEqual([]);
  });

  test('meets several targets at once, and names the one that drives the size', () => {
    const one = plan(question(['hit=0.5']))!;
    const both = plan(question(['hit=0.5', 'origin-rps=0.3']))!;
    expect(both.needed.memoryBytes).toBeGreaterThan(one.needed.memoryBytes * 1.5);
    expect(both.chosen.report.origin.requestsPerS.peakMinute).toBeLessThanOrEqual(0.3);
    expect(answerOf(both).find((sentence) => sentence.startsWith('The number that drives'))).toContain(
      'is the load of the origins in the busiest minute, of all targets: ',
    );
    const none = plan(question(['premature=0']))!;
    expect(none.needed.memoryBytes / (100 * MIB)).toBeGreaterThan(0.97);
  });

  test('more memory never does worse, and a tenth less is told', () => {
    const found = plan(question(['hit=0.8']))!;
    const ratios = found.sensitivity.map(({ report }) => report.all.hits / report.all.requests);
    expect(found.sensitivity.map(({ factor }) => factor)).toEqual([0.5, 0.75, 0.9, 1, 1.25, 2]);
    expect(ratios).toEqual(ratios.toSorted((a, b) => a - b));
    expect(answerOf(found)).toContainEqual(
      expect.stringMatching(
        /^A tenth less \(\d+(\.\d+)? MiB of memory\) still meets the target, with a hit ratio of 8\d/,
      ),
    );
    expect(found.points.map(({ sizeBytes }) => sizeBytes)).toEqual(
      found.points.map(({ sizeBytes }) => sizeBytes).toSorted((a, b) => a - b),
    );
  });

  test('other sizes are what they are called, also at the smallest there is', () => {
    const found = plan(question(['hit=0.01']))!;
    const chosen = found.chosen.sizes.memoryBytes;
    expect(chosen).toBe(5 * MIB);
    expect(found.sensitivity.map(({ factor, sizes }) => sizes.memoryBytes - factor * chosen)).toEqual(
      found.sensitivity.map(() => 0),
    );
    expect(sizesTable(found).rows.map(({ cells }) => cells.slice(0, 2))).toEqual([
      ['-20 %', '4 MiB'],
      ['-10 %', '4.5 MiB'],
      ['chosen', '5 MiB'],
      ['+25 %', '6.25 MiB'],
      ['+100 %', '10 MiB'],
    ]);
  });

  test('writes sizes that a configuration takes', () => {
    const found = plan(question(['hit=0.8']))!;
    expect(yamlOf(found)).toMatch(/^cache:\n {2}memory: \{ size: \d+MiB, policy: lru \}\n$/);
    const tiny = plan(question(['hit=0.01']))!;
    expect(yamlOf(tiny)).toContain('size: 5MiB');
    expect(answerOf(tiny).join(' ')).toContain('Nothing drives that size');
  });

  test('takes the policy that needs clearly less, of those that may be taken', () => {
    // A made difference: gdsf is as good as lru with twice the memory.
    const replay: PlanQuestion['replay'] = (record, nodes, options) =>
      naiveReplay(
        record,
        nodes.map((node) =>
          node.memory.policy === 'gdsf'
            ? { ...node, memory: { ...node.memory, sizeBytes: node.memory.sizeBytes * 2 } }
            : node,
        ),
        options,
      );
    const free = plan(
      question(['hit=0.8'], { replay, policies: ['lru', 'gdsf', 'fifo'], allPolicies: POLICY_NAMES }),
    )!;
    expect(free.policy).toBe('gdsf');
    expect(free.needed.memoryBytes / (100 * MIB)).toBeLessThan(0.42);
    expect(free.policies.map(({ name }) => name)).toEqual([...POLICY_NAMES]);
    // Its search ended at what lru needs; the table goes further.
    const harder = plan(
      question(['hit=0.97'], { replay, policies: ['lru', 'gdsf'], allPolicies: ['lru', 'gdsf'] }),
    )!;
    expect(harder.policy).toBe('gdsf');
    expect(answerOf(harder).join(' ')).toMatch(/98.00 % takes [0-9.]+ MiB before the margin/);
    const top = harder.points.at(-1)!;
    const cutShort = { ...harder, points: harder.points.filter(({ hitRatio }) => hitRatio < 0.98) };
    expect(top.hitRatio).toBeGreaterThan(0.98);
    expect(answerOf(cutShort).join(' ')).toMatch(/98.00 % takes [0-9.]+ MiB before the margin/);
    expect(plan(question(['hit=0.8'], { replay, policies: ['lru'] }))!.policy).toBe('lru');
  });

  test('takes the policy that is ahead at the chosen size, though it needs hardly less', () => {
    // A made difference: gdsf is as good as lru with an eighth more memory, but only with more than it needs.
    const replay: PlanQuestion['replay'] = (record, nodes, options) =>
      naiveReplay(
        record,
        nodes.map((node) => {
          const { policy, sizeBytes } = node.memory;
          const isAhead = policy === 'gdsf' && sizeBytes > 54 * MIB;
          return isAhead ? { ...node, memory: { ...node.memory, sizeBytes: sizeBytes * 1.125 } } : node;
        }),
        options,
      );
    const policies = ['lru', 'gdsf', 'fifo'] as const;
    const free = plan(question(['hit=0.5'], { replay, policies, allPolicies: policies }))!;
    expect(free.policy).toBe('gdsf');
    const hits = free.policies.map(({ report }) => report.all.hits);
    expect(hits.indexOf(Math.max(...hits))).toBe(1);
    const asked = plan(question(['hit=0.5'], { replay, policies: ['lru'], allPolicies: policies }))!;
    expect(asked.policy).toBe('lru');
    expect(answerOf(asked).join(' ')).toContain('none is worse than it. But lru is what was asked for');
  });

  test('a disk takes what memory need not hold, unless memory is enough', () => {
    const found = plan(question(['hit=0.9'], { disk: true }))!;
    expect(found.disk).toBe('needed');
    expect(found.needed.memoryBytes / (100 * MIB)).toBeLessThan(0.75);
    expect(found.chosen.report.all.hits / found.chosen.report.all.requests).toBeGreaterThanOrEqual(0.9);
    expect(yamlOf(found)).toMatch(/\n {2}disk: \{ path: \S+, size: \d+MiB \}\n$/);
    const easy = plan(question(['memory-hit=0.9', 'hit=0.9'], { disk: true }))!;
    expect(easy.disk).toBe('no-difference');
    expect(answerOf(easy).join(' ')).toContain('A disk makes no difference');
  });

  test('compares policies for both tiers, also where any of them does with the least memory', () => {
    // A made difference: below gdsf a disk is worth twice as much.
    const replay: PlanQuestion['replay'] = (record, nodes, options) =>
      naiveReplay(
        record,
        nodes.map(({ disk, ...node }) => ({
          ...node,
          disk: disk && { ...disk, sizeBytes: disk.sizeBytes * (node.memory.policy === 'gdsf' ? 2 : 1) },
        })),
        options,
      );
    const asked = { replay, disk: true, allPolicies: POLICY_NAMES } as const;
    const targets = ['hit=0.6', 'memory-hit=0.01'];
    const free = plan(question(targets, { ...asked, policies: ['lru', 'fifo', 'gdsf'] }))!;
    const fixed = plan(question(targets, { ...asked, policies: ['gdsf'] }))!;
    expect([free.policy, free.needed]).toEqual(['gdsf', fixed.needed]);
    expect(plan(question(targets, { ...asked, policies: ['lru', 'fifo'] }))!.policy).toBe('lru');
  });

  test('looks on a sample of a long record, and confirms on the whole', () => {
    const rates: (number | undefined)[] = [];
    const replay: PlanQuestion['replay'] = (record, nodes, options) => {
      rates.push(options?.rate);
      return naiveReplay(record, nodes, options);
    };
    const found = plan(
      question(['hit=0.8'], { replay, searchRowsMax: UNIFORM.info.rows / 4, exactRowsMax: 1000 }),
    )!;
    expect(found.chosen.report.all.requests).toBe(9000);
    // What any size can do, what was found, and what is chosen.
    expect(rates.filter((rate) => rate === undefined).length).toBe(3);
    expect(rates.filter((rate) => rate === 0.25).length).toBe(rates.length - 3);
  });

  test('becomes larger where the sample was far too kind, and says so where that does not help', () => {
    const kind =
      (factor: number): PlanQuestion['replay'] =>
      (record, nodes, options) =>
        naiveReplay(
          record,
          nodes.map((node) => {
            const { memory } = node;
            const times = options?.rate === undefined ? 1 : factor;
            return { ...node, memory: { ...memory, sizeBytes: memory.sizeBytes * times } };
          }),
          options,
        );
    const sampled = { searchRowsMax: UNIFORM.info.rows / 4, exactRowsMax: 1000 };
    const found = plan(question(['hit=0.8'], { ...sampled, replay: kind(2) }))!;
    expect(found.chosen.report.all.hits / found.chosen.report.all.requests).toBeGreaterThanOrEqual(0.8);
    const hopeless = plan(question(['hit=0.8'], { ...sampled, replay: kind(8) }))!;
    expect(answerOf(hopeless).join(' ')).toContain(
      'Beware: that misses the hit ratio of at least 80.00 % all the same',
    );
  });

  test('costs follow the prices, and are left out without them', () => {
    const prices = { memory: 4 / 2 ** 30, disk: undefined, egress: 1 / 2 ** 30 };
    const found = plan(question(['hit=0.8'], { prices }))!;
    const [half, full] = [found.sensitivity[0]!, found.sensitivity.find(({ factor }) => factor === 1)!];
    expect(full.cost).toBeGreaterThan((4 * found.chosen.sizes.memoryBytes) / 2 ** 30);
    expect(half.cost).not.toBe(full.cost);
    expect(answerOf(found).join(' ')).toContain('memory at 4/GiB-month');
    expect(plan(question(['hit=0.8']))!.sensitivity.every(({ cost }) => cost === undefined)).toBe(true);
  });

  test('warns of windows that say little', () => {
    const few = uniformRequests({ objects: 50, bodyBytes: MIB, minutes: 30, perMinute: () => 10, seed: 1 });
    const answer = answerOf(plan(question(['hit=0.5'], { record: madeRecord(few) }))!).join(' ');
    expect(answer).toContain('the whole record has only 300 requests');
    expect(answer).toContain('the whole record begins with an empty cache');
    expect(plan(question(['hit=0.5'], { record: madeRecord([]) }))).toBeUndefined();
  });
});

test('windows are counted by the minute', () => {
  const demand = demandOf(UNIFORM);
  expect(demand.requests.size).toBe(180);
  expect(demand.requests.get(0)).toBe(60);
  expect(busiest(demand, 60_000, 'x')).toMatchObject({ fromMs: START_MS + 179 * 60_000, requests: 150 });
  expect(busiest(demand, 1e12, 'x')).toMatchObject({ text: 'the whole record', requests: 16_200 });
  expect(
    [...cut(UNIFORM, { toMs: START_MS + 60_000 }).batches()].reduce((sum, { count }) => sum + count, 0),
  ).toBe(60);
});

test('the busiest stretch is the last of those with the most, wherever nothing was asked for', () => {
  const random = seededRandom(5);
  for (let round = 0; round < 300; round += 1) {
    const counts = Array.from({ length: 1 + (random.u32() % 30) }, () =>
      random.next() < 0.6 ? 0 : (random.u32() % 3) + 1,
    );
    counts.push(1);
    const length = 1 + (random.u32() % 12);
    let most = { start: 0, sum: -1 };
    for (let start = 0; start <= Math.max(0, counts.length - length); start += 1) {
      const sum = counts.slice(start, start + length).reduce((total, count) => total + count, 0);
      if (sum >= most.sum) most = { start, sum };
    }
    const requests = new Map([...counts.entries()].filter(([, count]) => count > 0));
    const demand = { requests, fromMs: 0, bytes: 0, largestBytes: 0 };
    expect(busiest(demand, length * 60_000, 'x')).toMatchObject({
      fromMs: most.start * 60_000,
      requests: most.sum,
    });
  }
});

test('a request with a wrong time costs a plan nothing, and is told', () => {
  const [first] = uniformRequests({ objects: 1, bodyBytes: MIB, minutes: 1, perMinute: () => 1, seed: 1 });
  const few = [
    { ...first!, atMs: 1000 },
    ...uniformRequests({ objects: 50, bodyBytes: MIB, minutes: 30, perMinute: () => 10, seed: 1 }),
  ];
  const record = madeRecord(few);
  expect(demandOf(record).requests.size).toBe(31);
  const found = plan(question(['hit=0.5'], { record, replay: simulate }))!;
  expect(found.window.requests).toBe(300);
  expect(answerOf(found).join(' ')).toContain('the record has nothing from 1970-01-01 to');
});

test('a sample counts what was asked for, also of keys that it does not have', () => {
  const whole = [...UNIFORM.batches()];
  // Every second row, and totals of all.
  const sampled = whole.map((batch) => ({
    ...batch,
    rate: 0.5,
    count: Math.floor(batch.count / 2),
    totals: [{ route: 'all', stratum: 19, requests: batch.count * 3, bodyBytes: 0 }],
  }));
  const demand = demandOf({ info: { ...UNIFORM.info, rateMin: 0.5 }, batches: () => sampled });
  const total = [...demand.requests.values()].reduce((sum, count) => sum + count, 0);
  expect(total).toBeCloseTo(3 * UNIFORM.info.rows, 3);
  const none = demandOf({
    info: { ...UNIFORM.info, rateMin: 0.5 },
    batches: () => sampled.map((batch) => ({ ...batch, count: 0 })),
  });
  expect([...none.requests.values()].reduce((sum, count) => sum + count, 0)).toBeCloseTo(total, 3);
});

test('targets are read, or refused with what to write', () => {
  expect(readTarget('hit=95%')).toEqual({ ok: true, value: { name: 'hit', value: 0.95 } });
  expect(readTarget('origin-bytes=20MiB')).toEqual({
    ok: true,
    value: { name: 'origin-bytes', value: 20 * MIB },
  });
  expect(readTarget('premature=0')).toEqual({ ok: true, value: { name: 'premature', value: 0 } });
  for (const [text, words] of [
    ['hit=95', 'write 95% or 0.95'],
    ['hit=0', 'not a share'],
    ['hit=1.5', 'write'],
    ['hit', 'names no target'],
    ['hits=0.9', 'there is no target "hits"'],
    ['origin-rps=-1', 'not a number'],
    ['origin-rps=', 'not a number'],
    ['origin-bytes=20', 'no unit'],
  ] as const) {
    const read = readTarget(text);
    expect(read.ok ? '' : `${read.reason}; ${read.remedy}`).toContain(words);
  }
});

test('prices are read, or refused with an example', () => {
  const read = readPrice('3.5/GiB-month', true);
  expect(read).toEqual({ ok: true, value: 3.5 / 2 ** 30 });
  expect(readPrice('80/TB-month', true)).toEqual({ ok: true, value: 80 / 1e12 });
  expect(readPrice('0.05/GiB', false)).toEqual({ ok: true, value: 0.05 / 2 ** 30 });
  for (const [text, perMonth, words] of [
    ['3.5', true, '3.5/GiB-month'],
    ['3.5/GiB', true, 'by the month'],
    ['3.5/GiB-month', false, 'not held'],
    ['x/GiB-month', true, 'not a price'],
    ['1/parsec', false, 'not a unit'],
  ] as const) {
    const wrong = readPrice(text, perMonth);
    expect(wrong.ok ? '' : `${wrong.reason}; ${wrong.remedy}`).toContain(words);
  }
  expect([0, 0.001, 3.456, 1234.5].map(moneyText)).toEqual(['0.00', '<0.01', '3.46', '1,235']);
});
