/**
 * The originals: `bun bench/images/pictures.ts FOLDER NUMBER` makes one of them. Painted as those of the demo are, by seed: on
 * every machine the same pixels. Film grain makes them as hard to compress as photographs.
 */
import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { paintPicture, SCENE_NAMES } from '../../src/cli/demo/paint/picture.ts';
import { Unusable } from '../support/workbench.ts';
import type { Picture } from './operations.ts';

/** Where they are made and kept: beside the project's other state, which is not in version control. */
export const PICTURES = join(import.meta.dirname, '../../.holdfast/bench-images/pictures');
const PHOTOS = 16;
const ALPHAS = 16;
const PHOTO = { widthPx: 2400, heightPx: 1600, grain: 7 };
const ALPHA = { widthPx: 1600, heightPx: 1200, grain: 2 };
const SEED = 4_000;
/** Of a folder that is given, no more of either kind: the more pictures, the fewer widths of each. */
const KIND_MAX = 16;
const LEAST = { widthPx: 815, heightPx: 300 };

function pictureOf(number: number): Picture {
  const kind = number < PHOTOS ? 'photo' : 'alpha';
  return { kind, name: `${kind}-${String(number).padStart(2, '0')}.${kind === 'photo' ? 'jpg' : 'png'}` };
}

/** Makes what is missing of the pictures in `folder`; half a minute of all cores the first time, nothing later. */
export async function makePictures(folder: string): Promise<Picture[]> {
  mkdirSync(folder, { recursive: true });
  const pictures = Array.from({ length: PHOTOS + ALPHAS }, (_, number) => pictureOf(number));
  const missing = [...pictures.keys()].filter((number) => !existsSync(join(folder, pictures[number]!.name)));
  if (missing.length > 0) console.error(`images: painting ${missing.length} pictures`);
  const worker = async (): Promise<void> => {
    for (let number = missing.shift(); number !== undefined; number = missing.shift()) {
      const child = Bun.spawn([process.execPath, import.meta.filename, folder, String(number)], {
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      if ((await child.exited) !== 0) throw new Error(`picture ${number} could not be made`);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return pictures;
}

/**
 * The first 16 JPEGs and the first 16 PNGs with alpha of a folder: what can be decoded, and need not be enlarged by any operation.
 *
 * @throws Unusable when there is no JPEG.
 */
export async function findPictures(folder: string): Promise<Picture[]> {
  const found: Picture[] = [];
  for (const name of readdirSync(folder).sort()) {
    if (!/^[\w.-]+$/.test(name)) continue; // it would be escaped in as many ways as there are servers
    const kind = await kindOf(join(folder, name));
    if (kind === undefined || found.filter((picture) => picture.kind === kind).length === KIND_MAX) continue;
    found.push({ kind, name });
  }
  if (!found.some(({ kind }) => kind === 'photo')) throw new Unusable(`--images ${folder}: no JPEG there`);
  return found;
}

async function kindOf(file: string): Promise<Picture['kind'] | undefined> {
  try {
    const image = sharp(file, { failOn: 'warning' });
    const { format, hasAlpha, autoOrient } = await image.metadata();
    if (autoOrient.width < LEAST.widthPx || autoOrient.height < LEAST.heightPx) return undefined;
    await image.stats(); // decodes all of it
    if (format === 'png') return hasAlpha ? 'alpha' : undefined;
    return format === 'jpeg' && /\.jpe?g$/i.test(file) ? 'photo' : undefined;
  } catch {
    return undefined; // no image, or a broken one
  }
}

async function make(folder: string, number: number): Promise<void> {
  const { kind, name } = pictureOf(number);
  const { widthPx, heightPx, grain } = kind === 'photo' ? PHOTO : ALPHA;
  const scene = SCENE_NAMES[number % SCENE_NAMES.length]!;
  const pixels = paintPicture({ scene, widthPx, heightPx, seed: SEED + number, grain });
  const image = sharp(pixels, { raw: { width: widthPx, height: heightPx, channels: 3 } });
  const encoded =
    kind === 'photo'
      ? image.jpeg({ quality: 90 })
      : image
          .joinChannel(vignette(widthPx, heightPx), {
            raw: { width: widthPx, height: heightPx, channels: 1 },
          })
          .png();
  const partial = join(folder, `.${name}.${process.pid}`);
  await encoded.toFile(partial);
  renameSync(partial, join(folder, name));
}

/** An alpha channel: opaque in the middle, softly going to nothing at the edges. */
function vignette(widthPx: number, heightPx: number): Buffer {
  const alpha = Buffer.alloc(widthPx * heightPx);
  for (let y = 0; y < heightPx; y += 1) {
    for (let x = 0; x < widthPx; x += 1) {
      const distance = Math.hypot((2 * x) / widthPx - 1, (2 * y) / heightPx - 1);
      alpha[y * widthPx + x] = Math.round(255 * Math.min(1, Math.max(0, (1 - distance) * 3)));
    }
  }
  return alpha;
}

if (import.meta.main) await make(process.argv[2]!, Number(process.argv[3]));
