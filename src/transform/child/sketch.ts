import type { Variant } from '../../image/variant.ts';
import { bake, type Canvas, canvasOf, plainLayout } from './canvas.ts';
import { CLEAR, type Colour, colourOf, hasFewColours, isOpaque, WHITE } from './colour.ts';
import type { Original } from './decode.ts';
import { isUpright, type Layout, pixelsOf } from './geometry.ts';
import { cutAndTurned, laidFor } from './shape.ts';
import { checkLayout, type Task } from './task.ts';

/** A picture whose shape is settled: what is left is its colours, and to encode it. */
export interface Sketch {
  readonly canvas: Canvas;
  readonly layout: Layout;
  /** The colour behind it, where one was asked for. */
  readonly ground: Colour | undefined;
  /** Something of the image itself can be seen through. */
  readonly isClear: boolean;
  /** A palette would hold its colours exactly; only looked for where it could be. */
  readonly hasFewColours: boolean;
}

/** Larger pictures are not held in memory just to look at them: 8 megapixels are 32 MB. */
const LOOKED_AT_PIXELS_MAX = 8_000_000;

/**
 * Settles the shape. Where something depends on pixels (transparency, colours, quality), they are decoded here, as small as they will be.
 *
 * @param frames of the original that are read.
 */
export async function sketch(task: Task, original: Original, frames: number): Promise<Sketch> {
  const { variant, limits, deadline } = task;
  const ground = variant.background === undefined ? undefined : colourOf(variant.background);
  const start = canvasOf(original, frames, limits);
  const corners = ground ?? (mayBeClear(variant, original) ? CLEAR : WHITE);
  const shaped = await cutAndTurned(start, variant, corners, deadline);
  const check = (layout: Layout): void => checkLayout(layout, frames, limits);
  const { canvas, layout } = await laidFor(shaped, variant, original.format === 'svg', check, deadline);

  const kept = layout.crop ?? layout.scaled;
  const isLookedAt =
    frames === 1 && pixelsOf(kept) <= LOOKED_AT_PIXELS_MAX && depends(variant, original, canvas);
  if (!isLookedAt && !needsPixels(variant, original, canvas))
    return { canvas, layout, ground, isClear: canvas.hasAlpha, hasFewColours: false };

  const baked = await bake(canvas, { ...layout, canvas: undefined, result: kept }, deadline);
  const pixels = baked.pixels!;
  return {
    canvas: baked,
    layout: { ...plainLayout(kept), canvas: layout.canvas, result: layout.result },
    ground,
    isClear: canvas.hasAlpha && !(frames === 1 && isOpaque(pixels)),
    hasFewColours: frames === 1 && isGraphic(original) && isUnpainted(variant) && hasFewColours(pixels),
  };
}

/** Made by drawing rather than by a camera, as far as a format tells. */
export function isGraphic({ format }: Original): boolean {
  return format === 'png' || format === 'gif' || format === 'svg';
}

/** Corners and margins may stay clear; but a photograph does not become a PNG for the sake of its corners. */
export function mayBeClear({ output }: Variant, { hasAlpha, format }: Original): boolean {
  if (output === 'jpeg') return false;
  if (output === 'auto') return hasAlpha;
  return !(output === 'source' && (format === 'jpeg' || (format === 'tiff' && !hasAlpha)));
}

/** Whether the choice of a format or of a quality depends on what the pixels are. */
function depends({ output, quality, lossless }: Variant, original: Original, canvas: Canvas): boolean {
  if (output === 'gif') return false;
  const choosesQuality = quality === 'auto' && !lossless && output !== 'png';
  return choosesQuality || isGraphic(original) || (output === 'auto' && canvas.hasAlpha);
}

/** Whether it cannot be done in one pass. */
function needsPixels(variant: Variant, original: Original, { frames, turn }: Canvas): boolean {
  const isMirrored = turn.quarters === 0;
  const isSmeared = variant.blur > 0 || variant.sharpen > 0;
  if (frames > 1 && (isSmeared || !isMirrored)) return true;
  // What is kept of the metadata would have the orientation with it, which has been applied.
  return variant.metadata === 'copyright' && !isUpright(original.turn);
}

/** Nothing puts colours in between those that there are. */
function isUnpainted({ blur, sharpen, overlay }: Variant): boolean {
  return blur === 0 && sharpen === 0 && overlay === undefined;
}
