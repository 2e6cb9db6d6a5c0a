import { type Case, fetched, reused, twice } from './case.ts';

const MA = { 'Cache-Control': 'max-age=60' };
const PAST = '{date:-86400}';

/** What may be stored, and for how long it is fresh. */
export const STORING: readonly Case[] = [
  twice('max-age', '9111 5.2.2.1', 'max-age is the lifetime', MA, true, { waitS: 59 }),
  twice('max-age-ends', '9111 5.2.2.1', 'and ends', MA, false, { waitS: 61 }),
  twice('max-age-0', '9111 5.2.2.1', 'max-age=0 is stale at once', { 'Cache-Control': 'max-age=0' }, false, {
    waitS: 0,
  }),
  twice(
    'max-age-huge',
    '9111 1.2.2',
    'a lifetime above 2^31 counts as that',
    { 'Cache-Control': 'max-age=99999999999' },
    true,
    { waitS: 1e6 },
  ),
  twice(
    'max-age-case',
    '9111 5.2',
    'directives are case-insensitive',
    { 'Cache-Control': 'MaX-aGe=60' },
    true,
  ),
  twice(
    'max-age-invalid',
    '9111 4.2.1',
    'an invalid lifetime is stale',
    { 'Cache-Control': 'max-age=abc', Expires: '{date:60}' },
    false,
  ),
  twice('max-age-quoted', '9111 5.2', 'a quoted lifetime counts', { 'Cache-Control': 'max-age="60"' }, true),
  twice(
    'max-age-in-quotes',
    '9111 5.2',
    'what is in a quoted string is no directive',
    { 'Cache-Control': 'x="max-age=60, y", max-age=0' },
    false,
  ),
  twice(
    'max-age-conflict',
    '9111 4.2.1',
    'of two the smaller counts',
    { 'Cache-Control': 'max-age=60, max-age=1' },
    false,
  ),
  twice(
    's-maxage',
    '9111 5.2.2.10',
    's-maxage goes before max-age',
    { 'Cache-Control': 'max-age=1, s-maxage=60' },
    true,
  ),
  twice(
    's-maxage-short',
    '9111 5.2.2.10',
    'also when it is shorter',
    { 'Cache-Control': 'max-age=60, s-maxage=1' },
    false,
  ),
  twice(
    'expires',
    '9111 5.3',
    'Expires, counted from Date',
    { Expires: '{date:60}', Date: '{date:0}' },
    true,
  ),
  twice('expires-past', '9111 5.3', 'in the past it is stale', { Expires: PAST, Date: '{date:0}' }, false),
  twice('expires-invalid', '9111 5.3', 'an invalid one is stale', { Expires: '0' }, false),
  twice('expires-max-age', '9111 5.3', 'max-age goes before it', { ...MA, Expires: PAST }, true),
  twice(
    'expires-rfc850',
    '9110 5.6.7',
    'obsolete date formats are read',
    { Expires: 'Thursday, 01-Jan-37 00:00:00 GMT' },
    true,
  ),
  twice('age', '9111 4.2.3', 'Age counts against the lifetime', { ...MA, Age: '59' }, false),
  twice('age-list', '9111 5.1', 'of a list of ages the first counts', { ...MA, Age: '0, 7200' }, true),
  twice('age-invalid', '9111 5.1', 'an invalid Age is ignored', { ...MA, Age: 'abc' }, true),
  twice(
    'heuristic',
    '9111 4.2.2',
    'a tenth of the time since Last-Modified',
    { 'Last-Modified': PAST },
    true,
    { waitS: 3600 },
  ),
  twice('heuristic-ends', '9111 4.2.2', 'and no more', { 'Last-Modified': PAST }, false, { waitS: 9000 }),
  twice('no-lifetime', '9111 4.2.2', 'with nothing to go by a response is not kept for long', {}, false),
  ...[201, 202, 302, 303, 307, 403, 502, 503, 504].map((status) =>
    twice(
      `heuristic-${status}`,
      '9110 15.1',
      `${status} has no heuristic lifetime`,
      { 'Last-Modified': PAST },
      false,
      { status, waitS: 0 },
    ),
  ),
  ...[203, 204, 301, 308, 404, 405, 410, 414, 501].map((status) =>
    twice(`default-${status}`, '9110 15.1', `${status} is kept by default`, { 'Last-Modified': PAST }, true, {
      status,
      waitS: 0,
    }),
  ),
  ...[200, 203, 299, 302, 307, 400, 403, 404, 410, 499, 500, 503].map((status) =>
    twice(`explicit-${status}`, '9111 3', `${status} with a stated lifetime is kept`, MA, true, {
      status,
      waitS: 1,
    }),
  ),
  twice('no-store', '9111 5.2.2.5', 'no-store', { 'Cache-Control': 'no-store, max-age=60' }, false, {
    waitS: 0,
  }),
  twice('private', '9111 5.2.2.7', 'private', { 'Cache-Control': 'private, max-age=60' }, false, {
    waitS: 0,
  }),
  twice('no-cache', '9111 5.2.2.4', 'no-cache', { 'Cache-Control': 'no-cache, max-age=60' }, false, {
    waitS: 0,
  }),
  twice(
    'must-understand',
    '9111 5.2.2.3',
    'must-understand lifts no-store from a status that is understood',
    { 'Cache-Control': 'must-understand, no-store, max-age=60' },
    true,
  ),
  twice(
    'must-understand-not',
    '9111 5.2.2.3',
    'and forbids one that is not',
    { 'Cache-Control': 'must-understand, max-age=60' },
    false,
    { status: 299 },
  ),
  twice(
    'public-error',
    '9111 5.2.2.9',
    'public makes any status cacheable',
    { 'Cache-Control': 'public', 'Last-Modified': PAST },
    true,
    { status: 599, waitS: 1 },
  ),
  twice('immutable', '8246 2', 'immutable does no harm', { 'Cache-Control': 'max-age=60, immutable' }, true),
  twice('pragma', '9111 5.4', 'Pragma of a response says nothing', { ...MA, Pragma: 'no-cache' }, true),
  ...[
    ['field', 'no-cache="X-A"'],
    ['private', 'private="X-A"'],
  ].map(
    ([id, directive]): Case => ({
      id: `qualified-${id}`,
      rfc: id === 'field' ? '9111 5.2.2.4' : '9111 5.2.2.7',
      says: 'a field that the directive names is not reused, the rest is',
      steps: [
        fetched({ 'Cache-Control': `max-age=60, ${directive}`, 'X-A': '1', 'X-B': '2' }),
        reused(1, { fields: { 'x-a': null, 'x-b': '2' } }),
      ],
    }),
  ),
  {
    id: 'connection-fields',
    rfc: '9111 3.1',
    says: 'hop-by-hop fields and those that Connection names are not stored',
    steps: [
      fetched({ ...MA, Connection: 'X-A', 'X-A': '1', 'Proxy-Authenticate': 'Basic', 'X-B': '2' }),
      reused(1, { fields: { 'x-a': null, 'proxy-authenticate': null, 'x-b': '2' } }),
    ],
  },
  {
    id: 'set-cookie',
    rfc: '9111 7.3',
    says: 'Set-Cookie reaches the one who was meant, and nobody else',
    types: ['image/png'],
    steps: [
      fetched({ ...MA, 'Set-Cookie': 'a=b' }, { fields: { 'set-cookie': 'a=b' } }),
      reused(1, { fields: { 'set-cookie': null } }),
    ],
  },
  ...[
    ['targeted', 'max-age=60', 'no-store', true],
    ['targeted-short', 'max-age=1', 'max-age=60', false],
    ['targeted-no-store', 'no-store', 'max-age=60', false],
    ['targeted-private', 'private', 'max-age=60', false],
    ['targeted-malformed', 'max-age=60, &', 'no-store', false],
    ['targeted-type', 'max-age="60"', 'no-store', false],
  ].map(([id, targeted, other, reusable]) =>
    twice(
      String(id),
      '9213 2',
      `CDN-Cache-Control: ${targeted} beside Cache-Control: ${other}`,
      { 'CDN-Cache-Control': String(targeted), 'Cache-Control': String(other) },
      reusable === true,
    ),
  ),
  ...(
    [
      ['', false],
      ['public, ', true],
      ['must-revalidate, ', true],
      ['s-maxage=60, ', true],
      ['private, ', false],
    ] as const
  ).map(([directive, reusable]) =>
    twice(
      `authorization-${directive.replace(/[^a-z]+/g, '') || 'plain'}`,
      '9111 3.5',
      `a response to credentials with "${directive}max-age=60"`,
      { 'Cache-Control': `${directive}max-age=60` },
      reusable,
      { first: { Authorization: 'Basic eA==' } },
    ),
  ),
];
