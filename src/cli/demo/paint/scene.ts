import type { Random } from '../../../base/random.ts';
import type { Ink } from './colour.ts';
import type { NoiseTile } from './noise.ts';

/** What a scene may use to compose one picture. */
export interface View {
  readonly widthPx: number;
  readonly heightPx: number;
  /** Width over height: x runs from 0 to this, y from 0 (top) to 1. */
  readonly aspect: number;
  /** Seeded by the picture. To be used while composing only, so that pixels may be painted in any order. */
  readonly random: Random;
  readonly noise: NoiseTile;
}

/**
 * Paints one point.
 *
 * @param x 0 to the view's aspect. @param y 0 to 1, downwards. @param column the pixel's column, for what was
 *   computed once per column.
 */
export type Painter = (ink: Ink, x: number, y: number, column: number) => void;

/** Composes a picture: draws its random choices, computes outlines, and returns what paints its points. */
export type Scene = (view: View) => Painter;

/** A random number in [low, high), evenly spread. */
export function between(random: Random, low: number, high: number): number {
  return low + (high - low) * random.next();
}

/** One of a list, each as likely as the others. The list must not be empty. */
export function pick<T>(random: Random, from: readonly T[]): T {
  return from[Math.floor(random.next() * from.length)]!;
}

/** An outline: its height (0 to 1, downwards) above each pixel column. */
export function outline(view: View, height: (x: number) => number): Float32Array {
  const heights = new Float32Array(view.widthPx);
  for (let column = 0; column < view.widthPx; column += 1) {
    heights[column] = height(((column + 0.5) / view.widthPx) * view.aspect);
  }
  return heights;
}

/** How much of a pixel lies below an outline, 0 to 1: soft edges instead of stairs. */
export function coverage(view: View, outlineY: number, y: number): number {
  const t = (y - outlineY) * view.heightPx + 0.5;
  return t <= 0 ? 0 : Math.min(t, 1);
}
