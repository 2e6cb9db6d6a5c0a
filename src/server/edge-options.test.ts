import { expect, test } from 'bun:test';
import { startTestNode } from '../../test/support/node.ts';
import { startOriginServer } from '../../test/support/origin-server.ts';
import { validateConfig } from '../config/validate.ts';
import { eventually, RawClient } from './harness.suite.ts';

test('the options of the public port reach it, through a whole node', async () => {
  const origin = startOriginServer();
  const result = validateConfig(
    `version: 1
server: { listen: 127.0.0.1:0, maxRequestBody: 1KiB, maxConnectionsPerClient: 2, drainDelay: 10m }
admin: { listen: 127.0.0.1:0 }
cache: { memory: { size: 16MiB } }
origins: { web: { type: http, url: '${origin.url}' } }
routes: [{ name: web, origin: web }]
`,
    { file: 'edge.yaml', env: {} },
  );
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  const faults: string[] = [];
  const node = startTestNode(result.config, faults);
  const { port } = new URL(node.url);
  const connect = (): RawClient => new RawClient(Number(port));
  const post = (fields: string): string =>
    `POST /a.jpg HTTP/1.1\r\nHost: a\r\n${fields}Connection: close\r\n\r\n`;

  expect(await connect().send(post('Content-Length: 1025\r\n')).all()).toStartWith('HTTP/1.1 413 ');
  await eventually(() => node.snapshot().connections === 0);
  const two = [connect(), connect()];
  await eventually(() => node.snapshot().connections === 2);
  const third = connect();
  await eventually(() => third.closed);
  expect(node.snapshot().transport.refusedPerClient).toBe(1);
  for (const client of two) client.socket.destroy();
  await eventually(() => node.snapshot().connections === 0);

  const ready = async (): Promise<number> => (await fetch(`${node.adminUrl}/readyz`)).status;
  expect(await ready()).toBe(200);
  const stopped = node.stop();
  expect(await ready()).toBe(503);
  expect(node.snapshot().draining).toBe(true);
  const late = connect().send('GET /a.jpg HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  expect(await late.all()).toStartWith('HTTP/1.1 200 OK\r\n');
  void node.stop(0);
  await stopped;
  await origin.stop();
  expect(faults).toEqual([]);
});
