import type { Position, Rect, Variant } from '../../image/variant.ts';

/** Sizes and places in pixels, turns by quarters: what a variant asks for, worked out. Nothing here knows a decoder. */
export interface Size {
  readonly width: number;
  readonly height: number;
}
/** A part of an image. */
export interface Box extends Size {
  readonly left: number;
  readonly top: number;
}

/** One of the eight ways to lay a rectangle: mirrored left to right or not, then turned clockwise. */
export interface Turn {
  readonly flop: boolean;
  readonly quarters: number;
}

/** As it is. */
export const UPRIGHT: Turn = { flop: false, quarters: 0 };

/** What EXIF orientations 1 to 8 ask of a viewer (Exif 2.32, section 4.6.4, tag 0x0112). */
const ORIENTATIONS: readonly Turn[] = [
  UPRIGHT,
  { flop: true, quarters: 0 },
  { flop: false, quarters: 2 },
  { flop: true, quarters: 2 },
  { flop: true, quarters: 3 },
  { flop: false, quarters: 1 },
  { flop: true, quarters: 1 },
  { flop: false, quarters: 3 },
];

/** @param orientation the EXIF value; anything but 2 to 8 is upright. */
export function turnOfOrientation(orientation: number | undefined): Turn {
  return ORIENTATIONS[(orientation ?? 1) - 1] ?? UPRIGHT;
}

/** The turns that a variant asks for, as far as they are quarters: rotate, then flip and flop. */
export function turnOfVariant({ rotate, flip, flop }: Pick<Variant, 'rotate' | 'flip' | 'flop'>): Turn {
  const quarters = rotate % 90 === 0 ? rotate / 90 : 0;
  const turned = { flop: false, quarters };
  const flipped = flip ? chain(turned, { flop: true, quarters: 2 }) : turned;
  return flop ? chain(flipped, { flop: true, quarters: 0 }) : flipped;
}

/** First one turn, then another. */
export function chain(first: Turn, second: Turn): Turn {
  const quarters = second.quarters + (second.flop ? -first.quarters : first.quarters);
  return { flop: first.flop !== second.flop, quarters: (quarters + 8) % 4 };
}

/** True for a turn that changes nothing. */
export function isUpright({ flop, quarters }: Turn): boolean {
  return !flop && quarters === 0;
}

/** The size of an image after a turn. */
export function turnedSize({ width, height }: Size, { quarters }: Turn): Size {
  return quarters % 2 === 0 ? { width, height } : { width: height, height: width };
}

/** Where a part of the turned image lies in the image as it is stored. `stored` is the size of the latter. */
export function storedBox(box: Box, stored: Size, { flop, quarters }: Turn): Box {
  let { left, top, width, height } = box;
  let size = turnedSize(stored, { flop, quarters });
  for (let quarter = 0; quarter < quarters; quarter += 1) {
    [left, top] = [top, size.width - left - width];
    [width, height] = [height, width];
    size = { width: size.height, height: size.width };
  }
  return { left: flop ? stored.width - left - width : left, top, width, height };
}

/** The part that a rectangle cuts out of an image; undefined for all of it, and for one that lies outside. */
export function boxOf(rect: Rect | undefined, { width, height }: Size): Box | undefined {
  if (rect === undefined) return undefined;
  const [across, down] = rect.relative ? [width, height] : [1, 1];
  const left = clamp(Math.round(rect.x * across), 0, width);
  const top = clamp(Math.round(rect.y * down), 0, height);
  const right = clamp(Math.round((rect.x + rect.width) * across), 0, width);
  const bottom = clamp(Math.round((rect.y + rect.height) * down), 0, height);
  const box = { left, top, width: right - left, height: bottom - top };
  if (box.width <= 0 || box.height <= 0) return undefined;
  return box.width === width && box.height === height ? undefined : box;
}

/** How an image becomes as large as asked: scaled, then cut or put on a canvas. */
export interface Layout {
  readonly scaled: Size;
  /** Part of the scaled image that is kept; undefined for all of it, and where `smart` is yet to say. */
  readonly crop: Box | undefined;
  /** What of it is kept is chosen by looking at it. */
  readonly smart: 'attention' | 'entropy' | undefined;
  /** The canvas that it is put on, with where it is put; undefined for none. */
  readonly canvas: Box | undefined;
  readonly result: Size;
}

/** What decides about sizes. */
export type Wish = Pick<Variant, 'width' | 'height' | 'fit' | 'enlarge' | 'position'>;

/**
 * Works a wish out for an image of a size. Where it may not become larger than it is, `cover` and `fill` keep the shape that was asked
 * for and give less of it, so that a page's layout holds; `contain` keeps its canvas.
 */
export function layoutOf(source: Size, wish: Wish): Layout {
  const { width, height, fit } = wish;
  if (width === undefined || height === undefined || fit === 'inside' || fit === 'outside') {
    const scaled = times(source, bounded(scaleOf(source, wish), wish.enlarge));
    return { scaled, crop: undefined, smart: undefined, canvas: undefined, result: scaled };
  }
  if (fit === 'contain') return onCanvas(source, { width, height }, wish);
  const box = wish.enlarge ? { width, height } : shrunkInto({ width, height }, source);
  if (fit === 'fill')
    return { scaled: box, crop: undefined, smart: undefined, canvas: undefined, result: box };
  return covering(source, box, wish.position);
}

function onCanvas(source: Size, { width, height }: Size, wish: Wish): Layout {
  const scaled = times(source, bounded(Math.min(width / source.width, height / source.height), wish.enlarge));
  const [x, y] = fractionsOf(wish.position);
  const left = Math.round((width - scaled.width) * x);
  const top = Math.round((height - scaled.height) * y);
  const fills = scaled.width === width && scaled.height === height;
  const canvas = fills ? undefined : { left, top, width, height };
  return { scaled, crop: undefined, smart: undefined, canvas, result: { width, height } };
}

function covering(source: Size, box: Size, position: Position): Layout {
  const scale = Math.max(box.width / source.width, box.height / source.height);
  const least = times(source, scale);
  const scaled = { width: Math.max(box.width, least.width), height: Math.max(box.height, least.height) };
  const spareX = scaled.width - box.width;
  const spareY = scaled.height - box.height;
  if (spareX === 0 && spareY === 0)
    return { scaled, crop: undefined, smart: undefined, canvas: undefined, result: box };
  if (position === 'attention' || position === 'entropy')
    return { scaled, crop: undefined, smart: position, canvas: undefined, result: box };
  const [x, y] = fractionsOf(position);
  // A focal point is to be in the middle, as far as the image reaches; an edge is an edge.
  const isPoint = typeof position !== 'string';
  const left = isPoint ? clamp(Math.round(x * scaled.width - box.width / 2), 0, spareX) : spareX * x;
  const top = isPoint ? clamp(Math.round(y * scaled.height - box.height / 2), 0, spareY) : spareY * y;
  const crop = { left: Math.round(left), top: Math.round(top), ...box };
  return { scaled, crop, smart: undefined, canvas: undefined, result: box };
}

/** Of both lengths, or of the one that is asked for. */
function scaleOf(source: Size, { width, height, fit }: Wish): number {
  const across = width === undefined ? undefined : width / source.width;
  const down = height === undefined ? undefined : height / source.height;
  if (across === undefined || down === undefined) return across ?? down ?? 1;
  return fit === 'outside' ? Math.max(across, down) : Math.min(across, down);
}

function bounded(scale: number, enlarge: boolean): number {
  return enlarge ? scale : Math.min(1, scale);
}

function times({ width, height }: Size, scale: number): Size {
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** The same shape, no larger than `limit` on either side. */
function shrunkInto(box: Size, limit: Size): Size {
  return times(box, Math.min(1, limit.width / box.width, limit.height / box.height));
}

/** From 0 (left, top) to 1 (right, bottom). What is chosen by looking counts as the middle. */
export function fractionsOf(position: Position): [x: number, y: number] {
  if (typeof position !== 'string') return [clamp(position.x, 0, 1), clamp(position.y, 0, 1)];
  const x = position.endsWith('west') ? 0 : position.endsWith('east') ? 1 : 0.5;
  const y = position.startsWith('north') ? 0 : position.startsWith('south') ? 1 : 0.5;
  return [x, y];
}

/** The pixels of a size. */
export function pixelsOf({ width, height }: Size): number {
  return width * height;
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
