/**
 * A variant: what a transform makes of an original. Every field changes the bytes, and all defaults are filled in, so that
 * equal variants have equal texts ({@link specOf}) and one key, whatever grammar they were asked for in.
 *
 * The order of the operations is fixed: EXIF orientation, `rect`, `trim`, `rotate`, `flip` and `flop`, resize, `grey`, `blur`, `sharpen`, `overlay`,
 * `background`, encode.
 */
export interface Variant {
  readonly output: Output;
  /** Of the result in pixels, device pixel ratio included; undefined where it follows from the other, or from the original. */
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly fit: Fit;
  /** May become larger than the original. */
  readonly enlarge: boolean;
  /** What is kept by `cover`, and where `contain` puts it. */
  readonly position: Position;
  /** Part of the original that is cut out first. */
  readonly rect: Rect | undefined;
  /** Degrees clockwise, 0 to 359, beyond the EXIF orientation; corners are filled with `background`. */
  readonly rotate: number;
  /** Top to bottom. */
  readonly flip: boolean;
  /** Left to right. */
  readonly flop: boolean;
  /** Removes borders that differ from the top-left pixel by at most so much, 1 to 255; 0 does not. */
  readonly trim: number;
  /** Sigma of a Gaussian in pixels, 0.3 to 100; 0 does not. */
  readonly blur: number;
  /** Sigma of the mask, 0.3 to 10; 0 does not. */
  readonly sharpen: number;
  readonly grey: boolean;
  /** `rrggbb` or `rrggbbaa`, lower-case; undefined is transparent where the format can, else white. */
  readonly background: string | undefined;
  /** 1 to 100 in the scale of the format, or chosen for each image so that it looks like the original. */
  readonly quality: number | 'auto';
  /** Where the format can. */
  readonly lossless: boolean;
  /** Interlaced or progressive, where the format can. */
  readonly progressive: boolean;
  /** Frames of an animation: all of them, or the first. */
  readonly animated: boolean;
  /** What of the original's metadata is kept. The orientation is applied and the colours are those of sRGB in any case. */
  readonly metadata: 'none' | 'copyright';
  readonly overlay: Overlay | undefined;
}

/**
 * A format; or what to choose it from. `auto-avif` may be AVIF or anything that `auto-webp` may be, that one WebP or anything
 * that `auto` may be, and that one JPEG, PNG or GIF: what every browser shows. `source` is the format of the original, where it is one
 * that browsers show. The rest are not for looking at: facts about the original as JSON, a thumbhash in base64; `lqip` is a tiny blurred
 * picture to show while the real one loads.
 */
export const OUTPUTS = [
  'source',
  'auto',
  'auto-webp',
  'auto-avif',
  'jpeg',
  'png',
  'webp',
  'avif',
  'gif',
  'json',
  'thumbhash',
  'lqip',
] as const;
export type Output = (typeof OUTPUTS)[number];

/** As CSS `object-fit`, and sharp. `inside` and `outside` keep the shape, and become at most, or at least, as large as asked. */
export const FITS = ['cover', 'contain', 'inside', 'outside', 'fill'] as const;
export type Fit = (typeof FITS)[number];

/** Where in an image. */
export const GRAVITIES = [
  'centre',
  'north',
  'northeast',
  'east',
  'southeast',
  'south',
  'southwest',
  'west',
  'northwest',
  'attention',
  'entropy',
] as const;
export type Gravity = (typeof GRAVITIES)[number];

/** An edge or corner, what draws the eye (`attention`, `entropy`), or a focal point as fractions of width and height. */
export type Position = Gravity | { readonly x: number; readonly y: number };

/** In pixels of the oriented original; with `relative`, in fractions of it (0 to 1). */
export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly relative: boolean;
}

/** Another image, drawn over this one. */
export interface Overlay {
  /** Path (and query) of the overlay, normalised, under which a route serves it. Never another server's address. */
  readonly path: string;
  /** Width as a fraction of the result, above 0 to 1; undefined for its own size, shrunk where it does not fit. */
  readonly scale: number | undefined;
  readonly gravity: Exclude<Gravity, 'attention' | 'entropy'>;
  /** Pixels kept free at the edges that it is put to. */
  readonly margin: number;
  /** Above 0 to 1. */
  readonly opacity: number;
  readonly tile: boolean;
}

/** Nothing but the image itself: what each grammar starts from. */
export const PLAIN: Variant = {
  output: 'source',
  width: undefined,
  height: undefined,
  fit: 'inside',
  enlarge: false,
  position: 'centre',
  rect: undefined,
  rotate: 0,
  flip: false,
  flop: false,
  trim: 0,
  blur: 0,
  sharpen: 0,
  grey: false,
  background: undefined,
  quality: 'auto',
  lossless: false,
  progressive: true,
  animated: true,
  metadata: 'none',
  overlay: undefined,
};
