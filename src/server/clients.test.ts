import { expect, test } from 'bun:test';
import { seededRandom } from '../base/random.ts';
import { Clients, clientOf } from './clients.ts';
import { echo, eventually, serverWith } from './harness.suite.ts';

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0db8:0001:0002::6', '2001:db8:1:2::/64'],
  ['2001:DB8:1:2:ffff::', '2001:db8:1:2::/64'],
  ['2001:db8::5', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
])('%s is the client %s', (address, client) => {
  expect(clientOf(address)).toBe(client);
});

test('counts are right whatever the order, and nothing stays of who left', () => {
  const random = seededRandom(5);
  const clients = new Clients<number>(3);
  const open = new Map<number, string>();
  for (let id = 0; id < 3_000; id += 1) {
    const address = `192.0.2.${random.u32() % 20}`;
    const before = [...open.values()].filter((one) => one === address).length;
    expect(clients.enter(id, address)).toBe(before < 3);
    open.set(id, address);
    for (const other of [...open.keys()]) {
      if (random.u32() % 10 > 0) continue;
      clients.leave(other);
      clients.leave(other);
      open.delete(other);
    }
    expect(clients.size).toBe(new Set(open.values()).size);
  }
  for (const id of open.keys()) clients.leave(id);
  expect(clients.size).toBe(0);
});

test('one client may have so many connections; those above are cut and counted, and room comes back', async () => {
  await using bench = serverWith(echo, { limits: { connectionsPerClientMax: 3 } });
  const ask = 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n';
  const first = [bench.client(), bench.client(), bench.client()];
  for (const client of first) {
    client.send(ask);
    await client.until(() => client.received.endsWith('/a'));
  }
  for (let i = 0; i < 20; i += 1) {
    const flood = bench.client();
    await eventually(() => flood.closed);
    expect(flood.received).toBe('');
  }
  expect(bench.server.stats).toMatchObject({ refusedPerClient: 20, refused: 0 });
  expect(bench.server.connections()).toBe(3);
  first[0]!.send(ask);
  await first[0]!.until(() => first[0]!.received.split('HTTP').length === 3);
  first[1]!.socket.destroy();
  await eventually(() => bench.server.connections() === 2);
  const next = bench.client().send(ask);
  await next.until(() => next.received.endsWith('/a'));
});
