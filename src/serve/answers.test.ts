import { describe, expect, test } from 'bun:test';
import { Harness, noise } from '../../test/support/harness.ts';

/** The plain cases: who is served what, and how the answer says so. */

const FRESH = { fields: { 'cache-control': 'max-age=60', etag: '"1"', 'content-type': 'image/png' } };

describe('hit and miss', () => {
  test('a miss is stored and the next request is a hit, with the same head and body', () => {
    const h = new Harness();
    const body = noise(1, 300_000);
    const miss = h.fill('/a.png', FRESH, body);
    expect(miss.status).toBe(200);
    expect(miss.body.equals(body)).toBe(true);
    expect(miss.cacheStatus).toBe('Holdfast; fwd=uri-miss; fwd-status=200; stored');
    h.clock.advance(7_400);
    const hit = h.ask('/a.png');
    expect(hit.body.equals(body)).toBe(true);
    expect(hit.cacheStatus).toBe('Holdfast; hit; ttl=53');
    expect(hit.fields.get('age')).toBe('7');
    expect(hit.fields.get('content-length')).toBe('300000');
    expect(hit.fields.get('content-type')).toBe('image/png');
    expect(hit.fields.get('etag')).toBe('"1"');
    expect(hit.fields.get('via')).toBe('1.1 holdfast');
    expect(h.origin.calls.length).toBe(1);
    expect([h.booked('hit'), h.booked('miss')]).toEqual([1, 1]);
    h.finish();
  });

  test('it is fresh up to the last second of its lifetime, and stale from the next on', () => {
    const h = new Harness({ route: 'stale: { whileRevalidate: 0s, ifError: 0s }' });
    h.fill('/a', FRESH);
    h.clock.advance(59_999);
    expect(h.ask('/a').cacheStatus).toBe('Holdfast; hit; ttl=1');
    h.clock.advance(1);
    const late = h.ask('/a');
    expect(late.state).toBe('waiting');
    expect(h.last.request.fields.get('if-none-match')).toBe('"1"');
    h.finish();
  });

  test('the age counts what a cache upstream says and the time the answer took', () => {
    const h = new Harness();
    const miss = h.ask('/a');
    h.clock.advance(3_000);
    h.last.answer({ fields: { 'cache-control': 'max-age=60', age: '10' } }, Buffer.from('x'));
    expect(miss.fields.get('age')).toBe('10');
    h.clock.advance(5_000);
    const hit = h.ask('/a');
    expect(hit.fields.get('age')).toBe('18');
    expect(hit.cacheStatus).toBe('Holdfast; hit; ttl=42');
    h.finish();
  });

  test('an empty body is a body', () => {
    const h = new Harness();
    expect(h.fill('/a', FRESH, '').fields.get('content-length')).toBe('0');
    const hit = h.ask('/a');
    expect([hit.state, hit.body.length, hit.fields.get('content-length')]).toEqual(['whole', 0, '0']);
    h.finish();
  });

  test('a 204 carries no Content-Length, stored or not', () => {
    const h = new Harness();
    const miss = h.fill('/a', { status: 204, fields: { 'cache-control': 'max-age=60' } }, '');
    const hit = h.ask('/a');
    expect([miss.status, hit.status]).toEqual([204, 204]);
    expect(hit.cacheStatus).toBe('Holdfast; hit; ttl=60');
    expect([miss.fields.has('content-length'), hit.fields.has('content-length')]).toEqual([false, false]);
    h.finish();
  });

  test('the Cache-Status of a cache upstream comes first, and is not stored', () => {
    const h = new Harness();
    const miss = h.fill('/a', { fields: { ...FRESH.fields, 'cache-status': 'cdn; hit' } });
    expect(miss.cacheStatus).toBe('cdn; hit, Holdfast; fwd=uri-miss; fwd-status=200; stored');
    expect(h.ask('/a').cacheStatus).toBe('Holdfast; hit; ttl=60');
    h.finish();
  });
});

describe('collapsed', () => {
  test('ten requests for one image ask the origin once, also those that come while the body arrives', () => {
    const h = new Harness();
    const body = noise(2, 100_000);
    const early = Array.from({ length: 5 }, () => h.ask('/a'));
    h.last.head({ ...FRESH, bodyBytes: body.length }).data(body.subarray(0, 40_000));
    const late = Array.from({ length: 5 }, () => h.ask('/a'));
    h.last.data(body.subarray(40_000)).end();
    expect(h.origin.calls.length).toBe(1);
    for (const reader of [...early, ...late]) expect(reader.body.equals(body)).toBe(true);
    expect(early[0]!.cacheStatus).toBe('Holdfast; fwd=uri-miss; fwd-status=200; stored');
    for (const follower of [...early.slice(1), ...late])
      expect(follower.cacheStatus).toBe('Holdfast; fwd=uri-miss; fwd-status=200; stored; collapsed');
    expect([h.booked('miss'), h.booked('collapsed')]).toEqual([1, 9]);
    h.finish();
  });

  test('a slow reader gets every byte although the fetch ended long before', () => {
    const h = new Harness();
    const body = noise(3, 200_000);
    const slow = h.ask('/a', { pace: 'held', pieceBytesMax: 1000 });
    const quick = h.ask('/a');
    h.last.answer(FRESH, body);
    expect(quick.state).toBe('whole');
    slow.pump(20);
    expect(h.ask('/a').cacheStatus).toStartWith('Holdfast; hit');
    expect(slow.state).toBe('reading');
    slow.pump();
    expect(slow.body.equals(body)).toBe(true);
    h.finish();
  });

  test('the leader alone gets what was meant for one client', () => {
    const h = new Harness();
    const leader = h.ask('/a');
    const follower = h.ask('/a');
    const cacheControl = 'max-age=60, private="set-cookie"';
    h.last.answer(
      { fields: { 'cache-control': cacheControl, 'set-cookie': 'id=1', age: '5' } },
      Buffer.from('body'),
    );
    expect(leader.fields.get('set-cookie')).toBe('id=1');
    expect(follower.fields.has('set-cookie')).toBe(false);
    expect(follower.fields.get('age')).toBe('5');
    expect(h.ask('/a').fields.has('set-cookie')).toBe(false);
    h.finish();
  });
});

describe('HEAD', () => {
  test('on a miss: fetched with GET, answered without the body, stored whole', () => {
    const h = new Harness();
    const head = h.fill('/a', FRESH, 'the body', { method: 'HEAD' });
    expect(h.last.request.method).toBe('GET');
    expect([head.status, head.state, head.body.length]).toEqual([200, 'whole', 0]);
    expect(head.fields.get('content-length')).toBe('8');
    expect(h.ask('/a').body.toString()).toBe('the body');
    h.finish();
  });

  test('on a hit: the same fields, no body', () => {
    const h = new Harness();
    h.fill('/a', FRESH, 'the body');
    const head = h.ask('/a', { method: 'HEAD' });
    expect([head.state, head.body.length, head.fields.get('content-length')]).toEqual(['whole', 0, '8']);
    expect(head.cacheStatus).toBe('Holdfast; hit; ttl=60');
    expect(head.fields.flat).toEqual(h.ask('/a').fields.flat);
    h.finish();
  });

  test('of what may not be stored: the origin is asked with GET and let go after the head', () => {
    const h = new Harness();
    const head = h.ask('/a', { method: 'HEAD' });
    h.last.head({ fields: { 'cache-control': 'no-store' }, bodyBytes: 10_000 });
    expect([head.state, head.fields.get('content-length')]).toEqual(['whole', '10000']);
    expect(h.last.state).toBe('aborted');
    h.finish();
  });
});

describe('refused', () => {
  test.each([
    ['POST', '/images/a', 405, 'method-not-allowed'],
    ['get', '/images/a', 405, 'method-not-allowed'],
    ['GET', '/a%00b', 400, 'bad-request'],
    ['GET', '/a%zz', 400, 'bad-request'],
    ['GET', '/%c0%ae/secret', 400, 'bad-request'],
    ['GET', 'a', 400, 'bad-request'],
    ['GET', '/other/a', 404, 'route-not-found'],
    ['GET', '/images/../other/a', 404, 'route-not-found'],
    ['GET', '/images/%2e%2e/other/a', 404, 'route-not-found'],
  ])('%s %s is answered %i %s, and the origin is not asked', (method, target, status, code) => {
    const h = new Harness({ route: 'match: { paths: ["/images/*"] }\nunsafeMethods: refuse' });
    const reader = h.ask(target, { method });
    expect(reader.status).toBe(status);
    expect(reader.cacheStatus).toBe(`Holdfast; detail=${code}`);
    expect(reader.fields.get('cache-control')).toBe('no-store');
    expect(reader.fields.get('allow')).toBe(status === 405 ? 'GET, HEAD' : undefined);
    expect([h.origin.calls.length, h.booked('refused')]).toEqual([0, 1]);
    h.finish();
  });

  test('only-if-cached is answered from the store, or 504 without asking the origin', () => {
    const h = new Harness();
    const asking = { fields: { 'cache-control': 'only-if-cached' } };
    expect(h.ask('/a', asking).status).toBe(504);
    h.fill('/a', FRESH);
    expect(h.ask('/a', asking).status).toBe(200);
    expect(h.origin.calls.length).toBe(1);
    h.finish();
  });
});

describe('failed', () => {
  test.each([
    ['refused', 502],
    ['connect-timeout', 504],
    ['first-byte-timeout', 504],
    ['reset', 502],
    ['malformed', 502],
  ] as const)('%s without a copy is answered %i, to leader and followers', (cause, status) => {
    const h = new Harness();
    const readers = [h.ask('/a'), h.ask('/a')];
    h.last.fail(cause);
    for (const reader of readers) {
      expect(reader.status).toBe(status);
      expect(reader.cacheStatus).toBe(`Holdfast; detail=origin-${cause}`);
    }
    expect(h.booked('failed')).toBe(2);
    expect(h.ask('/a').state).toBe('waiting');
    h.finish();
  });

  test('an error of the origin is passed on, kept for seconds and counted as failed', () => {
    const h = new Harness({ route: 'ttl: { serverError: 5s }' });
    const first = h.fill('/a', { status: 503 }, 'busy');
    expect([first.status, first.body.toString()]).toEqual([503, 'busy']);
    h.clock.advance(4_000);
    expect([h.ask('/a').status, h.origin.calls.length]).toEqual([503, 1]);
    h.clock.advance(1_000);
    h.fill('/a', { status: 503 }, 'busy again');
    h.clock.advance(1_000);
    const kept = h.ask('/a');
    expect([kept.status, kept.body.toString(), h.origin.calls.length]).toEqual([503, 'busy again', 2]);
    h.finish();
  });

  test('a 404 is kept for the negative lifetime', () => {
    const h = new Harness({ route: 'ttl: { negative: 5s }' });
    h.fill('/a', { status: 404 }, 'none');
    h.clock.advance(4_999);
    expect(h.ask('/a').cacheStatus).toBe('Holdfast; hit; ttl=1');
    h.clock.advance(1);
    expect(h.fill('/a', FRESH, 'there').body.toString()).toBe('there');
    h.finish();
  });
});
