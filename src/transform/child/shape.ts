import sharp from 'sharp';
import type { Variant } from '../../image/variant.ts';
import { bake, type Canvas, eachFrame, framesOf, plainLayout, shownSize, turned } from './canvas.ts';
import type { Colour } from './colour.ts';
import { type Box, boxOf, type Layout, layoutOf, storedBox, turnOfVariant } from './geometry.ts';
import type { Deadline } from './task.ts';

/**
 * The first part of a variant's operations, up to the resize: `rect`, `trim`, `rotate`, `flip` and `flop`. What needs no pixels is only
 * noted on the canvas.
 *
 * @param corners what a rotation fills its corners with.
 */
export async function cutAndTurned(
  canvas: Canvas,
  variant: Variant,
  corners: Colour,
  deadline: Deadline,
): Promise<Canvas> {
  const box = boxOf(variant.rect, shownSize(canvas));
  let next = box === undefined ? canvas : { ...canvas, cut: storedBox(box, canvas.size, canvas.turn) };
  if (variant.trim > 0) next = await trimmed(next, variant.trim, deadline);
  if (variant.rotate % 90 !== 0) next = await rotated(next, variant.rotate, corners, deadline);
  return turned(next, turnOfVariant(variant));
}

/** Without its borders: of all frames the same part is kept, in which each has all that it shows. */
async function trimmed(canvas: Canvas, threshold: number, deadline: Deadline): Promise<Canvas> {
  const size = shownSize(canvas);
  // sharp refuses to look at less.
  if (size.width < 3 && size.height < 3) return canvas;
  const baked = await bake(canvas, plainLayout(size), deadline);
  let cut: Box | undefined;
  for (const frame of framesOf(baked)) {
    const { info } = await frame
      .open()
      .trim({ threshold })
      .timeout({ seconds: deadline.leftS() })
      .raw()
      .toBuffer({ resolveWithObject: true });
    const [left, top] = [-(info.trimOffsetLeft ?? 0), -(info.trimOffsetTop ?? 0)];
    cut = around(cut, { left, top, width: info.width, height: info.height });
  }
  return { ...baked, cut };
}

function around(a: Box | undefined, b: Box): Box {
  if (a === undefined) return b;
  const left = Math.min(a.left, b.left);
  const top = Math.min(a.top, b.top);
  const width = Math.max(a.left + a.width, b.left + b.width) - left;
  const height = Math.max(a.top + a.height, b.top + b.height) - top;
  return { left, top, width, height };
}

/** By an angle that is no quarter: the canvas grows to hold the corners. */
async function rotated(canvas: Canvas, angle: number, corners: Colour, deadline: Deadline): Promise<Canvas> {
  const baked = await bake(canvas, plainLayout(shownSize(canvas)), deadline);
  return eachFrame(baked, (frame) => frame.open().rotate(angle, { background: corners }), deadline);
}

/** A canvas with the layout that a variant asks for, and the choice made where looking at the image decides what is kept. */
export async function laidFor(
  canvas: Canvas,
  variant: Variant,
  isDrawing: boolean,
  check: (layout: Layout) => void,
  deadline: Deadline,
): Promise<{ readonly canvas: Canvas; readonly layout: Layout }> {
  // A drawing has no pixels of its own to become larger than.
  const wish = isDrawing ? { ...variant, enlarge: true } : variant;
  const layout = layoutOf(shownSize(canvas), wish);
  check(layout);
  if (layout.smart === undefined) return { canvas, layout };
  const baked = await bake(canvas, { ...layout, smart: undefined, result: layout.scaled }, deadline);
  const { width, height } = layout.result;
  const [first] = framesOf(baked);
  const { info } = await first!
    .open()
    .resize(width, height, { fit: 'cover', position: sharp.strategy[layout.smart] })
    .timeout({ seconds: deadline.leftS() })
    .raw()
    .toBuffer({ resolveWithObject: true });
  const [left, top] = [-(info.cropOffsetLeft ?? 0), -(info.cropOffsetTop ?? 0)];
  return { canvas: { ...baked, cut: { left, top, width, height } }, layout: plainLayout(layout.result) };
}
