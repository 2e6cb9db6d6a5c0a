import type { Target } from '../http/target.ts';
import type { ImageRules, RefusalCode } from './rules.ts';
import { type Output, PLAIN, type Variant } from './variant.ts';

/** What an address asks for, before the request and the limits of the route have had their say. Filled in by a grammar. */
export interface Draft extends Omit<{ -readonly [K in keyof Variant]: Variant[K] }, 'output' | 'quality'> {
  /** Width over height, where one of the two follows from it. */
  ratio: number | undefined;
  /** By which width and height are multiplied; undefined leaves it to the request. */
  dpr: number | undefined;
  /** Undefined leaves it to the route. */
  quality: number | 'auto' | undefined;
  /** `negotiated` leaves it to the Accept field. */
  output: Exclude<Output, 'auto' | 'auto-webp' | 'auto-avif'> | 'negotiated';
  /** The format where nothing better can be negotiated; undefined for what suits the original. */
  fallback: 'jpeg' | 'png' | 'gif' | undefined;
}

/** Nothing is asked for yet. */
export function emptyDraft(): Draft {
  return {
    ...PLAIN,
    output: 'source',
    quality: undefined,
    ratio: undefined,
    dpr: undefined,
    fallback: undefined,
  };
}

/** Thrown by grammars at the first thing that is not right; never leaves the reader. */
export class Unreadable extends Error {
  override readonly name = 'Unreadable';
  readonly code: RefusalCode;

  /** @param why one sentence, without anything that was sent but numbers and known names. */
  constructor(why: string, code: RefusalCode = 'image-options') {
    super(why);
    this.code = code;
  }
}

/** What a grammar is told of its route. */
export interface Setting {
  readonly rules: ImageRules;
  /** What is before that which the grammar reads: the start of every path of the route, without a slash at its end; or empty. */
  readonly prefix: string;
  /** Changes a draft as the preset says. Throws {@link Unreadable} when there is none of that name. */
  readonly applyPreset: (name: string, draft: Draft) => void;
  /** A draft with the defaults of the route. */
  readonly start: () => Draft;
}

/** What a grammar finds in an address. */
export interface Found {
  readonly original: Target;
  /** Undefined for the original itself. */
  readonly draft: Draft | undefined;
  /** Seconds since the epoch. */
  readonly expiresS: number | undefined;
}

/**
 * Reads an address whose signature has been verified and taken off; that of imgproxy, which is in its path, is still there.
 * Throws {@link Unreadable}.
 */
export type GrammarReader = (target: Target, setting: Setting) => Found;
