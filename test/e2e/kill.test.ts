import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom } from '../../src/base/random.ts';
import type { Snapshot } from '../../src/monitor/snapshot.ts';
import { endServe, type ServeProcess, serveFolder, startServe } from '../support/serve-process.ts';

/**
 * A whole node with a disk tier is killed (kill -9) at random moments under load and started again: every whole answer has the
 * right bytes, and what had been made durable is served, also with the origin gone. `KILL_ROUNDS=n` and `SEED=n` change the run.
 */
const ROUNDS = Number(process.env['KILL_ROUNDS'] ?? 10);
const SEED = Number(process.env['SEED'] ?? 1);
const TOKEN = 'a-token-for-this-test';
const IMAGES = 60;

const random = seededRandom(SEED);
let folder: string;
let origin: Bun.Server<undefined>;
let isOriginUp = true;
let child: ServeProcess | undefined;

beforeAll(() => {
  folder = serveFolder('kill');
  origin = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: (request) =>
      isOriginUp
        ? new Response(bodyOf(new URL(request.url).pathname), {
            headers: { 'content-type': 'image/jpeg', 'cache-control': 'max-age=1, stale-if-error=86400' },
          })
        : new Response('gone', { status: 503 }),
  });
  writeFileSync(
    join(folder, 'holdfast.yaml'),
    `version: 1
server: { listen: "127.0.0.1:0" }
admin: { listen: "127.0.0.1:0", token: ${TOKEN} }
cache:
  memory: { size: 4MiB }
  disk: { path: disk, size: 64MiB, minFree: 1MB, minFreeInodes: 10 }
origins:
  o: { type: http, url: "http://127.0.0.1:${origin.port}", breaker: { enabled: false } }
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

/** Large ones do not fit the memory tier (a quarter of 4 MiB), and are written as they arrive. */
function bodyOf(path: string): Buffer {
  const seed = Number(/(\d+)/.exec(path)![1]);
  const body = Buffer.alloc(seed % 10 === 0 ? 2_000_000 + seed : 500 + seed * 700);
  for (let i = 0; i + 4 <= body.length; i += 4) body.writeUInt32LE(Math.imul(i + seed, 0x9e37_79b1) >>> 0, i);
  return body;
}

/** Undefined when the admin port was asked too often. */
async function status({ adminUrl }: ServeProcess): Promise<Snapshot['disk']> {
  const response = await fetch(`${adminUrl}/api/status`, { headers: { authorization: `Bearer ${TOKEN}` } });
  return ((await response.json()) as Snapshot).disk;
}

async function until(
  node: ServeProcess,
  is: (disk: NonNullable<Snapshot['disk']>) => boolean,
): Promise<void> {
  for (;;) {
    const disk = await status(node);
    if (disk !== undefined && is(disk)) return;
    await Bun.sleep(20);
  }
}

/** @returns whether it came whole; a whole one with other bytes than the origin's fails the test. */
async function get(node: ServeProcess, path: string): Promise<boolean> {
  try {
    const response = await fetch(node.url + path);
    const body = Buffer.from(await response.arrayBuffer());
    if (response.status !== 200) return false;
    expect([path, body.equals(bodyOf(path))]).toEqual([path, true]);
    return true;
  } catch (error) {
    // Killed meanwhile. What is not about the connection is about the bytes.
    if ((error as Error).message.includes('toEqual')) throw error;
    return false;
  }
}

const path = (image: number): string => `/${image}.jpg`;

test(
  `${ROUNDS} kills, seed ${SEED}`,
  async () => {
    child = await startServe(folder);
    for (let round = 0; round < ROUNDS; round += 1) {
      const known: string[] = [];
      for (let i = 0; i < 12; i += 1) {
        const one = path(random.u32() % IMAGES);
        if (await get(child, one)) known.push(one);
      }
      await until(child, ({ state, backlogBytes, unsyncedBytes }) => {
        return state === 'ready' && backlogBytes === 0 && unsyncedBytes === 0;
      });

      const node = child;
      const more = Array.from({ length: 24 }, () => path(IMAGES + (random.u32() % IMAGES)));
      const answers = more.map((one) => get(node, one));
      const killAfter = random.u32() % answers.length;
      await answers[killAfter];
      // As the kernel or an operator in despair would.
      await endServe(node, 'SIGKILL');
      await Promise.all(answers);

      isOriginUp = false;
      child = await startServe(folder);
      await until(child, ({ state }) => state === 'ready');
      for (const one of known) expect([one, await get(child, one)]).toEqual([one, true]);
      for (const one of more) await get(child, one);
      expect((await status(child))?.promoted).toBeGreaterThan(0);
      isOriginUp = true;
    }
    // An orderly end seals what is open and leaves nothing half done.
    await endServe(child, 'SIGTERM');
    expect(child.process.exitCode).toBe(0);
    expect(readdirSync(join(folder, 'disk')).sort()).toContain('holdfast.json');
    child = await startServe(folder);
    await until(child, ({ state }) => state === 'ready');
    expect((await status(child))?.damaged).toBe(0);
  },
  { timeout: 600_000 },
);
