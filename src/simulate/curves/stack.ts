import { assert } from '../../base/assert.ts';
import type { TrafficBatch } from '../../traffic/batch.ts';
import { type Curve, type CurveRules, LIVE_RULES } from './curve.ts';
import { ReuseSample } from './reuse.ts';

/** How a curve is made of recorded requests. */
export interface CurveOptions {
  /** Default: {@link LIVE_RULES}. */
  readonly rules?: CurveRules;
  /** Sizes of caches, ascending. Default: eight for each doubling, as far as the responses go. */
  readonly sizesBytes?: readonly number[];
}

/** How much of the keys a sampled curve looks at. */
export interface SampleOptions extends CurveOptions {
  /** Share of all keys, above 0 to 1; where less is recorded, that. Default 1. */
  readonly rate?: number;
  /** Bound on the keys at any time, at least 2; the rate falls so that it is kept. Default: none. */
  readonly keysMax?: number;
}

const SIZES_PER_DOUBLING = 8;
/** 2^50: a pebibyte. */
const DOUBLINGS_MAX = 50;

/** Sizes for a curve of which nothing is known yet: whole numbers, eight for each doubling, from 1 to 2^50 bytes. */
export const ALL_SIZES_BYTES: readonly number[] = [
  ...new Set(
    Array.from({ length: DOUBLINGS_MAX * SIZES_PER_DOUBLING + 1 }, (_, at) =>
      Math.round(2 ** (at / SIZES_PER_DOUBLING)),
    ),
  ),
];

/**
 * The miss-ratio curve of a least-recently-used cache, from the reuse distances of all requests of a record that is whole. One pass
 * for all sizes; O(log keys) a request, 60 to 110 bytes a key.
 *
 * With one size for each key and no lifetimes it is what a replay counts, request for request, at every size that holds the largest
 * object. A replay at a smaller size refuses what is larger than itself and keeps what it has; here a large object passes through and pushes the
 * others out, so the curve is too high there. Where the size of a key changes, a replay may keep the older one for longer. Lifetimes: see
 * {@link ReuseSample}.
 */
export function exactCurve(batches: Iterable<TrafficBatch>, options: CurveOptions = {}): Curve {
  return shardsCurve(batches, options);
}

/**
 * The same from a sample of the keys, of a rate or of a size (SHARDS; Waldspurger et al., FAST 2015), corrected by what all requests
 * are known to have been ({@link StratumTotals}). O(1) for requests that are not sampled.
 */
export function shardsCurve(batches: Iterable<TrafficBatch>, options: SampleOptions = {}): Curve {
  const { rules = LIVE_RULES, sizesBytes = ALL_SIZES_BYTES } = options;
  const { rate = 1, keysMax = Number.POSITIVE_INFINITY } = options;
  assert(rate > 0 && rate <= 1, 'a rate is above 0 to 1');
  assert(keysMax >= 2 && sizesBytes.length > 0, 'a curve has at least two keys and one size');
  const sample = new ReuseSample({ rules, sizesBytes, rate, keysMax });
  for (const batch of batches) sample.observe(batch);
  const curve = sample.curve();
  return options.sizesBytes === undefined ? trimmed(curve) : curve;
}

/** Without the sizes at which nothing changes: below the first hit, and above all bytes there are. */
export function trimmed(curve: Curve): Curve {
  const { sizesBytes, objectMissRatio, byteMissRatio } = curve;
  const first = objectMissRatio.findIndex((ratio) => ratio < objectMissRatio[0]!);
  const from = Math.max(0, first - 1);
  const large = sizesBytes.findIndex((size) => size >= curve.uniqueBytes);
  const to = Math.max(from, large === -1 ? sizesBytes.length - 1 : large) + 1;
  return {
    ...curve,
    sizesBytes: sizesBytes.slice(from, to),
    objectMissRatio: objectMissRatio.slice(from, to),
    byteMissRatio: byteMissRatio.slice(from, to),
  };
}
