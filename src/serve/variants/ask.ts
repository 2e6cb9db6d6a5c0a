import type { Target } from '../../http/target.ts';
import type { Variant } from '../../image/variant.ts';
import type { ImageRoute, Route } from '../1-route.ts';
import { primaryKey, resourceOf } from '../2-key.ts';
import type { CacheRequest } from '../answer.ts';

/** What a request of an image route asks for: an original, or a variant of it. */
export interface Ask {
  /** Serves the originals. */
  readonly originals: Route;
  /** The original: path and the part of the query that counts. */
  readonly resource: string;
  /** Its primary key, which the keys of its variants start with: a purge of the one takes the others along. */
  readonly primary: string;
  readonly variant: VariantAsk | undefined;
}

/** One variant of one original. */
export interface VariantAsk {
  readonly variant: Variant;
  /** Its text. */
  readonly spec: string;
  /** The original's primary key and the text. */
  readonly key: string;
  /** Request fields that had a say in it, for Vary. */
  readonly vary: readonly string[];
}

/** A variant that is asked for, and its original. */
export type AskedVariant = Ask & { readonly variant: VariantAsk };

/** An address that is not served, with a sentence for who wrote it. */
export interface Refused {
  readonly refused: 'image-options' | 'image-signature' | 'image-expired';
  readonly why: string;
}

/** Reads the address of a request in the grammar of its route. */
export function askOf(
  images: ImageRoute,
  request: Pick<CacheRequest, 'host' | 'fields'>,
  target: Target,
  nowS: number,
): Ask | Refused {
  const reading = images.reader.read(target, request.fields, nowS);
  if (reading.kind === 'refused') return { refused: reading.code, why: reading.why };
  const { originals, hasOriginal } = images;
  if (!hasOriginal(request.host, reading.original.path))
    return { refused: 'image-options', why: 'The source is not among the images that are served here.' };
  // The grammar has taken out of the query what is its own.
  const resource = resourceOf(originals, reading.original);
  const primary = primaryKey(originals, request.host, resource);
  if (reading.kind === 'original') return { originals, resource, primary, variant: undefined };
  const { variant, spec, vary } = reading;
  return { originals, resource, primary, variant: { variant, spec, vary, key: `${primary} ${spec}` } };
}
