import type { ImageRules } from '../image/rules.ts';
import type { ParsedConfig, RouteConfig } from './config.ts';

/** What a route makes of images, with everything filled in. */
export interface RouteImages {
  readonly rules: ImageRules;
  /** Name of the route that originals come through; often the route itself. */
  readonly originals: string;
  /** Formats that a cheaper one may stand in for at first. */
  readonly provisional: readonly 'avif'[];
  readonly provisionalLifetimeS: number;
  readonly onFailure: 'error' | 'original';
  readonly fallbackLifetimeS: number;
  /** Of one original, stored: how many, and how large all of them together. */
  readonly maxVariants: number;
  readonly maxVariantBytes: number;
}

type RawRoute = ParsedConfig['routes'][number];

/** Fills in what follows from other options of the route. @param query the rule of its key. */
export function completeImages(route: RawRoute, query: RouteConfig['key']['query']): RouteImages | undefined {
  const { images } = route;
  if (images === undefined) return undefined;
  const { grammar, presets, presetsOnly, formats, operations, otherWidths, quality } = images;
  const { hints, signing, overlays } = images;
  const isGuarded = signing?.required === true || presetsOnly || overlays.length > 0;
  return {
    rules: {
      grammar,
      defaults: images.defaults ?? '',
      presets,
      presetsOnly,
      formats,
      operations,
      widths: [...new Set(images.widths)].sort((a, b) => a - b),
      otherWidths,
      sideMax: images.maxSide,
      dprMax: images.maxDpr,
      quality,
      qualityMin: images.minQuality,
      qualityMax: images.maxQuality,
      hints,
      signing,
      overlays,
      originalQuery: typeof query === 'string' ? query : { allow: query },
    },
    originals: images.originals ?? route.name,
    provisional: images.provisional,
    provisionalLifetimeS: images.provisionalLifetimeS,
    onFailure: images.onFailure ?? (isGuarded ? 'error' : 'original'),
    fallbackLifetimeS: images.fallbackLifetimeS,
    maxVariants: images.variants.max,
    maxVariantBytes: images.variants.sizeBytes,
  };
}

/** The same in the words of the file, to say which option differs. */
export function asOptions(images: RouteImages | undefined): unknown {
  if (images === undefined) return undefined;
  const { rules, maxVariants, maxVariantBytes, ...rest } = images;
  const { sideMax, dprMax, qualityMin, qualityMax, originalQuery, ...same } = rules;
  return {
    ...same,
    ...rest,
    maxSide: sideMax,
    maxDpr: dprMax,
    minQuality: qualityMin,
    maxQuality: qualityMax,
    variants: { max: maxVariants, sizeBytes: maxVariantBytes },
  };
}
