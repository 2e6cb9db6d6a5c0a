import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { type Gallery, smallImages, startGallery, startTrap, type Trap, TYPES } from './images.fixture.ts';

/**
 * Addresses inside of addresses: overlays, `url`, sources. None leads to another server, out of the route of the originals,
 * or back to the node. A listener that nobody may connect to stands for everything else on the network.
 */

// Machines may be slow, and busy with other things.
setDefaultTimeout(60_000);

let gallery: Gallery;
let trap: Trap;

beforeAll(async () => {
  trap = await startTrap();
  gallery = await startGallery(`
routes:
  - { name: inner, origin: web, match: { paths: ['/photos/inner/*'] } }
  - { name: photos, origin: web, match: { paths: ['/photos/*', '/marks/*'] } }
  - name: imgix
    origin: web
    match: { paths: ['/imgix/*'] }
    images: { grammar: imgix, overlays: ['/marks/*'], onFailure: error }
  - name: cloudflare
    origin: web
    match: { paths: ['/cdn-cgi/image/*', '/cf/*'] }
    images: { grammar: cloudflare, originals: photos }
  - name: imgproxy
    origin: web
    match: { paths: ['/ip/*'] }
    stripPrefix: /ip
    images: { grammar: imgproxy, originals: photos, overlays: ['/marks/*'], onFailure: error }
  - name: next
    origin: web
    match: { paths: ['/_next/image'] }
    images: { grammar: next, originals: photos }
  - { name: others, origin: web, match: { paths: ['/secret/*'] } }
`);
  const { jpg, png } = await smallImages();
  // Whatever path the origin is asked for, it has an image there: only asking is the mistake.
  gallery.origin.set({ fields: { 'content-type': TYPES['jpg']! } });
  for (const path of ['/photos/a.jpg', '/imgix/a.jpg', '/secret/a.jpg'])
    gallery.origin.can(path, { body: jpg! });
  gallery.origin.can('/marks/m.png', { body: png!, fields: { 'content-type': 'image/png' } });
});

afterAll(async () => {
  await gallery.stop();
  expect(trap.visits).toBe(0);
  expect(gallery.faults).toEqual([]);
  trap.stop();
});

const base64 = (text: string): string => Buffer.from(text, 'latin1').toString('base64url');
/** Percent-encoded so many times, every byte of it that is not a letter or a digit. */
function encoded(text: string, times: number): string {
  let result = text;
  for (let i = 0; i < times; i += 1)
    result = result.replace(
      /[^A-Za-z0-9]/g,
      (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
    );
  return result;
}
/** Only what a target has no room for is encoded. */
const bare = (text: string): string => text.replace(/[\x00-\x20"#<>\x7f-\xff]/g, (char) => encoded(char, 1));

/** The ways in which a source or an overlay is named. */
const GRAMMARS: Readonly<Record<string, (text: string) => string[]>> = {
  'mark of imgix': (text) => [1, 2, 3].map((times) => `/imgix/a.jpg?w=9&mark=${encoded(text, times)}`),
  'mark of imgix, as it is': (text) => [`/imgix/a.jpg?w=9&mark=${bare(text).replace(/[&#+]/g, '')}`],
  'url of next': (text) => [1, 2, 3].map((times) => `/_next/image?url=${encoded(text, times)}&w=16&q=75`),
  'url of next, as it is': (text) => [`/_next/image?w=16&q=75&url=${bare(text).replace(/[&#+]/g, '')}`],
  'a source of cloudflare': (text) =>
    [0, 1, 2, 3].flatMap((times) => {
      const source = times === 0 ? bare(text) : encoded(text, times);
      return [`/cdn-cgi/image/width=9/${source}`, `/cf/x/cdn-cgi/image/width=9/${source}`];
    }),
  'a plain source of imgproxy': (text) =>
    [0, 1, 2, 3].map((times) => `/ip/x/w:9/plain/${times === 0 ? bare(text) : encoded(text, times)}`),
  'an encoded source of imgproxy': (text) => [
    `/ip/x/w:9/${base64(text)}`,
    `/ip/x/w:9/${base64(encoded(text, 1))}.png`,
  ],
  'a watermark of imgproxy': (text) => [
    `/ip/x/w:9/wm:1/wmu:${base64(text)}/plain/photos/a.jpg`,
    `/ip/x/w:9/wm:1/wmu:${base64(encoded(text, 1))}/plain/photos/a.jpg`,
  ],
};

/** Other places than the originals of the route, in many disguises. @param at host and port. */
function elsewhere(at: string): string[] {
  const [host, port] = at.split(':');
  return [
    `http://${at}/photos/a.jpg`,
    `HTTP://${at}/photos/a.jpg`,
    `https://${at}/photos/a.jpg`,
    `hTTp:/${at}/photos/a.jpg`,
    `http:${at}/photos/a.jpg`,
    `http:\\\\${at}\\photos\\a.jpg`,
    `http:///${at}/photos/a.jpg`,
    `//${at}/photos/a.jpg`,
    `///${at}/photos/a.jpg`,
    `/\\${at}/photos/a.jpg`,
    `\\\\${at}/photos/a.jpg`,
    `\\/${at}/photos/a.jpg`,
    `/\t/${at}/photos/a.jpg`,
    `\t//${at}/photos/a.jpg`,
    ` http://${at}/photos/a.jpg`,
    `\nhttp://${at}/photos/a.jpg`,
    `\0http://${at}/photos/a.jpg`,
    `/%09/${at}/photos/a.jpg`,
    `/.//${at}/photos/a.jpg`,
    `/photos/..//${at}/photos/a.jpg`,
    `/x/..//${at}/photos/a.jpg`,
    `/%2F${at}/photos/a.jpg`,
    `/%5C${at}/photos/a.jpg`,
    `%2F%2F${at}/photos/a.jpg`,
    `http://user@${at}/photos/a.jpg`,
    `http://photos@${at}/a.jpg`,
    `@${at}/photos/a.jpg`,
    `/@${at}/photos/a.jpg`,
    `/photos@${at}/a.jpg`,
    `.@${at}/photos/a.jpg`,
    `:${port}/photos/a.jpg`,
    `${at}/photos/a.jpg`,
    `http://[::1]:${port}/photos/a.jpg`,
    `//[::1]:${port}/photos/a.jpg`,
    `http://[::ffff:${host}]:${port}/photos/a.jpg`,
    `http://[::ffff:7f00:1]:${port}/photos/a.jpg`,
    `http://localhost:${port}/photos/a.jpg`,
    `http://2130706433:${port}/photos/a.jpg`,
    `http://0x7f.1:${port}/photos/a.jpg`,
    `http://127.1:${port}/photos/a.jpg`,
    `ftp://${at}/photos/a.jpg`,
    `gopher://${at}/_x`,
    `ws://${at}/photos/a.jpg`,
    `s3://${at}/photos/a.jpg`,
    'file:///etc/passwd',
    'file:/etc/passwd',
    'data:image/svg+xml,<svg/>',
    'javascript:alert(1)',
    'blob:x',
    `local://${at}/photos/a.jpg`,
    `local:////${at}/photos/a.jpg`,
    `local:///http://${at}/photos/a.jpg`,
    `local:///\\${at}/photos/a.jpg`,
    `/photos/a.jpg?url=http://${at}/`,
    `/photos/a.jpg#@${at}/`,
    `/photos/../secret/a.jpg`,
    `/photos/%2e%2e/secret/a.jpg`,
    `/photos/..%2Fsecret%2Fa.jpg`,
    `/photos/%2e%2e%2fsecret/a.jpg`,
    `/photos/..;/secret/a.jpg`,
    `/photos/%252e%252e/secret/a.jpg`,
    `/photos/....//secret/a.jpg`,
    `/photos%2F..%2Fsecret/a.jpg`,
    `/secret/a.jpg`,
    `secret/a.jpg`,
    `//secret/a.jpg`,
    `/Photos/a.jpg`,
    `/photos`,
    `/marks/../secret/a.jpg`,
    `/marks%2f..%2fsecret/a.jpg`,
    `/marksx/m.png`,
    '/',
    '',
    '.',
    '..',
    '/..',
    '/../../../../etc/passwd',
    '/_next/image?url=/photos/a.jpg&w=16&q=75',
    '/cdn-cgi/image/width=9/photos/a.jpg',
    '/ip/x/w:9/plain/photos/a.jpg',
    '/photos/cdn-cgi/image/width=9/photos/a.jpg',
    '/photos/_next/image?url=%2Fphotos%2Fa.jpg&w=16&q=75',
  ];
}

/** Requests that the node has answered. */
function served(): number {
  return Object.values(gallery.node.snapshot().requests).reduce((sum, count) => sum + count, 0);
}

/** What a server behind the origin might read into a path, however often it decodes. */
function readings(path: string): string[] {
  const found = [path];
  for (let read = path, i = 0; i < 4; i += 1) {
    read = read.replace(/%(25|2e|2f|5c|3b)/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
    found.push(read);
  }
  return found;
}

describe.each(Object.keys(GRAMMARS))('%s leads nowhere else', (name) => {
  test.each(['the listener', 'the node', 'its admin port'])('to %s', async (what) => {
    const { node, origin } = gallery;
    const before = origin.seen.length;
    const ports = { 'the node': new URL(node.url).host, 'its admin port': new URL(node.adminUrl).host };
    const at = ports[what as keyof typeof ports] ?? `127.0.0.1:${trap.port}`;
    const started = served();
    let asked = 0;
    for (const text of elsewhere(at)) {
      const targets = GRAMMARS[name]!(text);
      asked += targets.length;
      const answers = await Promise.all(targets.map((target) => gallery.ask(target)));
      for (const [index, answer] of answers.entries()) {
        expect([targets[index], [200, 400, 404, 502, 422].includes(answer.status)]).toEqual([
          targets[index],
          true,
        ]);
        // A message of ours repeats nothing of the address.
        if (answer.status === 400) expect(answer.body.toString('latin1')).not.toContain(at);
      }
    }
    expect(trap.visits).toBe(0);
    for (const { path, query } of origin.seen.slice(before)) {
      expect(path).toMatch(/^\/(?:photos|marks|imgix)\//);
      expect(query).toBe('');
      for (const read of readings(path)) expect(read.split(/[/\\;]/)).not.toContain('..');
    }
    // Nothing came back to the node but what was asked here.
    expect(served() - started).toBe(asked);
  });
});

test('the harmless ones of these are served: the others are refused for what they are', async () => {
  for (const target of [
    '/imgix/a.jpg?w=9&mark=%2Fmarks%2Fm.png',
    '/imgix/a.jpg?w=9&mark=marks/m.png',
    '/cdn-cgi/image/width=9/photos/a.jpg',
    '/cf/x/cdn-cgi/image/width=9//photos/a.jpg'.replace('//photos', '/photos'),
    '/ip/x/w:9/plain/photos/a.jpg',
    '/ip/x/w:9/plain/local:///photos/a.jpg',
    `/ip/x/w:9/${base64('/photos/a.jpg')}.png`,
    `/ip/x/w:9/wm:1/wmu:${base64('marks/m.png')}/plain/photos/a.jpg`,
    '/_next/image?url=%2Fphotos%2Fa.jpg&w=16&q=75',
  ]) {
    const answer = await gallery.ask(target);
    expect([target, answer.status]).toEqual([target, 200]);
    expect(answer.fields.get('content-type')).toMatch(/^image\//);
  }
});

test('an originals route is not left, whatever the grammar', async () => {
  const before = gallery.origin.requests('/secret/a.jpg');
  for (const target of [
    '/cdn-cgi/image/width=9/secret/a.jpg',
    '/cdn-cgi/image/width=9/photos/../secret/a.jpg',
    '/ip/x/w:9/plain/secret/a.jpg',
    `/ip/x/w:9/${base64('/secret/a.jpg')}`,
    '/_next/image?url=%2Fsecret%2Fa.jpg&w=16&q=75',
    '/_next/image?url=%2Fphotos%2F..%2Fsecret%2Fa.jpg&w=16&q=75',
    // Also where another route comes first for a part of its paths.
    '/cdn-cgi/image/width=9/photos/inner/a.jpg',
    '/ip/x/w:9/plain/photos/%69nner/a.jpg',
    `/ip/x/w:9/${base64('photos//../inner/a.jpg')}`,
    '/_next/image?url=%2Fphotos%2Finner%2Fa.jpg&w=16&q=75',
  ]) {
    expect([target, (await gallery.ask(target)).status]).toEqual([target, 400]);
  }
  expect(gallery.origin.requests('/secret/a.jpg')).toBe(before);
  expect(gallery.origin.requests('/photos/inner/a.jpg')).toBe(0);
});

test('an overlay is fetched without what the client sent, and is no way to read other answers', async () => {
  const lines = 'Authorization: Bearer x\r\nCookie: a=b\r\nX-Forwarded-Host: evil\r\n';
  await gallery.ask('/imgix/a.jpg?w=11&mark=/marks/private.png', { lines });
  const [seen] = gallery.origin.seen.filter(({ path }) => path === '/marks/private.png');
  for (const name of ['authorization', 'cookie', 'x-forwarded-host'])
    expect(seen!.headers.get(name)).toBeNull();
});
