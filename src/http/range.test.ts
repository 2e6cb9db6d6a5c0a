import { describe, expect, test } from 'bun:test';
import { seededRandom } from '../base/random.ts';
import { type ByteRange, ifRangeAllows, parseRange, parseRanges } from './range.ts';

const HUGE = '9'.repeat(400);

describe('parseRange', () => {
  test.each<[string | undefined, number, ByteRange | string]>([
    // RFC 9110 section 14.1.2, for 10,000 bytes.
    ['bytes=0-499', 10_000, { from: 0, to: 499 }],
    ['bytes=500-999', 10_000, { from: 500, to: 999 }],
    ['bytes=-500', 10_000, { from: 9500, to: 9999 }],
    ['bytes=9500-', 10_000, { from: 9500, to: 9999 }],
    ['bytes=0-0', 10_000, { from: 0, to: 0 }],
    ['bytes=0-', 10_000, { from: 0, to: 9999 }],
    ['BYTES=0-0', 10_000, { from: 0, to: 0 }],
    ['bytes= 0-0 ', 10_000, { from: 0, to: 0 }],
    ['bytes=000-007', 10_000, { from: 0, to: 7 }],
    ['bytes=9999-9999', 10_000, { from: 9999, to: 9999 }],
    // Beyond the end.
    ['bytes=0-99999', 10_000, { from: 0, to: 9999 }],
    ['bytes=-99999', 10_000, { from: 0, to: 9999 }],
    [`bytes=0-${HUGE}`, 10_000, { from: 0, to: 9999 }],
    [`bytes=-${HUGE}`, 10_000, { from: 0, to: 9999 }],
    ['bytes=10000-', 10_000, 'unsatisfiable'],
    ['bytes=10000-10001', 10_000, 'unsatisfiable'],
    [`bytes=${HUGE}-`, 10_000, 'unsatisfiable'],
    [`bytes=${HUGE}0-${HUGE}`, 10_000, 'ignore'],
    ['bytes=-0', 10_000, 'unsatisfiable'],
    ['bytes=0-', 0, 'unsatisfiable'],
    ['bytes=-1', 0, 'ignore'],
    // Malformed, other units, several.
    [undefined, 10_000, 'ignore'],
    ['', 10_000, 'ignore'],
    ['bytes', 10_000, 'ignore'],
    ['bytes=', 10_000, 'ignore'],
    ['bytes=-', 10_000, 'ignore'],
    ['bytes=5', 10_000, 'ignore'],
    ['bytes=5-4', 10_000, 'ignore'],
    ['bytes=10-9', 10_000, 'ignore'],
    ['bytes=9007199254740993-9007199254740992', 10_000, 'ignore'],
    ['bytes=--5', 10_000, 'ignore'],
    ['bytes=+1-5', 10_000, 'ignore'],
    ['bytes=1.0-5', 10_000, 'ignore'],
    ['bytes=0x1-5', 10_000, 'ignore'],
    ['bytes=1 -5', 10_000, 'ignore'],
    ['bytes =1-5', 10_000, 'ignore'],
    ['bytes:1-5', 10_000, 'ignore'],
    ['items=1-5', 10_000, 'ignore'],
    ['bytes=0-1,3-4', 10_000, 'ignore'],
    ['bytes=0-1,', 10_000, 'ignore'],
    ['bytes=٣-٤', 10_000, 'ignore'],
  ])('%p of %p bytes', (value, bodyBytes, expected) => {
    expect(parseRange(value, bodyBytes)).toEqual(expected as ByteRange);
  });

  test('what it returns lies inside the body', () => {
    const random = seededRandom(5);
    const part = (): string => (random.next() < 0.3 ? '' : String(random.u32() % 30));
    let ranges = 0;
    for (let i = 0; i < 5000; i++) {
      const bodyBytes = random.u32() % 20;
      const range = parseRange(`bytes=${part()}-${part()}`, bodyBytes);
      if (typeof range === 'string') continue;
      ranges++;
      expect(range.from).toBeGreaterThanOrEqual(0);
      expect(range.to).toBeGreaterThanOrEqual(range.from);
      expect(range.to).toBeLessThan(bodyBytes);
    }
    expect(ranges).toBeGreaterThan(1000);
  });
});

test.each<[value: string, result: string | [number, number][]]>([
  ['bytes=0-1', [[0, 1]]],
  [
    'bytes=0-1,3-4',
    [
      [0, 1],
      [3, 4],
    ],
  ],
  [
    'bytes=8-, 0-1',
    [
      [8, 9],
      [0, 1],
    ],
  ],
  ['bytes=0-1,20-', [[0, 1]]],
  ['bytes=10-,20-', 'unsatisfiable'],
  ['bytes=10-', 'unsatisfiable'],
  ['bytes=0-1,1-2', 'ignore'],
  ['bytes=0-,-1', 'ignore'],
  ['bytes=0-1,x', 'ignore'],
  ['bytes=0-1,', 'ignore'],
  ['items=0-1,3-4', 'ignore'],
  [`bytes=${Array.from({ length: 17 }, () => '20-').join(',')}`, 'ignore'],
])('several ranges: %s', (value, result) => {
  const wanted = typeof result === 'string' ? result : result.map(([from, to]) => ({ from, to }));
  expect(parseRanges(value, 10)).toEqual(wanted as ByteRange[]);
});

describe('ifRangeAllows', () => {
  const MODIFIED = 'Sun, 06 Nov 1994 08:49:37 GMT';
  const LATER = 'Sun, 06 Nov 1994 08:49:38 GMT';

  test.each<
    [string, string | undefined, string | undefined, string | undefined, string | undefined, boolean]
  >([
    ['not asked', undefined, undefined, undefined, undefined, true],
    ['same tag', '"a"', '"a"', undefined, undefined, true],
    ['other tag', '"a"', '"b"', undefined, undefined, false],
    ['weak tag', 'W/"a"', 'W/"a"', undefined, undefined, false],
    ['weak against strong', 'W/"a"', '"a"', undefined, undefined, false],
    ['no stored tag', '"a"', undefined, MODIFIED, LATER, false],
    ['a list is not allowed', '"a", "b"', '"a"', undefined, undefined, false],
    ['same date', MODIFIED, undefined, MODIFIED, LATER, true],
    ['same date in another format', 'Sun Nov  6 08:49:37 1994', undefined, MODIFIED, LATER, true],
    ['later date', LATER, undefined, MODIFIED, LATER, false],
    ['earlier date', MODIFIED, undefined, LATER, LATER, false],
    ['modified within the second of Date: not strong', MODIFIED, undefined, MODIFIED, MODIFIED, false],
    ['Date unknown', MODIFIED, undefined, MODIFIED, undefined, false],
    ['not modified known', MODIFIED, undefined, undefined, LATER, false],
    ['garbage', 'a', '"a"', MODIFIED, LATER, false],
  ])('%s', (_what, value, etag, lastModified, date, allowed) => {
    expect(ifRangeAllows(value, etag, lastModified, date)).toBe(allowed);
  });
});
