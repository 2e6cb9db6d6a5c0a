import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { seededRandom } from '../../base/random.ts';
import {
  type ResponseLife,
  servedKind,
  type TrafficBatch,
  type TrafficRow,
  UNKNOWN_LIFE,
} from '../../traffic/batch.ts';
import { imageBytes, powerLaw } from '../popularity.fixture.ts';
import { parseTrace, type Trace } from '../published/trace.ts';
import { recordOf, sampleOf } from '../simulate.fixture.ts';

/** A request that was served from memory. */
export const HIT = servedKind('images', { outcome: 'hit', tier: 'memory' });

/** 5,000 requests of a real server. */
export const GOLDEN: Trace = parseTrace(
  gunzipSync(
    readFileSync(join(import.meta.dirname, '../../../test/golden/calgary_img_5000.csv.gz')),
  ).toString('utf8'),
);

/** A row for a key, at a time, in milliseconds; other fields as given. */
export function rowOf(
  key: number,
  bodyBytes: number,
  atMs: number,
  more: Partial<TrafficRow> = {},
): TrafficRow {
  const { u32 } = seededRandom(key);
  return {
    atMs,
    keyLo: u32(),
    keyHi: u32(),
    bodyBytes,
    besideBytes: 0,
    originMs: undefined,
    kind: HIT,
    life: UNKNOWN_LIFE,
    ...more,
  };
}

/** A trace as rows, one a millisecond, from a second on. */
export function rowsOf(trace: Trace): TrafficRow[] {
  return Array.from(trace.keys, (key, at) => rowOf(key, trace.sizes[at]!, 1000 + at));
}

/** Lifetimes of so many seconds, as a route gave them. */
export function lasting(lifetimeS: number): ResponseLife {
  return { known: 'applied', lifetimeS, whileRevalidateS: 0, ifErrorS: 0, flags: 0 };
}

/** Traffic of images: popularity by a power law, sizes over four orders of magnitude, some asked for once only. */
export function imageTraffic({
  requests,
  images,
  seed,
}: {
  readonly requests: number;
  readonly images: number;
  readonly seed: number;
}): Trace {
  const random = seededRandom(seed);
  const rank = powerLaw(images, 0.8);
  const keys = new Uint32Array(requests);
  const sizes = new Uint32Array(requests);
  let objects = images;
  for (let at = 0; at < requests; at += 1) {
    const isOnce = random.next() < 0.15;
    const key = isOnce ? objects : rank(random);
    if (isOnce) objects += 1;
    keys[at] = key;
    sizes[at] = imageBytes(seed * 31 + key);
  }
  return { objects, keys, sizes };
}

/** What a recorder keeps of rows at a rate, with the totals of all of them. */
export function sampled(rows: readonly TrafficRow[], rate: number): TrafficBatch[] {
  return [...sampleOf(recordOf(rows), rate).batches()];
}

/** Mean absolute difference of two curves over the same sizes. */
export function meanError(one: readonly number[], other: readonly number[]): number {
  return one.reduce((sum, value, at) => sum + Math.abs(value - other[at]!), 0) / one.length;
}
