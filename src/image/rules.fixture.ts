import { Fields } from '../http/fields.ts';
import { normalisePath } from '../http/target.ts';
import { createReader } from './reader.ts';
import { type ImageRules, OPERATIONS, OUTPUT_FORMATS, type Reading } from './rules.ts';
import type { Variant } from './variant.ts';

/** For tests: everything is allowed, as by the defaults of the configuration. */
export const RULES: ImageRules = {
  grammar: 'imgix',
  defaults: '',
  presets: {},
  presetsOnly: false,
  formats: [...OUTPUT_FORMATS],
  operations: [...OPERATIONS],
  widths: [],
  otherWidths: 'snap',
  sideMax: 4096,
  dprMax: 3,
  quality: 'auto',
  qualityMin: 1,
  qualityMax: 100,
  hints: [],
  signing: undefined,
  overlays: [],
  originalQuery: 'none',
};

/** What browsers of some years send. */
export const ACCEPT = {
  avif: 'image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8',
  webp: 'image/webp,image/apng,image/*,*/*;q=0.8',
  none: '*/*',
} as const;

export interface Asking {
  readonly rules?: Partial<ImageRules>;
  readonly fields?: Readonly<Record<string, string>>;
  readonly prefix?: string;
  readonly nowS?: number;
}

/** Reads one address with a reader of its own. What the server does not even take for a target is refused, too. */
export function read(text: string, { rules = {}, fields = {}, prefix = '', nowS = 0 }: Asking = {}): Reading {
  const target = normalisePath(text);
  if (target === undefined) return { kind: 'refused', code: 'image-options', why: 'Not a target.' };
  const reader = createReader({ ...RULES, ...rules }, prefix);
  return reader.read(target, new Fields(Object.entries(fields).flat()), nowS);
}

/** The variant that an address asks for; throws when it is none. */
export function variantOf(text: string, asking?: Asking): Variant {
  const reading = read(text, asking);
  if (reading.kind !== 'variant') throw new Error(`${text}: ${JSON.stringify(reading)}`);
  return reading.variant;
}

/** Its text. */
export function specAt(text: string, asking?: Asking): string {
  const reading = read(text, asking);
  return reading.kind === 'variant' ? reading.spec : JSON.stringify(reading);
}

/** Why an address is refused: its code and the sentence. */
export function refusalOf(text: string, asking?: Asking): string {
  const reading = read(text, asking);
  return reading.kind === 'refused' ? `${reading.code}: ${reading.why}` : `not refused: ${reading.kind}`;
}
