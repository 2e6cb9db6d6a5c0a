import { afterAll, beforeAll, expect, test } from 'bun:test';
import net from 'node:net';
import { startTestNode } from '../../../test/support/node.ts';
import { validateConfig } from '../../config/validate.ts';
import { RawClient } from '../harness.suite.ts';
import type { Node } from '../node.ts';

/** What a client or an origin says must not become a line, a field or a label of ours. */

let node: Node;
let listener: net.Server;
let answer = '';
const logged: string[] = [];
const faults: string[] = [];

beforeAll(async () => {
  listener = net.createServer((socket) => {
    socket.on('data', () => socket.end(answer, 'latin1'));
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as net.AddressInfo;
  const result = validateConfig(
    `version: 1
server: { listen: 127.0.0.1:0 }
admin: { listen: 127.0.0.1:0 }
cache: { memory: { size: 16MiB } }
origins: { web: { type: http, url: 'http://127.0.0.1:${port}' } }
routes: [{ name: web, origin: web }]
`,
    { file: 'injection.yaml', env: {} },
  );
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  node = startTestNode(result.config, faults, {
    accessLogs: {
      open: () => ({
        lostLines: 0,
        ready: () => true,
        write: (lines) => void logged.push(Buffer.from(lines).toString('utf8')),
      }),
      retire: () => undefined,
    },
  });
});

afterAll(async () => {
  await node.stop(0);
  listener.close();
  expect(faults).toEqual([]);
});

function ask(target: string, lines = '', host = '127.0.0.1'): Promise<string> {
  return new RawClient(Number(new URL(node.url).port))
    .send(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${lines}Connection: close\r\n\r\n`)
    .all();
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nCache-Control: max-age=60\r\n';

test.each([
  ['a bare CR', `${OK}Location: /x\rSet-Cookie: evil=1\r\n\r\nok`],
  ['a bare LF', `${OK}Location: /x\nSet-Cookie: evil=1\r\n\r\nok`],
  ['a folded line', `${OK}Location: /x\r\n Set-Cookie: evil=1\r\n\r\nok`],
  ['NUL', `${OK}Location: /x\0Set-Cookie: evil=1\r\n\r\nok`],
  ['a reason with CR', 'HTTP/1.1 200 OK\rSet-Cookie: evil=1\r\nContent-Length: 2\r\n\r\nok'],
])('an origin that splits a field with %s is answered for with an error', async (what, text) => {
  answer = text;
  const received = await ask(`/split?${encodeURIComponent(what)}`);
  expect(received).toStartWith('HTTP/1.1 502 Bad Gateway\r\n');
  expect(received).not.toContain('evil');
});

test('two responses in one are one, and not kept', async () => {
  answer = `${OK}\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`;
  expect(await ask('/two')).not.toContain('evil');
  answer = `${OK}\r\nok`;
  expect(await ask('/two')).toEndWith('\r\n\r\nok');
});

test('what is echoed of an origin stays in its own line', async () => {
  answer = `${OK}Location: /a%0d%0aSet-Cookie:%20evil=1\r\nCache-Status: "x\\"; evil\r\n\r\nok`;
  const received = await ask('/echo');
  const lines = received.split('\r\n');
  expect(lines.filter((line) => line.startsWith('Set-Cookie'))).toEqual([]);
  expect(lines.filter((line) => /^cache-status: /i.test(line))).toHaveLength(1);
});

test('errors of our own say nothing of the request', async () => {
  for (const target of [
    '/%zz<script>alert(1)</script>',
    '/<script>alert(1)</script>/../..%2f',
    'nonsense"><b>',
  ]) {
    const received = await ask(target.replaceAll(' ', ''), 'X-Evil: <script>\r\n');
    expect(received).toMatch(
      /^HTTP\/1.1 400 .*\r\nContent-Type: text\/plain[;\r].*Cache-Control: no-store\r\n/s,
    );
    expect(received.slice(received.indexOf('\r\n\r\n'))).not.toMatch(/[<>]|evil|nonsense/i);
  }
});

test('an access log line is one JSON object, whatever was asked', async () => {
  answer = `${OK}\r\nok`;
  logged.length = 0;
  const nasty = [
    '"',
    '\\',
    '\\"}',
    "'",
    '{}',
    '%0A',
    '%1b[31m',
    '\\u000a',
    '</script>',
    '$(id)',
    '`id`',
    '%E2%80%A8',
  ];
  const bytes = Array.from({ length: 128 }, (_, i) => String.fromCharCode(128 + i)).join('');
  for (const [i, text] of nasty.entries()) {
    await ask(
      `/log-${i}?${text}`,
      `User-Agent: ${text}${bytes}\r\nReferer: ${text}\t${bytes}\r\nX: ${text}\r\n`,
    );
  }
  const requests = nasty.length;
  const lines = (): string[] =>
    logged
      .join('')
      .split('\n')
      .filter((line) => line.includes('/log-'));
  while (lines().length < requests) await new Promise((resolve) => setTimeout(resolve, 10));
  for (const line of lines()) {
    expect(() => JSON.parse(line)).not.toThrow();
    expect(line).not.toMatch(/[\x00-\x1f\x7f]/);
  }
  expect(lines()).toHaveLength(requests);
});

test('clients cannot make labels: a thousand hosts, methods and paths add no line to the metrics', async () => {
  answer = `${OK}\r\nok`;
  const metrics = async (): Promise<string[]> => {
    const response = await fetch(`${node.adminUrl}/metrics`, {
      headers: { authorization: 'Bearer a-token-for-tests' },
    });
    return (await response.text())
      .split('\n')
      .map((line) => line.replace(/ [^ ]*$/, ''))
      .filter((line) => !line.startsWith('holdfast_responses_total{')); // by status code
  };
  await ask('/before');
  const before = await metrics();
  const client = new RawClient(Number(new URL(node.url).port));
  for (let i = 0; i < 1_000; i += 1) {
    client.send(`M${i % 50} /path-${i} HTTP/1.1\r\nHost: host-${i}.example\r\n\r\n`);
  }
  client.send('GET /last HTTP/1.1\r\nHost: "a\r\nConnection: close\r\n\r\n');
  await client.all();
  expect(await metrics()).toEqual(before);
});
