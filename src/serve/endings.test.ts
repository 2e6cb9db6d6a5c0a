import { describe, expect, test } from 'bun:test';
import { Harness, noise } from '../../test/support/harness.ts';

/** Clients that go, bodies that break, and what is taken back. */

const FRESH = { fields: { 'cache-control': 'max-age=60', etag: '"1"' } };
const PRIVATE = { fields: { 'cache-control': 'private' } };

describe('a client that goes away', () => {
  test('before the head of what may be stored: the fetch goes on and is kept', () => {
    const h = new Harness();
    h.ask('/a').leave();
    expect([h.booked('miss'), h.last.state]).toEqual([1, 'waiting']);
    h.last.answer(FRESH, Buffer.from('body'));
    expect(h.ask('/a').cacheStatus).toBe('Holdfast; hit; ttl=60');
    h.finish();
  });

  test('before the head of what may not: the fetch ends at its head', () => {
    const h = new Harness();
    h.ask('/a').leave();
    h.last.head({ ...PRIVATE, bodyBytes: 1000 });
    expect(h.last.state).toBe('aborted');
    h.finish();
  });

  test('in the middle of what may be stored: kept', () => {
    const h = new Harness();
    const body = noise(30, 100_000);
    const reader = h.ask('/a');
    h.last.head({ ...FRESH, bodyBytes: body.length }).data(body.subarray(0, 50_000));
    reader.leave();
    h.last.data(body.subarray(50_000)).end();
    expect(h.ask('/a').body.equals(body)).toBe(true);
    h.finish();
  });

  test('in the middle of what may not: ended when the last one goes', () => {
    const h = new Harness({ route: 'maxObject: 1KiB' });
    const [one, two] = [h.ask('/a'), h.ask('/a')];
    h.last.head({ ...FRESH, framing: 'chunked' }).data(noise(31, 5000));
    one.leave();
    expect(h.last.state).toBe('body');
    two.leave();
    expect(h.last.state).toBe('aborted');
    h.finish();
  });

  test('one of several: the others are served', () => {
    const h = new Harness();
    const readers = [h.ask('/a'), h.ask('/a'), h.ask('/a')];
    readers[0]!.leave();
    readers[1]!.leave();
    h.last.answer(FRESH, Buffer.from('body'));
    expect(readers.map((reader) => reader.state)).toEqual(['gone', 'gone', 'whole']);
    expect(readers[2]!.cacheStatus).toEndWith('collapsed');
    h.finish();
  });

  test('while it waits for a validation: the stale response is let go of', () => {
    const h = new Harness({ route: 'stale: { whileRevalidate: 0s }' });
    h.fill('/a', FRESH);
    h.clock.advance(100_000);
    const readers = [h.ask('/a'), h.ask('/a')];
    for (const reader of readers) reader.leave();
    h.last.answer({ status: 304 });
    h.finish();
  });
});

describe('a body that is not whole', () => {
  test.each(['truncated', 'overrun', 'idle-timeout', 'total-timeout'] as const)(
    '%s: readers are cut, nothing is stored',
    (cause) => {
      for (const framing of ['length', 'chunked'] as const) {
        const h = new Harness();
        const quick = h.ask('/a');
        const slow = h.ask('/a', { pace: 'held' });
        h.last.head({ ...FRESH, bodyBytes: 10, framing }).data(Buffer.from('half '));
        h.last.fail(cause);
        expect(quick.state).toBe('broken');
        slow.pump();
        expect([slow.state, slow.body.toString()]).toEqual(['broken', 'half ']);
        expect(h.tier.cache.count).toBe(0);
        expect(h.fill('/a', FRESH, 'whole body').body.toString()).toBe('whole body');
        h.finish();
      }
    },
  );

  test('private and broken, while it replaces a stale one: everything is let go of once', () => {
    const h = new Harness({ route: 'stale: { whileRevalidate: 0s }' });
    h.fill('/a', FRESH);
    h.clock.advance(100_000);
    const reader = h.ask('/a');
    h.last
      .head({ ...PRIVATE, bodyBytes: 10 })
      .data(Buffer.from('half '))
      .fail('truncated');
    expect(reader.state).toBe('broken');
    h.finish();
  });

  test('private and whole, while it replaces a stale one: the connection of the origin is kept', () => {
    for (const framing of ['length', 'chunked'] as const) {
      const h = new Harness({ route: 'stale: { whileRevalidate: 0s }' });
      h.fill('/a', FRESH);
      h.clock.advance(100_000);
      const reader = h.ask('/a');
      h.last
        .head({ ...PRIVATE, bodyBytes: 5, framing })
        .data(Buffer.from('whole'))
        .end();
      expect([reader.state, h.last.state]).toEqual(['whole', 'ended']);
      h.finish();
    }
  });

  test.each(['length', 'chunked'] as const)('found to be longer after its end (%s): forgotten', (framing) => {
    const h = new Harness();
    h.fill('/a', { ...FRESH, framing });
    expect(h.ask('/a').cacheStatus).toStartWith('Holdfast; hit');
    h.last.taint();
    expect(h.tier.cache.account.removals.tainted).toBe(1);
    expect(h.ask('/a').state).toBe('waiting');
    h.finish();
  });

  test('found to be longer when a newer one has taken its place: the newer one stays', () => {
    const h = new Harness({ route: 'stale: { whileRevalidate: 0s }' });
    h.fill('/a', FRESH, 'one');
    const first = h.last;
    h.clock.advance(100_000);
    h.fill('/a', FRESH, 'two');
    first.taint();
    expect(h.ask('/a').body.toString()).toBe('two');
    h.finish();
  });
});

describe('purge', () => {
  const varying = { fields: { 'cache-control': 'max-age=60', vary: 'accept' } };

  test('one URL, with its variants and in any spelling; others stay', () => {
    const h = new Harness();
    h.fill('/a', varying, 'avif', { fields: { accept: 'image/avif' } });
    h.fill('/a', varying, 'webp', { fields: { accept: 'image/webp' } });
    h.fill('/a?x', FRESH, 'other');
    h.fill('/ab', FRESH, 'other');
    expect(h.purge({ url: 'http://img.example/b/../%61' })).toBe(2);
    expect(h.tier.cache.count).toBe(2);
    expect(h.ask('/a', { fields: { accept: 'image/avif' } }).state).toBe('waiting');
    expect(h.ask('/a?x').body.toString()).toBe('other');
    h.finish();
  });

  test('a route', () => {
    const h = new Harness({
      route: `
- name: one
  origin: o
  match: { paths: ["/one/*"] }
- name: one-more
  origin: o`,
    });
    h.fill('/one/a', FRESH);
    h.fill('/one/b', FRESH);
    h.fill('/two', FRESH);
    expect(h.purge({ route: 'one' })).toBe(2);
    expect(h.ask('/two').cacheStatus).toStartWith('Holdfast; hit');
    expect(h.purge({ route: 'none' })).toBeUndefined();
    h.finish();
  });

  test('what is being read is read to its end, and what waits for it is fetched anew', () => {
    const h = new Harness();
    const body = noise(32, 50_000);
    h.fill('/a', FRESH, body);
    const slow = h.ask('/a', { pace: 'held', pieceBytesMax: 5_000 });
    slow.pump(2);
    expect(h.purge({ url: '/a' })).toBe(1);
    expect(h.ask('/a').state).toBe('waiting');
    slow.pump();
    expect(slow.body.equals(body)).toBe(true);
    h.finish();
  });

  test('what is on its way is delivered, but neither stored nor joined: it may be older than the purge', () => {
    for (const framing of ['length', 'chunked'] as const) {
      const h = new Harness();
      const before = [h.ask('/a'), h.ask('/b')];
      const [a, b] = h.origin.calls;
      a!.head({ ...FRESH, bodyBytes: 3, framing });
      h.purge({ url: '/a' });
      h.purge({ url: '/b' });
      const after = h.ask('/a');
      expect(h.origin.calls.length).toBe(3);
      a!.data(Buffer.from('old')).end();
      b!.answer(FRESH, Buffer.from('old'));
      for (const reader of before) expect(reader.body.toString()).toBe('old');
      expect([h.tier.cache.count, h.booked('hit')]).toEqual([0, 0]);
      h.last.answer(FRESH, Buffer.from('new'));
      expect(after.body.toString()).toBe('new');
      expect(h.ask('/a').body.toString()).toBe('new');
      h.finish();
    }
  });

  test('a stale one that is being validated is not brought back by its 304', () => {
    const h = new Harness({ route: 'stale: { whileRevalidate: 0s }' });
    h.fill('/a', FRESH, 'old');
    h.clock.advance(100_000);
    const reader = h.ask('/a');
    expect(h.purge({ url: '/a' })).toBe(1);
    h.last.answer({ status: 304, fields: { 'x-note': 'a head of another length' } });
    expect(reader.body.toString()).toBe('old');
    expect(h.ask('/a').state).toBe('waiting');
    expect(h.last.request.fields.has('if-none-match')).toBe(false);
    h.finish();
  });
});

test('premature evictions: counted once, when what was evicted while usable is asked for again', () => {
  const h = new Harness({ memoryBytes: 100_000, segmentBytes: 2 ** 14, policy: 'lru' });
  for (let i = 0; i < 5; i += 1) h.fill(`/${i}`, FRESH, noise(i, 30_000));
  const { account } = h.tier.cache;
  expect([account.routes[0]!.evictions, account.routes[0]!.earlyEvictions]).toEqual([2, 2]);
  h.ask('/0');
  h.ask('/0');
  h.ask('/never');
  expect(account.routes[0]!.prematureEvictions).toBe(1);
  expect(account.routes[0]!.refetchedBytes).toBeGreaterThan(30_000);
  h.clock.advance(2 * 86_400_000);
  h.ask('/1');
  expect(account.routes[0]!.prematureEvictions).toBe(1);
  h.finish();
});
