import sharp, { type Sharp } from 'sharp';
import type { TransformLimits } from '../messages.ts';
import type { Pixels } from './colour.ts';
import { type Original, pipelineOf } from './decode.ts';
import {
  type Box,
  chain,
  isUpright,
  type Layout,
  type Size,
  type Turn,
  turnedSize,
  UPRIGHT,
} from './geometry.ts';
import type { Deadline } from './task.ts';

/**
 * An image on its way: what it is read from, and what is still to be done to it: a part to cut out (where it is stored), then a turn.
 * As long as nothing needs its pixels it is the original, so that decoders may shrink while they load.
 */
export interface Canvas {
  /** Of one frame, as stored. */
  readonly size: Size;
  readonly cut: Box | undefined;
  readonly turn: Turn;
  readonly frames: number;
  readonly hasAlpha: boolean;
  /** Undefined while the original has not been decoded. */
  readonly pixels: Pixels | undefined;
  /** A new pipeline that reads it. */
  open(): Sharp;
}

/** The canvas that an original is. */
export function canvasOf(original: Original, frames: number, limits: TransformLimits): Canvas {
  return {
    size: original.size,
    cut: undefined,
    turn: original.turn,
    frames,
    hasAlpha: original.hasAlpha,
    pixels: undefined,
    open: () => pipelineOf(original, frames > 1, limits),
  };
}

/** A canvas of pixels in memory. */
function canvasOfPixels(pixels: Pixels, frames: number): Canvas {
  const size = { width: pixels.width, height: pixels.height / frames };
  return {
    size,
    cut: undefined,
    turn: UPRIGHT,
    frames,
    hasAlpha: pixels.channels === 4,
    pixels,
    open: () => openPixels(pixels, frames),
  };
}

/** The size that it will have when it has been cut and turned. */
export function shownSize({ size, cut, turn }: Canvas): Size {
  return turnedSize(cut ?? size, turn);
}

/** Another turn, after those before. */
export function turned(canvas: Canvas, turn: Turn): Canvas {
  return { ...canvas, turn: chain(canvas.turn, turn) };
}

/** A layout that leaves an image as it is. */
export function plainLayout(size: Size): Layout {
  return { scaled: size, crop: undefined, smart: undefined, canvas: undefined, result: size };
}

/**
 * The pipeline that cuts, scales, turns and cuts again: one pass, in which nothing larger than it must be is decoded. Padding is left to
 * the caller. A canvas of several frames must be upright, or mirrored left to right.
 */
export function laidOut(canvas: Canvas, layout: Layout): Sharp {
  const { cut, turn, size } = canvas;
  let pipeline = canvas.open();
  if (cut !== undefined) pipeline = pipeline.extract(cut);
  const stored = turnedSize(layout.scaled, turn);
  const from = cut ?? size;
  const isScaled = stored.width !== from.width || stored.height !== from.height;
  // sharp takes a second extraction for the one behind the resize only if there is one.
  if (isScaled || layout.crop !== undefined)
    pipeline = pipeline.resize(stored.width, stored.height, { fit: 'fill' });
  if (turn.flop) pipeline = pipeline.flop();
  if (turn.quarters > 0) pipeline = pipeline.rotate(turn.quarters * 90);
  return layout.crop === undefined ? pipeline : pipeline.extract(layout.crop);
}

/** Decodes: the pixels that a layout makes of a canvas, in sRGB. Afterwards nothing is left to be done. */
export async function bake(canvas: Canvas, layout: Layout, deadline: Deadline): Promise<Canvas> {
  const { frames, turn } = canvas;
  if (frames === 1 || isUpright(turn) || (turn.flop && turn.quarters === 0))
    return canvasOfPixels(await pixelsOf(laidOut(canvas, layout), deadline), frames);
  // Frames lie one below the other: turned together, they would also change places.
  const upright = { ...canvas, turn: UPRIGHT };
  const before = { ...plainLayout(turnedSize(layout.scaled, turn)) };
  const roll = await bake(upright, before, deadline);
  return eachFrame(
    roll,
    (frame) => laidOut({ ...frame, turn }, { ...plainLayout(layout.scaled), crop: layout.crop }),
    deadline,
  );
}

/** Does something to every frame by itself. All must come out equally large. */
export async function eachFrame(
  canvas: Canvas,
  change: (frame: Canvas) => Sharp,
  deadline: Deadline,
): Promise<Canvas> {
  const done: Pixels[] = [];
  for (const frame of framesOf(canvas)) done.push(await pixelsOf(change(frame), deadline));
  const { width, height, channels } = done[0]!;
  const data = new Uint8Array(done.reduce((sum, each) => sum + each.data.length, 0));
  let at = 0;
  for (const each of done) {
    data.set(each.data, at);
    at += each.data.length;
  }
  return canvasOfPixels({ data, width, height: height * done.length, channels }, done.length);
}

/** The frames of a canvas of pixels, each as one of its own. Nothing is copied. */
export function framesOf({ pixels, frames, cut, turn }: Canvas): Canvas[] {
  if (pixels === undefined) throw new TypeError('frames are those of pixels: bake first');
  const height = pixels.height / frames;
  const bytes = pixels.data.length / frames;
  return Array.from({ length: frames }, (_, index) => ({
    ...canvasOfPixels(
      { ...pixels, height, data: pixels.data.subarray(index * bytes, (index + 1) * bytes) },
      1,
    ),
    cut,
    turn,
  }));
}

/** Runs a pipeline up to its pixels, in sRGB with 8 bits a channel. */
export async function pixelsOf(pipeline: Sharp, deadline: Deadline): Promise<Pixels> {
  const { data, info } = await pipeline
    .toColourspace('srgb')
    .timeout({ seconds: deadline.leftS() })
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels: info.channels === 4 ? 4 : 3 };
}

function openPixels({ data, width, height, channels }: Pixels, frames: number): Sharp {
  const raw = { width, height, channels };
  if (frames === 1) return sharp(data, { raw, limitInputPixels: false });
  const pageHeight = height / frames;
  return sharp(data, { raw: { ...raw, pageHeight }, pages: -1, limitInputPixels: false });
}
