import type { z } from 'zod';
import type { ParsedConfig } from './config.ts';
import { valueAt } from './issues.ts';
import { OPTIONS } from './options.ts';
import { type Path, pathText } from './problem.ts';
import type { Checked } from './rules.ts';

/** Marks an item of a list that was taken out, so that the positions of the others stay until the round ends. */
const GONE = Symbol('gone');

/** What is left of a configuration when everything with a mistake of its own is taken out. */
export interface Mended extends Checked {
  /** What was taken out. */
  readonly mended: readonly Path[];
}

/**
 * Takes out every value that is wrong by itself (then the smallest thing around it that cannot do without it), so that
 * the rest can be checked for what must not be together: all mistakes are told at once. Undefined if nothing is left.
 *
 * @param raw plain data; not changed.
 * @param missing values that could not be had.
 */
export function mend(raw: unknown, missing: readonly Path[]): Mended | undefined {
  const left = clone(raw);
  const mended: Path[] = [];
  const routes = valueAt(left, ['routes']);
  const routeAt = Array.isArray(routes) ? routes.map((_, index) => index) : [];
  const drop = (path: Path): void => {
    mended.push(toFile(path, routeAt));
    remove(left, path);
  };
  for (const path of missing) drop(path);
  compact(left, routeAt);
  // Each round takes out at least one thing, and things around it at most once per level.
  for (let round = 0; round < 16; round += 1) {
    const result = OPTIONS.safeParse(left);
    if (result.success) {
      const said = (path: Path): boolean => valueAt(raw, path) !== undefined;
      const originNames = Object.keys(valueAt(raw, ['origins']) ?? {});
      return { config: result.data as ParsedConfig, routeAt, originNames, said, mended };
    }
    const wrong = result.error.issues.flatMap((issue) => targets(issue, left));
    if (wrong.some((path) => path.length === 0)) return undefined;
    for (const path of new Map(wrong.map((path) => [pathText(path), path])).values()) drop(path);
    compact(left, routeAt);
  }
  return undefined;
}

/** What to take out for an issue: the value itself, or what surrounds a value that is not there. */
function targets(issue: z.core.$ZodIssue, left: unknown): Path[] {
  const path = issue.path as Path;
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => [...path, key]);
  return [valueAt(left, path) === undefined ? path.slice(0, -1) : path];
}

/** A path as the file has it: routes that were taken out before shifted the positions. */
function toFile(path: Path, routeAt: readonly number[]): Path {
  const [first, index, ...rest] = path;
  return first === 'routes' && typeof index === 'number' ? [first, routeAt[index] ?? index, ...rest] : path;
}

function remove(root: unknown, path: Path): void {
  const parent = valueAt(root, path.slice(0, -1));
  const step = path.at(-1);
  if (step === undefined || typeof parent !== 'object' || parent === null) return;
  if (Array.isArray(parent)) parent[step as number] = GONE;
  else delete (parent as Record<string | number, unknown>)[step];
}

/** Closes the gaps in lists. */
function compact(value: unknown, routeAt: number[], isTop = true): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (Array.isArray(inner) && inner.includes(GONE)) {
      if (isTop && key === 'routes')
        routeAt.splice(0, routeAt.length, ...routeAt.filter((_, i) => inner[i] !== GONE));
      inner.splice(0, inner.length, ...inner.filter((item) => item !== GONE));
    }
    compact(inner, routeAt, false);
  }
}

function clone(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(clone);
  if (typeof value !== 'object' || value === null) return value;
  const copy: Record<string, unknown> = Object.create(null);
  for (const [key, inner] of Object.entries(value)) copy[key] = clone(inner);
  return copy;
}
