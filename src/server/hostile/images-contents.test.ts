import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import {
  type Answer,
  type Gallery,
  residentOf,
  smallImages,
  startGallery,
  startTrap,
  type Trap,
  TYPES,
} from './images.fixture.ts';

/** Images that are attacks: drawings with more than drawing in them, bombs, and files of two kinds. */

// Machines may be slow, and busy with other things.
setDefaultTimeout(60_000);

let gallery: Gallery;
let trap: Trap;
let folder: string;
let images: Readonly<Record<string, Buffer>>;

beforeAll(async () => {
  trap = await startTrap();
  images = await smallImages();
  folder = mkdtempSync(join(tmpdir(), 'holdfast-images-'));
  writeFileSync(join(folder, 'secret.png'), await sharp(images['png']).toBuffer());
  writeFileSync(join(folder, 'secret.txt'), 'MMMMMMMM');
  gallery = await startGallery(`
images: { maxPixels: 4000000, maxFrames: 50, memory: 1GiB }
routes:
  - { name: all, origin: web, images: { onFailure: error } }
`);
});

afterAll(async () => {
  await gallery.stop();
  expect(trap.visits).toBe(0);
  expect(gallery.faults).toEqual([]);
  trap.stop();
  rmSync(folder, { recursive: true });
});

/** Lets the origin have it, and asks for it. @param options of the address. */
async function served(name: string, body: Uint8Array | string, options: string): Promise<Answer> {
  const type = TYPES[/[^.]*$/.exec(name)![0]] ?? 'image/png';
  gallery.origin.can(`/${name}`, { body, fields: { 'content-type': type } });
  return gallery.ask(`/${name}${options === '' ? '' : `?${options}`}`);
}

/** A picture, or an error with a name: nothing else. */
function expectPictureOrError(answer: Answer): void {
  if (answer.status === 200) {
    expect(answer.fields.get('content-type')).toMatch(/^image\/(?:png|jpeg|webp|avif|gif)$/);
    expect(answer.fields.get('x-content-type-options')).toBe('nosniff');
  } else {
    expect(answer.body.toString('latin1')).toMatch(/\(image-[a-z-]+\)/);
    expect(answer.fields.get('content-type')).toStartWith('text/plain');
    expect(answer.fields.get('cache-control')).toBe('no-store');
  }
}

const SVG = (inner: string, before = '', more = ''): string =>
  `${before}<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="40" height="30" ${more}>${inner}</svg>`;

/** Drawings that want something from elsewhere. Drawn, all of them show nothing at all. */
function reaching(port: number, folder: string): Readonly<Record<string, string>> {
  const http = `http://127.0.0.1:${port}/x.png`;
  const file = `file://${folder}/secret.png`;
  const everywhere = (make: (at: string) => string): string =>
    [http, file, `${folder}/secret.png`, 'secret.png', `//127.0.0.1:${port}/x.png`].map(make).join('');
  return {
    image: SVG(everywhere((at) => `<image href="${at}" width="40" height="30"/>`)),
    'image by xlink': SVG(everywhere((at) => `<image xlink:href="${at}" width="40" height="30"/>`)),
    'image with a base': SVG(
      '<image href="secret.png" width="40" height="30"/>',
      '',
      `xml:base="file://${folder}/"`,
    ),
    use: SVG(everywhere((at) => `<use href="${at}#a" width="40" height="30"/>`)),
    feImage: SVG(
      everywhere((at) => `<filter id="f"><feImage href="${at}"/></filter>`) +
        '<g filter="url(#f)"><g fill="none"><rect width="40" height="30"/></g></g>',
    ),
    style: SVG(
      everywhere(
        (at) => `<style>@import url("${at}"); @font-face { font-family: f; src: url("${at}") }</style>`,
      ),
    ),
    'a style sheet beside it':
      everywhere((at) => `<?xml-stylesheet href="${at}" type="text/css"?>`) + SVG(''),
    'fill and mask': SVG(
      everywhere(
        (at) =>
          `<rect width="0" height="0" fill="url(${at}#a)" mask="url('${at}#b')" style="cursor:url(${at})"/>`,
      ),
    ),
    'xi:include': SVG(
      everywhere(
        (at) =>
          `<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="${at.replace('.png', '.txt')}" parse="text"/>`,
      ),
    ),
    'xi:include in a text': SVG(
      `<text y="20"><xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file://${folder}/secret.txt" parse="text"/></text>`,
    ),
    foreignObject: SVG(
      everywhere(
        (at) =>
          `<foreignObject width="40" height="30"><iframe xmlns="http://www.w3.org/1999/xhtml" src="${at}"/><img xmlns="http://www.w3.org/1999/xhtml" src="${at}"/></foreignObject>`,
      ),
    ),
    script: SVG(
      `<script>fetch("${http}")</script>${everywhere((at) => `<script href="${at}"/><a href="javascript:fetch('${at}')"/>`)}`,
      '',
      `onload="fetch('${http}')"`,
    ),
    'script in CDATA': SVG(`<script><![CDATA[ new Image().src = "${http}" ]]></script>`),
    'document type': SVG(
      '',
      `<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://127.0.0.1:${port}/svg11.dtd">`,
    ),
    'embedded drawing': SVG(
      `<image width="40" height="30" href="data:image/svg+xml;base64,${Buffer.from(
        SVG(everywhere((at) => `<image href="${at}" width="40" height="30"/>`)),
      ).toString('base64')}"/>`,
    ),
  };
}

describe('a drawing gets nothing from anywhere', () => {
  test.each(Object.keys(reaching(0, '')))('by %s', async (name) => {
    const drawing = reaching(trap.port, folder)[name]!;
    const answer = await served(`reach-${encodeURIComponent(name)}.svg`, drawing, 'fm=png');
    expect([name, answer.status]).toEqual([name, 200]);
    expect(answer.fields.get('content-type')).toBe('image/png');
    // Nothing is to be seen: neither the picture of the file nor its letters.
    expect(await opaqueness(answer.body)).toBe(0);
    expect(trap.visits).toBe(0);
  });

  test('but what is in it is drawn: the test could see something', async () => {
    const inner = `<image width="40" height="30" href="data:image/png;base64,${images['png']!.toString('base64')}"/>`;
    const answer = await served('seen.svg', SVG(inner), 'fm=png');
    expect(await opaqueness(answer.body)).toBe(255);
  });
});

/** The largest alpha of its pixels. */
async function opaqueness(picture: Buffer): Promise<number> {
  const alphas = await sharp(picture).ensureAlpha().extractChannel('alpha').raw().toBuffer();
  return alphas.reduce((most, alpha) => Math.max(most, alpha), 0);
}

/** Each of ten times the one before. */
const LAUGHS = Array.from({ length: 9 }, (_, i) => `<!ENTITY l${i + 1} "${`&l${i};`.repeat(10)}">`).join('');

describe('a drawing that is a trick is not drawn', () => {
  const secret = (): string => `file://${folder}/secret.txt`;
  test.each([
    ['a billion laughs', () => SVG('<text>&l9;</text>', `<!DOCTYPE svg [<!ENTITY l0 "ha">${LAUGHS}]>`)],
    [
      'an external entity',
      () => SVG('<text y="20">&x;</text>', `<!DOCTYPE svg [<!ENTITY x SYSTEM "${secret()}">]>`),
    ],
    [
      'one on the network',
      () =>
        SVG(
          '<text y="20">&x;</text>',
          `<!DOCTYPE svg [<!ENTITY x SYSTEM "http://127.0.0.1:${trap.port}/">]>`,
        ),
    ],
    [
      'a parameter entity',
      () => SVG('', `<!DOCTYPE svg [<!ENTITY % x SYSTEM "http://127.0.0.1:${trap.port}/"> %x;]>`),
    ],
    [
      'declarations behind a comment',
      () => SVG('', '<!-- <!DOCTYPE svg> --><!DOCTYPE svg [<!ENTITY x "y">]>'),
    ],
    ['declarations behind a quoted bracket', () => SVG('&x;', '<!DOCTYPE svg SYSTEM ">" [<!ENTITY x "y">]>')],
    [
      'the disguise of an AVIF',
      () => SVG('&l9;', `<!--ftypavif--><!DOCTYPE svg [<!ENTITY l0 "ha">${LAUGHS}]>`),
    ],
    ['a million elements', () => SVG('<g/>'.repeat(1_000_000))],
    ['UTF-16', () => Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(SVG(''), 'utf16le')])],
    ['UTF-7', () => SVG('', '<?xml version="1.0" encoding="UTF-7"?>')],
    ['UTF-7 behind blanks', () => SVG('', `<?xml version="1.0" ${' '.repeat(2000)} encoding="UTF-7"?>`)],
  ])('by %s', async (name, drawing) => {
    const answer = await served(`trick-${encodeURIComponent(name)}.svg`, drawing(), 'fm=png');
    expect([answer.status, answer.body.toString('latin1')]).toEqual([
      422,
      expect.stringContaining('(image-unsafe-svg)'),
    ]);
  });

  test.each([
    ['1e9 pixels', SVG('').replace('width="40" height="30"', 'width="1e9" height="1e9"')],
    ['100000 pixels', SVG('').replace('width="40" height="30"', 'width="100000" height="100000"')],
    ['no pixel', SVG('').replace('width="40" height="30"', 'width="0" height="0"')],
    ['less than none', SVG('').replace('width="40" height="30"', 'width="-1" height="-9e99"')],
    ['no number of them', SVG('').replace('width="40" height="30"', 'width="NaN" height="Infinity"')],
    ['a strange view', SVG('').replace('width="40" height="30"', 'viewBox="0 0 1e38 1e-38"')],
    ['a depth of 100000', SVG('<g>'.repeat(100_000) + '</g>'.repeat(100_000))],
    ['a hundred thousand elements', SVG('<g/>'.repeat(100_000))],
  ])('nor one of %s', async (name, drawing) => {
    for (const options of ['fm=png', 'fm=json', 'fm=thumbhash', 'w=20', 'w=4096&h=4096&fit=crop', 'w=4096']) {
      const answer = await served(`size-${encodeURIComponent(name)}.svg`, drawing, options);
      expect(answer.status).toBeOneOf([200, 400, 422]);
      if (answer.status !== 200 || !/json|thumbhash/.test(options)) expectPictureOrError(answer);
    }
  });
});

describe('a drawing that is passed on as it is', () => {
  const evil = SVG('<script>alert(1)</script>');

  test.each([
    'image/svg+xml',
    'IMAGE/SVG+XML; charset=utf-8',
    'text/xml',
    'application/xml',
    'application/xhtml+xml',
  ])('may run nothing: %s', async (type) => {
    const path = `/passed-${type.replace(/\W/g, '-')}.svg`;
    gallery.origin.can(path, { body: evil, fields: { 'content-type': type } });
    for (const method of ['GET', 'GET', 'HEAD']) {
      const answer = await gallery.ask(path, { method });
      expect(answer.fields.get('content-security-policy')).toMatch(/^default-src 'none'.*sandbox$/);
      expect(answer.fields.get('x-content-type-options')).toBe('nosniff');
    }
  });

  test('nor after the origin has confirmed it with a policy of its own', async () => {
    const fields = {
      'content-type': 'image/svg+xml',
      'content-security-policy': 'default-src *',
      'cache-control': 'max-age=0',
    };
    gallery.origin.can('/renewed.svg', { body: evil, fields });
    for (let time = 0; time < 3; time += 1) {
      const answer = await gallery.ask('/renewed.svg');
      expect(answer.status).toBe(200);
      expect(answer.head).not.toContain('default-src *');
      expect(answer.fields.get('content-security-policy')).toContain('sandbox');
    }
    expect(gallery.origin.notModified('/renewed.svg')).toBeGreaterThan(0);
  });

  test('nor as an error of the origin', async () => {
    gallery.origin.can('/error.svg', {
      status: 404,
      body: evil,
      fields: { 'content-type': 'image/svg+xml' },
    });
    for (const target of ['/error.svg', '/error.svg?w=10']) {
      const answer = await gallery.ask(target);
      expect([answer.status, answer.fields.get('x-content-type-options')]).toEqual([404, 'nosniff']);
      expect(answer.fields.get('content-security-policy')).toContain('sandbox');
    }
  });
});

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}
/** Grey, one bit a pixel. @param rows that there are data for. */
function png(width: number, height: number, rows = height, more: readonly Buffer[] = []): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 1;
  const data = deflateSync(Buffer.alloc(rows * (1 + Math.ceil(width / 8))), { level: 9 });
  const start = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  return Buffer.concat([
    start,
    chunk('IHDR', header),
    ...more,
    chunk('IDAT', data),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}
function gif(width: number, height: number, frames: number): Buffer {
  const head = Buffer.from('GIF89a\0\0\0\0\x80\0\0\0\0\0\xff\xff\xff', 'latin1');
  head.writeUInt16LE(width, 6);
  head.writeUInt16LE(height, 8);
  const frame = Buffer.from('!\xf9\x04\x08\x0a\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0', 'latin1');
  return Buffer.concat([head, ...Array.from({ length: frames }, () => frame), Buffer.from(';')]);
}
/** A copy with other bytes at the place of a mark. */
function patched(
  image: Buffer,
  mark: string,
  at: number,
  write: (view: DataView, from: number) => void,
): Buffer {
  const copy = Buffer.from(image);
  const found = copy.indexOf(mark, 0, 'latin1');
  expect(found).toBeGreaterThan(-1);
  write(new DataView(copy.buffer, copy.byteOffset), found + at);
  return copy;
}
const sides = (bits: 16 | 32, little: boolean, side: number) => (view: DataView, from: number) => {
  if (bits === 16) for (const step of [0, 2]) view.setUint16(from + step, side, little);
  else for (const step of [0, 4]) view.setUint32(from + step, side, little);
};

/** Files of a few bytes that unpack to gigabytes. */
const BOMBS: Readonly<Record<string, () => Buffer>> = {
  'png with data': () => png(3000, 3000),
  'png without': () => png(60_000, 60_000, 1),
  'png of one line': () => png(2_000_000_000, 1, 0),
  'png with a large text': () => png(9, 9, 9, [chunk('zTXt', textOf(64)), chunk('zTXt', textOf(64))]),
  'png with a large profile': () => png(9, 9, 9, [chunk('iCCP', textOf(64))]),
  'png with more data than pixels': () => png(9, 9, 20_000_000),
  'gif of many frames': () => gif(400, 400, 2000),
  'gif of large frames': () => gif(65_535, 65_535, 2),
  'gif of frames that are small and together large': () => gif(1000, 1000, 40),
  'jpg by its header': () => patched(images['jpg']!, '\xff\xc0', 5, sides(16, false, 65_500)),
  'webp by its canvas': () =>
    patched(images['webp']!, 'VP8X', 12, (view, from) => {
      for (let i = 0; i < 6; i += 1) view.setUint8(from + i, [0xff, 0x3f, 0][i % 3]!);
    }),
  'avif by its property': () => patched(images['avif']!, 'ispe', 8, sides(32, false, 30_000)),
  'tiff by its directory': () => {
    const copy = Buffer.from(images['tiff']!);
    const at = copy.readUInt32LE(4) + 2;
    for (let entry = at; entry < copy.length - 12; entry += 12) {
      const tag = copy.readUInt16LE(entry);
      if (tag === 256 || tag === 257) copy.writeUInt32LE(50_000, entry + 8);
      if (tag > 257) break;
    }
    return copy;
  },
  'svg by its size': () =>
    Buffer.from(SVG('').replace('width="40" height="30"', 'width="30000" height="30000"')),
};
function textOf(mebibytes: number): Buffer {
  return Buffer.concat([Buffer.from('a\0\0', 'latin1'), deflateSync(Buffer.alloc(mebibytes * 2 ** 20))]);
}

describe('a bomb does not go off', () => {
  test.each(Object.keys(BOMBS))('%s', async (name) => {
    const bomb = BOMBS[name]!();
    const extension = name.slice(0, name.indexOf(' '));
    for (const options of [
      'w=8',
      'w=8&fm=webp',
      'w=8&rot=30',
      'fm=jpeg',
      'fm=json',
      'fm=lqip',
      'trim=auto&blur=9',
    ]) {
      const answer = await served(`bomb-${encodeURIComponent(name)}.${extension}`, bomb, options);
      if (options === 'fm=json' && answer.status === 200) JSON.parse(answer.body.toString());
      else expectPictureOrError(answer);
      // Of an animation one frame may be little, and of a drawing a small one.
      if (!/text|profile|more data|gif|svg/.test(name))
        expect([options, answer.status]).not.toEqual([options, 200]);
    }
    expect(gallery.node.snapshot().images).toMatchObject({ restarts: 0, heldBytes: 0 });
    for (const pid of gallery.pids()) expect(residentOf(pid)).toBeLessThan(512 * 2 ** 20);
  });
});

describe('a file of two kinds', () => {
  const html = '<script>alert(1)</script>';
  const comment = Buffer.from(`\xff\xfe\0${String.fromCharCode(2 + html.length)}${html}`, 'latin1');
  const KINDS: Readonly<Record<string, () => Buffer>> = {
    'jpg with a page in a comment': () =>
      Buffer.concat([images['jpg']!.subarray(0, 2), comment, images['jpg']!.subarray(2)]),
    'jpg with a page behind it': () => Buffer.concat([images['jpg']!, Buffer.from(html)]),
    'png with a page in a text': () =>
      png(9, 9, 9, [chunk('tEXt', Buffer.from(`Comment\0${html}`, 'latin1'))]),
    'png with a page behind it': () => Buffer.concat([images['png']!, Buffer.from(html)]),
    'gif that is a program': () => {
      const copy = Buffer.concat([gif(9, 9, 1), Buffer.from(`*/=1;alert(1)//${html}`)]);
      copy.write('/*', 6, 'latin1');
      return copy;
    },
    'svg with a page in a comment': () => Buffer.from(SVG(`<!-- ${html} --><rect width="9" height="9"/>`)),
  };
  test.each(Object.keys(KINDS))('is a picture and no more: %s', async (name) => {
    const file = KINDS[name]!();
    const extension = name.slice(0, name.indexOf(' '));
    const at = `two-${encodeURIComponent(name)}.${extension}`;
    for (const options of ['w=5', 'fm=png', 'fm=webp&q=90', 'fm=jpeg', 'auto=format']) {
      const answer = await served(at, file, options);
      expectPictureOrError(answer);
      const isOriginal = /(?:^|, )original(?:,|$)/.test(answer.fields.get('holdfast-image') ?? '');
      if (!isOriginal) expect(answer.body.toString('latin1')).not.toContain('alert');
    }
    const changed = await served(at, file, 'w=4&metadata=copyright');
    expect([changed.status, changed.body.includes('alert')]).toEqual([200, false]);
  });

  test('a page, a text and an archive are no pictures, whatever they call themselves', async () => {
    const files = [
      html,
      '<!doctype html><svg/>',
      'PK\x03\x04',
      '%PDF-1.7',
      '{"a":1}',
      '',
      '\0',
      'GIF',
      '\xff\xd8\xff',
    ];
    for (const [index, file] of files.entries()) {
      const answer = await served(`none-${index}.jpg`, Buffer.from(file, 'latin1'), 'w=9');
      expect([file, [422, 502].includes(answer.status)]).toEqual([file, true]);
      expectPictureOrError(answer);
      expect(answer.body.toString('latin1')).not.toContain('alert');
    }
  });
});
