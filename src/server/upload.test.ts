import { afterAll, expect, test } from 'bun:test';
import { httpOrigin } from '../origin/http.fixture.ts';
import type { OriginHead } from '../origin/origin.ts';
import { Account, type Bench, eventually, type Serve, serverWith } from './harness.suite.ts';

/** Bodies all the way: from a client's connection to an origin's, with both ends real. */

let started = 0;
const received: { method: string; bytes: number; sha: string }[] = [];
const origin = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  maxRequestBodySize: 128 * 1024 * 1024,
  async fetch(request) {
    started += 1;
    if (request.url.endsWith('/early')) return new Response('enough', { status: 413 });
    const body = new Uint8Array(await request.arrayBuffer().catch(() => new ArrayBuffer(0)));
    if (request.signal.aborted) return new Response();
    const sha = new Bun.CryptoHasher('sha1').update(body).digest('hex');
    received.push({ method: request.method, bytes: body.length, sha });
    return new Response(`${body.length} ${sha}`);
  },
});
afterAll(() => origin.stop(true));

/** Passes every request on, body and all. */
function passing(upstream: ReturnType<typeof httpOrigin>, aborted: string[]): Serve {
  return (request, responder) => {
    let head: OriginHead | undefined;
    const parts: Buffer[] = [];
    const { method, target, fields, body } = request;
    const exchange = upstream.fetch(
      { method, target, fields, ...(body && { body }) },
      {
        onHead: (got) => {
          head = got;
        },
        onData: (chunk) => void parts.push(Buffer.from(chunk)),
        onEnd: () => responder.respond(new Account(Buffer.concat(parts), true).answer(head!.status)),
        onFail: (failure) => responder.respond(new Account(Buffer.from(failure.cause), true).answer(502)),
        onTaint() {},
      },
    );
    return () => {
      aborted.push(target);
      exchange.abort();
    };
  };
}

function setUp(): { bench: Bench; upstream: ReturnType<typeof httpOrigin>; aborted: string[] } {
  const aborted: string[] = [];
  const upstream = httpOrigin(origin.url.origin);
  const limits = { requestBodyBytesMax: 64 * 1024 * 1024 };
  return { bench: serverWith(passing(upstream, aborted), { limits }), upstream, aborted };
}

const BYTES = Buffer.alloc(20_000_000, 'a body that is longer than all the buffers on its way ');
const SHA = new Bun.CryptoHasher('sha1').update(BYTES).digest('hex');

test.each([
  ['a length', `Content-Length: ${BYTES.length}\r\n`, BYTES],
  [
    'chunks',
    'Transfer-Encoding: chunked\r\n',
    Buffer.concat([
      Buffer.from(`${(15_000_000).toString(16)}\r\n`),
      BYTES.subarray(0, 15_000_000),
      Buffer.from(`\r\n${(5_000_000).toString(16)};x\r\n`),
      BYTES.subarray(15_000_000),
      Buffer.from('\r\n0\r\nTrailer: x\r\n\r\n'),
    ]),
  ],
])('20 MB with %s arrive intact, and the connection goes on', async (_how, fields, wire) => {
  const { bench, upstream } = setUp();
  await using _ = bench;
  const client = bench.client();
  for (const target of ['/1', '/2']) {
    client.received = '';
    client.send(`PUT ${target} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`);
    client.socket.write(wire);
    await client.until(() => client.received.endsWith(`${BYTES.length} ${SHA}`));
  }
  expect(received.at(-1)).toEqual({ method: 'PUT', bytes: BYTES.length, sha: SHA });
  upstream.close();
});

test('a client that leaves in the middle takes its upload with it', async () => {
  const { bench, upstream, aborted } = setUp();
  await using _ = bench;
  const [startedBefore, before] = [started, received.length];
  const client = bench.client().send('POST /left HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc');
  await eventually(() => started > startedBefore);
  client.socket.resetAndDestroy();
  await eventually(() => upstream.gauges().connections === 0);
  expect(aborted).toEqual(['/left']);
  expect(received.length).toBe(before);
  expect(bench.faults).toEqual([]);
});

test('an origin that answers before it has read: the client gets the answer', async () => {
  const { bench, upstream } = setUp();
  await using _ = bench;
  const client = bench
    .client()
    .send(`POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: ${BYTES.length}\r\n\r\n`);
  await client.until(() => client.received.includes('enough'));
  expect(client.received).toStartWith('HTTP/1.1 413 Content Too Large\r\nConnection: close\r\n');
  upstream.close();
});
