import { afterAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fakeNode } from '../monitor/snapshot.fixture.ts';
import { fakeAdmin } from './admin.fixture.ts';
import { startAdminServer } from './admin.ts';
import { AdminClient, type AdminClientOptions, AdminError } from './admin-client.ts';
import { adminTokenFile, newAdminToken, removeAdminToken, writeAdminToken } from './admin-token.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-admin-'));
const TOKEN = newAdminToken();
const snapshot = fakeNode(1).second(100);
const node = startAdminServer(
  fakeAdmin({ tokens: [{ name: 'admin', token: TOKEN, role: 'operate' }], snapshot: () => snapshot }),
);
/** Stands for whatever else may listen on a port. */
const other = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  fetch: (request) => {
    const path = new URL(request.url).pathname;
    if (path === '/api/status' && request.headers.get('authorization') === 'Bearer html')
      return new Response('<p>');
    if (request.headers.get('authorization') === 'Bearer json') return Response.json({ nowMs: 1 });
    if (request.headers.get('authorization') === 'Bearer moved')
      return Response.redirect('http://example.invalid/');
    return new Promise<Response>(() => undefined);
  },
});
afterAll(async () => {
  await node.stop();
  await other.stop(true);
  rmSync(folder, { recursive: true });
});

const client = (more: Partial<AdminClientOptions> = {}): AdminClient =>
  new AdminClient({
    url: node.url,
    token: undefined,
    env: { HOLDFAST_STATE: folder },
    readFile: (path) => readFile(path, 'utf8'),
    fetch,
    timeoutMs: 30_000,
    ...more,
  });

async function failure(work: () => Promise<unknown>): Promise<{ message: string; remedy: string }> {
  const error = await work().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(AdminError);
  return error as AdminError;
}

describe('the admin client', () => {
  test('downloads piece by piece, and says when that breaks off', async () => {
    const answer = (response: () => Response) =>
      client({ token: 'x', fetch: () => Promise.resolve(response()) });
    const pieces = async (of: AdminClient) => {
      const got: Uint8Array[] = [];
      for await (const piece of await of.download('/api/x')) got.push(piece);
      return Buffer.concat(got).toString();
    };
    expect(await pieces(answer(() => new Response('whole')))).toBe('whole');
    expect(await pieces(answer(() => new Response(null)))).toBe('');
    const broken = answer(
      () =>
        new Response(
          new ReadableStream({
            pull(controller) {
              controller.error(new Error('the connection was closed'));
            },
          }),
        ),
    );
    expect(await failure(() => pieces(broken))).toMatchObject({
      message: `what ${node.url} was sending broke off in the middle`,
      remedy: expect.stringContaining('the log of the node'),
    });
    const denied = answer(() => Response.json({ error: { message: 'no', remedy: 'ask' } }, { status: 403 }));
    expect(await failure(() => pieces(denied))).toMatchObject({
      message: expect.stringContaining('403: no'),
      remedy: 'ask',
    });
  });

  test('finds the token in the flag, then the environment, then the file of the node', async () => {
    const wrong = { HOLDFAST_STATE: folder, HOLDFAST_ADMIN_TOKEN: 'wrong' };
    expect((await client({ token: TOKEN, env: wrong }).status()).nowMs).toBe(snapshot.nowMs);
    expect((await client({ env: { HOLDFAST_ADMIN_TOKEN: TOKEN } }).status()).nowMs).toBe(snapshot.nowMs);
    const path = adminTokenFile({ HOLDFAST_STATE: folder }, node.port)!;
    writeAdminToken(path, TOKEN);
    expect((await client().status()).nowMs).toBe(snapshot.nowMs);
    removeAdminToken(path);
    removeAdminToken(path);
    const missing = await failure(() => client().status());
    expect(missing.message).toBe(`the node at ${node.url} wants its admin token`);
    expect(missing.remedy).toContain(path);
  });

  test('reads the token file again when the token is no longer accepted', async () => {
    const path = adminTokenFile({ HOLDFAST_STATE: folder }, node.port)!;
    writeAdminToken(path, 'of-an-earlier-run');
    const patient = client();
    expect((await failure(() => patient.status())).message).toContain('does not accept this admin token');
    writeAdminToken(path, TOKEN);
    expect((await patient.status()).nowMs).toBe(snapshot.nowMs);
  });

  test.each(['127.0.0.1:PORT', ':PORT', 'http://127.0.0.1:PORT/', 'http://localhost:PORT/api/status'])(
    'understands %s',
    async (form) => {
      const url = form.replace('PORT', String(node.port));
      expect((await client({ url, token: TOKEN }).status()).nowMs).toBe(snapshot.nowMs);
    },
  );

  test.each(['', 'ftp://x', 'http://user:pass@127.0.0.1:9090', 'http://'])(
    'refuses %p as an address',
    (url) => {
      expect(() => client({ url })).toThrow(AdminError);
    },
  );

  test('explains every way in which it can fail', async () => {
    const url = `http://127.0.0.1:${other.port}`;
    const gone = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response() });
    await gone.stop(true);
    const refused = await failure(() => client({ url: `127.0.0.1:${gone.port}` }).status());
    expect(refused.message).toBe(`nothing listens at http://127.0.0.1:${gone.port}`);
    expect(refused.remedy).toContain('holdfast serve');
    const late = await failure(() => client({ url, token: 'never', timeoutMs: 50 }).status());
    expect(late.message).toBe(`${url} did not answer within 0.05 s`);
    for (const token of ['html', 'json']) {
      expect((await failure(() => client({ url, token }).status())).message).toContain(
        'is not a Holdfast node',
      );
    }
    expect((await failure(() => client({ url, token: 'moved' }).status())).message).toContain('status 302');
    const folderAsFile = { HOLDFAST_STATE: join(folder, 'sub') };
    writeAdminToken(join(folder, 'sub', `admin-${node.port}.token`, 'x'), 'x');
    const unreadable = await failure(() => client({ env: folderAsFile }).status());
    expect(unreadable.message).toContain('cannot read the admin token');
  });

  test('never sends the token through a proxy', async () => {
    const before = process.env['http_proxy'];
    process.env['http_proxy'] = `http://127.0.0.1:${other.port}`;
    try {
      expect((await client({ token: TOKEN }).status()).nowMs).toBe(snapshot.nowMs);
    } finally {
      if (before === undefined) delete process.env['http_proxy'];
      else process.env['http_proxy'] = before;
    }
  });
});

describe('the token file', () => {
  test('has its place by the environment', () => {
    expect(adminTokenFile({ HOLDFAST_STATE: '/s', XDG_STATE_HOME: '/x', HOME: '/h' }, 1)).toBe(
      '/s/admin-1.token',
    );
    expect(adminTokenFile({ XDG_STATE_HOME: '/x', HOME: '/h' }, 2)).toBe('/x/holdfast/admin-2.token');
    expect(adminTokenFile({ HOME: '/h' }, 3)).toBe('/h/.local/state/holdfast/admin-3.token');
    expect(adminTokenFile({}, 4)).toBeUndefined();
  });

  test('is for its owner only, replaces an older one, and leaves no draft', () => {
    const path = join(folder, 'deep', 'er', 'admin-1.token');
    writeAdminToken(path, 'first');
    writeAdminToken(path, 'second');
    expect(readFileSync(path, 'utf8')).toBe('second\n');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'deep')).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(folder, 'deep', 'er'))).toEqual(['admin-1.token']);
    expect(newAdminToken()).toMatch(/^[\w-]{43}$/);
    expect(newAdminToken()).not.toBe(newAdminToken());
  });
});
