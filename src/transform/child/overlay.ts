import type { OverlayOptions } from 'sharp';
import { sniff } from '../../image/sniff.ts';
import type { Overlay } from '../../image/variant.ts';
import type { TransformLimits } from '../messages.ts';
import { type Canvas, canvasOf, laidOut, pixelsOf, shownSize } from './canvas.ts';
import type { Pixels } from './colour.ts';
import { openOriginal, scaledSvg } from './decode.ts';
import { fractionsOf, layoutOf, type Size } from './geometry.ts';
import { failureOf, Refusal } from './refusal.ts';
import type { Deadline } from './task.ts';
import { endsEarly } from './wholeness.ts';

/**
 * The layer that an overlay puts on a picture. Throws {@link Refusal} 'overlay' for whatever is wrong with it.
 *
 * @param on the size of the picture, and the frames that it has.
 */
export async function layerOf(
  overlay: Overlay,
  bytes: Uint8Array | undefined,
  on: Size & { readonly frames: number },
  limits: TransformLimits,
  deadline: Deadline,
): Promise<OverlayOptions | undefined> {
  const room = {
    width: on.width - marginAcross(overlay),
    height: on.height - marginDown(overlay),
  };
  // Nothing fits between margins as wide as the picture.
  if (room.width < 1 || room.height < 1) return undefined;
  const piece = faded(await pieceOf(overlay, bytes, on, room, limits, deadline), overlay.opacity);
  if (overlay.tile) return layer(spread(piece, overlay, on), on.frames);
  return layer(placed(piece, overlay, on), on.frames);
}

async function pieceOf(
  overlay: Overlay,
  bytes: Uint8Array | undefined,
  on: Size,
  room: Size,
  limits: TransformLimits,
  deadline: Deadline,
): Promise<Pixels> {
  if (bytes === undefined) throw new Refusal('overlay', 'The overlay was not handed over.');
  try {
    const opened = await openOriginal(bytes, false, limits);
    const wish = (canvas: Canvas) =>
      layoutOf(shownSize(canvas), {
        width: overlay.scale === undefined ? room.width : widthOf(overlay.scale, on, room),
        height: room.height,
        fit: 'inside',
        enlarge: overlay.scale !== undefined,
        position: 'centre',
      });
    const first = canvasOf(opened, 1, limits);
    const scale = wish(first).scaled.width / shownSize(first).width;
    const canvas =
      opened.format === 'svg' ? canvasOf(await scaledSvg(opened, scale, limits), 1, limits) : first;
    return await pixelsOf(laidOut(canvas, wish(canvas)).ensureAlpha(), deadline);
  } catch (thrown) {
    const { cause, detail } = failureOf(thrown, {
      endsEarly: () => endsEarly(sniff(bytes), bytes),
      isLate: () => deadline.isOver(),
    });
    if (cause === 'timeout' || cause === 'memory') throw thrown;
    throw new Refusal('overlay', `The overlay could not be used: ${cause}. ${detail}`);
  }
}

function widthOf(scale: number, on: Size, room: Size): number {
  return Math.min(room.width, Math.max(1, Math.round(on.width * scale)));
}

/** Margins are kept at the edges that the overlay is put to; a tile has one on each side. */
function marginAcross({ gravity, margin, tile }: Overlay): number {
  return tile ? 2 * margin : /west|east/.test(gravity) ? margin : 0;
}
function marginDown({ gravity, margin, tile }: Overlay): number {
  return tile ? 2 * margin : /north|south/.test(gravity) ? margin : 0;
}

/** The piece alone, where it goes. */
function placed(piece: Pixels, { gravity, margin }: Overlay, on: Size): Placed {
  const [x, y] = fractionsOf(gravity);
  const inset = (fraction: number): number => margin * Math.sign(0.5 - fraction);
  return {
    pixels: piece,
    left: Math.round((on.width - piece.width) * x) + inset(x),
    top: Math.round((on.height - piece.height) * y) + inset(y),
    on,
  };
}

/** The piece again and again over the whole picture, with its margin around each. */
function spread(piece: Pixels, overlay: Overlay, on: Size): Placed {
  const { margin } = overlay;
  const pitch = { width: piece.width + 2 * margin, height: piece.height + 2 * margin };
  const start = placed(piece, overlay, on);
  const data = new Uint8Array(on.width * on.height * 4);
  const first = (at: number, step: number): number => (((at % step) + step) % step) - step;
  for (let top = first(start.top, pitch.height); top < on.height; top += pitch.height) {
    for (let left = first(start.left, pitch.width); left < on.width; left += pitch.width)
      draw(piece, left, top, data, on);
  }
  return { pixels: { data, width: on.width, height: on.height, channels: 4 }, left: 0, top: 0, on };
}

interface Placed {
  readonly pixels: Pixels;
  readonly left: number;
  readonly top: number;
  readonly on: Size;
}

/** As sharp takes it. The frames of an animation lie one below the other: the layer is as large as one, and repeated. */
function layer({ pixels, left, top, on }: Placed, frames: number): OverlayOptions {
  if (frames === 1) return { input: bufferOf(pixels.data), raw: rawOf(pixels), left, top };
  const data = new Uint8Array(on.width * on.height * 4);
  draw(pixels, left, top, data, on);
  const whole = { data, width: on.width, height: on.height, channels: 4 } as const;
  return { input: bufferOf(data), raw: rawOf(whole), tile: true, gravity: 'northwest' };
}

function rawOf({ width, height, channels }: Pixels): Omit<Pixels, 'data'> {
  return { width, height, channels };
}

/** Copies the rows of a piece, as far as they are inside. */
function draw(piece: Pixels, left: number, top: number, data: Uint8Array, on: Size): void {
  const from = Math.max(0, -left);
  const until = Math.min(piece.width, on.width - left);
  if (until <= from) return;
  for (let row = Math.max(0, -top); row < Math.min(piece.height, on.height - top); row += 1) {
    const line = piece.data.subarray((row * piece.width + from) * 4, (row * piece.width + until) * 4);
    data.set(line, ((top + row) * on.width + left + from) * 4);
  }
}

function faded(piece: Pixels, opacity: number): Pixels {
  if (opacity >= 1) return piece;
  const data = piece.data.slice();
  for (let at = 3; at < data.length; at += 4) data[at] = Math.round(data[at]! * opacity);
  return { ...piece, data };
}

/** The same bytes under the type that sharp wants. */
function bufferOf({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}
