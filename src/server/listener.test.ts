import { expect, test } from 'bun:test';
import { Account, eventually, RawClient, type Serve, serverWith, TestClock } from './harness.suite.ts';
import { startPublicServer } from './listener.ts';

const GET = 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n';

const ok: Serve = (_request, responder) => {
  responder.respond(new Account(Buffer.from('ok'), true).answer());
  return undefined;
};

/** For a self-signed `localhost`, made for this test and good for nothing else. */
const TEST_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgMFmggROzvYpE/DMB
Ve8ai405+1aKFZUzBOV5wleERL6hRANCAAQdFrAMEKykJA7H38rZxGnd5gd8P9hV
O9U/21ah8r9i3+iRxc1Za97LB6C9kH0LUcnDoshwNrKt4v9dIuqFkLCs
-----END PRIVATE KEY-----`;
const TEST_CERT = `-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUHiGlAVPUWTZLOCZamJgZ3FjOQP8wCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzE3MzMzNloYDzIxMjYxMDMw
MTczMzM2WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQdFrAMEKykJA7H38rZxGnd5gd8P9hVO9U/21ah8r9i3+iRxc1Za97L
B6C9kH0LUcnDoshwNrKt4v9dIuqFkLCso28wbTAdBgNVHQ4EFgQUrQyiJhOR5byN
iULjhZvafoB/aX4wHwYDVR0jBBgwFoAUrQyiJhOR5byNiULjhZvafoB/aX4wDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSAAwRQIhALWqudio4oFoEpfJN9+fgltnpvjxIBh8Tg3++UDTFcUrAiBB
5KnvQ6HjMx1Lz3+lOOTlbhoxZtDWwXb6Pl6piQVzHQ==
-----END CERTIFICATE-----`;

test('an idle connection is closed, silently', async () => {
  await using bench = serverWith(ok);
  const fresh = bench.client();
  const used = bench.client().send(GET);
  await used.until(() => used.received.endsWith('ok'));
  await eventually(() => bench.server.connections() === 2);
  bench.clock.advance(74_000);
  used.received = '';
  used.send(GET);
  await used.until(() => used.received.endsWith('ok'));
  bench.clock.advance(2_000);
  expect(await fresh.all()).toBe('');
  expect(used.ended).toBe(false);
  bench.clock.advance(75_000);
  await used.all();
  expect(bench.server.stats.timeouts).toMatchObject({ idle: 2, head: 0 });
});

test('a head that does not come to its end is answered 408, however it drips', async () => {
  await using bench = serverWith(ok);
  const client = bench.client();
  await eventually(() => bench.server.connections() === 1);
  bench.clock.advance(60_000); // idle until now: the time for a head starts with its first byte
  let passedMs = 0;
  const pass = async (ms: number): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve));
    bench.clock.advance(ms);
    passedMs += ms;
  };
  for (const piece of ['GET / HT', 'TP/1.1\r\n', 'Host: a\r\n', 'X: y\r\n']) {
    client.send(piece);
    await pass(2_000);
  }
  expect(client.received).toBe('');
  while (bench.server.connections() > 0) await pass(500);
  expect(passedMs).toBeWithin(10_000, 16_000); // counted from the last piece it would be 16 s
  const received = await client.all();
  expect(received).toStartWith('HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n');
  expect(received).toEndWith('408 The request did not arrive in time. (request-timeout)\n');
  expect(bench.server.stats.timeouts.head).toBe(1);
});

test('a body that does not come ends the connection behind its answer', async () => {
  await using bench = serverWith(ok);
  const client = bench.client().send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345');
  await client.until(() => client.received.endsWith('ok'));
  bench.clock.advance(11_000);
  expect(await client.all()).toEndWith('ok');
  expect(bench.server.stats.timeouts).toMatchObject({ body: 1, head: 0 });
});

test('a client that takes nothing for 30 s is cut; one that waits for the payload is not', async () => {
  const account = new Account(Buffer.alloc(24 * 1024 * 1024), true);
  const slow = new Account(Buffer.from('slow payload'), true, 4);
  await using bench = serverWith((request, responder) => {
    responder.respond((request.target === '/large' ? account : slow).answer());
    return undefined;
  });
  const patient = bench.client().send(GET);
  await patient.until(() => patient.received.endsWith('slow'));
  const client = bench.client();
  client.socket.pause();
  client.send('GET /large HTTP/1.1\r\nHost: a\r\n\r\n');
  await eventually(() => bench.server.stats.requests === 2);
  let passedMs = 0;
  while (!account.settled) {
    // Room that the kernel still finds for a first try counts as taken.
    await new Promise((resolve) => setImmediate(resolve));
    bench.clock.advance(5_000);
    passedMs += 5_000;
  }
  expect(passedMs).toBeGreaterThanOrEqual(30_000);
  expect(account.whole).toBe(false);
  expect(bench.server.stats.timeouts.write).toBe(1);
  slow.feed(100);
  await patient.until(() => patient.received.endsWith('slow payload'));
  client.socket.destroy();
});

test('a client that does not close after the last answer is closed after two seconds', async () => {
  await using bench = serverWith(ok);
  const client = bench.client().send('GET / HTTP/1.0\r\n\r\n');
  await client.until(() => client.ended);
  expect(bench.server.connections()).toBe(1);
  bench.clock.advance(3_000);
  expect(bench.server.connections()).toBe(0);
});

test('connections above the limit are told 503, those within go on', async () => {
  await using bench = serverWith(ok, { limits: { connectionsMax: 2 } });
  const within = [bench.client(), bench.client()];
  await eventually(() => bench.server.connections() === 2);
  const received = await bench.client().send(GET).all();
  expect(received).toStartWith('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n');
  expect(received).toContain('\r\nRetry-After: 1\r\n');
  for (const client of within) {
    client.send(GET);
    await client.until(() => client.received.endsWith('ok'));
  }
  expect(bench.server.stats).toMatchObject({ accepted: 3, refused: 1 });
});

test('five hundred idle connections do not disturb a request', async () => {
  await using bench = serverWith(ok);
  const idle = Array.from({ length: 500 }, () => bench.client());
  await eventually(() => bench.server.connections() === 500);
  const client = bench.client().send(GET);
  await client.until(() => client.received.endsWith('ok'));
  for (const other of idle) other.socket.destroy();
  await eventually(() => bench.server.connections() === 1);
});

test('drain: idle connections close, answers under way finish as the last, the rest is cut', async () => {
  const accounts: Account[] = [];
  await using bench = serverWith((_request, responder) => {
    const account = new Account(Buffer.from('0123456789'), false, 5);
    accounts.push(account);
    responder.respond(account.answer());
    return undefined;
  });
  const idle = bench.client();
  const half = bench.client().send(GET.slice(0, 12));
  const finishing = bench.client().send(GET);
  await finishing.until(() => finishing.received.endsWith('01234'));
  const stuck = bench.client().send(GET);
  await stuck.until(() => stuck.received.endsWith('01234'));
  await eventually(() => bench.server.connections() === 4);
  let cut: number | undefined;
  const drained = bench.server.drain(5_000).then((count) => {
    cut = count;
  });
  await idle.all();
  half.send(GET.slice(12));
  await half.until(() => half.received.includes('01234'));
  expect(half.received).toContain('\r\nConnection: close\r\n');
  accounts[2]!.feed(5);
  accounts[2]!.end(-1);
  await half.all();
  accounts[0]!.feed(5);
  accounts[0]!.end(-1);
  expect(await finishing.all()).toEndWith('56789\r\n0\r\n\r\n');
  const late = new RawClient(bench.server.port);
  await eventually(() => late.closed);
  expect(late.reset).toBe(true);
  await eventually(() => bench.server.connections() === 1);
  expect(cut).toBeUndefined();
  bench.clock.advance(5_000);
  await drained;
  expect(cut).toBe(1);
  expect(accounts.map((account) => [account.settled, account.whole])).toEqual([
    [true, true],
    [true, false],
    [true, true],
  ]);
});

test('draining twice resolves both, and at once when nothing is open', async () => {
  await using bench = serverWith(ok);
  const client = bench.client();
  await eventually(() => bench.server.connections() === 1);
  const both = Promise.all([bench.server.drain(1_000), bench.server.drain(1_000)]);
  await client.all();
  expect(await both).toEqual([0, 0]);
  expect(await bench.server.drain(1_000)).toBe(0);
});

test('what cannot be listened on is named with what to do', async () => {
  await using bench = serverWith(ok);
  const listenOn = (hostname: string, port: number) => () => {
    const handler = { handle: ok };
    startPublicServer({ listen: { hostname, port }, handler, clock: new TestClock(), onFault() {} });
  };
  expect(listenOn('127.0.0.1', bench.server.port)).toThrow(
    `cannot listen on 127.0.0.1:${bench.server.port}: another process listens there; stop it, or choose another port`,
  );
  expect(listenOn('203.0.113.1', 0)).toThrow('this machine does not have that address');
  expect(listenOn('127.0.0.1', 70_000)).toThrow('the port must be between 0 and 65535');
});

test('TLS: requests, large answers, the last answer of a connection, and clients that speak plain HTTP', async () => {
  const body = Buffer.alloc(3_000_000, 'tls ');
  await using bench = serverWith(
    (_request, responder) => {
      responder.respond(new Account(body, true).answer());
      return undefined;
    },
    { tls: { cert: TEST_CERT, key: TEST_KEY } },
  );
  expect(bench.server.url).toBe(`https://127.0.0.1:${bench.server.port}`);
  for (const connection of ['keep-alive', 'close']) {
    const response = await fetch(bench.server.url, { tls: { ca: TEST_CERT }, headers: { connection } });
    expect(Buffer.from(await response.arrayBuffer()).equals(body)).toBe(true);
  }
  const plain = bench.client().send(GET);
  await eventually(() => plain.closed || plain.ended);
  const silent = bench.client();
  await eventually(() => bench.server.connections() === 1); // fetch's connection is gone: its last request said close
  bench.clock.advance(11_000);
  await eventually(() => silent.closed || silent.ended);
  expect(bench.server.stats.timeouts.handshake).toBe(1);
  expect(bench.faults).toEqual([]);
});
