import { afterAll, describe, expect, test } from 'bun:test';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { virtualClock } from '../../test/support/virtual-clock.ts';
import { createFilesOrigin } from './files.ts';
import { get, start, until } from './origin.fixture.ts';
import { originSuite } from './origin.suite.ts';

const temporary: string[] = [];
function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'holdfast-files-'));
  temporary.push(path);
  return path;
}
afterAll(() => {
  for (const path of temporary) rmSync(path, { recursive: true, force: true });
});

originSuite('files', async () => {
  const root = directory();
  return {
    origin: createFilesOrigin(
      { name: 'disk', root, maxBodyBytes: 100_000_000 },
      { onFault: () => undefined },
    ),
    publish: (path, bytes) => writeFileSync(join(root, path), bytes),
    stop: () => undefined,
  };
});

describe('files origin', () => {
  const outside = directory();
  writeFileSync(join(outside, 'secret.txt'), 'secret');
  const root = join(directory(), 'root');
  mkdirSync(join(root, 'sub', '.hidden'), { recursive: true });
  writeFileSync(join(root, 'a.jpg'), 'image');
  writeFileSync(join(root, 'sub', 'b c%d.PNG'), 'image');
  writeFileSync(join(root, 'sub', 'plain'), 'image');
  writeFileSync(join(root, '.env'), 'secret');
  writeFileSync(join(root, 'sub', '.hidden', 'a.jpg'), 'secret');
  writeFileSync(join(root, '..', 'root-too.txt'), 'secret');
  symlinkSync(join(outside, 'secret.txt'), join(root, 'link.jpg'));
  symlinkSync(outside, join(root, 'linked'));
  symlinkSync('../root-too.txt', join(root, 'sibling.jpg'));
  symlinkSync('sub/.hidden/a.jpg', join(root, 'unhidden.jpg'));
  symlinkSync('a.jpg', join(root, 'good-link.png'));
  symlinkSync('loop.jpg', join(root, 'loop.jpg'));
  const origin = createFilesOrigin({ name: 'disk', root, maxBodyBytes: 1_000_000 });

  test.each([
    ['/a.jpg', 'image/jpeg'],
    ['/a.jpg?width=3&x=%00', 'image/jpeg'],
    ['/sub/b%20c%25d.PNG', 'image/png'],
    ['/%61.jpg', 'image/jpeg'],
    ['/sub/plain', 'application/octet-stream'],
    ['/good-link.png', 'image/png'],
  ])('serves %s as %s', async (target, type) => {
    const got = await get(origin, target);
    expect(got.head?.status).toBe(200);
    expect(got.head?.fields.get('content-type')).toBe(type);
    expect(got.head?.fields.get('cache-control')).toBeUndefined();
    expect(got.body.toString()).toBe('image');
  });

  test.each([
    '/',
    '/sub',
    '/sub/',
    '/a.jpg/',
    '/a.jpg/b',
    '//a.jpg',
    '/sub//plain',
    '/./a.jpg',
    '/.env',
    '/%2eenv',
    '/sub/.hidden/a.jpg',
    '/unhidden.jpg',
    '/../root-too.txt',
    '/sub/../../root-too.txt',
    '/%2e%2e/root-too.txt',
    '/..%2froot-too.txt',
    '/sub%2fplain',
    '/sub%5cplain',
    '/a.jpg%00',
    '/a.jpg%00.png',
    '/%ff.jpg',
    '/%zz.jpg',
    '/link.jpg',
    '/linked/secret.txt',
    '/sibling.jpg',
    '/loop.jpg',
    `/${'a'.repeat(300)}`,
    '*',
  ])('answers %s with 404', async (target) => {
    const got = await get(origin, target);
    expect(got.ending).toBe('end');
    expect(got.head).toMatchObject({ status: 404, framing: 'length', bodyBytes: 0 });
    expect(got.receivedBytes).toBe(0);
  });

  test('a named pipe or a socket is a 404 and does not hang', async () => {
    const socket = Bun.listen({ unix: join(root, 'socket.jpg'), socket: { data: () => undefined } });
    expect((await get(origin, '/socket.jpg')).head?.status).toBe(404);
    socket.stop(true);
    const made = Bun.spawnSync(['mkfifo', join(root, 'pipe.jpg')]);
    expect(made.exitCode).toBe(0);
    expect((await get(origin, '/pipe.jpg')).head?.status).toBe(404);
  });

  test('a root that is missing fails, and works once it is there', async () => {
    const late = join(directory(), 'not-mounted');
    const missing = createFilesOrigin({ name: 'volume', root: late, maxBodyBytes: 1000 });
    const before = await get(missing, '/a.jpg');
    expect(before.failure?.cause).toBe('unreadable');
    expect(before.failure?.detail).toContain('is the volume mounted?');
    symlinkSync(root, late);
    expect((await get(missing, '/a.jpg')).body.toString()).toBe('image');
    const release = directory();
    writeFileSync(join(release, 'a.jpg'), 'next release');
    unlinkSync(late);
    symlinkSync(release, late);
    expect((await get(missing, '/a.jpg')).body.toString()).toBe('next release');
  });

  test.each(['EACCES', 'EMFILE', 'EIO'])(
    'a file that cannot be opened (%s) is unreadable, not missing',
    async (code) => {
      const failing = createFilesOrigin(
        { name: 'disk', root, maxBodyBytes: 1000 },
        { open: () => Promise.reject(Object.assign(new Error('no'), { code })) },
      );
      const got = await get(failing, '/a.jpg');
      expect(got.failure?.cause).toBe('unreadable');
      expect(got.failure?.detail).toStartWith('origin disk (files): ');
      expect(got.failure?.detail).toContain(code);
      expect(got.failure?.detail).not.toContain(root);
      expect(failing.gauges()).toEqual({ active: 0, connections: 1 });
      await until(() => failing.gauges().connections === 0);
    },
  );

  test('a file above the limit is too large, one at the limit is not', async () => {
    writeFileSync(join(root, 'large.jpg'), Buffer.alloc(1_000_001));
    writeFileSync(join(root, 'limit.jpg'), Buffer.alloc(1_000_000));
    const large = await get(origin, '/large.jpg');
    expect(large.failure?.cause).toBe('too-large');
    expect(large.head).toBeUndefined();
    expect((await get(origin, '/limit.jpg')).receivedBytes).toBe(1_000_000);
  });

  test.each([
    ['cut', (path: string) => truncateSync(path, 100_000)],
    ['appended to', (path: string) => appendFileSync(path, 'more')],
    ['overwritten', (path: string) => writeFileSync(path, Buffer.alloc(900_000, 2))],
  ])('a file that is %s while it is read is truncated', async (_, change) => {
    const path = join(root, 'moving.jpg');
    writeFileSync(path, Buffer.alloc(900_000, 1));
    let changed = false;
    const got = start(origin, '/moving.jpg', {
      onPart: () => {
        if (!changed) change(path);
        changed = true;
      },
    });
    expect(await got.ended).toBe('fail');
    expect(got.failure?.cause).toBe('truncated');
    expect(got.violations).toEqual([]);
  });

  test('a file that is replaced while it is read is delivered as it was', async () => {
    const path = join(root, 'replaced.jpg');
    writeFileSync(path, Buffer.alloc(900_000, 1));
    writeFileSync(`${path}.new`, Buffer.alloc(900_000, 2));
    let moved = false;
    const got = start(origin, '/replaced.jpg', {
      onPart: () => {
        if (!moved) renameSync(`${path}.new`, path);
        moved = true;
      },
    });
    expect(await got.ended).toBe('end');
    expect(got.body.equals(Buffer.alloc(900_000, 1))).toBe(true);
  });

  /** An origin with two files at a time, whose files open when `release` is called. */
  function gated(clock = virtualClock(0)) {
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    let opens = 0;
    const narrow = createFilesOrigin(
      { name: 'disk', root, maxBodyBytes: 1_000_000, maxOpenFiles: 2 },
      {
        clock,
        open: async (...args) => {
          opens += 1;
          await gate;
          return open(...args);
        },
      },
    );
    return { narrow, clock, release, opens: () => opens };
  }

  test('opens at most so many files at a time and serves the others in turn', async () => {
    const { narrow, clock, release, opens } = gated();
    const all = Array.from({ length: 10 }, () => start(narrow, '/limit.jpg'));
    await until(() => opens() === 2);
    await get(origin, '/limit.jpg');
    expect(opens()).toBe(2);
    expect(narrow.gauges()).toEqual({ active: 10, connections: 2 });
    release();
    for (const one of all) expect(await one.ended).toBe('end');
    await until(() => narrow.gauges().connections === 0);
    expect(clock.pending).toBe(0);
  });

  test('an exchange that waits too long for its turn fails', async () => {
    const { narrow, clock, release, opens } = gated();
    const stuck = [start(narrow, '/a.jpg'), start(narrow, '/a.jpg')];
    await until(() => opens() === 2);
    const gone = start(narrow, '/a.jpg');
    const late = start(narrow, '/a.jpg');
    await until(() => clock.pending === 2);
    gone.exchange?.abort();
    gone.silenced = true;
    clock.advance(9_999);
    expect(late.ending).toBeUndefined();
    clock.advance(1);
    expect(late.failure).toEqual({
      cause: 'queue-timeout',
      detail:
        'origin disk (files): 2 files stayed open for 10000 ms, and none was free; does the disk or the volume hang?',
    });
    release();
    for (const one of stuck) expect(await one.ended).toBe('end');
    expect([...late.violations, ...gone.violations]).toEqual([]);
    await until(() => narrow.gauges().connections === 0);
    expect([narrow.gauges().active, clock.pending]).toEqual([0, 0]);
  });

  test('paused exchanges hold no file, and go on where they were', async () => {
    const body = Buffer.from(Array.from({ length: 900_000 }, (_, i) => (i * 7919) >> 8));
    writeFileSync(join(root, 'paused.jpg'), body);
    const narrow = createFilesOrigin({ name: 'disk', root, maxBodyBytes: 1_000_000, maxOpenFiles: 2 });
    const all = Array.from({ length: 10 }, () =>
      start(narrow, '/paused.jpg', { onPart: (r) => r.exchange?.pause() }),
    );
    await until(() => all.every((one) => one.receivedBytes > 0));
    await until(() => narrow.gauges().connections === 0);
    expect(narrow.gauges().active).toBe(10);
    expect((await get(narrow, '/a.jpg')).body.toString()).toBe('image');
    all[0]!.exchange?.abort();
    all[0]!.silenced = true;
    all[1]!.onPart = (r) => {
      r.exchange?.pause();
      r.exchange?.resume();
    };
    all[2]!.onPart = (r) => {
      r.exchange?.pause();
      setImmediate(() => r.exchange?.resume());
    };
    for (const one of all.slice(3)) one.onPart = undefined;
    for (const one of all) one.exchange?.resume();
    for (const one of all.slice(1)) {
      expect(await one.ended).toBe('end');
      expect(one.body.equals(body)).toBe(true);
      expect(one.violations).toEqual([]);
    }
    expect(all[0]!.violations).toEqual([]);
    await until(() => narrow.gauges().connections === 0);
    expect(narrow.gauges().active).toBe(0);
  });

  test.each([
    ['appended to', (path: string) => appendFileSync(path, 'more')],
    ['overwritten', (path: string) => writeFileSync(path, Buffer.alloc(900_000, 2))],
    ['removed', (path: string) => unlinkSync(path)],
  ])('a file that is %s while its exchange is paused is truncated', async (_, change) => {
    const path = join(root, 'moving.jpg');
    writeFileSync(path, Buffer.alloc(900_000, 1));
    const own = createFilesOrigin({ name: 'disk', root, maxBodyBytes: 1_000_000 });
    const got = start(own, '/moving.jpg', { onPart: (r) => r.exchange?.pause() });
    await until(() => got.receivedBytes > 0 && own.gauges().connections === 0);
    const before = got.receivedBytes;
    change(path);
    got.exchange?.resume();
    expect(await got.ended).toBe('fail');
    expect(got.failure).toEqual({
      cause: 'truncated',
      detail: 'origin disk (files): file changed while it was read',
    });
    expect(got.receivedBytes).toBe(before);
  });
});
