import { describe, expect, test } from 'bun:test';
import sharp, { type Sharp } from 'sharp';
import {
  animation,
  CORNERS,
  colourAt,
  cornersOf,
  distance,
  made,
  photo,
  quarters,
  ROOMY,
  refused,
} from '../../../test/support/pictures.ts';
import type { Variant } from '../../image/variant.ts';

/** Decoders agree on flat colours to within a few steps; encoders lose a few more. */
const NEAR = 4;

async function png(width = 120, height = 80): Promise<Uint8Array> {
  return quarters(width, height).png().toBuffer();
}

async function check(
  bytes: Uint8Array,
  variant: Partial<Variant>,
  size: string,
  expected?: Uint8Array | Sharp,
): Promise<Uint8Array> {
  const { body, made: facts } = await made(bytes, variant);
  const { width, height, pageHeight } = await sharp(body).metadata();
  expect(`${width}x${pageHeight ?? height}`).toBe(size);
  expect(`${facts.width}x${facts.height}`).toBe(size);
  if (expected !== undefined) expect((await distance(body, expected)).mean).toBeLessThan(NEAR);
  return body;
}

describe('shape', () => {
  test('inside, outside, fill: the whole picture', async () => {
    const original = await png();
    await check(original, { output: 'png', width: 60 }, '60x40', original);
    await check(original, { output: 'png', width: 60, height: 60 }, '60x40', original);
    await check(original, { output: 'png', width: 60, height: 60, fit: 'outside' }, '90x60', original);
    await check(original, { output: 'png', width: 50, height: 70, fit: 'fill' }, '50x70', original);
    await check(original, { output: 'png', width: 240 }, '120x80', original);
    await check(original, { output: 'png', width: 240, enlarge: true }, '240x160', original);
  });

  test('cover: the edge, corner or point that was asked for', async () => {
    const original = await png();
    const cover = (position: Variant['position'], width = 30, height = 40) =>
      check(original, { output: 'png', width, height, fit: 'cover', position }, `${width}x${height}`);
    expect(await cornersOf(await cover('centre'))).toBe('nw ne se sw');
    expect(await cornersOf(await cover('west'))).toBe('nw nw sw sw');
    expect(await cornersOf(await cover('east'))).toBe('ne ne se se');
    expect(await cornersOf(await cover('north', 60, 20))).toBe('nw ne ne nw');
    expect(await cornersOf(await cover('southwest', 60, 20))).toBe('sw se se sw');
    expect(await cornersOf(await cover({ x: 0.1, y: 0.9 }, 20, 40))).toBe('nw nw sw sw');
    expect(await cornersOf(await cover({ x: 0.5, y: 0.5 }, 20, 40))).toBe('nw ne se sw');
  });

  test('cover by what draws the eye', async () => {
    // Grey, but for a bright patch of detail at the right.
    const stripes = Array.from(
      { length: 12 },
      (_, i) => `<rect x="${200 + i * 5}" y="30" width="3" height="50" fill="hsl(${i * 30},90%,55%)"/>`,
    );
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="300" height="100"><rect width="300" height="100" fill="#888"/>${stripes.join('')}</svg>`;
    const original = await sharp(Buffer.from(svg)).png().toBuffer();
    for (const position of ['attention', 'entropy'] as const) {
      const { body } = await made(original, {
        output: 'png',
        width: 100,
        height: 100,
        fit: 'cover',
        position,
      });
      const { channels } = await sharp(body).stats();
      expect(channels[0]!.stdev).toBeGreaterThan(30);
      const centre = await made(original, { output: 'png', width: 100, height: 100, fit: 'cover' });
      expect((await sharp(centre.body).stats()).channels[0]!.stdev).toBeLessThan(channels[0]!.stdev);
    }
  });

  test('contain: on a canvas, clear or coloured, where it was asked for', async () => {
    const original = await png();
    const contain = { width: 60, height: 60, fit: 'contain' } as const;
    const clear = await check(original, { output: 'png', ...contain }, '60x60');
    const { data } = await sharp(clear).raw().toBuffer({ resolveWithObject: true });
    expect(data[3]).toBe(0);
    const red = await check(original, { output: 'webp', ...contain, background: 'ff0000' }, '60x60');
    expect(await colourAt(red, 2, 2)).toMatch(/^#f[c-f]0[0-3]0[0-3]$/);
    const north = await check(original, { output: 'png', ...contain, position: 'north' }, '60x60');
    expect(
      await cornersOf(await sharp(north).extract({ left: 0, top: 0, width: 60, height: 40 }).toBuffer()),
    ).toBe('nw ne se sw');
    // JPEG has no transparency: white.
    const jpeg = await check(original, { output: 'jpeg', ...contain }, '60x60');
    expect(await colourAt(jpeg, 1, 1)).toMatch(/^#f[c-f]f[c-f]f[c-f]$/);
    const half = await check(original, { output: 'png', ...contain, background: '0000ff80' }, '60x60');
    const pixels = await sharp(half).raw().toBuffer();
    expect([...pixels.subarray(0, 4)]).toEqual([0, 0, 255, 128]);
    expect(pixels[(30 * 60 + 10) * 4 + 3]).toBe(255);
  });

  test('rect: pixels and fractions, of the picture as it is shown', async () => {
    const original = await png();
    const rect = { x: 60, y: 0, width: 60, height: 40, relative: false };
    const cut = await check(original, { output: 'png', rect }, '60x40');
    expect(await cornersOf(cut)).toBe('ne ne ne ne');
    const part = { x: 0, y: 0.5, width: 1, height: 0.5, relative: true };
    expect(await cornersOf(await check(original, { output: 'png', rect: part, width: 30 }, '30x10'))).toBe(
      'sw se se sw',
    );
    const turned = await quarters(80, 120).jpeg({ quality: 100 }).withMetadata({ orientation: 6 }).toBuffer();
    // Shown 120x80; stored, what is at its top right is at the top left.
    expect(await cornersOf(await check(turned, { output: 'png', rect }, '60x40'))).toBe('nw nw nw nw');
  });

  test('rotate, flip and flop, by quarters and by any angle', async () => {
    const original = await png();
    const corners = async (variant: Partial<Variant>, size: string) =>
      cornersOf(await check(original, { output: 'png', ...variant }, size));
    expect(await corners({ rotate: 90 }, '80x120')).toBe('sw nw ne se');
    expect(await corners({ rotate: 180 }, '120x80')).toBe('se sw nw ne');
    expect(await corners({ rotate: 270, width: 40 }, '40x60')).toBe('ne se sw nw');
    expect(await corners({ flip: true }, '120x80')).toBe('sw se ne nw');
    expect(await corners({ flop: true }, '120x80')).toBe('ne nw sw se');
    expect(await corners({ rotate: 90, flop: true, width: 40, height: 40, fit: 'cover' }, '40x40')).toBe(
      'nw sw se ne',
    );
    const tilted = await made(original, { output: 'png', rotate: 30 });
    const { width, height } = tilted.made;
    expect(Math.abs(width - 144)).toBeLessThanOrEqual(2);
    expect(Math.abs(height - 129)).toBeLessThanOrEqual(2);
    expect((await sharp(tilted.body).raw().toBuffer())[3]).toBe(0);
    const filled = await made(original, { output: 'auto', rotate: 30, background: '00ff00' });
    expect(filled.made.contentType).toBe('image/jpeg');
    expect(await colourAt(filled.body, 1, 1)).toMatch(/^#0[0-4]f[c-f]0[0-4]$/);
    // A turn by 30 degrees and back is the picture again, in the middle.
    const back = await made(tilted.body, {
      output: 'png',
      rotate: 330,
      width: 120,
      height: 80,
      fit: 'cover',
    });
    expect(
      await cornersOf(
        await sharp(back.body).extract({ left: 30, top: 20, width: 60, height: 40 }).toBuffer(),
      ),
    ).toBe('nw ne se sw');
  });

  test('trim: the border goes, whatever comes after', async () => {
    const bordered = await quarters(60, 40)
      .extend({ left: 20, right: 10, top: 5, bottom: 15, background: '#fafafa' })
      .png()
      .toBuffer();
    expect(await cornersOf(await check(bordered, { output: 'png', trim: 10 }, '60x40'))).toBe('nw ne se sw');
    expect(
      await cornersOf(await check(bordered, { output: 'png', trim: 10, rotate: 90, width: 20 }, '20x30')),
    ).toBe('sw nw ne se');
    const flat = await sharp({ create: { width: 9, height: 9, channels: 3, background: '#123456' } })
      .png()
      .toBuffer();
    await check(flat, { output: 'png', trim: 10 }, '9x9');
    const dot = await sharp({ create: { width: 2, height: 1, channels: 3, background: '#123456' } })
      .png()
      .toBuffer();
    await check(dot, { output: 'png', trim: 10 }, '2x1');
  });

  test('all orientations of EXIF come out upright, whatever is asked for', async () => {
    const upright = await quarters(120, 80).png().toBuffer();
    const { turnOfOrientation } = await import('./geometry.ts');
    for (let orientation = 1; orientation <= 8; orientation += 1) {
      // Stored so that undoing the orientation gives the picture: turned by the inverse.
      const { flop, quarters: turns } = turnOfOrientation(orientation);
      let pixels = await sharp(upright)
        .rotate(-90 * turns)
        .png()
        .toBuffer();
      if (flop) pixels = await sharp(pixels).flop().png().toBuffer();
      const original = await sharp(pixels).jpeg({ quality: 100 }).withMetadata({ orientation }).toBuffer();
      expect((await sharp(original).metadata()).orientation).toBe(orientation);
      const plain = await check(original, { output: 'png' }, '120x80', upright);
      expect(await cornersOf(plain)).toBe('nw ne se sw');
      expect((await sharp(plain).metadata()).orientation ?? 1).toBe(1);
      for (const output of ['jpeg', 'webp', 'avif'] as const)
        await check(original, { output, width: 60, metadata: 'copyright' }, '60x40', upright);
      const cover = { width: 30, height: 40, fit: 'cover', position: 'east' } as const;
      expect(await cornersOf(await check(original, { output: 'png', ...cover }, '30x40'))).toBe(
        'ne ne se se',
      );
      const smart = { width: 40, height: 40, fit: 'cover', position: 'attention' } as const;
      await check(original, { output: 'png', ...smart }, '40x40');
      expect(await cornersOf(await check(original, { output: 'png', rotate: 90 }, '80x120'))).toBe(
        'sw nw ne se',
      );
      const info = JSON.parse(new TextDecoder().decode((await made(original, { output: 'json' })).body));
      expect(info).toMatchObject({ width: 120, height: 80, orientation });
    }
  });
});

describe('effects', () => {
  test('grey, blur and sharpen do what they say', async () => {
    const original = await (await photo(160, 120)).png().toBuffer();
    const stdev = async (variant: Partial<Variant>) => {
      const { body } = await made(original, { output: 'png', ...variant });
      return (await sharp(body).stats()).sharpness;
    };
    const plain = await stdev({});
    expect(await stdev({ blur: 3 })).toBeLessThan(plain / 2);
    expect(await stdev({ sharpen: 2 })).toBeGreaterThan(plain);
    const grey = await made(original, { output: 'png', grey: true });
    const { data, info } = await sharp(grey.body)
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    for (let at = 0; at < data.length; at += info.channels) expect(data[at]).toBe(data[at + 1]!);
    expect((await distance(grey.body, sharp(original).greyscale())).mean).toBeLessThan(NEAR);
  });

  test('a background is put behind what can be seen through', async () => {
    const clear = await sharp({ create: { width: 40, height: 40, channels: 4, background: '#00000000' } })
      .png()
      .toBuffer();
    const { body, made: facts } = await made(clear, { output: 'auto', background: '336699' });
    // Of one colour: exact, and smaller than a JPEG.
    expect(facts.contentType).toBe('image/png');
    expect(await colourAt(body, 20, 20)).toBe('#336699');
    const half = await made(clear, { output: 'png', background: '33669980' });
    expect([...(await sharp(half.body).raw().toBuffer()).subarray(0, 4)]).toEqual([0x33, 0x66, 0x99, 0x80]);
    const onJpeg = await made(clear, { output: 'jpeg', background: '00000080', quality: 90 });
    expect(await colourAt(onJpeg.body, 20, 20)).toMatch(/^#(7[def]|80){3}$/);
  });
});

describe('overlays', () => {
  const base = () =>
    sharp({ create: { width: 100, height: 60, channels: 3, background: '#ffffff' } })
      .png()
      .toBuffer();
  const mark = (width = 20, height = 10) =>
    sharp({ create: { width, height, channels: 3, background: '#ff0000' } })
      .png()
      .toBuffer();
  const OVERLAY = {
    path: '/mark.png',
    scale: undefined,
    gravity: 'southeast',
    margin: 5,
    opacity: 1,
    tile: false,
  } as const;
  const put = async (
    overlay: Partial<NonNullable<Variant['overlay']>>,
    piece?: Uint8Array,
    changes: Partial<Variant> = {},
  ) =>
    (
      await made(
        await base(),
        { output: 'png', overlay: { ...OVERLAY, ...overlay }, ...changes },
        { overlay: piece ?? (await mark()) },
      )
    ).body;

  test('lie where they are put, with their margin', async () => {
    const body = await put({});
    expect(await colourAt(body, 94, 54)).toBe('#ff0000');
    expect(await colourAt(body, 75, 45)).toBe('#ff0000');
    for (const [x, y] of [
      [95, 54],
      [94, 55],
      [74, 45],
      [75, 44],
    ] as const)
      expect(await colourAt(body, x, y)).toBe('#ffffff');
    const centre = await put({ gravity: 'centre', margin: 9 });
    expect(await colourAt(centre, 40, 25)).toBe('#ff0000');
    expect(await colourAt(centre, 39, 25)).toBe('#ffffff');
    const north = await put({ gravity: 'north' });
    expect(await colourAt(north, 50, 5)).toBe('#ff0000');
    expect(await colourAt(north, 50, 4)).toBe('#ffffff');
  });

  test('have their size, a part of the width, or what there is room for', async () => {
    const half = await put({ scale: 0.5, gravity: 'northwest', margin: 0 });
    expect(await colourAt(half, 49, 24)).toBe('#ff0000');
    expect(await colourAt(half, 50, 24)).toBe('#ffffff');
    const huge = await put({ gravity: 'west', margin: 0 }, await mark(400, 200));
    expect(await colourAt(huge, 99, 30)).toBe('#ff0000');
    expect(await colourAt(await put({ margin: 100 }), 99, 59)).toBe('#ffffff');
  });

  test('may be seen through, be repeated, or be drawings', async () => {
    expect(await colourAt(await put({ opacity: 0.5 }), 80, 50)).toMatch(/^#ff(7[def]|80)(7[def]|80)$/);
    const tiled = await put({ tile: true, margin: 2, gravity: 'northwest' });
    expect(await colourAt(tiled, 2, 2)).toBe('#ff0000');
    expect(await colourAt(tiled, 23, 3)).toBe('#ffffff');
    expect(await colourAt(tiled, 26, 3)).toBe('#ff0000');
    expect(await colourAt(tiled, 90, 50)).not.toBe('#ffffff');
    const svg = new TextEncoder().encode(
      '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 1"><rect width="2" height="1" fill="blue"/></svg>',
    );
    expect(await colourAt(await put({ scale: 0.2 }, svg), 94, 54)).toBe('#0000ff');
  });

  test('lie on every frame of an animation', async () => {
    const gif = await animation('gif', ['#ffffff', '#00ff00'], [100, 100], 100, 60);
    const { body } = await made(
      gif,
      { output: 'webp', lossless: true, overlay: OVERLAY },
      { overlay: await mark() },
    );
    for (const page of [0, 1])
      expect(await colourAt(await sharp(body, { page }).png().toBuffer(), 90, 50)).toBe('#ff0000');
  });

  test('that are no images are named as such', async () => {
    const overlay = OVERLAY;
    const bytes = await base();
    expect(
      await refused(bytes, { overlay }, { overlay: new TextEncoder().encode('<html>no</html>') }),
    ).toMatchObject({
      cause: 'overlay',
      detail: 'The overlay could not be used: not-image. The original is an HTML page, not an image.',
    });
    expect((await refused(bytes, { overlay })).cause).toBe('overlay');
    const cut = (await mark(300, 300)).subarray(0, 200);
    expect((await refused(bytes, { overlay }, { overlay: cut })).cause).toBe('overlay');
  });
});

describe('animations', () => {
  const COLOURS = ['#ff0000', '#00ff00', '#0000ff'];

  test('keep their frames, their pace and their repeats', async () => {
    for (const source of ['gif', 'webp'] as const) {
      const original = await animation(source, COLOURS, [100, 200, 300]);
      for (const [output, format] of [
        ['source', source],
        ['auto', 'gif'],
        ['auto-webp', 'webp'],
        ['auto-avif', 'webp'],
        ['webp', 'webp'],
        ['gif', 'gif'],
      ] as const) {
        const { body, made: facts } = await made(original, { output, width: 20 });
        const meta = await sharp(body).metadata();
        expect([meta.format, meta.pages, meta.delay, meta.loop]).toEqual([format, 3, [100, 200, 300], 3]);
        expect(facts).toMatchObject({ contentType: `image/${format}`, width: 20, height: 10, frames: 3 });
        for (const [page, colour] of COLOURS.entries()) {
          const frame = sharp({ create: { width: 20, height: 10, channels: 3, background: colour } });
          expect(
            (await distance(await sharp(body, { page }).png().toBuffer(), frame.png())).max,
          ).toBeLessThan(25);
        }
      }
    }
  });

  test('every operation does the same to every frame, and frames stay in order', async () => {
    const frames = await Promise.all(
      [0, 1, 2].map((n) =>
        quarters(40, 20)
          .modulate({ brightness: 1 - n * 0.05 })
          .png()
          .toBuffer(),
      ),
    );
    const original = await sharp(frames, { join: { animated: true } })
      .webp({ lossless: true, delay: [50, 60, 70] })
      .toBuffer();
    const cases: [Partial<Variant>, string, string][] = [
      [{ rotate: 90 }, '20x40', 'sw nw ne se'],
      [{ rotate: 180 }, '40x20', 'se sw nw ne'],
      [{ flip: true }, '40x20', 'sw se ne nw'],
      [{ flop: true }, '40x20', 'ne nw sw se'],
      [{ rotate: 270, flip: true, width: 10 }, '10x20', 'nw sw se ne'],
      [{ width: 10, height: 20, fit: 'cover', position: 'west' }, '10x20', 'nw nw sw sw'],
      [{ width: 20, height: 20, fit: 'cover', position: 'attention' }, '20x20', ''],
      [{ rect: { x: 20, y: 0, width: 20, height: 20, relative: false } }, '20x20', 'ne ne se se'],
      [{ width: 40, height: 40, fit: 'contain', background: 'ffffff' }, '40x40', ''],
      [{ blur: 1, sharpen: 1, grey: true }, '40x20', ''],
      [{ blur: 0.5 }, '40x20', 'nw ne se sw'],
      [{ trim: 20 }, '40x20', 'nw ne se sw'],
      [{ rotate: 45 }, '42x42', ''],
    ];
    for (const [variant, size, corners] of cases) {
      const { body } = await made(original, { output: 'webp', lossless: true, ...variant });
      const meta = await sharp(body).metadata();
      expect(`${meta.width}x${meta.height} ${meta.pages} ${meta.delay}`).toBe(`${size} 3 50,60,70`);
      const brightness: number[] = [];
      for (const page of [0, 1, 2]) {
        const frame = await sharp(body, { page }).png().toBuffer();
        if (corners !== '') expect(await cornersOf(frame)).toBe(corners);
        const { channels } = await sharp(frame).removeAlpha().stats();
        brightness.push(channels.reduce((sum, { mean }) => sum + mean, 0));
      }
      expect(brightness).toEqual([...brightness].sort((a, b) => b - a));
    }
  });

  test('are still where only one frame was asked for, or the format has no more', async () => {
    const original = await animation('gif', COLOURS, [100, 100, 100]);
    for (const variant of [
      { output: 'gif', animated: false },
      { output: 'auto', animated: false },
      { output: 'png' },
      { output: 'jpeg' },
      { output: 'avif' },
      { output: 'auto-webp', animated: false },
    ] as const) {
      const { body, made: facts } = await made(original, variant);
      const meta = await sharp(body).metadata();
      expect([meta.width, meta.height, meta.pages ?? 1, facts.frames]).toEqual([40, 20, 1, 1]);
      expect(await colourAt(body, 20, 10)).toMatch(/^#f[a-f]0[0-9]0[0-9]$/);
    }
  });
});

describe('colours and metadata', () => {
  test('every kind of original comes out in sRGB, with nothing left behind', async () => {
    const red = { create: { width: 30, height: 30, channels: 3 as const, background: '#cc2010' } };
    const originals = {
      cmyk: await sharp(red).toColourspace('cmyk').withIccProfile('cmyk').jpeg({ quality: 100 }).toBuffer(),
      p3: await sharp(red).withIccProfile('p3').png().toBuffer(),
      deep: await sharp(red).toColourspace('rgb16').png().toBuffer(),
      deepP3: await sharp(red).toColourspace('rgb16').withIccProfile('p3').png().toBuffer(),
      tiff: await sharp(red).tiff({ compression: 'lzw' }).toBuffer(),
      palette: await sharp(red).png({ palette: true }).toBuffer(),
    };
    for (const [name, original] of Object.entries(originals)) {
      for (const variant of [
        { output: 'png' },
        { output: 'webp', width: 20 },
        { output: 'auto', rotate: 180 },
      ] as const) {
        const { body: own, made: facts } = await made(original, { quality: 95, ...variant });
        const body = facts.isOriginal ? original : own;
        const meta = await sharp(body).metadata();
        expect([name, meta.hasProfile, meta.exif, meta.xmp, meta.space]).toEqual([
          name,
          false,
          undefined,
          undefined,
          'srgb',
        ]);
        const apart = await distance(body, sharp(red).png());
        expect(`${name} ${apart.max < 16}`).toBe(`${name} true`);
      }
    }
    const grey = await sharp(red).greyscale().toColourspace('b-w').jpeg().toBuffer();
    expect((await distance((await made(grey, { output: 'webp' })).body, grey)).max).toBeLessThan(6);
    const grey16 = await sharp(red).toColourspace('grey16').png().toBuffer();
    expect(
      (await distance((await made(grey16, { output: 'png', width: 20 })).body, sharp(red).greyscale().png()))
        .max,
    ).toBeLessThan(6);
  });

  test('places, cameras and thumbnails are gone; the copyright stays where it is asked for', async () => {
    const exif = {
      IFD0: { Copyright: '© Ada Lovelace', Artist: 'Ada', Make: 'Camera' },
      IFD3: { GPSLatitude: '51/1 30/1 0/1' },
    };
    const picture = (await photo(60, 40)).withExif(exif);
    for (const original of [
      await picture.clone().jpeg().toBuffer(),
      await picture.clone().webp().toBuffer(),
    ]) {
      expect((await sharp(original).metadata()).exif).toBeDefined();
      const none = await sharp((await made(original, { output: 'jpeg' })).body).metadata();
      expect(none.exif).toBeUndefined();
      for (const output of ['jpeg', 'webp', 'avif', 'png'] as const) {
        const { body } = await made(original, { output, metadata: 'copyright', width: 30 });
        const { exif: kept } = await sharp(body).metadata();
        const text = new TextDecoder().decode(kept);
        expect(text).toContain('Ada Lovelace');
        expect(text).not.toContain('Camera');
        expect(text).not.toContain('GPS');
      }
    }
    const plain = await (await photo(60, 40)).jpeg().toBuffer();
    expect(
      (await sharp((await made(plain, { output: 'jpeg', width: 30, metadata: 'copyright' })).body).metadata())
        .exif,
    ).toBeUndefined();
  });
});

describe('drawings', () => {
  const svg = (inner: string, attributes = 'viewBox="0 0 10 10"'): Uint8Array =>
    new TextEncoder().encode(`<svg xmlns="http://www.w3.org/2000/svg" ${attributes}>${inner}</svg>`);

  test('are drawn at the size that is asked for, and sharp there', async () => {
    const half = svg('<rect width="5" height="10" fill="#ff0000"/>');
    for (const variant of [
      { width: 400 },
      { width: 400, height: 400, fit: 'cover' },
      { width: 400, rect: { x: 0, y: 0, width: 1, height: 1, relative: true } },
    ] as const) {
      const body = await check(half, { output: 'png', ...variant }, '400x400');
      const alpha = await sharp(body).extractChannel('alpha').raw().toBuffer();
      expect([alpha[200 * 400 + 198], alpha[200 * 400 + 201]]).toEqual([255, 0]);
    }
    const part = { x: 0.25, y: 0, width: 0.5, height: 0.5, relative: true };
    const zoomed = await check(half, { output: 'png', width: 300, rect: part }, '300x300');
    const alpha = await sharp(zoomed).extractChannel('alpha').raw().toBuffer();
    expect([alpha[150 * 300 + 148], alpha[150 * 300 + 151]]).toEqual([255, 0]);
  });

  test('a drawing that calls itself huge is drawn small, where that is asked for', async () => {
    const huge = svg('<rect width="100%" height="100%" fill="#00ff00"/>', 'width="20000" height="20000"');
    await check(huge, { output: 'png', width: 100 }, '100x100');
    expect((await refused(huge)).cause).toBe('output-too-large');
  });

  test('become PNG where they can be seen through, else what photographs do', async () => {
    const { made: clear } = await made(svg('<circle r="5"/>'), { output: 'auto', width: 50 });
    expect(clear.contentType).toBe('image/png');
    const full = svg(
      '<rect width="10" height="10" fill="url(#g)"/><defs><radialGradient id="g"><stop stop-color="red"/><stop offset=".5" stop-color="lime"/><stop offset="1" stop-color="blue"/></radialGradient></defs>',
    );
    expect((await made(full, { output: 'auto', width: 200 })).made.contentType).toBe('image/jpeg');
  });
});

describe('facts and placeholders', () => {
  test('info is about the picture as it is shown', async () => {
    const original = await sharp({ create: { width: 60, height: 40, channels: 3, background: '#336699' } })
      .png()
      .toBuffer();
    const { made: facts, body } = await made(original, { output: 'json' });
    expect(facts).toMatchObject({ contentType: 'application/json', width: 0, frames: 0 });
    expect(JSON.parse(new TextDecoder().decode(body))).toMatchObject({
      format: 'png',
      width: 60,
      height: 40,
      orientation: 1,
      frames: 1,
      hasAlpha: false,
      bytes: original.length,
      space: 'srgb',
      dominant: '#336699',
    });
    const gif = await animation('gif', ['#ff0000', '#00ff00'], [100, 100]);
    expect(JSON.parse(new TextDecoder().decode((await made(gif, { output: 'json' })).body))).toMatchObject({
      format: 'gif',
      frames: 2,
      dominant: '#ff0000',
    });
  });

  test('a thumbhash gives back the colours and the shape', async () => {
    const { thumbHashToAverageRGBA, thumbHashToApproximateAspectRatio } = await import('thumbhash');
    const original = await sharp({ create: { width: 300, height: 200, channels: 3, background: '#336699' } })
      .png()
      .toBuffer();
    for (const output of ['thumbhash', 'json'] as const) {
      const text = new TextDecoder().decode((await made(original, { output })).body);
      const hash = Buffer.from(output === 'json' ? JSON.parse(text).thumbhash : text, 'base64');
      const { r, g, b } = thumbHashToAverageRGBA(hash);
      expect([r, g, b].map((channel) => Math.round(channel * 5))).toEqual([1, 2, 3]);
      expect(Math.abs(thumbHashToApproximateAspectRatio(hash) - 1.5)).toBeLessThan(0.2);
    }
    const square = new TextDecoder().decode(
      (await made(original, { output: 'thumbhash', width: 9, height: 9, fit: 'cover' })).body,
    );
    expect(thumbHashToApproximateAspectRatio(Buffer.from(square, 'base64'))).toBe(1);
  });

  test('lqip is a tiny picture of the same', async () => {
    const original = await (await photo(600, 400)).jpeg().toBuffer();
    const { body, made: facts } = await made(original, { output: 'lqip' });
    expect(facts).toMatchObject({ contentType: 'image/webp', width: 32, height: 21, frames: 1 });
    expect(body.length).toBeLessThan(600);
    expect((await distance(body, sharp(original).blur(20).png())).mean).toBeLessThan(16);
    const grey = await made(original, { output: 'lqip', grey: true, rotate: 90 });
    expect(grey.made).toMatchObject({ width: 21, height: 32 });
  });
});

describe('formats', () => {
  const type = async (bytes: Uint8Array, variant: Partial<Variant>, provisional = false) => {
    const { body, made: facts } = await made(bytes, variant, { provisional });
    if (!facts.isOriginal)
      expect(`image/${(await sharp(body).metadata()).format?.replace('heif', 'avif')}`).toBe(
        facts.contentType,
      );
    return `${facts.contentType.slice(6)}${facts.isOriginal ? ' original' : ''}${facts.provisional ? ' provisional' : ''}`;
  };

  test('are chosen from the class that was negotiated', async () => {
    const picture = await photo(90, 60);
    const jpeg = await picture.clone().jpeg({ quality: 100 }).toBuffer();
    const clear = await picture.clone().ensureAlpha(0.5).png().toBuffer();
    const opaque = await picture.clone().ensureAlpha(1).png().toBuffer();
    const tiff = await picture.clone().tiff().toBuffer();
    expect(await type(jpeg, { output: 'auto', width: 60 })).toBe('jpeg');
    expect(await type(jpeg, { output: 'auto-webp', width: 60 })).toBe('webp');
    expect(await type(jpeg, { output: 'auto-avif', width: 60 })).toBe('avif');
    expect(await type(jpeg, { output: 'auto-avif', width: 60 }, true)).toBe('webp provisional');
    expect(await type(jpeg, { output: 'avif', width: 60 }, true)).toBe('avif');
    expect(await type(clear, { output: 'auto', width: 60 })).toBe('png');
    // An alpha channel that nothing can be seen through is none.
    expect(await type(opaque, { output: 'auto', width: 60 })).toBe('jpeg');
    expect(await type(clear, { output: 'auto', width: 60, background: 'ffffff' })).toBe('jpeg');
    for (const format of ['jpeg', 'png', 'webp', 'avif'] as const) {
      const original = await picture.clone().toFormat(format).toBuffer();
      expect(await type(original, { output: 'source', width: 60 })).toBe(format);
    }
    expect(await type(tiff, { output: 'source' })).toBe('jpeg');
  });

  test('graphics of few colours stay exact where that is smaller', async () => {
    const flat = await quarters(200, 200).png().toBuffer();
    const { body, made: facts } = await made(flat, { output: 'auto', width: 200, height: 100, fit: 'cover' });
    expect(facts.contentType).toBe('image/png');
    expect((await sharp(body).metadata()).isPalette).toBe(true);
    expect(await colourAt(body, 10, 10)).toBe(CORNERS.nw);
    const webp = await made(flat, { output: 'auto-webp', width: 200, height: 100, fit: 'cover' });
    expect(await colourAt(webp.body, 10, 10)).toBe(CORNERS.nw);
  });

  test('lossless is exact, where the format can', async () => {
    const original = await (await photo(50, 40)).png().toBuffer();
    const exact = await sharp(original).raw().toBuffer();
    for (const output of ['webp', 'avif', 'png'] as const) {
      const { body } = await made(original, { output, lossless: true });
      expect(Buffer.compare(await sharp(body).raw().toBuffer(), exact)).toBe(0);
    }
  });

  test('JPEG is progressive unless told otherwise, and quality counts', async () => {
    const original = await (await photo(200, 150)).png().toBuffer();
    const is = async (progressive: boolean) =>
      (await sharp((await made(original, { output: 'jpeg', progressive })).body).metadata()).isProgressive;
    expect([await is(true), await is(false)]).toEqual([true, false]);
    for (const output of ['jpeg', 'webp', 'avif'] as const) {
      const sizes = [];
      for (const quality of [10, 50, 95]) sizes.push((await made(original, { output, quality })).body.length);
      expect(sizes).toEqual([...sizes].sort((a, b) => a - b));
    }
  });

  test('nothing larger than the original is made of it where only its size was to change', async () => {
    const small = await (await photo(200, 150)).webp({ quality: 10 }).toBuffer();
    expect(await type(small, { output: 'auto-webp', quality: 90 })).toBe('webp original');
    expect(await type(small, { output: 'auto-avif', quality: 100 })).toBe('webp original');
    expect(await type(small, { output: 'auto-webp', quality: 90, width: 5000 })).toBe('webp original');
    expect((await made(small, { output: 'auto-webp', quality: 90 })).body.length).toBe(0);
    // Of another class, of another size, with another look: it has to be made.
    expect(await type(small, { output: 'auto', quality: 90 })).toBe('jpeg');
    expect(await type(small, { output: 'auto-webp', quality: 90, width: 199 })).toBe('webp');
    expect(await type(small, { output: 'auto-webp', quality: 90, flip: true })).toBe('webp');
    expect(await type(small, { output: 'auto-webp', quality: 90, grey: true })).toBe('webp');
    expect(await type(small, { output: 'auto-webp', lossless: true })).toBe('webp');
    expect(await type(small, { output: 'jpeg', quality: 90 })).toBe('jpeg');
    const turned = await (await photo(200, 150))
      .jpeg({ quality: 10 })
      .withMetadata({ orientation: 6 })
      .toBuffer();
    expect(await type(turned, { output: 'auto', quality: 90 })).toBe('jpeg');
    const located = await (await photo(200, 150))
      .withExif({ IFD3: { GPSLatitude: '51/1 30/1 0/1' } })
      .jpeg({ quality: 10 })
      .toBuffer();
    expect(await type(located, { output: 'auto', quality: 90 })).toBe('jpeg');
    const still = await animation('gif', ['#ff0000', '#00ff00'], [100, 100]);
    expect(await type(still, { output: 'auto', animated: false })).not.toContain('original');
  });
});

test('results are the same each time', async () => {
  const original = await (await photo(300, 200)).jpeg().toBuffer();
  for (const output of ['jpeg', 'webp', 'avif', 'png', 'lqip'] as const) {
    const [a, b] = [
      await made(original, { output, width: 150 }),
      await made(original, { output, width: 150 }),
    ];
    expect(Buffer.compare(Buffer.from(a.body), Buffer.from(b.body))).toBe(0);
  }
});

test('limits are those of what is read and of what comes out', async () => {
  const original = await png(100, 100);
  const limits = { ...ROOMY, pixels: 9999 };
  expect(await refused(original, {}, { limits })).toMatchObject({
    cause: 'too-many-pixels',
    detail: 'The image has 100x100, 10000 pixels; 9999 are allowed.',
  });
  expect(await refused(original, {}, { limits: { ...ROOMY, inputBytes: 10 } })).toMatchObject({
    cause: 'too-many-bytes',
  });
  expect(
    await refused(original, { width: 101, enlarge: true }, { limits: { ...ROOMY, outputPixels: 10_000 } }),
  ).toMatchObject({
    cause: 'output-too-large',
    detail: 'The result would have 101x101, 10201 pixels; 10000 are allowed.',
  });
  const gif = await animation('gif', ['#ff0000', '#00ff00', '#0000ff'], [100, 100, 100]);
  const few = { limits: { ...ROOMY, frames: 2 } };
  expect((await refused(gif, {}, few)).cause).toBe('too-many-frames');
  expect((await refused(gif, {}, { limits: { ...ROOMY, pixels: 40 * 20 * 3 - 1 } })).cause).toBe(
    'too-many-pixels',
  );
  // Its first frame alone is within them.
  expect((await made(gif, { animated: false }, few)).made.frames).toBe(1);
  expect((await refused(gif, {}, { limits: { ...ROOMY, outputPixels: 40 * 20 * 3 - 1 } })).cause).toBe(
    'output-too-large',
  );
  expect(
    (
      await refused(
        await png(2000, 1),
        { width: 1000, height: 1000, fit: 'cover', enlarge: true },
        { limits: { ...ROOMY, pixels: 5_000_000, outputPixels: 1_000_000 } },
      )
    ).cause,
  ).toBe('output-too-large');
});
