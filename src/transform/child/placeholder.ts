import { rgbaToThumbHash } from 'thumbhash';
import type { Variant } from '../../image/variant.ts';
import type { Canvas } from './canvas.ts';
import type { Pixels } from './colour.ts';
import type { Deadline } from './task.ts';

/** What ThumbHash takes at most, in pixels a side. */
export const THUMB_SIDE = 100;
/** Some twenty times smaller than what it stands for, and shown blurred. In pixels a side. */
export const LQIP_SIDE = 32;

/** The ThumbHash (evanw/thumbhash) in base64, about 28 characters. @param pixels at most {@link THUMB_SIDE} a side. */
export function hashOf(pixels: Pixels): string {
  const { width, height, data } = withAlpha(pixels);
  return Buffer.from(rgbaToThumbHash(width, height, data)).toString('base64');
}

/** A picture of a few hundred bytes of WebP, smooth enough to be stretched. @param small at most {@link LQIP_SIDE} a side. */
export async function lqipOf(small: Canvas, grey: boolean, deadline: Deadline): Promise<Uint8Array> {
  return small
    .open()
    .greyscale(grey)
    .blur(0.7)
    .webp({ quality: 40, alphaQuality: 40, effort: 6 })
    .timeout({ seconds: deadline.leftS() })
    .toBuffer();
}

/** The variant as small as a placeholder is. Of a size that was asked for only the shape counts, and only where the fit is to fill it. */
export function asPlaceholder(variant: Variant, side: number): Variant {
  const { width, height, fit } = variant;
  if (width === undefined || height === undefined || fit === 'inside' || fit === 'outside')
    return { ...variant, width: side, height: side, fit: 'inside', enlarge: false };
  const scale = side / Math.max(width, height);
  return {
    ...variant,
    fit: fit === 'fill' ? 'fill' : 'cover',
    width: Math.max(1, Math.round(width * scale)),
    height: Math.max(1, Math.round(height * scale)),
    enlarge: false,
  };
}

function withAlpha({ data, width, height, channels }: Pixels): Pixels {
  if (channels === 4) return { data, width, height, channels };
  const wide = new Uint8Array(width * height * 4).fill(255);
  for (let from = 0, to = 0; from < data.length; from += 3, to += 4)
    wide.set(data.subarray(from, from + 3), to);
  return { data: wide, width, height, channels: 4 };
}
