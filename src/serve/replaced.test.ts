import { describe, expect, test } from 'bun:test';
import { Harness } from '../../test/support/harness.ts';

/** What may take the place of a stored response, and what may not: errors, late answers, and answers to another question. */

const ROUTE = 'stale: { whileRevalidate: 0s, ifError: 1h }';
const AVIF = { fields: { accept: 'image/avif' } };
const WEBP = { fields: { accept: 'image/webp' } };
const FRESH = { fields: { 'cache-control': 'max-age=60', etag: '"1"' } };
const VARYING = { fields: { 'cache-control': 'max-age=60', etag: '"1"', vary: 'accept' } };

describe('a response without Vary, of a resource that varies', () => {
  test.each([
    ['a 503', { status: 503, fields: {} }],
    ['a 404', { status: 404, fields: {} }],
    ['a 200', { status: 200, fields: { 'cache-control': 'max-age=60' } }],
  ])('%s hides no fresh variant', (_, head) => {
    const h = new Harness({ route: `${ROUTE}\nttl: { serverError: 10s }` });
    h.fill('/a', VARYING, 'avif', AVIF);
    h.fill('/a', head, 'plain', WEBP);
    expect(h.ask('/a', AVIF).body.toString()).toBe('avif');
    expect(h.ask('/a', WEBP).body.toString()).toBe('plain');
    expect(h.origin.calls.length).toBe(2);
    h.finish();
  });

  test('those who wait with the request that met it get it only if they would have sent the same', () => {
    const h = new Harness({ route: ROUTE });
    h.fill('/a', VARYING, 'jxl', { fields: { accept: 'image/jxl' } });
    h.clock.advance(61_000);
    const [one, other] = [h.ask('/a', AVIF), h.ask('/a', WEBP)];
    const [, forAvif, forWebp] = h.origin.calls;
    forAvif!.answer({ status: 404 }, Buffer.from('none'));
    forWebp!.answer(VARYING, Buffer.from('webp'));
    expect([one.status, other.status]).toEqual([404, 200]);
    h.finish();
  });
});

describe('an error', () => {
  test.each([404, 410, 503])('%d that lands after a good response was stored leaves it', (status) => {
    for (const framing of ['length', 'chunked'] as const) {
      const h = new Harness({ route: ROUTE });
      // Known to be personal, so that requests do not wait for each other.
      h.fill('/a', { fields: { 'cache-control': 'private' } });
      const [good, failed] = [h.ask('/a'), h.ask('/a')];
      const [, first, second] = h.origin.calls;
      second!.head({ status, framing, bodyBytes: 4 });
      first!.answer(FRESH, Buffer.from('good'));
      second!.data(Buffer.from('oops')).end();
      expect([good.body.toString(), failed.body.toString()]).toEqual(['good', 'oops']);
      expect(h.ask('/a').body.toString()).toBe('good');
      h.finish();
    }
  });

  test('after a 304 about another representation still leaves the stale copy, which is served', () => {
    const h = new Harness({ route: ROUTE });
    h.fill('/a', FRESH, 'good');
    h.clock.advance(61_000);
    const reader = h.ask('/a');
    h.last.answer({ status: 304, fields: { etag: '"other"' } });
    h.last.answer({ status: 503 }, Buffer.from('busy'));
    expect(reader.body.toString()).toBe('good');
    expect(h.ask('/a').body.toString()).toBe('good');
    h.finish();
  });

  test('that is the first variant of a resource does not hide the good response it had', () => {
    const h = new Harness({ route: ROUTE });
    h.fill('/a', FRESH, 'good');
    h.clock.advance(61_000);
    const reader = h.ask('/a');
    h.last.answer({ status: 403, fields: { vary: 'accept' } }, Buffer.from('none'));
    expect(reader.status).toBe(403);
    const next = h.ask('/a');
    h.last.fail('refused');
    expect(next.body.toString()).toBe('good');
    h.finish();
  });

  test('404 and 410 say that it is gone: they take its place once it may no longer be used unasked', () => {
    for (const status of [404, 410]) {
      const h = new Harness({ route: ROUTE });
      h.fill('/a', { fields: { ...FRESH.fields, 'content-type': 'image/png' } }, 'good');
      h.clock.advance(61_000);
      h.fill('/a', { status }, 'gone');
      expect([h.ask('/a').status, h.origin.calls.length]).toEqual([status, 2]);
      h.clock.advance(11_000);
      const later = h.ask('/a');
      h.last.fail('refused');
      expect(later.status).toBe(502);
      h.finish();
    }
  });

  test('takes the place of what is past all its windows', () => {
    const h = new Harness({ route: ROUTE });
    h.fill('/a', FRESH, 'good');
    h.clock.advance(7_200_000);
    h.fill('/a', { status: 404 }, 'none');
    expect([h.ask('/a').status, h.origin.calls.length]).toEqual([404, 2]);
    h.finish();
  });
});

test('a fetch that took off earlier does not replace what a later one stored', () => {
  for (const framing of ['length', 'chunked'] as const) {
    const h = new Harness({ route: ROUTE });
    h.fill('/a', { fields: { 'cache-control': 'private' } });
    const readers = [h.ask('/a'), h.ask('/a')];
    const [, early, late] = h.origin.calls;
    early!.head({ ...FRESH, framing, bodyBytes: 3 });
    late!.answer(FRESH, Buffer.from('new'));
    early!.data(Buffer.from('old')).end();
    expect(readers.map((reader) => reader.body.toString())).toEqual(['old', 'new']);
    expect(h.ask('/a').body.toString()).toBe('new');
    h.finish();
  }
});

describe('an answer to another question', () => {
  test.each([
    ['a 304 without conditions', { status: 304, fields: { etag: '"1"' } }],
    ['a 206 without Range', { status: 206, fields: { 'content-range': 'bytes 0-3/9' } }],
  ])('%s is a failure of the origin', (_, head) => {
    const h = new Harness({ route: ROUTE });
    const readers = [h.ask('/a'), h.ask('/a')];
    h.last.head({ ...head, bodyBytes: 4 });
    expect(readers.map((reader) => reader.status)).toEqual([502, 502]);
    expect(readers[0]!.cacheStatus).toBe('Holdfast; detail=origin-malformed');
    expect([h.last.state, h.tier.cache.count]).toEqual(['aborted', 0]);
    h.finish();
  });

  test('with a stale copy that may be served, that is served', () => {
    const h = new Harness({ route: ROUTE });
    h.fill('/a', { fields: { 'cache-control': 'max-age=60' } }, 'good');
    h.clock.advance(61_000);
    const reader = h.ask('/a');
    h.last.head({ status: 304 });
    expect(reader.body.toString()).toBe('good');
    expect(reader.cacheStatus).toEndWith('detail="stale-if-error origin-malformed"');
    h.finish();
  });
});

describe('a 304 after which the response may be stored no longer', () => {
  test.each([
    ['private', { 'cache-control': 'private' }],
    ['no-store', { 'cache-control': 'no-store' }],
    ['Vary: *', { vary: '*' }],
    ['another Vary', { vary: 'accept' }],
  ])('%s: answers the one who asked, and nobody else', (_, fields) => {
    const h = new Harness({ route: ROUTE });
    h.fill('/a', FRESH, 'good');
    h.clock.advance(61_000);
    const [leader, follower] = [h.ask('/a'), h.ask('/a')];
    h.last.answer({ status: 304, fields: { etag: '"1"', ...fields } });
    expect(leader.body.toString()).toBe('good');
    for (const [name, value] of Object.entries(fields)) expect(leader.fields.get(name)).toBe(value);
    expect([h.tier.cache.count, h.tier.cache.account.removals.expired]).toEqual([0, 1]);
    expect([follower.state, h.last.request.fields.has('if-none-match')]).toEqual(['waiting', false]);
    h.last.answer({ fields }, Buffer.from('for the second'));
    expect(follower.body.toString()).toBe('for the second');
    h.finish();
  });

  test('no-store of the client does not remove what is stored for all', () => {
    const h = new Harness({ route: `${ROUTE}\nobeyRequestDirectives: true` });
    h.fill('/a', FRESH, 'good');
    h.clock.advance(61_000);
    h.ask('/a', { fields: { 'cache-control': 'no-store' } });
    h.last.answer({ status: 304 });
    expect(h.ask('/a').cacheStatus).toStartWith('Holdfast; hit');
    h.finish();
  });
});

test('after a 304 about another representation, one fetch for all who waited', () => {
  const h = new Harness({ route: ROUTE });
  h.fill('/a', FRESH, 'old');
  h.clock.advance(61_000);
  const readers = [h.ask('/a'), h.ask('/a'), h.ask('/a')];
  h.last.answer({ status: 304, fields: { etag: '"other"' } });
  expect(h.origin.calls.length).toBe(3);
  expect(h.last.request.fields.has('if-none-match')).toBe(false);
  h.last.answer(FRESH, Buffer.from('new'));
  expect(readers.map((reader) => reader.body.toString())).toEqual(['new', 'new', 'new']);
  expect(h.ask('/a').cacheStatus).toStartWith('Holdfast; hit');
  h.finish();
});
