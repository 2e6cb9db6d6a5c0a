import type { Sharp } from 'sharp';
import type { Variant } from '../../image/variant.ts';
import { type Canvas, eachFrame, laidOut } from './canvas.ts';
import { CLEAR, type Colour, onWhite, WHITE } from './colour.ts';
import type { Original } from './decode.ts';
import { type Encoding, encoded } from './encode.ts';
import { copyrightOf } from './exif.ts';
import { chooseFormat, type Format, typeOf } from './format.ts';
import { mayStay } from './keep.ts';
import { layerOf } from './overlay.ts';
import { qualityFor } from './quality.ts';
import { isGraphic, mayBeClear, type Sketch, sketch } from './sketch.ts';
import type { Product, Task } from './task.ts';

type PictureOutput = Exclude<Variant['output'], 'json' | 'thumbhash' | 'lqip'>;

/**
 * Makes the picture that a variant asks for, in one pass where nothing has to look at pixels first. Throws what libvips throws.
 *
 * @param frames of the original that are read.
 */
export async function paint(
  task: Task,
  output: PictureOutput,
  original: Original,
  frames: number,
): Promise<Product> {
  const { variant } = task;
  const drawn = await sketch(task, original, frames);
  const choice = chooseFormat(output, {
    source: original.format,
    frames,
    hasAlpha: showsThrough(drawn, variant, original),
    provisional: task.provisional,
  });
  const encoding: Encoding = {
    format: choice.format,
    quality: await qualityFor(variant, choice.format, drawn.canvas.pixels, task.deadline),
    lossless: variant.lossless,
    progressive: variant.progressive,
    isGraphic: isGraphic(original),
    hasFewColours: drawn.hasFewColours,
    delaysMs: frames > 1 ? original.metadata.delay : undefined,
    loop: frames > 1 ? original.metadata.loop : undefined,
  };
  const { format, body } = await smallest(task, original, drawn, alternatives(output, encoding));
  const { provisional } = choice;
  const size = drawn.layout.result;
  if (body.length >= task.bytes.length && mayStay(variant, original, size, frames)) {
    // Of a class, so it is a format that comes out.
    const contentType = typeOf(original.format as Format);
    return { made: { contentType, ...size, frames, isOriginal: true, provisional }, body: new Uint8Array(0) };
  }
  const made = { contentType: typeOf(format), ...size, frames: framesIn(format, frames) };
  return { made: { ...made, isOriginal: false, provisional }, body };
}

/** Whether the result has something to be seen through. */
function showsThrough({ ground, layout, isClear }: Sketch, variant: Variant, original: Original): boolean {
  if (ground?.alpha === 1) return false;
  const isPadded = layout.canvas !== undefined && (ground !== undefined || mayBeClear(variant, original));
  return isClear || isPadded;
}

function framesIn(format: Format, frames: number): number {
  return format === 'gif' || format === 'webp' ? frames : 1;
}

/** What to try: graphics of few colours are often smallest, and exact, where nothing is lost. */
function alternatives(output: PictureOutput, first: Encoding): Encoding[] {
  if (!first.hasFewColours) return [first];
  if (first.format === 'webp' && !first.lossless) return [first, { ...first, lossless: true }];
  if (first.format === 'jpeg' && output === 'auto') return [first, { ...first, format: 'png' }];
  return [first];
}

async function smallest(
  task: Task,
  original: Original,
  drawn: Sketch,
  encodings: readonly Encoding[],
): Promise<{ readonly format: Format; readonly body: Uint8Array }> {
  let best: { readonly format: Format; readonly body: Uint8Array } | undefined;
  for (const encoding of encodings) {
    const pipeline = await finished(task, original, drawn, encoding.format);
    const body = await encoded(pipeline, encoding).timeout({ seconds: task.deadline.leftS() }).toBuffer();
    if (best === undefined || body.length < best.body.length) best = { format: encoding.format, body };
  }
  return best!;
}

/** The pipeline up to the encoder: shape, effects, overlay, background. */
async function finished(task: Task, original: Original, drawn: Sketch, format: Format): Promise<Sharp> {
  const { variant, deadline, limits } = task;
  const { layout, ground } = drawn;
  const { frames } = drawn.canvas;
  let pipeline: Sharp;
  if (frames > 1 && (variant.blur > 0 || variant.sharpen > 0)) {
    // Frame by frame, or each would run into the next.
    const smear = (frame: Canvas): Sharp => smeared(laidOut(frame, layout), variant);
    pipeline = (await eachFrame(drawn.canvas, smear, deadline)).open();
  } else pipeline = smeared(laidOut(drawn.canvas, layout), variant);
  if (variant.grey) pipeline = pipeline.greyscale();

  const behind = groundFor(ground, format);
  if (layout.canvas !== undefined) pipeline = padded(pipeline, layout, behind);
  // The order of these is sharp's own: flatten is before the layers, which comes to the same.
  if (behind?.alpha === 1 && (drawn.canvas.hasAlpha || ground === undefined))
    pipeline = pipeline.flatten({ background: behind });
  const on = { ...layout.result, frames };
  const layers = [];
  if (variant.overlay !== undefined) {
    const layer = await layerOf(variant.overlay, task.overlay, on, limits, deadline);
    if (layer !== undefined) layers.push(layer);
  }
  if (behind !== undefined && behind.alpha > 0 && behind.alpha < 1) layers.push(veil(behind, on));
  if (layers.length > 0) pipeline = pipeline.composite(layers);
  // Layers bring an alpha channel with them, and so does one that nothing is seen through.
  const isVeiled = behind !== undefined && behind.alpha < 1;
  if (!drawn.isClear && layout.canvas === undefined && !isVeiled) pipeline = pipeline.removeAlpha();
  return variant.metadata === 'copyright' ? withCopyright(pipeline, original) : pipeline;
}

function smeared(pipeline: Sharp, { blur, sharpen }: Variant): Sharp {
  const blurred = blur > 0 ? pipeline.blur(blur) : pipeline;
  return sharpen > 0 ? blurred.sharpen({ sigma: sharpen }) : blurred;
}

/** What is put behind a picture: what was asked for, or white where the format has no transparency. Undefined for nothing. */
function groundFor(ground: Colour | undefined, format: Format): Colour | undefined {
  if (format === 'jpeg') return ground === undefined ? WHITE : onWhite(ground);
  return ground;
}

function padded(pipeline: Sharp, layout: Sketch['layout'], behind: Colour | undefined): Sharp {
  const { left, top, width, height } = layout.canvas!;
  const inner = layout.crop ?? layout.scaled;
  return pipeline.extend({
    left,
    top,
    right: width - left - inner.width,
    bottom: height - top - inner.height,
    // A veil covers the margin too.
    background: behind?.alpha === 1 ? behind : CLEAR,
  });
}

/** A colour that lets something through, behind everything. */
function veil(colour: Colour, { width, height, frames }: { width: number; height: number; frames: number }) {
  const create = { width, height: height * frames, channels: 4 as const, background: colour };
  return { input: { create }, blend: 'dest-over' as const, left: 0, top: 0 };
}

function withCopyright(pipeline: Sharp, { metadata }: Original): Sharp {
  const fields = copyrightOf(metadata.exif);
  return Object.keys(fields).length === 0 ? pipeline : pipeline.withExif({ IFD0: { ...fields } });
}
