import { describe, expect, test } from 'bun:test';
import { Harness } from '../../test/support/harness.ts';
import { Flag } from '../cache/entries.ts';
import { readWarmIndex } from '../simulate/warm-index.ts';
import { fakeAdmin } from './admin.fixture.ts';
import { type AdminOptions, adminHandler } from './admin.ts';
import { liveIndex } from './traffic/live-index.ts';
import type { TimeRange } from './traffic/ring.ts';

const READER = 'a-token-that-may-look';
const OPERATOR = 'a-token-that-may-act!';
const TOKENS = [
  { name: 'r', token: READER, role: 'read' },
  { name: 'o', token: OPERATOR, role: 'operate' },
] as const;

function asking(more: Partial<AdminOptions> = {}) {
  const handle = adminHandler(fakeAdmin({ tokens: TOKENS, ...more }));
  return (path: string, token: string): Promise<Response> =>
    handle(
      new Request(`http://127.0.0.1:9090${path}`, {
        headers: { host: '127.0.0.1:9090', authorization: `Bearer ${token}` },
      }),
      '127.0.0.1',
    );
}

describe('the traffic of a node', () => {
  test('who may look sees how much is recorded, and not what', async () => {
    const denials: string[] = [];
    const ask = asking({ onDenied: (denial) => denials.push(denial) });
    expect(await (await ask('/api/traffic', READER)).json()).toMatchObject({ rows: 1_234_567, rate: 0.5 });
    for (const path of ['/api/traffic/record', '/api/traffic/index']) {
      const answer = await ask(path, READER);
      expect([answer.status, await answer.text()]).toEqual([403, expect.stringContaining('"role"')]);
      expect((await ask(path, OPERATOR)).status).toBe(200);
    }
    expect(denials).toEqual(['role', 'role']);
  });

  test('comes as bytes, of the time that was asked for', async () => {
    const ranges: TimeRange[] = [];
    const ask = asking({
      trafficRecord: async function* (range) {
        ranges.push(range);
        yield Uint8Array.of(1, 2);
        yield Uint8Array.of(3);
      },
    });
    const answer = await ask('/api/traffic/record?from=2026-11-23T17:00:00Z&to=1800000000000', OPERATOR);
    expect(answer.headers.get('content-type')).toBe('application/vnd.holdfast.traffic');
    expect([...new Uint8Array(await answer.arrayBuffer())]).toEqual([1, 2, 3]);
    await (await ask('/api/traffic/record', OPERATOR)).arrayBuffer();
    // Each is looked at before the head is sent.
    expect(ranges.filter((_, index) => index % 2 === 1)).toEqual([
      { fromMs: Date.UTC(2026, 10, 23, 17), toMs: 1_800_000_000_000 },
      { fromMs: 0, toMs: Number.POSITIVE_INFINITY },
    ]);
    for (const query of ['from=yesterday', 'from=2&to=1', 'to=-5']) {
      const refused = await ask(`/api/traffic/record?${query}`, OPERATOR);
      expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining('bad-range')]);
    }
  });

  test('that cannot be read is told before the head is sent, and behind it in the log', async () => {
    const faults: string[] = [];
    const gone = Object.assign(new Error('ENOENT: no such file'), { code: 'ENOENT' });
    let pieces = 0;
    const ask = asking({
      onFault: (path, error) => faults.push(`${path} ${(error as { code: string }).code}`),
      trafficRecord: async function* () {
        for (let i = 0; i < pieces; i += 1) yield Uint8Array.of(i);
        throw gone;
      },
    });
    const answer = await ask('/api/traffic/record', OPERATOR);
    expect([answer.status, await answer.text()]).toEqual([
      503,
      expect.stringContaining('is not there any more'),
    ]);
    pieces = 1;
    const broken = await ask('/api/traffic/record', OPERATOR);
    expect(broken.status).toBe(200);
    expect(await broken.arrayBuffer().catch(({ code }) => code)).toBe('ENOENT');
    expect(faults).toEqual(['/api/traffic/record ENOENT', '/api/traffic/record ENOENT']);
  });

  test('is not there where it is not recorded', async () => {
    const ask = asking({ traffic: () => undefined });
    for (const path of ['/api/traffic', '/api/traffic/record']) {
      const answer = await ask(path, OPERATOR);
      expect([answer.status, await answer.text()]).toEqual([404, expect.stringContaining('traffic.record')]);
    }
  });
});

test('the index of a node is read again as what it holds, coldest first', async () => {
  // The first two numbers are the key of the index.
  const numbers = [1, 2];
  const random = { u32: () => numbers.shift() ?? 7, next: () => 0.5 };
  const h = new Harness({ random, policy: 'lru', records: true, route: 'key: { host: true }' });
  const fields = { 'cache-control': 'max-age=3600', etag: '"1"' };
  for (let i = 0; i < 2500; i += 1) h.fill(`/${i}`, { fields }, Buffer.alloc(i));
  h.fill('/vary', { fields: { ...fields, vary: 'accept' } }, 'x', { fields: { accept: 'image/webp' } });
  h.ask('/0');
  const recorded = new Map<string, string>();
  h.traffic!.listen({
    onBatch: ({ count, keyLo, keyHi, bodyBytes, besideBytes }) => {
      for (let i = 0; i < count; i += 1)
        recorded.set(`${keyLo[i]} ${keyHi[i]}`, `${bodyBytes[i]} ${bodyBytes[i]! + besideBytes[i]!}`);
    },
  });
  h.traffic!.drain();
  let text = '';
  let turns = 0;
  for await (const piece of liveIndex({
    tier: h.tier,
    disk: undefined,
    hashKey: { k0: 1, k1: 2 },
    nowMs: () => 77,
    turn: async () => {
      turns += 1;
    },
    routeNames: ['r'],
    keyHost: () => true,
  }))
    text += piece;
  const { takenAtMs, entries } = readWarmIndex(text, 'index');
  expect([takenAtMs, turns]).toEqual([77, 3]);
  expect(entries.map(({ bodyBytes }) => bodyBytes).slice(0, 3)).toEqual([1, 2, 3]);
  expect(entries.at(-1)!.bodyBytes).toBe(0);
  const held = new Map(entries.map((e) => [`${e.keyLo} ${e.keyHi}`, `${e.bodyBytes} ${e.recordBytes}`]));
  expect(held).toEqual(recorded);
  expect(entries[0]).toMatchObject({ route: 'r', status: 200, flags: Flag.VALIDATOR, tier: 'memory' });
  expect(entries[0]!.freshUntilS - entries[0]!.bornS).toBe(3600);
  for (const [wrong, why] of [
    [text.slice(0, -20), 'damaged'],
    ['{}', 'is not the index of a node'],
    [`${text}[1,2]\n`, 'is no response of an index'],
  ] as const)
    expect(() => readWarmIndex(wrong, 'index')).toThrow(why);
  h.finish();
});
