import { expect, test } from 'bun:test';
import { Connection } from './connection.ts';
import { Account, echo, held, type Serve, TestClock } from './harness.suite.ts';
import type { ConnectionHost, ServerSocket } from './host.ts';
import { DEFAULT_SERVER_LIMITS, newServerStats } from './limits.ts';

const GET = 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n';

/** A connection on a socket that tells whether it is read. */
function connectionWith(serve: Serve) {
  const socket = {
    reading: true,
    pauses: 0,
    remoteAddress: '127.0.0.1',
    write: (_bytes: Buffer, _at: number, count: number) => count,
    pause() {
      socket.reading = false;
      socket.pauses += 1;
    },
    resume() {
      socket.reading = true;
    },
    shutdown() {},
    end() {},
    terminate() {},
  };
  const host: ConnectionHost = {
    handler: { handle: serve },
    clock: new TestClock(),
    limits: DEFAULT_SERVER_LIMITS,
    stats: newServerStats(),
    scratch: Buffer.alloc(128 * 1024),
    scratchBusy: false,
    draining: false,
    defaultAuthority: 'a',
    fault(error) {
      throw error;
    },
    onClosed() {},
  };
  const connection = new Connection(host, socket as unknown as ServerSocket, false);
  return { connection, socket, stats: host.stats };
}

test('one read with something behind the request is the last, until that request is answered', () => {
  const hold = held();
  const { connection, socket } = connectionWith(hold.serve);
  connection.onData(Buffer.from(GET));
  expect(socket.pauses).toBe(0); // the common case costs nothing
  connection.onData(Buffer.from('G'));
  expect(socket.reading).toBe(false);
  hold.responders[0]!.respond(new Account(Buffer.from('1'), true).answer());
  expect(socket.reading).toBe(true);
  connection.onData(Buffer.from(GET.slice(1) + GET));
  expect(hold.requests.length).toBe(2);
  expect(socket.reading).toBe(false);
  hold.responders[1]!.respond(new Account(Buffer.from('2'), true).answer());
  expect(hold.requests.length).toBe(3);
  expect([socket.reading, socket.pauses]).toEqual([true, 2]);
});

test('requests that wait for a later turn are not added to', async () => {
  const { connection, socket, stats } = connectionWith(echo);
  connection.onData(Buffer.from(GET.repeat(100)));
  expect([socket.reading, stats.requests]).toEqual([false, 32]);
  connection.onData(Buffer.from(GET)); // what the runtime had read already does not jump the turn
  expect(stats.requests).toBe(32);
  while (stats.requests < 101) {
    expect(socket.reading).toBe(false);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect([socket.reading, socket.pauses]).toEqual([true, 1]);
});
