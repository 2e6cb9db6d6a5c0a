import { expect, test } from 'bun:test';
import { createHmac } from 'node:crypto';
import { virtualClock } from '../../test/support/virtual-clock.ts';
import { sign } from './sign.ts';

const KEY = '0123456789abcdef0123456789abcdef';
const FILE = `version: 1
origins: { o: { type: http, url: 'http://o.example' } }
routes:
  - { name: plain, origin: o, match: { paths: ['/plain/*'] } }
  - { name: open, origin: o, match: { hosts: ['open.example'] }, images: {} }
  - name: proxy
    origin: o
    match: { paths: ['/proxy/*'] }
    stripPrefix: /proxy
    images: { grammar: imgproxy, signing: { keys: [{ key: "\${KEY}" }] } }
  - { name: photos, origin: o, images: { widths: [400], otherWidths: refuse, signing: { keys: [{ key: "\${KEY}" }] } } }
`;

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const written = { out: '', err: '' };
  const code = await sign(args, {
    out: (text) => {
      written.out += text;
    },
    err: (text) => {
      written.err += text;
    },
    readFile: (path) =>
      path === '/etc/holdfast/a.yaml'
        ? Promise.resolve(FILE)
        : path === '/etc/holdfast/bad.yaml'
          ? Promise.resolve('version: 2')
          : Promise.reject(Object.assign(new Error('no such file'), { code: 'ENOENT' })),
    writeFile: () => Promise.reject(new Error('not here')),
    pathKind: () => Promise.resolve('absent'),
    env: { KEY },
    cwd: '/etc/holdfast',
    totalMemoryBytes: 2 ** 33,
    isTty: false,
    clock: virtualClock(1_000_000),
  });
  return { code, ...written };
}

test('an address is signed with the first key of its route, as it will be sent', async () => {
  const mac = (text: string) => createHmac('sha256', KEY).update(text).digest('base64url');
  expect(await run('https://img.example/photos/a.jpg?w=400', '-c', 'a.yaml')).toEqual({
    code: 0,
    out: `https://img.example/photos/a.jpg?w=400&s=${mac('/photos/a.jpg?w=400')}\n`,
    err: '',
  });
  expect((await run('/photos/x/../é b.jpg', '-c', 'a.yaml')).out).toBe(
    `/photos/%C3%A9%20b.jpg?s=${mac('/photos/%C3%A9%20b.jpg')}\n`,
  );
  expect((await run('/photos/a.jpg?w=400', '-c', 'a.yaml', '--expires', '1h')).out).toBe(
    `/photos/a.jpg?w=400&expires=4600&s=${mac('/photos/a.jpg?w=400&expires=4600')}\n`,
  );
});

test('of the grammar imgproxy, where its signature goes', async () => {
  const mac = createHmac('sha256', Buffer.from(KEY, 'hex')).update('/w:9/plain/a.jpg').digest('base64url');
  expect((await run('http://h/proxy/unsafe/w:9/plain/a.jpg', '-c', 'a.yaml')).out).toBe(
    `http://h/proxy/${mac}/w:9/plain/a.jpg\n`,
  );
  expect((await run('/proxy/a.jpg', '-c', 'a.yaml')).err).toContain(
    'not like /proxy/unsafe/options/plain/photo.jpg',
  );
});

test.each([
  [['/photos/a.jpg'], 2, 'say which configuration'],
  [['-c', 'a.yaml'], 2, 'name one address'],
  [['/a', '/b', '-c', 'a.yaml'], 2, 'name one address'],
  [['photos/a.jpg', '-c', 'a.yaml'], 2, 'neither an http address nor a path'],
  [['ftp://h/a.jpg', '-c', 'a.yaml'], 2, 'neither an http address nor a path'],
  [['/a.jpg', '-c', 'a.yaml', '--expires', '7'], 2, '--expires: '],
  [['/a.jpg', '-c', 'a.yaml', '--expire', '7d'], 2, 'there is no option --expire'],
  [['/a.jpg', '-c', 'none.yaml'], 2, 'Cannot read none.yaml'],
  [['/a.jpg', '-c', 'bad.yaml'], 2, 'version'],
  [['http://h/plain/a.jpg', '-c', 'a.yaml'], 1, 'the route "plain" has no images'],
  [['http://open.example:8080/a.jpg', '-c', 'a.yaml'], 1, 'the route "open" has no keys'],
  [['/photos/a.jpg?w=400&s=x', '-c', 'a.yaml'], 1, 'it is signed already'],
  [['/photos/a.jpg?w=500', '-c', 'a.yaml'], 1, 'would refuse it: The width is 500; allowed are: 400.'],
] as [string[], number, string][])('%j: %p', async (args, code, words) => {
  const result = await run(...args);
  expect([result.code, result.out]).toEqual([code, '']);
  expect(result.err).toContain(words);
  expect(result.err).not.toContain(KEY);
});

test('it explains itself', async () => {
  expect(await run('--help')).toMatchObject({ code: 0, err: '' });
});
