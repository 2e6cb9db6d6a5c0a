import { describe, expect, test } from 'bun:test';
import { seededRandom } from '../base/random.ts';
import { ResponseReader } from './http-response.ts';

const LIMITS = { maxBytes: 2000, maxFields: 50, maxBodyBytes: 1000 };

/** What a reader finds, with the parts of the body joined. */
function read(parts: readonly Buffer[], method: 'GET' | 'HEAD', broken: string | undefined): unknown {
  const body: Uint8Array[] = [];
  let head: unknown;
  let ending: unknown;
  const reader = new ResponseReader(LIMITS, {
    onHead: (found) => {
      head = { ...found, fields: found.fields.flat };
    },
    onBody: (chunk) => void body.push(Uint8Array.from(chunk)),
    onDone: () => {
      ending = { done: true, reusable: reader.reusable, keepAliveMs: reader.keepAliveMs };
    },
    onProblem: (cause, _, arrived) => {
      ending = { cause, arrived };
    },
  });
  reader.begin(method);
  for (const part of parts) if (ending === undefined && part.length > 0) reader.push(part);
  if (ending === undefined) reader.finish(broken);
  return { head, body: Buffer.concat(body).toString('latin1'), ending };
}

const RESPONSES: [name: string, text: string][] = [
  ['length', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nKeep-Alive: timeout=7, max=9\r\n\r\nhello'],
  [
    'interim',
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hi\r\na: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi',
  ],
  [
    'chunked',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nt: u\r\n\r\n',
  ],
  ['close', 'HTTP/1.0 200 OK\r\n\r\nuntil the end'],
  ['none', 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nConnection: close, x-hop\r\nX-Hop: 1\r\n\r\n'],
  ['empty', 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'],
  ['cut', 'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello'],
  ['cut chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\nde'],
  ['cut head', 'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n'],
  ['nothing', ''],
  ['announced too large', 'HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\nhello'],
  ['counted too large', `HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(1001)}`],
  ['head too large', `HTTP/1.1 200 OK\r\na: ${'x'.repeat(2000)}\r\n\r\n`],
  [
    'interim too large',
    `${'HTTP/1.1 103 Hi\r\n\r\n'.repeat(150)}HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n`,
  ],
  ['not HTTP', 'SSH-2.0-x\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello'],
  ['bad chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n'],
];

describe('response reader', () => {
  test('finds what is there', () => {
    const whole = (name: string): Buffer[] => [Buffer.from(new Map(RESPONSES).get(name)!, 'latin1')];
    expect(read(whole('length'), 'GET', undefined)).toEqual({
      head: {
        status: 200,
        fields: ['content-length', '5'],
        framing: 'length',
        bodyBytes: 5,
      },
      body: 'hello',
      ending: { done: true, reusable: true, keepAliveMs: 7000 },
    });
    expect(read(whole('chunked'), 'GET', undefined)).toMatchObject({
      body: 'abcdefg',
      ending: { reusable: true },
    });
    expect(read(whole('none'), 'GET', undefined)).toMatchObject({
      head: { fields: ['etag', '"a"'], framing: 'none', bodyBytes: 0 },
      ending: { done: true, reusable: false },
    });
    expect(read(whole('close'), 'GET', undefined)).toMatchObject({
      body: 'until the end',
      ending: { reusable: false },
    });
    expect(read(whole('close'), 'GET', 'broke')).toMatchObject({
      ending: { cause: 'truncated', arrived: 'head' },
    });
    expect(read(whole('cut head'), 'GET', undefined)).toMatchObject({
      ending: { cause: 'reset', arrived: 'some-head' },
    });
    expect(read(whole('nothing'), 'GET', undefined)).toMatchObject({
      ending: { cause: 'reset', arrived: 'nothing' },
    });
    for (const text of ['rest of a body\r\nHTTP/1.1 200 OK\r\n\r\n', 'rest of a body']) {
      expect(read([Buffer.from(text)], 'GET', undefined)).toMatchObject({
        ending: { cause: 'malformed', arrived: 'stray' },
      });
    }
    const torn = Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n');
    expect(read([torn], 'GET', undefined)).toMatchObject({
      ending: { cause: 'malformed', arrived: 'some-head' },
    });
    expect(read(whole('cut'), 'HEAD', undefined)).toMatchObject({ ending: { cause: 'overrun' } });
  });

  test.each(RESPONSES)('how the bytes are split changes nothing: %s', (_, text) => {
    const bytes = Buffer.from(text, 'latin1');
    const expected = read([bytes], 'GET', undefined);
    for (let at = 1; at < bytes.length; at += 1) {
      const got = read([bytes.subarray(0, at), bytes.subarray(at)], 'GET', undefined);
      // How much of a body is passed on before its failure is told depends on the reads, by contract.
      expect({ ...(got as object), body: '' }).toMatchObject({ ...(comparable(expected) as object) });
      if (!JSON.stringify(expected).includes('cause')) expect(got).toEqual(expected);
    }
    const single = Array.from(bytes, (_byte, i) => bytes.subarray(i, i + 1));
    expect(comparable(read(single, 'GET', undefined))).toEqual(comparable(expected));
  });

  test('bytes behind the body are an overrun in the same read', () => {
    for (const name of ['length', 'chunked', 'none', 'empty']) {
      const bytes = Buffer.from(`${new Map(RESPONSES).get(name)}!`, 'latin1');
      expect(read([bytes], 'GET', undefined)).toMatchObject({ ending: { cause: 'overrun' } });
    }
  });

  test('whatever arrives, it ends once and never throws', () => {
    const random = seededRandom(11);
    const endings = new Set<string>();
    for (let round = 0; round < 5000; round += 1) {
      const text = RESPONSES[random.u32() % RESPONSES.length]![1];
      const bytes = Buffer.from(text, 'latin1');
      for (let i = random.u32() % 3; i >= 0 && bytes.length > 0; i -= 1) {
        bytes[random.u32() % bytes.length] = random.u32() & 0xff;
      }
      const at = random.u32() % (bytes.length + 1);
      const { ending } = read([bytes.subarray(0, at), bytes.subarray(at)], 'GET', undefined) as {
        ending: object;
      };
      expect(ending).toBeDefined();
      endings.add((ending as { cause?: string }).cause ?? 'done');
    }
    expect([...endings].sort()).toEqual(['done', 'malformed', 'overrun', 'reset', 'too-large', 'truncated']);
  });
});

/** A failure after the head may or may not find some of the body, or the head, passed on already. */
function comparable(result: unknown): unknown {
  const { head, ending } = result as { head: unknown; ending: { cause?: string } };
  if (ending.cause === undefined) return { head, ending };
  return { ending: { cause: ending.cause } };
}
