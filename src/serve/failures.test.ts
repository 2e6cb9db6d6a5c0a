import { describe, expect, test } from 'bun:test';
import { checkFailures } from '../../test/support/failures.ts';
import { Harness } from '../../test/support/harness.ts';

/** Origins that are in trouble, and what clients are told. That header, books and metric agree is checked by each `finish`. */

const FRESH = { fields: { 'cache-control': 'max-age=60', etag: '"1"' } };
const BODY = Buffer.from('body');

function failTimes(h: Harness, times: number): void {
  for (let i = 0; i < times; i += 1) {
    h.ask(`/failing-${i}`);
    h.last.fail('refused');
  }
}

describe('with an open circuit', () => {
  test('a stale image is served at once, the first time too, and renewed once the origin is back', () => {
    const h = new Harness({ guard: { breaker: {} }, route: 'stale: { whileRevalidate: 0s, ifError: 1h }' });
    h.fill('/a', FRESH, 'good');
    h.clock.advance(61_000);
    failTimes(h, 5);
    const calls = h.origin.calls.length;
    const reader = h.ask('/a');
    expect([reader.body.toString(), reader.cacheStatus]).toEqual([
      'good',
      'Holdfast; hit; ttl=-1; detail="stale-if-error origin-circuit-open"',
    ]);
    expect(h.origin.calls.length).toBe(calls);
    h.clock.advance(1_001);
    for (const round of [1, 2]) {
      expect(h.ask('/a').body.toString()).toBe('good');
      expect(h.origin.calls.length).toBe(calls + round);
      h.last.answer({ status: 304, fields: { etag: '"1"' } });
      h.clock.advance(61_000);
    }
    const asks = h.ask('/a');
    h.last.answer(FRESH, Buffer.from('new'));
    expect(asks.body.toString()).toBe('new');
    h.finish();
  });

  test('a crowd in front of the origin is no reason to wait either', () => {
    const h = new Harness({
      guard: { connections: 1, queueMax: 4 },
      route: 'stale: { whileRevalidate: 0s }',
    });
    h.fill('/a', FRESH, 'good');
    h.clock.advance(61_000);
    for (const target of ['/1', '/2', '/3']) h.ask(target);
    const reader = h.ask('/a');
    expect(reader.cacheStatus).toBe('Holdfast; hit; ttl=-1; detail="stale-if-error origin-queue-full"');
    for (let i = 1; i <= 3; i += 1) h.origin.calls[i]!.answer(FRESH, BODY);
    expect(h.last.request).toMatchObject({ target: '/a', background: true });
    h.finish();
  });

  test('what is not stored is refused with the time to come back', () => {
    const h = new Harness({ guard: { breaker: { openMs: 5_000 } } });
    failTimes(h, 5);
    const reader = h.ask('/a');
    h.clock.advance(0);
    expect([reader.status, reader.cacheStatus]).toEqual([503, 'Holdfast; detail=origin-circuit-open']);
    expect(Number(reader.fields.get('retry-after'))).toBeWithin(4, 6);
    expect(checkFailures(h).get('origin-circuit-open')).toBe(1);
    h.finish();
  });
});

describe('load shedding', () => {
  test('refuses only what is not stored at all and nobody fetches', () => {
    const h = new Harness({ fetchesMax: 2, route: 'stale: { whileRevalidate: 1m, ifError: 1h }' });
    h.fill('/fresh', { fields: { 'cache-control': 'max-age=600' } });
    h.fill('/stale', FRESH, 'good');
    h.clock.advance(61_000);
    const [one] = [h.ask('/1'), h.ask('/2')];
    const shed = h.ask('/3');
    expect([shed.status, shed.fields.get('retry-after'), shed.cacheStatus]).toEqual([
      503,
      '1',
      'Holdfast; detail=shed',
    ]);
    expect(h.bookingOf(shed).served).toMatchObject({ outcome: 'failed', cause: 'shed' });
    const joined = h.ask('/1');
    expect([h.ask('/fresh').status, h.ask('/stale').body.toString()]).toEqual([200, 'good']);
    h.origin.calls[2]!.answer(FRESH, BODY);
    expect([one!.status, joined.status]).toEqual([200, 200]);
    for (const call of h.origin.calls.slice(3)) call.answer(FRESH, BODY);
    const later = h.ask('/3');
    h.last.answer(FRESH, BODY);
    expect(later.status).toBe(200);
    h.finish();
  });

  test('an image that has to be validated is, since it is stored', () => {
    const h = new Harness({ fetchesMax: 1, route: 'stale: { whileRevalidate: 0s, ifError: 0s }' });
    h.fill('/stale', FRESH, 'good');
    h.clock.advance(61_000);
    h.ask('/1');
    const reader = h.ask('/stale');
    h.last.answer({ status: 304, fields: { etag: '"1"' } });
    expect(reader.body.toString()).toBe('good');
    h.finish();
  });
});

describe('a retrieval failure', () => {
  test('a body that breaks at the origin: the cause is in the books, the head was sent before', () => {
    const h = new Harness();
    const reader = h.ask('/a');
    h.last
      .head({ ...FRESH, bodyBytes: 100 })
      .data(BODY)
      .fail('truncated');
    expect([reader.state, h.bookingOf(reader).served.cause]).toEqual(['broken', 'origin-truncated']);
    expect([...checkFailures(h)]).toEqual([['origin-truncated', 1]]);
    h.finish();
  });

  test('an error of the origin, when it comes and when it was stored', () => {
    const h = new Harness({ route: 'ttl: { negative: 10s, serverError: 10s }' });
    const first = h.fill('/a', { status: 503 }, 'busy');
    expect(first.cacheStatus).toBe('Holdfast; fwd=uri-miss; fwd-status=503; stored; detail=origin-status');
    const again = h.ask('/a');
    expect(again.cacheStatus).toBe('Holdfast; hit; ttl=10; detail=origin-status');
    h.fill('/b', { status: 429 }, 'enough');
    h.fill('/c', { status: 404 }, 'not here');
    h.fill('/d', { status: 503, fields: { 'cache-control': 'private' } }, 'busy');
    expect([...checkFailures(h)]).toEqual([['origin-status', 4]]);
    h.finish();
  });

  test('a client that goes is none, whatever happens to its image afterwards', () => {
    const h = new Harness();
    h.ask('/a').leave();
    h.last.fail('refused');
    const reader = h.ask('/b');
    h.last.head({ ...FRESH, bodyBytes: 100 }).data(BODY);
    reader.leave();
    h.last.fail('truncated');
    expect([...checkFailures(h)]).toEqual([]);
    h.finish();
  });

  test('a loop is one; a question that only the store was to answer, and one for no route, are not', () => {
    const h = new Harness({ route: '- name: r\n  origin: o\n  match: { paths: ["/a/*"] }\n' });
    h.ask('/b');
    h.ask('/a/1', { fields: { via: '1.1 holdfast-0a1b2c' } });
    expect([...checkFailures(h)]).toEqual([['loop', 1]]);
    const g = new Harness({ route: 'obeyRequestDirectives: true' });
    expect(g.ask('/a', { fields: { 'cache-control': 'only-if-cached' } }).status).toBe(504);
    expect([...checkFailures(g)]).toEqual([]);
    h.finish();
    g.finish();
  });

  test('renewals in the background are said to be that', () => {
    const h = new Harness({ route: 'stale: { whileRevalidate: 1m, ifError: 1h }' });
    h.fill('/a', FRESH);
    expect(h.last.request.background).toBe(false);
    h.clock.advance(61_000);
    h.ask('/a');
    expect(h.last.request.background).toBe(true);
    h.finish();
  });
});
