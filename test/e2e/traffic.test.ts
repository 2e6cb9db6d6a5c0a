import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Snapshot } from '../../src/monitor/snapshot.ts';
import { openRecord } from '../../src/traffic/files.ts';
import { rowsOf } from '../../src/traffic/rows.fixture.ts';

/** The traffic record of a whole node in a process of its own: what a kill leaves of it, and what the next run makes of that. */
const ROOT = join(import.meta.dir, '../..');
const TOKEN = 'a-token-for-this-test';

interface Child {
  readonly process: Bun.Subprocess<'ignore', 'pipe', 'pipe'>;
  readonly url: string;
  readonly adminUrl: string;
}

let folder: string;
let origin: Bun.Server<undefined>;
let child: Child | undefined;

beforeAll(() => {
  mkdirSync(join(ROOT, '.holdfast'), { recursive: true });
  folder = mkdtempSync(join(ROOT, '.holdfast', 'traffic-'));
  origin = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: (request) =>
      new Response(Buffer.alloc(Number(/(\d+)/.exec(new URL(request.url).pathname)![1])), {
        headers: { 'content-type': 'image/jpeg', 'cache-control': 'max-age=3600' },
      }),
  });
  writeFileSync(
    join(folder, 'holdfast.yaml'),
    `version: 1
server: { listen: "127.0.0.1:0" }
admin: { listen: "127.0.0.1:0", token: ${TOKEN} }
traffic: { path: record }
origins:
  o: { type: http, url: "http://127.0.0.1:${origin.port}" }
routes:
  - { name: images, origin: o }
`,
  );
});

afterAll(async () => {
  await end(child, 'SIGKILL');
  await origin.stop(true);
  rmSync(folder, { recursive: true, force: true });
});

async function start(): Promise<Child> {
  const started = Bun.spawn(
    [process.execPath, join(ROOT, 'src/main.ts'), 'serve', '-c', join(folder, 'holdfast.yaml')],
    { cwd: folder, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
  );
  let said = '';
  const decoder = new TextDecoder();
  for await (const chunk of started.stdout) {
    said += decoder.decode(chunk);
    const [, url] = /^images +(\S+)/m.exec(said) ?? [];
    const [, adminUrl] = /^admin +(\S+)/m.exec(said) ?? [];
    if (url !== undefined && adminUrl !== undefined && said.includes('traffic  recorded in '))
      return { process: started, url, adminUrl };
  }
  throw new Error(`the node did not start: ${said}${await new Response(started.stderr).text()}`);
}

async function end(victim: Child | undefined, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  victim?.process.kill(signal);
  await victim?.process.exited;
}

async function ask(node: Child, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    const response = await fetch(`${node.url}/${1000 + (i % 10)}.jpg`);
    expect((await response.arrayBuffer()).byteLength).toBe(1000 + (i % 10));
  }
}

async function stored(node: Child): Promise<NonNullable<Snapshot['traffic']>> {
  const response = await fetch(`${node.adminUrl}/api/status`, {
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  return ((await response.json()) as Snapshot).traffic!;
}

test('kill -9 loses the last seconds at most, and the record goes on with the same keys', async () => {
  child = await start();
  await ask(child, 40);
  const none = await stored(child);
  while ((await stored(child)).storedBytes === none.storedBytes) await Bun.sleep(50);
  // These have not been written yet, or just now.
  await ask(child, 15);
  await end(child, 'SIGKILL');
  const left = openRecord(join(folder, 'record'));
  const before = rowsOf(left.batches());
  expect(before.length).toBeGreaterThanOrEqual(40);
  expect(before.length).toBeLessThanOrEqual(55);
  expect(left.info.damage.length).toBeLessThanOrEqual(1);

  child = await start();
  await ask(child, 10);
  await end(child, 'SIGTERM');
  child = undefined;
  const after = rowsOf(openRecord(join(folder, 'record')).batches());
  expect(after).toHaveLength(before.length + 10);
  const keysOf = (rows: typeof after) => new Set(rows.map(({ keyLo, keyHi }) => `${keyLo} ${keyHi}`));
  expect(keysOf(after)).toEqual(keysOf(before));
  expect(keysOf(after).size).toBe(10);
  const outcomes = after.slice(0, 20).map(({ kind }) => kind.outcome);
  expect(outcomes).toEqual([...Array(10).fill('miss'), ...Array(10).fill('hit')]);

  // The secret that the hashes are made with is its owner's alone.
  const key = join(folder, 'record', 'key');
  expect(readFileSync(key, 'utf8')).toMatch(/^[0-9a-f]{16}\n$/);
  expect(statSync(key).mode & 0o777).toBe(0o600);
}, 60_000);
