import { expect, test } from 'bun:test';
import { seededRandom } from '../base/random.ts';
import { parseCacheControl } from './cache-control.ts';
import { cacheStatus } from './cache-status.ts';
import { evaluateConditional } from './conditional.ts';
import { parseHttpDate } from './date.ts';
import { Fields } from './fields.ts';
import { originRequestFields, storedResponseFields } from './forward.ts';
import { freshness, initialAgeS } from './freshness.ts';
import { splitList } from './list.ts';
import { ifRangeAllows, parseRange } from './range.ts';
import { normalisePath, selectQuery } from './target.ts';
import { canonicalRequestFields, parseVary, selectingKey } from './vary.ts';

/** Fragments that parsers care about, between random latin1 characters. */
const FRAGMENTS = [
  ', ',
  ';',
  '=',
  '"',
  '\\',
  '*',
  '/',
  '%',
  '%2',
  '%2e',
  '\t',
  ' ',
  'W/"',
  'max-age',
  'no-cache',
  'private',
  '99999999999',
  'bytes=',
  '-',
  '?',
  '&',
  '#',
  'q=',
  '0.',
  'image/webp',
  'Sun, 06 Nov 1994 08:49:37 GMT',
  '\u0000',
  '\u00ff',
  '\r\n',
];

function randomText(random: ReturnType<typeof seededRandom>): string {
  let text = random.next() < 0.3 ? '/' : '';
  for (let n = random.u32() % 12; n > 0; n--) {
    text +=
      random.next() < 0.7
        ? FRAGMENTS[random.u32() % FRAGMENTS.length]!
        : String.fromCharCode(random.u32() % 256);
  }
  return text;
}

test('no rule throws, whatever bytes a message holds; numbers stay in their ranges', () => {
  const random = seededRandom(8);
  for (let i = 0; i < 20_000; i++) {
    const text = randomText(random);
    const other = randomText(random);
    const cc = parseCacheControl(text);
    for (const seconds of [cc.maxAgeS, cc.sMaxageS, cc.maxStaleS, cc.staleIfErrorS]) {
      if (seconds !== undefined)
        expect(seconds >= 0 && seconds <= 2 ** 31 && Number.isInteger(seconds)).toBe(true);
    }
    const fields = new Fields([
      'cache-control',
      text,
      'expires',
      other,
      'date',
      text,
      'last-modified',
      other,
      'connection',
      text,
    ]);
    const { lifetimeS } = freshness(200, fields, { negativeTtlS: 0 }, 1_700_000_000);
    expect(lifetimeS >= 0 && Number.isInteger(lifetimeS)).toBe(true);
    const ageS = initialAgeS({
      ageField: text,
      dateField: other,
      viaField: text,
      requestAtS: 5,
      responseAtS: 6,
    });
    expect(ageS).toBeGreaterThanOrEqual(1);
    storedResponseFields(fields, 5);

    const request = new Fields([
      'if-match',
      text,
      'if-none-match',
      other,
      'accept',
      text,
      'accept-encoding',
      other,
      'dpr',
      text,
    ]);
    evaluateConditional('GET', request, { etag: other, lastModifiedS: 5, status: 200 });
    const names = parseVary(text);
    if (names !== '*') selectingKey(names, request);
    selectingKey(['accept', 'accept-encoding', 'dpr'], canonicalRequestFields(originRequestFields(request)));
    parseHttpDate(text);
    parseRange(text, 10);
    ifRangeAllows(text, other, other, text);
    const target = normalisePath(text);
    if (target !== undefined) selectQuery(target.query, 'all');
    expect(cacheStatus({ cacheName: text, key: other, detail: text })).toMatch(/^[\x20-\x7e]+$/);
  }
});

test('splitting a list and joining it again changes nothing', () => {
  const random = seededRandom(9);
  for (let i = 0; i < 5000; i++) {
    const members = splitList(randomText(random));
    const balanced = members.every((member) => !member.includes('"'));
    if (balanced) expect(splitList(members.join(', '))).toEqual(members);
    for (const member of members) expect(member).not.toMatch(/^[ \t]|[ \t]$|^$/);
  }
});
