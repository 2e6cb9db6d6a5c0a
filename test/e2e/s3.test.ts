import { afterAll, beforeAll, expect, test } from 'bun:test';
import { configForOrigin } from '../../src/config/defaults.ts';
import { validateConfig } from '../../src/config/validate.ts';
import type { Node } from '../../src/server/node.ts';
import { startTestNode } from '../support/node.ts';
import { realClock } from '../support/real-clock.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';

/** A node in front of a bucket, by the starter's own configuration: the whole way, with keys that are revoked meanwhile. */

let server: S3Server;
let node: Node;
const faults: string[] = [];
/** The node's wall clock may be ahead of the server's, within the 15 minutes of a signature. */
let aheadMs = 0;

beforeAll(async () => {
  server = await startS3Server();
  await server.addKeys('AKNODE', 'secret');
  const starter = configForOrigin('s3://images/shop', {
    listen: '127.0.0.1:0',
    adminListen: '127.0.0.1:0',
    memorySize: '64MiB',
    endpoint: server.endpoint,
  });
  if (!starter.ok) throw new Error(starter.reason);
  const text = starter.text.replace('# default: 1h', 'default: 10s');
  const result = validateConfig(text, { file: 'starter', env: {} });
  if (!result.ok) throw new Error(result.problems[0]!.reason);
  node = startTestNode(result.config, faults, {
    env: { AWS_ACCESS_KEY_ID: 'AKNODE', AWS_SECRET_ACCESS_KEY: 'secret' },
    clock: { ...realClock, nowMs: () => Date.now() + aheadMs },
  });
});
afterAll(async () => {
  await node.stop(0);
  await server.stop();
  expect(faults).toEqual([]);
});

const get = (path: string, init?: RequestInit): Promise<Response> => fetch(node.url + path, init);
const cacheStatus = (response: Response): string => response.headers.get('cache-status') ?? '';

test('an object is fetched once, by its key, and served without fields of S3', async () => {
  await server.put('shop/ü/a b+c.jpg', 'an image');
  const miss = await get('/%C3%BC/a%20b+c.jpg?acl');
  expect(await miss.text()).toBe('an image');
  expect(miss.status).toBe(200);
  expect(cacheStatus(miss)).toBe('Holdfast; fwd=uri-miss; fwd-status=200; stored');
  expect(miss.headers.get('content-type')).toBe('image/jpeg');
  expect(miss.headers.get('etag')).toMatch(/^"[0-9a-f]{32}"$/);
  expect([...miss.headers.keys()].filter((name) => name.startsWith('x-amz'))).toEqual([]);
  const hit = await get('/%C3%BC/a%20b+c.jpg?versionId=2');
  expect(await hit.text()).toBe('an image');
  expect(cacheStatus(hit)).toStartWith('Holdfast; hit; ttl=');
});

test('a missing key is a 404 without XML; a listing is never to be had', async () => {
  const got = await get('/nope.jpg');
  expect([got.status, await got.text()]).toEqual([404, '']);
  expect((await get('/..%2Fother.jpg')).status).toBe(400);
  expect((await get('/', { method: 'HEAD' })).status).toBe(404);
});

test('keys that are revoked are our failure: stale copies go on, and no 403 gets out or in', async () => {
  await server.put('shop/kept.jpg', 'kept');
  await server.put('shop/never.jpg', 'never asked for');
  expect((await get('/kept.jpg')).status).toBe(200);
  await server.revokeKeys('AKNODE');
  // Past the time for which it may be served stale while it is fetched: the failure decides.
  aheadMs = 600_000;
  for (let i = 0; i < 3; i += 1) {
    const stale = await get('/kept.jpg');
    expect([stale.status, await stale.text()]).toEqual([200, 'kept']);
    const why = i === 0 ? 'origin-credentials' : 'recent-failure';
    expect(cacheStatus(stale)).toBe(`Holdfast; hit; ttl=-590; detail="stale-if-error ${why}"`);
  }
  const failed = await get('/never.jpg');
  expect(failed.status).toBe(502);
  expect(await failed.text()).toBe('502 The image could not be fetched. (origin-credentials)\n');

  await server.addKeys('AKNODE', 'secret');
  const again = await get('/never.jpg');
  expect([again.status, await again.text()]).toEqual([200, 'never asked for']);
});
