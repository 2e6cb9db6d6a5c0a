import { describe, expect, test } from 'bun:test';
import { Harness, noise } from '../../test/support/harness.ts';
import { Flag } from '../cache/entries.ts';

/** What happens once a stored response is no longer fresh. */

const ROUTE = 'stale: { whileRevalidate: 30s, ifError: 1h }';
const STORED = { fields: { 'cache-control': 'max-age=60', etag: '"1"', 'x-note': 'one' } };

function staleBy(seconds: number, route = ROUTE): Harness {
  const h = new Harness({ route });
  h.fill('/a', STORED, 'version 1');
  h.clock.advance((60 + seconds) * 1000);
  return h;
}

describe('stale-while-revalidate', () => {
  test('serves at once, with one fetch in the background, whose answer is then fresh', () => {
    const h = staleBy(5);
    for (let i = 0; i < 4; i += 1) {
      const reader = h.ask('/a');
      expect([reader.status, reader.body.toString()]).toEqual([200, 'version 1']);
      expect(reader.cacheStatus).toBe('Holdfast; hit; ttl=-5; detail=stale-while-revalidate');
      expect(reader.fields.get('age')).toBe('65');
    }
    expect(h.origin.calls.length).toBe(2);
    h.last.answer({ fields: { 'cache-control': 'max-age=60', etag: '"2"' } }, Buffer.from('version 2'));
    const hit = h.ask('/a');
    expect([hit.body.toString(), hit.cacheStatus]).toEqual(['version 2', 'Holdfast; hit; ttl=60']);
    expect(h.booked('stale')).toBe(4);
    h.finish();
  });

  test('an origin in trouble is asked at most once a second for each image', () => {
    const h = staleBy(5);
    let asked = 0;
    h.origin.onCall = (call) => {
      asked += 1;
      if (asked % 2 === 0) call.fail('refused');
      else call.answer({ status: 503 }, Buffer.from('busy'));
    };
    for (let i = 0; i < 100; i += 1) {
      expect(h.ask('/a').body.toString()).toBe('version 1');
      h.clock.advance(50);
    }
    expect(asked).toBeGreaterThanOrEqual(4);
    expect(asked).toBeLessThanOrEqual(6);
    h.finish();
  });

  test('past the window the client waits for the validation', () => {
    const h = staleBy(30);
    const reader = h.ask('/a');
    expect(reader.state).toBe('waiting');
    h.last.answer({ status: 304, fields: { 'cache-control': 'max-age=60' } });
    expect(reader.body.toString()).toBe('version 1');
    expect(reader.cacheStatus).toBe('Holdfast; fwd=stale; fwd-status=304; ttl=60');
    expect(h.booked('revalidated')).toBe(1);
    h.finish();
  });
});

describe('stale-if-error', () => {
  test('no connection: the stale copy, with the cause in the detail, for leader and followers', () => {
    const h = staleBy(100);
    const readers = [h.ask('/a'), h.ask('/a')];
    h.last.fail('connect-timeout');
    for (const reader of readers) {
      expect([reader.status, reader.body.toString()]).toEqual([200, 'version 1']);
      expect(reader.cacheStatus).toBe(
        'Holdfast; hit; ttl=-100; detail="stale-if-error origin-connect-timeout"',
      );
    }
    expect(h.booked('stale')).toBe(2);
    h.finish();
  });

  test('a 5xx: the stale copy, which stays; requests that wait share one fetch', () => {
    const h = staleBy(100);
    const before = h.origin.calls.length;
    const readers = [h.ask('/a'), h.ask('/a'), h.ask('/a')];
    expect(h.origin.calls.length).toBe(before + 1);
    h.last.answer({ status: 503 }, Buffer.from('busy'));
    for (const reader of readers) {
      expect(reader.body.toString()).toBe('version 1');
      expect(reader.cacheStatus).toBe('Holdfast; hit; ttl=-100; detail="stale-if-error origin-status"');
    }
    h.finish();
  });

  test('while the origin is in trouble nobody waits for it; one fetch a second tries again behind their backs', () => {
    const h = staleBy(100);
    h.ask('/a');
    h.last.fail('first-byte-timeout');
    for (let second = 0; second < 40; second += 1) {
      const before = h.origin.calls.length;
      h.clock.advance(1_000);
      for (const reader of [h.ask('/a'), h.ask('/a')]) {
        expect(reader.body.toString()).toBe('version 1');
        expect(reader.cacheStatus).toContain('detail="stale-if-error recent-failure"');
      }
      expect(h.origin.calls.length).toBe(before + 1);
      h.last.fail('first-byte-timeout');
    }
    h.clock.advance(1_000);
    h.ask('/a');
    h.last.answer({ status: 304 });
    expect(h.ask('/a').cacheStatus).toBe('Holdfast; hit; ttl=60');
    h.finish();
  });

  test('trouble that nobody has met for half a minute is forgotten', () => {
    const h = staleBy(100);
    h.ask('/a');
    h.last.fail('refused');
    h.clock.advance(30_000);
    const reader = h.ask('/a');
    expect(reader.status).toBeUndefined();
    h.last.answer({ status: 304 });
    expect(reader.body.toString()).toBe('version 1');
    h.finish();
  });

  test('past the window the error is passed on, and still does not replace the good copy', () => {
    const h = staleBy(3600);
    const readers = [h.ask('/a'), h.ask('/a')];
    h.last.answer({ status: 500 }, Buffer.from('oops'));
    for (const reader of readers) expect([reader.status, reader.body.toString()]).toEqual([500, 'oops']);
    const next = h.ask('/a');
    expect(h.last.request.fields.get('if-none-match')).toBe('"1"');
    h.last.answer({ status: 304 });
    expect(next.body.toString()).toBe('version 1');
    h.finish();
  });

  test('who joins a fetch that started before its stale copy was stored keeps that copy', () => {
    const h = new Harness({
      route: 'stale: { whileRevalidate: 0s, ifError: 1h }',
      memoryBytes: 100_000,
      segmentBytes: 2 ** 14,
      policy: 'fifo',
    });
    const webp = { fields: { accept: 'image/webp' } };
    const varying = (cacheControl: string) => ({ fields: { vary: 'accept', 'cache-control': cacheControl } });
    h.fill('/a', varying('max-age=1'), 'avif', { fields: { accept: 'image/avif' } });
    h.ask('/a', webp);
    const early = h.last;
    // Another variant turns out to be private: for a while requests for the resource do not wait for each other.
    h.fill('/a', varying('private'), 'private', { fields: { accept: 'image/jxl' } });
    h.fill('/a', varying('max-age=1'), noise(4, 20_000), webp);
    h.clock.advance(11_000);
    const late = h.ask('/a', webp);
    expect([late.state, h.origin.calls.length]).toEqual(['waiting', 4]);
    for (let i = 0; i < 10; i += 1) h.fill(`/${i}`, STORED, noise(i, 30_000));
    early.fail('first-byte-timeout');
    expect(late.body.equals(noise(4, 20_000))).toBe(true);
    h.finish();
  });

  test('must-revalidate forbids it', () => {
    const h = new Harness({ route: ROUTE });
    h.fill('/a', { fields: { 'cache-control': 'max-age=60, must-revalidate', etag: '"1"' } });
    h.clock.advance(61_000);
    const reader = h.ask('/a');
    h.last.fail('refused');
    expect(reader.status).toBe(502);
    h.finish();
  });

  test('a body that breaks while it replaces leaves the stored one in place, and nobody is cut for it', () => {
    const h = staleBy(100);
    const reader = h.ask('/a');
    h.last.head({ fields: { 'cache-control': 'max-age=60' }, bodyBytes: 100 }).data(Buffer.from('half'));
    expect(reader.state).toBe('waiting');
    h.last.fail('truncated');
    expect([reader.state, reader.body.toString()]).toEqual(['whole', 'version 1']);
    expect(reader.cacheStatus).toContain('detail="stale-if-error origin-truncated"');
    expect(h.ask('/a').body.toString()).toBe('version 1');
    h.finish();
  });
});

describe('validation', () => {
  test('sends both validators, and none of the conditions of the client', () => {
    const h = new Harness({ route: ROUTE });
    const modified = 'Sat, 01 Nov 2025 10:00:00 GMT';
    h.fill('/a', { fields: { 'cache-control': 'max-age=60', etag: '"1"', 'last-modified': modified } });
    h.clock.advance(200_000);
    const reader = h.ask('/a', { fields: { 'if-none-match': '"other"', 'if-range': '"x"' } });
    expect(h.last.request.fields.get('if-none-match')).toBe('"1"');
    expect(h.last.request.fields.get('if-modified-since')).toBe(modified);
    expect(h.last.request.fields.has('if-range')).toBe(false);
    h.last.answer({ status: 304 });
    expect(reader.status).toBe(200);
    h.finish();
  });

  test('the client is answered 304 when its validator matches, whatever the origin said', () => {
    const h = staleBy(100);
    const reader = h.ask('/a', { fields: { 'if-none-match': '"1"' } });
    h.last.answer({ status: 304 });
    expect([reader.status, reader.body.length]).toEqual([304, 0]);
    h.clock.advance(200_000);
    const changed = h.ask('/a', { fields: { 'if-none-match': '"1"' } });
    h.last.answer({ fields: { 'cache-control': 'max-age=60', etag: '"2"' } }, Buffer.from('version 2'));
    expect([changed.status, changed.body.toString()]).toEqual([200, 'version 2']);
    h.finish();
  });

  test.each([
    ['of equal length, in place', 'two'],
    ['longer, by a copy', 'two and a half'],
  ])('a 304 renews head and lifetime: %s', (_, note) => {
    const h = staleBy(100);
    const slots = h.tier.cache.count;
    const reader = h.ask('/a');
    h.last.answer({ status: 304, fields: { 'cache-control': 'max-age=90', etag: '"1"', 'x-note': note } });
    expect(reader.cacheStatus).toBe('Holdfast; fwd=stale; fwd-status=304; ttl=90');
    expect([reader.fields.get('x-note'), reader.fields.get('age')]).toEqual([note, '0']);
    h.clock.advance(80_000);
    const hit = h.ask('/a');
    expect([hit.body.toString(), hit.fields.get('x-note')]).toEqual(['version 1', note]);
    expect(hit.fields.get('cache-control')).toBe('max-age=90');
    expect(hit.cacheStatus).toBe('Holdfast; hit; ttl=10');
    expect(h.tier.cache.count).toBe(slots);
    h.finish();
  });

  test('a 304 of equal length that says no-cache takes effect', () => {
    const h = new Harness({ route: ROUTE });
    h.fill('/a', { fields: { 'cache-control': 'max-age=60, x', etag: '"1"' } });
    h.clock.advance(200_000);
    h.ask('/a');
    const length = h.tier.cache.entries.headBytes(0);
    h.last.answer({ status: 304, fields: { 'cache-control': 'no-cache, xyz', etag: '"1"' } });
    expect(h.tier.cache.entries.headBytes(0)).toBe(length);
    expect(h.tier.cache.entries.flags(0) & Flag.VALIDATE).toBe(Flag.VALIDATE);
    expect(h.ask('/a').state).toBe('waiting');
    h.finish();
  });

  test('a 304 while another client is in the middle of the old head and body', () => {
    for (const note of ['two', 'much longer than before']) {
      const h = new Harness({ route: ROUTE });
      const body = noise(5, 50_000);
      h.fill('/a', STORED, body);
      const slow = h.ask('/a', { pace: 'held', pieceBytesMax: 40 });
      slow.pump(2);
      h.clock.advance(200_000);
      const validated = h.ask('/a');
      h.last.answer({ status: 304, fields: { 'x-note': note } });
      expect(validated.fields.get('x-note')).toBe(note);
      expect(validated.body.equals(body)).toBe(true);
      slow.pump();
      expect(slow.fields.get('x-note')).toBe('one');
      expect(slow.body.equals(body)).toBe(true);
      h.finish();
    }
  });

  test('a 304 about another representation is not believed: the image is fetched whole', () => {
    const h = staleBy(100);
    const readers = [h.ask('/a'), h.ask('/a')];
    h.last.answer({ status: 304, fields: { etag: '"other"' } });
    const again = h.origin.calls.filter((call) => call.running);
    expect(again.length).toBeGreaterThanOrEqual(1);
    for (const call of again) {
      expect(call.request.fields.has('if-none-match')).toBe(false);
      call.answer({ fields: { 'cache-control': 'max-age=60', etag: '"other"' } }, Buffer.from('version 2'));
    }
    for (const reader of readers) expect(reader.body.toString()).toBe('version 2');
    expect(h.ask('/a').body.toString()).toBe('version 2');
    h.finish();
  });

  test('a 200 replaces; who reads the old one still gets all of it', () => {
    const h = new Harness({ route: ROUTE });
    const old = noise(6, 100_000);
    h.fill('/a', STORED, old);
    const slow = h.ask('/a', { pace: 'held', pieceBytesMax: 5_000 });
    slow.pump(3);
    h.clock.advance(200_000);
    const replaced = h.ask('/a');
    h.last.answer({ fields: { 'cache-control': 'max-age=60', etag: '"2"' } }, Buffer.from('version 2'));
    expect(replaced.cacheStatus).toBe('Holdfast; fwd=stale; fwd-status=200; stored');
    expect(h.tier.cache.count).toBe(2);
    slow.pump();
    expect(slow.body.equals(old)).toBe(true);
    expect(h.tier.cache.count).toBe(1);
    expect(h.tier.cache.account.removals.replaced).toBe(1);
    h.finish();
  });

  test('followers of a validation are collapsed onto its 304', () => {
    const h = staleBy(100);
    const [leader, follower] = [h.ask('/a'), h.ask('/a')];
    h.last.answer({ status: 304, fields: { 'cache-control': 'max-age=60' } });
    expect(leader.cacheStatus).toBe('Holdfast; fwd=stale; fwd-status=304; ttl=60');
    expect(follower.cacheStatus).toBe('Holdfast; fwd=stale; fwd-status=304; collapsed; ttl=60');
    expect(follower.body.toString()).toBe('version 1');
    h.finish();
  });

  test('no-cache: stored, and validated before each use', () => {
    const h = new Harness({ route: ROUTE });
    h.fill('/a', { fields: { 'cache-control': 'no-cache', etag: '"1"' } });
    const reader = h.ask('/a');
    expect(reader.state).toBe('waiting');
    h.last.fail('refused');
    expect(reader.status).toBe(502);
    h.finish();
  });

  test('directives of the request count only where the route obeys them', () => {
    for (const obeys of [false, true]) {
      const h = new Harness({ route: `obeyRequestDirectives: ${obeys}` });
      h.fill('/a', STORED);
      expect(h.ask('/a', { fields: { 'cache-control': 'no-cache' } }).state).toBe(
        obeys ? 'waiting' : 'whole',
      );
      h.finish();
    }
  });

  test('a wall clock that goes back makes nothing negative', () => {
    const h = staleBy(-30);
    h.clock.jumpWall(-3_600_000);
    const hit = h.ask('/a');
    expect([hit.status, hit.fields.get('age')]).toEqual([200, '0']);
    h.finish();
  });
});

describe('last-known-good', () => {
  const OLD = { 'cache-control': 'max-age=60', etag: '"1"' };
  const WEEK_MS = 7 * 86_400_000;
  const aged = (contentType: string, route = ''): Harness => {
    const h = new Harness({ route });
    h.fill('/a', { fields: { ...OLD, 'content-type': contentType } }, 'old');
    h.clock.advance(WEEK_MS);
    return h;
  };

  test('an image answers for an origin that fails, however old it is, and says so', () => {
    for (const cause of ['refused', 'status-503'] as const) {
      const h = aged('image/png');
      const reader = h.ask('/a');
      if (cause === 'refused') h.last.fail(cause);
      else h.last.answer({ status: 503 }, Buffer.from('busy'));
      expect(reader.body.toString()).toBe('old');
      expect(reader.cacheStatus).toContain(
        `detail="last-known-good ${cause === 'refused' ? 'origin-refused' : 'origin-status'}"`,
      );
      h.finish();
    }
  });

  test.each([
    ['text/html', '', 502],
    ['text/html', 'stale: { lastKnownGood: always }', 200],
    ['image/png', 'stale: { lastKnownGood: never }', 502],
  ])('%s with %p: %i', (contentType, route, status) => {
    const h = aged(contentType, route);
    const reader = h.ask('/a');
    h.last.fail('refused');
    expect(reader.status).toBe(status);
    h.finish();
  });

  test('its eviction is no early one: it was past all its windows', () => {
    const h = aged('image/png');
    h.tier.cache.resize(0, h.nowS);
    expect([h.tier.cache.count, h.tier.cache.account.routes[0]!.earlyEvictions]).toEqual([0, 0]);
    h.finish();
  });
});

describe('a new body while an old one could stand in', () => {
  const head = (bodyBytes: number) => ({ fields: { 'cache-control': 'max-age=60' }, bodyBytes });

  test('reaches leader and followers when it is whole', () => {
    for (const framing of ['length', 'chunked'] as const) {
      const h = staleBy(100);
      const leader = h.ask('/a');
      h.last.head({ ...head(6), framing }).data(Buffer.from('new'));
      const follower = h.ask('/a');
      expect([leader.state, follower.state, h.origin.calls.length]).toEqual(['waiting', 'waiting', 2]);
      h.last.data(Buffer.from('est')).end();
      expect([leader.body.toString(), follower.body.toString()]).toEqual(['newest', 'newest']);
      expect(h.ask('/a').cacheStatus).toBe('Holdfast; hit; ttl=60');
      h.finish();
    }
  });

  test('is not waited for when it is large', () => {
    const h = new Harness({ route: 'stale: { ifError: 1h }', memoryBytes: 64 * 2 ** 20 });
    h.fill('/a', { fields: { 'cache-control': 'max-age=60', etag: '"1"' } }, 'old');
    h.clock.advance(100_000);
    const reader = h.ask('/a');
    h.last.head(head(9 * 2 ** 20)).data(Buffer.alloc(1000));
    expect(reader.body.length).toBe(1000);
    h.finish();
  });

  test('of unknown length is not waited for once it outgrows what is kept', () => {
    const h = new Harness({ route: 'stale: { ifError: 1h }', spoolBytes: 10_000 });
    h.fill('/a', { fields: { 'cache-control': 'max-age=60', etag: '"1"' } }, 'old');
    h.clock.advance(100_000);
    const readers = [h.ask('/a'), h.ask('/a')];
    const body = noise(1, 18_000);
    h.last.head({ ...head(0), framing: 'chunked' }).data(body.subarray(0, 9_000));
    expect(readers.map((reader) => reader.state)).toEqual(['waiting', 'waiting']);
    h.last.data(body.subarray(9_000)).end();
    expect(readers.map((reader) => reader.body.equals(body))).toEqual([true, true]);
    h.finish();
  });
});
