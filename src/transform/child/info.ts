import type { TransformLimits } from '../messages.ts';
import { bake, canvasOf, shownSize } from './canvas.ts';
import { dominantOf } from './colour.ts';
import type { Original } from './decode.ts';
import { layoutOf, turnedSize } from './geometry.ts';
import { hashOf, THUMB_SIDE } from './placeholder.ts';
import type { Deadline } from './task.ts';

/** Facts about an original, as `output: json` says them. */
export interface ImageInfo {
  readonly format: string;
  /** Of one frame, as shown: with the orientation applied. */
  readonly width: number;
  readonly height: number;
  /** The EXIF value, 1 to 8. */
  readonly orientation: number;
  readonly frames: number;
  readonly hasAlpha: boolean;
  readonly bytes: number;
  /** The colour space as stored: `srgb`, `b-w`, `cmyk`, ... */
  readonly space: string;
  /** The colour that there is most of: `#rrggbb`. */
  readonly dominant: string;
  /** In base64 (evanw/thumbhash). */
  readonly thumbhash: string;
}

const WITHIN = {
  width: THUMB_SIDE,
  height: THUMB_SIDE,
  fit: 'inside',
  enlarge: false,
  position: 'centre',
} as const;

/**
 * Decodes a small version of the first frame, and the header.
 *
 * @param drawn the original itself; of a drawing, as small as it is looked at here.
 */
export async function infoOf(
  original: Original,
  drawn: Original,
  limits: TransformLimits,
  deadline: Deadline,
): Promise<ImageInfo> {
  const canvas = canvasOf(drawn, 1, limits);
  const small = await bake(canvas, layoutOf(shownSize(canvas), WITHIN), deadline);
  const dominant = dominantOf(small.pixels!);
  const hex = (channel: number): string => channel.toString(16).padStart(2, '0');
  return {
    format: original.format,
    ...turnedSize(original.size, original.turn),
    orientation: original.metadata.orientation ?? 1,
    frames: original.frames,
    hasAlpha: original.hasAlpha,
    bytes: original.bytes.length,
    space: original.metadata.space,
    dominant: `#${hex(dominant.r)}${hex(dominant.g)}${hex(dominant.b)}`,
    thumbhash: hashOf(small.pixels!),
  };
}
