/** What is asked for, in the words of each server, and how it is to be encoded: the same by all. */

export const FORMATS = ['jpeg', 'webp', 'avif'] as const;
export type Format = (typeof FORMATS)[number];

/** Options of sharp's `jpeg()`, `webp()` and `avif()`. */
export type Encoders = Readonly<Record<Format, Readonly<Record<string, boolean | number | string>>>>;

/**
 * How everybody encodes, unless each is to have its own settings: as Holdfast does by itself. What is not named is as sharp has
 * it; the quality is in the address.
 */
export const ENCODERS: Encoders = {
  jpeg: { progressive: true, mozjpeg: false, chromaSubsampling: '4:2:0' },
  webp: { effort: 4, smartSubsample: false, alphaQuality: 90 },
  avif: { effort: 2, chromaSubsampling: '4:2:0' },
};

/** A picture at the origin. */
export interface Picture {
  /** File name of `[\w.-]` alone, which is also its path at the origin, after the slash. */
  readonly name: string;
  readonly kind: 'photo' | 'alpha';
}

export interface Operation {
  readonly name: string;
  readonly of: Picture['kind'];
  readonly format: Format;
  /** Widths are this one and those that follow, so that each request of a run is for something new. */
  readonly firstWidth: number;
  /** Cropped to it; undefined keeps the shape. */
  readonly height: number | undefined;
  /** As it stands in addresses. Next.js asks AVIF for five eighths of it. */
  readonly quality: number;
}

/** How many widths each operation has. Next.js takes 50 in all, so operations share them. */
export const WIDTHS = 25;

export const OPERATIONS: readonly Operation[] = [
  {
    name: 'JPEG to WebP, 800 px',
    of: 'photo',
    format: 'webp',
    firstWidth: 790,
    height: undefined,
    quality: 75,
  },
  {
    name: 'JPEG to JPEG, 800 px',
    of: 'photo',
    format: 'jpeg',
    firstWidth: 790,
    height: undefined,
    quality: 75,
  },
  {
    name: 'JPEG to AVIF, 640 px',
    of: 'photo',
    format: 'avif',
    firstWidth: 630,
    height: undefined,
    quality: 50,
  },
  {
    name: 'PNG with alpha to WebP, 800 px',
    of: 'alpha',
    format: 'webp',
    firstWidth: 790,
    height: undefined,
    quality: 75,
  },
  {
    name: 'JPEG to WebP, 300x300 crop',
    of: 'photo',
    format: 'webp',
    firstWidth: 290,
    height: 300,
    quality: 75,
  },
];

/** One variant of one picture. */
export interface Wanted {
  readonly operation: Operation;
  readonly picture: Picture;
  readonly width: number;
}

export const TARGET_NAMES = ['sharp', 'Holdfast', 'ipx', 'Next.js'] as const;
export type TargetName = (typeof TARGET_NAMES)[number];

/** The widths that Next.js has to be told of. */
export function nextWidths(): number[] {
  const firsts = new Set(
    OPERATIONS.filter((operation) => does('Next.js', operation)).map((o) => o.firstWidth),
  );
  return [...firsts].flatMap((first) => Array.from({ length: WIDTHS }, (_, i) => first + i));
}

/** False for what a server cannot do: Next.js does not crop. */
export function does(target: TargetName, operation: Operation): boolean {
  return target !== 'Next.js' || operation.height === undefined;
}

/**
 * All variants of an operation: each picture at the first width, then each at the next. Any part of the list has as many of
 * one picture as of another, give or take one.
 */
export function variantsOf(operation: Operation, pictures: readonly Picture[]): Wanted[] {
  const fitting = pictures.filter(({ kind }) => kind === operation.of);
  return Array.from({ length: WIDTHS }, (_, i) => operation.firstWidth + i).flatMap((width) =>
    fitting.map((picture) => ({ operation, picture, width })),
  );
}

/** Path and query under which a server has a variant. @param originUrl of the originals, without a slash at its end. */
export function addressOf(
  target: Exclude<TargetName, 'sharp'>,
  { operation, picture, width }: Wanted,
  originUrl: string,
): string {
  const { format, height, quality } = operation;
  switch (target) {
    case 'Holdfast': {
      const crop = height === undefined ? '' : `&h=${height}&fit=crop`;
      const name = format === 'jpeg' ? 'jpg' : format;
      return `/${picture.name}?w=${width}${crop}&fm=${name}&q=${quality}`;
    }
    case 'ipx': {
      const size = height === undefined ? `w_${width}` : `s_${width}x${height},fit_cover`;
      return `/${size},f_${format},q_${quality}/${originUrl}/${picture.name}`;
    }
    case 'Next.js': {
      const nextQuality = format === 'avif' ? Math.round((quality * 8) / 5) : quality;
      return `/_next/image?url=${encodeURIComponent(`${originUrl}/${picture.name}`)}&w=${width}&q=${nextQuality}`;
    }
  }
}

/** The Accept field of requests for a format: exactly that one, so that servers that negotiate give it. */
export function acceptOf(format: Format): string {
  return `image/${format}`;
}
