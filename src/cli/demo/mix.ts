import type { DemoImage } from './images.ts';
import type { Expected } from './load-connection.ts';
import { imageTarget } from './origin.ts';
import { hasVariants, variantTarget } from './renditions.ts';

/** One way to ask for an image. */
export interface Wish extends Expected {
  /** Of all requests for that image: 0 to 1. */
  readonly share: number;
}

/** How an image is asked for. Plain data: it goes to another thread. */
export interface Asked {
  /** Of the image itself, in bytes. */
  readonly sizeBytes: number;
  /** Their shares add up to one. */
  readonly wishes: readonly Wish[];
}

/** What browsers say that they take: today's, those of some years ago, and what is no browser. */
const ACCEPT = {
  avif: 'image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8',
  webp: 'image/webp,image/apng,image/*,*/*;q=0.8',
  plain: 'image/*',
} as const;

/**
 * How variants are asked for. Of these browsers most would take AVIF; here few do, and only small ones, since the demo shares
 * its machine with its origin, its clients and whatever else runs there: AVIF takes several times as long to make as WebP.
 * The lengths are what painted pictures come to, on average.
 */
const VARIANTS = [
  { options: 'w=320&auto=format', accept: 'webp', share: 0.52, bytes: 7_000 },
  { options: 'w=320&auto=format', accept: 'plain', share: 0.05, bytes: 12_000 },
  { options: 'w=320&auto=format', accept: 'avif', share: 0.03, bytes: 6_000 },
  { options: 'w=480&auto=format', accept: 'webp', share: 0.06, bytes: 16_000 },
  { options: 'w=640&auto=format', accept: 'webp', share: 0.24, bytes: 30_000 },
  { options: 'w=640&auto=format', accept: 'plain', share: 0.02, bytes: 47_000 },
  { options: 'w=960&auto=format', accept: 'webp', share: 0.04, bytes: 75_000 },
  { options: 'w=320&ar=1:1&fit=crop&auto=format', accept: 'webp', share: 0.04, bytes: 10_000 },
] as const;

/**
 * Originals that the traffic has variants made of, in pixels of all together. So few that all their variants are made within
 * some seconds, also of large photographs on a small machine; the demo would else show little but a queue.
 */
const PIXELS_MAX = 50_000_000;

/** What the demo's clients ask for: originals in some sizes and formats, everything else as it is. */
export function mixOf(images: readonly DemoImage[]): Asked[] {
  let pixels = 0;
  return images.map((image) => {
    if (!hasVariants(image) || pixels + image.widthPx * image.heightPx > PIXELS_MAX) return asItIs(image);
    pixels += image.widthPx * image.heightPx;
    const wishes = VARIANTS.map(({ options, accept, share }) => ({
      target: variantTarget(image, options),
      accept: ACCEPT[accept],
      sizeBytes: undefined,
      share,
    }));
    return { sizeBytes: image.sizeBytes, wishes };
  });
}

function asItIs(image: DemoImage): Asked {
  const { sizeBytes } = image;
  const wish = { target: imageTarget(image), accept: ACCEPT.plain, sizeBytes, share: 1 };
  return { sizeBytes, wishes: [wish] };
}

/** The one that `chance` (0 to below 1) falls on. */
export function wishOf({ wishes }: Asked, chance: number): Wish {
  let left = chance;
  for (const wish of wishes) {
    left -= wish.share;
    if (left < 0) return wish;
  }
  return wishes[wishes.length - 1]!;
}

/** What a memory tier has to have room for to hold all that is asked for, in bytes: images, their variants, and metadata. An estimate. */
export function workingSetBytes(images: readonly DemoImage[]): number {
  const variantBytes = VARIANTS.reduce((sum, { bytes }) => sum + bytes, 0);
  const asked = mixOf(images);
  return images.reduce((sum, image, index) => {
    const entries = 1 + (asked[index]!.wishes.length > 1 ? VARIANTS.length : 0);
    return sum + image.sizeBytes + entries * ENTRY_BYTES + (entries > 1 ? variantBytes : 0);
  }, 0);
}

/** Head, key and metadata of a stored response, about. */
const ENTRY_BYTES = 700;
