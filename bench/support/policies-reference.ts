import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parseTrace, type Trace } from '../../src/policy/replay.ts';

/** One result of the reference simulator. */
export interface ReferenceRow {
  readonly trace: string;
  /** As the reference names it: `LRU`, `S3FIFO`. */
  readonly policy: string;
  /** Part of the bytes of all objects (of their number, where sizes are ignored), as text: `0.01`. */
  readonly fraction: string;
  readonly capacityBytes: number;
  /** False where each object counts 1. */
  readonly sized: boolean;
  readonly requests: number;
  readonly misses: number;
  readonly requestedBytes: number;
  readonly missedBytes: number;
}

/** All rows of `reference.csv`. @throws Error naming the column that is missing. */
export function readReference(dir: string): ReferenceRow[] {
  const [header, ...lines] = readFileSync(join(dir, 'reference.csv'), 'utf8').trim().split('\n');
  const columns = header!.split(',');
  return lines.map((line) => {
    const cells = line.split(',');
    const cell = (name: string): string => {
      const value = cells[columns.indexOf(name)];
      if (value === undefined) throw new Error(`reference.csv has no column "${name}"`);
      return value;
    };
    return {
      trace: cell('trace'),
      policy: cell('policy'),
      fraction: cell('cache_frac'),
      capacityBytes: Number(cell('cache_size_bytes')),
      sized: cell('ignore_size') === '0',
      requests: Number(cell('requests')),
      misses: Number(cell('misses')),
      requestedBytes: Number(cell('bytes_requested')),
      missedBytes: Number(cell('bytes_missed')),
    };
  });
}

/** A trace of the folder. @throws Error when it is not there. */
export function readTrace(dir: string, name: string): Trace {
  const path = join(dir, `${name}.csv.gz`);
  if (!existsSync(path)) throw new Error(`${path} is missing, but reference.csv names it`);
  return parseTrace(gunzipSync(readFileSync(path)).toString('utf8'));
}
