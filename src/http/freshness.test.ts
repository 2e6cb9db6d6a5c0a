import { describe, expect, test } from 'bun:test';
import { parseCacheControl } from './cache-control.ts';
import { formatHttpDate } from './date.ts';
import { Fields } from './fields.ts';
import {
  type FreshnessRules,
  freshness,
  initialAgeS,
  isLastKnownGood,
  mustAlwaysValidate,
  type StaleRules,
  staleWindows,
} from './freshness.ts';

const NOW_S = 1_700_000_000;
const DAY_S = 86_400;
const BARE: FreshnessRules = { negativeTtlS: 0 };
const ago = (s: number): string => formatHttpDate(NOW_S - s);

type Row = [
  what: string,
  status: number,
  fields: Record<string, string>,
  rules: Partial<FreshnessRules>,
  lifetimeS: number,
  source: string,
];

const ROWS: Row[] = [
  // RFC 9111 section 4.2.1: precedence.
  [
    's-maxage first',
    200,
    { 'cache-control': 'max-age=60, s-maxage=5', expires: ago(-900) },
    {},
    5,
    's-maxage',
  ],
  ['max-age before Expires', 200, { 'cache-control': 'max-age=60', expires: ago(-900) }, {}, 60, 'max-age'],
  [
    'invalid max-age does not fall back to Expires',
    200,
    { 'cache-control': 'max-age=x', expires: ago(-900) },
    {},
    0,
    'max-age',
  ],
  ['Expires minus Date', 200, { expires: ago(-900), date: ago(100) }, {}, 1000, 'expires'],
  ['Expires minus Date of a fast clock', 200, { expires: ago(-900), date: ago(-600) }, {}, 300, 'expires'],
  ['Expires without Date: receipt', 200, { expires: ago(-900) }, {}, 900, 'expires'],
  ['Expires with a broken Date: receipt', 200, { expires: ago(-900), date: 'x' }, {}, 900, 'expires'],
  ['Expires in the past', 200, { expires: ago(1), date: ago(0) }, {}, 0, 'expires'],
  ['Expires: 0', 200, { expires: '0', 'last-modified': ago(DAY_S) }, {}, 0, 'expires'],
  ['302 with max-age', 302, { 'cache-control': 'max-age=60' }, {}, 60, 'max-age'],
  // Section 4.2.2: heuristic.
  ['a tenth of the age', 200, { 'last-modified': ago(1000), date: ago(0) }, {}, 100, 'heuristic'],
  ['own fraction', 200, { 'last-modified': ago(1000) }, { heuristicFraction: 0.5 }, 500, 'heuristic'],
  ['at most a day', 200, { 'last-modified': ago(1000 * DAY_S) }, {}, DAY_S, 'heuristic'],
  [
    'at most what the rules say',
    200,
    { 'last-modified': ago(1000 * DAY_S) },
    { heuristicMaxS: 7 },
    7,
    'heuristic',
  ],
  ['modified after Date', 200, { 'last-modified': ago(-100), date: ago(0) }, {}, 0, 'heuristic'],
  ['broken Last-Modified', 200, { 'last-modified': 'yesterday' }, {}, 0, 'none'],
  ['302 is not heuristically cacheable', 302, { 'last-modified': ago(1000) }, {}, 0, 'none'],
  [
    '302 marked public is',
    302,
    { 'last-modified': ago(1000), 'cache-control': 'public' },
    {},
    100,
    'heuristic',
  ],
  ['nothing at all', 200, {}, {}, 0, 'none'],
  // The route's lifetimes.
  ['default when nothing is stated', 200, {}, { defaultTtlS: 33 }, 33, 'route-default'],
  ['fallback without Last-Modified', 200, {}, { fallbackTtlS: 44 }, 44, 'fallback'],
  ['heuristic before fallback', 200, { 'last-modified': ago(1000) }, { fallbackTtlS: 44 }, 100, 'heuristic'],
  ['no fallback for 404', 404, {}, { fallbackTtlS: 44 }, 0, 'none'],
  ['default before heuristic', 200, { 'last-modified': ago(1000) }, { defaultTtlS: 33 }, 33, 'route-default'],
  ['stated before default', 200, { 'cache-control': 'max-age=0' }, { defaultTtlS: 33 }, 0, 'max-age'],
  ['no default for 302', 302, {}, { defaultTtlS: 33 }, 0, 'none'],
  ['no default for 404', 404, {}, { defaultTtlS: 33 }, 0, 'none'],
  ['minimum lengthens', 200, { 'cache-control': 'max-age=5' }, { minTtlS: 30 }, 30, 'route-minimum'],
  ['minimum does not shorten', 200, { 'cache-control': 'max-age=50' }, { minTtlS: 30 }, 50, 'max-age'],
  ['minimum over nothing', 200, {}, { minTtlS: 30 }, 30, 'route-minimum'],
  ['minimum not for errors', 404, { 'cache-control': 'max-age=5' }, { minTtlS: 30 }, 5, 'max-age'],
  [
    'override',
    200,
    { 'cache-control': 'max-age=5' },
    { overrideTtlS: 99, minTtlS: 500 },
    99,
    'route-override',
  ],
  ['override not for errors', 503, {}, { overrideTtlS: 99 }, 0, 'none'],
  ['override not for 302', 302, { 'cache-control': 'max-age=5' }, { overrideTtlS: 99 }, 5, 'max-age'],
  // Errors.
  ['404 unstated', 404, {}, { negativeTtlS: 10 }, 10, 'negative'],
  [
    '404 unstated, with Last-Modified',
    404,
    { 'last-modified': ago(1e6) },
    { negativeTtlS: 10 },
    10,
    'negative',
  ],
  ['410 and 451 as 404', 451, {}, { negativeTtlS: 10 }, 10, 'negative'],
  ['501 as other 5xx', 501, { 'last-modified': ago(1e6) }, { negativeTtlS: 10 }, 10, 'negative'],
  ['403 unstated', 403, {}, { negativeTtlS: 10 }, 0, 'none'],
  ['403 states its own', 403, { 'cache-control': 'max-age=60' }, { negativeTtlS: 10 }, 60, 'max-age'],
  ['405 has no heuristic', 405, { 'last-modified': ago(1e6) }, { negativeTtlS: 10 }, 10, 'negative'],
  ['414 has no heuristic', 414, { 'last-modified': ago(1e6) }, { negativeTtlS: 10 }, 10, 'negative'],
  [
    '404 states more than it may',
    404,
    { expires: ago(-9e6), date: ago(0) },
    { negativeMaxS: 600 },
    600,
    'negative',
  ],
  ['404 states less', 404, { 'cache-control': 'max-age=5' }, { negativeMaxS: 600 }, 5, 'max-age'],
  ['403 unstated', 403, {}, { negativeTtlS: 10, negativeMaxS: 600 }, 0, 'none'],
  ['503 unstated, with a lifetime for it', 503, {}, { negativeTtlS: 10, serverErrorTtlS: 3 }, 3, 'negative'],
  ['503 unstated and public', 503, { 'cache-control': 'public' }, { negativeTtlS: 10 }, 10, 'negative'],
  ['501 unstated', 501, {}, { negativeTtlS: 10 }, 10, 'negative'],
  ['targeted', 200, { 'cdn-cache-control': 'max-age=9', 'cache-control': 'max-age=60' }, {}, 9, 'max-age'],
  [
    'Expires beside a targeted field',
    200,
    { 'cdn-cache-control': 'public', expires: ago(-60), date: ago(0) },
    {},
    0,
    'none',
  ],
  [
    '403 public has no heuristic',
    403,
    { 'last-modified': ago(1e6), 'cache-control': 'public' },
    {},
    0,
    'none',
  ],
  ['505 unstated', 505, {}, { negativeTtlS: 10 }, 0, 'none'],
  ['505 cannot last', 505, { 'cache-control': 'max-age=3600' }, { negativeTtlS: 10 }, 10, 'negative'],
  ['404 states its own', 404, { 'cache-control': 'max-age=60' }, { negativeTtlS: 10 }, 60, 'max-age'],
  ['503 unstated', 503, {}, { negativeTtlS: 10 }, 0, 'none'],
  ['503 unstated, none configured', 503, {}, {}, 0, 'none'],
  ['503 cannot last', 503, { 'cache-control': 'max-age=3600' }, { negativeTtlS: 10 }, 10, 'negative'],
  ['503 cannot be kept', 503, { 'cache-control': 'max-age=3600' }, {}, 0, 'none'],
  ['503 may be shorter', 503, { 'cache-control': 'max-age=3' }, { negativeTtlS: 10 }, 3, 'max-age'],
  ['401 is nobody else’s', 401, {}, { negativeTtlS: 10 }, 0, 'none'],
];

describe('freshness', () => {
  test.each(ROWS)('%s', (_what, status, fields, rules, lifetimeS, source) => {
    const message = new Fields(Object.entries(fields).flat());
    expect(freshness(status, message, { ...BARE, ...rules }, NOW_S)).toEqual({
      lifetimeS,
      source: source as never,
    });
  });

  test('two Expires lines are stale', () => {
    const fields = new Fields(['expires', ago(-900), 'expires', ago(-100)]);
    expect(freshness(200, fields, BARE, NOW_S)).toEqual({ lifetimeS: 0, source: 'expires' });
  });
});

describe('mustAlwaysValidate', () => {
  test.each<[string, number, string, Partial<FreshnessRules>, boolean]>([
    ['no-cache', 200, 'no-cache', {}, true],
    ['qualified no-cache does not', 200, 'no-cache="set-cookie"', {}, false],
    ['max-age=0 does not', 200, 'max-age=0', {}, false],
    ['lifted by override', 200, 'no-cache', { overrideTtlS: 60 }, false],
    ['lifted by minimum', 200, 'no-cache', { minTtlS: 60 }, false],
    ['not lifted by default', 200, 'no-cache', { defaultTtlS: 60 }, true],
    ['not lifted for errors', 404, 'no-cache', { overrideTtlS: 60 }, true],
  ])('%s', (_what, status, cc, rules, expected) => {
    expect(mustAlwaysValidate(status, parseCacheControl(cc), { ...BARE, ...rules })).toBe(expected);
  });
});

describe('initialAgeS', () => {
  const at = { requestAtS: NOW_S - 2, responseAtS: NOW_S };

  test.each<[string, string | undefined, string | undefined, string | undefined, number]>([
    ['no Age: the delay', undefined, ago(0), undefined, 2],
    ['Age plus the delay', '100', ago(0), undefined, 102],
    ['the first of several', '100, 7', undefined, undefined, 102],
    ['the first is invalid', 'x, 7', undefined, undefined, 2],
    ['negative', '-5', undefined, undefined, 2],
    ['a decimal', '7.5', undefined, undefined, 2],
    ['empty', '', undefined, undefined, 2],
    ['overflow', '99999999999999999999', undefined, undefined, 2 ** 31 + 2],
    ['a slow clock at the origin does not age', undefined, ago(3600), undefined, 2],
    ['unless an HTTP/1.0 cache may have hidden the age', undefined, ago(3600), '1.0 old', 3600],
    ['also in the long form and further on', undefined, ago(3600), '1.1 a, HTTP/1.0 old', 3600],
    ['the larger of both', '5000', ago(3600), '1.0 old', 5002],
    ['HTTP/1.1 hops report it', undefined, ago(3600), '1.1 a, 2 b', 2],
    ['a Date in the future', undefined, ago(-3600), '1.0 old', 2],
  ])('%s', (_what, ageField, dateField, viaField, expected) => {
    expect(initialAgeS({ ageField, dateField, viaField, ...at })).toBe(expected);
  });

  test('a clock that went back during the fetch counts as no delay', () => {
    expect(
      initialAgeS({ ageField: '7', dateField: undefined, requestAtS: NOW_S + 50, responseAtS: NOW_S }),
    ).toBe(7);
  });
});

describe('staleWindows', () => {
  const ROUTE: StaleRules = { staleWhileRevalidateS: 30, staleIfErrorS: DAY_S };

  test.each<[string, number, string, StaleRules, number, number]>([
    ['nothing', 200, '', {}, 0, 0],
    ['the route', 200, '', ROUTE, 30, DAY_S],
    ['the response', 200, 'stale-while-revalidate=5, stale-if-error=6', {}, 5, 6],
    ['the longer: route', 200, 'stale-while-revalidate=5, stale-if-error=6', ROUTE, 30, DAY_S],
    ['the longer: response', 200, 'stale-while-revalidate=500', ROUTE, 500, DAY_S],
    ['0 closes', 200, 'stale-while-revalidate=0, stale-if-error=0', ROUTE, 0, 0],
    ['must-revalidate', 200, 'must-revalidate, stale-if-error=60', ROUTE, 0, 0],
    ['proxy-revalidate', 200, 'proxy-revalidate, stale-if-error=60', ROUTE, 0, 0],
    ['no-cache', 200, 'no-cache', ROUTE, 0, 0],
    ['qualified no-cache', 200, 'no-cache="x"', ROUTE, 30, DAY_S],
    ['s-maxage shuts out the route', 200, 's-maxage=9', ROUTE, 0, 0],
    ['s-maxage with its own windows', 200, 's-maxage=9, stale-while-revalidate=5', ROUTE, 5, 0],
    ['override lifts', 200, 's-maxage=9, must-revalidate', { ...ROUTE, overrideTtlS: 60 }, 30, DAY_S],
    ['errors never', 404, 'stale-while-revalidate=5', ROUTE, 0, 0],
    ['errors never, override or not', 503, '', { ...ROUTE, overrideTtlS: 60 }, 0, 0],
  ])('%s', (_what, status, cc, rules, staleWhileRevalidateS, staleIfErrorS) => {
    expect(staleWindows(status, parseCacheControl(cc), rules)).toEqual({
      staleWhileRevalidateS,
      staleIfErrorS,
    });
  });
});

test.each<[what: string, status: number, cacheControl: string, rules: StaleRules, good: boolean]>([
  ['an image', 200, 'max-age=60', {}, true],
  ['an image, never', 200, 'max-age=60', { lastKnownGood: 'never' }, false],
  ['an error', 404, 'max-age=60', {}, false],
  ['must-revalidate', 200, 'max-age=60, must-revalidate', {}, false],
  ['proxy-revalidate', 200, 'max-age=60, proxy-revalidate', {}, false],
  ['no-cache', 200, 'no-cache', {}, false],
  ['no-cache, overridden', 200, 'no-cache', { overrideTtlS: 60 }, true],
  ['s-maxage', 200, 's-maxage=60', {}, false],
  ['s-maxage with a window of its own', 200, 's-maxage=60, stale-if-error=60', {}, true],
  ['no window', 200, 'max-age=60, stale-if-error=0', {}, false],
])('last-known-good: %s', (_what, status, cacheControl, rules, good) => {
  const fields = new Fields(['content-type', 'Image/PNG', 'cache-control', cacheControl]);
  const cc = parseCacheControl(cacheControl);
  expect(isLastKnownGood(status, fields, cc, { lastKnownGood: 'images', ...rules })).toBe(good);
  const page = new Fields(['content-type', 'text/html']);
  expect(isLastKnownGood(status, page, cc, { lastKnownGood: 'images', ...rules })).toBe(false);
  expect(isLastKnownGood(status, page, cc, { ...rules, lastKnownGood: 'always' })).toBe(
    good || rules.lastKnownGood === 'never',
  );
});
