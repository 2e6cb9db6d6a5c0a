import { Unreadable } from './draft.ts';
import type { ImageRules } from './rules.ts';

/** How large a variant is to be, by an address: in CSS pixels, by which ratio to multiply, and of which shape. */
export interface Asked {
  readonly width: number | undefined;
  readonly height: number | undefined;
  /** Width over height; only where one of the two is not there. */
  readonly ratio: number | undefined;
  readonly dpr: number;
}

/** In pixels; undefined where it follows from the other, or from the original. */
export interface Size {
  readonly width: number | undefined;
  readonly height: number | undefined;
}

/**
 * The size in pixels, within the limits of the route. A width that the route has not becomes the next larger one that it has, in
 * the same shape to within a pixel; so does a height where there is no width. What is too large becomes as large as may be.
 *
 * @param isSaid false where a field of the request had a say: nothing is refused for that.
 * @throws Unreadable where other widths are refused.
 */
export function sizeOf(asked: Asked, rules: ImageRules, isSaid: boolean): Size {
  const { width, height } = shapeOf(asked);
  const main = width ?? height;
  if (main === undefined) return { width, height };
  const other = width === undefined ? undefined : height;
  const { sideMax, widths } = rules;
  const factor = Math.min(asked.dpr, sideMax / Math.max(main, other ?? 0));
  const wanted = Math.max(1, Math.round(main * factor));
  const made = widths.length === 0 ? wanted : snapped(wanted, main, other, rules, isSaid);
  const side = other === undefined ? undefined : bounded(Math.round((other * made) / main), sideMax);
  return width === undefined ? { width: undefined, height: made } : { width: made, height: side };
}

function shapeOf({ width, height, ratio }: Asked): Size {
  if (ratio === undefined || (width !== undefined && height !== undefined)) return { width, height };
  if (width !== undefined) return { width, height: Math.max(1, width / ratio) };
  if (height !== undefined) return { width: Math.max(1, height * ratio), height };
  return { width, height };
}

function snapped(
  wanted: number,
  main: number,
  other: number | undefined,
  { widths, otherWidths, sideMax }: ImageRules,
  isSaid: boolean,
): number {
  if (widths.includes(wanted)) return wanted;
  if (otherWidths === 'refuse' && isSaid)
    throw new Unreadable(`The width is ${wanted}; allowed are: ${widths.join(', ')}.`);
  // The other side must not become too long; where it does with all of them, it is cut.
  const fitting = widths.filter((width) => ((other ?? 0) * width) / main <= sideMax);
  return fitting.find((width) => width >= wanted) ?? fitting.at(-1) ?? widths[0]!;
}

function bounded(side: number, sideMax: number): number {
  return Math.min(sideMax, Math.max(1, side));
}
