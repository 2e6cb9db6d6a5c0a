import { afterAll, expect, test } from 'bun:test';
import { startTestNode } from '../../test/support/node.ts';
import { startOriginServer } from '../../test/support/origin-server.ts';
import { validateConfig } from '../config/validate.ts';
import type { Node } from './node.ts';

/** Protected origins in a whole node, over sockets on 127.0.0.1. */

const faults: string[] = [];
const main = startOriginServer();
const spare = startOriginServer();
/** Nothing listens there on any machine that is fit to run tests. */
const REFUSING = 'http://127.0.0.1:1';
const node = start();
afterAll(async () => {
  await node.stop(0);
  await main.stop();
  await spare.stop();
  expect(faults).toEqual([]);
});

function start(): Node {
  const text = `version: 1
server: { listen: '127.0.0.1:0' }
admin: { listen: '127.0.0.1:0' }
origins:
  main: { type: http, url: '${main.url}', connections: 2, health: { path: /5, interval: 1s, timeout: 1s } }
  gone: { type: http, url: '${REFUSING}', retry: { max: 0 }, breaker: { consecutive: 3, openFor: 10m, maxOpenFor: 10m } }
  spare: { type: http, url: '${spare.url}' }
routes:
  - { name: bridged, origin: gone, failover: [spare], match: { paths: [/bridged/*] }, stripPrefix: /bridged }
  - { name: lost, origin: gone, match: { paths: [/lost/*] }, stripPrefix: /lost }
  - { name: well, origin: main }
`;
  const result = validateConfig(text, { file: 'guards.yaml', env: {} });
  if (!result.ok) throw new Error(result.problems.map(({ reason }) => reason).join('; '));
  return startTestNode(result.config, faults);
}

async function metrics(): Promise<string> {
  const response = await fetch(`${node.adminUrl}/metrics`, {
    headers: { authorization: 'Bearer a-token-for-tests' },
  });
  return await response.text();
}

test('more requests than connections are answered, in turn', async () => {
  let [running, most] = [0, 0];
  main.set({
    before: async ({ path }) => {
      if (path === '/5') return;
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
    },
  });
  const all = await Promise.all(
    Array.from({ length: 20 }, async (_, i) => {
      const response = await fetch(`${node.url}/1000/${i}.jpg`);
      const body = await response.bytes();
      return [response.status, Buffer.compare(body, main.bodyFor(`/1000/${i}.jpg`))];
    }),
  );
  expect(all).toEqual(all.map(() => [200, 0]));
  expect(most).toBeWithin(1, 3);
  expect(await metrics()).toContain('holdfast_origin_queue_seconds_count{origin="main"} 20\n');
});

test('an origin that is gone is bridged by another, and left alone', async () => {
  for (let i = 0; i < 5; i += 1) {
    const response = await fetch(`${node.url}/bridged/100/${i}.jpg`);
    const body = await response.bytes();
    expect([response.status, body.length]).toEqual([200, 100]);
  }
  const lost = await fetch(`${node.url}/lost/100/1.jpg`);
  expect([lost.status, lost.headers.get('cache-status'), lost.headers.get('retry-after')]).toEqual([
    503,
    'Holdfast; detail=origin-circuit-open',
    expect.stringMatching(/^[45]\d\d|600$/),
  ]);
  await lost.text();
  const text = await metrics();
  for (const line of [
    'holdfast_origin_failovers_total{origin="gone"} 5',
    'holdfast_origin_failures_total{origin="gone",cause="refused"} 3',
    'holdfast_origin_failures_total{origin="gone",cause="circuit-open"} 3',
    'holdfast_origin_circuit_state{origin="gone"} 2',
    'holdfast_origin_circuit_state{origin="spare"} 0',
    'holdfast_origin_requests_total{origin="spare"} 5',
    'holdfast_retrieval_failures_total{route="lost",cause="origin-circuit-open"} 1',
  ])
    expect(text).toContain(`${line}\n`);
  expect(text).not.toContain('holdfast_retrieval_failures_total{route="bridged"');
  expect(node.snapshot()).toMatchObject({
    retrievalFailures: { 'origin-circuit-open': 1 },
    fetches: 0,
    origins: [{ circuit: 'closed', healthy: true, waiting: 0 }, { circuit: 'open', failovers: 5 }, {}],
  });
});

test('the health of an origin is asked for', async () => {
  while (main.requests('/5') === 0) await new Promise((resolve) => setImmediate(resolve));
  expect(await metrics()).toContain('holdfast_origin_healthy{origin="main"} 1\n');
});
