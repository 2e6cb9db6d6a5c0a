import { expect, test } from 'bun:test';
import { seededRandom } from '../../base/random.ts';
import { DEFAULT_HEAD_LIMITS, parseRequestHead, parseResponseHead, type RequestHeadLimits } from './head.ts';
import type { Problem } from './problem.ts';

const LIMITS = DEFAULT_HEAD_LIMITS;

function parse(text: string, limits: RequestHeadLimits = LIMITS) {
  const buf = Buffer.from(text, 'latin1');
  return parseRequestHead(buf, 0, buf.length, limits);
}

function parseResponse(text: string) {
  const buf = Buffer.from(text, 'latin1');
  return parseResponseHead(buf, 0, buf.length, LIMITS);
}

test('a request head comes out in its parts', () => {
  const text =
    'GET /a%20b?x=1 HTTP/1.1\r\nHost: Images.Example:8080\r\nX-A:\t one \t\r\nx-a:two\r\nEmpty:\r\n\r\n';
  const head = parse(`${text}left over`);
  expect(head).toMatchObject({
    kind: 'request',
    method: 'GET',
    target: '/a%20b?x=1',
    authority: 'images.example:8080',
    version: 1,
    headBytes: text.length,
  });
  if (head.kind !== 'request') throw new Error('not a request');
  expect([...head.fields]).toEqual([
    ['host', 'Images.Example:8080'],
    ['x-a', 'one'],
    ['x-a', 'two'],
    ['empty', ''],
  ]);
});

test('start and end bound what is looked at', () => {
  const buf = Buffer.from('junkGET / HTTP/1.1\r\nHost: a\r\n\r\nGET', 'latin1');
  expect(parseRequestHead(buf, 4, buf.length, LIMITS)).toMatchObject({ kind: 'request', headBytes: 27 });
  expect(parseRequestHead(buf, 4, 30, LIMITS)).toEqual({ kind: 'incomplete' });
});

test.each([
  ['GET http://Other.example/x?y HTTP/1.1\r\nHost: a\r\n\r\n', '/x?y', 'other.example'],
  ['GET HTTPS://other.example:8443 HTTP/1.1\r\nHost: a\r\n\r\n', '/', 'other.example:8443'],
  ['GET http://other.example?q HTTP/1.1\r\nHost: a\r\n\r\n', '/?q', 'other.example'],
  ['OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n', '*', 'a'],
  ['\r\nGET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n', '/', '[::1]:80'],
  ['GET / HTTP/1.0\r\n\r\n', '/', ''],
])('target and authority of %j', (text, target, authority) => {
  expect(parse(text)).toMatchObject({ kind: 'request', target, authority, headBytes: text.length });
});

/** Each is one way in which two recipients could disagree about where a request ends, or what it is for. */
const REFUSED: readonly [Problem, string][] = [
  ['start-line', 'GET /\r\n\r\n'],
  ['start-line', 'GET  / HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['start-line', 'GET / HTTP/1.1 \r\nHost: a\r\n\r\n'],
  ['start-line', 'GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n'],
  ['start-line', ' GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['start-line', 'G(T / HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['start-line', 'GET / http/1.1\r\nHost: a\r\n\r\n'],
  ['start-line', '\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['start-line', '\x16\x03\x01\x02\0\x01\0'],
  ['version', 'GET / HTTP/2.0\r\nHost: a\r\n\r\n'],
  ['version', 'GET / HTTP/0.9\r\nHost: a\r\n\r\n'],
  ['version', 'GET / HTTP/1.10\r\nHost: a\r\n\r\n'],
  ['version', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['method', 'TRACE / HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['method', 'CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['target', 'GET a/b HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['target', 'GET * HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['target', 'GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['target', 'GET /caf\xe9 HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['target', 'GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['target', 'GET http://user@b/ HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['target', 'GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['target', 'GET ftp://b/ HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['host-missing', 'GET / HTTP/1.1\r\n\r\n'],
  ['host-missing', 'GET / HTTP/1.1\r\nX-Host: a\r\n\r\n'],
  ['host-repeated', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
  ['host-repeated', 'GET / HTTP/1.0\r\nHost: a\r\nhOST: a\r\n\r\n'],
  ['host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n'],
  ['host', 'GET / HTTP/1.1\r\nHost: a, b\r\n\r\n'],
  ['host', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n'],
  ['host', 'GET / HTTP/1.1\r\nHost: a:x\r\n\r\n'],
  ['host', 'GET / HTTP/1.1\r\nHost: u@a\r\n\r\n'],
  ['bare-lf', 'GET / HTTP/1.1\nHost: a\n\n'],
  ['bare-lf', 'GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n'],
  ['obs-fold', 'GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n'],
  ['obs-fold', 'GET / HTTP/1.1\r\n Host: a\r\n\r\n'],
  ['field-line', 'GET / HTTP/1.1\r\nHost : a\r\n\r\n'],
  ['field-line', 'GET / HTTP/1.1\r\nHost\t: a\r\n\r\n'],
  ['field-line', 'GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n'],
  ['field-line', 'GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n'],
  ['field-line', 'GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n'],
  ['field-line', 'GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\xa0: chunked\r\n\r\n'],
  ['field-value', 'GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n'],
  ['field-value', 'GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n'],
  ['field-value', 'GET / HTTP/1.1\r\nHost: a\r\nX: \x0bchunked\r\n\r\n'],
  ['field-value', 'GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n'],
  ['target-too-long', `GET /${'a'.repeat(8192)} HTTP/1.1\r\nHost: a\r\n\r\n`],
  ['target-too-long', `GET /${'a'.repeat(20_000)}`],
  ['head-too-large', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`],
  ['too-many-fields', `GET / HTTP/1.1\r\nHost: a\r\n${'X: b\r\n'.repeat(100)}\r\n`],
];

test('the corpus of hostile requests is refused, each for its reason', () => {
  for (const [problem, text] of REFUSED) {
    const head = parse(text);
    expect([text.slice(0, 80), head.kind === 'malformed' ? head.problem : head.kind]).toEqual([
      text.slice(0, 80),
      problem,
    ]);
  }
});

test('the limits are inclusive', () => {
  const fixed = 'GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n'.length;
  const of = (bytes: number) => parse(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(bytes - fixed)}\r\n\r\n`);
  expect(of(LIMITS.maxBytes).kind).toBe('request');
  expect(of(LIMITS.maxBytes + 1)).toMatchObject({ problem: 'head-too-large', status: 431 });
  expect(parse(`GET / HTTP/1.1\r\nHost: a\r\n${'X: b\r\n'.repeat(99)}\r\n`).kind).toBe('request');
  expect(parse(`GET /${'a'.repeat(8191)} HTTP/1.1\r\nHost: a\r\n\r\n`).kind).toBe('request');
});

test('how the input is split never changes the result', () => {
  const whole = ['GET /x HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n', '\r\nHEAD / HTTP/1.0\r\n\r\n'];
  const small = { maxBytes: 128, maxFields: 8, maxTargetBytes: 64 };
  for (const text of [...whole, ...REFUSED.map(([, refused]) => refused.slice(0, 300))]) {
    const atOnce = parse(text, small);
    let first = parse('', small);
    for (let end = 1; end <= text.length && first.kind === 'incomplete'; end += 1) {
      first = parse(text.slice(0, end), small);
    }
    expect(first).toEqual(atOnce);
  }
});

test('random mutations never throw, and what is accepted keeps its promises', () => {
  const random = seededRandom(7);
  const seeds = [
    'GET /x?y=z HTTP/1.1\r\nHost: a.example\r\nAccept: image/*\r\nConnection: close\r\n\r\nGET',
    ...REFUSED.map((r) => r[1]),
  ];
  let accepted = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const buf = Buffer.from(
      seeds[random.u32() % (round % 2 === 0 ? 1 : seeds.length)]!.slice(0, 400),
      'latin1',
    );
    for (let edits = 1 + (random.u32() % 3); edits > 0; edits -= 1) {
      const interesting = [0, 9, 10, 13, 32, 35, 58, 127, 255, random.u32() & 255];
      buf[random.u32() % buf.length] = interesting[random.u32() % interesting.length]!;
    }
    const head = parseRequestHead(buf, 0, buf.length, LIMITS);
    parseResponseHead(buf, 0, buf.length, LIMITS);
    if (head.kind !== 'request') continue;
    accepted += 1;
    expect(head.target).toMatch(/^(\/[\x21-\x7e]*|\*)$/);
    expect(head.authority).toMatch(/^[a-z0-9._~:[\]-]*$/);
    expect(buf.toString('latin1', head.headBytes - 4, head.headBytes)).toBe('\r\n\r\n');
    for (const [name, value] of head.fields) {
      expect(name).toMatch(/^[!#$%&'*+\-.^_`|~0-9a-z]+$/);
      expect(value).toMatch(/^([\x21-\x7e\x80-\xff]([\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/);
    }
  }
  expect(accepted).toBeGreaterThan(100);
});

test.each([
  ['HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody', 200, 'OK', 1, 25],
  ['HTTP/1.0 404 Not  Found\r\n\r\n', 404, 'Not  Found', 0, 27],
  ['HTTP/1.1 304 \r\n\r\n', 304, '', 1, 17],
  ['HTTP/1.1 599\r\n\r\n', 599, '', 1, 16],
] as const)('response head %j', (text, status, reason, version, headBytes) => {
  expect(parseResponse(text)).toMatchObject({ kind: 'response', status, reason, version, headBytes });
});

test.each([
  ['start-line', 'HTTP/1.1 2000 OK\r\n\r\n'],
  ['start-line', 'HTTP/1.1 600 OK\r\n\r\n'],
  ['start-line', 'HTTP/1.1  200 OK\r\n\r\n'],
  ['start-line', 'HTTP/1.1 200 O\0K\r\n\r\n'],
  ['start-line', 'ICY 200 OK\r\n\r\n'],
  ['start-line', '\r\nHTTP/1.1 200 OK\r\n\r\n'],
  ['version', 'HTTP/2 200 OK\r\n\r\n'],
  ['bare-lf', 'HTTP/1.1 200 OK\nA: b\n\n'],
  ['obs-fold', 'HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n'],
  ['field-line', 'HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\n'],
  ['field-value', 'HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n'],
] as const)('response %s: %j', (problem, text) => {
  expect(parseResponse(text)).toMatchObject({ kind: 'malformed', problem });
});
