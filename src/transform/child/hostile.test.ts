import { describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import {
  animation,
  colourAt,
  made,
  photo,
  quarters,
  ROOMY,
  refused,
} from '../../../test/support/pictures.ts';
import { seededRandom } from '../../base/random.ts';
import { TRANSFORM_FAILURES } from '../../image/failures.ts';
import type { Variant } from '../../image/variant.ts';
import { Refusal } from './refusal.ts';

/** Originals that are out to harm, and such as were harmed themselves. */

const LIMITS = { ...ROOMY, pixels: 4_000_000, outputPixels: 4_000_000, frames: 50 };

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

describe('what is no image is named', () => {
  test.each([
    ['<!doctype html><title>Log in</title>', 'not-image', 'HTML'],
    ['{"error":"no"}', 'not-image', 'JSON'],
    ['%PDF-1.7', 'not-image', 'PDF'],
    ['', 'not-image', 'empty'],
    ['hello there', 'not-image', '11 bytes begin with 68 65 6c'],
    ['\0\0\0\x18ftypheic\0\0\0\0heic', 'unsupported', 'HEIC'],
    ['8BPS\0\x01', 'unsupported', 'PSD'],
  ])('%j', async (bytes, cause, words) => {
    const failure = await refused(text(bytes));
    expect(failure.cause).toBe(cause);
    expect(failure.detail).toContain(words);
  });
});

/** A PNG that says it has so many pixels, all alike: a few bytes for each thousand of them. */
function pngBomb(width: number, height: number): Uint8Array {
  const chunk = (type: string, data: Uint8Array): Uint8Array => {
    const bytes = Buffer.alloc(12 + data.length);
    bytes.writeUInt32BE(data.length);
    bytes.write(type, 4, 'latin1');
    bytes.set(data, 8);
    bytes.writeUInt32BE(Bun.hash.crc32(bytes.subarray(4, 8 + data.length)), 8 + data.length);
    return bytes;
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(Buffer.alloc(10_000))),
    chunk('IEND', new Uint8Array(0)),
  ]);
}

/** A JPEG, WebP or GIF of another size than it has: only the numbers in its header are changed. */
async function resized(format: 'jpeg' | 'gif' | 'tiff' | 'avif'): Promise<Uint8Array> {
  const small = sharp({ create: { width: 64, height: 64, channels: 3, background: '#888' } });
  switch (format) {
    case 'jpeg': {
      const bytes = await small.jpeg().toBuffer();
      const at = bytes.indexOf(Buffer.from([0xff, 0xc0]));
      bytes.writeUInt16BE(65_000, at + 5);
      bytes.writeUInt16BE(65_000, at + 7);
      return bytes;
    }
    case 'gif': {
      const bytes = await small.gif().toBuffer();
      bytes.writeUInt16LE(65_000, 6);
      bytes.writeUInt16LE(65_000, 8);
      // Its one frame too: of a screen that is larger than what is on it, decoders believe the latter.
      const frame = bytes.indexOf(Buffer.from([0x2c, 0, 0, 0, 0, 64, 0, 64, 0]));
      bytes.writeUInt16LE(65_000, frame + 5);
      bytes.writeUInt16LE(65_000, frame + 7);
      return bytes;
    }
    case 'tiff': {
      const bytes = await small.tiff({ compression: 'deflate' }).toBuffer();
      const directory = bytes.readUInt32LE(4);
      for (let index = 0; index < bytes.readUInt16LE(directory); index += 1) {
        const at = directory + 2 + index * 12;
        const tag = bytes.readUInt16LE(at);
        if (tag === 256 || tag === 257) {
          bytes.writeUInt16LE(4, at + 2);
          bytes.writeUInt32LE(500_000, at + 8);
        }
      }
      return bytes;
    }
    case 'avif': {
      const bytes = await small.avif({ effort: 0 }).toBuffer();
      const at = bytes.indexOf('ispe');
      bytes.writeUInt32BE(60_000, at + 8);
      bytes.writeUInt32BE(60_000, at + 12);
      return bytes;
    }
  }
}

describe('bombs are refused before they go off', () => {
  async function isRefused(bytes: Uint8Array, ...causes: string[]): Promise<void> {
    const before = process.memoryUsage.rss();
    for (const variant of [
      { width: 10 },
      { output: 'json' },
      { trim: 10 },
      { output: 'avif' },
    ] as Partial<Variant>[])
      expect(causes).toContain((await refused(bytes, variant, { limits: LIMITS })).cause);
    // The pixels that they say they have would be gigabytes.
    expect(process.memoryUsage.rss() - before).toBeLessThan(300_000_000);
  }

  test('PNG', () => isRefused(pngBomb(60_000, 60_000), 'too-many-pixels'));
  test('JPEG', async () => isRefused(await resized('jpeg'), 'too-many-pixels'));
  test('GIF', async () => isRefused(await resized('gif'), 'too-many-pixels'));
  test('TIFF', async () => isRefused(await resized('tiff'), 'too-many-pixels', 'corrupt'));
  test('AVIF', async () => isRefused(await resized('avif'), 'too-many-pixels', 'corrupt'));
  test('WebP', async () => {
    const flat = await sharp({ create: { width: 8000, height: 8000, channels: 3, background: '#888' } })
      .webp({ lossless: true, effort: 0 })
      .toBuffer();
    expect(flat.length).toBeLessThan(10_000);
    await isRefused(flat, 'too-many-pixels');
  });
  test('many frames', async () => {
    const gif = await animation(
      'gif',
      Array.from({ length: 60 }, (_, i) => `hsl(${i * 6},90%,50%)`),
      Array(60).fill(50),
    );
    expect((await refused(gif, { width: 5 }, { limits: LIMITS })).cause).toBe('too-many-frames');
    const large = await animation(
      'webp',
      ['#f00', '#0f0', '#00f', '#ff0', '#0ff'],
      Array(5).fill(50),
      1000,
      1000,
    );
    expect((await refused(large, { width: 5 }, { limits: LIMITS })).cause).toBe('too-many-pixels');
  });
  test('SVG: entities', async () => {
    const levels = [...'bcdefghij'].map(
      (name, i) => `<!ENTITY ${name} "${`&${'abcdefghij'[i]};`.repeat(10)}">`,
    );
    const laughs = `<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "lol">${levels.join('')}]><svg xmlns="http://www.w3.org/2000/svg"><text>&j;</text></svg>`;
    await isRefused(text(laughs), 'unsafe-svg');
  });
  test('SVG: a canvas without end', async () => {
    const huge = text(
      '<svg xmlns="http://www.w3.org/2000/svg" width="30000" height="30000"><rect width="9" height="9"/></svg>',
    );
    for (const variant of [{}, { output: 'avif' }, { height: 30_000 }] as Partial<Variant>[])
      expect((await refused(huge, variant, { limits: LIMITS })).cause).toBe('output-too-large');
    const tall = text('<svg xmlns="http://www.w3.org/2000/svg" width="1" height="30000"/>');
    expect((await refused(tall, { width: 1000 }, { limits: LIMITS })).cause).toBe('output-too-large');
  });
});

describe('drawings reach nothing beyond themselves', () => {
  const svg = (inner: string, before = ''): Uint8Array =>
    text(
      `<?xml version="1.0" encoding="UTF-8"?>${before}<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:xi="http://www.w3.org/2001/XInclude" width="40" height="40">${inner}</svg>`,
    );

  test('not to files, not to servers', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-svg-'));
    let asked = 0;
    const server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: () => {
        asked += 1;
        return new Response('no');
      },
    });
    try {
      const red = await sharp({ create: { width: 40, height: 40, channels: 3, background: '#f00' } })
        .png()
        .toBuffer();
      const file = join(folder, 'red.png');
      writeFileSync(file, red);
      writeFileSync(join(folder, 'red.css'), 'rect{fill:#f00}');
      writeFileSync(
        join(folder, 'red.svg'),
        '<svg xmlns="http://www.w3.org/2000/svg"><rect id="r" width="40" height="40" fill="red"/></svg>',
      );
      const web = `http://127.0.0.1:${server.port}`;
      const attempts = [
        `<image href="file://${file}" width="40" height="40"/>`,
        `<image href="${file}" width="40" height="40"/>`,
        `<image href="red.png" width="40" height="40"/>`,
        `<image xlink:href="${web}/red.png" width="40" height="40"/>`,
        `<use href="file://${folder}/red.svg#r"/>`,
        `<use xlink:href="${web}/red.svg#r"/>`,
        `<style>@import url("file://${folder}/red.css"); @import url("${web}/red.css");</style>`,
        `<rect width="40" height="40" fill="url(${web}/red.svg#g)"/>`,
        `<xi:include href="file://${folder}/red.svg"/>`,
        `<xi:include href="${web}/red.svg" parse="text"/>`,
        `<filter id="f"><feImage href="file://${file}"/></filter><rect width="40" height="40" fill="none" filter="url(#f)"/>`,
        `<script>fetch("${web}")</script>`,
        `<foreignObject width="40" height="40"><img xmlns="http://www.w3.org/1999/xhtml" src="${web}/red.png"/></foreignObject>`,
      ];
      for (const attempt of attempts) {
        const { body } = await made(svg(attempt), { output: 'png' });
        expect(await colourAt(body, 20, 20)).toBe('#ffffff');
      }
      expect(asked).toBe(0);
    } finally {
      await server.stop(true);
      rmSync(folder, { recursive: true });
    }
  });

  test('declarations and other encodings are refused, a plain document type is not', async () => {
    const red = '<rect width="40" height="40" fill="#f00"/>';
    for (const before of [
      '<!DOCTYPE svg [<!ENTITY c SYSTEM "file:///etc/passwd">]>',
      '<!DOCTYPE svg SYSTEM "http://127.0.0.1/x.dtd" [<!ATTLIST svg onload CDATA "x">]>',
      '<!doctype svg [ ]>',
    ])
      expect((await refused(svg(red, before))).cause).toBe('unsafe-svg');
    const standard =
      '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">';
    expect(await colourAt((await made(svg(red, standard), { output: 'png' })).body, 20, 20)).toBe('#ff0000');
    const wide = Buffer.from(`\ufeff<svg xmlns="http://www.w3.org/2000/svg">${red}</svg>`, 'utf16le');
    expect((await refused(wide)).cause).toBe('unsafe-svg');
    const odd = text(
      `<?xml version="1.0" encoding="UTF-7"?><svg xmlns="http://www.w3.org/2000/svg">${red}</svg>`,
    );
    expect((await refused(odd)).cause).toBe('unsafe-svg');
  });
});

async function samples(): Promise<Record<string, Uint8Array>> {
  const picture = await photo(160, 120);
  const graphic = quarters(90, 60);
  return {
    jpeg: await picture.clone().jpeg().toBuffer(),
    progressive: await picture.clone().jpeg({ progressive: true }).toBuffer(),
    png: await picture.clone().png().toBuffer(),
    palette: await graphic.clone().png({ palette: true }).toBuffer(),
    interlaced: await picture.clone().png({ progressive: true }).toBuffer(),
    webp: await picture.clone().webp().toBuffer(),
    lossless: await graphic.clone().webp({ lossless: true }).toBuffer(),
    gif: await picture.clone().gif().toBuffer(),
    animated: await animation('gif', ['#f00', '#0f0', '#00f'], [50, 50, 50]),
    animatedWebp: await animation('webp', ['#f00', '#0f0', '#00f'], [50, 50, 50]),
    avif: await picture.clone().avif({ effort: 0 }).toBuffer(),
    tiff: await picture.clone().tiff({ compression: 'none' }).toBuffer(),
    tiffDeflate: await picture.clone().tiff({ compression: 'deflate' }).toBuffer(),
    svg: text(
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">${'<rect width="5" height="5" fill="#123"/>'.repeat(9)}</svg>`,
    ),
  };
}

/** Ways through all of the decoders and most of the operations. */
const WAYS: readonly Partial<Variant>[] = [
  { output: 'jpeg', width: 40, quality: 50 },
  { output: 'auto', width: 40, height: 40, fit: 'cover', position: 'attention' },
  { output: 'auto-webp', trim: 10, rotate: 90 },
  { output: 'json' },
  { output: 'source', rotate: 10, blur: 1 },
  { output: 'lqip' },
];

test('wherever an image is cut off, that is what is said of it', async () => {
  for (const [name, bytes] of Object.entries(await samples())) {
    for (const fraction of [0.05, 0.2, 0.4, 0.6, 0.8, 0.9, 0.97]) {
      // Not only the mark of its end, which no picture needs.
      const cut = bytes.subarray(
        0,
        Math.min(Math.max(40, Math.floor(bytes.length * fraction)), bytes.length - 30),
      );
      const failure = await refused(cut, { output: 'png', width: 30 }).catch(() => ({
        cause: 'made',
        detail: '',
      }));
      // A drawing that is cut off is a drawing with a mistake in it.
      const expected = name === 'svg' ? ['corrupt', 'not-image'] : ['truncated'];
      expect(
        expected.includes(failure.cause)
          ? 'named'
          : `${name} at ${fraction}: ${failure.cause} ${failure.detail}`,
      ).toBe('named');
    }
  }
});

test('whatever is changed in an image: it is made, or refused with a name', async () => {
  const random = seededRandom(2026);
  const originals = Object.entries(await samples());
  const outcomes = new Map<string, number>();
  const roundsEach = Number(process.env['FUZZ_ROUNDS'] ?? 12);
  for (const [, bytes] of originals) {
    for (let round = 0; round < roundsEach; round += 1) {
      const changed = Uint8Array.from(bytes);
      const changes = 1 + (random.u32() % 8);
      for (let change = 0; change < changes; change += 1) {
        // Headers are where the numbers are.
        const reach = random.u32() % 2 === 0 ? Math.min(200, changed.length) : changed.length;
        changed[random.u32() % reach] = random.u32() & 255;
      }
      const variant = WAYS[round % WAYS.length]!;
      try {
        await made(changed, variant, { limits: LIMITS });
        outcomes.set('made', (outcomes.get('made') ?? 0) + 1);
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(Refusal);
        const { cause, detail } = thrown as Refusal;
        expect(TRANSFORM_FAILURES).toContain(cause);
        expect(detail.length).toBeGreaterThan(10);
        expect(detail).toMatch(/^[\x20-\x7e]+$/);
        outcomes.set(cause, (outcomes.get(cause) ?? 0) + 1);
      }
    }
  }
  expect(outcomes.get('made')).toBeGreaterThan(5);
  expect(outcomes.get('corrupt')).toBeGreaterThan(5);
  // Nothing of it is left behind: a sound image is made as ever.
  expect((await made(originals[0]![1], { output: 'webp' })).made.contentType).toBe('image/webp');
}, 60_000);
