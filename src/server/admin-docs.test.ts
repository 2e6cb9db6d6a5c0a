import { afterAll, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ADMIN_TOKEN, fakeAdmin } from './admin.fixture.ts';
import { startAdminServer } from './admin.ts';

/** docs/reference/admin.md is written by hand: here it is held to what the server does. */
const page = readFileSync(join(import.meta.dir, '../../docs/reference/admin.md'), 'utf8');
const documented = [...page.matchAll(/^## `([A-Z]+) (\/\S+)`$/gm)].map(([, method, path]) => ({
  method: method!,
  path: path!,
}));

const TOKEN = ADMIN_TOKEN;
const server = startAdminServer(fakeAdmin());
afterAll(() => server.stop());

function ask(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(server.url + path, { headers: { authorization: `Bearer ${TOKEN}` }, ...init });
}

async function problem(answer: Response): Promise<{ code: string; message: string; remedy: string }> {
  return ((await answer.json()) as { error: { code: string; message: string; remedy: string } }).error;
}

test('the headings of docs/reference/admin.md are the paths of the server', async () => {
  const { remedy } = await problem(await ask('/nowhere'));
  expect(remedy).toBe(`Paths are ${documented.map(({ path }) => path).join(', ')}.`);
});

test.each(documented)('$method is what $path takes, with a token where the page says so', async (heading) => {
  const { method, path } = heading;
  const wrong = await ask(path, { method: 'PATCH' });
  expect(wrong.status).toBe(405);
  expect(wrong.headers.get('allow')?.split(', ')).toContain(method);
  const row = page.split('\n').find((line) => line.startsWith(`| [\`${method} ${path}\`]`));
  const needsToken = row?.split(' | ')[1] === 'yes';
  const { status } = await fetch(server.url + path, { method });
  expect(status === 401).toBe(needsToken);
});

test('its examples work as they stand', async () => {
  const examples = [...page.matchAll(/^curl (.*?)http:\/\/127\.0\.0\.1:9090(\/\S+)(?: -d '(.*)')?$/gm)];
  const plain = (path: string): string => path.replace(/\?.*/, '').replace(/\/\d+$/, '/<id>');
  expect(new Set(examples.map(([, , path]) => plain(path!)))).toEqual(
    new Set(documented.map(({ path }) => path)),
  );
  for (const [, options, path, body] of examples) {
    const headers = { authorization: options!.includes('$TOKEN') ? `Bearer ${TOKEN}` : '' };
    const init = body === undefined ? { headers } : { headers, method: 'POST', body };
    expect([path, (await ask(path!, init)).status]).toEqual([path, path === '/api/warm' ? 202 : 200]);
  }
});

test('it names the errors that it should, and the body of its example is one', async () => {
  const answers = await Promise.all([
    ask('/api/purge', { method: 'POST', body: '{}' }),
    ask('/api/memory', { method: 'POST', body: '{}' }),
    ask('/api/warm', { method: 'POST', body: '{}' }),
    ask('/api/warm/77'),
    ask('/api/explain'),
    ask('/api/traffic/record?from=tomorrow'),
    ask('/api/purge', { method: 'POST', body: 'x'.repeat(64 * 1024 + 1) }),
    ask('/metrics', { headers: {} }),
    ask('/metrics', { headers: { authorization: `Bearer ${TOKEN}`, origin: 'https://evil.example' } }),
    ask('/metrics', { headers: { authorization: `Bearer ${TOKEN}`, host: 'evil.example' } }),
    ask('/nowhere'),
    ask('/metrics', { method: 'PUT' }),
  ]);
  for (const answer of answers) {
    const { code } = await problem(answer);
    expect(page).toMatch(new RegExp(`^\\| ${answer.status} \\|.*\`${code}\``, 'm'));
  }
  const told = await problem(await ask('/api/purge', { method: 'POST', body: '{"route": "nope"}' }));
  const example = JSON.parse(/```json\n(.*)\n```/.exec(page)![1]!) as { error: unknown };
  expect(example.error).toEqual(told);
});
