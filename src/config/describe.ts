import type { z } from 'zod';
import { OPTIONS } from './options.ts';
import type { Path } from './problem.ts';
import { META, type Meta, unwrap } from './table.ts';

/** One row of the option table, as the reference, the starter file and messages need it. */
export interface Described {
  /** `cache.memory.size`, `origins.<name>.url`, `routes[].ttl.default`. */
  readonly path: string;
  /** The last word of the path. */
  readonly key: string;
  /** How many keys there are above it. */
  readonly depth: number;
  readonly meta: Meta;
  readonly required: boolean;
  /** The default as it would be written; undefined when there is none. */
  readonly fallback: unknown;
  /** For options of one kind of origin only: `http` or `files`. */
  readonly variant: string | undefined;
}

type Schema = z.core.$ZodType;
interface Def {
  readonly type: string;
  readonly in: Schema;
  readonly shape: Readonly<Record<string, Schema>>;
  readonly keyType: Schema;
  readonly valueType: Schema;
  readonly element: Schema;
  readonly options: readonly Schema[];
  readonly values: readonly unknown[];
}

function defOf(schema: Schema): Def {
  const def = (unwrap(schema).core._zod as unknown as { def: Def }).def;
  // A group is an object with the renaming of its keys behind it.
  return def.type === 'pipe' && META.get(unwrap(schema).core)?.kind === 'group' ? defOf(def.in) : def;
}

/** Every option, in the order of the table; groups, maps and lists come before what is in them. */
export function describe(): readonly Described[] {
  const rows: Described[] = [];
  const visit = (
    schema: Schema,
    path: string,
    key: string,
    depth: number,
    variant: string | undefined,
  ): void => {
    const { core, required, fallback } = unwrap(schema);
    const meta = META.get(core);
    const def = defOf(schema);
    if (meta !== undefined && path !== '') rows.push({ path, key, depth, meta, required, fallback, variant });
    if (def.type === 'object') {
      for (const [name, inner] of Object.entries(def.shape)) {
        visit(inner, path === '' ? name : `${path}.${name}`, name, depth + 1, variant);
      }
    } else if (def.type === 'record' && defOf(def.valueType).type === 'union') {
      for (const option of defOf(def.valueType).options) {
        const kind = String(defOf(defOf(option).shape['type']!).values[0]);
        for (const [name, inner] of Object.entries(defOf(option).shape)) {
          visit(inner, `${path}.<name>.${name}`, name, depth + 2, kind);
        }
      }
    } else if (def.type === 'array' && defOf(def.element).type === 'object') {
      for (const [name, inner] of Object.entries(defOf(def.element).shape)) {
        visit(inner, `${path}[].${name}`, name, depth + 2, variant);
      }
    }
  };
  visit(OPTIONS, '', '', -1, undefined);
  return rows;
}

/** The schemas that a place of the file may be held to; more than one only below an origin of unknown type. */
function schemasAt(path: Path): readonly Schema[] {
  let schemas: readonly Schema[] = [OPTIONS];
  for (const step of path) schemas = schemas.flatMap((schema) => stepInto(schema, step));
  return schemas;
}

function stepInto(schema: Schema, step: string | number): readonly Schema[] {
  const def = defOf(schema);
  if (def.type === 'object') return Object.hasOwn(def.shape, step) ? [def.shape[step]!] : [];
  if (def.type === 'record') return [def.valueType];
  if (def.type === 'array') return [def.element];
  if (def.type === 'union') return def.options.flatMap((option) => stepInto(option, step));
  return [];
}

/** What the table says of a place of the file; undefined when no option belongs there. */
export function metaAt(path: Path): Meta | undefined {
  for (const schema of schemasAt(path)) {
    const meta = META.get(unwrap(schema).core);
    if (meta !== undefined) return meta;
  }
  return undefined;
}

/** The keys that a place of the file may have: none for anything but groups. */
export function keysAt(path: Path): readonly string[] {
  const keys = schemasAt(path).flatMap((schema) => {
    const def = defOf(schema);
    const groups = def.type === 'union' ? def.options.map(defOf) : [def];
    return groups.flatMap((one) => (one.type === 'object' ? Object.keys(one.shape) : []));
  });
  return [...new Set(keys)];
}
