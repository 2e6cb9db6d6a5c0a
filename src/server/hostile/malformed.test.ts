import { describe, expect, test } from 'bun:test';
import type { Problem } from '../../http/wire/problem.ts';
import { echo, held, serverWith } from '../harness.suite.ts';

/** Requests that two recipients could read in two ways, and requests that are too much. None of them is acted upon. */

/** Behind each: must never be taken for a request of its own, nor answered. */
const SMUGGLED = 'GET /evil HTTP/1.1\r\nHost: a\r\n\r\n';
const H = 'Host: a\r\n';

const MALFORMED: readonly (readonly [what: string, status: number, problem: Problem, text: string])[] = [
  [
    'CL and TE',
    400,
    'two-lengths',
    `POST / HTTP/1.1\r\n${H}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  [
    'TE and CL',
    400,
    'two-lengths',
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n`,
  ],
  ['two CL', 400, 'content-length', `POST / HTTP/1.1\r\n${H}Content-Length: 0\r\nContent-Length: 5\r\n\r\n`],
  [
    'two equal CL',
    400,
    'content-length',
    `POST / HTTP/1.1\r\n${H}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`,
  ],
  ['a list of CL', 400, 'content-length', `POST / HTTP/1.1\r\n${H}Content-Length: 5, 5\r\n\r\nhello`],
  ['CL with a sign', 400, 'content-length', `POST / HTTP/1.1\r\n${H}Content-Length: +5\r\n\r\nhello`],
  ['a negative CL', 400, 'content-length', `POST / HTTP/1.1\r\n${H}Content-Length: -5\r\n\r\n`],
  ['CL in hexadecimal', 400, 'content-length', `POST / HTTP/1.1\r\n${H}Content-Length: 0x5\r\n\r\nhello`],
  [
    'CL beyond counting',
    400,
    'content-length',
    `POST / HTTP/1.1\r\n${H}Content-Length: 18446744073709551621\r\n\r\nhello`,
  ],
  ['an empty CL', 400, 'content-length', `POST / HTTP/1.1\r\n${H}Content-Length:\r\n\r\n`],
  [
    'TE of two codings',
    501,
    'transfer-encoding',
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: gzip, chunked\r\n\r\n`,
  ],
  [
    'TE twice',
    501,
    'transfer-encoding',
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`,
  ],
  [
    'TE with a parameter',
    501,
    'transfer-encoding',
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked;q=1\r\n\r\n`,
  ],
  [
    'TE of something else',
    501,
    'transfer-encoding',
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: xchunked\r\n\r\n`,
  ],
  [
    'TE with a vertical tab',
    400,
    'field-value',
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: \x0bchunked\r\n\r\n`,
  ],
  ['TE in HTTP/1.0', 501, 'transfer-encoding', `POST / HTTP/1.0\r\n${H}Transfer-Encoding: chunked\r\n\r\n`],
  ['a folded line', 400, 'obs-fold', `GET / HTTP/1.1\r\n${H}X: a\r\n b\r\n\r\n`],
  ['a folded TE', 400, 'obs-fold', `POST / HTTP/1.1\r\n${H}Transfer-Encoding:\r\n chunked\r\n\r\n`],
  ['a first line that is folded', 400, 'obs-fold', `GET / HTTP/1.1\r\n ${H}\r\n`],
  ['a bare LF', 400, 'bare-lf', `GET / HTTP/1.1\n${H}\r\n`],
  ['a bare LF at the end', 400, 'bare-lf', `GET / HTTP/1.1\r\n${H}\n\r\n`],
  ['a bare CR', 400, 'field-value', `GET / HTTP/1.1\r\n${H}X: a\rb\r\n\r\n`],
  ['a bare CR before a field', 400, 'field-value', `GET / HTTP/1.1\r\n${H}X: a\rContent-Length: 5\r\n\r\n`],
  ['a space before the colon', 400, 'field-line', `POST / HTTP/1.1\r\n${H}Content-Length : 5\r\n\r\nhello`],
  [
    'a tab before the colon',
    400,
    'field-line',
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding\t: chunked\r\n\r\n`,
  ],
  ['a field without a name', 400, 'field-line', `GET / HTTP/1.1\r\n${H}: a\r\n\r\n`],
  ['a line without a colon', 400, 'field-line', `GET / HTTP/1.1\r\n${H}nonsense\r\n\r\n`],
  ['NUL in a name', 400, 'field-line', `GET / HTTP/1.1\r\n${H}X\0: a\r\n\r\n`],
  ['NUL in a value', 400, 'field-value', `GET / HTTP/1.1\r\n${H}X: a\0b\r\n\r\n`],
  ['NUL in the target', 400, 'target', `GET /a\0 HTTP/1.1\r\n${H}\r\n`],
  ['bytes above ASCII in the target', 400, 'target', `GET /\xe9 HTTP/1.1\r\n${H}\r\n`],
  ['a fragment', 400, 'target', `GET /a#b HTTP/1.1\r\n${H}\r\n`],
  ['a target that is no path', 400, 'target', `GET a HTTP/1.1\r\n${H}\r\n`],
  ['another scheme', 400, 'target', `GET ftp://a/ HTTP/1.1\r\n${H}\r\n`],
  ['a target with credentials', 400, 'target', `GET http://u:p@a/ HTTP/1.1\r\n${H}\r\n`],
  ['a target without a host', 400, 'target', `GET http:///a HTTP/1.1\r\n${H}\r\n`],
  ['* for another method', 400, 'target', `GET * HTTP/1.1\r\n${H}\r\n`],
  ['two spaces', 400, 'start-line', `GET  / HTTP/1.1\r\n${H}\r\n`],
  ['a tab between', 400, 'start-line', `GET\t/ HTTP/1.1\r\n${H}\r\n`],
  ['a space behind', 400, 'start-line', `GET / HTTP/1.1 \r\n${H}\r\n`],
  ['no version', 400, 'start-line', `GET /\r\n${H}\r\n`],
  ['http in lower case', 400, 'start-line', `GET / http/1.1\r\n${H}\r\n`],
  ['another version', 505, 'version', `GET / HTTP/2.0\r\n${H}\r\n`],
  ['a version without a dot', 400, 'start-line', `GET / HTTP/11\r\n${H}\r\n`],
  ['two hosts', 400, 'host-repeated', `GET / HTTP/1.1\r\n${H}Host: b\r\n\r\n`],
  ['the same host twice', 400, 'host-repeated', `GET / HTTP/1.1\r\n${H}${H}\r\n`],
  ['no host', 400, 'host-missing', 'GET / HTTP/1.1\r\n\r\n'],
  ['an empty host', 400, 'host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n'],
  ['a host with a path', 400, 'host', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n'],
  ['a host with a space', 400, 'host', 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n'],
  ['a host with credentials', 400, 'host', 'GET / HTTP/1.1\r\nHost: u@a\r\n\r\n'],
  ['two hosts in one', 400, 'host', 'GET / HTTP/1.1\r\nHost: a, b\r\n\r\n'],
  ['TRACE', 501, 'method', `TRACE / HTTP/1.1\r\n${H}\r\n`],
  ['CONNECT', 501, 'method', `CONNECT a:443 HTTP/1.1\r\n${H}\r\n`],
  ['CONNECT in the form of others', 501, 'method', `CONNECT / HTTP/1.1\r\n${H}\r\n`],
  ['another protocol', 400, 'start-line', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'],
  [
    'a head that is too large',
    431,
    'head-too-large',
    `GET / HTTP/1.1\r\n${H}X: ${'a'.repeat(17_000)}\r\n\r\n`,
  ],
  ['a head without an end', 431, 'head-too-large', `GET / HTTP/1.1\r\n${'X: a\r\n'.repeat(3_000)}`],
  ['too many fields', 431, 'too-many-fields', `GET / HTTP/1.1\r\n${H}${'X: a\r\n'.repeat(101)}\r\n`],
  ['a target that is too long', 414, 'target-too-long', `GET /${'a'.repeat(8_300)} HTTP/1.1\r\n${H}\r\n`],
  ['a first line without an end', 414, 'target-too-long', `GET /${'a'.repeat(17_000)}`],
];

test.each(MALFORMED)('%s: %d, and the connection ends', async (_what, status, problem, text) => {
  const hold = held();
  await using bench = serverWith(hold.serve);
  const received = await bench
    .client()
    .send(text + SMUGGLED)
    .all();
  expect(received).toStartWith(`HTTP/1.1 ${status} `);
  expect(received).toContain('\r\nConnection: close\r\n');
  expect(received.match(/HTTP\/1\.1 \d/g)).toHaveLength(1);
  expect(hold.requests).toEqual([]);
  expect(bench.server.stats.malformed[problem]).toBe(1);
});

describe('bodies behind which something hides', () => {
  const post = (fields: string, body: string): string => `POST /1 HTTP/1.1\r\n${H}${fields}\r\n${body}`;
  const CHUNKED = 'Transfer-Encoding: chunked\r\n';

  test.each([
    ['a size with a sign', '+5\r\nhello\r\n0\r\n\r\n'],
    ['a size with 0x', '0x5\r\nhello\r\n0\r\n\r\n'],
    ['a size beyond counting', 'fffffffffffffff5\r\nhello\r\n0\r\n\r\n'],
    ['an empty size', '\r\nhello\r\n0\r\n\r\n'],
    ['a size that ends with LF', '5\nhello\r\n0\r\n\r\n'],
    ['data longer than its size', '4\r\nhello\r\n0\r\n\r\n'],
    ['data that ends with LF', '5\r\nhello\n0\r\n\r\n'],
    ['LF in an extension', '5;a\nb\r\nhello\r\n0\r\n\r\n'],
    ['CR in an extension', '5;a\rb\r\nhello\r\n0\r\n\r\n'],
    ['extensions without end', `5;${'a'.repeat(20_000)}\r\nhello\r\n0\r\n\r\n`],
    ['trailers without end', `0\r\n${'X: a\r\n'.repeat(4_000)}\r\n`],
    ['a trailer that is none', '0\r\nGET /evil HTTP/1.1\r\n\r\n'],
    ['a folded trailer', '0\r\nX: a\r\n b\r\n\r\n'],
  ])('chunked, %s: refused once it is received', async (_what, body) => {
    const hold = held();
    const ends: string[] = [];
    await using bench = serverWith((request, responder) => {
      request.body!.receive({
        onData() {},
        onEnd: () => void ends.push('end'),
        onFail: () => void ends.push('fail'),
      });
      return hold.serve(request, responder);
    });
    const received = await bench
      .client()
      .send(post(CHUNKED, body) + SMUGGLED)
      .all();
    expect(received).toStartWith('HTTP/1.1 400 ');
    expect(received.match(/HTTP\/1\.1 \d/g)).toHaveLength(1);
    expect(ends).toEqual(['fail']);
    expect(hold.requests.map((request) => request.target)).toEqual(['/1']);
  });

  test.each([
    ['chunks', CHUNKED, `5\r\nhello\r\n0\r\n\r\n${SMUGGLED}`],
    ['a length above what is dropped', 'Content-Length: 100000\r\n', SMUGGLED],
    ['an unmet expectation', 'Expect: 100-continue\r\nContent-Length: 34\r\n', SMUGGLED],
  ])('%s that nobody receives: the answer is the last one', async (_what, fields, body) => {
    await using bench = serverWith(echo);
    const received = await bench.client().send(post(fields, body)).all();
    expect(received).toMatch(/^HTTP\/1.1 200 OK\r\nConnection: close\r\n.*\/1$/s);
    expect(bench.server.stats.requests).toBe(1);
  });

  test('chunk extensions and trailers that are well-formed are dropped, and change nothing', async () => {
    const trailers: string[] = [];
    await using bench = serverWith((request, responder) => {
      if (request.body === undefined) return echo(request, responder);
      request.body.receive({
        onData: (chunk) => void trailers.push(Buffer.from(chunk).toString()),
        onEnd: () => void echo(request, responder),
        onFail() {},
      });
      return () => undefined;
    });
    const body = '5;a=b;c="d"\r\nhello\r\n0;x\r\nContent-Length: 9\r\nHost: evil\r\n\r\n';
    const client = bench
      .client()
      .send(`${post(CHUNKED, body)}GET /2 HTTP/1.1\r\n${H}Connection: close\r\n\r\n`);
    expect((await client.all()).match(/\/[12]/g)?.filter((text) => text !== '/1.1')).toContain('/2');
    expect(trailers).toEqual(['hello']);
    expect(bench.server.stats.requests).toBe(2);
  });
});

test('an absolute target decides the host, whatever Host says', async () => {
  const hosts: string[] = [];
  await using bench = serverWith((request, responder) => {
    hosts.push(`${request.host} ${request.target}`);
    return echo(request, responder);
  });
  const ask = (target: string, host: string) =>
    bench.client().send(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`).all();
  await ask('http://IMG.example/a?b', 'other.example');
  await ask('HTTPS://img.example:444', 'img.example');
  await ask('http://img.example?x=//y', 'img.example');
  expect(hosts).toEqual(['img.example /a?b', 'img.example:444 /', 'img.example /?x=//y']);
});
