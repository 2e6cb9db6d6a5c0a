import sharp, { type Metadata, type Sharp, type SharpOptions } from 'sharp';
import { isImageFormat, type Sniffed, sniff } from '../../image/sniff.ts';
import type { TransformLimits } from '../messages.ts';
import { type Size, type Turn, turnOfOrientation } from './geometry.ts';
import { failureOf, Refusal } from './refusal.ts';
import { checkSvg } from './svg.ts';
import { endsEarly } from './wholeness.ts';

/** Formats that can be decoded here. */
const DECODED = ['jpeg', 'png', 'gif', 'webp', 'avif', 'tiff', 'svg'] as const;
export type SourceFormat = (typeof DECODED)[number];

/** An original whose header has been read, and whose pixels have not. */
export interface Original {
  readonly bytes: Uint8Array;
  readonly format: SourceFormat;
  /** Of one frame, as stored: the orientation is yet to be applied. */
  readonly size: Size;
  readonly turn: Turn;
  /** All that the file has; 1 where it is no animation. */
  readonly frames: number;
  readonly hasAlpha: boolean;
  /** Of a drawing: pixels to the inch that it is drawn at. */
  readonly density: number | undefined;
  readonly metadata: Metadata;
}

/** How decoders are opened: strict enough that half a picture is a failure, lenient with what viewers show all the same. */
const OPEN: SharpOptions = { failOn: 'error' };

/** What libvips calls the formats. */
const LOADED: Readonly<Record<SourceFormat, Metadata['format']>> = {
  jpeg: 'jpeg',
  png: 'png',
  gif: 'gif',
  webp: 'webp',
  avif: 'heif',
  tiff: 'tiff',
  svg: 'svg',
};

/** For SVG: pixels to the inch at which its own size is its size in pixels. */
const DENSITY = 72;

/** Fonts are the machine's; a drawing of more than this to the inch is a trick. */
const DENSITY_MAX = 100_000;

/**
 * Reads the header of an original and holds it against the limits, before any pixel is decoded. Throws {@link Refusal}.
 *
 * @param animated all frames are wanted.
 */
export async function openOriginal(
  bytes: Uint8Array,
  animated: boolean,
  limits: TransformLimits,
): Promise<Original> {
  const format = formatOf(bytes, limits.inputBytes);
  if (format === 'svg') checkSvg(bytes);
  if (format === 'gif' && endsEarly('gif', bytes))
    throw new Refusal('truncated', `The data end before the image does (${bytes.length} bytes).`);
  const original = await readHeader(bytes, format, undefined);
  // A drawing has the size that it is drawn in: it is looked at when that is known.
  if (format !== 'svg') checkSize(original, animated, limits);
  return original;
}

/** An SVG as large as it will be needed. Throws {@link Refusal}. */
export async function scaledSvg(svg: Original, scale: number, limits: TransformLimits): Promise<Original> {
  const density = Math.min(DENSITY_MAX, Math.max(1, DENSITY * scale));
  const scaled = scale === 1 ? svg : await readHeader(svg.bytes, 'svg', density);
  checkSize(scaled, false, limits);
  return scaled;
}

/** A pipeline that reads an original. */
export function pipelineOf(original: Original, animated: boolean, limits: TransformLimits): Sharp {
  const { bytes, density, metadata, frames } = original;
  const options: SharpOptions = { ...OPEN, limitInputPixels: limits.pixels };
  if (density !== undefined) options.density = density;
  if (animated && frames > 1) options.pages = -1;
  const pipeline = sharp(bytes, options);
  // With 16 bits sharp works in Display P3, and would leave the colours there.
  const isDeep = metadata.depth === 'ushort' && metadata.hasProfile;
  return isDeep ? pipeline.withIccProfile('srgb', { attach: false }) : pipeline;
}

function formatOf(bytes: Uint8Array, bytesMax: number): SourceFormat {
  if (bytes.length > bytesMax)
    throw new Refusal('too-many-bytes', `The image has ${bytes.length} bytes; ${bytesMax} are allowed.`);
  const format = sniff(bytes);
  const decoded = DECODED.find((known) => known === format);
  if (decoded !== undefined) return decoded;
  if (isImageFormat(format))
    throw new Refusal(
      'unsupported',
      `The image is ${format.toUpperCase()}, for which there is no decoder here.`,
    );
  throw new Refusal('not-image', NOT_IMAGE[format] ?? whatBegins(bytes));
}

const NOT_IMAGE: Partial<Record<Sniffed, string>> = {
  html: 'The original is an HTML page, not an image.',
  json: 'The original is JSON, not an image.',
  xml: 'The original is XML, and no SVG.',
  pdf: 'The original is a PDF, not an image.',
};

function whatBegins(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'The original is empty.';
  const start = [...bytes.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return `The original is no image: its ${bytes.length} bytes begin with ${start}.`;
}

async function readHeader(
  bytes: Uint8Array,
  format: SourceFormat,
  density: number | undefined,
): Promise<Original> {
  const options: SharpOptions = { ...OPEN, limitInputPixels: false };
  if (density !== undefined) options.density = density;
  let metadata: Metadata;
  try {
    metadata = await sharp(bytes, options).metadata();
  } catch (thrown) {
    const { cause, detail } = failureOf(thrown, {
      endsEarly: () => endsEarly(format, bytes),
      isLate: () => false,
    });
    throw new Refusal(cause, detail);
  }
  // Two readers of the same first bytes: where they differ, one format's checks would be made and another's decoder would run.
  if (metadata.format !== LOADED[format])
    throw new Refusal(
      'corrupt',
      `The image begins as ${format.toUpperCase()}, and is decoded as another format.`,
    );
  return {
    bytes,
    format,
    size: { width: metadata.width, height: metadata.pageHeight ?? metadata.height },
    turn: turnOfOrientation(metadata.orientation),
    // Pages of TIFF and AVIF are other pictures, not the same one later.
    frames: format === 'gif' || format === 'webp' ? (metadata.pages ?? 1) : 1,
    hasAlpha: metadata.hasAlpha,
    density,
    metadata,
  };
}

function checkSize({ size, frames, format }: Original, animated: boolean, limits: TransformLimits): void {
  const read = animated ? frames : 1;
  if (read > limits.frames)
    throw new Refusal('too-many-frames', `The image has ${read} frames; ${limits.frames} are allowed.`);
  const pixels = size.width * size.height * read;
  if (pixels <= limits.pixels) return;
  const shape = `${size.width}x${size.height}${read > 1 ? ` in ${read} frames` : ''}`;
  const verb = format === 'svg' ? 'would be drawn in' : 'has';
  throw new Refusal(
    'too-many-pixels',
    `The image ${verb} ${shape}, ${pixels} pixels; ${limits.pixels} are allowed.`,
  );
}
