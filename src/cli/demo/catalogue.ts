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
export const SET_VERSION = 1;

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

/**
 * Plans a set of images: sizes are lognormal with a median of about 35 KB, as on real image hosts
 * (a few per cent are originals of one to four megabytes). Pure: the same count and seed, the same plan.
 *
 * @param count at least 1.
 */
export function planPictures(count: number, seed: number): PictureSpec[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, index) => planPicture(index, random));
}

function planPicture(index: number, random: Random): PictureSpec {
  const original = index % 25 === 12; // a dozen in 300
  const format = pickFormat(random, original);
  // PNG photographs are rare because they are large: here they are icons
  const wantedBytes = original
    ? 1.1e6 + 2.4e6 * random.next() ** 1.6
    : logNormal(random, format === 'png' ? 24_000 : 36_000, 1.05);
  const bytes = Math.min(3_600_000, Math.max(2_000, wantedBytes));
  const perPixel = original ? 0.7 : BYTES_PER_PIXEL[format];
  const aspect = ASPECTS[Math.floor(random.next() * ASPECTS.length)]!;
  const heightPx = Math.max(64, Math.round(Math.sqrt(bytes / perPixel / aspect)));
  const widthPx = Math.max(64, Math.round(heightPx * aspect));
  const scene = SCENE_NAMES[index % SCENE_NAMES.length]!;
  const folder = original ? 'originals' : bytes < 9_000 ? 'thumbs' : index % 30 === 7 ? 'webcams' : 'photos';
  return {
    path: `${folder}/${String(index).padStart(3, '0')}-${scene}.${format === 'jpeg' ? 'jpg' : format}`,
    picture: { scene, widthPx, heightPx, seed: random.u32(), grain: original ? 14 : GRAIN[format] },
    format,
    quality: original ? 95 : format === 'jpeg' ? 80 : format === 'avif' ? 55 : 78,
  };
}

function pickFormat(random: Random, original: boolean): PictureFormat {
  const draw = random.next();
  if (original) return 'jpeg';
  return draw < 0.52 ? 'jpeg' : draw < 0.84 ? 'webp' : draw < 0.95 ? 'png' : 'avif';
}

/** Box and Muller's method. */
function logNormal(random: Random, median: number, sigma: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
  return median * Math.exp(sigma * normal);
}
