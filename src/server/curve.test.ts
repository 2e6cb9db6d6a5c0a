import { describe, expect, test } from 'bun:test';
import { startTestNode } from '../../test/support/node.ts';
import { startOriginServer } from '../../test/support/origin-server.ts';
import type { ValidConfig } from '../config/config.ts';
import { validateConfig } from '../config/validate.ts';
import { HIT, rowOf } from '../simulate/curves/curves.fixture.ts';
import { batchesOf, statedLife } from '../traffic/batch.ts';
import { ADMIN_TOKEN, fakeAdmin } from './admin.fixture.ts';
import { adminHandler } from './admin.ts';
import { NodeCurve } from './curve.ts';
import { eventually } from './harness.suite.ts';
import { MemoryRing } from './traffic/memory-ring.ts';

function configOf(route = '', origin = 'http://127.0.0.1:1'): ValidConfig {
  const result = validateConfig(
    `version: 1
server: { listen: 127.0.0.1:0 }
admin: { listen: 127.0.0.1:0 }
cache: { memory: { size: 16MiB } }
origins: { web: { type: http, url: '${origin}' } }
routes: [{ name: images, origin: web${route} }]
`,
    { file: 'curve.yaml', env: {} },
  );
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.config;
}

const SILENT = statedLife(undefined);

describe('the curve of a node', () => {
  test('goes by the lifetimes of its routes, and by those of a reload from then on', () => {
    const kind = { ...HIT, outcome: 'miss', tier: 'none' } as const;
    const asks = (fromS: number) =>
      batchesOf([0, 5, 15].map((s) => rowOf(1, 1_000, (fromS + s) * 1000, { kind, life: SILENT })))[0]!;
    const curve = new NodeCurve(configOf(', ttl: { default: 10s }'));
    curve.onBatch(asks(0));
    const hits = () => curve.report(2 ** 24)!.sizes.map(({ objectHitRatio }) => objectHitRatio);
    expect(hits()[1]).toBeCloseTo(1 / 3, 9);
    curve.configure(configOf(', ttl: { default: 1h }'));
    curve.onBatch(asks(1_000));
    expect(hits()[1]).toBeCloseTo(3 / 6, 3);
    expect(curve.report(2 ** 24)!.curve.keys).toBe(1);
  });

  test('there is none without requests, or without a record', async () => {
    expect(new NodeCurve(configOf()).report(2 ** 24)).toBeUndefined();
    const handle = adminHandler(fakeAdmin({ curve: () => undefined }));
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, host: 'localhost' };
    const answer = await handle(new Request('http://localhost/api/curve', { headers }), '127.0.0.1');
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ error: { code: 'no-curve' } });
  });

  test('a node makes it of what it was asked for', async () => {
    const origin = startOriginServer();
    const faults: string[] = [];
    const traffic = { ring: new MemoryRing(2 ** 20, 3_600_000), path: undefined, paths: false };
    const node = startTestNode(configOf(', ttl: { default: 1h }', origin.url), faults, { traffic });
    expect(node.snapshot().curve).toBeUndefined();
    for (const path of ['/a.jpg', '/b.jpg', '/a.jpg', '/a.jpg'])
      await (await fetch(node.url + path)).arrayBuffer();
    await eventually(() => node.snapshot().curve?.requests === 4);
    const headers = { authorization: 'Bearer a-token-for-tests' };
    const report = await (await fetch(`${node.adminUrl}/api/curve`, { headers })).json();
    expect(report).toMatchObject({ requests: 4, curve: { method: 'exact', keys: 2, requests: 4 } });
    expect(node.snapshot().curve!.sizes[1]).toMatchObject({ factor: 1, objectHitRatio: 0.5 });
    const metrics = await (await fetch(`${node.adminUrl}/metrics`, { headers })).text();
    expect(metrics).toContain('holdfast_curve_hit_ratio{factor="2"} 0.5\n');
    await node.stop(0);
    await origin.stop();
    expect(faults).toEqual([]);
  });
});
