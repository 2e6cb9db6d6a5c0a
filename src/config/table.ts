import { z } from 'zod';
import { assert } from '../base/assert.ts';
import type { Bytes, Millis, Parsed, Seconds } from '../base/units.ts';
import { DURATION_PATTERN, parseDuration, parseSize, SIZE_PATTERN } from '../base/units.ts';

/**
 * The means to write the option table: each option is a zod schema that carries its meaning as metadata.
 * Types, validation, the editors' schema, the reference and the starter file all come from the one table.
 */

/** When a change of the option takes effect: without a restart, or with the next one. */
export type Effect = 'live' | 'restart';

/** The form of an option: how it is written, and how it is shown. */
export type Kind =
  | 'group'
  | 'map'
  | 'list'
  | 'size'
  | 'duration'
  | 'integer'
  | 'boolean'
  | 'text'
  | 'choice'
  | 'query';

/** What the table says of an option beyond what zod knows. */
export interface Meta {
  readonly kind: Kind;
  /** One to three sentences for the operator: what it does, and why the default is what it is. */
  readonly about: string;
  readonly effect?: Effect;
  /** What may be written, in words; for messages and the reference. */
  readonly expects: string;
  /** Never shown in messages, and masked in excerpts. */
  readonly secret?: true;
  /** The default in words, where it depends on something else. */
  readonly defaultNote?: string;
  /** Bounds as they are written in the file, for sizes, durations and numbers. */
  readonly min?: string;
  readonly max?: string;
  /** Regular expression for editors. */
  readonly pattern?: string;
  /** Suffix of the parsed name: the unit of the plain number it holds. */
  readonly suffix?: 'Bytes' | 'Ms' | 'S';
}

/** Where the metadata of every option lives. */
export const META = z.registry<Meta>();

/** What every option has to say. */
export interface Say {
  readonly about: string;
  readonly effect: Effect;
  readonly secret?: true;
  readonly defaultNote?: string;
}
interface Bounded extends Say {
  readonly min: string;
  readonly max: string;
}

/** Reports a value that is of the right type but not acceptable; reason and remedy become the problem's. */
export interface Refusal {
  readonly reason: string;
  readonly remedy: string;
}

/** A string that `read` turns into the parsed value, or refuses. */
function reading<T>(read: (text: string) => T | Refusal) {
  return z.string().transform((input, context): T => {
    const result = read(input);
    if (!isRefusal(result)) return result;
    context.issues.push({ code: 'custom', input, message: result.reason, params: { ...result } });
    return z.NEVER;
  });
}

function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && 'reason' in value && 'remedy' in value;
}

/** A text of some form of its own; the parsed value is what `read` returns. */
export function text<T>(
  say: Say & { expects: string; pattern?: string },
  read: (text: string) => T | Refusal,
) {
  return reading(read).register(META, { kind: 'text', ...say });
}

/** A quantity with a unit, within bounds that are themselves written with their unit. */
function quantity<T extends number>(say: Bounded, parse: (text: string) => Parsed<T>) {
  const bound = (written: string): number => {
    const parsed = parse(written);
    assert(parsed.ok, `the bound ${written} in the option table can be read`);
    return parsed.value;
  };
  const [least, most] = [bound(say.min), bound(say.max)];
  return reading((input): T | Refusal => {
    const parsed = parse(input);
    if (!parsed.ok) return parsed;
    if (parsed.value >= least && parsed.value <= most) return parsed.value;
    const side =
      parsed.value < least ? `below the least allowed, ${say.min}` : `above the most allowed, ${say.max}`;
    return { reason: `${input.trim()} is ${side}`, remedy: `choose a value from ${say.min} to ${say.max}` };
  });
}

/** A size in bytes, such as `512MiB`; the parsed name ends in `Bytes`. */
export function size(say: Bounded) {
  const expects = `a size from ${say.min} to ${say.max}`;
  const meta: Meta = { ...say, kind: 'size', expects, pattern: SIZE_PATTERN, suffix: 'Bytes' };
  return quantity<Bytes>(say, parseSize).register(META, meta);
}

/** A time limit of the machinery, such as `250ms` or `10s`; the parsed name ends in `Ms`. */
export function timeout(say: Bounded) {
  const expects = `a duration from ${say.min} to ${say.max}`;
  const meta: Meta = { ...say, kind: 'duration', expects, pattern: DURATION_PATTERN, suffix: 'Ms' };
  return quantity<Millis>(say, parseDuration).register(META, meta);
}

/** A lifetime as HTTP counts it, in whole seconds; the parsed name ends in `S`. */
export function lifetime(say: Bounded) {
  const expects = `a duration from ${say.min} to ${say.max}, in whole seconds`;
  const meta: Meta = { ...say, kind: 'duration', expects, pattern: DURATION_PATTERN, suffix: 'S' };
  return quantity<Seconds>(say, parseLifetime).register(META, meta);
}

function parseLifetime(text: string): Parsed<Seconds> {
  const parsed = parseDuration(text);
  if (!parsed.ok) return parsed;
  if (parsed.value % 1000 === 0) return { ok: true, value: (parsed.value / 1000) as Seconds };
  const reason = `${text.trim()} is not a whole number of seconds`;
  return { ok: false, reason, remedy: 'HTTP counts lifetimes in whole seconds: write 1s, 10m, 12h or 30d' };
}

/** A count without a unit. */
export function integer(say: Say & { min: number; max: number }) {
  const { min, max, ...rest } = say;
  const expects = `a whole number from ${min} to ${max}`;
  return z
    .int()
    .min(min)
    .max(max)
    .register(META, { ...rest, kind: 'integer', expects, min: `${min}`, max: `${max}` });
}

/** A switch. */
export function flag(say: Say) {
  return z.boolean().register(META, { ...say, kind: 'boolean', expects: 'true or false' });
}

/** One of a few words. */
export function choice<const T extends readonly [string, ...string[]]>(values: T, say: Say) {
  return z.enum(values).register(META, { ...say, kind: 'choice', expects: oneOf(values) });
}

/** `a`, `a or b`, `a, b or c`. */
export function oneOf(values: readonly string[]): string {
  if (values.length < 2) return values.join('');
  return `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`;
}

type Suffix<T> = [T] extends [Bytes]
  ? 'Bytes'
  : [T] extends [Millis]
    ? 'Ms'
    : [T] extends [Seconds]
      ? 'S'
      : '';
type Plain<T> = T extends Bytes | Millis | Seconds ? number : T;
/** What a group holds once parsed: names end in their unit, values are plain numbers, nothing is left out. */
export type Renamed<O> = {
  readonly [K in keyof O & string as `${K}${Suffix<Exclude<O[K], undefined>>}`]-?: Plain<O[K]>;
};

/** A mapping with fixed keys. Unknown keys are errors. */
export function group<S extends Record<string, z.ZodType>>(about: string, shape: S) {
  const names = Object.entries(shape).map(
    ([key, schema]) => [key, key + (metaOf(schema)?.suffix ?? '')] as const,
  );
  const schema = z
    .strictObject(shape)
    .transform((input): Renamed<z.output<z.ZodObject<S, z.core.$strict>>> => {
      const values = input as Record<string, unknown>;
      return Object.fromEntries(names.map(([key, name]) => [name, values[key]])) as never;
    });
  return schema.register(META, {
    kind: 'group',
    about,
    expects: 'a mapping with the keys listed in the reference',
  });
}

/** The schema under defaults and optionality, together with what they said. */
export function unwrap(schema: z.core.$ZodType): {
  readonly core: z.core.$ZodType;
  readonly required: boolean;
  readonly fallback: unknown;
} {
  let core = schema;
  let required = true;
  let fallback: unknown;
  for (;;) {
    const { def } = core._zod as unknown as {
      def: { type: string; innerType: z.core.$ZodType; defaultValue?: unknown };
    };
    if (def.type === 'prefault') fallback = def.defaultValue;
    else if (def.type !== 'optional') return { core, required, fallback };
    required = false;
    core = def.innerType;
  }
}

/** The metadata of a schema, under its defaults. */
function metaOf(schema: z.core.$ZodType): Meta | undefined {
  return META.get(unwrap(schema).core);
}
