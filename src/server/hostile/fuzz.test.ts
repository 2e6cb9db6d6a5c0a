import { afterAll, beforeAll, expect, test } from 'bun:test';
import { startTestNode } from '../../../test/support/node.ts';
import { type OriginServer, startOriginServer } from '../../../test/support/origin-server.ts';
import { type Random, seededRandom } from '../../base/random.ts';
import { validateConfig } from '../../config/validate.ts';
import { eventually, RawClient } from '../harness.suite.ts';
import type { Node } from '../node.ts';

/**
 * Random bytes and mutated requests over real sockets, before a whole node: it goes on serving, nothing is thrown or left
 * behind, and memory stays where it was. Each seed is the same run again.
 */

const CORPUS = [
  'GET /a.jpg HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET /b.jpg?w=1&h=2 HTTP/1.1\r\nHost: a.example:80\r\nAccept: image/avif,*/*\r\nAccept-Encoding: gzip\r\n\r\n',
  'HEAD /c.jpg HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
  'GET /a.jpg HTTP/1.1\r\nHost: a\r\nRange: bytes=0-9, 20-\r\nIf-None-Match: "x", W/"y"\r\n\r\n',
  'GET /a.jpg HTTP/1.1\r\nHost: a\r\nIf-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\nCache-Control: max-age=0\r\n\r\n',
  'POST /d HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world',
  'POST /e HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n',
  'PUT /f HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc',
  'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET http://b.example/%41/../a.jpg HTTP/1.1\r\nHost: a\r\nVia: 1.1 x\r\nConnection: close, X\r\nX: 1\r\n\r\n',
  'GET /g.jpg HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\nCookie: a=b\r\n\r\n',
];
const TOKENS = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  '\t',
  ':',
  ',',
  ';',
  '"',
  '%',
  '%2e',
  '..',
  '/',
  '\xff',
  'HTTP/1.1',
  'Host: a',
  '0',
  '-1',
  '99999999999999999999',
  'chunked',
  'Transfer-Encoding: chunked',
  'Content-Length: 5',
  'bytes=',
];

function mutated(random: Random): string {
  const below = (n: number): number => random.u32() % n;
  if (below(10) === 0) return String.fromCharCode(...Array.from({ length: below(300) }, () => below(256)));
  let text = '';
  for (let count = 1 + below(3); count > 0; count -= 1) text += CORPUS[below(CORPUS.length)]!;
  for (let count = below(5); count > 0; count -= 1) {
    const at = below(text.length + 1);
    const end = Math.min(text.length, at + below(20));
    const how = below(5);
    if (how === 0) text = text.slice(0, at) + String.fromCharCode(below(256)) + text.slice(at + 1);
    else if (how === 1) text = text.slice(0, at) + text.slice(end);
    else if (how === 2) text = text.slice(0, at) + TOKENS[below(TOKENS.length)]! + text.slice(at);
    else if (how === 3) text = text.slice(0, end) + text.slice(at);
    else text = text.slice(0, at) + text.slice(at, end).repeat(1 + below(200)) + text.slice(end);
  }
  return text;
}

let origin: OriginServer;
let node: Node;
const faults: string[] = [];

beforeAll(() => {
  origin = startOriginServer({ cacheControl: 'max-age=1' });
  const result = validateConfig(
    `version: 1
server: { listen: 127.0.0.1:0 }
admin: { listen: 127.0.0.1:0 }
cache: { memory: { size: 16MiB } }
origins: { web: { type: http, url: '${origin.url}' } }
routes: [{ name: web, origin: web }]
`,
    { file: 'fuzz.yaml', env: {} },
  );
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  node = startTestNode(result.config, faults);
});

afterAll(async () => {
  await node.stop(0);
  await origin.stop();
});

/** Sends one input in random pieces and leaves in one of several ways; what came back must look like HTTP. */
async function attack(random: Random): Promise<void> {
  const client = new RawClient(Number(new URL(node.url).port));
  const text = mutated(random);
  const pieces = 1 + (random.u32() % 3);
  for (let piece = 0; piece < pieces; piece += 1) {
    client.send(text.slice((text.length * piece) / pieces, (text.length * (piece + 1)) / pieces));
    if (random.u32() % 2 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const leaving = random.u32() % 4;
  if (leaving === 0) client.socket.resetAndDestroy();
  else if (leaving === 1) client.socket.destroy();
  else client.socket.end();
  if (leaving > 1) await eventually(() => client.ended || client.closed);
  client.socket.destroy();
  expect(client.received).toMatch(/^(?:$|HTTP\/1\.1 [1-5][0-9][0-9] )/);
}

async function isServing(): Promise<void> {
  const response = await fetch(`${node.url}/alive.jpg`);
  expect(response.status).toBe(200);
  expect(Buffer.from(await response.arrayBuffer()).equals(Buffer.from(origin.bodyFor('/alive.jpg')))).toBe(
    true,
  );
}

test.each([1, 2, 3, 4])(
  'a thousand hostile inputs change nothing (seed %d)',
  async (seed) => {
    const random = seededRandom(seed);
    await isServing();
    Bun.gc(true);
    const before = process.memoryUsage.rss();
    for (let sent = 0; sent < 1_000; sent += 50) {
      await Promise.all(Array.from({ length: 50 }, () => attack(random)));
      if (sent % 250 === 0) await isServing();
    }
    await isServing();
    // What is left is the connection that `fetch` keeps.
    await eventually(() => node.snapshot().connections <= 1);
    await eventually(() => node.snapshot().origins[0]!.active === 0);
    expect(faults).toEqual([]);
    Bun.gc(true);
    expect(process.memoryUsage.rss() - before).toBeLessThan(64 * 2 ** 20);
    const { malformed } = node.snapshot().transport;
    expect(Object.values(malformed).filter((count) => count > 0).length).toBeGreaterThan(8);
  },
  20_000,
);
