import { expect, test } from 'bun:test';
import { Fields } from '../fields.ts';
import { keepAlive, requestFraming, responseFraming, withoutHopByHop } from './framing.ts';

const head = (version: 0 | 1, ...flat: string[]) => ({ version, fields: new Fields(flat) });
const CL = 'content-length';
const TE = 'transfer-encoding';

test('the length of a request body', () => {
  expect(requestFraming(head(1))).toMatchObject({ framing: 'none', bodyBytes: 0 });
  expect(requestFraming(head(1, CL, '0'))).toMatchObject({ framing: 'length', bodyBytes: 0 });
  expect(requestFraming(head(0, CL, '12'))).toMatchObject({ framing: 'length', bodyBytes: 12 });
  expect(requestFraming(head(1, TE, 'Chunked'))).toMatchObject({ framing: 'chunked', bodyBytes: undefined });
});

test.each([
  ['content-length', [CL, '5', CL, '5']],
  ['content-length', [CL, '5', CL, '6']],
  ['content-length', [CL, '5, 5']],
  ['content-length', [CL, '+5']],
  ['content-length', [CL, '-5']],
  ['content-length', [CL, '0x5']],
  ['content-length', [CL, '5.0']],
  ['content-length', [CL, '']],
  ['content-length', [CL, '9'.repeat(16)]],
  ['two-lengths', [CL, '5', TE, 'chunked']],
  ['two-lengths', [TE, 'chunked', CL, '5']],
  ['transfer-encoding', [TE, 'chunked', TE, 'chunked']],
  ['transfer-encoding', [TE, 'gzip, chunked']],
  ['transfer-encoding', [TE, 'chunked, identity']],
  ['transfer-encoding', [TE, 'xchunked']],
  ['transfer-encoding', [TE, 'chunked;a=b']],
  ['transfer-encoding', [TE, 'identity']],
  ['transfer-encoding', [TE, '']],
] as const)('%s: %j is refused in both directions', (problem, flat) => {
  expect(requestFraming(head(1, ...flat))).toMatchObject({ kind: 'malformed', problem });
  for (const method of ['GET', 'HEAD']) {
    expect(responseFraming({ status: 200, ...head(1, ...flat) }, method)).toMatchObject({ problem });
  }
});

test('HTTP/1.0 has no transfer codings', () => {
  expect(requestFraming(head(0, TE, 'chunked'))).toMatchObject({ problem: 'transfer-encoding' });
});

test('the length of a response body', () => {
  const framing = (status: number, method: string, ...flat: string[]) => {
    return responseFraming({ status, ...head(1, ...flat) }, method);
  };
  expect(framing(200, 'GET')).toMatchObject({ framing: 'close', bodyBytes: undefined });
  expect(framing(200, 'GET', CL, '7')).toMatchObject({ framing: 'length', bodyBytes: 7 });
  expect(framing(200, 'GET', TE, 'chunked')).toMatchObject({ framing: 'chunked' });
  for (const [status, method] of [
    [200, 'HEAD'],
    [204, 'GET'],
    [304, 'GET'],
    [103, 'GET'],
  ] as const) {
    expect(framing(status, method, CL, '7')).toMatchObject({ framing: 'none', bodyBytes: 0 });
    expect(framing(status, method, TE, 'chunked')).toMatchObject({ framing: 'none', bodyBytes: 0 });
  }
});

test('keep-alive (RFC 9112 section 9.3)', () => {
  const alive = (version: 0 | 1, connection?: string) => {
    return keepAlive(version, new Fields(connection === undefined ? [] : ['connection', connection]));
  };
  expect([alive(1), alive(1, 'keep-alive'), alive(1, 'Upgrade'), alive(0, 'Keep-Alive')]).toEqual(
    Array(4).fill(true),
  );
  expect([alive(0), alive(1, 'CLOSE'), alive(1, 'keep-alive ,close'), alive(0, 'x')]).toEqual(
    Array(4).fill(false),
  );
});

test('hop-by-hop fields and those that Connection names stay behind, end-to-end ones never', () => {
  const fields = new Fields(
    ['connection', 'close, X-Secret, Cache-Control, set-cookie'].concat(
      [
        'keep-alive',
        'timeout=5',
        'te',
        'trailers',
        TE,
        'chunked',
        'upgrade',
        'h2c',
        'proxy-authorization',
        'x',
      ],
      ['x-secret', '1', 'cache-control', 'private', 'set-cookie', 'a=b', 'etag', '"1"'],
    ),
  );
  const kept = withoutHopByHop(fields);
  expect([...kept].map(([name]) => name)).toEqual(['cache-control', 'set-cookie', 'etag']);
  expect(fields.has('x-secret')).toBe(true);
});
