import type { z } from 'zod';
import { durationText } from '../base/units.ts';
import { describe, keysAt, metaAt } from './describe.ts';
import { type Path, pathText } from './problem.ts';
import { suggest } from './suggest.ts';
import { type Meta, oneOf, type Refusal } from './table.ts';

/** A mistake at a place of the file, in the operator's words. */
export interface Finding extends Refusal {
  readonly severity: 'error' | 'warning';
  readonly path: Path;
  /** Other places that play a part: a finding is dropped when one of them has a mistake of its own. */
  readonly related: readonly Path[];
  /** Whether the key or its value is to be pointed at. */
  readonly at: 'key' | 'value';
}

/** A mistake in the value at `path`. */
export function finding(
  severity: Finding['severity'],
  path: Path,
  related: readonly Path[],
  reason: string,
  remedy: string,
): Finding {
  return { severity, path, related, at: 'value', reason, remedy };
}

type Issue = z.core.$ZodIssue;

/** Turns the complaints of the schema into the operator's words. `raw` is what the file says, as plain data. */
export function explain(issues: readonly Issue[], raw: unknown): readonly Finding[] {
  const findings = issues.flatMap((issue) => explainOne(issue, raw));
  // A misspelt key is one mistake, not two: the key that was meant is not also missing.
  const meant = new Set<string>();
  for (const issue of issues) {
    if (issue.code !== 'unrecognized_keys') continue;
    for (const key of issue.keys)
      meant.add(pathText([...(issue.path as Path), suggest(key, keysAt(issue.path as Path)) ?? '']));
  }
  const told = new Set<string>();
  return findings.filter(({ path, reason }) => {
    const what = `${pathText(path)} ${reason}`;
    // A text in place of a list is of the wrong type, and perhaps too long for a list besides.
    const isNew = !told.has(what);
    told.add(what);
    return isNew && (valueAt(raw, path) !== undefined || !meant.has(pathText(path)));
  });
}

function explainOne(issue: Issue, raw: unknown): readonly Finding[] {
  const path = issue.path as Path;
  const error = (where: Path, at: 'key' | 'value', refusal: Refusal): Finding => ({
    severity: 'error',
    path: where,
    related: [],
    at,
    reason: refusal.reason,
    remedy: refusal.remedy,
  });
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => error([...path, key], 'key', unknownKey(path, key, raw)));
  }
  if (issue.code === 'invalid_key') {
    return [
      error(
        path,
        'key',
        refusalOf(issue.issues[0]) ?? { reason: 'this name is not allowed', remedy: 'choose another' },
      ),
    ];
  }
  const value = valueAt(raw, path);
  if (value === undefined && path.length > 0) return [error(path, 'key', missingKey(path))];
  return [error(path, 'value', refusalOf(issue) ?? wrongValue(issue, path, value))];
}

function refusalOf(issue: Issue | undefined): Refusal | undefined {
  if (issue?.code !== 'custom') return undefined;
  const { reason, remedy } = (issue.params ?? {}) as Partial<Refusal>;
  return reason === undefined || remedy === undefined ? undefined : { reason, remedy };
}

/** The plain data at a path; undefined when there is none. */
export function valueAt(raw: unknown, path: Path): unknown {
  let value = raw;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

function unknownKey(path: Path, key: string, raw: unknown): Refusal {
  const known = keysAt(path);
  const where = path.length === 0 ? 'at the top' : `in ${pathText(path)}`;
  const reason = `there is no option "${key.slice(0, 64)}" ${where}`;
  if (known.includes(key)) {
    const type = valueAt(raw, [...path, 'type']);
    return {
      reason: `origins of type ${String(type)} have no option "${key}"`,
      remedy: 'remove it, or change the type',
    };
  }
  const near = suggest(key, known);
  if (near !== undefined) return { reason, remedy: `did you mean "${near}"?` };
  const elsewhere = describe().filter((row) => row.key.toLowerCase() === key.toLowerCase());
  if (elsewhere.length > 0) {
    return {
      reason,
      remedy: `it belongs elsewhere: ${oneOf([...new Set(elsewhere.map((row) => row.path))].slice(0, 4))}`,
    };
  }
  return {
    reason,
    remedy: known.length === 0 ? 'remove it' : `remove it; here are known: ${known.join(', ')}`,
  };
}

function missingKey(path: Path): Refusal {
  const key = String(path.at(-1));
  const meta = metaAt(path);
  const where = path.length > 1 ? ` in ${pathText(path.slice(0, -1))}` : '';
  const remedies: Readonly<Record<string, string>> = {
    version: 'add "version: 1" as the first line',
    type: 'add "type: http" with a url, "type: files" with a root, or "type: s3" with a bucket',
    origins: 'name at least one place where images come from',
    routes: 'add at least one route that leads to an origin',
  };
  return {
    reason: `"${key}" is missing${where}`,
    remedy: remedies[key] ?? `add "${key}:" with ${meta?.expects ?? 'a value'}`,
  };
}

function wrongValue(issue: Issue, path: Path, value: unknown): Refusal {
  const meta = metaAt(path);
  const expects = meta?.expects ?? 'something else';
  if (issue.code === 'invalid_union' && path.at(-1) === 'type') {
    const near = typeof value === 'string' ? suggest(value, ['http', 'files', 's3']) : undefined;
    const remedy =
      near === undefined
        ? 'use "http" with a url, "files" with a root, or "s3" with a bucket'
        : `did you mean "${near}"?`;
    return { reason: `there is no type of origin called ${found(value)}`, remedy };
  }
  if (value === null) {
    return {
      reason: 'there is no value here',
      remedy: `write ${expects}, or remove the key to get the default`,
    };
  }
  if (meta?.secret === true && typeof value === 'number') {
    // What YAML took for a number may be most of it.
    return { reason: 'the secret is not a text', remedy: 'put it in quotes: YAML reads digits as a number' };
  }
  if (typeof value === 'number' && meta !== undefined) {
    const refusal = wrongNumber(issue, meta, value);
    if (refusal !== undefined) return refusal;
  }
  if (Array.isArray(value) && meta?.kind === 'list') {
    return value.length === 0
      ? {
          reason: 'the list is empty',
          remedy: 'put at least one item into it, or remove the key to get the default',
        }
      : {
          reason: `the list has ${value.length} items, more than the 1000 allowed`,
          remedy: 'merge some of them',
        };
  }
  if (meta?.kind === 'boolean' && typeof value === 'string' && /^(yes|on|true)$/i.test(value)) {
    return { reason: `expected true or false, found ${found(value)}`, remedy: 'write true' };
  }
  if (meta?.kind === 'boolean' && typeof value === 'string' && /^(no|off|false)$/i.test(value)) {
    return { reason: `expected true or false, found ${found(value)}`, remedy: 'write false' };
  }
  if (meta?.kind === 'list' && typeof value === 'string') {
    return {
      reason: `expected ${expects}, found ${found(value)}`,
      remedy: `put it in brackets: ['${value}']`,
    };
  }
  if (issue.code === 'invalid_value' && typeof value === 'string') {
    const near = suggest(value, issue.values.map(String));
    const remedy = near === undefined ? `write ${expects}` : `did you mean "${near}"?`;
    return { reason: `expected ${expects}, found ${found(value)}`, remedy };
  }
  return { reason: `expected ${expects}, found ${found(value)}`, remedy: `write ${expects}` };
}

function wrongNumber(issue: Issue, meta: Meta, value: number): Refusal | undefined {
  if (meta.kind === 'size') {
    const remedy = `write ${value}MiB or ${value}GiB, whichever is meant`;
    return {
      reason: `the number ${value} has no unit`,
      remedy: value === 0 ? `write ${meta.expects}` : remedy,
    };
  }
  if (meta.kind === 'duration') {
    const remedy =
      value === 0
        ? `write ${durationText(0)}`
        : `write ${value}s, ${value}m or ${value}h, whichever is meant`;
    return { reason: `the number ${value} has no unit`, remedy };
  }
  const bounds = `choose a value from ${meta.min} to ${meta.max}`;
  if (issue.code === 'too_small') {
    return { reason: `${value} is below the least allowed, ${meta.min}`, remedy: bounds };
  }
  if (issue.code === 'too_big')
    return { reason: `${value} is above the most allowed, ${meta.max}`, remedy: bounds };
  if (meta.kind === 'text' && meta.pattern?.includes(':[0-9]')) {
    return { reason: 'the address is missing, this is only a port', remedy: `write 127.0.0.1:${value}` };
  }
  return undefined;
}

/** What is there, in words. */
function found(value: unknown): string {
  if (typeof value === 'string') return `"${value.length > 40 ? `${value.slice(0, 39)}…` : value}"`;
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return value === null ? 'nothing' : 'a mapping';
  return `the ${typeof value === 'boolean' ? 'value' : 'number'} ${String(value)}`;
}
