import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Snapshot } from '../../src/monitor/snapshot.ts';
import { openRecord } from '../../src/traffic/record/files.ts';
import { rowsOf } from '../../src/traffic/rows.fixture.ts';
import { endServe, type ServeProcess, serveFolder, startServe } from '../support/serve-process.ts';

/** The traffic record of a whole node in a process of its own: what a kill leaves of it, and what the next run makes of that. */
const TOKEN = 'a-token-for-this-test';

let folder: string;
let origin: Bun.Server<undefined>;
let child: ServeProcess | undefined;

beforeAll(() => {
  folder = serveFolder('traffic');
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
  await endServe(child, 'SIGKILL');
  await origin.stop(true);
  rmSync(folder, { recursive: true, force: true });
});

async function ask(node: ServeProcess, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    const response = await fetch(`${node.url}/${1000 + (i % 10)}.jpg`);
    expect((await response.arrayBuffer()).byteLength).toBe(1000 + (i % 10));
  }
}

async function stored(node: ServeProcess): Promise<NonNullable<Snapshot['traffic']>> {
  const response = await fetch(`${node.adminUrl}/api/status`, {
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  return ((await response.json()) as Snapshot).traffic!;
}

test('kill -9 loses the last seconds at most, and the record goes on with the same keys', async () => {
  child = await startServe(folder, 'traffic  recorded in ');
  await ask(child, 40);
  const none = await stored(child);
  while ((await stored(child)).storedBytes === none.storedBytes) await Bun.sleep(50);
  // These have not been written yet, or just now.
  await ask(child, 15);
  await endServe(child, 'SIGKILL');
  const left = openRecord(join(folder, 'record'));
  const before = rowsOf(left.batches());
  expect(before.length).toBeGreaterThanOrEqual(40);
  expect(before.length).toBeLessThanOrEqual(55);
  expect(left.info.damage.length).toBeLessThanOrEqual(1);

  child = await startServe(folder, 'traffic  recorded in ');
  await ask(child, 10);
  await endServe(child, 'SIGTERM');
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
