import type { Variant } from '../../image/variant.ts';
import type { Original } from './decode.ts';
import { isOfClass } from './format.ts';
import { isUpright, type Size } from './geometry.ts';

/**
 * True where the original itself would do for a variant: nothing was asked for that changes a pixel, its format is one that could come
 * out, and it has nothing that would have been left behind or converted (metadata, other colours than sRGB).
 *
 * @param result the size that the variant works out to.
 */
export function mayStay(variant: Variant, original: Original, result: Size, frames: number): boolean {
  const { size, turn, metadata } = original;
  const isUntouched =
    variant.rect === undefined &&
    variant.trim === 0 &&
    variant.rotate === 0 &&
    !variant.flip &&
    !variant.flop &&
    !variant.grey &&
    variant.blur === 0 &&
    variant.sharpen === 0 &&
    variant.overlay === undefined &&
    (variant.background === undefined || !original.hasAlpha) &&
    result.width === size.width &&
    result.height === size.height;
  const hasExtras = metadata.exif !== undefined || metadata.xmp !== undefined || metadata.iptc !== undefined;
  return (
    isUntouched &&
    isUpright(turn) &&
    isOfClass(variant.output, original.format) &&
    frames === original.frames &&
    !variant.lossless &&
    !hasExtras &&
    isSrgb(original)
  );
}

/** Without a profile, or with one that calls itself sRGB (as ASCII, or as UTF-16 in version 4 profiles). */
function isSrgb({ metadata }: Original): boolean {
  if (metadata.space !== 'srgb' && metadata.space !== 'b-w') return false;
  if (!metadata.hasProfile) return true;
  const text = new TextDecoder('latin1').decode(metadata.icc);
  return text.includes('sRGB') || text.includes('s\0R\0G\0B');
}
