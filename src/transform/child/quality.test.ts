import { describe, expect, test } from 'bun:test';
import sharp, { type Sharp } from 'sharp';
import { photo } from '../../../test/support/pictures.ts';
import type { Pixels } from './colour.ts';
import { qualityFor } from './quality.ts';
import { ssim } from './ssim.ts';

const DEADLINE = { leftS: () => 60, isOver: () => false };

async function pixelsOf(pipeline: Sharp): Promise<Pixels> {
  const { data, info } = await pipeline.raw().toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels: info.channels as 3 | 4 };
}

function auto(
  pixels: Pixels | undefined,
  format: 'jpeg' | 'webp' | 'avif' | 'png' = 'jpeg',
): Promise<number> {
  return qualityFor({ quality: 'auto', lossless: false }, format, pixels, DEADLINE);
}

function luma({ data, width, height, channels }: Pixels) {
  const green = Uint8Array.from({ length: width * height }, (_, at) => data[at * channels + 1]!);
  return { data: green, width, height };
}

describe('the quality that a picture needs', () => {
  test('is more for fine structure, less for what is soft, and between bounds', async () => {
    const soft = await pixelsOf((await photo(500, 400)).blur(6));
    const plain = await pixelsOf(await photo(500, 400));
    const faint = await pixelsOf(
      sharp({
        create: {
          width: 300,
          height: 300,
          channels: 3,
          background: '#888',
          noise: { type: 'gaussian', mean: 128, sigma: 6 },
        },
      }),
    );
    const flat = await pixelsOf(
      sharp({ create: { width: 300, height: 300, channels: 3, background: '#888' } }),
    );
    const [a, b, c] = [await auto(soft), await auto(plain), await auto(faint)];
    expect(a).toBeLessThan(b);
    expect(b).toBeLessThanOrEqual(c);
    expect(await auto(flat)).toBe(60);
    for (const quality of [a, b, c]) {
      expect(quality).toBeGreaterThanOrEqual(60);
      expect(quality).toBeLessThanOrEqual(88);
    }
  });

  test('is the same for the same pixels, at any size, with and without alpha', async () => {
    for (const [width, height] of [
      [1, 1],
      [7, 300],
      [255, 257],
      [256, 256],
      [1000, 30],
      [700, 600],
    ] as const) {
      const pixels = await pixelsOf(await photo(width, height));
      const quality = await auto(pixels);
      expect(await auto(pixels)).toBe(quality);
      const clear = await pixelsOf((await photo(width, height)).ensureAlpha());
      expect(await auto(clear)).toBe(quality);
    }
  });

  test('is said in the scale of each format', async () => {
    expect([
      await auto(undefined, 'jpeg'),
      await auto(undefined, 'webp'),
      await auto(undefined, 'avif'),
    ]).toEqual([76, 77, 61]);
    expect(await auto(undefined, 'png')).toBe(100);
    const flat = await pixelsOf(sharp({ create: { width: 9, height: 9, channels: 3, background: '#888' } }));
    expect([await auto(flat, 'jpeg'), await auto(flat, 'webp'), await auto(flat, 'avif')]).toEqual([
      60, 56, 51,
    ]);
  });

  test('is what was asked for, where something was', async () => {
    for (const [asked, given] of [
      [1, 1],
      [50, 50],
      [100, 100],
      [0, 1],
      [300, 100],
    ] as const)
      expect(await qualityFor({ quality: asked, lossless: false }, 'webp', undefined, DEADLINE)).toBe(given);
  });
});

describe('likeness', () => {
  test('is 1 for equal pictures, and falls with what is lost', async () => {
    const picture = await photo(200, 150);
    const pixels = await pixelsOf(picture.clone());
    expect(ssim(luma(pixels), luma(pixels))).toBeCloseTo(1, 10);
    let last = 1;
    for (const quality of [95, 70, 40, 10]) {
      const lossy = await pixelsOf(sharp(await picture.clone().jpeg({ quality }).toBuffer()));
      const now = ssim(luma(pixels), luma(lossy));
      expect(now).toBeLessThan(last);
      last = now;
    }
    const flat = { data: new Uint8Array(200 * 150).fill(128), width: 200, height: 150 };
    expect(ssim(luma(pixels), flat)).toBeLessThan(0.6);
    expect(ssim({ ...flat, width: 3, height: 3 }, flat)).toBe(1);
  });
});
