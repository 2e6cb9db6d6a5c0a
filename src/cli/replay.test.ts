import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock } from '../../test/support/real-clock.ts';
import {
  madeRecord,
  naiveReplay,
  plainNode,
  rowsOf,
  START_MS,
  uniformRequests,
} from '../simulate/naive.fixture.ts';
import { plan as makePlan } from '../simulate/planner/planner.ts';
import { busiest } from '../simulate/planner/window.ts';
import { warmHead, warmLine } from '../simulate/warm-index.ts';
import { batchesOf } from '../traffic/batch.ts';
import { createRecord } from '../traffic/record/files.ts';
import { plan } from './plan.ts';
import { planText } from './plan-text.ts';
import type { ReplayIo } from './replayed.ts';
import { simulate } from './simulate.ts';
import { simulationText } from './simulate-text.ts';

const MIB = 2 ** 20;
const GOLDEN = join(import.meta.dir, 'golden');
const PLAIN = { color: false, isTerminal: false };

/** 160 images of 100 kB, asked for alike for three hours, the last of them the busiest. */
const REQUESTS = uniformRequests({
  objects: 160,
  bodyBytes: 100_000,
  minutes: 180,
  perMinute: (minute) => (minute >= 120 ? 60 : 20),
  seed: 11,
});

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'holdfast-replay-'));
  const writer = createRecord(join(dir, 'made.hft'));
  for (const batch of batchesOf(rowsOf(REQUESTS))) writer.write(batch);
  writer.close();
  for (const [name, size] of [
    ['a', '32MiB'],
    ['b', '8MiB'],
    ['c', '8MiB, policy: lru'],
  ])
    writeFileSync(
      join(dir, `${name}.yaml`),
      `version: 1\ncache: { memory: { size: ${size} } }\norigins: { o: { type: http, url: "http://127.0.0.1" } }\nroutes: [{ name: all, origin: o, ttl: { default: 1d } }]\n`,
    );
  writeFileSync(join(dir, 'broken.hft'), readFileSync(join(dir, 'made.hft')).fill(0, 64));
  writeFileSync(join(dir, 'wrong.yaml'), 'version: 1\ncache: { memory: { size: 32 } }\n');
});
afterAll(() => rmSync(dir, { recursive: true }));

/** @param line its arguments, as they are or with spaces between. */
async function run(
  command: typeof simulate,
  line: readonly string[] | string,
  fetch: ReplayIo['fetch'] = () => Promise.reject(new Error('nobody asks')),
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const written = { out: '', err: '' };
  const io: ReplayIo = {
    out: (text) => {
      written.out += text;
    },
    err: (text) => {
      written.err += text;
    },
    readFile: (path) => readFile(path, 'utf8'),
    writeFile: (path, text, { overwrite }) => writeFile(path, text, { flag: overwrite ? 'w' : 'wx' }),
    pathKind: async (path) => {
      const found = statSync(path, { throwIfNoEntry: false });
      return found === undefined ? 'absent' : found.isDirectory() ? 'directory' : 'file';
    },
    env: {},
    cwd: dir,
    fetch,
    clock: realClock,
    isTty: false,
    outForm: PLAIN,
    collectGarbage: () => undefined,
  };
  const code = await command(typeof line === 'string' ? line.trim().split(' ') : line, io);
  return { code, ...written };
}

describe('holdfast simulate', () => {
  test('puts configurations side by side, and marks what is worse', async () => {
    const { code, out, err } = await run(simulate, 'a.yaml b.yaml --traffic made.hft');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^A {2}a\.yaml\nB {2}b\.yaml$/m);
    expect(out).toMatch(/^ {2}hit ratio +97\.\d\d % +4\d\.\d\d % +-\d\d\.\d\d points worse$/m);
    expect(out).toMatch(/^ {2}premature evictions +0 +[\d,]+ +\+[\d,]+ worse$/m);
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    expect(out).toMatch(/^[\x20-\x7e\n]*$/);
  });

  test('counts from a time on, with or without what came before', async () => {
    const from = new Date(START_MS + 120 * 60_000).toISOString().slice(0, 16);
    const json = async (...args: string[]) => {
      const { code, out } = await run(
        simulate,
        `a.yaml --traffic made.hft --from ${from} --format json ${args.join(' ')}`,
      );
      expect(code).toBe(0);
      return JSON.parse(out)[0];
    };
    const warm = await json();
    expect(warm.all).toMatchObject({ requests: 3600, hits: 3600 });
    const cold = await json('--cold');
    expect(cold.all).toMatchObject({ requests: 3600, missReasons: { first: 160 } });
    const to = new Date(START_MS + 150 * 60_000).toISOString().slice(0, 16);
    expect((await json('--to', to)).all.requests).toBe(1800);
    const { out } = await run(simulate, `a.yaml --traffic made.hft --from ${from}`);
    expect(out.replace(/\s+/g, ' ')).toContain(`counted from ${from}Z on`);
    expect(warm.minutes.requests.length).toBe(60);
  });

  test('stresses a record', async () => {
    const json = async (...args: string[]) =>
      JSON.parse((await run(simulate, `a.yaml --traffic made.hft --format json ${args.join(' ')}`)).out)[0];
    expect((await json('--stress', 'growth=2')).all.requests).toBe(2 * REQUESTS.length);
    const larger = await json('--stress', 'catalogue=2,peak=2');
    expect(larger.all.requests).toBe(REQUESTS.length);
    expect(larger.all.missReasons.first).toBe(320);
    expect(larger.minutes.requests.length).toBeLessThanOrEqual(91);
  });

  test('draws', async () => {
    const { code } = await run(simulate, 'b.yaml c.yaml --traffic made.hft --html out.html --svg .');
    expect(code).toBe(0);
    const html = readFileSync(join(dir, 'out.html'), 'utf8');
    expect(html).toContain('<h1>Simulation of A b.yaml, B c.yaml</h1>');
    expect(readdirSync(dir)).toContain('hit-ratio-by-size.svg');
    expect(readFileSync(join(dir, 'hit-ratio-by-size.svg'), 'utf8')).toStartWith('<svg xmlns=');
    const refused = await run(simulate, 'b.yaml --traffic made.hft --svg no/such');
    expect([refused.code, refused.err]).toEqual([
      1,
      'holdfast simulate: --svg no/such is no directory; make it, or name one that is there\n',
    ]);
  });

  test('writes over nothing, and says so before it replays', async () => {
    const replays = '--traffic none.hft';
    writeFileSync(join(dir, 'mine.html'), 'mine');
    mkdirSync(join(dir, 'drawn'));
    writeFileSync(join(dir, 'drawn/mine.svg'), 'mine');
    for (const [command, start] of [
      [simulate, 'a.yaml'],
      [plan, '--target hit=0.5 -c a.yaml'],
    ] as const) {
      const cases = [
        ['--html a.yaml', 'a.yaml exists; nothing is written over it'],
        ['--html mine.html', 'mine.html exists'],
        ['--html no/such.html', 'there is no directory no'],
        ['--svg drawn', '--svg drawn has pictures already, such as mine.svg'],
      ] as const;
      for (const [where, words] of cases) {
        const { code, err } = await run(command, `${start} ${replays} ${where}`);
        expect([where, code]).toEqual([where, 1]);
        expect(err).toContain(words);
      }
    }
    expect(readFileSync(join(dir, 'a.yaml'), 'utf8')).toStartWith('version: 1');
    expect(readFileSync(join(dir, 'mine.html'), 'utf8')).toBe('mine');
  });

  test('refuses what it cannot use, in a sentence', async () => {
    const cases: [string[], number, string][] = [
      [[], 2, 'name at least one configuration'],
      [['none.yaml', '--traffic', 'made.hft'], 2, 'Cannot read none.yaml'],
      [['wrong.yaml', '--traffic', 'made.hft'], 2, 'wrong.yaml:2'],
      [['a.yaml', '--traffic', 'none.hft'], 2, 'is no traffic record'],
      [['a.yaml', '--traffic', 'a.yaml'], 2, 'a.yaml'],
      [['a.yaml', '--traffic', 'made.hft', '--format', 'xml'], 2, 'write text or json'],
      [['a.yaml', '--traffic', 'made.hft', '--stress', 'peak'], 2, 'write one of peak=2'],
      [['a.yaml', '--traffic', 'made.hft', '--stress', 'peak=0.5'], 2, 'from 1 to 100'],
      [['a.yaml', '--traffic', 'made.hft', '--stress', 'peak=-1'], 2, 'from 1 to 100'],
      [['a.yaml', '--traffic', 'made.hft', '--stress', 'growth=1e9'], 2, 'from 1 to 100'],
      [['a.yaml', '--traffic', 'made.hft', '--stress', 'node-lost=1.5'], 2, 'whole number'],
      [['a.yaml', '--traffic', 'made.hft', '--from', 'noon'], 2, '--from noon is no time'],
      [
        ['a.yaml', '--traffic', 'made.hft', '--from', '2026-01-02', '--to', '2026-01-01'],
        2,
        '--from is not before --to',
      ],
      [
        ['a.yaml', '--traffic', 'made.hft', '--from', '2030-01-01'],
        1,
        'no requests in that time (--from 2030',
      ],
      [['a.yaml', '--traffic', 'broken.hft'], 2, 'broken.hft can be read'],
      [['a.yaml', '--colour'], 2, 'there is no option --colour'],
      [['a.yaml', '--html'], 2, '--html needs a value'],
      [['a.yaml', '--cold=1'], 2, '--cold takes no value'],
      [['a.yaml', '--html', '--cold'], 2, '--html needs a value; one that begins with -'],
      [['a.yaml', '--admin', 'ftp://x'], 2, '--admin is not the address of a node. Write it like'],
      [['a.yaml', '--traffic', '\x1b[31mred.hft'], 2, '?[31mred.hft'],
      [['\x1b[31mred.yaml', '--traffic', 'made.hft'], 2, 'Cannot read ?[31mred.yaml: there is no such file'],
      [['a.yaml'], 1, 'cannot talk to'],
    ];
    for (const [args, code, words] of cases) {
      const result = await run(simulate, args);
      expect([args, result.code, result.out]).toEqual([args, code, '']);
      expect(result.err).toContain(words);
      expect(result.err).not.toMatch(/\x1b|ENOENT|errno/);
    }
    expect((await run(simulate, '--help')).out).toContain('holdfast simulate A.yaml [B.yaml]');
  });
});

describe('holdfast plan', () => {
  test('answers with sizes, reasons and lines to write', async () => {
    const { code, out, err } = await run(plan, '--target hit=0.8 --traffic made.hft -c a.yaml --policy lru');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^Configure \d\d(\.\d)? MiB of memory with the policy lru: in the busiest hour/);
    expect(out).toContain('The number that drives the size is the hit ratio');
    expect(out).toMatch(/^ {4}memory: \{ size: \d+MiB, policy: lru \}$/m);
    expect(out).toMatch(/^> chosen +\d+/m);
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  test('ends with 1 when no size will do, and says why', async () => {
    const window = `${new Date(START_MS).toISOString().slice(0, 16)}/${new Date(START_MS + 3_600_000).toISOString().slice(0, 16)}`;
    const { code, out } = await run(plan, `--target hit=99% --at ${window} --traffic made.hft -c a.yaml`);
    expect(code).toBe(1);
    expect(out).toMatch(/^No size meets a hit ratio of at least 99.00 %/);
    expect(out).toContain('are for images asked for the first time');
  });

  test('says when the record is damaged, and when no configuration was named', async () => {
    const bytes = readFileSync(join(dir, 'made.hft'));
    writeFileSync(join(dir, 'torn.hft'), bytes.subarray(0, bytes.length - 20));
    const args = '--target hit=0.5 --at all --traffic';
    const flat = (text: string) => text.replace(/\s+/g, ' ');
    const torn = await run(plan, `${args} torn.hft -c a.yaml`);
    expect(flat(torn.out)).toMatch(/Beware: not all of the record could be read: torn\.hft: torn at its end/);
    expect(flat(torn.out)).not.toContain('No configuration was named');
    const whole = await run(plan, `${args} made.hft`);
    expect(flat(whole.out)).toContain('Add its file: --config holdfast.yaml');
    expect(flat(whole.out)).not.toContain('could be read');
  });

  test('a plan for growth needs as much more', async () => {
    const needed = async (...args: string[]) =>
      JSON.parse(
        (
          await run(
            plan,
            `--target hit=0.8 --traffic made.hft -c c.yaml --policy lru --format json ${args.join(' ')}`,
          )
        ).out,
      ).needed.memoryBytes;
    const now = await needed();
    expect(await needed('--growth', '100%')).toBeGreaterThan(1.8 * now);
    expect(now / MIB).toBeGreaterThan(11);
    expect(now / MIB).toBeLessThan(14);
  });

  test('draws a page', async () => {
    const { code } = await run(
      plan,
      '--target hit=0.5 --traffic made.hft --html plan.html --price-memory 4/GiB-month',
    );
    expect(code).toBe(0);
    const html = readFileSync(join(dir, 'plan.html'), 'utf8');
    expect(html).toContain('<h1>Plan for hit ratio of at least 50.00 %</h1>');
    expect(html).toContain('a month');
  });

  test('refuses what it cannot use, in a sentence', async () => {
    const cases: [string[], number, string][] = [
      [[], 2, '--target hit=0.95'],
      [['--target', 'hit=95'], 2, 'write 95% or 0.95'],
      [['--target', 'hit=0.9', '--at', 'noon'], 2, 'write peak, peak=10m'],
      [['--target', 'hit=0.9', '--at', 'peak=10'], 2, 'no unit'],
      [['--target', 'hit=0.9', '--at', 'peak=10s'], 2, 'at least a minute'],
      [['--target', 'hit=0.9', '--at', '2026-01-02/2026-01-01'], 2, 'ends before it begins'],
      [['--target', 'hit=0.9', '--margin', 'much'], 2, 'such as 30%'],
      [['--target', 'hit=0.9', '--growth', 'x'], 2, '--growth x'],
      [['--target', 'hit=0.9', '--growth', '10000%'], 2, 'from 0% to 9900%'],
      [['--target', 'hit=1.5'], 2, 'a share is above 0 and at most 1'],
      [['--target', 'hit=0.9', '--growth=30'], 2, 'write 30% or 0.3'],
      [['--target', 'hit=0.9', '--margin', '20'], 2, 'write 20% or 0.2'],
      [['--target', 'hit=0.9', '--policy', 'mru'], 2, 'there are greedy-dual'],
      [['--target', 'hit=0.9', '--price-memory', '3'], 2, '3.5/GiB-month'],
      [['extra', '--target', 'hit=0.9'], 2, 'extra is one argument too many'],
      [
        ['--target', 'hit=0.9', '--at', '2020-01-01/2020-01-02', '--traffic', 'made.hft'],
        1,
        'no requests in that time',
      ],
      [['--target', 'hit=0.9', '--origin-rps', 'x'], 2, 'origin-rps'],
    ];
    for (const [args, code, words] of cases) {
      const result = await run(plan, args);
      expect([args, result.code, result.out]).toEqual([args, code, '']);
      expect(result.err).toContain(words);
    }
    expect((await run(plan, '--help')).out).toContain('holdfast plan --target hit=0.95');
  });
});

// Figures of the simplest simulator there is, so that only the form is held here.
test('the terminal forms are as they were', async () => {
  const record = madeRecord(REQUESTS, 'made.hft');
  const reports = naiveReplay(record, [
    plainNode(32 * MIB, 'a.yaml'),
    plainNode(8 * MIB, 'b.yaml'),
    plainNode(16 * MIB, 'c.yaml'),
  ]);
  const answer = makePlan({
    record,
    node: plainNode(8 * MIB),
    targets: [{ name: 'hit', value: 0.8 }],
    window: (demand) => busiest(demand, 3_600_000, 'the busiest hour'),
    policies: ['lru'],
    allPolicies: ['lru'],
    disk: false,
    margin: 0.2,
    prices: { memory: 4 / 2 ** 30, disk: undefined, egress: undefined },
    searchRowsMax: 1e9,
    exactRowsMax: 1e9,
    replay: naiveReplay,
  })!;
  const forms = {
    'simulate-one.txt': simulationText(reports.slice(0, 1), PLAIN),
    'simulate-two.txt': simulationText(reports.slice(0, 2), { color: false, isTerminal: true }),
    'simulate-three.txt': simulationText(reports, PLAIN),
    'plan.txt': planText(answer, PLAIN),
  };
  for (const [name, text] of Object.entries(forms)) {
    const path = join(GOLDEN, name);
    if (process.env['HOLDFAST_WRITE_GOLDEN'] === '1') await writeFile(path, text);
    expect(text).toBe(await readFile(path, 'utf8'));
  }
});

/** A response that the record has no request for. */
const FOREIGN = {
  ...{ keyLo: 1, keyHi: 1, route: 'all', status: 200, recordBytes: 100_400, bodyBytes: 100_000 },
  ...{ bornS: 1, freshUntilS: 2, revalidateUntilS: 2, errorUntilS: 2, storedS: 1, flags: 0 },
  tier: 'memory',
} as const;
test('no number and no mark is cut, however many columns there are', () => {
  const record = madeRecord(REQUESTS, 'made.hft');
  const sizes = [16, 8, 12, 10, 9, 11, 7];
  const reports = naiveReplay(
    record,
    sizes.map((size) => plainNode(size * MIB, `${size}.yaml`)),
  ).map((report) => ({ ...report, memory: { ...report.memory, evictions: 1_234_567_890_123 } }));
  const text = simulationText(reports, PLAIN);
  for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  expect(text.match(/1,234,567,890,123/g)?.length).toBe(sizes.length);
  for (const letter of 'ABCDEFG') expect(text).toMatch(new RegExp(`^Served .*\\b${letter}\\b`, 'm'));
  const answer = makePlan({
    record,
    node: plainNode(8 * MIB),
    targets: [
      { name: 'hit', value: 0.8 },
      { name: 'memory-hit', value: 0.1 },
    ],
    window: (demand) => busiest(demand, 3_600_000, 'the busiest hour'),
    policies: ['lru'],
    allPolicies: ['lru'],
    disk: true,
    margin: 0.2,
    prices: { memory: 4_000_000 / 2 ** 30, disk: undefined, egress: undefined },
    searchRowsMax: 1e9,
    exactRowsMax: 1e9,
    replay: naiveReplay,
  })!;
  const planned = planText(answer, PLAIN).split('\n');
  for (const line of planned) expect(line.length).toBeLessThanOrEqual(80);
  expect(planned.some((line) => /^ {2}-\d+ %.*\d {2}missed$/.test(line))).toBe(true);
  expect(planned.some((line) => / a month$/.test(line))).toBe(true);
});

describe('a running node', () => {
  /** Answers as its admin port does. */
  const node: ReplayIo['fetch'] = async (url) => {
    const { pathname } = new URL(url);
    if (pathname === '/api/traffic/record') return new Response(readFileSync(join(dir, 'made.hft')));
    // It holds every image, and the time is a day after the record.
    const takenAtMs = START_MS + 86_400_000;
    const atS = Math.floor(takenAtMs / 1000);
    const held = new Map(rowsOf(REQUESTS).map((row) => [row.keyLo, row]));
    const lines = [...held.values()].map(({ keyLo, keyHi }) =>
      warmLine({
        keyLo,
        keyHi,
        route: 'all',
        status: 200,
        recordBytes: 100_400,
        bodyBytes: 100_000,
        bornS: atS - 60,
        freshUntilS: atS + 86_000,
        revalidateUntilS: atS + 86_000,
        errorUntilS: atS + 86_000,
        storedS: atS - 60,
        flags: 0,
        tier: 'memory',
      }),
    );
    return new Response(warmHead(takenAtMs) + lines.join(''));
  };

  test('lends its record and what it holds', async () => {
    const args = ['a.yaml', '--admin', '127.0.0.1:9', '--token', 'x', '--format', 'json'];
    // What it holds now knows the whole record: nobody begins with that unasked.
    const cold = await run(simulate, args, node);
    expect(cold.err).toBe('');
    expect(JSON.parse(cold.out)[0]).toMatchObject({ start: 'cold', all: { missReasons: { first: 160 } } });
    const warm = await run(simulate, [...args, '--warm', 'node'], node);
    expect(JSON.parse(warm.out)[0]).toMatchObject({
      start: 'warm',
      all: { requests: REQUESTS.length, hits: REQUESTS.length },
    });
    expect(warm.err).toContain('hits look better than they were');
  });

  test('its index can be kept in a file', async () => {
    writeFileSync(join(dir, 'index'), await (await node('http://127.0.0.1/api/traffic/index', {})).text());
    const args = ['a.yaml', '--traffic', 'made.hft', '--warm', 'index', '--format', 'json'];
    expect(JSON.parse((await run(simulate, args)).out)[0].all.hits).toBe(REQUESTS.length);
    writeFileSync(join(dir, 'foreign'), warmHead(START_MS - 1000) + warmLine(FOREIGN));
    const foreign = await run(simulate, 'a.yaml --traffic made.hft --warm foreign');
    expect([foreign.code, foreign.err]).toEqual([
      0,
      expect.stringContaining('no key of the record is among the 1 that the cache begins with'),
    ]);
    const cases = [
      [['a.yaml', '--traffic', 'made.hft', '--warm', 'none'], 'none cannot be read'],
      [['a.yaml', '--traffic', 'made.hft', '--warm', 'a.yaml'], 'a.yaml: line 1 is damaged'],
      [['a.yaml', '--traffic', 'made.hft', '--warm', 'index', '--cold'], 'exclude each other'],
    ] as const;
    for (const [wrong, words] of cases) {
      const { code, err } = await run(simulate, wrong);
      expect(code).toBe(2);
      expect(err).toContain(words);
    }
  });
});
