import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestNode } from '../../../test/support/node.ts';
import { type OriginServer, startOriginServer } from '../../../test/support/origin-server.ts';
import { validateConfig } from '../../config/validate.ts';
import { RawClient } from '../harness.suite.ts';
import type { Node } from '../node.ts';

/** Paths that try to get out of their route or their root, through a whole node. */

const SECRET = 'the-secret-of-this-machine';
let folder: string;
let origin: OriginServer;
let node: Node;
const faults: string[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-paths-'));
  mkdirSync(join(folder, 'root/sub'), { recursive: true });
  mkdirSync(join(folder, 'root/.hidden'));
  mkdirSync(join(folder, 'root-beside'));
  writeFileSync(join(folder, 'secret.txt'), SECRET);
  writeFileSync(join(folder, 'root-beside/secret.txt'), SECRET);
  writeFileSync(join(folder, 'root/.hidden/secret.txt'), SECRET);
  writeFileSync(join(folder, 'root/.secret.txt'), SECRET);
  writeFileSync(join(folder, 'root/a.txt'), 'a');
  writeFileSync(join(folder, 'root/sub/b.txt'), 'b');
  symlinkSync(join(folder, 'secret.txt'), join(folder, 'root/link.txt'));
  symlinkSync(folder, join(folder, 'root/up'));
  origin = startOriginServer({ cacheControl: 'max-age=600' });
  const result = validateConfig(
    `version: 1
server: { listen: 127.0.0.1:0 }
admin: { listen: 127.0.0.1:0 }
cache: { memory: { size: 16MiB } }
origins:
  disk: { type: files, root: ${join(folder, 'root')} }
  web: { type: http, url: ${origin.url}/base }
routes:
  - { name: files, origin: disk, match: { paths: ['/files/*'] }, stripPrefix: /files }
  - { name: web, origin: web, match: { paths: ['/img/*'] }, stripPrefix: /img }
`,
    { file: 'paths.yaml', env: {}, baseDir: folder },
  );
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  node = startTestNode(result.config, faults);
});

afterAll(async () => {
  await node.stop(0);
  await origin.stop();
  rmSync(folder, { recursive: true });
  expect(faults).toEqual([]);
});

/** The whole answer to a request line with that target, as it is. */
async function ask(target: string): Promise<{ status: number; body: string }> {
  const client = new RawClient(Number(new URL(node.url).port));
  const received = await client
    .send(`GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`)
    .all();
  return { status: Number(received.slice(9, 12)), body: received.slice(received.indexOf('\r\n\r\n') + 4) };
}

const UPS = [
  '..',
  '%2e%2e',
  '.%2E',
  '%252e%252e',
  '%25252e%25252e',
  '..;',
  '..;x=y',
  '..%3b',
  '..%00',
  '..%20',
  '..%09',
  '...',
  '%c0%ae%c0%ae',
  '%e0%80%ae%e0%80%ae',
  '%f0%80%80%ae%f0%80%80%ae',
  '%uff0e%uff0e',
  '%EF%BC%8E%EF%BC%8E',
  '.%00.',
  '..%0d%0a',
  'up',
];
const SLASHES = [
  '/',
  '//',
  '/./',
  '%2f',
  '%5c',
  '\\',
  '%252f',
  '%255c',
  '%c0%af',
  '%ef%bc%8f',
  '/%2f',
  '%2f%2f',
];

describe('no path leads out of the root of a directory', () => {
  test.each(UPS)('by %s', async (up) => {
    for (const slash of SLASHES) {
      for (const start of ['/files', '/files/', '/files/sub', '/files/sub/', '/img', '/', 'http://x/files']) {
        for (const deep of [1, 3]) {
          const climb = `${slash}${up}`.repeat(deep);
          for (const file of ['secret.txt', 'root-beside/secret.txt', 'etc/passwd']) {
            const got = await ask(`${start}${climb}${slash}${file}`);
            expect(got.status).toBeOneOf([400, 404, 200]);
            expect(got.body).not.toContain(SECRET);
            expect(got.body).not.toContain('root:');
          }
        }
      }
    }
  });

  test.each([
    '/files/link.txt',
    '/files/up/secret.txt',
    '/files/.secret.txt',
    '/files/%2esecret.txt',
    '/files/.hidden/secret.txt',
    '/files/../files/.hidden/secret.txt',
    '/files/a.txt/../../secret.txt',
    '/files/a.txt/',
    '/files/a.txt%00.jpg',
    '/files/sub',
    '/files/',
    '/files//etc/passwd',
    '/files/a.txt;x',
    '/filesx/a.txt',
    '//files/a.txt',
  ])('nor does %s', async (target) => {
    const got = await ask(target);
    expect(got.status).toBeOneOf([400, 404]);
    expect(got.body).not.toContain(SECRET);
  });
});

describe('an http origin is asked for nothing beyond its route', () => {
  test.each(UPS)('by %s', async (up) => {
    const before = origin.seen.length;
    for (const slash of SLASHES) {
      for (const start of ['/img', '/img/', '/img/a/b', '/files']) {
        await ask(`${start}${slash}${up}${slash}${up}${slash}admin/x.jpg`);
      }
    }
    for (const { path } of origin.seen.slice(before)) {
      expect(path).toStartWith('/base/');
      // However often a server behind it decodes, and whatever it takes for a slash.
      let read = path;
      for (let times = 0; times < 4; times += 1) {
        read = read.replace(/%(25|2e|2f|5c|3b)/gi, (_, hex: string) =>
          String.fromCharCode(Number.parseInt(hex, 16)),
        );
      }
      expect(read.split(/[/\\]/).map((segment) => segment.split(';')[0])).not.toContain('..');
    }
  });
});

test.each([
  [
    '/img/key-a.jpg',
    [
      '/img/key%2da.jpg',
      '/img/%6bey-a.jpg',
      '/img/./key-a.jpg',
      '/img/x/../key-a.jpg',
      '/x/%2E%2e/img/key-a.jpg',
      'http://other.example/img/key-a.jpg',
      'HTTP://OTHER.example:81/img/key-a.jpg',
    ],
  ],
  ['/img/%C3%A9.jpg', ['/img/%c3%a9.jpg', '/img/%C3%a9.jpg']],
  ['/img/a%2Fb.jpg', ['/img/a%2fb.jpg', '/img/%61%2fb.jpg']],
])('one key for all spellings of %s', async (target, spellings) => {
  const before = origin.requests();
  const first = await ask(target);
  expect(first.status).toBe(200);
  for (const spelling of spellings) expect((await ask(spelling)).body).toBe(first.body);
  expect(origin.requests()).toBe(before + 1);
});

test('different resources have different keys, however alike they look', async () => {
  const targets = [
    '/img/k.jpg',
    '/img/K.jpg',
    '/img/k.jpg/',
    '/img//k.jpg',
    '/img/k.jpg;x',
    '/img/k.jpg?',
    '/img/k.jpg?x',
    '/img/k%2Ejpg%20',
    '/img/a%2Fk.jpg',
    '/img/a/k.jpg',
  ];
  const before = origin.requests();
  for (const target of targets) expect((await ask(target)).status).toBe(200);
  // An empty query is none.
  expect(origin.requests()).toBe(before + targets.length - 1);
});
