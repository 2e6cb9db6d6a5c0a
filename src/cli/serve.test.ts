import { expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock } from '../../test/support/real-clock.ts';
import { FileSink } from '../monitor/sink.ts';
import { startWorker } from '../transform/process.ts';
import { serve } from './serve.ts';
import type { Signal, World } from './world.ts';

const TOKEN = 'a-token-for-this-test';
const FILE = `version: 1
server: { listen: "127.0.0.1:0", drainTimeout: 1s }
admin: { listen: "127.0.0.1:0", token: ${TOKEN} }
origins:
  a: { type: files, root: . }
routes: [{ name: a, origin: a }]
`;

test('SIGHUP reads the file again: what is valid changes, what is not is told, and the node goes on', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-serve-'));
  const file = join(dir, 'holdfast.yaml');
  writeFileSync(file, FILE);
  writeFileSync(join(dir, 'a.jpg'), 'picture');
  const handlers = new Map<Signal, (signal: Signal) => void>();
  const waiters: (() => void)[] = [];
  let text = '';
  const note = (more: string): void => {
    text += more;
    for (const wake of waiters.splice(0)) wake();
  };
  const until = async (part: string): Promise<void> => {
    while (!text.includes(part)) await new Promise<void>((resolve) => void waiters.push(resolve));
  };
  const world: World = {
    out: note,
    err: note,
    log: note,
    readFile: (path) => readFile(path, 'utf8'),
    readFileNow: (path) => readFileSync(path, 'utf8'),
    writeFile: () => Promise.reject(new Error('not asked')),
    pathKind: async (path) =>
      (await stat(path).catch(() => undefined))?.isDirectory() ? 'directory' : 'absent',
    env: {},
    cwd: dir,
    totalMemoryBytes: 2 ** 33,
    isTty: false,
    clock: realClock,
    version: 'test',
    outForm: { isTerminal: false, color: false },
    hashKey: { k0: 1, k1: 2 },
    processors: 1,
    openDirectory: () => Promise.reject(new Error('no disk in this test')),
    platform: 'linux',
    fetch,
    openScreen: () => undefined,
    openSink: (to, onTrouble) => new FileSink({ to, onTrouble }),
    startTransforms: startWorker,
    collectGarbage: () => undefined,
    processUsage: () => ({ residentBytes: 0, cpuSeconds: 0 }),
    onSignal: (signals, fn) => {
      for (const signal of signals) handlers.set(signal, fn);
    },
  };
  const ended = serve(['-c', 'holdfast.yaml'], world);
  await until('images   http');
  const url = /images {3}(\S+)/.exec(text)![1]!;
  expect(await (await fetch(`${url}/a.jpg`)).text()).toBe('picture');

  writeFileSync(
    file,
    `${FILE}cache: { memory: { size: 8MiB } }\nlog: { level: error, access: { to: access.log } }\n`,
  );
  handlers.get('SIGHUP')!('SIGHUP');
  // The level is of the file that was just read: an information is no longer written.
  await until('SIGHUP: log files');
  await eventually(async () => (await status(text)).memory.budgetBytes === 8 * 2 ** 20);

  writeFileSync(file, FILE.replace('name: a', 'nam: a'));
  handlers.get('SIGHUP')!('SIGHUP');
  await until('the configuration was not reloaded');
  expect(text).toContain('reload refused');
  expect(text).not.toContain(TOKEN);
  expect(await (await fetch(`${url}/a.jpg`)).text()).toBe('picture');
  handlers.get('SIGTERM')!('SIGTERM');
  expect(await ended).toBe(0);
  expect(readFileSync(join(dir, 'access.log'), 'utf8')).toContain('/a.jpg');
  rmSync(dir, { recursive: true });
}, 20_000);

async function status(text: string): Promise<{ memory: { budgetBytes: number } }> {
  const admin = /admin {4}(\S+)/.exec(text)![1]!;
  const answer = await fetch(`${admin}/api/status`, { headers: { authorization: `Bearer ${TOKEN}` } });
  return (await answer.json()) as { memory: { budgetBytes: number } };
}

async function eventually(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setImmediate(resolve));
}
