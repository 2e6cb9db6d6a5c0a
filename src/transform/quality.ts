import type { Variant } from '../image/variant.ts';
import type { Pixels } from './colour.ts';
import type { Format } from './format.ts';
import type { Deadline } from './task.ts';

/** Qualities at which photographs look alike. PNG and GIF have none. */
const BASE: Readonly<Record<Format, number>> = { jpeg: 80, webp: 78, avif: 55, png: 100, gif: 100 };

/** The quality for a picture: the one that was asked for, or one that it needs. */
export async function qualityFor(
  { quality }: Variant,
  format: Format,
  _pixels: Pixels | undefined,
  _deadline: Deadline,
): Promise<number> {
  if (quality !== 'auto') return Math.min(100, Math.max(1, Math.round(quality)));
  return BASE[format];
}
