import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import net from 'node:net';
import { virtualClock } from '../../test/support/virtual-clock.ts';
import { seededRandom } from '../base/random.ts';
import { httpOrigin } from './http.fixture.ts';
import { get, start, TestBody, until } from './origin.fixture.ts';

/** A server that answers a request with what it was: method, framing and the hash of its body. */
const mirror = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  maxRequestBodySize: 64 * 1024 * 1024,
  async fetch(request) {
    const sha = new Bun.CryptoHasher('sha1')
      .update(new Uint8Array(await request.arrayBuffer()))
      .digest('hex');
    const { headers } = request;
    const framing = `${headers.get('content-length')} ${headers.get('transfer-encoding')}`;
    return new Response(`${request.method} ${framing} ${sha}`);
  },
});
afterAll(() => mirror.stop(true));

const sha1 = (bytes: Uint8Array): string => new Bun.CryptoHasher('sha1').update(bytes).digest('hex');

/** A server of raw bytes: says what it is told, when it is told. */
interface RawServer {
  readonly url: string;
  /** What arrived on each connection, in their order. */
  readonly heard: string[];
  readonly sockets: net.Socket[];
  ended: number;
  close(): void;
}

async function rawServer(onData: (server: RawServer, index: number) => void): Promise<RawServer> {
  const listener = net.createServer({ allowHalfOpen: true }, (socket) => {
    const index = server.sockets.push(socket) - 1;
    server.heard.push('');
    socket.on('data', (chunk) => {
      server.heard[index] += chunk.toString('latin1');
      onData(server, index);
    });
    socket.on('error', () => undefined);
    socket.on('end', () => socket.end());
    socket.on('close', () => (server.ended += 1));
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as net.AddressInfo;
  const server: RawServer = {
    url: `http://127.0.0.1:${port}`,
    heard: [],
    sockets: [],
    ended: 0,
    close() {
      for (const socket of server.sockets) socket.destroy();
      listener.close();
    },
  };
  return server;
}

describe('http origin: request bodies', () => {
  test.each([
    [1, 'known'],
    [70_000, 'known'],
    [3_000_000, 'known'],
    [0, 'chunked'],
    [1, 'chunked'],
    [3_000_000, 'chunked'],
  ])('%d bytes arrive intact (%s), and the connection goes on', async (sizeBytes, how) => {
    const origin = httpOrigin(mirror.url.origin, { maxConnections: 1 });
    const random = seededRandom(sizeBytes);
    const bytes = Buffer.alloc(sizeBytes);
    for (let i = 0; i < sizeBytes; i += 1) bytes[i] = random.u32();
    for (const method of ['POST', 'PUT']) {
      const body = new TestBody(how === 'known' ? sizeBytes : undefined);
      const sent = start(origin, '/upload', { method, body });
      await until(() => body.sink !== undefined);
      for (let at = 0; at < sizeBytes; ) {
        const part = Math.min(sizeBytes - at, 1 + (random.u32() % 100_000));
        body.sink!.onData(bytes.subarray(at, at + part));
        at += part;
        await until(() => !body.held);
      }
      body.sink!.onEnd();
      expect(await sent.ended).toBe('end');
      const framing = how === 'known' ? `${sizeBytes} null` : 'null chunked';
      expect(sent.body.toString()).toBe(`${method} ${framing} ${sha1(bytes)}`);
      expect(sent.violations).toEqual([]);
    }
    expect((await get(origin, '/')).body.toString()).toStartWith('GET ');
    expect(origin.gauges()).toEqual({ active: 0, connections: 1 });
    origin.close();
  });

  test('without a body, methods that have one as a rule say so', async () => {
    const origin = httpOrigin(mirror.url.origin);
    const saw = async (method: string): Promise<string> =>
      (await get(origin, '/', { method })).body.toString().split(' ').slice(0, 3).join(' ');
    expect(await saw('POST')).toBe('POST 0 null');
    expect(await saw('DELETE')).toBe('DELETE null null');
    origin.close();
  });

  test.each(['TRACE', 'CONNECT', 'GET / HTTP/1.1\r\nx:', ''])('method %j is never sent', async (method) => {
    const origin = httpOrigin(mirror.url.origin);
    const got = await get(origin, '/', { method });
    expect(got.failure?.cause).toBe('malformed');
    expect(got.violations).toEqual([]);
    origin.close();
  });

  test('a redirect of anything but GET and HEAD is for the client', async () => {
    const server = await rawServer(({ sockets }, index) => {
      sockets[index]!.write('HTTP/1.1 307 X\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n');
    });
    const origin = httpOrigin(server.url, { redirects: { follow: 3, crossHost: false } });
    const got = await get(origin, '/a', { method: 'POST' });
    expect(got.head?.status).toBe(307);
    expect(server.heard).toHaveLength(1);
    server.close();
  });
});

describe('http origin: request bodies that go wrong', () => {
  let server: RawServer;
  let answer = '';
  beforeAll(async () => {
    server = await rawServer(({ sockets, heard }, index) => {
      if (answer !== '' && heard[index]!.includes('\r\n\r\n')) sockets[index]!.end(answer, 'latin1');
    });
  });
  afterAll(() => server.close());
  const heard = (): string => server.heard.at(-1) ?? '';

  test('a client that stops taking turns the body off; what it had read already is kept', async () => {
    answer = '';
    const origin = httpOrigin(server.url);
    const body = new TestBody(100_000_000);
    const sent = start(origin, '/stuck', { method: 'PUT', body });
    await until(() => heard().includes('/stuck'));
    server.sockets.at(-1)!.pause();
    let fedBytes = 0;
    while (!body.held) {
      body.sink!.onData(Buffer.alloc(64 * 1024));
      fedBytes += 64 * 1024;
      expect(fedBytes).toBeLessThan(50_000_000); // the kernel's buffers are smaller
    }
    server.sockets.at(-1)!.resume();
    await until(() => !body.held);
    await until(() => heard().length >= fedBytes);
    sent.exchange!.abort();
    sent.silenced = true;
    expect(sent.violations).toEqual([]);
    await until(() => origin.gauges().connections === 0);
  });

  test('a body that breaks off is never whole for the origin, and is not its failure', async () => {
    answer = '';
    const origin = httpOrigin(server.url);
    for (const bytes of [10, undefined]) {
      const before = server.ended;
      const body = new TestBody(bytes);
      const sent = start(origin, `/broken-${bytes}`, { method: 'POST', body });
      await until(() => body.sink !== undefined);
      body.sink!.onData(Buffer.from('hello'));
      await until(() => heard().endsWith(bytes === undefined ? 'hello\r\n' : 'hello'));
      body.sink!.onFail();
      expect(await sent.ended).toBe('fail');
      expect(sent.failure?.cause).toBe('request-body');
      await until(() => server.ended > before);
      expect(heard()).not.toContain('\r\n0\r\n');
      expect(sent.violations).toEqual([]);
    }
    expect(origin.gauges()).toEqual({ active: 0, connections: 0 });
  });

  test('an answer before the body was sent is delivered; the rest goes nowhere, nor does the connection', async () => {
    answer = 'HTTP/1.1 413 Too Much\r\nContent-Length: 2\r\n\r\nno';
    const origin = httpOrigin(server.url);
    const body = new TestBody(1000);
    const sent = start(origin, '/early', { method: 'POST', body });
    expect(await sent.ended).toBe('end');
    expect([sent.head?.status, sent.body.toString()]).toEqual([413, 'no']);
    body.sink!.onData(Buffer.from('late'));
    body.sink!.onFail();
    expect(sent.violations).toEqual([]);
    expect(heard()).not.toContain('late');
    await until(() => origin.gauges().connections === 0);
  });

  test('what acts is sent once, and never over a connection that may be closing just now', async () => {
    answer = '';
    const closing = await rawServer(({ sockets, heard: of }, index) => {
      const requests = of[index]!.split('\r\n\r\n').length - 1;
      if (requests > 1 || of[index]!.startsWith('DELETE')) sockets[index]!.destroy();
      else sockets[index]!.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
    const origin = httpOrigin(closing.url, { maxConnections: 1 });
    expect((await get(origin, '/1')).body.toString()).toBe('ok');
    expect((await get(origin, '/2', { method: 'POST' })).body.toString()).toBe('ok'); // takes the idle one's place
    expect(closing.sockets).toHaveLength(2);
    expect((await get(origin, '/3')).body.toString()).toBe('ok'); // meets a dead connection, and is sent again
    expect(closing.sockets).toHaveLength(3);
    const lost = await get(origin, '/4', { method: 'DELETE' });
    expect(lost.failure?.cause).toBe('reset');
    expect(closing.heard.filter((text) => text.includes('DELETE'))).toHaveLength(1);
    closing.close();
  });

  test('while the client is slow, the origin is not', async () => {
    answer = '';
    const clock = virtualClock(0);
    const origin = httpOrigin(server.url, {}, { clock });
    const body = new TestBody(5);
    const sent = start(origin, '/slow', { method: 'POST', body });
    await until(() => body.sink !== undefined);
    clock.advance(60_000);
    body.sink!.onData(Buffer.from('hello'));
    clock.advance(60_000);
    expect(sent.ending).toBeUndefined();
    body.sink!.onEnd();
    clock.advance(2_200);
    expect(await sent.ended).toBe('fail');
    expect(sent.failure?.cause).toBe('first-byte-timeout');
  });
});
