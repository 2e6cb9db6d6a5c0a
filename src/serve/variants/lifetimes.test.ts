import { describe, expect, test } from 'bun:test';
import { Harness } from '../../../test/support/harness.ts';
import { ScriptedTransformer } from '../../../test/support/scripted-transformer.ts';
import { NONE } from '../../cache/entries.ts';

/** A variant is never fresher, nor usable for longer, than the original that it was made of; nor kept where that may not be; nor is what is no image passed on as one. */

const ROUTES = [
  '',
  'ttl: { default: 1h }',
  'ttl: { override: 2m }',
  'ttl: { min: 90s }',
  'stale: { whileRevalidate: 1h, ifError: 2h }',
];

/** What an origin says of lifetimes. @param date of the response, in IMF-fixdate. */
const SAID: Readonly<Record<string, (date: string, later: string) => Record<string, string>>> = {
  nothing: () => ({}),
  'nothing but when it was changed': (date) => ({ date, 'last-modified': 'Sat, 01 Nov 2025 10:00:00 GMT' }),
  'max-age': () => ({ 'cache-control': 'max-age=100' }),
  'max-age, from a cache': () => ({ 'cache-control': 'max-age=100', age: '70' }),
  'max-age, long ago by its date': (date) => ({ date, 'cache-control': 'max-age=100' }),
  's-maxage': () => ({ 'cache-control': 's-maxage=60, max-age=6000' }),
  'CDN-Cache-Control': () => ({ 'cdn-cache-control': 'max-age=60', 'cache-control': 'max-age=6000' }),
  Expires: (date, later) => ({ date, expires: later }),
  'Expires without Date': (_, later) => ({ expires: later }),
  'windows of its own': () => ({
    'cache-control': 'max-age=60, stale-while-revalidate=50, stale-if-error=500',
  }),
  'stale from the start': () => ({ 'cache-control': 'max-age=0, stale-while-revalidate=500' }),
};

interface Times {
  readonly freshUntilS: number;
  readonly revalidateUntilS: number;
  readonly errorUntilS: number;
}

function timesOf(h: Harness, key: string): Times | undefined {
  h.tier.key.set(key);
  const slot = h.tier.find();
  if (slot === NONE) return undefined;
  const { entries } = h.tier.cache;
  return {
    freshUntilS: entries.freshUntilS(slot),
    revalidateUntilS: entries.revalidateUntilS(slot),
    errorUntilS: entries.errorUntilS(slot),
  };
}

describe.each(ROUTES)('on a route with %j', (rules) => {
  test.each(Object.keys(SAID))('of an original that says %s', (name) => {
    for (const waitS of [0, 1, 29, 59, 99, 119, 500]) {
      const transformer = new ScriptedTransformer();
      const h = new Harness({ route: `images: { onFailure: error }\n${rules}`, transformer });
      const date = (plusS: number): string => new Date(h.clock.nowMs() + plusS * 1000).toUTCString();
      const fields = { 'content-type': 'image/jpeg', etag: '"1"', ...SAID[name]!(date(-20), date(300)) };
      h.fill('/a.jpg', { fields }, 'original');
      h.clock.advance(waitS * 1000);
      h.ask('/a.jpg?w=10');
      h.clock.advance(1);
      // Where it is no longer fresh, it may be asked for anew; then its times are those that count.
      if (h.origin.calls.length > 1) h.last.answer({ fields }, Buffer.from('original'));
      h.clock.advance(1);
      transformer.last.make('small');
      const [original, variant] = [timesOf(h, 'r /a.jpg'), timesOf(h, 'r /a.jpg ~w=10')];
      if (variant === undefined) continue;
      expect(original).toBeDefined();
      for (const key of ['freshUntilS', 'revalidateUntilS', 'errorUntilS'] as const) {
        const [most, got] = [original![key], variant[key]];
        expect([name, waitS, key, got <= most ? 'no longer' : `${got - most} s longer`]).toEqual([
          name,
          waitS,
          key,
          'no longer',
        ]);
      }
      h.finish();
    }
  });
});

describe('of an original that may not be kept for all, nothing is kept', () => {
  test.each<[string, Record<string, string>, boolean]>([
    ['a cookie, and no lifetime', { 'set-cookie': 'visit=1' }, false],
    ['a cookie, and public', { 'set-cookie': 'visit=1', 'cache-control': 'public' }, false],
    ['a cookie and a lifetime', { 'set-cookie': 'visit=1', 'cache-control': 'max-age=60' }, true],
    ['a lifetime, and what nobody can know', { vary: '*', 'cache-control': 'max-age=60' }, false],
    ['the same among others', { vary: 'Accept, *', 'cdn-cache-control': 'max-age=60' }, false],
    ['private', { 'cache-control': 'private, max-age=60' }, false],
    ['private for one cache', { 'cdn-cache-control': 'private', 'cache-control': 'max-age=60' }, false],
    ['nothing', {}, true],
  ])('%s', (_, said, isKept) => {
    const transformer = new ScriptedTransformer();
    const h = new Harness({ route: 'images: { onFailure: error }\nttl: { default: 1h }', transformer });
    for (const round of [1, 2]) {
      const reader = h.ask('/a.jpg?w=10');
      h.clock.advance(1);
      if (round === 2 && isKept) {
        expect(reader.cacheStatus).toContain('; hit');
        continue;
      }
      h.last.answer(
        { fields: { 'content-type': 'image/jpeg', etag: '"1"', ...said } },
        Buffer.from('original'),
      );
      h.clock.advance(1);
      transformer.last.make('small');
      expect(reader.body.toString()).toBe('small');
      expect(reader.fields.has('set-cookie')).toBe(false);
    }
    expect(h.origin.calls.length).toBe(isKept ? 1 : 2);
    expect(timesOf(h, 'r /a.jpg ~w=10') !== undefined).toBe(isKept);
    h.finish();
  });
});

describe('what stands in for something better says no more than its original', () => {
  const AVIF = { accept: 'image/avif,image/webp' };
  const SHORTER: readonly [string, Record<string, string>, fresh: number, words: RegExp][] = [
    ['private', { 'cache-control': 'private, max-age=600' }, 0, /private/],
    ['no-store', { 'cache-control': 'no-store' }, 0, /no-store/],
    ['no-cache', { 'cache-control': 'no-cache' }, 1, /no-cache/],
    ['a cookie', { 'set-cookie': 'a=b' }, 0, /no-store/],
    ['Vary: *', { vary: '*', 'cache-control': 'max-age=600' }, 0, /no-store/],
    ['a short lifetime', { 'cache-control': 'max-age=5' }, 5, /^public, max-age=5$/],
    [
      'a lifetime that is nearly over',
      { 'cache-control': 'max-age=600', age: '593' },
      7,
      /^public, max-age=7$/,
    ],
    [
      'a long lifetime',
      { 'cache-control': 'max-age=600, must-revalidate' },
      30,
      /^public, max-age=30, must-revalidate$/,
    ],
  ];

  test.each(SHORTER)('a provisional variant of one with %s', (_, said, freshS, words) => {
    const transformer = new ScriptedTransformer();
    const route = 'images: { onFailure: error, provisional: [avif], provisionalLifetime: 30s }';
    const h = new Harness({ route, transformer });
    const reader = h.ask('/a.jpg?auto=format', { fields: AVIF });
    h.clock.advance(1);
    h.last.answer(
      { fields: { 'content-type': 'image/jpeg', etag: '"1"', ...said } },
      Buffer.from('original'),
    );
    h.clock.advance(1);
    transformer.last.make('webp', { provisional: true });
    expect(reader.fields.get('cache-control')).toMatch(words);
    const [original, variant] = [timesOf(h, 'r /a.jpg'), timesOf(h, 'r /a.jpg ~f=auto-avif')];
    const nowS = Math.floor(h.clock.nowMs() / 1000);
    expect(variant === undefined ? 0 : variant.freshUntilS - nowS).toBeLessThanOrEqual(freshS);
    if (variant === undefined) return;
    expect(variant.freshUntilS).toBeLessThanOrEqual(original!.freshUntilS);
    expect(variant.revalidateUntilS).toBeLessThanOrEqual(original!.freshUntilS);
    expect(variant.errorUntilS).toBeLessThanOrEqual(original!.errorUntilS);
  });

  test.each(SHORTER)('the original itself, with %s', (_, said, __, words) => {
    const transformer = new ScriptedTransformer();
    const h = new Harness({ route: 'images: { onFailure: original, fallbackLifetime: 30s }', transformer });
    const reader = h.ask('/a.jpg?w=10');
    h.clock.advance(1);
    h.last.answer(
      { fields: { 'content-type': 'image/jpeg', etag: '"1"', ...said } },
      Buffer.from('original'),
    );
    h.clock.advance(1);
    transformer.last.fail('corrupt');
    expect([reader.status, reader.body.toString()]).toEqual([200, 'original']);
    expect(reader.fields.get('cache-control')).toMatch(words);
    expect(reader.fields.has('set-cookie')).toBe(false);
    expect(timesOf(h, 'r /a.jpg ~w=10')).toBeUndefined();
  });
});

test.each([
  ['text/html; charset=utf-8', false],
  ['application/json', false],
  ['IMAGE/JPEG', true],
  ['application/octet-stream', true],
  [undefined, true],
])('an original that says %s is passed on in the place of a variant: %p', (type, isPassedOn) => {
  const transformer = new ScriptedTransformer();
  const h = new Harness({ route: 'images: { onFailure: original }', transformer });
  // Nobody has looked at its bytes.
  transformer.full = { cause: 'queue-full', detail: 'busy' };
  const reader = h.ask('/a.jpg?w=10');
  h.clock.advance(1);
  const fields: Record<string, string> = type === undefined ? {} : { 'content-type': type };
  h.last.answer({ fields }, Buffer.from('original'));
  h.clock.advance(1);
  expect(reader.status).toBe(isPassedOn ? 200 : 503);
  expect(reader.body.includes('original')).toBe(isPassedOn);
});
