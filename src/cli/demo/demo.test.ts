import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { readDemoOptions } from './options.ts';

const ROOT = join(import.meta.dir, '../../..');
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-demo-'));
  await mkdir(join(folder, 'own'));
  for (let i = 0; i < 12; i += 1) {
    const noise = Buffer.from(Array.from({ length: 64 * 64 * 3 }, (_, n) => (n * n * (i + 7)) & 255));
    const raw = { width: 64, height: 64, channels: 3 } as const;
    await sharp(noise, { raw })
      .png()
      .toFile(join(folder, 'own', `picture ${i}.png`));
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The whole command in a process of its own, started as users do. */
function demo(...args: string[]) {
  return Bun.spawn(['node', join(ROOT, 'bin/holdfast.mjs'), 'demo', ...args], {
    cwd: folder,
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    env: { PATH: process.env['PATH'], HOME: folder, HOLDFAST_STATE: join(folder, 'state') },
  });
}

/** Collects what a stream says; `until` waits for a part of it. */
function collect(stream: ReadableStream<Uint8Array>) {
  let text = '';
  let wake = Promise.withResolvers<void>();
  const ended = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      text += decoder.decode(chunk, { stream: true });
      wake.resolve();
      wake = Promise.withResolvers();
    }
    return text;
  })();
  let over = false;
  void ended.then(() => {
    over = true;
  });
  const until = async (part: RegExp): Promise<string> => {
    while (!part.test(text)) {
      if (over) throw new Error(`ended without ${part}: ${text}`);
      await Promise.race([wake.promise, ended]);
    }
    return text;
  };
  return { until, ended };
}

/** Processes that a process started, and those that they did. Linux only. */
function descendantsOf(ancestor: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry)))
    parents.set(
      Number(name),
      Number(
        readProc(name, 'stat')
          .replace(/^.*\) \S /s, '')
          .split(' ', 1)[0],
      ),
    );
  const isBelow = (pid: number | undefined): boolean =>
    pid !== undefined && (pid === ancestor || isBelow(parents.get(pid)));
  return [...parents.keys()].filter((pid) => pid !== ancestor && isBelow(pid));
}

/** Empty for a process that is gone. */
function commandOf(pid: number): string {
  return readProc(String(pid), 'cmdline');
}

function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

describe('holdfast demo', () => {
  test('shows its traffic, sums up when it is ended, and leaves nothing behind', async () => {
    const run = demo('--images', 'own', '--port', '0');
    const output = collect(run.stdout);
    await output.until(/ hit \d.*origin failures 0\n/); // a second in which requests were answered
    run.kill('SIGINT');
    const text = await output.ended;
    expect(await run.stderr.text()).toBe('');
    expect(text).toMatch(/gallery {2}http:\/\/127\.0\.0\.1:\d+\//);
    expect(text).toMatch(/errors +none: [1-9][\d,]* responses, each whole/);
    expect(text).toMatch(/requests +[1-9][\d,]* \(hit /);
    expect(text).toContain('What to notice:');
    expect(await run.exited).toBe(0);
    expect(await readdir(join(folder, 'state'))).toEqual([]);
  }, 60_000);

  test.skipIf(!existsSync('/proc/self/stat'))(
    'makes variants, with none of its processes left when it has ended',
    async () => {
      await mkdir(join(folder, 'large'));
      const create = { width: 1_200, height: 800, channels: 3, background: '#27a' } as const;
      await sharp({ create })
        .jpeg()
        .toFile(join(folder, 'large', 'one.jpg'));
      const run = demo('--images', 'large', '--port', '0');
      const output = collect(run.stdout);
      await output.until(/ variants [1-9]/);
      const children = descendantsOf(run.pid);
      expect(children.some((pid) => commandOf(pid).includes('transform/child'))).toBeTrue();
      run.kill('SIGINT');
      expect(await run.exited).toBe(0);
      expect(await output.ended).toMatch(/variants +[1-9][\d,]* made.*; none failed/);
      // What was killed may take the system a moment to be gone.
      while (children.some((pid) => commandOf(pid) !== '')) await Bun.sleep(5);
    },
    60_000,
  );

  test('ends by itself after the time given', async () => {
    const run = demo('--images', 'own', '--no-traffic', '--for', '20ms', '--port', '0');
    expect(await run.stdout.text()).toContain('hit ratio');
    expect(await run.exited).toBe(0);
  }, 60_000);

  test('the gallery and its images come through the node; SIGINT ends it with the summary', async () => {
    const run = demo('--images', 'own', '--no-traffic', '--port', '0');
    const output = collect(run.stdout);
    const start = await output.until(/admin .*\n/);
    const url = /gallery {2}(\S+)/.exec(start)![1]!;
    const html = await (await fetch(url)).text();
    const sources = [...html.matchAll(/<img src="([^"]+)"/g)].map(([, src]) => src!);
    expect(sources.length).toBe(12);
    for (const expected of ['fwd=uri-miss', 'hit']) {
      const response = await fetch(new URL(sources[0]!, url));
      expect(response.headers.get('cache-status')).toContain(expected);
      expect((await sharp(await response.bytes()).metadata()).width).toBe(64);
    }
    run.kill('SIGINT');
    expect(await run.exited).toBe(0);
    expect(await output.ended).toContain('hit ratio');
  }, 60_000);

  test.each([
    [['--images', 'nowhere'], '--images nowhere: there is no such directory'],
    [['--images', '.', '--memory', '1KiB'], '4MiB'],
    [['--images', 'state-empty'], 'there is no such directory'],
    [['--speed', '9'], '--speed'],
  ])('%p is refused with a reason', async (args, reason) => {
    const run = demo(...args);
    expect(await run.stderr.text()).toContain(reason);
    expect(await run.exited).toBe(2);
  });

  test('a port that is taken is named', async () => {
    const taken = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => undefined } });
    const run = demo('--images', 'own', '--port', String(taken.port));
    expect(await run.stderr.text()).toContain(String(taken.port));
    expect(await run.exited).toBe(2);
    taken.stop(true);
  });
});

describe('its options', () => {
  test('have defaults', () => {
    expect(readDemoOptions([])).toEqual({
      images: undefined,
      forMs: undefined,
      port: undefined,
      memoryBytes: undefined,
      policy: 'greedy-dual',
      seed: 1,
      traffic: true,
      plain: false,
    });
  });

  test('carry units', () => {
    const options = readDemoOptions([
      '--for',
      '15s',
      '--memory',
      '16MiB',
      '--policy',
      'lru',
      '--seed',
      '42',
      '--no-traffic',
    ]);
    expect(options).toMatchObject({
      forMs: 15_000,
      memoryBytes: 16 * 1024 ** 2,
      policy: 'lru',
      seed: 42,
      traffic: false,
    });
  });

  test.each([
    [['--for', '15'], '15s'],
    [['--memory', '16'], '16MiB'],
    [['--port', '70000'], 'port'],
    [['--port', '-1'], 'port'],
    [['--policy', 'lfu'], 'sieve'],
    [['--seed', 'x'], 'seed'],
    [['extra'], 'extra'],
  ])('%p is refused with what to write instead', (args, hint) => {
    const options = readDemoOptions(args);
    expect(typeof options).toBe('string');
    expect(options as string).toContain(hint);
  });
});
