import { describe, expect, test } from 'bun:test';
import { Harness } from '../../test/support/harness.ts';
import type { FieldPairs, OriginCall } from '../../test/support/scripted-origin.ts';
import { type Random, seededRandom } from '../base/random.ts';
import { acceptedFormats } from '../http/negotiation.ts';

/** Cache poisoning: what a client gets must not depend on who asked before. */

const FRESH = { fields: { 'cache-control': 'max-age=60', 'content-type': 'image/jpeg' } };

/** Fields by which origins, frameworks and gateways were made to answer otherwise. */
const SELECTING = [
  ['x-forwarded-host', 'evil.example'],
  ['x-forwarded-proto', 'http'],
  ['x-forwarded-scheme', 'http'],
  ['x-forwarded-port', '1'],
  ['x-forwarded-for', '127.0.0.1'],
  ['x-forwarded-prefix', '/evil'],
  ['x-forwarded-server', 'evil.example'],
  ['forwarded', 'host=evil.example;proto=http'],
  ['x-host', 'evil.example'],
  ['x-original-url', '/admin'],
  ['x-original-host', 'evil.example'],
  ['x-rewrite-url', '/admin'],
  ['x-http-method-override', 'DELETE'],
  ['x-http-method', 'HEAD'],
  ['x-method-override', 'POST'],
  ['x-http-host-override', 'evil.example'],
  ['x_forwarded_host', 'evil.example'],
  ['x-amz-website-redirect-location', 'http://evil.example'],
  ['x-amz-server-side-encryption', 'yes'],
  ['x-goog-api-key', '1'],
  ['x-envoy-original-path', '/admin'],
  ['x-accel-redirect', '/etc/passwd'],
  ['x-sendfile', '/etc/passwd'],
  ['x-debug', '1'],
  ['x-api-key', '1'],
  ['early-data', '1'],
  ['accept-language', 'xx'],
  ['accept-charset', 'utf-7'],
  ['accept-datetime', 'Thu, 01 Jan 1970 00:00:00 GMT'],
  ['user-agent', 'sqlmap'],
  ['referer', 'http://evil.example/'],
  ['cookie', 'session=1'],
  ['dpr', '4'],
  ['width', '1'],
  ['viewport-width', '1'],
  ['save-data', 'on'],
  ['sec-ch-ua-mobile', '?1'],
  ['content-type', 'application/x-evil'],
  ['content-encoding', 'gzip'],
  ['content-length', '0'],
  ['transfer-encoding', 'chunked'],
  ['range', 'bytes=0-0'],
  ['if-none-match', '*'],
  ['if-match', '"none"'],
  ['if-modified-since', 'Thu, 01 Jan 2037 00:00:00 GMT'],
  ['if-unmodified-since', 'Thu, 01 Jan 1970 00:00:00 GMT'],
  ['if-range', '"x"'],
  ['cache-control', 'no-transform'],
  ['pragma', 'x'],
  ['expect', '100-continue'],
  ['te', 'trailers'],
  ['upgrade', 'h2c'],
  ['http2-settings', 'AAA'],
  ['max-forwards', '0'],
  ['trailer', 'x'],
  ['proxy-authorization', 'Basic eA=='],
  ['connection', 'accept, origin'],
  ['origin', `http://${'a'.repeat(9_000)}.example`],
  ['origin', 'http://a.example, http://b.example'],
  ['accept', `text/html;q="${'a'.repeat(9_000)}"`],
  ['accept', 'application/json'],
  ['accept-encoding', `x-${'a'.repeat(9_000)}`],
  ['via', `1.1 ${'a'.repeat(9_000)}`],
] as const;

/** And those that no list has: only `sendFields: keyed` keeps them back. */
const UNHEARD_OF = [
  ['x-nobody-has-thought-of-this', '1'],
  ['shop-currency', 'EUR'],
] as const;

/** What the origin was told beyond the target, without what the node says of itself. */
function told(call: OriginCall): string {
  const { flat } = call.request.fields;
  const lines: string[] = [];
  for (let i = 0; i < flat.length; i += 2) if (flat[i] !== 'via') lines.push(`${flat[i]}: ${flat[i + 1]}`);
  return lines.sort().join('\n');
}

const NEUTRAL = 'accept-encoding: identity\naccept: */*\nuser-agent: holdfast';

describe('a field of one client', () => {
  test.each(SELECTING)('%s (%s) does not reach the origin with a response that all get', (name, value) => {
    const h = new Harness();
    h.ask('/a.jpg', { fields: { [name]: value } });
    expect(told(h.last)).toBe(NEUTRAL);
    expect(h.last.request.fields.get('via')?.length).toBeLessThan(100);
    expect(h.last.request.method).toBe('GET');
    h.last.answer(FRESH, Buffer.from('whole'));
    expect(h.ask('/a.jpg').body.toString()).toBe('whole');
    expect(h.origin.calls.length).toBe(1);
    h.finish();
  });

  test.each([...UNHEARD_OF])(
    '%s does not reach it where the route sends only what is in the key',
    (name, value) => {
      const h = new Harness({ route: 'sendFields: keyed' });
      h.ask('/a.jpg', { fields: { [name]: value } });
      expect(told(h.last)).toBe(NEUTRAL);
      h.last.answer(FRESH, Buffer.from('whole'));
      h.finish();
    },
  );

  test('that the origin does not get needs no copies, although the origin varies by it', () => {
    const h = new Harness();
    const varying = { fields: { ...FRESH.fields, vary: 'Accept-Language, User-Agent' } };
    h.fill('/a.jpg', varying, 'of all', { fields: { 'accept-language': 'de', 'user-agent': 'a' } });
    const other = h.ask('/a.jpg', { fields: { 'accept-language': 'en', 'user-agent': 'b' } });
    expect([other.body.toString(), other.fields.get('vary')]).toEqual([
      'of all',
      'Accept-Language, User-Agent',
    ]);
    h.finish();
  });

  test('is sent where the route names it, and every value has a copy of its own', () => {
    const h = new Harness({ route: 'requestFields: [X-Tenant, DPR]' });
    const as = (tenant: string | undefined) => ({
      fields: tenant === undefined ? {} : { 'x-tenant': tenant },
    });
    for (const tenant of ['a', 'b', undefined]) {
      h.fill('/a.jpg', FRESH, `of ${tenant}`, as(tenant));
      expect(h.last.request.fields.get('x-tenant')).toBe(tenant);
    }
    for (const tenant of ['a', 'b', undefined]) {
      expect(h.ask('/a.jpg', as(tenant)).body.toString()).toBe(`of ${tenant}`);
    }
    expect(h.ask('/a.jpg', { fields: { 'x-tenant': 'a', dpr: '2.0' } }).state).toBe('waiting');
    h.last.answer(FRESH, Buffer.from('of a, double'));
    expect(h.ask('/a.jpg', { fields: { 'x-tenant': 'a', dpr: '2' } }).body.toString()).toBe('of a, double');
    expect(h.purge({ url: '/a.jpg' })).toBe(4);
    h.finish();
  });

  test('that made the error is in the key of the error', () => {
    const h = new Harness();
    const avif = { fields: { accept: 'image/avif,*/*' } };
    h.fill('/a', { fields: { ...FRESH.fields, 'content-type': 'image/avif' } }, 'avif', avif);
    expect(h.ask('/a').state).toBe('waiting'); // it did not say that it takes AVIF
    h.last.answer(FRESH, Buffer.from('jpeg'));
    expect(h.ask('/a').body.toString()).toBe('jpeg');
    expect(h.ask('/a', avif).body.toString()).toBe('avif');
    h.finish();
  });

  test('stays in the key when the origin confirms the response', () => {
    const h = new Harness({ route: 'stale: { whileRevalidate: 0s }\nrequestFields: [X-Tenant]' });
    const avif = { fields: { accept: 'image/avif,*/*', 'x-tenant': 'a' } };
    const fields = { 'cache-control': 'max-age=60', 'content-type': 'image/avif', etag: '"1"' };
    h.fill('/a', { fields }, 'avif', avif);
    h.clock.advance(61_000);
    const renewed = h.ask('/a', avif);
    h.last.answer({ status: 304, fields: { etag: '"1"' } });
    expect(renewed.body.toString()).toBe('avif');
    expect(h.ask('/a', avif).cacheStatus).toStartWith('Holdfast; hit');
    expect(h.ask('/a').state).toBe('waiting');
    h.last.answer(FRESH, Buffer.from('jpeg'));
    h.finish();
  });

  test.each(['/a.avif', '/a?format=avif', '/a?fm=avif&w=5', '/f.avif/a'])(
    '%s asks for the format itself: one copy for all',
    (target) => {
      const h = new Harness();
      const avif = { fields: { accept: 'image/avif,*/*' } };
      h.fill(target, { fields: { ...FRESH.fields, 'content-type': 'image/avif' } }, 'avif', avif);
      expect(h.ask(target).body.toString()).toBe('avif');
      h.finish();
    },
  );

  test('what only one site may read is not for other sites, and what has a coding is for who takes it', () => {
    const h = new Harness();
    const from = (origin: string) => ({ fields: { origin } });
    const readable = { fields: { ...FRESH.fields, 'access-control-allow-origin': 'http://evil.example' } };
    h.fill('/font', readable, 'evil', from('http://evil.example'));
    expect(h.ask('/font', from('http://good.example')).state).toBe('waiting');
    h.last.answer(FRESH, Buffer.from('good'));
    const coded = { fields: { ...FRESH.fields, 'content-encoding': 'gzip' } };
    h.fill('/svg', coded, 'gzip', { fields: { 'accept-encoding': 'gzip' } });
    expect(h.ask('/svg').state).toBe('waiting');
    h.last.answer(FRESH, Buffer.from('plain'));
    expect(h.ask('/svg').body.toString()).toBe('plain');
    h.finish();
  });
});

/**
 * An origin at its worst: it tells everything that it hears in what it serves, and lets Accept, Accept-Encoding and Origin
 * choose in the way origins do, all without `Vary`.
 */
function answerWorst(call: OriginCall): void {
  const { fields } = call.request;
  const format = acceptedFormats(fields.get('accept'))[0] ?? 'jpeg';
  const coding = fields.get('accept-encoding')?.split(', ')[0] ?? 'identity';
  const reader = fields.get('origin');
  const choosing = ['accept: ', 'accept-encoding: ', 'origin: '];
  const rest = told(call)
    .split('\n')
    .filter((line) => !choosing.some((name) => line.startsWith(name)));
  call.answer(
    {
      fields: {
        'cache-control': 'max-age=60',
        'content-type': `image/${format}`,
        ...(coding === 'identity' ? {} : { 'content-encoding': coding }),
        ...(reader === undefined ? {} : { 'access-control-allow-origin': reader }),
      },
    },
    Buffer.from(`${format} ${coding} ${reader} ${rest.join(' ')}`),
  );
}

function anyone(random: Random, possible: readonly (readonly [string, string])[]): FieldPairs {
  const pick = <T>(from: readonly T[]): T => from[random.u32() % from.length]!;
  const fields: Record<string, string> = {};
  if (random.u32() % 2 === 0)
    fields['accept'] = pick(['image/avif,image/webp,*/*', 'image/webp', '*/*', 'text/html']);
  if (random.u32() % 2 === 0)
    fields['accept-encoding'] = pick(['gzip, br', 'br', 'gzip', 'identity', 'zstd;q=0']);
  if (random.u32() % 3 === 0) fields['origin'] = pick(['http://a.example', 'https://b.example:8443', 'null']);
  for (let more = random.u32() % 4; more > 0; more -= 1) {
    const [name, value] = pick<readonly [string, string]>(possible);
    if (!(name in fields) && name !== 'connection') fields[name] = value;
  }
  return fields;
}

describe('a body with GET or HEAD, which is in no key', () => {
  const body = { bytes: 9, receive() {}, pause() {}, resume() {} };

  test.each(['GET', 'HEAD'])(
    '%s: does not choose what is stored, nor hold up who waits for the same',
    (method) => {
      const h = new Harness();
      h.ask('/a', { method, body });
      expect([h.last.request.method, h.last.request.body]).toEqual(['GET', undefined]);
      h.last.answer(FRESH, Buffer.from('for all'));
      expect(h.ask('/a').body.toString()).toBe('for all');
      h.finish();
    },
  );

  test('with credentials: what comes may be for all as well', () => {
    const h = new Harness();
    h.ask('/a', { body, fields: { authorization: 'Basic eA==' } });
    expect(h.last.request.body).toBeUndefined();
    h.last.answer(FRESH);
    h.finish();
  });

  test('goes on where nothing is stored', () => {
    const h = new Harness({ route: 'cache: false' });
    h.ask('/a', { body });
    expect(h.last.request.body).toBe(body);
    h.last.answer(FRESH);
    h.finish();
  });
});

/** What a client gets from a cache that nobody has used. */
function alone(fields: FieldPairs, route: string): string {
  const h = new Harness({ route });
  const reader = h.ask('/a', { fields });
  answerWorst(h.last);
  return reader.body.toString();
}

/**
 * What a client may get: what it would get alone, or the plainer thing that somebody gets who opts into less. That one can
 * be read by this client as well; the reverse would be the broken image.
 */
function wantedBy(fields: FieldPairs, route: string): string[] {
  return Array.from({ length: 8 }, (_, leftOut) => {
    const kept = Object.entries(fields).filter(
      ([name]) => (leftOut & (1 << ['accept', 'accept-encoding', 'origin'].indexOf(name))) === 0,
    );
    return alone(Object.fromEntries(kept), route);
  });
}

/** Without the conditions and ranges of its own request, which choose a part of the right answer. */
const OWN = new Set([
  'range',
  'if-range',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
]);

test.each([
  [1, ''],
  [2, ''],
  [3, ''],
  [4, 'sendFields: keyed'],
  [5, 'sendFields: keyed'],
])('whoever came before, nobody gets what they did not ask for (seed %d, %s)', (seed, route) => {
  const random = seededRandom(seed);
  const possible = route === '' ? SELECTING : [...SELECTING, ...UNHEARD_OF];
  for (let round = 0; round < 12; round += 1) {
    const h = new Harness({ route });
    for (let visit = 0; visit < 12; visit += 1) {
      const all = anyone(random, possible);
      const fields = Object.fromEntries(Object.entries(all).filter(([name]) => !OWN.has(name)));
      const reader = h.ask('/a', { fields });
      if (reader.state === 'waiting') answerWorst(h.last);
      expect(wantedBy(fields, route)).toContain(reader.body.toString());
    }
    h.finish();
  }
});

describe('web cache deception', () => {
  const PRIVATE = { fields: { 'cache-control': 'max-age=60', 'content-type': 'text/html; charset=utf-8' } };

  test.each(['/account/a.jpg', '/account;a.jpg', '/account%2Fa.jpg', '/account%00.jpg', '/account?a.jpg'])(
    'a private page at %s is never made with the credentials of one, and stored for all',
    (target) => {
      const h = new Harness();
      const victim = { fields: { cookie: 'session=secret' } };
      const asked = h.ask(target, victim);
      if (asked.status === 400) return; // not an address at all
      expect(h.last.request.fields.has('cookie')).toBe(false);
      h.last.answer(PRIVATE, Buffer.from('please log in'));
      const withToken = h.ask(target, { fields: { authorization: 'Bearer secret' } });
      expect(h.last.request.fields.get('authorization')).toBe('Bearer secret');
      h.last.answer(PRIVATE, Buffer.from('secret page'));
      expect(withToken.body.toString()).toBe('secret page');
      expect(h.ask(target).body.toString()).toBe('please log in');
      h.finish();
    },
  );

  test('what sets a cookie is not stored', () => {
    const h = new Harness();
    h.fill('/account/a.jpg', { fields: { ...PRIVATE.fields, 'set-cookie': 'session=1' } }, 'page');
    expect(h.ask('/account/a.jpg').state).toBe('waiting');
    h.last.answer(PRIVATE, Buffer.from('page'));
    h.finish();
  });

  test.each([
    ['image/*', 'image/png', true],
    ['image/*', 'IMAGE/PNG; x=y', true],
    ['image/*', 'text/html', false],
    ['image/*', 'imagex/png', false],
    ['image/*', '', false],
    ['image/png', 'image/png;q=1', true],
    ['image/png', 'image/pngx', false],
  ])('with storeTypes [%s] a response of type %j is stored: %p', (types, type, stored) => {
    const h = new Harness({ route: `storeTypes: ['${types}']` });
    const fields = { 'cache-control': 'max-age=60', ...(type === '' ? {} : { 'content-type': type }) };
    const first = h.fill('/account/a.jpg', { fields }, 'body');
    expect(first.body.toString()).toBe('body');
    expect(first.cacheStatus.endsWith('; stored')).toBe(stored);
    if (!stored) expect(first.cacheStatus).toEndWith('; detail=type');
    const again = h.ask('/account/a.jpg');
    expect(again.state === 'waiting').toBe(!stored);
    if (!stored) h.last.answer({ fields }, Buffer.from('body'));
    h.finish();
  });

  test('with storeTypes errors are stored as ever: they are not pages of somebody', () => {
    const h = new Harness({ route: "storeTypes: ['image/*']" });
    h.fill('/gone.jpg', { status: 404, fields: { 'content-type': 'text/html' } }, 'no');
    expect(h.ask('/gone.jpg').body.toString()).toBe('no');
    h.finish();
  });
});
