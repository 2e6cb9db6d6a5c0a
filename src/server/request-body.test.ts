import { expect, test } from 'bun:test';
import { seededRandom } from '../base/random.ts';
import type { BodySink, MessageBody } from '../origin/origin.ts';
import type { CacheRequest, Responder } from '../serve/answer.ts';
import { Account, echo, eventually, held, type RawClient, serverWith } from './harness.suite.ts';

/** Receives a body and keeps all of it. */
class Receiver implements BodySink {
  text = '';
  parts = 0;
  readonly ends: string[] = [];
  onPart: (() => void) | undefined;

  onData(chunk: Uint8Array): void {
    if (this.ends.length > 0) throw new Error('data behind the end');
    this.text += Buffer.from(chunk).toString('latin1');
    this.parts += 1;
    this.onPart?.();
  }

  onEnd(): void {
    this.ends.push('end');
  }

  onFail(): void {
    this.ends.push('fail');
  }
}

/** Answers each request with what its body was, once it is whole. */
function parrot(request: CacheRequest, responder: Responder): () => void {
  const receiver = new Receiver();
  let gone = false;
  const answer = (): void => {
    if (gone) return;
    responder.respond(new Account(Buffer.from(`<${receiver.text}>`, 'latin1'), true).answer());
  };
  receiver.onEnd = answer;
  if (request.body === undefined) queueMicrotask(answer);
  else request.body.receive(receiver);
  return () => {
    gone = true;
  };
}

const post = (target: string, fields: string, body = ''): string =>
  `POST ${target} HTTP/1.1\r\nHost: a\r\n${fields}\r\n${body}`;
const chunked = (...parts: string[]): string =>
  `${parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('')}0\r\n\r\n`;
const CLOSING = 'GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
const bodiesOf = (received: string): string[] => received.match(/<[^>]*>/g) ?? [];

/** Sends in pieces of random length, each in a turn of its own. */
async function drip(client: RawClient, text: string, seed: number): Promise<void> {
  const random = seededRandom(seed);
  for (let at = 0; at < text.length && !client.closed; ) {
    const bytes = 1 + (random.u32() % 40);
    client.send(text.slice(at, at + bytes));
    at += bytes;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test.each([0, 1, 2, 3])(
  'bodies and pipelined requests behind them arrive right, however they are split (seed %d)',
  async (seed) => {
    await using bench = serverWith(parrot);
    const client = bench.client();
    const text =
      post('/1', 'Content-Length: 5\r\n', 'hello') +
      post('/2', 'Transfer-Encoding: chunked\r\n', chunked('GET / HTTP/1.1\r\n', 'b', 'c'.repeat(300))) +
      post('/3', 'Content-Length: 0\r\n') +
      post('/4', 'Content-Length: 3\r\nExpect: 100-continue\r\n', 'xyz') +
      CLOSING;
    if (seed === 0) client.send(text);
    else await drip(client, text, seed);
    const received = await client.all();
    expect(bodiesOf(received)).toEqual([
      '<hello>',
      `<GET / HTTP/1.1\r\nb${'c'.repeat(300)}>`,
      '<>',
      '<xyz>',
      '<>',
    ]);
    expect(received.match(/Connection: close/g)).toHaveLength(1);
    expect(bench.server.stats).toMatchObject({ requests: 5, faults: 0, unfinished: 0 });
  },
);

test('100 (Continue) is sent when the body is first received, and only to a client that waits', async () => {
  const hold = held();
  await using bench = serverWith(hold.serve);
  const client = bench.client().send(post('/', 'Content-Length: 5\r\nExpect: 100-Continue\r\n'));
  await eventually(() => hold.requests.length === 1);
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  expect(client.received).toBe('');
  const receiver = new Receiver();
  hold.requests[0]!.body!.receive(receiver);
  expect(receiver.parts).toBe(0);
  await client.until(() => client.received === 'HTTP/1.1 100 Continue\r\n\r\n');
  client.send('hello');
  await eventually(() => receiver.ends.length > 0);
  expect(receiver).toMatchObject({ text: 'hello', ends: ['end'] });
  hold.responders[0]!.respond(new Account(Buffer.from('ok'), true).answer());
  await client.until(() => client.received.endsWith('ok'));
  expect(client.received).not.toContain('close'); // nothing is left open: the connection goes on
  const old = bench.client().send('POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n');
  await eventually(() => hold.requests.length === 2);
  hold.requests[1]!.body!.receive(new Receiver());
  hold.responders[1]!.respond(new Account(Buffer.from('ok'), true).answer());
  expect(await old.all()).toStartWith('HTTP/1.1 200 OK\r\n');
});

test('a receiver that holds back is given little more, and the client is held back', async () => {
  const hold = held();
  await using bench = serverWith(hold.serve);
  const bytes = 8_000_000;
  const client = bench.client().send(post('/', `Content-Length: ${bytes}\r\n`));
  await eventually(() => hold.requests.length === 1);
  const body = hold.requests[0]!.body!;
  expect(body.bytes).toBe(bytes);
  const receiver = new Receiver();
  receiver.onPart = () => {
    if (receiver.parts === 1) body.pause();
  };
  body.receive(receiver);
  client.send('x'.repeat(bytes));
  await eventually(() => receiver.parts > 0);
  for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  expect(receiver.parts).toBe(1);
  expect(receiver.text.length).toBeLessThanOrEqual(512 * 1024);
  bench.clock.advance(60_000); // it is not the client that is slow
  body.resume();
  await eventually(() => receiver.ends.length > 0);
  expect(receiver.ends).toEqual(['end']);
  expect(receiver.text.length).toBe(bytes);
});

test.each([
  ['announced', 'Content-Length: 101\r\n', '', 0],
  ['in chunks', 'Transfer-Encoding: chunked\r\n', chunked('x'.repeat(60), 'y'.repeat(41)), 1],
] as const)('a body above the limit is refused with 413 (%s)', async (_how, fields, body, abandoned) => {
  const hold = held();
  const receiver = new Receiver();
  await using bench = serverWith(
    (request, responder) => {
      request.body?.receive(receiver);
      return hold.serve(request, responder);
    },
    { limits: { requestBodyBytesMax: 100 } },
  );
  const received = await bench
    .client()
    .send(post('/', fields, body) + CLOSING)
    .all();
  expect(received).toStartWith('HTTP/1.1 413 Content Too Large\r\nConnection: close\r\n');
  expect(received.match(/HTTP\/1/g)).toHaveLength(1);
  expect(hold.abandoned.length).toBe(abandoned);
  expect(receiver.ends).toEqual(abandoned === 0 ? [] : ['fail']);
  expect(receiver.text.length).toBeLessThanOrEqual(100);
});

test.each([
  ['chunk-size', 'Transfer-Encoding: chunked\r\n', '5\r\nhello\r\nnonsense', 400],
  ['chunk-end', 'Transfer-Encoding: chunked\r\n', '5\r\nhello!!', 400],
  ['trailer', 'Transfer-Encoding: chunked\r\n', '0\r\nbad line\r\n\r\n', 400],
] as const)(
  'a body that is none is refused and never ends well: %s',
  async (problem, fields, body, status) => {
    const hold = held();
    const receiver = new Receiver();
    await using bench = serverWith((request, responder) => {
      request.body!.receive(receiver);
      return hold.serve(request, responder);
    });
    const received = await bench
      .client()
      .send(post('/', fields, body))
      .all();
    expect(received).toStartWith(`HTTP/1.1 ${status} `);
    expect(receiver.ends).toEqual(['fail']);
    expect(hold.abandoned).toEqual([0]);
    expect(bench.server.stats.malformed[problem]).toBe(1);
  },
);

test.each(['FIN', 'reset'])(
  'a client that leaves in the middle of its body (%s): the receiver is told once',
  async (how) => {
    const hold = held();
    const receiver = new Receiver();
    await using bench = serverWith((request, responder) => {
      request.body!.receive(receiver);
      return hold.serve(request, responder);
    });
    const client = bench.client().send(post('/', 'Content-Length: 10\r\n', 'hello'));
    await eventually(() => receiver.text === 'hello');
    if (how === 'FIN') {
      client.socket.end();
      expect(await client.all()).toStartWith('HTTP/1.1 400 Bad Request\r\n');
      expect(bench.server.stats.malformed.body).toBe(1);
    } else {
      client.socket.resetAndDestroy();
    }
    await eventually(() => receiver.ends.length > 0 && bench.server.connections() === 0);
    expect(receiver.ends).toEqual(['fail']);
    expect(hold.abandoned).toEqual([0]);
  },
);

test.each([
  ['stops', 0, true],
  ['trickles', 100, true],
  ['is slow but steady', 2_000, false],
])('a client that %s while its body is received', async (_how, bytesPerS, cut) => {
  const hold = held();
  const receiver = new Receiver();
  await using bench = serverWith((request, responder) => {
    request.body!.receive(receiver);
    return hold.serve(request, responder);
  });
  const client = bench.client().send(post('/', 'Content-Length: 1000000\r\n', 'x'));
  await eventually(() => receiver.text.length === 1);
  for (let second = 0; second < 25 && receiver.ends.length === 0; second += 1) {
    const before = receiver.text.length;
    if (bytesPerS > 0) {
      client.send('x'.repeat(bytesPerS));
      await eventually(() => receiver.text.length === before + bytesPerS || receiver.ends.length > 0);
    }
    bench.clock.advance(1_000);
  }
  if (cut) {
    expect(await client.all()).toStartWith('HTTP/1.1 408 Request Timeout\r\n');
    expect(receiver.ends).toEqual(['fail']);
  } else {
    expect(receiver.ends).toEqual([]);
  }
  expect(bench.server.stats.timeouts.body).toBe(cut ? 1 : 0);
});

test('an answer that comes before the body was sent: the rest is dropped, or the connection ends', async () => {
  const bodies: MessageBody[] = [];
  const receivers: Receiver[] = [];
  await using bench = serverWith((request, responder) => {
    if (request.body === undefined) return echo(request, responder);
    const receiver = new Receiver();
    bodies.push(request.body);
    receivers.push(receiver);
    receiver.onPart = () => {
      if (receiver.parts === 1) echo(request, responder);
    };
    request.body.receive(receiver);
    return () => undefined;
  });
  const short = bench.client().send(post('/1', 'Content-Length: 1000\r\n', 'x'));
  await short.until(() => short.received.endsWith('/1'));
  short.send('y'.repeat(999) + CLOSING);
  expect(await short.all()).toEndWith('/a');
  const long = bench.client().send(post('/2', 'Content-Length: 1000000\r\n', 'x'));
  expect(await long.all()).toMatch(/^HTTP\/1.1 200 OK\r\nConnection: close\r\n.*\/2$/s);
  await eventually(() => receivers.every((receiver) => receiver.ends.length > 0));
  expect(receivers.map((receiver) => [receiver.text, receiver.ends])).toEqual([
    ['x', ['fail']],
    ['x', ['fail']],
  ]);
  for (const body of bodies) {
    const late = new Receiver();
    body.pause();
    body.resume();
    body.receive(late); // twice: ignored
    expect(late.parts).toBe(0);
  }
});

test('a body that is first received when its request was answered fails at once', async () => {
  const bodies: MessageBody[] = [];
  await using bench = serverWith((request, responder) => {
    if (request.body !== undefined) bodies.push(request.body);
    return echo(request, responder);
  });
  const client = bench.client().send(post('/1', 'Content-Length: 2\r\n', 'xx') + CLOSING);
  await client.all();
  const late = new Receiver();
  bodies[0]!.receive(late);
  await eventually(() => late.ends.length > 0);
  expect(late.ends).toEqual(['fail']);
});

test('a receiver that throws is a fault, is told no more, and costs others nothing', async () => {
  const hold = held();
  await using bench = serverWith((request, responder) => {
    request.body?.receive({
      onData() {
        throw new Error('receiver');
      },
      onEnd() {},
      onFail() {},
    });
    return hold.serve(request, responder);
  });
  const client = bench.client().send(post('/', 'Content-Length: 3\r\n', 'abc') + CLOSING);
  await eventually(() => bench.faults.length > 0);
  hold.responders[0]!.respond(new Account(Buffer.from('ok'), true).answer());
  await client.until(() => client.received.endsWith('ok'));
  expect(bench.faults.map(String)).toEqual(['Error: receiver']);
});
