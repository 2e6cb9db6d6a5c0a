import type { Target } from '../http/target.ts';
import type { Variant } from './variant.ts';

/** How addresses speak of variants. */
export const GRAMMARS = ['imgix', 'cloudflare', 'imgproxy', 'next'] as const;
export type Grammar = (typeof GRAMMARS)[number];

/** Kinds of operations that a route may allow or not. */
export const OPERATIONS = [
  'resize',
  'crop',
  'rotate',
  'flip',
  'trim',
  'blur',
  'sharpen',
  'grey',
  'background',
  'quality',
  'overlay',
  'metadata',
  'placeholder',
  'info',
] as const;
export type Operation = (typeof OPERATIONS)[number];

/** Request fields that may choose a variant besides Accept. */
export const HINTS = ['dpr', 'width', 'save-data'] as const;
export type Hint = (typeof HINTS)[number];

/** Formats that a result can have. */
export const OUTPUT_FORMATS = ['avif', 'webp', 'jpeg', 'png', 'gif'] as const;

/** What a route makes of image addresses. The configuration's, completed. */
export interface ImageRules {
  readonly grammar: Grammar;
  /** Options that every address has unless it says otherwise, in the words of the grammar `imgix`: `auto=format&q=70`. */
  readonly defaults: string;
  /** By name, in the same words. */
  readonly presets: Readonly<Record<string, string>>;
  /** Only presets, no options of the client's own. */
  readonly presetsOnly: boolean;
  /** What may come out, and what negotiation chooses from. */
  readonly formats: readonly (typeof OUTPUT_FORMATS)[number][];
  readonly operations: readonly Operation[];
  /** The widths that there are, ascending; empty for all up to `sideMax`. */
  readonly widths: readonly number[];
  /** What becomes of another width: the next larger one that there is (else the largest), or a refusal. */
  readonly otherWidths: 'snap' | 'refuse';
  /** Largest width or height of a result in pixels, device pixel ratio included. */
  readonly sideMax: number;
  /** Largest device pixel ratio: 1 to 5. */
  readonly dprMax: number;
  /** Where an address names none. */
  readonly quality: number | 'auto';
  /** Bounds on what addresses may name. */
  readonly qualityMin: number;
  readonly qualityMax: number;
  readonly hints: readonly Hint[];
  readonly signing: SigningRules | undefined;
  /** Paths on any route of this node that overlays may have: exact, or with `*` at the end for all that start so. */
  readonly overlays: readonly string[];
  /** Parameters of the query that are the original's: the rule of the route's key, without what is the grammar's. */
  readonly originalQuery: 'all' | 'none' | { readonly allow: readonly string[] };
}

/** Any of the keys verifies, the first signs: so that one can be replaced while addresses of the other are still about. */
export interface SigningRules {
  readonly required: boolean;
  readonly keys: readonly SigningKey[];
}
export interface SigningKey {
  /** For imgproxy hex is decoded; else the bytes of the text. */
  readonly key: string;
  /** Only for the grammar imgproxy: hex. */
  readonly salt: string | undefined;
}

/** What an address of an image route asks for. */
export type Reading =
  /** The original itself, as the origin sends it. */
  | { readonly kind: 'original'; readonly original: Target }
  | {
      readonly kind: 'variant';
      readonly original: Target;
      readonly variant: Variant;
      /** Its text: part of the key. ASCII without spaces. */
      readonly spec: string;
      /** Request fields that had a say, for Vary: `Accept`, `DPR`, ... */
      readonly vary: readonly string[];
      /** When the signed address ends to be valid, seconds since the epoch; undefined for never. */
      readonly expiresS: number | undefined;
    }
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly why: string };

/** Codes of `base/errors.ts`. `why` is one sentence for who wrote the address; it repeats names and numbers, never raw input. */
export type RefusalCode = 'image-options' | 'image-signature' | 'image-expired';
