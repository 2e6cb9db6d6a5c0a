import { afterAll, describe, expect, test } from 'bun:test';
import { virtualClock } from '../../test/support/virtual-clock.ts';
import { fakeNode } from '../monitor/snapshot.fixture.ts';
import type { Snapshot } from '../monitor/snapshot.ts';
import { ADMIN_TOKEN, fakeAdmin } from '../server/admin.fixture.ts';
import { type AdminServer, startAdminServer } from '../server/admin.ts';
import type { ScreenEvents } from './live.ts';
import { TOP_HELP, type TopIo, top } from './top.ts';

let node = fakeNode(1);
let failing = false;

function startNode(port = 0): AdminServer {
  return startAdminServer(
    fakeAdmin({
      listen: { host: '127.0.0.1', port },
      snapshot: (): Snapshot => {
        if (failing) throw new Error('on purpose');
        return node.second(120, 4);
      },
      onFault: () => undefined,
    }),
  );
}

const server = startNode();
afterAll(() => server.stop());

function setUp(withScreen = false) {
  const clock = virtualClock();
  const io = {
    written: '',
    errors: '',
    frames: [] as string[],
    isClosed: false,
    quit: (): void => undefined,
  };
  let waiters: { condition: () => boolean; resolve: () => void }[] = [];
  /** Sees whether what a test waits for has come; called after everything that `top` does. */
  const changed = (): void => {
    for (const waiter of waiters.filter(({ condition }) => condition())) waiter.resolve();
    waiters = waiters.filter(({ condition }) => !condition());
  };
  const topIo: TopIo = {
    out: (text) => {
      io.written += text;
      changed();
    },
    err: (text) => {
      io.errors += text;
      changed();
    },
    readFile: () => Promise.reject(Object.assign(new Error('none'), { code: 'ENOENT' })),
    env: { HOLDFAST_ADMIN_TOKEN: ADMIN_TOKEN, NO_COLOR: '1' },
    clock: {
      ...clock,
      after: (delayMs, fn) => {
        const timer = clock.after(delayMs, fn);
        changed();
        return timer;
      },
    },
    fetch,
    openScreen: (events: ScreenEvents) => {
      if (!withScreen) return undefined;
      io.quit = events.onQuit;
      return {
        size: () => ({ columns: 80, rows: 24 }),
        draw: (lines) => {
          io.frames.push(lines.join('\n'));
          changed();
        },
        close: () => {
          io.isClosed = true;
        },
      };
    },
  };
  const until = (condition: () => boolean): Promise<void> =>
    condition() ? Promise.resolve() : new Promise((resolve) => waiters.push({ condition, resolve }));
  /** Waits until `top` sleeps, then lets the time pass. */
  const pass = async (): Promise<void> => {
    await until(() => clock.pending > 0);
    clock.advance(60_000);
  };
  return { io, topIo, until, pass, clock };
}

describe('holdfast top', () => {
  test('shows the node on a screen until the user quits, and leaves nothing behind', async () => {
    const { io, topIo, until, pass, clock } = setUp(true);
    const done = top(['--admin', server.url], topIo);
    await pass();
    await until(() => io.frames.length === 2);
    await pass();
    await until(() => io.frames.length === 3);
    expect(io.frames[2]).toContain('120 /s');
    expect(io.frames[2]).toContain(`q quits   ${server.url}`);
    await until(() => clock.pending > 0);
    io.quit();
    expect(await done).toBe(0);
    expect(io.isClosed).toBe(true);
    expect(clock.pending).toBe(0);
    expect(io.written + io.errors).toBe('');
  });

  test('keeps its screen while the node is away, and goes on when it is back', async () => {
    const { io, topIo, until, pass } = setUp(true);
    const done = top(['--admin', server.url], topIo);
    await until(() => io.frames.length === 1);
    failing = true;
    await pass();
    await until(() => io.frames.length === 2);
    expect(io.frames[1]).toContain('answered with status 500');
    failing = false;
    node = fakeNode(2);
    await pass();
    await until(() => io.frames.length === 3);
    expect(io.frames[2]).not.toContain('status 500');
    io.quit();
    expect(await done).toBe(0);
  });

  test('prints one line per sample where there is no screen, and trouble once', async () => {
    const { io, topIo, until, pass } = setUp();
    void top(['--admin', server.url, '--interval', '200ms'], topIo);
    const lines = (): number => io.written.split('\n').length - 1;
    await pass();
    await until(() => lines() === 2);
    failing = true;
    await pass();
    await until(() => io.errors !== '');
    await pass();
    failing = false;
    await pass();
    await until(() => lines() >= 3);
    expect(io.errors).toMatch(/^holdfast top: http:\S+ answered with status 500: .+\n$/);
    expect(io.written).toMatch(/^(\d\d:\d\d:\d\dZ {2}\S+ req\/s {2}hit .+\n)+$/);
  });

  test.each([
    [['--once'], /^holdfast 0\.1\.0 .*\n[\s\S]*premature[\s\S]*\n$/],
    [['--once', '--plain'], /^\d\d:\d\d:\d\dZ {2}120 req\/s .*\n$/],
  ])('prints one interval with %p', async (args, expected) => {
    const { io, topIo, pass } = setUp();
    const done = top(['--admin', server.url, ...args], topIo);
    await pass();
    expect(await done).toBe(0);
    expect(io.written).toMatch(expected);
  });

  test('gives snapshots as JSON to programs', async () => {
    const once = setUp();
    const done = top(['--admin', server.url, '--once', '--json'], once.topIo);
    await once.pass();
    expect(await done).toBe(0);
    expect((JSON.parse(once.io.written) as Snapshot).memory.policy).toBe('s3-fifo');
    const many = setUp();
    void top(['--admin', server.url, '--json'], many.topIo);
    await many.pass();
    await many.until(() => many.io.written.split('\n').length > 2);
    const [first, second] = many.io.written
      .split('\n')
      .map((line) => (line === '' ? undefined : JSON.parse(line)));
    expect(second.nowMs - first.nowMs).toBe(1000);
  });

  test('says before it takes the screen that there is no node', async () => {
    const gone = startNode();
    await gone.stop();
    const { io, topIo } = setUp(true);
    expect(await top(['--admin', gone.url], topIo)).toBe(1);
    expect(io.errors).toStartWith(`holdfast top: nothing listens at ${gone.url}\n`);
    expect(io.frames).toEqual([]);
  });

  test.each([
    [['--interval', '1'], 'has no unit'],
    [['--interval', '50ms'], 'outside 200ms to 1m'],
    [['--intervall', '1s'], '--intervall'],
    [['extra'], 'extra'],
  ])('refuses %p', async (args, words) => {
    const { io, topIo } = setUp();
    expect(await top(args, topIo)).toBe(2);
    expect(io.errors).toContain(words);
    expect(io.errors).toContain('--help');
  });

  test('explains itself', async () => {
    const { io, topIo } = setUp();
    expect(await top(['--help'], topIo)).toBe(0);
    expect(io.written).toBe(TOP_HELP);
    for (const line of TOP_HELP.split('\n')) expect(line.length).toBeLessThanOrEqual(110);
  });
});
