import { expect, test } from 'bun:test';
import { Account, echo, eventually, held, serverWith } from './harness.suite.ts';

/** How requests and connections end when something goes wrong: clients that leave, handlers and payloads that fail. */

const GET = 'GET /a HTTP/1.1\r\nHost: A.example\r\n\r\n';
const CLOSING = 'GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

test('a client that shut its sending side still gets its answers', async () => {
  const hold = held();
  await using bench = serverWith(hold.serve);
  const client = bench.client().send(GET + GET);
  client.socket.end();
  await eventually(() => hold.requests.length === 1);
  hold.responders[0]!.respond(new Account(Buffer.from('first'), true).answer());
  await eventually(() => hold.requests.length === 2);
  hold.responders[1]!.respond(new Account(Buffer.from('second'), true).answer());
  expect(await client.all()).toMatch(/first.*second$/s);
  await eventually(() => bench.server.connections() === 0);
  expect(hold.abandoned).toEqual([]);
});

test('a client that goes away abandons its request; a late answer is settled unsent', async () => {
  const hold = held();
  await using bench = serverWith(hold.serve);
  const client = bench.client().send(GET);
  await eventually(() => hold.requests.length === 1);
  client.socket.resetAndDestroy();
  await eventually(() => hold.abandoned.length === 1);
  const account = new Account(Buffer.from('late'), true);
  hold.responders[0]!.respond(account.answer());
  expect(account).toMatchObject({ settled: true, whole: false, sentBytes: 0 });
  expect(bench.server.stats).toMatchObject({ unfinished: 1, faults: 0 });
});

test('exceptions of the handler, of answers and of payloads stay with their request', async () => {
  const bad = new Account(Buffer.from('bad'), true);
  await using bench = serverWith((request, responder) => {
    if (request.target === '/throw') throw new Error('handler');
    if (request.target === '/read')
      responder.respond({
        ...bad.answer(),
        payload: { ...bad, bytes: 3, read: fail, whenReadable() {}, release() {} },
      });
    else if (request.target === '/done') responder.respond({ ...bad.answer(), done: fail });
    else if (request.target === '/status')
      responder.respond({ ...new Account(Buffer.alloc(0), true).answer(), status: 99 });
    return undefined;
  });
  function fail(): never {
    throw new Error('payload');
  }
  const get = (target: string) => bench.client().send(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
  for (const target of ['/throw', '/status']) {
    expect(await get(target).all()).toMatch(
      /^HTTP\/1.1 500 .*\r\n\r\n500 Something went wrong here. \(internal\)\n$/s,
    );
  }
  await get('/read').all();
  const fine = get('/done');
  await fine.until(() => fine.received.endsWith('bad'));
  expect(bench.faults.map(String)).toEqual([
    'Error: handler',
    'Error: an answer has status 99 and 21 bytes of head',
    'Error: payload',
    'Error: payload',
  ]);
  expect(bench.server.stats.faults).toBe(4);
});

test('a malformed request behind a HEAD has an error with its sentence', async () => {
  await using bench = serverWith(echo);
  const client = bench.client().send('HEAD / HTTP/1.1\r\nHost: a\r\n\r\nnonsense\r\n\r\n');
  expect(await client.all()).toEndWith('The first line is not of the form "METHOD target HTTP/1.1".\n');
});

test('a client that sends on and on behind its last answer is closed', async () => {
  await using bench = serverWith(echo, { limits: { lingerBytes: 1_000 } });
  const client = bench.client().send(CLOSING);
  await client.until(() => client.ended);
  client.send('x'.repeat(900));
  expect(bench.server.connections()).toBe(1);
  client.send('x'.repeat(900));
  await eventually(() => bench.server.connections() === 0);
});

test('an answered request is not abandoned any more', async () => {
  let abandoned = 0;
  await using bench = serverWith((request, responder) => {
    echo(request, responder);
    return () => (abandoned += 1);
  });
  const client = bench.client().send(GET);
  await client.until(() => client.received.endsWith('/a'));
  client.socket.resetAndDestroy();
  await eventually(() => bench.server.connections() === 0);
  expect(abandoned).toBe(0);
});

test('a second answer to one request is a fault, is not sent, and is settled', async () => {
  const second = new Account(Buffer.from('second'), true);
  await using bench = serverWith((request, responder) => {
    echo(request, responder);
    responder.respond(second.answer());
    return undefined;
  });
  const client = bench.client().send(CLOSING);
  expect(await client.all()).toEndWith('\r\n\r\n/a');
  expect(second).toMatchObject({ settled: true, whole: false, sentBytes: 0 });
  expect(bench.faults.map(String)).toEqual(['Error: a request was answered twice']);
});
