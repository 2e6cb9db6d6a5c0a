import sharp from 'sharp';
import type { Variant } from '../../image/variant.ts';
import type { Pixels } from './colour.ts';
import type { Format } from './format.ts';
import { type Luma, ssim } from './ssim.ts';
import type { Deadline } from './task.ts';

/**
 * The quality that a picture needs to look like its original: `quality: auto`.
 *
 * A sample of it is encoded as JPEG at two qualities; what that costs of its likeness (SSIM) says at which one it would keep as much as
 * photographs do at 75. Fine structure gets more than that, soft pictures get less. The other formats are given the quality that keeps as much
 * on photographs, by a table: trials in them would cost as much as the picture itself.
 */
const TARGET_SSIM = 0.966;
const TRIALS = [64, 82] as const;
/** Below, bands and blocks show in what is so soft that its likeness does not fall; above, bytes buy nothing that is seen. */
const LEAST = 60;
const MOST = 88;

/**
 * Qualities of the same likeness on ten photographs of 640 pixels: JPEG as libvips writes it, WebP with effort 4, AVIF with effort 2. Mean SSIM of
 * the rows: 0.960, 0.969, 0.973, 0.978, 0.983, 0.989.
 */
const ALIKE: Readonly<Record<'jpeg' | 'webp' | 'avif', readonly number[]>> = {
  jpeg: [60, 70, 75, 80, 85, 90],
  webp: [56, 70, 76, 80, 84, 89],
  avif: [51, 57, 60, 65, 70, 78],
};

/** Where it cannot be looked at: an animation, or a picture too large to be held. */
const UNSEEN = 76;

/** A sample is four tiles of this side: out of the middle of each quarter, at full size, since shrinking would change what is to be measured. */
const TILE = 96;
const BLOCK = 16;

/**
 * The quality for a picture in the scale of its format: the one that was asked for, or the one that it needs. The same for the same pixels.
 * About 2 ms of a processor. PNG and GIF have none, and get 100.
 *
 * @param pixels those of the picture; undefined where they are not held.
 */
export async function qualityFor(
  { quality, lossless }: Pick<Variant, 'quality' | 'lossless'>,
  format: Format,
  pixels: Pixels | undefined,
  deadline: Deadline,
): Promise<number> {
  if (format === 'png' || format === 'gif') return 100;
  if (quality !== 'auto') return Math.min(100, Math.max(1, Math.round(quality)));
  const needed = pixels === undefined || lossless ? UNSEEN : await neededBy(sampleOf(pixels), deadline);
  return inScaleOf(format, needed);
}

/** In the scale of JPEG. */
async function neededBy(sample: Luma, deadline: Deadline): Promise<number> {
  const losses = await Promise.all(TRIALS.map((quality) => lossAt(sample, quality, deadline)));
  // Of a flat picture nothing is lost.
  if (losses.some((loss) => loss < 1e-4)) return LEAST;
  const [low, high] = losses.map(Math.log) as [number, number];
  // The logarithm of what is lost falls in a line, nearly.
  const slope = (high - low) / (TRIALS[1] - TRIALS[0]);
  const needed = slope >= 0 ? MOST : TRIALS[0] + (Math.log(1 - TARGET_SSIM) - low) / slope;
  return Math.min(MOST, Math.max(LEAST, Math.round(needed)));
}

/** 0 for none. Of brightness alone, of which eyes see more, and which costs half. */
async function lossAt(sample: Luma, quality: number, deadline: Deadline): Promise<number> {
  const { width, height, data } = sample;
  const seconds = deadline.leftS();
  const jpeg = await sharp(data, { raw: { width, height, channels: 1 } })
    .toColourspace('b-w')
    .jpeg({ quality, optimiseCoding: false })
    .timeout({ seconds })
    .toBuffer();
  const decoded = await sharp(jpeg).toColourspace('b-w').timeout({ seconds }).raw().toBuffer();
  return 1 - ssim(sample, { data: decoded, width, height });
}

/** Without what can be seen through: what is behind it does not matter to the encoder. */
function sampleOf({ data, width, height, channels }: Pixels): Luma {
  const across = Math.min(width, 2 * TILE);
  const down = Math.min(height, 2 * TILE);
  const sample = new Uint8Array(across * down);
  const columns = Int32Array.from({ length: across }, (_, x) => placeOf(x, across, width));
  let to = 0;
  for (let y = 0; y < down; y += 1) {
    const row = placeOf(y, down, height) * width;
    for (let x = 0; x < across; x += 1) {
      const at = (row + columns[x]!) * channels;
      // As ITU-R BT.601 weighs them.
      const luma = 0.299 * data[at]! + 0.587 * data[at + 1]! + 0.114 * data[at + 2]!;
      sample[to] = channels === 4 ? 128 + ((luma - 128) * data[at + 3]!) / 255 : luma;
      to += 1;
    }
  }
  return { data: sample, width: across, height: down };
}

/**
 * Where a place of the sample is in the picture: each half of the former in the middle of a half of the latter; in steps of the blocks of JPEG,
 * since a picture that has been in such blocks before loses less in them.
 */
function placeOf(at: number, sampleLength: number, length: number): number {
  const half = Math.floor(sampleLength / 2);
  const shift = at < half ? (length - sampleLength) / 4 : ((length - sampleLength) * 3) / 4;
  return at + Math.floor(shift / BLOCK) * BLOCK;
}

function inScaleOf(format: 'jpeg' | 'webp' | 'avif', jpeg: number): number {
  const [from, to] = [ALIKE.jpeg, ALIKE[format]];
  const next = Math.min(
    from.length - 1,
    Math.max(
      1,
      from.findIndex((quality) => quality >= jpeg),
    ),
  );
  const [a, b] = [from[next - 1]!, from[next]!];
  return Math.round(to[next - 1]! + ((jpeg - a) / (b - a)) * (to[next]! - to[next - 1]!));
}
