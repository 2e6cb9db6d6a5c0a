import { type Random, seededRandom } from '../../base/random.ts';
import { type PictureRequest, SCENE_NAMES } from './paint/picture.ts';

/** How a picture is written to a file. */
export type PictureFormat = 'jpeg' | 'webp' | 'png' | 'avif';

/** One file of the demo's set of images. */
export interface PictureSpec {
  /** Path within the set, such as `photos/017-lake.webp`: the folder says how long it may be cached. */
  readonly path: string;
  readonly picture: PictureRequest;
  readonly format: PictureFormat;
  /** 1 to 100; PNG has none. */
  readonly quality: number;
}

/** Raise it when the same plan would make other files, so that an old set is not taken for a new one. */
export const SET_VERSION = 2;

const ASPECTS = [3 / 2, 3 / 2, 4 / 3, 16 / 9, 1, 3 / 4, 2 / 3] as const;

/** Bytes per pixel that these encoders need for these scenes, roughly: it turns a wanted size into pixels. */
const BYTES_PER_PIXEL: Readonly<Record<PictureFormat, number>> = {
  jpeg: 0.24,
  webp: 0.17,
  png: 1.9,
  avif: 0.09,
};
/** Film grain by format: without it, painted gradients compress far better than photographs. */
const GRAIN: Readonly<Record<PictureFormat, number>> = { jpeg: 7, webp: 6, png: 0, avif: 5 };

/** Originals, in pixels: as large as they have to be for every width of a page, and a few as a camera makes them. */
const ORIGINAL_PIXELS = 960_000;
const CAMERA_PIXELS = 3_600_000;

/**
 * Plans a set of images: two in five are originals, JPEGs of one megapixel or, rarely, four, that variants are made of. The
 * others are served as they are; their sizes are lognormal with a median of about 35 KB, as on real image hosts. Pure: the same
 * count and seed, the same plan.
 *
 * @param count at least 1.
 */
export function planPictures(count: number, seed: number): PictureSpec[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, index) =>
    index % 5 < 2 ? planOriginal(index, random) : planReady(index, random),
  );
}

function planOriginal(index: number, random: Random): PictureSpec {
  const isLarge = index % 30 === 1; // ten in 300
  // A page begins with a large one, and that is to be wide.
  const aspect = isLarge ? 3 / 2 : pickAspect(random);
  const pixels = isLarge ? CAMERA_PIXELS : ORIGINAL_PIXELS;
  return spec('originals', index, random, {
    pixels,
    aspect,
    format: 'jpeg',
    grain: isLarge ? 8 : 6,
    quality: isLarge ? 92 : 82,
  });
}

/** A picture that somebody has made ready for the web. */
function planReady(index: number, random: Random): PictureSpec {
  const format = pickFormat(random);
  // PNG photographs are rare because they are large: here they are icons
  const wantedBytes = logNormal(random, format === 'png' ? 24_000 : 36_000, 1.05);
  const bytes = Math.min(400_000, Math.max(2_000, wantedBytes));
  const folder = bytes < 9_000 ? 'thumbs' : index % 30 === 7 ? 'webcams' : 'photos';
  const pixels = bytes / BYTES_PER_PIXEL[format];
  const quality = format === 'jpeg' ? 80 : format === 'avif' ? 55 : 78;
  return spec(folder, index, random, {
    pixels,
    aspect: pickAspect(random),
    format,
    grain: GRAIN[format],
    quality,
  });
}

interface Making {
  readonly pixels: number;
  readonly aspect: number;
  readonly format: PictureFormat;
  readonly grain: number;
  readonly quality: number;
}

function spec(folder: string, index: number, random: Random, making: Making): PictureSpec {
  const { pixels, aspect, format, grain, quality } = making;
  const heightPx = Math.max(64, Math.round(Math.sqrt(pixels / aspect)));
  const widthPx = Math.max(64, Math.round(heightPx * aspect));
  const scene = SCENE_NAMES[index % SCENE_NAMES.length]!;
  return {
    path: `${folder}/${String(index).padStart(3, '0')}-${scene}.${format === 'jpeg' ? 'jpg' : format}`,
    picture: { scene, widthPx, heightPx, seed: random.u32(), grain },
    format,
    quality,
  };
}

function pickAspect(random: Random): number {
  return ASPECTS[Math.floor(random.next() * ASPECTS.length)]!;
}

function pickFormat(random: Random): PictureFormat {
  const draw = random.next();
  return draw < 0.52 ? 'jpeg' : draw < 0.84 ? 'webp' : draw < 0.95 ? 'png' : 'avif';
}

/** Box and Muller's method. */
function logNormal(random: Random, median: number, sigma: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
  return median * Math.exp(sigma * normal);
}
