import { expect, test } from 'bun:test';
import { ChunkedDecoder } from '../http/wire/chunked.ts';
import { BROKEN, type CacheRequest, END } from '../serve/answer.ts';
import { Account, echo, eventually, held, serverWith } from './harness.suite.ts';

const GET = 'GET /a HTTP/1.1\r\nHost: A.example\r\n\r\n';
const CLOSING = 'GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

function dechunk(received: string): string {
  const decoder = new ChunkedDecoder();
  let body = '';
  const wire = Buffer.from(received.slice(received.indexOf('\r\n\r\n') + 4), 'latin1');
  const consumed = decoder.push(wire, (view) => (body += Buffer.from(view).toString('latin1')));
  expect([decoder.done, consumed]).toEqual([true, wire.length]);
  return body;
}

test('a request reaches the handler and its answer the client', async () => {
  const seen: CacheRequest[] = [];
  const account = new Account(Buffer.from('body'), true);
  await using bench = serverWith((request, responder) => {
    seen.push(request);
    responder.respond(account.answer(203, 'X-A: b\r\n'));
    return undefined;
  });
  const client = bench.client().send(GET);
  await client.until(() => client.received.endsWith('body'));
  expect(client.received).toBe(
    'HTTP/1.1 203 Non-Authoritative Information\r\nContent-Length: 4\r\nX-A: b\r\n\r\nbody',
  );
  expect(seen[0]).toMatchObject({
    method: 'GET',
    target: '/a',
    host: 'a.example',
    client: '127.0.0.1',
    receivedMs: 1_000,
  });
  expect(account).toMatchObject({ settled: true, whole: true, sentBytes: client.received.length });
});

test('one connection serves requests one after the other, however they arrive', async () => {
  await using bench = serverWith(echo);
  const client = bench.client();
  for (const byte of GET) {
    client.send(byte);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await client.until(() => client.received.endsWith('\r\n\r\n/a'));
  const pipelined = Array.from({ length: 500 }, (_, i) => `GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`);
  client.received = '';
  client.send(pipelined.join('') + CLOSING);
  const answers = (await client.all()).split('HTTP/1.1 200 OK\r\n').slice(1);
  expect(answers.map((answer) => answer.slice(answer.indexOf('\r\n\r\n') + 4))).toEqual([
    ...pipelined.map((_, i) => `/${i}`),
    '/a',
  ]);
  expect(answers.at(-1)).toContain('Connection: close\r\n');
  expect(bench.server.stats).toMatchObject({ accepted: 1, requests: 502, unfinished: 0, faults: 0 });
});

test('a client that sends many requests at once does not keep others from their turn', async () => {
  let inThisTurn = 0;
  let most = 0;
  await using bench = serverWith((request, responder) => {
    if (inThisTurn === 0) setImmediate(() => (inThisTurn = 0));
    inThisTurn += 1;
    most = Math.max(most, inThisTurn);
    return echo(request, responder);
  });
  await bench
    .client()
    .send(GET.repeat(300) + CLOSING)
    .all();
  expect(bench.server.stats.requests).toBe(301);
  expect(most).toBeLessThan(100);
});

test('a pipelined request is not handed over before the one before it is answered', async () => {
  const hold = held();
  await using bench = serverWith(hold.serve);
  const client = bench.client().send(GET + CLOSING);
  await eventually(() => hold.requests.length === 1);
  hold.responders[0]!.respond(new Account(Buffer.from('1'), true).answer());
  await eventually(() => hold.requests.length === 2);
  hold.responders[1]!.respond(new Account(Buffer.from('2'), true).answer());
  expect(await client.all()).toMatch(/\r\n\r\n1HTTP.*\r\n\r\n2$/s);
});

test('input that runs far ahead is served in the end', async () => {
  const hold = held();
  await using bench = serverWith(hold.serve);
  const count = 8_000;
  const client = bench.client();
  client.send(GET);
  await eventually(() => hold.requests.length === 1);
  for (let piece = 1; piece < count; piece += 500) {
    client.send(GET.repeat(Math.min(500, count - piece))); // 17 KB
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (let answered = 0; answered < count; answered += 1) {
    if (hold.requests.length === answered) await eventually(() => hold.requests.length > answered);
    const answer = { status: 204, head: '\r\n', headInPayload: false, payload: undefined, done() {} };
    hold.responders[answered]!.respond(answer);
  }
  const answer = 'HTTP/1.1 204 No Content\r\n\r\n';
  await client.until(() => client.received.length === answer.length * count);
  expect(client.received === answer.repeat(count)).toBe(true);
});

test.each([100, 20_000])('%d requests before a FIN are all answered', async (count) => {
  await using bench = serverWith(echo);
  const client = bench.client().send(GET.repeat(count));
  client.socket.end();
  const received = await client.all();
  expect(received === 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n/a'.repeat(count)).toBe(true);
  expect(bench.server.stats).toMatchObject({ requests: count, unfinished: 0 });
  const part = bench.client().send(GET.repeat(count).slice(0, -1));
  part.socket.end();
  await part.all();
  expect(bench.server.stats).toMatchObject({ requests: 2 * count - 1, unfinished: 0 });
});

test('HTTP/1.0: closes, unless the client asks to keep alive; a missing Host becomes our own', async () => {
  const seen: string[] = [];
  await using bench = serverWith((request, responder) => {
    seen.push(request.host);
    return echo(request, responder);
  });
  const once = await bench.client().send('GET /x HTTP/1.0\r\n\r\n').all();
  expect(once).toBe('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n/x');
  const client = bench.client().send('GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
  await client.until(() => client.received.endsWith('/x'));
  expect(client.received).toContain('Connection: keep-alive\r\n');
  client.send('GET /y HTTP/1.0\r\n\r\n');
  expect(await client.all()).toEndWith('/y');
  expect(seen).toEqual(Array(3).fill(`127.0.0.1:${bench.server.port}`));
});

test('a payload of unknown length is chunked for HTTP/1.1 and ends with the connection for HTTP/1.0', async () => {
  const body = Buffer.alloc(1_000_000, 'chunky ');
  const accounts: Account[] = [];
  await using bench = serverWith((_request, responder) => {
    const account = new Account(body, false, 0);
    accounts.push(account);
    responder.respond(account.answer());
    return undefined;
  });
  for (const version of ['1.1', '1.0']) {
    const client = bench.client().send(`GET / HTTP/${version}\r\nHost: a\r\nConnection: close\r\n\r\n`);
    await client.until(() => client.received.endsWith('\r\n\r\n')); // the head does not wait for the payload
    const account = accounts.at(-1)!;
    for (let fed = 0; fed < body.length; fed += 70_000) {
      account.feed(70_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    account.end(END);
    const received = await client.all();
    expect(received.includes('Transfer-Encoding: chunked')).toBe(version === '1.1');
    const content = version === '1.1' ? dechunk(received) : received.slice(received.indexOf('\r\n\r\n') + 4);
    expect(content === body.toString('latin1')).toBe(true);
    expect(account).toMatchObject({ settled: true, whole: true, sentBytes: received.length });
  }
});

test('HEAD, 204 and 304 have no body and no transfer coding', async () => {
  const accounts: Account[] = [];
  await using bench = serverWith((request, responder) => {
    const account = new Account(Buffer.from('body'), request.target === '/known');
    accounts.push(account);
    responder.respond(account.answer(request.method === 'HEAD' ? 200 : Number(request.target.slice(1))));
    return undefined;
  });
  const client = bench.client();
  client.send('HEAD /known HTTP/1.1\r\nHost: a\r\n\r\nHEAD /unknown HTTP/1.1\r\nHost: a\r\n\r\n');
  client.send(
    'GET /204 HTTP/1.1\r\nHost: a\r\n\r\nGET /304 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
  );
  expect(await client.all()).toBe(
    'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nHTTP/1.1 200 OK\r\n\r\n' +
      'HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n',
  );
  expect(accounts.map((account) => [account.settled, account.whole])).toEqual(Array(4).fill([true, true]));
});

test('the payload may bring the rest of the head, also to HEAD', async () => {
  await using bench = serverWith((request, responder) => {
    const rest = request.method === 'HEAD' ? 'ETag: "1"\r\n\r\n' : 'ETag: "1"\r\n\r\nbody';
    const answer = new Account(Buffer.from(rest), true).answer();
    responder.respond({ ...answer, head: 'Content-Length: 4\r\n', headInPayload: true });
    return undefined;
  });
  const client = bench.client().send('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n').send(CLOSING);
  const head = 'Content-Length: 4\r\nETag: "1"\r\n\r\n';
  expect(await client.all()).toBe(
    `HTTP/1.1 200 OK\r\n${head}HTTP/1.1 200 OK\r\nConnection: close\r\n${head}body`,
  );
});

test.each([
  [true, 'known length'],
  [false, 'chunked'],
])('a payload that breaks cuts the connection (%p, %s)', async (known) => {
  const account = new Account(Buffer.alloc(1_000, 'x'), known, 500);
  await using bench = serverWith((_request, responder) => {
    responder.respond(account.answer());
    return undefined;
  });
  const client = bench.client().send(GET);
  await client.until(() => client.received.includes('xxx'));
  account.end(BROKEN);
  await eventually(() => client.closed);
  expect(client.reset).toBe(true);
  expect(client.received).not.toContain('\r\n0\r\n');
  expect(account).toMatchObject({ settled: true, whole: false });
  expect(bench.server.stats).toMatchObject({ broken: 1, unfinished: 1 });
});

test('a slow client gets everything, and nothing is read before it is needed', async () => {
  const body = Buffer.alloc(24 * 1024 * 1024);
  for (let i = 0; i < body.length; i += 4) body.writeUInt32LE(i, i);
  const account = new Account(body, true);
  await using bench = serverWith((_request, responder) => {
    responder.respond(account.answer());
    return undefined;
  });
  const client = bench.client();
  let bytes = 0;
  const hash = new Bun.CryptoHasher('sha1');
  client.socket.removeAllListeners('data');
  client.socket.pause();
  client.send(CLOSING);
  await eventually(() => bench.server.stats.requests === 1);
  expect(account.released).toBe(0); // the kernel's buffers are smaller than that
  let head: Buffer | undefined;
  client.socket.on('data', (chunk: Buffer) => {
    const headBytes = head === undefined ? chunk.indexOf('\r\n\r\n') + 4 : 0;
    head ??= chunk.subarray(0, headBytes);
    bytes += chunk.length - headBytes;
    hash.update(chunk.subarray(headBytes));
  });
  client.socket.resume();
  await client.until(() => client.ended);
  expect(bytes).toBe(body.length);
  expect(hash.digest('hex')).toBe(new Bun.CryptoHasher('sha1').update(body).digest('hex'));
  expect(account).toMatchObject({ settled: true, whole: true });
});

test('small request bodies are dropped, large and chunked ones end the connection behind the answer', async () => {
  await using bench = serverWith(echo);
  const post = (target: string, fields: string) => `POST ${target} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
  const smuggled = 'GET /evil HTTP/1.1\r\nHost: a\r\n\r\n';
  const client = bench.client();
  client.send(post('/1', `Content-Length: ${smuggled.length}\r\n`) + smuggled.slice(0, 9));
  await client.until(() => client.received.endsWith('/1'));
  client.received = '';
  client.send(smuggled.slice(9) + CLOSING);
  expect(await client.all()).toMatch(
    /^HTTP\/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n\/a$/,
  );
  const large = bench.client().send(post('/2', 'Content-Length: 300000\r\n') + 'x'.repeat(300_000));
  expect(await large.all()).toMatch(/^HTTP\/1.1 200 OK\r\nConnection: close\r\n.*\/2$/s);
  const chunked = bench.client().send(`${post('/3', 'Transfer-Encoding: chunked\r\n')}0\r\n\r\n${GET}`);
  expect(await chunked.all()).toMatch(/Connection: close\r\n.*\/3$/s);
  expect(bench.server.stats.requests).toBe(4);
});

test('expectations: no interim answer, no second request, unknown ones are refused', async () => {
  await using bench = serverWith(echo);
  const put = (expectation: string) => {
    return bench
      .client()
      .send(`PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: ${expectation}\r\n\r\n`)
      .all();
  };
  expect(await put('100-Continue')).toBe(
    'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n/x',
  );
  expect(await put('200-ok')).toStartWith('HTTP/1.1 417 Expectation Failed\r\nConnection: close\r\n');
  expect(
    await bench.client().send('OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n').all(),
  ).toMatch(
    /^HTTP\/1.1 204 No Content\r\nConnection: close\r\nCache-Status: [^\r]*\r\nDate: [^\r]* GMT\r\nAllow: GET, HEAD\r\n\r\n$/,
  );
});

test.each([
  ['bare-lf', 400, 'GET / HTTP/1.1\n', 'Lines must end with CR LF; a line ended with LF alone.'],
  ['host-missing', 400, 'GET / HTTP/1.1\r\n\r\n', 'An HTTP/1.1 request needs a Host field.'],
  ['target-too-long', 414, `GET /${'a'.repeat(17_000)}`, 'The request target is too long.'],
  ['head-too-large', 431, `GET / HTTP/1.1\r\nA: ${'a'.repeat(17_000)}`, 'The fields are too large together.'],
  [
    'method',
    501,
    'TRACE / HTTP/1.1\r\nHost: a\r\n\r\n',
    'The methods TRACE and CONNECT are not implemented.',
  ],
  ['version', 505, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'Only HTTP/1.0 and HTTP/1.1 are spoken here.'],
  [
    'two-lengths',
    400,
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${GET}`,
    'Content-Length and Transfer-Encoding must not be sent together.',
  ],
] as const)(
  '%s is answered %d, counted, and ends the connection',
  async (problem, status, text, sentence) => {
    const hold = held();
    await using bench = serverWith(hold.serve);
    const received = await bench.client().send(text).all();
    expect(received).toStartWith(`HTTP/1.1 ${status} `);
    expect(received).toContain('\r\nConnection: close\r\n');
    expect(received).toEndWith(`\r\n\r\n${sentence}\n`);
    expect(bench.server.stats.malformed[problem]).toBe(1);
    expect(hold.requests).toEqual([]);
  },
);
