import { describe, expect, test } from 'bun:test';
import { Harness } from '../../test/support/harness.ts';

/** Methods that change things: who may send them, and what is forgotten for it (RFC 9111 section 4.4). */

const FRESH = { fields: { 'cache-control': 'max-age=600', etag: '"1"' } };
const AVIF = { fields: { accept: 'image/avif' } };
const WEBP = { fields: { accept: 'image/webp' } };

describe('forwarded', () => {
  test.each(['POST', 'PUT', 'DELETE', 'PATCH', 'M-SEARCH', 'OPTIONS'])(
    '%s, with what the client says',
    (method) => {
      const h = new Harness();
      const fields = { 'content-type': 'text/plain', 'if-match': '"1"', cookie: 'a=b', te: 'x' };
      const reader = h.ask('/a', { method, fields });
      expect([h.last.request.method, h.last.request.target]).toEqual([method, '/a']);
      expect(h.last.request.fields.get('cookie')).toBe('a=b');
      expect(h.last.request.fields.get('if-match')).toBe('"1"');
      expect(h.last.request.fields.has('te')).toBe(false);
      h.last.answer({ status: 201, fields: { 'set-cookie': 'c=d' }, framing: 'length', bodyBytes: 0 });
      expect([reader.status, reader.fields.get('set-cookie')]).toEqual([201, 'c=d']);
      expect(reader.cacheStatus).toBe('Holdfast; fwd=method; fwd-status=201; detail=method');
      h.finish();
    },
  );

  test('never twice: a fault of our own ends it', () => {
    const h = new Harness();
    h.path.flights.onHead = () => {
      throw new Error('deliberate');
    };
    const reader = h.ask('/a', { method: 'POST' });
    h.last.head({ status: 200, bodyBytes: 0, framing: 'length' });
    expect([reader.status, h.origin.calls.length]).toEqual([500, 1]);
    expect(h.faults.splice(0).length).toBe(1);
    h.finish();
  });

  test('two of them at once are two', () => {
    const h = new Harness();
    h.ask('/a', { method: 'POST' });
    h.ask('/a', { method: 'POST' });
    h.ask('/a');
    expect(h.origin.calls.map((call) => call.request.method)).toEqual(['POST', 'POST', 'GET']);
    h.finish();
  });
});

describe('invalidation', () => {
  const change = (h: Harness, target: string, status: number, fields: Record<string, string> = {}): void => {
    h.ask(target, { method: 'POST' });
    h.last.head({ status, fields, framing: 'length', bodyBytes: 0 }).end();
  };

  test.each([
    [200, true],
    [204, true],
    [303, true],
    [400, false],
    [500, false],
  ])('after a %i: %p', (status, forgotten) => {
    const h = new Harness();
    h.fill('/a', FRESH, 'old');
    change(h, '/a', status);
    expect(h.ask('/a').state).toBe(forgotten ? 'waiting' : 'whole');
    expect(h.tier.cache.account.removals.invalidated).toBe(forgotten ? 1 : 0);
    h.finish();
  });

  test('OPTIONS forgets nothing', () => {
    const h = new Harness();
    h.fill('/a', FRESH, 'old');
    h.ask('/a', { method: 'OPTIONS' });
    h.last.head({ status: 200, framing: 'length', bodyBytes: 0 }).end();
    expect(h.ask('/a').body.toString()).toBe('old');
    h.finish();
  });

  test('all variants, for good', () => {
    const h = new Harness();
    const head = { fields: { ...FRESH.fields, vary: 'accept' } };
    h.fill('/a', head, 'avif', AVIF);
    h.fill('/a', head, 'webp', WEBP);
    change(h, '/a', 200);
    h.fill('/a', head, 'new avif', AVIF);
    expect(h.ask('/a', WEBP).state).toBe('waiting');
    h.last.answer(head, Buffer.from('new webp'));
    expect([h.ask('/a', AVIF), h.ask('/a', WEBP)].map((reader) => reader.body.toString())).toEqual([
      'new avif',
      'new webp',
    ]);
    h.finish();
  });

  test('a fetch that is under way serves who waits and is not kept', () => {
    const h = new Harness();
    const early = h.ask('/a');
    const fetch = h.last;
    change(h, '/a', 200);
    fetch.answer(FRESH, Buffer.from('before'));
    expect(early.body.toString()).toBe('before');
    expect(h.ask('/a').state).toBe('waiting');
    h.finish();
  });

  test('also when nobody waits for the response any more', () => {
    const h = new Harness();
    h.fill('/a', FRESH, 'old');
    h.ask('/a', { method: 'DELETE' }).leave();
    h.last.head({ status: 204 }).end();
    expect(h.ask('/a').state).toBe('waiting');
    h.finish();
  });

  test.each([
    ['/b', true],
    ['b', true],
    ['./b', true],
    ['http://img.example/b', true],
    ['//IMG.example/b#part', true],
    ['http://other.example/b', false],
    ['ftp://img.example/b', false],
    ['', false],
  ])('Location %p forgets /b: %p', (location, forgotten) => {
    for (const name of ['location', 'content-location']) {
      const h = new Harness();
      h.fill('/b', FRESH, 'old');
      change(h, '/a', 201, { [name]: location });
      expect(h.ask('/b').state).toBe(forgotten ? 'waiting' : 'whole');
      h.finish();
    }
  });

  test('a prefix that the route strips is put back', () => {
    const h = new Harness({ route: 'stripPrefix: /images\nmatch: { paths: ["/images/*"] }' });
    h.fill('/images/b', FRESH, 'old');
    change(h, '/images/a', 201, { location: '/b' });
    expect(h.ask('/images/b').state).toBe('waiting');
    h.finish();
  });
});

describe('credentials', () => {
  const AUTHORIZED = { fields: { authorization: 'Basic eA==' } };

  test.each([
    ['public, max-age=60', true],
    ['s-maxage=60', true],
    ['must-revalidate, max-age=60', true],
    ['max-age=60', false],
    ['private, max-age=60', false],
  ])('what comes for them with %p is for all: %p', (cacheControl, forAll) => {
    const h = new Harness();
    const reader = h.fill('/a', { fields: { 'cache-control': cacheControl } }, 'image', AUTHORIZED);
    expect(reader.body.toString()).toBe('image');
    expect(h.last.request.fields.get('authorization')).toBe('Basic eA==');
    expect(h.ask('/a').state).toBe(forAll ? 'whole' : 'waiting');
    expect(h.ask('/a', AUTHORIZED).state).toBe(forAll ? 'whole' : 'waiting');
    h.finish();
  });

  test('what is stored answers them only if it says so', () => {
    const h = new Harness();
    h.fill('/a', { fields: { 'cache-control': 'max-age=60' } }, 'for those without');
    expect(h.ask('/a', AUTHORIZED).state).toBe('waiting');
    h.finish();
  });

  test('nobody waits with them, and they wait with nobody', () => {
    const h = new Harness();
    h.ask('/a');
    h.ask('/a', AUTHORIZED);
    h.ask('/a', AUTHORIZED);
    expect(h.origin.calls.length).toBe(3);
    h.finish();
  });
});

describe('bypass rules', () => {
  const ROUTE = 'bypass: { paths: ["/live/*", "/one"], fields: [X-Preview], cookies: [editor] }';
  test.each<[target: string, fields: Record<string, string>, past: boolean]>([
    ['/a', {}, false],
    ['/live/a', {}, true],
    ['/one', {}, true],
    ['/one/more', {}, false],
    ['/a', { 'x-preview': '' }, true],
    ['/a', { cookie: 'a=editor; editors=1' }, false],
    ['/a', { cookie: 'a=b; editor=1' }, true],
  ])('%s %p: %p', (target, fields, past) => {
    const h = new Harness({ route: ROUTE });
    for (let i = 0; i < 2; i += 1) {
      h.ask(target, { fields });
      if (h.last.running) h.last.answer(FRESH, Buffer.from('x'));
    }
    expect(h.origin.calls.length).toBe(past ? 2 : 1);
    expect(h.booked('bypass')).toBe(past ? 2 : 0);
    h.finish();
  });
});

test('fields that no key has are sent unless the route says otherwise, and never the dangerous ones', () => {
  for (const [route, sent] of [
    ['', true],
    ['sendFields: keyed', false],
  ] as const) {
    const h = new Harness({ route });
    h.ask('/a', { fields: { 'x-unusual': '1', 'x-forwarded-host': 'evil', cookie: 'a=b' } });
    const { fields } = h.last.request;
    expect([fields.has('x-unusual'), fields.has('x-forwarded-host'), fields.has('cookie')]).toEqual([
      sent,
      false,
      false,
    ]);
    h.finish();
  }
});
