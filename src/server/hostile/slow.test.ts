import { expect, test } from 'bun:test';
import net from 'node:net';
import { Account, type Bench, echo, eventually, type RawClient, serverWith } from '../harness.suite.ts';

/** Clients that take their time: slow heads, slow readers, thousands that do nothing. */

const MIB = 2 ** 20;
const GET = 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n';

/** Others are served while the hostile ones are at it. */
async function othersAreServed(bench: Bench): Promise<void> {
  const client = bench.client().send(GET);
  await client.until(() => client.received.endsWith('/a'));
  client.socket.destroy();
}

/** Resident memory once garbage is gone. */
function settledBytes(): number {
  Bun.gc(true);
  return process.memoryUsage.rss();
}

test('slow heads: a byte a second does not keep a connection beyond the time for a head', async () => {
  await using bench = serverWith(echo);
  const slow = Array.from({ length: 100 }, () => bench.client().send('GET /a HTTP/1.1\r\nHost: a\r\nX-'));
  await eventually(() => bench.server.connections() === 100);
  for (const client of slow) await client.until(() => client.socket.bytesWritten > 0);
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  for (let second = 0; second < 9; second += 1) {
    for (const client of slow) client.send('a');
    await new Promise((resolve) => setImmediate(resolve));
    bench.clock.advance(1_000);
  }
  expect(bench.server.connections()).toBe(100);
  await othersAreServed(bench);
  bench.clock.advance(2_000);
  for (const client of slow) expect(await client.all()).toStartWith('HTTP/1.1 408 Request Timeout\r\n');
  await eventually(() => bench.server.connections() === 0);
  expect(bench.server.stats.timeouts.head).toBe(100);
});

test('slow readers: 200 of one image of 8 MiB cost its one copy, and stalled ones are cut', async () => {
  const body = Buffer.alloc(8 * MIB, 'image');
  const accounts: Account[] = [];
  await using bench = serverWith((request, responder) => {
    if (request.target !== '/image') return echo(request, responder);
    const account = new Account(body, true);
    accounts.push(account);
    responder.respond(account.answer());
    return undefined;
  });
  const before = settledBytes();
  const readers: RawClient[] = [];
  for (let i = 0; i < 200; i += 1) {
    const reader = bench.client();
    reader.socket.pause();
    readers.push(reader.send('GET /image HTTP/1.1\r\nHost: a\r\n\r\n'));
  }
  await eventually(() => accounts.length === 200);
  await othersAreServed(bench);
  expect(accounts.filter((account) => account.released > 0)).toEqual([]);
  expect(settledBytes() - before).toBeLessThan(100 * MIB); // a copy for each would be 1600
  // What the kernel still takes when it is asked counts as taken once.
  bench.clock.advance(62_000);
  await eventually(() => accounts.every((account) => account.settled));
  expect(accounts.every((account) => account.whole === false)).toBe(true);
  expect(bench.server.stats.timeouts.write).toBe(200);
  await othersAreServed(bench);
  await eventually(() => bench.server.connections() === 0);
});

test('slow readers: who trickles is cut, who reads slowly but steadily is not', async () => {
  const body = Buffer.alloc(64 * MIB, 'image');
  const accounts: Account[] = [];
  await using bench = serverWith(
    (_request, responder) => {
      const account = new Account(body, true);
      accounts.push(account);
      responder.respond(account.answer());
      return undefined;
    },
    { limits: { sendRateMin: 64 * 1024 } },
  );
  // The kernel moves what it likes at once, so what is read in a second is large here, and a second is short.
  const reader = async (): Promise<{
    socket: net.Socket;
    take(bytes: number): Promise<void>;
    closed: boolean;
  }> => {
    const socket = net.connect({ port: bench.server.port, host: '127.0.0.1' });
    const state = { socket, closed: false, take };
    let takenBytes = 0;
    socket.pause();
    socket.on('error', () => undefined);
    socket.on('close', () => (state.closed = true));
    async function take(bytes: number): Promise<void> {
      const upTo = takenBytes + bytes;
      while (takenBytes < upTo && !state.closed) {
        const chunk: Buffer | null = socket.read();
        if (chunk === null) await new Promise((resolve) => setImmediate(resolve));
        else takenBytes += chunk.length;
      }
    }
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.write(GET);
    return state;
  };
  const steady = await reader();
  const trickling = await reader();
  await eventually(() => accounts.length === 2);
  for (let second = 0; second < 130 && !trickling.closed; second += 1) {
    // It must be more than the kernel holds back: its buffers hide what is read of them.
    await steady.take(512 * 1024);
    if (second % 10 === 0) trickling.socket.read(1);
    bench.clock.advance(1_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(bench.server.stats.timeouts.write).toBe(1);
  expect(accounts[1]!.settled).toBe(true);
  expect(accounts[0]!.released).toBe(0);
  steady.socket.destroy();
  trickling.socket.destroy();
});

/** Open files that this test may have, with room for everything else: two for each connection, both ends are here. */
const IDLE = Math.min(10_000, Math.floor((openFilesMax() - 500) / 2));

function openFilesMax(): number {
  const { stdout } = Bun.spawnSync(['sh', '-c', 'ulimit -n']);
  const limit = stdout.toString().trim();
  return limit === 'unlimited' ? 1_000_000 : Number(limit);
}

test.skipIf(IDLE < 2_000)(
  `${IDLE} idle connections (as many as this machine lets a process have): others are served, each costs little`,
  async () => {
    await using bench = serverWith(echo, { limits: { connectionsMax: 20_000 } });
    const before = settledBytes();
    const sockets: Bun.Socket[] = [];
    let closed = 0;
    const quiet = {
      data() {},
      close() {
        closed += 1;
      },
      end: (socket: Bun.Socket) => void socket.end(),
    };
    while (sockets.length < IDLE) {
      const some = Array.from({ length: Math.min(250, IDLE - sockets.length) }, () =>
        Bun.connect({ hostname: '127.0.0.1', port: bench.server.port, socket: quiet }),
      );
      sockets.push(...(await Promise.all(some)));
    }
    await eventually(() => bench.server.connections() === IDLE);
    await othersAreServed(bench);
    // Both ends are in this process, and the kernel's buffers are not.
    expect((settledBytes() - before) / IDLE).toBeLessThan(20 * 1024);
    await eventually(() => bench.server.connections() === IDLE);
    bench.clock.advance(80_000);
    await eventually(() => closed === IDLE && bench.server.connections() === 0);
    expect(bench.server.stats.timeouts.idle).toBe(IDLE);
    await othersAreServed(bench);
  },
  30_000,
);
