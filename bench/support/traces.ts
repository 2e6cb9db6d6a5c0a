import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parseTrace, type Trace } from '../../src/simulate/published/trace.ts';
import { Unusable } from './workbench.ts';

/** One row of `reference.csv`: what a reference simulator counted for a trace, a policy and a cache size. */
export interface ReferenceRow {
  readonly trace: string;
  /** The reference's own name of the policy. */
  readonly policy: string;
  /** Cache size as a share of the bytes (or the number) of all objects. */
  readonly fraction: number;
  readonly capacityBytes: number;
  /** False where every object counts 1. */
  readonly sized: boolean;
  readonly requests: number;
  readonly misses: number;
  readonly requestedBytes: number;
  readonly missedBytes: number;
}

/**
 * The folder with `reference.csv` and the traces that it names as `<trace>.csv.gz`.
 *
 * @param given what the operator says; else `shared/data/traces` beside the checkout.
 * @throws Unusable when the folder has no reference.
 */
export function tracesDir(given: string | undefined): string {
  const dir = given ?? resolve(import.meta.dirname, '../../../shared/data/traces');
  const reference = join(dir, 'reference.csv');
  if (existsSync(reference)) return dir;
  throw new Unusable(`${reference} is missing. Name the folder with the traces: --traces DIR`);
}

/** All rows of the reference. @throws Unusable when a column is missing. */
export function readReference(dir: string): ReferenceRow[] {
  const [header, ...lines] = readFileSync(join(dir, 'reference.csv'), 'utf8').trim().split('\n');
  const columns = header!.split(',');
  return lines.map((line) => {
    const cells = line.split(',');
    const cell = (name: string): string => {
      const text = cells[columns.indexOf(name)];
      if (text === undefined) throw new Unusable(`reference.csv has no column "${name}"`);
      return text;
    };
    return {
      trace: cell('trace'),
      policy: cell('policy'),
      fraction: Number(cell('cache_frac')),
      capacityBytes: Number(cell('cache_size_bytes')),
      sized: cell('ignore_size') === '0',
      requests: Number(cell('requests')),
      misses: Number(cell('misses')),
      requestedBytes: Number(cell('bytes_requested')),
      missedBytes: Number(cell('bytes_missed')),
    };
  });
}

/** A trace of the folder. @throws Unusable when it is not there. */
export function readTrace(dir: string, name: string): Trace {
  const path = join(dir, `${name}.csv.gz`);
  if (!existsSync(path)) throw new Unusable(`${path} is missing, but the benchmark needs it`);
  return parseTrace(gunzipSync(readFileSync(path)).toString('utf8'));
}

/** Sum of the sizes of all objects of a trace, each as it was first asked for. */
export function uniqueBytes({ keys, sizes, objects }: Trace): number {
  const seen = new Uint8Array(objects);
  return keys.reduce((bytes, key, i) => {
    if (seen[key] === 1) return bytes;
    seen[key] = 1;
    return bytes + sizes[i]!;
  }, 0);
}
