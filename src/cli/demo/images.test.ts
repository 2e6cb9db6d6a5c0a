import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdir, mkdtemp, readdir, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { planPictures } from './catalogue.ts';
import { cacheFolder, findImages, makeImages } from './images.ts';
import { paintPicture, SCENE_NAMES } from './paint/picture.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-images-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('painted pictures', () => {
  test.each(SCENE_NAMES)(
    '%s: the same pixels for the same seed, a picture and not a plain surface',
    (scene) => {
      const request = { scene, widthPx: 48, heightPx: 32, seed: 5, grain: 2 };
      const pixels = paintPicture(request);
      expect(pixels.length).toBe(48 * 32 * 3);
      expect(Bun.hash(paintPicture(request))).toBe(Bun.hash(pixels));
      expect(Bun.hash(paintPicture({ ...request, seed: 6 }))).not.toBe(Bun.hash(pixels));
      const mean = pixels.reduce((sum, value) => sum + value, 0) / pixels.length;
      const variance = pixels.reduce((sum, value) => sum + (value - mean) ** 2, 0) / pixels.length;
      expect(Math.sqrt(variance)).toBeGreaterThan(8);
    },
  );
});

describe('the plan', () => {
  test('is deterministic, has unique paths, all formats, and sizes from thumbnails to originals', () => {
    const plan = planPictures(300, 1);
    expect(planPictures(300, 1)).toEqual(plan);
    expect(new Set(plan.map((spec) => spec.path)).size).toBe(300);
    expect(new Set(plan.map((spec) => spec.format))).toEqual(new Set(['jpeg', 'webp', 'png', 'avif']));
    const originals = plan.filter((spec) => spec.path.startsWith('originals/'));
    expect(originals.length).toBe(120);
    for (const { picture, format } of originals) {
      expect(format).toBe('jpeg');
      expect(picture.widthPx * picture.heightPx).toBeGreaterThan(900_000);
    }
    expect(originals.filter(({ picture }) => picture.widthPx > 2_000).length).toBe(10);
    for (const { picture } of plan) {
      expect(picture.widthPx).toBeWithin(64, 4_000);
      expect(picture.heightPx).toBeWithin(64, 4_000);
    }
  });
});

describe('making the set', () => {
  const COUNT = 8;
  const make = (onProgress: (made: number, toMake: number) => void = () => undefined) =>
    makeImages({ folder, count: COUNT, onProgress });

  test('makes every image as announced, keeps them, and completes what is missing', async () => {
    const steps: string[] = [];
    const images = await make((made, toMake) => steps.push(`${made}/${toMake}`));
    expect(steps).toEqual(Array.from({ length: COUNT }, (_, i) => `${i + 1}/${COUNT}`));
    for (const image of images) {
      const { width, height } = await sharp(image.file).metadata();
      expect([width, height]).toEqual([image.widthPx, image.heightPx]);
      expect((await stat(image.file)).size).toBe(image.sizeBytes);
      await sharp(image.file).raw().toBuffer(); // decodes to the last row
    }

    steps.length = 0;
    expect(await make((made, toMake) => steps.push(`${made}/${toMake}`))).toEqual(images);
    expect(steps).toEqual([]);

    const [first, second] = [images[0]!, images[1]!];
    const before = Bun.hash(await Bun.file(first.file).bytes());
    await rm(first.file);
    await truncate(second.file, 0);
    await make((made, toMake) => steps.push(`${made}/${toMake}`));
    expect(steps).toEqual(['1/2', '2/2']);
    expect(Bun.hash(await Bun.file(first.file).bytes())).toBe(before);
    const left = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.part'));
    expect(left).toEqual([]);
  }, 60_000);

  test('says which file cannot be written', async () => {
    const blocked = join(folder, 'blocked');
    const name = planPictures(1, 2026)[0]!.path;
    await mkdir(join(blocked, 'images-v2-1', name), { recursive: true }); // a directory where the file should be
    const making = makeImages({ folder: blocked, count: 1, onProgress: () => undefined });
    await expect(making).rejects.toThrow(`cannot make ${join(blocked, 'images-v2-1', name)}`);
  });

  test('stops when told to', async () => {
    const aborted = AbortSignal.abort();
    const making = makeImages({ folder, count: 3, onProgress: () => undefined, signal: aborted });
    await expect(making).rejects.toThrow();
  });

  test('keeps the set below XDG_CACHE_HOME, and elsewhere when that cannot be', async () => {
    expect(await cacheFolder({ XDG_CACHE_HOME: folder, HOME: '/nowhere' })).toBe(
      join(folder, 'holdfast', 'demo'),
    );
    await writeFile(join(folder, 'file'), '');
    expect(await cacheFolder({ HOME: join(folder, 'file') })).toBe(join(tmpdir(), 'holdfast-demo'));
  });
});

describe("the user's own images", () => {
  test('are found recursively in a stable order; what is no image is counted, links are not followed', async () => {
    const own = join(folder, 'own');
    await mkdir(join(own, 'b c'), { recursive: true });
    const picture = sharp({ create: { width: 30, height: 20, channels: 3, background: '#a52' } });
    await picture
      .clone()
      .png()
      .toFile(join(own, 'b c', 'ü.png'));
    await picture.clone().jpeg().withMetadata({ orientation: 6 }).toFile(join(own, 'a.JPG'));
    await writeFile(join(own, 'broken.png'), 'no image');
    await writeFile(join(own, 'notes.txt'), 'not counted');
    await symlink(own, join(own, 'loop'));
    const { images, leftOut } = await findImages(own);
    expect(images.map(({ path, widthPx, heightPx, type }) => ({ path, widthPx, heightPx, type }))).toEqual([
      { path: 'a.JPG', widthPx: 20, heightPx: 30, type: 'image/jpeg' }, // turned by its EXIF orientation
      { path: 'b c/ü.png', widthPx: 30, heightPx: 20, type: 'image/png' },
    ]);
    expect(leftOut).toBe(1);
  });
});
