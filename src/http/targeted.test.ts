import { describe, expect, test } from 'bun:test';
import { NO_CACHE_CONTROL } from './cache-control.ts';
import { Fields } from './fields.ts';
import { parseTargeted, responseDirectives } from './targeted.ts';

describe('a targeted field (RFC 9213 section 2.1)', () => {
  test.each<[value: string, says: object]>([
    ['max-age=60', { maxAgeS: 60 }],
    ['max-age=60, must-revalidate', { maxAgeS: 60, mustRevalidate: true }],
    ['max-age=60,s-maxage=5', { maxAgeS: 60, sMaxageS: 5 }],
    ['max-age=60;a=1;b="c,d", private', { maxAgeS: 60, private: true }],
    ['max-age=60, max-age=5', { maxAgeS: 5 }],
    ['max-age="60"', { maxAgeS: undefined }],
    ['max-age=60.5', { maxAgeS: undefined }],
    ['max-age=-1, no-store', { maxAgeS: undefined, noStore: true }],
    ['no-store=?0, public', { noStore: false, public: true }],
    ['foobar, x=(1 "a" b), y=:aGk=:, z=@5, max-age=1', { maxAgeS: 1 }],
    ['no-cache="Set-Cookie"', { noCache: false, noCacheFields: ['set-cookie'] }],
    ['  private  ', { private: true }],
  ])('%s', (value, says) => {
    expect(parseTargeted(value)).toEqual({ ...NO_CACHE_CONTROL, targeted: true, ...says });
  });

  test.each([
    '',
    '   ',
    'max-age=60,',
    'max-age =60',
    'max-age= 60',
    'Max-Age=60',
    'max-age=60 private',
    'max-age=60, &&&&',
    'max-age=1234567890123456',
    'a="b',
    ', max-age=60',
    '1=2',
  ])('%p is ignored as a whole', (value) => {
    expect(parseTargeted(value)).toBeUndefined();
  });

  test('long malformed values are refused in linear time', () => {
    for (const piece of ['a;', 'a="', 'a=(', 'a,', 'a ', '1', 'a=1;b=']) {
      const startMs = performance.now();
      parseTargeted(`${piece.repeat(20_000)}\x01`);
      expect(performance.now() - startMs).toBeLessThan(1_000);
    }
  });
});

test('the targeted field counts where it can be read, and Cache-Control where not', () => {
  const both = (targeted: string) =>
    responseDirectives(new Fields(['cdn-cache-control', targeted, 'cache-control', 'no-store']));
  expect(both('max-age=60')).toMatchObject({ maxAgeS: 60, noStore: false });
  expect(both('max-age=60, &')).toMatchObject({ maxAgeS: undefined, noStore: true, targeted: false });
});
