import { describe, expect, test } from 'bun:test';
import { Harness, noise } from '../../test/support/harness.ts';
import { NOT_STORED_REASONS } from '../cache/outcome.ts';

/** Responses that are not kept, or not kept at once: they reach their client all the same. */

const MIB = 2 ** 20;

describe('not for others', () => {
  test.each([
    ['no-store', { 'cache-control': 'no-store' }],
    ['private', { 'cache-control': 'private, max-age=60' }],
    ['set-cookie', { 'set-cookie': 'id=1' }],
    ['vary-star', { 'cache-control': 'max-age=60', vary: '*' }],
  ])(
    '%s: passed on, not stored, and each waiting request is answered by a fetch of its own',
    (reason, fields) => {
      const h = new Harness();
      const [leader, follower, third] = [h.ask('/a'), h.ask('/a'), h.ask('/a')];
      expect(h.origin.calls.length).toBe(1);
      h.last.answer({ fields }, Buffer.from('for the first'));
      expect(h.origin.calls.length).toBe(3);
      h.origin.calls[1]!.answer({ fields }, Buffer.from('for the second'));
      h.origin.calls[2]!.answer({ fields }, Buffer.from('for the third'));
      expect(leader.body.toString()).toBe('for the first');
      expect(follower.body.toString()).toBe('for the second');
      expect(third.body.toString()).toBe('for the third');
      expect(leader.cacheStatus).toBe(`Holdfast; fwd=uri-miss; fwd-status=200; detail=${reason}`);
      expect(h.tier.cache.count).toBe(0);
      // Known to be personal: the next ones do not wait in line.
      h.ask('/a');
      h.ask('/a');
      expect(h.origin.calls.length).toBe(5);
      h.finish();
    },
  );

  test('when it becomes storable again, it is stored', () => {
    const h = new Harness();
    h.fill('/a', { fields: { 'cache-control': 'private' } });
    h.fill('/a', { fields: { 'cache-control': 'max-age=60' } }, 'public');
    expect(h.ask('/a').cacheStatus).toBe('Holdfast; hit; ttl=60');
    h.finish();
  });

  test('Authorization goes past the cache, in both directions', () => {
    const h = new Harness();
    const fields = { authorization: 'Basic eA==', cookie: 'id=1', range: 'bytes=0-1' };
    const reader = h.ask('/a', { fields });
    for (const [name, value] of Object.entries(fields)) expect(h.last.request.fields.get(name)).toBe(value);
    h.last.answer(
      { status: 206, fields: { 'cache-control': 'max-age=60', 'content-range': 'bytes 0-1/9' } },
      Buffer.from('xy'),
    );
    expect([reader.status, reader.body.toString()]).toEqual([206, 'xy']);
    expect(reader.cacheStatus).toBe('Holdfast; fwd=bypass; fwd-status=206; detail=authorization');
    h.fill('/a', { fields: { 'cache-control': 'max-age=60' } });
    expect(h.ask('/a', { fields }).state).toBe('waiting');
    expect([h.booked('bypass'), h.booked('miss')]).toEqual([1, 1]);
    h.last.fail('refused');
    expect(h.booked('failed')).toBe(1);
    h.finish();
  });

  test('a route without cache bypasses; HEAD and 304 keep the length that the origin states', () => {
    const h = new Harness({ route: 'cache: false' });
    const head = h.ask('/a', { method: 'HEAD' });
    expect(h.last.request.method).toBe('HEAD');
    h.last.answer({ fields: { 'content-length': '5000' } });
    expect([head.status, head.fields.get('content-length')]).toEqual([200, '5000']);
    expect(h.last.state).toBe('ended');
    const unmodified = h.ask('/a', { fields: { 'if-none-match': '"1"' } });
    h.last.answer({ status: 304, fields: { etag: '"1"' } });
    expect([unmodified.status, unmodified.fields.has('content-length')]).toEqual([304, false]);
    const whole = h.fill('/a', { fields: { 'cache-control': 'max-age=60' } }, 'body');
    expect(whole.cacheStatus).toBe('Holdfast; fwd=bypass; fwd-status=200; detail=route');
    expect([h.tier.cache.count, h.last.state]).toEqual([0, 'ended']);
    h.finish();
  });
});

describe('of unknown length', () => {
  test('a chunked body is stored when it is whole, with its length', () => {
    const h = new Harness();
    const body = noise(7, 100_000);
    const [leader, follower] = [h.ask('/a'), h.ask('/a')];
    h.last.head({ fields: { 'cache-control': 'max-age=60' }, framing: 'chunked' });
    for (let at = 0; at < body.length; at += 7_000) h.last.data(body.subarray(at, at + 7_000));
    const late = h.ask('/a');
    expect(h.path.flights.spoolBytes).toBe(100_000);
    h.last.end();
    for (const reader of [leader, follower, late]) {
      expect(reader.body.equals(body)).toBe(true);
      expect(reader.fields.has('content-length')).toBe(false);
    }
    const hit = h.ask('/a');
    expect([hit.body.equals(body), hit.fields.get('content-length')]).toEqual([true, '100000']);
    expect(h.origin.calls.length).toBe(1);
    h.finish();
  });

  test('a body that ends with its connection is passed on and not stored', () => {
    const h = new Harness();
    const reader = h.ask('/a');
    h.last
      .head({ fields: { 'cache-control': 'max-age=60' }, framing: 'close' })
      .data(Buffer.from('body'))
      .end();
    expect([reader.state, reader.body.toString()]).toEqual(['whole', 'body']);
    expect(reader.cacheStatus).toBe('Holdfast; fwd=uri-miss; fwd-status=200; detail=unframed');
    expect(h.tier.cache.count).toBe(0);
    h.finish();
  });

  test('a slow reader of a chunked body reads on after it was stored', () => {
    const h = new Harness();
    const body = noise(8, 900_000);
    const slow = h.ask('/a', { pace: 'held', pieceBytesMax: 10_000 });
    h.last.head({ fields: { 'cache-control': 'max-age=60' }, framing: 'chunked' });
    for (let at = 0; at < body.length; at += 60_000) h.last.data(body.subarray(at, at + 60_000));
    h.last.end();
    expect([h.last.paused, h.path.flights.spoolBytes]).toEqual([false, 0]);
    slow.pump(30);
    expect(h.ask('/a').cacheStatus).toStartWith('Holdfast; hit');
    h.purge({ url: '/a' });
    slow.pump();
    expect(slow.body.equals(body)).toBe(true);
    // Nothing had been decided when its head was sent.
    expect(slow.cacheStatus).toBe('Holdfast; fwd=uri-miss; fwd-status=200');
    h.finish();
  });

  test('above the largest object: given up, passed on at the pace of the slowest reader', () => {
    const h = new Harness({ route: 'maxObject: 100KiB', spoolBytes: 16 * MIB });
    const body = noise(9, 2 * MIB);
    const slow = h.ask('/a', { pace: 'held', pieceBytesMax: 50_000 });
    const quick = h.ask('/a');
    h.last.head({ fields: { 'cache-control': 'max-age=60' }, framing: 'chunked' });
    let most = 0;
    for (let at = 0; at < body.length; at += 40_000) {
      while (h.last.paused) slow.pump(1);
      h.last.data(body.subarray(at, at + 40_000));
      most = Math.max(most, h.path.flights.spoolBytes);
    }
    h.last.end();
    slow.pump();
    expect(h.last.pauses).toBeGreaterThan(1);
    expect(most).toBeLessThan(MIB);
    for (const reader of [slow, quick]) expect(reader.body.equals(body)).toBe(true);
    expect([h.tier.cache.count, h.recorder.notStoredCounts.reduce((a, b) => a + b)]).toEqual([0, 1]);
    h.finish();
  });

  test('above the spool budget: given up as well, and those who read it lose nothing', () => {
    const h = new Harness({ spoolBytes: 100_000 });
    const body = noise(10, 300_000);
    const reader = h.ask('/a');
    h.last.head({ fields: { 'cache-control': 'max-age=60' }, framing: 'chunked' });
    for (let at = 0; at < body.length; at += 30_000) h.last.data(body.subarray(at, at + 30_000));
    h.last.end();
    expect(reader.body.equals(body)).toBe(true);
    expect([h.tier.cache.count, h.path.flights.spoolBytes]).toEqual([0, 0]);
    h.finish();
  });

  test('given up, with nobody reading: the origin is let go', () => {
    const h = new Harness({ route: 'maxObject: 100KiB' });
    h.ask('/a', { method: 'HEAD' });
    h.last.head({ fields: { 'cache-control': 'max-age=60' }, framing: 'chunked' });
    h.last.data(noise(11, 60_000));
    expect(h.last.state).toBe('body');
    h.last.data(noise(12, 60_000));
    expect(h.last.state).toBe('aborted');
    h.finish();
  });
});

describe('too large and no room', () => {
  test('a length above the largest object: passed on, the origin held to the pace of the reader', () => {
    const h = new Harness({ route: 'maxObject: 1MiB' });
    const body = noise(13, 3 * MIB);
    const reader = h.ask('/a', { pace: 'held', pieceBytesMax: 100_000 });
    h.last.head({ fields: { 'cache-control': 'max-age=60' }, bodyBytes: body.length });
    for (let at = 0; at < body.length; at += 64_000) {
      while (h.last.paused) reader.pump(1);
      h.last.data(body.subarray(at, at + 64_000));
    }
    h.last.end();
    reader.pump();
    expect(h.last.pauses).toBeGreaterThan(2);
    expect(reader.body.equals(body)).toBe(true);
    expect(reader.fields.get('content-length')).toBe(String(body.length));
    expect(reader.cacheStatus).toBe('Holdfast; fwd=uri-miss; fwd-status=200; detail=too-large');
    expect(h.last.state).toBe('ended');
    h.finish();
  });

  test('larger than the tier, or all of the tier being served: passed on', () => {
    const h = new Harness({ memoryBytes: 300_000, segmentBytes: 2 ** 16 });
    const held = h.ask('/a', { pace: 'held' });
    h.last.answer({ fields: { 'cache-control': 'max-age=60' } }, noise(14, 200_000));
    held.pump(1);
    for (const sizeBytes of [400_000, 150_000]) {
      const reader = h.fill('/b', { fields: { 'cache-control': 'max-age=60' } }, noise(15, sizeBytes));
      expect(reader.body.equals(noise(15, sizeBytes))).toBe(true);
      expect(reader.cacheStatus).toBe('Holdfast; fwd=uri-miss; fwd-status=200; detail=no-room');
    }
    held.pump();
    expect(held.body.equals(noise(14, 200_000))).toBe(true);
    h.finish();
  });

  test('all of the tier too young to leave: passed on, counted, and shared while it is under way', () => {
    const h = new Harness({
      memoryBytes: 300_000,
      segmentBytes: 2 ** 16,
      room: { minResidencyS: 60, pinnedRoutes: [], pinnedShare: 0 },
    });
    const head = { fields: { 'cache-control': 'max-age=3600' } };
    h.fill('/young', head, noise(17, 200_000));
    const body = noise(18, 150_000);
    for (const framing of ['length', 'chunked'] as const) {
      const first = h.ask('/b');
      const call = h.last.head({
        ...head,
        framing,
        ...(framing === 'length' ? { bodyBytes: body.length } : {}),
      });
      call.data(body.subarray(0, 1_000));
      const asked = h.origin.calls.length;
      const second = h.ask('/b');
      expect(h.origin.calls.length).toBe(asked);
      call.data(body.subarray(1_000));
      call.end();
      for (const reader of [first, second]) expect(reader.body.equals(body)).toBe(true);
      if (framing === 'length')
        expect(first.cacheStatus).toBe('Holdfast; fwd=uri-miss; fwd-status=200; detail=residency');
    }
    expect(h.recorder.notStoredCounts[NOT_STORED_REASONS.indexOf('residency')]).toBe(2);
    expect(h.ask('/young').cacheStatus).toContain('hit');
    expect(h.tier.cache.account.removals.room).toBe(0);
    // Once it is old enough it may leave.
    h.clock.advance(60_000);
    h.fill('/b', head, body);
    expect(h.ask('/b').cacheStatus).toContain('hit');
    expect(h.tier.cache.account.removals.room).toBe(1);
    h.finish();
  });

  test('a renewal does not make an image young again', () => {
    const h = new Harness({
      memoryBytes: 300_000,
      segmentBytes: 2 ** 16,
      room: { minResidencyS: 60, pinnedRoutes: [], pinnedShare: 0 },
    });
    h.fill('/a', { fields: { 'cache-control': 'max-age=70', etag: '"1"' } }, noise(19, 100_000));
    h.clock.advance(200_000);
    h.ask('/a');
    h.last.head({ status: 304, fields: { 'cache-control': 'max-age=3600', etag: '"1"' } }).end();
    expect(h.tier.cache.count).toBe(1);
    h.fill('/b', { fields: { 'cache-control': 'max-age=60' } }, noise(20, 200_000));
    expect(h.ask('/b').cacheStatus).toContain('hit');
    expect(h.tier.cache.count).toBe(1);
    h.finish();
  });

  test('with the budget used up, nothing is fetched ahead of a slow reader', () => {
    const h = new Harness({ spoolBytes: MIB });
    const body = noise(16, 480 * 1024);
    const piece = 16 * 1024;
    const readers = Array.from({ length: 150 }, (_, i) => {
      const reader = h.ask(`/${i}`, { pace: 'held', pieceBytesMax: piece });
      const call = h.last.head({ fields: { 'cache-control': 'private' }, bodyBytes: body.length });
      return { reader, call, at: 0 };
    });
    let most = 0;
    const feed = (): void => {
      for (const one of readers) {
        while (one.call.running && !one.call.paused && one.at < body.length) {
          one.call.data(body.subarray(one.at, one.at + piece));
          one.at += piece;
          most = Math.max(most, h.path.flights.spoolBytes);
        }
        if (one.call.running && one.at >= body.length) one.call.end();
      }
    };
    feed();
    for (let round = 0; round < 1_000 && h.origin.running > 0; round += 1) {
      for (const { reader } of readers) reader.pump(1);
      feed();
    }
    for (const { reader } of readers) {
      reader.pump();
      expect(reader.body.equals(body)).toBe(true);
    }
    // The budget, and one piece for each beyond it.
    expect(most).toBeLessThan(MIB + 150 * 2 * piece);
    h.finish();
  });
});
