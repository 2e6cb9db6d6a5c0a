import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import type { AdminDenial } from '../monitor/recorder.ts';
import { fakeNode } from '../monitor/snapshot.fixture.ts';
import { ADMIN_TOKEN, fakeAdmin } from './admin.fixture.ts';
import { type AdminOptions, type AdminServer, adminHandler, startAdminServer } from './admin.ts';

const TOKEN = ADMIN_TOKEN;
const snapshot = fakeNode(1).second(100);

function options(more: Partial<AdminOptions> = {}): AdminOptions {
  return fakeAdmin({
    snapshot: () => snapshot,
    metrics: () => 'holdfast_connections 3\n',
    changeMemory: ({ policy = 's3-fifo', ...change }) => ({
      ...fakeNode(1).facts.memory,
      ...change,
      policy: policy === 'auto' ? 'lru' : policy,
    }),
    ...more,
  });
}

interface Problem {
  readonly error: { readonly code: string; readonly message: string; readonly remedy: string };
}

describe('the admin server', () => {
  let server: AdminServer;
  let ready: { ready: boolean; reason?: string } = { ready: true };
  const denials: [AdminDenial, string][] = [];
  beforeAll(() => {
    server = startAdminServer(options({ ready: () => ready, onDenied: (...denial) => denials.push(denial) }));
  });
  afterAll(() => server.stop());
  const get = (
    path: string,
    headers: Record<string, string> = {},
    init: RequestInit = {},
  ): Promise<Response> =>
    fetch(server.url + path, { headers: { authorization: `Bearer ${TOKEN}`, ...headers }, ...init });

  test('answers probes without a token, and readiness as the node says', async () => {
    const bare = { headers: {} };
    expect(await (await fetch(`${server.url}/healthz`, bare)).text()).toBe('ok\n');
    expect((await fetch(`${server.url}/readyz`, bare)).status).toBe(200);
    ready = { ready: false, reason: 'draining' };
    const answer = await fetch(`${server.url}/readyz`, bare);
    expect(answer.status).toBe(503);
    expect(await answer.text()).toBe('not ready: draining\n');
    expect((await fetch(`${server.url}/healthz`, bare)).status).toBe(200);
    ready = { ready: true };
    // A load balancer may probe by any name.
    expect((await fetch(`${server.url}/healthz`, { headers: { host: 'lb.example' } })).status).toBe(200);
  });

  test('gives metrics and status to holders of the token', async () => {
    const metrics = await get('/metrics');
    expect(metrics.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(await metrics.text()).toBe('holdfast_connections 3\n');
    const status = await get('/api/status');
    expect(await status.json()).toEqual(JSON.parse(JSON.stringify(snapshot)));
    expect(status.headers.get('cache-control')).toBe('no-store');
    expect(status.headers.get('cross-origin-resource-policy')).toBe('same-origin');
  });

  test.each([
    ['no token', '/metrics', { authorization: '' }, 401, 'token-missing'],
    ['Basic', '/metrics', { authorization: `Basic ${btoa(`x:${TOKEN}`)}` }, 401, 'token-missing'],
    ['a wrong token', '/api/status', { authorization: `Bearer ${TOKEN}x` }, 401, 'token-wrong'],
    ['an empty path', '/', { authorization: '' }, 401, 'token-missing'],
    ['a rebound name', '/metrics', { host: 'evil.example:9090' }, 421, 'host'],
    ['two hosts', '/metrics', { host: '127.0.0.1, evil.example' }, 421, 'host'],
    ['a page of another site', '/metrics', { origin: 'https://evil.example' }, 403, 'cross-origin'],
    ['a sandboxed page', '/metrics', { origin: 'null' }, 403, 'cross-origin'],
    ['an image tag elsewhere', '/metrics', { 'sec-fetch-site': 'cross-site' }, 403, 'cross-origin'],
    ['a sibling domain', '/metrics', { 'sec-fetch-site': 'same-site' }, 403, 'cross-origin'],
  ] as const)('turns away %s', async (_, path, headers, status, denial) => {
    denials.length = 0;
    const answer = await get(path, headers);
    expect(answer.status).toBe(status);
    const { error } = (await answer.json()) as Problem;
    expect(error.message.length).toBeGreaterThan(10);
    expect(error.remedy.length).toBeGreaterThan(10);
    expect(denials).toEqual([[denial, '127.0.0.1']]);
    if (status === 401) expect(answer.headers.get('www-authenticate')).toStartWith('Bearer');
  });

  test.each([
    ['localhost', { host: 'localhost' }],
    ['a mapped port', { host: '127.0.0.1:19090' }],
    ['IPv6', { host: '[::1]:9090' }],
    [
      'its own page',
      { host: '127.0.0.1:9090', origin: 'http://127.0.0.1:9090', 'sec-fetch-site': 'same-origin' },
    ],
    ['a typed address', { 'sec-fetch-site': 'none' }],
    ['another spelling of the scheme', { authorization: `bearer  ${TOKEN} ` }],
  ])('lets in %s', async (_, headers) => {
    expect((await get('/metrics', headers as unknown as Record<string, string>)).status).toBe(200);
  });

  test('purges what it is told', async () => {
    const purge = (body: string): Promise<Response> => get('/api/purge', {}, { method: 'POST', body });
    for (const body of [
      '{"route": "images"}',
      '{"url": "http://img.example/a.jpg?w=2", "soft": true}',
      '{"prefix": "/a/", "wait": true}',
      '{"tag": "sale-2026"}',
      '{"all": true}',
    ]) {
      expect(await (await purge(body)).json()).toEqual({ id: 3, removed: 7, swept: true, disk: false });
    }
    expect((await purge('{"route": "nope"}')).status).toBe(404);
    for (const body of [
      '',
      '{',
      '[]',
      'null',
      '{}',
      '{"url": "a.jpg"}',
      '{"route": 3}',
      '{"url":"http://a/","route":"b"}',
      '{"all": false}',
      '{"tag": "two words"}',
      '{"tag": "a,b"}',
      '{"prefix": "photos/"}',
      '{"tag": "a", "soft": "yes"}',
      '{"tags": "a"}',
    ]) {
      const answer = await purge(body);
      expect(answer.status).toBe(400);
      expect(((await answer.json()) as Problem).error.code).toBe('bad-purge');
    }
    expect((await get('/api/purge')).status).toBe(405);
  });

  test('changes size and policy of the memory tier', async () => {
    const change = (body: string): Promise<Response> => get('/api/memory', {}, { method: 'POST', body });
    const both = await change('{"size": "1GiB", "policy": "sieve"}');
    expect(await both.json()).toMatchObject({ budgetBytes: 2 ** 30, policy: 'sieve' });
    expect((await change('{"policy": "lru"}')).status).toBe(200);
    expect((await change('{"favour": "bytes"}')).status).toBe(200);
    for (const [body, why] of [
      ['', 'not a JSON object'],
      ['[]', 'not a JSON object'],
      ['{}', 'neither size nor policy nor favour'],
      ['{"favour": "small"}', 'requests, balanced, bytes'],
      ['{"sizes": "1GiB"}', 'no "sizes"'],
      ['{"size": 1000}', 'unit'],
      ['{"size": "1 parsec"}', 'cannot be read'],
      ['{"size": "1MiB"}', 'below 4 MiB'],
      ['{"size": "1TiB"}', 'above the 16 GiB'],
      ['{"policy": "lfu"}', 'greedy-dual, s3-fifo, w-tinylfu, sieve, gdsf, lru, fifo'],
      ['{"size": "1GiB", "policy": 3}', 'not one of'],
    ] as const) {
      const answer = await change(body);
      expect(answer.status).toBe(400);
      expect(((await answer.json()) as Problem).error.message).toContain(why);
    }
    expect((await get('/api/memory')).status).toBe(405);
  });

  test('says what there is instead of an unknown path or method', async () => {
    const unknown = await get('/metricz');
    expect(unknown.status).toBe(404);
    expect(((await unknown.json()) as Problem).error.remedy).toContain('/metrics');
    const put = await get('/metrics', {}, { method: 'PUT', body: 'x' });
    expect(put.status).toBe(405);
    expect(put.headers.get('allow')).toBe('GET, HEAD');
    const head = await get('/api/status', {}, { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(await head.text()).toBe('');
  });

  test('says what is wrong when its port is taken', () => {
    expect(() => startAdminServer(options({ listen: { host: '127.0.0.1', port: server.port } }))).toThrow(
      `the admin server cannot listen on 127.0.0.1:${server.port}: another process listens there`,
    );
  });
});

describe('the admin handler', () => {
  test('shows nothing of an internal fault, and hands it to the log', async () => {
    const faults: unknown[] = [];
    const handle = adminHandler(
      options({
        snapshot: () => {
          throw new Error('SECRET at /etc/passwd:3');
        },
        onFault: (path, error) => faults.push([path, (error as Error).message]),
      }),
    );
    const request = new Request('http://127.0.0.1/api/status', {
      headers: { authorization: `Bearer ${TOKEN}`, host: '127.0.0.1' },
    });
    const answer = await handle(request, '127.0.0.1');
    expect(answer.status).toBe(500);
    expect(await answer.text()).not.toMatch(/SECRET|passwd|\.ts/);
    expect(faults).toEqual([['/api/status', 'SECRET at /etc/passwd:3']]);
  });
});
