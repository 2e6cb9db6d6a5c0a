import { describe, expect, test } from 'bun:test';
import {
  conditionalFields,
  confirms,
  evaluateConditional,
  merge304,
  notModifiedFields,
  sameStrongly,
  sameWeakly,
  type Validators,
} from './conditional.ts';
import { formatHttpDate } from './date.ts';
import { Fields } from './fields.ts';

const MODIFIED_S = 1_600_000_000;
const STORED: Validators = { etag: '"a"', lastModifiedS: MODIFIED_S, status: 200 };
const SAME = formatHttpDate(MODIFIED_S);
const BEFORE = formatHttpDate(MODIFIED_S - 1);
const AFTER = formatHttpDate(MODIFIED_S + 1);
const of = (fields: Record<string, string>): Fields => new Fields(Object.entries(fields).flat());

describe('entity tags (RFC 9110 section 8.8.3.2)', () => {
  test.each<[string, string, strong: boolean, weak: boolean]>([
    ['W/"1"', 'W/"1"', false, true],
    ['W/"1"', 'W/"2"', false, false],
    ['W/"1"', '"1"', false, true],
    ['"1"', '"1"', true, true],
    ['1', '1', false, true],
    ['"', '"', false, true],
    ['w/"1"', '"1"', false, false],
  ])('%s and %s', (a, b, strong, weak) => {
    expect(sameStrongly(a, b)).toBe(strong);
    expect(sameWeakly(a, b)).toBe(weak);
  });
});

type Row = [what: string, request: Record<string, string>, verdict: string, stored: Partial<Validators>];

const READ_ROWS: Row[] = [
  ['nothing asked', {}, 'proceed', {}],
  ['If-None-Match', { 'if-none-match': '"a"' }, 'not-modified', {}],
  ['weak against strong', { 'if-none-match': 'W/"a"' }, 'not-modified', {}],
  ['strong against weak', { 'if-none-match': '"a"' }, 'not-modified', { etag: 'W/"a"' }],
  ['a list', { 'if-none-match': '"x", W/"y" ,"a"' }, 'not-modified', {}],
  ['a list without', { 'if-none-match': '"x", "y"' }, 'proceed', {}],
  ['a comma inside a tag', { 'if-none-match': '"x,y"' }, 'not-modified', { etag: '"x,y"' }],
  ['a tag that is only part of another', { 'if-none-match': '"x,a"' }, 'proceed', { etag: '"a"' }],
  ['no escapes in tags', { 'if-none-match': '"x\\", "a"' }, 'not-modified', {}],
  ['star', { 'if-none-match': '*' }, 'not-modified', {}],
  ['star without any tag', { 'if-none-match': '*' }, 'not-modified', { etag: undefined }],
  ['star in a list is no star', { 'if-none-match': '"x", *' }, 'proceed', {}],
  ['without quotes on both sides', { 'if-none-match': 'a' }, 'not-modified', { etag: 'a' }],
  ['without quotes on one side', { 'if-none-match': 'a' }, 'proceed', {}],
  ['letter case counts', { 'if-none-match': '"A"' }, 'proceed', {}],
  ['no stored tag', { 'if-none-match': '"a"' }, 'proceed', { etag: undefined }],
  // Step 4: only without If-None-Match.
  ['modified since: same', { 'if-modified-since': SAME }, 'not-modified', {}],
  ['modified since: later', { 'if-modified-since': AFTER }, 'not-modified', {}],
  ['modified since: earlier', { 'if-modified-since': BEFORE }, 'proceed', {}],
  ['modified since: not a date', { 'if-modified-since': 'now' }, 'proceed', {}],
  ['modified since: two dates', { 'if-modified-since': `${SAME}, ${SAME}` }, 'proceed', {}],
  ['modified since: RFC 850', { 'if-modified-since': 'Sunday, 13-Sep-20 12:26:40 GMT' }, 'not-modified', {}],
  ['If-None-Match decides: differs', { 'if-none-match': '"x"', 'if-modified-since': AFTER }, 'proceed', {}],
  [
    'If-None-Match decides: same',
    { 'if-none-match': '"a"', 'if-modified-since': BEFORE },
    'not-modified',
    {},
  ],
  ['no date known', { 'if-modified-since': AFTER }, 'proceed', { lastModifiedS: undefined }],
  [
    'Date stands in',
    { 'if-modified-since': SAME },
    'not-modified',
    { lastModifiedS: undefined, dateS: MODIFIED_S },
  ],
  ['Date does not override', { 'if-modified-since': SAME }, 'not-modified', { dateS: MODIFIED_S + 9 }],
  // Steps 1 and 2.
  ['If-Match', { 'if-match': '"a"' }, 'proceed', {}],
  ['If-Match: star', { 'if-match': '*' }, 'proceed', { etag: undefined }],
  ['If-Match: other', { 'if-match': '"x"' }, 'precondition-failed', {}],
  ['If-Match: weak', { 'if-match': 'W/"a"' }, 'precondition-failed', { etag: 'W/"a"' }],
  ['If-Match: no tag', { 'if-match': '"a"' }, 'precondition-failed', { etag: undefined }],
  ['If-Match, then If-None-Match', { 'if-match': '"a"', 'if-none-match': '"a"' }, 'not-modified', {}],
  ['unmodified since: same', { 'if-unmodified-since': SAME }, 'proceed', {}],
  ['unmodified since: earlier', { 'if-unmodified-since': BEFORE }, 'precondition-failed', {}],
  ['unmodified since: not a date', { 'if-unmodified-since': 'x' }, 'proceed', {}],
  [
    'unmodified since: no date known',
    { 'if-unmodified-since': BEFORE },
    'proceed',
    { lastModifiedS: undefined },
  ],
  ['If-Match decides', { 'if-match': '"a"', 'if-unmodified-since': BEFORE }, 'proceed', {}],
  // Section 13.2.1.
  ['only for a 2xx', { 'if-none-match': '*' }, 'proceed', { status: 404 }],
  ['only for a 2xx, If-Match', { 'if-match': '"x"' }, 'proceed', { status: 301 }],
];

describe('evaluateConditional', () => {
  test.each(READ_ROWS)('%s', (_what, request, verdict, stored) => {
    for (const method of ['GET', 'HEAD']) {
      expect(evaluateConditional(method, of(request), { ...STORED, ...stored })).toBe(verdict as never);
    }
  });

  test('other methods fail instead of being answered with 304, and know no If-Modified-Since', () => {
    expect(evaluateConditional('PUT', of({ 'if-none-match': '*' }), STORED)).toBe('precondition-failed');
    expect(evaluateConditional('PUT', of({ 'if-modified-since': AFTER }), STORED)).toBe('proceed');
  });

  test('tags on several lines are one list', () => {
    const fields = new Fields(['if-none-match', '"x"', 'if-none-match', '"a"']);
    expect(evaluateConditional('GET', fields, STORED)).toBe('not-modified');
  });
});

describe('conditionalFields', () => {
  test('both validators', () => {
    expect(conditionalFields(of({ etag: 'W/"a"', 'last-modified': SAME }))).toEqual([
      ['if-none-match', 'W/"a"'],
      ['if-modified-since', SAME],
    ]);
  });

  test('none, empty and broken ones are not sent', () => {
    expect(conditionalFields(of({}))).toEqual([]);
    expect(conditionalFields(of({ etag: '', 'last-modified': 'last week' }))).toEqual([]);
  });

  test('the stored response satisfies its own condition', () => {
    const request = new Fields(conditionalFields(of({ etag: '"a"', 'last-modified': SAME })).flat());
    expect(evaluateConditional('GET', request, STORED)).toBe('not-modified');
  });
});

describe('304 from the origin', () => {
  test.each<[what: string, stored: Record<string, string>, update: Record<string, string>, yes: boolean]>([
    ['same tag', { etag: '"a"' }, { etag: '"a"' }, true],
    ['weakened on the way', { etag: '"a"' }, { etag: 'W/"a"' }, true],
    ['no tag in the 304', { etag: '"a"' }, {}, true],
    ['no tag stored', {}, { etag: '"a"' }, true],
    ['another tag', { etag: '"a"' }, { etag: '"b"' }, false],
  ])('confirms: %s', (_what, stored, update, yes) => {
    expect(confirms(of(stored), of(update))).toBe(yes);
  });

  test('replaces what it brings, all lines of it, and keeps the rest', () => {
    const stored = new Fields(['etag', '"a"', 'x-a', '1', 'x-a', '2', 'x-b', 'kept', 'date', BEFORE]);
    const update = new Fields(['x-a', '3', 'date', SAME, 'x-c', 'new', 'x-c', 'twice']);
    const merged = merge304(stored, update);
    expect([...merged].sort()).toEqual(
      [
        ['date', SAME],
        ['etag', '"a"'],
        ['x-a', '3'],
        ['x-b', 'kept'],
        ['x-c', 'new'],
        ['x-c', 'twice'],
      ].sort() as [string, string][],
    );
    expect(stored.get('x-a')).toBe('1, 2');
    expect(update.count('x-c')).toBe(2);
  });

  test.each([
    'content-length',
    'content-encoding',
    'content-type',
    'content-range',
    'set-cookie',
    'age',
    'connection',
    'x-hop',
  ])('does not touch %s', (name) => {
    const update = of({ connection: 'x-hop', [name]: 'x-hop' });
    expect(merge304(of({ [name]: 'old' }), update).get(name)).toBe('old');
    expect(merge304(of({}), update).has(name)).toBe(false);
  });
});

test('a 304 to the client carries validators and caching, nothing about the bytes', () => {
  const stored = of({
    date: SAME,
    etag: '"a"',
    'cache-control': 'max-age=60',
    vary: 'accept',
    'content-type': 'image/png',
    'content-length': '5',
    'access-control-allow-origin': '*',
    'x-other': '1',
  });
  expect(notModifiedFields(stored).flat).toEqual(
    of({
      date: SAME,
      etag: '"a"',
      'cache-control': 'max-age=60',
      vary: 'accept',
      'access-control-allow-origin': '*',
    }).flat,
  );
});
