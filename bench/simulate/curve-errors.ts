import type { Curve } from '../../src/simulate/curves/curve.ts';

/** How far estimates were from the truth, over all seeds and sizes; ratios, not points. */
export interface CurveErrors {
  readonly meanObject: number;
  readonly meanByte: number;
  readonly worstObject: number;
  readonly worstByte: number;
}

/** Compares estimates with the exact curve of the same sizes, at the sizes from `from` on. */
export function errorsOf(exact: Curve, estimates: readonly Curve[], from = 0, to?: number): CurveErrors {
  const object = differences(exact.objectMissRatio, estimates, (curve) => curve.objectMissRatio, from, to);
  const byte = differences(exact.byteMissRatio, estimates, (curve) => curve.byteMissRatio, from, to);
  return {
    meanObject: mean(object),
    meanByte: mean(byte),
    worstObject: Math.max(0, ...object),
    worstByte: Math.max(0, ...byte),
  };
}

/** What a sample says when it is held against itself: SHARDS without its correction. */
export function unadjusted(curve: Curve, sampledRequests: number, sampledBytes: number): Curve {
  const scaled = (ratios: readonly number[], all: number, sampled: number): number[] =>
    ratios.map((ratio) => (sampled === 0 ? 0 : Math.min(1, (ratio * all) / (sampled / curve.rate))));
  return {
    ...curve,
    objectMissRatio: scaled(curve.objectMissRatio, curve.requests, sampledRequests),
    byteMissRatio: scaled(curve.byteMissRatio, curve.bytes, sampledBytes),
  };
}

/** Of an empty list 0. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

function differences(
  exact: readonly number[],
  estimates: readonly Curve[],
  ratiosOf: (curve: Curve) => readonly number[],
  from: number,
  to = exact.length,
): number[] {
  return estimates.flatMap((estimate) =>
    exact.slice(from, to).map((ratio, at) => Math.abs(ratiosOf(estimate)[from + at]! - ratio)),
  );
}
