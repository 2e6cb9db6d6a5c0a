import { describe, expect, test } from 'bun:test';
import { parseCacheControl } from './cache-control.ts';
import { Fields } from './fields.ts';
import { type StorabilityRefusal, type StorableInput, storable } from './storable.ts';

interface Given extends Partial<Omit<StorableInput, 'fields' | 'requestFields' | 'cc' | 'requestCc'>> {
  readonly request?: Record<string, string>;
  readonly response?: Record<string, string>;
}

function decide({ request = {}, response = {}, ...rest }: Given): StorabilityRefusal | undefined {
  const requestFields = new Fields(Object.entries(request).flat());
  const fields = new Fields(Object.entries(response).flat());
  return storable({
    method: 'GET',
    requestFields,
    requestCc: parseCacheControl(requestFields.get('cache-control')),
    status: 200,
    fields,
    cc: parseCacheControl(fields.get('cache-control')),
    framing: 'length',
    rules: { negativeTtlS: 10 },
    routeCaches: true,
    receivedAtS: 1_700_000_000,
    ...rest,
  });
}

const LONG_AGO = 'Sun, 06 Nov 1994 08:49:37 GMT';
const FRESH = { 'cache-control': 'max-age=60' };
const cc = (value: string): Given => ({ response: { 'cache-control': value } });

const ROWS: [what: string, given: Given, refusal: StorabilityRefusal | undefined][] = [
  ['a fresh 200', { response: FRESH }, undefined],
  ['the route says no', { response: FRESH, routeCaches: false }, 'route'],
  ['HEAD', { response: FRESH, method: 'HEAD' }, 'method'],
  ['POST', { response: FRESH, method: 'POST' }, 'method'],
  ['get is not GET', { response: FRESH, method: 'get' }, 'method'],
  ['206', { response: FRESH, status: 206 }, 'range'],
  ['a 200 with Content-Range', { response: { ...FRESH, 'content-range': 'bytes 0-1/2' } }, undefined],
  ['304', { response: FRESH, status: 304 }, 'status'],
  ['103', { response: FRESH, status: 103 }, 'status'],
  // Section 3: cacheable by default, or marked.
  ['302 unmarked', { status: 302, response: { etag: '"a"' } }, 'status'],
  ['302 with max-age', { status: 302, response: FRESH }, undefined],
  ['302 with Expires', { status: 302, response: { expires: 'Fri, 31 Dec 9999 23:59:59 GMT' } }, undefined],
  [
    '302 public with validator',
    { ...cc('public'), status: 302, response: { 'cache-control': 'public', etag: '"a"' } },
    undefined,
  ],
  ['400 unmarked', { status: 400 }, 'status'],
  ['a made-up status with max-age', { status: 299, response: FRESH }, undefined],
  ['404', { status: 404 }, undefined],
  ['410', { status: 410 }, undefined],
  ['451', { status: 451 }, undefined],
  ['501', { status: 501 }, undefined],
  // What one client's fields can bring about is for that client, unless the origin says otherwise.
  ['400', { status: 400 }, 'status'],
  ['403', { status: 403 }, 'status'],
  ['403 with a validator', { status: 403, response: { etag: '"a"' } }, 'status'],
  ['403 public', { ...cc('public'), status: 403 }, 'no-freshness'],
  ['403 with max-age', { status: 403, response: FRESH }, undefined],
  ['405, an old one', { status: 405, response: { 'last-modified': LONG_AGO } }, undefined],
  ['405 with max-age', { status: 405, response: FRESH }, undefined],
  ['414', { status: 414 }, undefined],
  ['505', { status: 505 }, 'status'],
  // RFC 6585 sections 3 to 6.
  ['428 with max-age', { status: 428, response: FRESH }, 'status'],
  ['429', { status: 429 }, 'status'],
  ['429 with max-age', { status: 429, response: FRESH }, 'status'],
  ['429 public, s-maxage', { ...cc('public, s-maxage=60'), status: 429 }, 'status'],
  ['431 with max-age', { status: 431, response: FRESH }, 'status'],
  ['511 with max-age', { status: 511, response: FRESH }, 'status'],
  ['503', { status: 503 }, 'no-freshness'],
  ['503 that is public', { status: 503, response: { 'cache-control': 'public' } }, undefined],
  ['503 when errors are not kept', { status: 503, response: FRESH, rules: { negativeTtlS: 0 } }, 'status'],
  ['404 when errors are not kept', { status: 404, rules: { negativeTtlS: 0 } }, 'no-freshness'],
  ['404 with a lifetime of its own', { status: 404, response: FRESH, rules: { negativeTtlS: 0 } }, undefined],
  // Directives.
  ['no-store', cc('no-store, max-age=60'), 'no-store'],
  ['no-store in the request', { response: FRESH, request: { 'cache-control': 'no-store' } }, 'no-store'],
  ['must-understand overrides no-store', cc('must-understand, no-store, max-age=60'), undefined],
  [
    'must-understand, status unknown',
    { ...cc('must-understand, no-store, max-age=60'), status: 299 },
    'status',
  ],
  ['private', cc('private, max-age=60'), 'private'],
  // Slips of the pen must not publish what is private.
  [
    'private behind a semicolon',
    { response: { 'cache-control': 'max-age=60; private', etag: '"a"' } },
    'private',
  ],
  ['no-store behind a semicolon', cc('max-age=60;no-store, stale-if-error=60'), 'no-store'],
  ['private for one field', cc('private="x-user", max-age=60'), undefined],
  // Section 3.5.
  ['credentials', { response: FRESH, request: { authorization: 'Basic eA==' } }, 'authorization'],
  ['credentials, public', { ...cc('public, max-age=60'), request: { authorization: 'x' } }, undefined],
  ['credentials, s-maxage', { ...cc('s-maxage=60'), request: { authorization: 'x' } }, undefined],
  [
    'credentials, must-revalidate',
    { ...cc('must-revalidate, max-age=60'), request: { authorization: 'x' } },
    undefined,
  ],
  // Section 4.1.
  ['Vary: *', { response: { ...FRESH, vary: 'accept, *' } }, 'vary-star'],
  ['Vary on a field', { response: { ...FRESH, vary: 'accept' } }, undefined],
  // Stricter than the RFC.
  ['Set-Cookie', { response: { 'last-modified': LONG_AGO, 'set-cookie': 'a=b' } }, 'set-cookie'],
  ['Set-Cookie with a lifetime', { response: { ...FRESH, 'set-cookie': 'a=b' } }, 'set-cookie'],
  [
    'Set-Cookie on an image with a lifetime',
    { response: { ...FRESH, 'set-cookie': 'a=b', 'content-type': 'image/png' } },
    undefined,
  ],
  [
    'Set-Cookie that is withheld',
    { response: { 'cache-control': 'no-cache="Set-Cookie", max-age=60', 'set-cookie': 'a=b' } },
    undefined,
  ],
  ['framed by close', { response: FRESH, framing: 'close' }, 'unframed'],
  ['chunked', { response: FRESH, framing: 'chunked' }, undefined],
  // Never of use again.
  ['nothing stated', {}, 'no-freshness'],
  ['max-age=0', cc('max-age=0'), 'no-freshness'],
  ['max-age=0 with ETag', { response: { 'cache-control': 'max-age=0', etag: '"a"' } }, undefined],
  ['max-age=0 with a stale window', cc('max-age=0, stale-while-revalidate=5'), undefined],
  [
    'max-age=0 with a window of the route',
    { ...cc('max-age=0'), rules: { negativeTtlS: 0, staleIfErrorS: 60 } },
    undefined,
  ],
  ['nothing stated, route default', { rules: { negativeTtlS: 0, defaultTtlS: 60 } }, undefined],
  [
    'no-cache without validator',
    { ...cc('no-cache, max-age=60'), rules: { negativeTtlS: 0, staleIfErrorS: 60 } },
    'no-freshness',
  ],
  [
    'no-cache with validator',
    { response: { 'cache-control': 'no-cache', 'last-modified': 'Sun, 06 Nov 1994 08:49:37 GMT' } },
    undefined,
  ],
  ['no-cache lifted by the route', { ...cc('no-cache'), rules: { negativeTtlS: 0, minTtlS: 60 } }, undefined],
];

describe('storable', () => {
  test.each(ROWS)('%s', (_what, given, refusal) => {
    expect(decide(given)).toBe(refusal);
  });

  test('no-store wins over every lifetime a route can set', () => {
    const rules = { negativeTtlS: 10, overrideTtlS: 60, minTtlS: 60, defaultTtlS: 60, staleIfErrorS: 60 };
    expect(decide({ ...cc('no-store'), rules })).toBe('no-store');
    expect(decide({ ...cc('private'), rules })).toBe('private');
  });
});
