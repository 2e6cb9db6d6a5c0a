import { describe, expect, test } from 'bun:test';
import { Harness, type HarnessOptions, noise } from '../../test/support/harness.ts';
import { awaited, settledClock } from '../../test/support/simulation/process.ts';
import { VirtualDisk } from '../../test/support/virtual-disk.ts';
import { seededRandom } from '../base/random.ts';
import { openVirtual } from '../store/disk/disk.fixture.ts';
import { findKey } from '../store/disk/disk.ts';
import type { LogDiskTier } from '../store/disk/tier.ts';
import type { TrafficRow } from '../traffic/batch.ts';
import { rowsOf } from '../traffic/rows.fixture.ts';

/** The request path above a disk: what is only there answers, and is forgotten like what is in memory. */

interface Node {
  readonly h: Harness;
  readonly disk: LogDiskTier;
  /** The same directory, under a process that has just started: memory is empty. */
  restart(options?: HarnessOptions): Node;
}

function start(options: HarnessOptions = {}): Node {
  const clock = settledClock();
  return onDisk(new VirtualDisk(clock, seededRandom(7)), clock, options);
}

function onDisk(files: VirtualDisk, clock: ReturnType<typeof settledClock>, options: HarnessOptions): Node {
  const disk = awaited(
    clock,
    openVirtual(files, clock, { routes: ['r'], budgetBytes: 2 ** 23, segmentBytes: 2 ** 20 }),
  );
  awaited(clock, disk.ready);
  const h = new Harness({ ...options, clock, below: disk });
  return {
    h,
    disk,
    restart: (other = options) => {
      awaited(clock, disk.close());
      files.kill();
      clock.advance(1_000);
      return onDisk(files, clock, other);
    },
  };
}

const FRESH = { fields: { 'cache-control': 'max-age=600', etag: '"1"' } };
const STALE = { fields: { 'cache-control': 'max-age=10, stale-if-error=100000', etag: '"1"' } };
/** Larger than memory takes. */
const LARGE = noise(1, 300_000);
const SMALL_MEMORY = { objectBytesMax: 100_000 } as const;

/** Asks for what may have to come from the disk. */
function ask(h: Harness, ...asked: Parameters<Harness['ask']>): ReturnType<Harness['ask']> {
  const reader = h.ask(...asked);
  h.clock.advance(10);
  return reader;
}

describe('what is only on disk', () => {
  test('is recorded as from there: brought up, and lent', () => {
    const first = start(SMALL_MEMORY);
    first.h.fill('/a', FRESH, 'small');
    first.h.fill('/large', FRESH, LARGE);
    const { h } = first.restart({ ...SMALL_MEMORY, records: true });
    const rows: TrafficRow[] = [];
    h.traffic!.listen({ onBatch: (batch) => rows.push(...rowsOf([batch])) });
    for (const path of ['/a', '/a', '/large']) expect(ask(h, path).status).toBe(200);
    h.traffic!.drain();
    expect(rows.map(({ kind, bodyBytes }) => [kind.outcome, kind.tier, bodyBytes])).toEqual([
      ['hit', 'disk', 5],
      ['hit', 'memory', 5],
      ['hit', 'disk', LARGE.length],
    ]);
    expect(rows[0]).toMatchObject({ originMs: undefined, life: { known: 'applied', lifetimeS: 600 } });
    h.finish();
  });

  test('is forgotten after a request that changes it', () => {
    const first = start();
    first.h.fill('/a', FRESH, 'old');
    const { h } = first.restart();
    h.ask('/a', { method: 'DELETE' });
    h.last.answer({ status: 204 });
    const calls = h.origin.calls.length;
    ask(h, '/a');
    expect(h.origin.calls.length).toBe(calls + 1);
    h.finish();
  });

  test('is forgotten with all variants', () => {
    const varied = { fields: { ...FRESH.fields, vary: 'accept' } };
    const first = start();
    first.h.fill('/a', varied, 'webp', { fields: { accept: 'image/webp' } });
    const { h } = first.restart();
    h.ask('/a', { method: 'DELETE' });
    h.last.answer({ status: 204 });
    const calls = h.origin.calls.length;
    ask(h, '/a', { fields: { accept: 'image/webp' } });
    expect(h.origin.calls.length).toBe(calls + 1);
    h.finish();
  });

  test('new variants are found under the generation of the marker', () => {
    const varied = { fields: { ...FRESH.fields, vary: 'accept' } };
    const first = start();
    first.h.fill('/a', varied, 'webp', { fields: { accept: 'image/webp' } });
    const { h, restart } = first.restart();
    const avif = ask(h, '/a', { fields: { accept: 'image/avif' } });
    h.last.answer(varied, Buffer.from('avif'));
    expect(avif.body.toString()).toBe('avif');
    const third = restart().h;
    for (const name of ['webp', 'avif'])
      expect(ask(third, '/a', { fields: { accept: `image/${name}` } }).body.toString()).toBe(name);
    expect(third.origin.calls.length).toBe(0);
    h.finish();
    third.finish();
  });
});

test('a purge counts, although an earlier run had one like it', () => {
  const first = start();
  first.h.purge({ url: '/b' });
  first.h.purge({ url: '/a' });
  first.h.fill('/a', FRESH, 'old');
  awaited(first.h.clock, first.h.tier.below!.purged());
  const { h } = first.restart();
  h.purge({ url: '/a' });
  ask(h, '/a');
  expect(h.origin.calls.length).toBe(1);
  h.finish();
});

describe('a body that memory does not take', () => {
  test('is served from disk, whole and in parts', () => {
    const { h } = start(SMALL_MEMORY);
    expect(h.fill('/a', FRESH, LARGE).body.equals(LARGE)).toBe(true);
    expect(ask(h, '/a').body.equals(LARGE)).toBe(true);
    const head = ask(h, '/a', { method: 'HEAD' });
    expect([head.status, head.fields.get('content-length'), head.body.length]).toEqual([200, '300000', 0]);
    const part = ask(h, '/a', { fields: { range: 'bytes=100000-199999' } });
    expect([part.status, part.body.equals(LARGE.subarray(100_000, 200_000))]).toEqual([206, true]);
    const parts = ask(h, '/a', { fields: { range: 'bytes=0-9,290000-290009' } });
    expect([parts.status, parts.body.includes(LARGE.subarray(290_000, 290_010))]).toEqual([206, true]);
    expect(ask(h, '/a', { fields: { range: 'bytes=300000-' } }).status).toBe(416);
    expect(ask(h, '/a', { fields: { range: 'bytes=0-1', 'if-range': '"2"' } }).status).toBe(200);
    expect(ask(h, '/a', { fields: { 'if-none-match': '"1"' } }).status).toBe(304);
    expect(ask(h, '/a', { fields: { 'if-match': '"2"' } }).status).toBe(412);
    expect(h.origin.calls.length).toBe(1);
    h.finish();
  });

  test('of unknown length as well', () => {
    const { h } = start(SMALL_MEMORY);
    h.ask('/a');
    h.last
      .head({ ...FRESH, framing: 'chunked' })
      .data(LARGE)
      .end();
    expect(ask(h, '/a').body.equals(LARGE)).toBe(true);
    expect(h.origin.calls.length).toBe(1);
    h.finish();
  });

  test('is renewed by a 304', () => {
    const { h } = start(SMALL_MEMORY);
    h.fill('/a', STALE, LARGE);
    h.clock.advance(20_000);
    const renewed = ask(h, '/a');
    h.last.answer({ status: 304, ...STALE });
    h.clock.advance(10);
    expect(renewed.body.equals(LARGE)).toBe(true);
    expect(ask(h, '/a').cacheStatus).toContain('hit');
    expect(h.origin.calls.length).toBe(2);
    h.finish();
  });

  test('leaves when a 304 says that it is not for all', () => {
    const { h } = start(SMALL_MEMORY);
    h.fill('/a', STALE, LARGE);
    h.clock.advance(20_000);
    const renewed = ask(h, '/a');
    h.last.answer({ status: 304, fields: { 'cache-control': 'private, max-age=600', etag: '"1"' } });
    h.clock.advance(10);
    expect(renewed.body.equals(LARGE)).toBe(true);
    ask(h, '/a');
    expect(h.origin.calls.length).toBe(3);
    h.finish();
  });

  test('takes the place of one in memory', () => {
    const { h } = start(SMALL_MEMORY);
    h.fill('/a', STALE, 'small');
    h.clock.advance(20_000);
    const larger = ask(h, '/a');
    h.last.answer(FRESH, LARGE);
    h.clock.advance(10);
    expect(larger.body.equals(LARGE)).toBe(true);
    expect(ask(h, '/a').body.equals(LARGE)).toBe(true);
    expect(h.origin.calls.length).toBe(2);
    h.finish();
  });

  test('of unknown length takes the place of one in memory', () => {
    const { h } = start(SMALL_MEMORY);
    h.fill('/a', STALE, 'small');
    h.clock.advance(20_000);
    ask(h, '/a');
    h.last
      .head({ ...FRESH, framing: 'chunked' })
      .data(LARGE)
      .end();
    h.clock.advance(10);
    expect(ask(h, '/a').body.equals(LARGE)).toBe(true);
    expect(h.origin.calls.length).toBe(2);
    h.finish();
  });

  test('is forgotten when it turns out to be a lie', () => {
    const { h } = start(SMALL_MEMORY);
    h.fill('/a', FRESH, LARGE);
    h.last.taint();
    ask(h, '/a');
    expect(h.origin.calls.length).toBe(2);
    h.finish();
  });

  test('that breaks leaves the stale one, and a good copy answers', () => {
    const { h } = start(SMALL_MEMORY);
    h.fill('/a', STALE, LARGE);
    h.clock.advance(20_000);
    const reader = ask(h, '/a');
    h.last
      .head({ ...FRESH, bodyBytes: 300_000 })
      .data(LARGE.subarray(0, 1000))
      .fail('truncated');
    h.clock.advance(10);
    expect([reader.state, reader.body.equals(LARGE)]).toEqual(['whole', true]);
    h.finish();
  });

  test('outlasts a 5xx, and leaves for a 404', () => {
    const { h } = start(SMALL_MEMORY);
    h.fill('/a', STALE, LARGE);
    h.clock.advance(20_000);
    const reader = ask(h, '/a');
    h.last.answer({ status: 503, fields: { 'cache-control': 'max-age=60' } });
    h.clock.advance(10);
    expect(reader.body.equals(LARGE)).toBe(true);
    h.clock.advance(30_000);
    const gone = ask(h, '/a');
    h.last.answer({ status: 404, fields: { 'cache-control': 'max-age=60' } }, Buffer.from('gone'));
    h.clock.advance(10);
    expect(gone.status).toBe(404);
    expect(ask(h, '/a').status).toBe(404);
    h.clock.advance(100_000);
    ask(h, '/a');
    expect(h.last.state).toBe('waiting');
    h.finish();
  });

  test('renewed after its entry was given to another: that one keeps its lifetime', () => {
    const { h, disk } = start(SMALL_MEMORY);
    h.fill('/a', STALE, LARGE);
    h.clock.advance(20_000);
    ask(h, '/a');
    const call = h.last;
    const key = Buffer.from('r /a');
    disk.remove(findKey(disk, key));
    h.ask('/b');
    h.last.answer(STALE, LARGE);
    call.answer({ status: 304, fields: { 'cache-control': 'max-age=100000', etag: '"1"' } });
    h.clock.advance(20_000);
    ask(h, '/b');
    expect([h.last.request.target, h.last.state]).toEqual(['/b', 'waiting']);
    h.last.answer({ status: 304, ...STALE });
    h.clock.advance(10);
    h.finish();
  });
});

test('one that is refused for want of room breaks, and the good copy answers', () => {
  const room = { minResidencyS: 3600, pinnedRoutes: [], pinnedShare: 0 };
  const h = new Harness({ memoryBytes: 2 ** 20, room });
  h.fill('/a', STALE, 'good');
  h.fill('/b', FRESH, noise(2, 800_000));
  h.clock.advance(20_000);
  const reader = h.ask('/a');
  h.last
    .head({ ...FRESH, bodyBytes: 400_000 })
    .data(LARGE)
    .fail('truncated');
  expect([reader.state, reader.body.toString()]).toEqual(['whole', 'good']);
  h.clock.advance(40_000);
  const whole = h.ask('/a');
  h.last.answer(FRESH, LARGE);
  expect([whole.state, whole.body.equals(LARGE)]).toEqual(['whole', true]);
  h.finish();
});
