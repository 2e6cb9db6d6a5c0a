/** A colour as sharp reads it: channels 0 to 255, alpha 0 to 1. */
export interface Colour {
  readonly r: number;
  readonly g: number;
  readonly b: number;
  readonly alpha: number;
}

/** What a viewer puts behind an image that says nothing. */
export const WHITE: Colour = { r: 255, g: 255, b: 255, alpha: 1 };
/** Nothing at all. */
export const CLEAR: Colour = { r: 0, g: 0, b: 0, alpha: 0 };

/** @param hex `rrggbb` or `rrggbbaa`. */
export function colourOf(hex: string): Colour {
  const at = (index: number): number => Number.parseInt(hex.slice(index, index + 2), 16);
  return { r: at(0), g: at(2), b: at(4), alpha: hex.length === 8 ? at(6) / 255 : 1 };
}

/** What is seen of a colour on white. */
export function onWhite({ r, g, b, alpha }: Colour): Colour {
  const over = (channel: number): number => Math.round(channel * alpha + 255 * (1 - alpha));
  return { r: over(r), g: over(g), b: over(b), alpha: 1 };
}

/** Pixels in memory, 8 bits a channel, rows without gaps; the frames of an animation one below the other. */
export interface Pixels {
  readonly data: Uint8Array;
  /** Of all rows. */
  readonly width: number;
  readonly height: number;
  readonly channels: 3 | 4;
}

/** True when no pixel lets anything through. Up to 1 ms per million pixels where that is so. */
export function isOpaque({ data, channels }: Pixels): boolean {
  if (channels === 3) return true;
  for (let at = 3; at < data.length; at += 4) if (data[at] !== 255) return false;
  return true;
}

/** True for at most 255 colours: a palette then holds the image exactly, and a background. Ends at the first colour too many. */
export function hasFewColours({ data, channels }: Pixels): boolean {
  const seen = new Set<number>();
  let last = -1;
  for (let at = 0; at < data.length; at += channels) {
    const alpha = channels === 4 ? data[at + 3]! : 255;
    const colour = ((data[at]! << 16) | (data[at + 1]! << 8) | data[at + 2]!) * 256 + alpha;
    if (colour === last) continue;
    last = colour;
    seen.add(colour);
    if (seen.size > 255) return false;
  }
  return true;
}

/** The colour that there is most of, transparent pixels left out: the mean of the fullest of 4096 bins. Black for nothing. */
export function dominantOf({ data, channels }: Pixels): Colour {
  const bins = new Map<number, { count: number; r: number; g: number; b: number }>();
  let fullest = { count: 0, r: 0, g: 0, b: 0 };
  for (let at = 0; at < data.length; at += channels) {
    if (channels === 4 && data[at + 3]! < 128) continue;
    const [r, g, b] = [data[at]!, data[at + 1]!, data[at + 2]!];
    const key = ((r >> 4) << 8) | ((g >> 4) << 4) | (b >> 4);
    const bin = bins.get(key) ?? { count: 0, r: 0, g: 0, b: 0 };
    bin.count += 1;
    bin.r += r;
    bin.g += g;
    bin.b += b;
    bins.set(key, bin);
    if (bin.count > fullest.count) fullest = bin;
  }
  const mean = (sum: number): number => Math.round(sum / Math.max(1, fullest.count));
  return { r: mean(fullest.r), g: mean(fullest.g), b: mean(fullest.b), alpha: 1 };
}
