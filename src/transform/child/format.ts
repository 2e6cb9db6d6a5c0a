import type { Output, Variant } from '../../image/variant.ts';
import type { SourceFormat } from './decode.ts';

/** Formats that pictures come out in. */
export type Format = 'jpeg' | 'png' | 'webp' | 'avif' | 'gif';

/** What the choice depends on. */
export interface FormatFacts {
  readonly source: SourceFormat;
  /** Frames that are wanted, and there. */
  readonly frames: number;
  /** The result has something to be seen through. */
  readonly hasAlpha: boolean;
  readonly provisional: boolean;
}

const TYPES: Readonly<Record<Format, string>> = {
  jpeg: 'image/jpeg',
  png: 'image/png',
  webp: 'image/webp',
  avif: 'image/avif',
  gif: 'image/gif',
};

/** The media type of a format. */
export function typeOf(format: Format): string {
  return TYPES[format];
}

/** What a negotiated output may become, by its class. */
const CLASSES: Readonly<Record<'auto' | 'auto-webp' | 'auto-avif', readonly Format[]>> = {
  auto: ['jpeg', 'png', 'gif'],
  'auto-webp': ['jpeg', 'png', 'gif', 'webp'],
  'auto-avif': ['jpeg', 'png', 'gif', 'webp', 'avif'],
};

/** Outputs of which all frames of an animation are read. AVIF sequences can be neither read nor written by the library. */
export function mayBeAnimated(variant: Variant): boolean {
  return variant.animated && !['jpeg', 'png', 'avif', 'json', 'thumbhash', 'lqip'].includes(variant.output);
}

/** The format that a result has. `provisional` where it stands in for AVIF. */
export function chooseFormat(
  output: Exclude<Output, 'json' | 'thumbhash' | 'lqip'>,
  facts: FormatFacts,
): { readonly format: Format; readonly provisional: boolean } {
  const final = (format: Format): { format: Format; provisional: boolean } => ({
    format,
    provisional: false,
  });
  switch (output) {
    case 'source':
      return final(ownFormat(facts));
    case 'auto':
      return final(facts.frames > 1 ? 'gif' : stillFormat(facts.hasAlpha));
    case 'auto-webp':
      return final('webp');
    case 'auto-avif':
      if (facts.frames > 1) return final('webp');
      return facts.provisional ? { format: 'webp', provisional: true } : final('avif');
    default:
      return final(output);
  }
}

/** True where the original could be what `output` asks for, were it not for its size in bytes. */
export function isOfClass(output: Output, source: SourceFormat): boolean {
  if (output === 'auto' || output === 'auto-webp' || output === 'auto-avif')
    return CLASSES[output].some((format) => format === source);
  if (output === 'source') return source !== 'svg' && source !== 'tiff';
  return output === source;
}

function ownFormat({ source, hasAlpha }: FormatFacts): Format {
  return source === 'svg' || source === 'tiff' ? stillFormat(hasAlpha) : source;
}

function stillFormat(hasAlpha: boolean): Format {
  return hasAlpha ? 'png' : 'jpeg';
}
