import { expect, test } from 'bun:test';
import {
  hasNoBody,
  isHeuristicallyCacheable,
  isNegative,
  isNeverStored,
  isUnderstood,
  reasonPhrase,
} from './status.ts';

const ALL = Array.from({ length: 500 }, (_, i) => i + 100);

test('reason phrases: registered ones, else empty', () => {
  expect(reasonPhrase(200)).toBe('OK');
  expect(reasonPhrase(304)).toBe('Not Modified');
  expect(reasonPhrase(504)).toBe('Gateway Timeout');
  expect(reasonPhrase(299)).toBe('');
});

test('never a body: 1xx, 204, 304', () => {
  expect(ALL.filter((s) => s >= 200 && hasNoBody(s))).toEqual([204, 304]);
  expect(ALL.filter((s) => s < 200).every(hasNoBody)).toBe(true);
});

test('heuristically cacheable: the list of RFC 9110 section 15.1', () => {
  expect(ALL.filter(isHeuristicallyCacheable)).toEqual([
    200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501,
  ]);
});

test('understood: registered, final, and not partial or conditional', () => {
  for (const status of [200, 203, 301, 404, 503]) expect(isUnderstood(status)).toBe(true);
  for (const status of [100, 103, 206, 299, 304, 499]) expect(isUnderstood(status)).toBe(false);
});

test('negative: gone for everybody, or the origin in trouble', () => {
  expect(ALL.filter((s) => s < 500 && isNegative(s))).toEqual([404, 405, 410, 414, 451]);
  expect(ALL.filter((s) => s >= 500 && !isNegative(s))).toEqual([505, 511]);
});

test('never stored: the four of RFC 6585', () => {
  expect(ALL.filter(isNeverStored)).toEqual([428, 429, 431, 511]);
});
