import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import sharp from 'sharp';
import { type Gallery, smallImages, startGallery, TYPES } from './images.fixture.ts';

/** Requests for variants with fields that are to confuse: conditions, ranges, hints; and addresses that look like keys. */

// Machines may be slow, and busy with other things.
setDefaultTimeout(60_000);

let gallery: Gallery;
let images: Readonly<Record<string, Buffer>>;

beforeAll(async () => {
  images = await smallImages();
  gallery = await startGallery(`
routes:
  - name: q
    origin: web
    match: { paths: ['/q/*'] }
    key: { query: all }
    images: { onFailure: error }
  - { name: all, origin: web, images: { onFailure: error, hints: [dpr, width, save-data] } }
`);
});

afterAll(async () => {
  await gallery.stop();
  expect(gallery.faults).toEqual([]);
});

let count = 0;
/** A path that was never asked for, with an image. */
function fresh(extension = 'jpg'): string {
  count += 1;
  const path = `/fresh-${count}.${extension}`;
  gallery.origin.can(path, { body: images[extension]!, fields: { 'content-type': TYPES[extension]! } });
  return path;
}

describe('conditions that nobody could know to hold', () => {
  const forged = [
    ['If-None-Match: "x"', 200],
    ['If-None-Match: W/"x", "y"', 200],
    ['If-None-Match: ""', 200],
    [`If-None-Match: "${'a'.repeat(22)}"`, 200],
    [`If-None-Match: "${'a'.repeat(22)}-p"`, 200],
    [`If-None-Match: ${'"x",'.repeat(1000)}"y"`, 200],
    ['If-None-Match: nonsense', 200],
    ['If-None-Match: *', 304],
    ['If-Match: "x"', 412],
    ['If-Match: *', 200],
    ['If-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT', 200],
    ['If-Modified-Since: nonsense', 200],
    ['If-Unmodified-Since: Sat, 01 Jan 2000 00:00:00 GMT', 412],
    ['If-Range: "x"\r\nRange: bytes=0-3', 200],
    ['Range: bytes=0-3', 206],
    ['Range: bytes=-4', 206],
    ['Range: bytes=999999-', 416],
    ['Range: bytes=3-1', 200],
    ['Range: nonsense=0-1', 200],
    [`Range: bytes=${'0-0,'.repeat(500)}0-0`, 200],
  ] as const;

  test.each(forged)('%j: to one that is made for it, and to one that is stored', async (line, status) => {
    const path = fresh();
    const lines = `${line}\r\n`;
    const made = await gallery.ask(`${path}?w=20`, { lines });
    const stored = await gallery.ask(`${path}?w=20`, { lines });
    const head = await gallery.ask(`${path}?w=20`, { lines, method: 'HEAD' });
    for (const answer of [made, stored]) {
      // What no range could be made of is all of it, or refused.
      if (line.includes('0-0,0-0')) expect(answer.status).toBeOneOf([200, 206, 416]);
      else expect(answer.status).toBe(status);
    }
    expect(head.body.length).toBe(0);
    if (status === 206) expect(made.body.equals(stored.body)).toBe(true);
    // Whatever it was, the next one gets a whole picture, made once, of one fetch.
    const whole = await gallery.ask(`${path}?w=20`);
    expect([whole.status, (await sharp(whole.body).metadata()).width]).toEqual([200, 20]);
    expect(gallery.origin.requests(path)).toBe(1);
  });

  test('the tag of another variant, or of the original, is none of this one', async () => {
    const path = fresh();
    const tags = [];
    for (const query of ['', '?w=20', '?w=21', '?fm=json']) {
      const tag = (await gallery.ask(path + query)).fields.get('etag')!;
      expect(tags).not.toContain(tag);
      tags.push(tag);
    }
    const [original, one, other, info] = tags;
    for (const tag of [original, other, info, `W/${other}`])
      expect((await gallery.ask(`${path}?w=20`, { lines: `If-None-Match: ${tag}\r\n` })).status).toBe(200);
    for (const tag of [one, `W/${one}`, `${other}, ${one}`])
      expect((await gallery.ask(`${path}?w=20`, { lines: `If-None-Match: ${tag}\r\n` })).status).toBe(304);
  });

  test('the origin sees neither conditions nor ranges of those who ask for variants', async () => {
    const path = fresh();
    const lines =
      'If-None-Match: "x"\r\nRange: bytes=0-3\r\nIf-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT\r\n';
    await gallery.ask(`${path}?w=20`, { lines });
    const seen = gallery.origin.seen.find((one) => one.path === path)!;
    for (const name of ['if-none-match', 'range', 'if-modified-since', 'if-range'])
      expect(seen.headers.get(name)).toBeNull();
  });
});

describe('one key for each variant, and none for two', () => {
  test('addresses that look like keys of variants are originals of their own', async () => {
    const path = fresh();
    const variant = await gallery.ask(`${path}?w=20`);
    expect(variant.status).toBe(200);
    for (const twin of [
      `${path}%20~w=20`,
      `${path}%20~w%3D20`,
      `${path}+~w=20`,
      `${path}%2520~w=20`,
      `${path}%09~w=20`,
      `${path}~w=20`,
      `${path}%E3%80%80~w=20`,
      `${path}%C2%A0~w=20`,
      `${path};~w=20`,
    ]) {
      const before = gallery.origin.requests();
      const answer = await gallery.ask(twin);
      if (answer.status === 400) continue;
      expect([twin, gallery.origin.requests()]).toEqual([twin, before + 1]);
      expect(answer.body.equals(variant.body)).toBe(false);
    }
  });

  test('neither are queries of the original that look like them', async () => {
    const queries = [
      'x',
      'x%20~w=9',
      'x+~w=9',
      'x~w=9',
      '~w=9',
      '%20~w=9',
      'x=1%20~w%3D9',
      'x%2526w=9',
      'x;w=9',
    ];
    gallery.origin.can('/q/a.jpg', { body: images['jpg']!, fields: { 'content-type': 'image/jpeg' } });
    const tags = new Set<string>();
    for (const query of queries) {
      for (const own of ['', '&w=9', '&w=10']) {
        const { status, fields } = await gallery.ask(`/q/a.jpg?${query}${own}`);
        expect([query, own, status]).toEqual([query, own, 200]);
        expect(fields.get('cache-status')).not.toContain('; hit');
        if (own !== '') tags.add(`${fields.get('etag')}`);
      }
    }
    // The original's bytes and tag are the same, whatever its query: two variants, two tags.
    expect(tags.size).toBe(2);
    expect(
      new Set(gallery.origin.seen.filter(({ path }) => path === '/q/a.jpg').map(({ query }) => query)).size,
    ).toBe(queries.length);
  });

  test('equal variants in other words are one', async () => {
    const path = fresh();
    const first = await gallery.ask(`${path}?w=20&h=10&fit=crop&q=70`);
    for (const same of [
      `${path}?q=70&fit=crop&h=10&w=20`,
      `${path}?w=20.0&h=10&fit=crop&q=70`,
      `${path}?%77=%32%30&h=10&fit=crop&q=70&`,
      `${path}?w=20&h=10&fit=crop&q=70&utm_source=x`,
      `${path}?w=20&h=10&fit=crop&q=70&crop=center`,
      `${path}?w=20&h=10&fit=crop&q=70&rot=0&blur=0`,
    ]) {
      const { fields } = await gallery.ask(same);
      expect([same, fields.get('cache-status'), fields.get('etag')]).toEqual([
        same,
        expect.stringContaining('; hit'),
        first.fields.get('etag'),
      ]);
    }
  });
});

describe('what the request says of itself', () => {
  test('makes few variants, however much is said', async () => {
    const path = fresh();
    const values = [
      '1',
      '2',
      '0',
      '-1',
      '1e9',
      'NaN',
      '99999',
      '1.00000001',
      '9'.repeat(40),
      '',
      'x',
      '1,2',
      '3;x',
    ];
    const specs = new Set<string>();
    for (const value of values) {
      for (const name of [
        'DPR',
        'Sec-CH-DPR',
        'Width',
        'Sec-CH-Width',
        'Save-Data',
        'Viewport-Width',
        'Accept',
      ]) {
        const answer = await gallery.ask(`${path}?auto=format`, { lines: `${name}: ${value}\r\n` });
        expect([name, value, answer.status]).toEqual([name, value, 200]);
        expect(answer.fields.get('vary')).toBe('Accept, Sec-CH-Width, Width, Save-Data');
        specs.add(answer.fields.get('etag')!);
      }
    }
    expect(specs.size).toBeLessThan(8);
  });

  test('is not taken from where it was not asked', async () => {
    const path = fresh();
    await gallery.ask(`${path}?w=20&fm=webp&dpr=1&q=70`, { lines: 'DPR: 3\r\nAccept: image/avif\r\n' });
    const { fields } = await gallery.ask(`${path}?w=20&fm=webp&dpr=1&q=70`, { lines: 'Accept: x/y\r\n' });
    expect([fields.get('vary'), fields.get('cache-status')]).toEqual([
      undefined,
      expect.stringContaining('; hit'),
    ]);
  });

  test('a field of a million commas is read as fast as any', async () => {
    const path = fresh();
    for (const value of [
      ',;'.repeat(7000),
      'image/avif;'.repeat(1300),
      'a/b;q='.repeat(2400),
      '"'.repeat(14_000),
    ]) {
      const { status } = await gallery.ask(`${path}?auto=format`, { lines: `Accept: ${value}\r\n` });
      expect(status).toBe(200);
    }
  });
});
