import { afterAll, beforeAll, expect, test } from 'bun:test';
import sharp from 'sharp';
import { type Random, seededRandom } from '../../base/random.ts';
import { eventually } from '../harness.suite.ts';
import { type Answer, type Gallery, residentOf, smallImages, startGallery, TYPES } from './images.fixture.ts';

/**
 * Mutated images behind mutated addresses, before a whole node, while another client asks for what is stored. Each seed is the
 * same run again; `SEEDS=n` runs more of them.
 */

const SEEDS = Number(process.env['SEEDS'] ?? 3);
const ROUNDS = 150;
const AT_ONCE = 6;
const MIB = 2 ** 20;

let gallery: Gallery;
let images: Readonly<Record<string, Buffer>>;

beforeAll(async () => {
  images = await smallImages();
  gallery = await startGallery(`
cache: { memory: { size: 32MiB } }
images: { maxPixels: 4000000, maxOutputPixels: 4000000, maxFrames: 40, timeout: 5s, memory: 1GiB }
routes:
  - { name: photos, origin: web, match: { paths: ['/photos/*'] } }
  - name: imgix
    origin: web
    match: { paths: ['/imgix/*'] }
    images: { onFailure: error, overlays: ['/photos/*'], hints: [dpr, width, save-data], presets: { p: w=9 } }
  - { name: cloudflare, origin: web, match: { paths: ['/cdn-cgi/*'] }, images: { grammar: cloudflare, originals: photos } }
  - name: imgproxy
    origin: web
    match: { paths: ['/ip/*'] }
    stripPrefix: /ip
    images: { grammar: imgproxy, originals: photos, overlays: ['/photos/*'] }
  - { name: next, origin: web, match: { paths: ['/_next/image'] }, images: { grammar: next, originals: photos } }
`);
  // Variants of one image compete with each other: what is a hit is not what lies under the overlays.
  for (const path of ['/photos/hit.jpg', '/imgix/hit.jpg', '/imgix/under.jpg'])
    gallery.origin.can(path, { body: images['jpg']!, fields: { 'content-type': 'image/jpeg' } });
});

afterAll(async () => {
  const pids = gallery.pids();
  await gallery.stop();
  expect(gallery.faults).toEqual([]);
  for (const pid of pids) expect(residentOf(pid)).toBe(0);
});

function mutatedImage(random: Random): { readonly bytes: Buffer; readonly type: string } {
  const below = (n: number): number => random.u32() % n;
  const names = Object.keys(images);
  const name = names[below(names.length)]!;
  let bytes = Buffer.from(images[name]!);
  for (let count = below(6); count > 0; count -= 1) {
    const at = below(bytes.length + 1);
    const end = Math.min(bytes.length, at + below(40));
    const other = images[names[below(names.length)]!]!;
    const how = below(8);
    if (how === 0) bytes = bytes.subarray(0, at);
    else if (how === 1) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
    else if (how === 2) bytes = Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
    else if (how === 3) bytes = Buffer.concat([bytes.subarray(0, at), other.subarray(below(other.length))]);
    else if (how === 4) bytes = Buffer.concat([bytes, other]);
    // Most of what matters is in the beginning.
    else if (how === 5) bytes.subarray(below(64), 64).fill([0, 0xff, 0x7f, 0x80][below(4)]!);
    else if (bytes.length > 0)
      for (let i = 1 + below(8); i > 0; i -= 1)
        bytes[below(how === 6 ? Math.min(bytes.length, 100) : bytes.length)] = below(256);
  }
  const type = TYPES[below(4) === 0 ? names[below(names.length)]! : name]!;
  return { bytes, type };
}

const BITS = (
  'w h fit crop fp-x ar dpr rect rot flip trim blur sharp grey bg q auto fm lossless animated mark mark-scale preset expires ' +
  'format compress webp avif png jpeg gif json thumbhash lqip crop clip max min fill fillmax faces center 1 0 9 48 4096 99999 -1 ' +
  '0.5 1:1 0,0,9,9 ff0000 = & , : / % %2F %00 .. plain rs:fit:9:9 q:50 g:sm c:9:9:nowe rot:90 bl:3 @webp width=9 format=auto'
).split(' ');

function mutatedTarget(random: Random, path: string): string {
  const below = (n: number): number => random.u32() % n;
  const corpus = [
    `/imgix/${path}?w=20`,
    `/imgix/${path}?w=30&h=10&fit=crop&crop=faces&auto=format`,
    `/imgix/${path}?h=30&fit=fill&bg=ff0&fm=webp&rot=90`,
    `/imgix/${path}?rect=1,1,20,20&blur=20&sharp=9&grey=1`,
    `/imgix/${path}?fm=avif&q=30&w=16`,
    `/imgix/${path}?fm=gif&flip=hv&trim=auto`,
    `/imgix/${path}?fm=json`,
    `/imgix/${path}?fm=lqip`,
    `/imgix/${path}?fm=thumbhash`,
    `/imgix/${path}?rot=33&w=20&fm=png`,
    `/imgix/under.jpg?w=20&mark=/photos/${path}&mark-tile=grid&mark-scale=20`,
    `/imgix/${path}?metadata=copyright&w=40&fm=jpeg`,
    `/imgix/${path}?auto=format,compress`,
    `/cdn-cgi/image/width=20,format=auto,fit=cover/photos/${path}`,
    `/cdn-cgi/image/format=json/photos/${path}`,
    `/cdn-cgi/image/rotate=90,blur=9,trim=border/photos/${path}`,
    `/ip/x/rs:fill:20:10/g:sm/plain/photos/${path}@webp`,
    `/ip/x/w:9/${Buffer.from(`photos/${path}`).toString('base64url')}.png`,
    `/ip/x/c:0.5:0.5/rot:90/q:1/plain/photos/${path}`,
    `/_next/image?url=%2Fphotos%2F${path}&w=64&q=75`,
  ];
  let target = corpus[below(corpus.length)]!;
  for (let count = Math.max(0, below(6) - 3); count > 0; count -= 1) {
    const at = 1 + below(target.length);
    const end = Math.min(target.length, at + below(6));
    const how = below(4);
    if (how === 0) target = target.slice(0, at) + BITS[below(BITS.length)]! + target.slice(at);
    else if (how === 1) target = target.slice(0, at) + target.slice(end);
    else if (how === 2) target = target.slice(0, end) + target.slice(at);
    else
      target = `${target}${target.includes('?') ? '&' : '?'}${BITS[below(40)]!}=${BITS[below(BITS.length)]!}`;
  }
  return target;
}

const ACCEPTS = [
  '',
  'Accept: image/avif,image/webp,*/*\r\n',
  'Accept: image/webp\r\nDPR: 2\r\n',
  'Width: 300\r\n',
];
const STATUSES = [200, 400, 403, 404, 422, 502, 503, 504];

/** Whole, of a status that there is, and where it is a picture of ours, one. */
async function expectWellFormed(target: string, answer: Answer): Promise<void> {
  const { status, fields, body } = answer;
  expect([target, STATUSES.includes(status)]).toEqual([target, true]);
  expect(Number(fields.get('content-length'))).toBe(body.length);
  const says = fields.get('holdfast-image');
  if (status !== 200 || says === undefined || /fallback|(?:^|, )original(?:,|$)/.test(says)) return;
  const type = fields.get('content-type')!;
  expect(fields.get('x-content-type-options')).toBe('nosniff');
  if (type === 'application/json') JSON.parse(body.toString());
  else if (type !== 'text/plain') {
    const { width, height, pageHeight } = await sharp(body).metadata();
    expect([target, says]).toEqual([
      target,
      expect.stringContaining(`width=${width}, height=${pageHeight ?? height}`),
    ]);
  }
}

/** Asks for what is stored until told to stop: each time it is a hit. */
async function keepHitting(isOver: () => boolean): Promise<number> {
  let hits = 0;
  while (!isOver()) {
    for (const target of ['/photos/hit.jpg', '/imgix/hit.jpg?w=10']) {
      const { status, fields } = await gallery.ask(target);
      expect([target, status, fields.get('cache-status')]).toEqual([
        target,
        200,
        expect.stringContaining('; hit'),
      ]);
      hits += 1;
    }
  }
  return hits;
}

test.each(Array.from({ length: SEEDS }, (_, index) => index + 1))(
  'hundreds of hostile images and addresses change nothing (seed %d)',
  async (seed) => {
    const random = seededRandom(seed);
    for (const target of ['/photos/hit.jpg', '/imgix/hit.jpg?w=10']) await gallery.ask(target);
    Bun.gc(true);
    const before = process.memoryUsage.rss();
    let isOver = false;
    const hitting = keepHitting(() => isOver);
    const seen = new Map<number, number>();
    for (let round = 0; round < ROUNDS; round += 1) {
      const path = `${seed}-${round}.jpg`;
      const { bytes, type } = mutatedImage(random);
      for (const folder of ['photos', 'imgix'])
        gallery.origin.can(`/${folder}/${path}`, { body: bytes, fields: { 'content-type': type } });
      const asked = Array.from({ length: AT_ONCE }, async () => {
        const target = mutatedTarget(random, path);
        const answer = await gallery.ask(target, { lines: ACCEPTS[random.u32() % ACCEPTS.length]! });
        await expectWellFormed(target, answer);
        seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
      });
      await Promise.all(asked);
      expect(process.memoryUsage.rss() - before).toBeLessThan(640 * MIB);
      for (const pid of gallery.pids()) expect(residentOf(pid)).toBeLessThan(1280 * MIB);
    }
    isOver = true;
    expect(await hitting).toBeGreaterThan(0);
    // Of each kind there were many: it is no test of refusals alone.
    for (const status of [200, 400, 422]) expect(seen.get(status)).toBeGreaterThan(10);
    await eventually(() => {
      const { images: making, fetches } = gallery.node.snapshot();
      return fetches === 0 && making!.active === 0 && making!.waiting === 0 && making!.heldBytes === 0;
    });
    expect(gallery.faults).toEqual([]);
  },
  120_000,
);
