import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import type { Wanted } from './operations.ts';
import type { Target } from './targets.ts';

/** How well a target did what it was asked for, over some variants. */
export interface Distance {
  /** Mean of the bodies. */
  readonly bytes: number;
  /** Root mean square of the difference to the same operation without loss, in steps of 255. */
  readonly error: number;
}

/** Of so many pictures. */
const SAMPLES = 8;
/** What is see-through is compared on grey: the colour of nothing is anybody's choice. */
const BEHIND = '#808080';

/** @throws Error when a result does not have the size or the format that it is to have. */
export async function distanceOf(
  target: Target,
  folder: string,
  wanted: readonly Wanted[],
): Promise<Distance> {
  const samples = wanted.slice(0, SAMPLES);
  let bytes = 0;
  let squares = 0;
  let values = 0;
  for (const one of samples) {
    const body = await target.bytesOf(one);
    const [got, ideal] = await Promise.all([pixelsOf(sharp(body)), pixelsOf(idealOf(folder, one))]);
    if (got.width !== ideal.width || got.height !== ideal.height) {
      const sizes = `${got.width}x${got.height} instead of ${ideal.width}x${ideal.height}`;
      throw new Error(`${target.name}, ${one.operation.name}: ${one.picture.name} came as ${sizes}`);
    }
    bytes += body.length;
    values += ideal.pixels.length;
    for (let i = 0; i < ideal.pixels.length; i += 1) squares += (got.pixels[i]! - ideal.pixels[i]!) ** 2;
  }
  return { bytes: bytes / samples.length, error: Math.sqrt(squares / values) };
}

function idealOf(folder: string, { operation: { height }, picture, width }: Wanted): Sharp {
  const shape = height === undefined ? { withoutEnlargement: true } : { height, fit: 'cover' as const };
  return sharp(join(folder, picture.name))
    .autoOrient()
    .resize({ width, ...shape });
}

interface Pixels {
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** Rows of RGB. In two steps, as an image that is still to be resized would else be flattened first. */
async function pixelsOf(image: Sharp): Promise<Pixels> {
  const { data, info } = await image.toColourspace('srgb').raw().toBuffer({ resolveWithObject: true });
  const raw = { width: info.width, height: info.height, channels: info.channels };
  const pixels = await sharp(data, { raw }).flatten({ background: BEHIND }).removeAlpha().raw().toBuffer();
  return { pixels, width: info.width, height: info.height };
}
