import { type Case, fetched, reused, type Step, twice } from './case.ts';

const MA = { 'Cache-Control': 'max-age=60' };
const TAGGED = { ...MA, ETag: '"1"' };
const BODY = { body: '0123456789' };
const ranged = (
  id: string,
  rfc: string,
  says: string,
  send: Record<string, string>,
  answer: Partial<Step>,
): Case => ({
  id,
  rfc,
  says,
  steps: [fetched(TAGGED, { origin: BODY }), { asks: false, send, ...answer }],
});
const stale = (
  id: string,
  rfc: string,
  says: string,
  directives: string,
  answer: Partial<Step>,
  waitS = 70,
): Case => ({
  id,
  rfc,
  says,
  steps: [
    fetched({ 'Cache-Control': `max-age=60${directives}` }),
    { asks: true, waitS, origin: { breaks: 'at-once' }, ...answer },
  ],
});

/** How what is stored is selected, validated, served stale, and forgotten. */
export const USING: readonly Case[] = [
  {
    id: 'age-field',
    rfc: '9111 4',
    says: 'an answer from the store has an Age, and keeps its Date',
    steps: [
      fetched({ ...MA, Age: '5', Date: '{date:-5}' }),
      reused(1, { waitS: 10, fields: { age: /^1[5-9]$/, date: /GMT$/ } }),
    ],
  },
  {
    id: 'cache-status',
    rfc: '9211 2',
    says: 'every answer says what the cache did',
    steps: [
      fetched(MA, { fields: { 'cache-status': /^Holdfast; fwd=uri-miss; fwd-status=200; stored$/ } }),
      reused(1, { fields: { 'cache-status': /^Holdfast; hit; ttl=\d+$/ } }),
    ],
  },
  {
    id: 'only-if-cached',
    rfc: '9111 5.2.1.7',
    says: 'only-if-cached is answered from the store, or with 504',
    steps: [
      { asks: false, send: { 'Cache-Control': 'only-if-cached' }, status: 504 },
      fetched(MA),
      reused(2, { send: { 'Cache-Control': 'only-if-cached' } }),
    ],
  },
  twice('query', '9111 2', 'the query is part of the key', MA, true),
  {
    id: 'query-other',
    rfc: '9111 2',
    says: 'another query is another resource',
    steps: [fetched(MA, { path: '?a=1' }), fetched(MA, { path: '?a=2' }), reused(1, { path: '?a=1' })],
  },
  {
    id: 'vary',
    rfc: '9111 4.1',
    says: 'a variant answers those who would have selected it, and stays beside the others',
    steps: [
      fetched({ ...MA, Vary: 'X-A' }, { send: { 'X-A': '1' } }),
      fetched({ ...MA, Vary: 'X-A' }, { send: { 'X-A': '2' } }),
      fetched({ ...MA, Vary: 'X-A' }),
      reused(1, { send: { 'X-A': '1' } }),
      reused(2, { send: { 'X-A': '2' } }),
      reused(3),
    ],
  },
  {
    id: 'vary-several',
    rfc: '9111 4.1',
    says: 'all fields must match; others do not matter; case and white space are no difference',
    steps: [
      fetched({ ...MA, Vary: 'X-A, x-b' }, { send: { 'X-A': '1,2', 'X-B': '3', 'X-C': '4' } }),
      reused(1, { send: { 'X-A': '1,  2', 'X-B': '3', 'X-C': '5' } }),
      fetched({ ...MA, Vary: 'X-A, x-b' }, { send: { 'X-A': '1,2', 'X-B': '4' } }),
    ],
  },
  twice('vary-star', '9111 4.1', 'Vary: * never matches', { ...MA, Vary: '*' }, false, { waitS: 0 }),
  {
    id: 'vary-language-case',
    rfc: '9110 12.5.4',
    says: 'language tags are case-insensitive',
    steps: [
      fetched({ ...MA, Vary: 'Accept-Language' }, { send: { 'Accept-Language': 'en, de' } }),
      reused(1, { send: { 'Accept-Language': 'eN,De' } }),
    ],
  },
  ...(
    [
      ['match', { 'If-None-Match': '"1"' }, 304],
      ['weak', { 'If-None-Match': 'W/"1"' }, 304],
      ['list', { 'If-None-Match': '"0", "1"' }, 304],
      ['star', { 'If-None-Match': '*' }, 304],
      ['other', { 'If-None-Match': '"2"' }, 200],
      ['before-date', { 'If-None-Match': '"2"', 'If-Modified-Since': '{date:0}' }, 200],
      ['if-match', { 'If-Match': '"2"' }, 412],
      ['if-match-weak', { 'If-Match': 'W/"1"' }, 412],
    ] as const
  ).map(([id, send, status]) =>
    ranged(`condition-${id}`, '9110 13', `${JSON.stringify(send)}: ${status}`, send, { status }),
  ),
  {
    id: 'validation-etag',
    rfc: '9111 4.3.1',
    says: 'what is stale is validated with its entity tag; a 304 makes it fresh',
    steps: [
      fetched(TAGGED),
      {
        asks: true,
        waitS: 61,
        origin: {
          status: 304,
          fields: [
            ['ETag', '"1"'],
            ['Cache-Control', 'max-age=100'],
          ],
        },
        asked: { 'if-none-match': '"1"' },
        status: 200,
        body: '1',
      },
      reused(1, { waitS: 90 }),
    ],
  },
  {
    id: 'validation-date',
    rfc: '9111 4.3.1',
    says: 'or with its Last-Modified',
    steps: [
      fetched({ ...MA, 'Last-Modified': 'Wed, 01 Jan 2020 00:00:00 GMT' }),
      {
        asks: true,
        waitS: 61,
        origin: { status: 304 },
        asked: { 'if-modified-since': 'Wed, 01 Jan 2020 00:00:00 GMT' },
        status: 200,
        body: '1',
      },
    ],
  },
  {
    id: 'update-304',
    rfc: '9111 3.2',
    says: 'a 304 updates the stored fields, but not those that describe the stored bytes',
    steps: [
      fetched({ ...TAGGED, 'X-A': '1', 'X-B': '1', 'Content-Encoding': 'a', 'Content-MD5': 'a' }),
      {
        asks: true,
        waitS: 61,
        origin: {
          status: 304,
          fields: [
            ['ETag', '"1"'],
            ['X-A', '2'],
            ['Content-Encoding', 'b'],
            ['Content-MD5', 'b'],
            ['Cache-Control', 'max-age=60'],
          ],
        },
        fields: { 'x-a': '2', 'x-b': '1', 'content-encoding': 'a', 'content-md5': 'a' },
      },
      reused(1, { fields: { 'x-a': '2', 'x-b': '1', 'content-encoding': 'a' } }),
    ],
  },
  {
    id: 'no-cache-validates',
    rfc: '9111 5.2.2.4',
    says: 'no-cache is kept and validated before each use',
    steps: [
      fetched({ 'Cache-Control': 'no-cache', ETag: '"1"' }),
      {
        asks: true,
        origin: { status: 304, fields: [['ETag', '"1"']] },
        asked: { 'if-none-match': '"1"' },
        body: '1',
      },
    ],
  },
  {
    id: 'head',
    rfc: '9110 9.3.2',
    says: 'a stored GET answers HEAD, without its body',
    steps: [
      fetched(MA),
      { asks: false, method: 'HEAD', status: 200, body: '', fields: { 'content-length': '1' } },
    ],
  },
  ranged(
    'range',
    '9110 14.2',
    'a range of a stored response',
    { Range: 'bytes=2-4' },
    { status: 206, body: '234', fields: { 'content-range': 'bytes 2-4/10' } },
  ),
  ranged('range-open', '9110 14.1.2', 'to the end', { Range: 'bytes=7-' }, { status: 206, body: '789' }),
  ranged('range-suffix', '9110 14.1.2', 'the last bytes', { Range: 'bytes=-2' }, { status: 206, body: '89' }),
  ranged(
    'range-beyond',
    '9110 15.5.17',
    'beyond the end',
    { Range: 'bytes=10-' },
    { status: 416, fields: { 'content-range': 'bytes */10' } },
  ),
  ranged(
    'range-malformed',
    '9110 14.2',
    'a malformed one is ignored',
    { Range: 'bytes=4-2' },
    { status: 200, body: '0123456789' },
  ),
  ranged(
    'range-several',
    '9110 15.3.7.2',
    'several ranges are several parts',
    { Range: 'bytes=0-1, 8-' },
    { status: 206, fields: { 'content-type': /^multipart\/byteranges; boundary=/ } },
  ),
  ranged(
    'range-flood',
    '9110 17.15',
    'overlapping ones are answered with the whole',
    { Range: 'bytes=0-,0-,0-' },
    { status: 200, body: '0123456789' },
  ),
  ranged(
    'if-range',
    '9110 13.1.5',
    'If-Range that holds',
    { Range: 'bytes=0-1', 'If-Range': '"1"' },
    { status: 206, body: '01' },
  ),
  ranged(
    'if-range-not',
    '9110 13.1.5',
    'If-Range that does not',
    { Range: 'bytes=0-1', 'If-Range': '"2"' },
    { status: 200 },
  ),
  {
    id: 'swr',
    rfc: '5861 3',
    says: 'stale-while-revalidate: the old one at once, the new one next',
    steps: [
      fetched({ 'Cache-Control': 'max-age=60, stale-while-revalidate=60' }),
      {
        asks: true,
        waitS: 70,
        origin: { fields: [['Cache-Control', 'max-age=60']] },
        body: '1',
        fields: { 'cache-status': /hit.*stale-while-revalidate/ },
      },
      reused(2),
    ],
  },
  {
    id: 'swr-not-said',
    rfc: '9111 4.2.4',
    says: 'nothing is served stale without the right to it',
    steps: [fetched(MA), fetched(MA, { waitS: 61, body: '2' })],
  },
  {
    id: 'swr-ends',
    rfc: '5861 3',
    says: 'and its window ends',
    steps: [
      fetched({ 'Cache-Control': 'max-age=60, stale-while-revalidate=10' }),
      fetched(MA, { waitS: 75, body: '2' }),
    ],
  },
  stale('sie', '5861 4', 'stale-if-error', ', stale-if-error=60', {
    status: 200,
    body: '1',
    fields: { 'cache-status': /stale-if-error origin-reset/ },
  }),
  stale('sie-500', '5861 4', 'also when the origin answers with a 500', ', stale-if-error=60', {
    status: 200,
    body: '1',
    origin: { status: 500 },
  }),
  ...['must-revalidate', 'proxy-revalidate', 'no-cache', 's-maxage=60'].map((directive) =>
    stale(
      `stale-${directive.replace('=60', '')}`,
      '9111 4.2.4',
      `${directive} forbids stale use`,
      `, ${directive}`,
      { status: 502 },
    ),
  ),
  {
    ...stale(
      'last-known-good',
      '9111 4.2.4',
      'an image stands in for a failing origin, however old it is',
      '',
      { status: 200, body: '1', fields: { 'cache-status': /last-known-good/ } },
      1e6,
    ),
    types: ['image/png'],
  },
  {
    ...stale('last-known-good-text', '9111 4.2.4', 'and a page does not', '', { status: 502 }, 1e6),
    types: ['text/html'],
  },
  stale(
    'cut-body',
    '9112 8',
    'a new body that breaks leaves the old one, for everybody',
    ', stale-if-error=60',
    { status: 200, body: '1', origin: { breaks: 'in-body', body: 'half of it' } },
  ),
  ...[102, 103].map(
    (status): Case => ({
      id: `interim-${status}`,
      rfc: '9110 15.2',
      says: `a ${status} is no final response`,
      steps: [
        fetched(MA, { origin: { interim: [status], fields: [['Cache-Control', 'max-age=60']] } }),
        reused(1),
      ],
    }),
  ),
  ...['POST', 'PUT', 'DELETE', 'PATCH', 'M-SEARCH'].map(
    (method): Case => ({
      id: `invalidate-${method}`,
      rfc: '9111 4.4',
      says: `${method} makes what is stored invalid`,
      steps: [fetched(MA), fetched({}, { method }), fetched(MA, { body: '3' })],
    }),
  ),
  {
    id: 'invalidate-error',
    rfc: '9111 4.4',
    says: 'a failed one does not',
    steps: [fetched(MA), { asks: true, method: 'POST', origin: { status: 500 }, status: 500 }, reused(1)],
  },
  ...['Location', 'Content-Location'].map(
    (name): Case => ({
      id: `invalidate-${name}`,
      rfc: '9111 4.4',
      says: `nor is what ${name} names still valid`,
      steps: [
        fetched(MA, { path: '/b' }),
        fetched({ [name]: 'b' }, { method: 'POST', path: '/a' }),
        fetched(MA, { path: '/b', body: '3' }),
      ],
    }),
  ),
  {
    id: 'invalidate-variants',
    rfc: '9111 4.4',
    says: 'all variants go',
    steps: [
      fetched({ ...MA, Vary: 'X-A' }, { send: { 'X-A': '1' } }),
      fetched({ ...MA, Vary: 'X-A' }, { send: { 'X-A': '2' } }),
      fetched({}, { method: 'POST' }),
      fetched({ ...MA, Vary: 'X-A' }, { send: { 'X-A': '1' }, body: '4' }),
      fetched({ ...MA, Vary: 'X-A' }, { send: { 'X-A': '2' }, body: '5' }),
    ],
  },
  {
    id: 'trace',
    rfc: '9110 9.3.8',
    says: 'TRACE goes nowhere',
    steps: [{ asks: false, method: 'TRACE', status: 501 }],
  },
];
