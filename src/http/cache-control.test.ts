import { describe, expect, test } from 'bun:test';
import { seededRandom } from '../base/random.ts';
import { type CacheControl, MAX_DELTA_S, NO_CACHE_CONTROL, parseCacheControl } from './cache-control.ts';

/** Directives that differ from an empty field. */
function given(value: string | undefined): Partial<CacheControl> {
  const cc = parseCacheControl(value) as unknown as Record<string, unknown>;
  const none = NO_CACHE_CONTROL as unknown as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(cc).filter(([k, v]) => JSON.stringify(v) !== JSON.stringify(none[k])),
  );
}

const CASES: [value: string | undefined, expected: Partial<CacheControl>][] = [
  [undefined, {}],
  ['', {}],
  [' , ,', {}],
  ['max-age=3600', { maxAgeS: 3600 }],
  ['public, max-age=31536000, immutable', { public: true, maxAgeS: 31_536_000, immutable: true }],
  ['public,max-age=60', { public: true, maxAgeS: 60 }],
  ['MAX-AGE=60, Public', { public: true, maxAgeS: 60 }],
  ['max-age="60"', { maxAgeS: 60 }],
  ['s-maxage=5, max-age=60', { sMaxageS: 5, maxAgeS: 60 }],
  ['max-age=007', { maxAgeS: 7 }],
  ['no-cache', { noCache: true }],
  ['no-cache="Set-Cookie, X-A"', { noCacheFields: ['set-cookie', 'x-a'] }],
  ['no-cache=Set-Cookie', { noCacheFields: ['set-cookie'] }],
  ['no-cache=""', { noCache: true }],
  ['no-cache="a", no-cache', { noCache: true, noCacheFields: ['a'] }],
  ['private', { private: true }],
  ['private="a", private="b"', { privateFields: ['a', 'b'] }],
  ['no-store=anything', { noStore: true }],
  ['must-revalidate, proxy-revalidate', { mustRevalidate: true, proxyRevalidate: true }],
  ['must-understand, no-store', { mustUnderstand: true, noStore: true }],
  ['no-transform, only-if-cached', { noTransform: true, onlyIfCached: true }],
  ['immutable="why"', { immutable: true }],
  ['stale-while-revalidate=30, stale-if-error=90', { staleWhileRevalidateS: 30, staleIfErrorS: 90 }],
  ['max-stale', { maxStaleS: MAX_DELTA_S }],
  ['max-stale=5', { maxStaleS: 5 }],
  ['max-stale, max-stale=5', { maxStaleS: 5 }],
  ['min-fresh=5', { minFreshS: 5 }],
  // Overflow: RFC 9111 section 1.2.2.
  ['max-age=99999999999999999999', { maxAgeS: MAX_DELTA_S }],
  ['max-age=2147483649', { maxAgeS: MAX_DELTA_S }],
  // Twice: the most restrictive.
  ['max-age=60, max-age=10', { maxAgeS: 10 }],
  ['max-age=10, max-age=60', { maxAgeS: 10 }],
  ['min-fresh=5, min-fresh=50', { minFreshS: 50 }],
  // Invalid: stale, or grants nothing.
  ['max-age', { maxAgeS: 0 }],
  ['max-age=', { maxAgeS: 0 }],
  ['max-age=-1', { maxAgeS: 0 }],
  ['max-age=+1', { maxAgeS: 0 }],
  ['max-age=1.5', { maxAgeS: 0 }],
  ['max-age=1e3', { maxAgeS: 0 }],
  ["max-age='60'", { maxAgeS: 0 }],
  ['max-age= 60', { maxAgeS: 0 }],
  ['max-age =60', { maxAgeS: 0 }],
  ['max-age=60 60', { maxAgeS: 0 }],
  ['max-age=60;public', { maxAgeS: 0 }],
  ['max-age=60, max-age=x', { maxAgeS: 0 }],
  // Malformed: what restricts counts wherever it is.
  ['max-age=60; private', { maxAgeS: 0, private: true }],
  ['PRIVATE; max-age=60', { private: true }],
  ['max-age=60 no-store', { maxAgeS: 0, noStore: true }],
  ['public no-cache, max-age=60', { noCache: true, maxAgeS: 60 }],
  ['max-age=60;no-cache="x-a"', { maxAgeS: 0, noCache: true }],
  ['max-age="60, private, ext="b"', { maxAgeS: 0, private: true }],
  ['max-age=60; no-storex; x-private', { maxAgeS: 0 }],
  ['max-age="60; private"', { maxAgeS: 0 }],
  ['s-maxage=x, max-age=60', { sMaxageS: 0, maxAgeS: 60 }],
  ['stale-if-error=x, max-stale=x, min-fresh=x, stale-while-revalidate', {}],
  // What is inside an unknown directive's quotes is not a directive.
  ['ext="max-age=60, no-store", max-age=5', { maxAgeS: 5 }],
  ['ext="a\\", no-store, b", max-age=5', { maxAgeS: 5 }],
  ['x-max-age=60, max-age-x=60, no-store-x', {}],
  // A quote that is never closed hides nothing.
  ['ext="oops, no-store', { noStore: true }],
];

describe('parseCacheControl', () => {
  test.each(CASES)('%p', (value, expected) => {
    expect(given(value)).toEqual(expected);
  });

  test('no-store, no-cache and private restrict whatever they are parted with from their neighbours', () => {
    const random = seededRandom(2);
    const pick = (of: readonly string[]): string => of[random.u32() % of.length]!;
    for (let round = 0; round < 2000; round++) {
      const word = pick(['no-store', 'no-cache', 'private']);
      const before = pick(['max-age=60', 'public', 's-maxage="5"', 'x', 'no-transform=']);
      const after = pick(['max-age=60', 'immutable', 'x="a"', '']);
      const cc = parseCacheControl(
        before + pick([',', ';', ' ; ', ' ', '; ,', '/', ':']) + word + pick([',', ';', ' ', ';;']) + after,
      );
      expect([cc.noStore, cc.noCache, cc.private]).toEqual([
        word === 'no-store',
        word === 'no-cache',
        word === 'private',
      ]);
    }
  });

  test('white space and letter case do not matter', () => {
    const random = seededRandom(1);
    const words = [
      'no-store',
      'public',
      'max-age=7',
      's-maxage="8"',
      'private="a, b"',
      'min-fresh=3',
      'no-cache',
    ];
    for (let round = 0; round < 200; round++) {
      const chosen = words.filter(() => random.next() < 0.5);
      const spaced = chosen.map((w) =>
        random.next() < 0.5 ? ` \t${w.toUpperCase()}  ` : w.replace('a, b', ' a ,b '),
      );
      expect(given(spaced.join(','))).toEqual(given(chosen.join(', ')));
    }
  });
});
