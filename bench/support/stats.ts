/** Middle value; the mean of the two middle ones for an even count; NaN for none. O(n log n). */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * The smallest value that at least `share` of all values do not exceed (nearest rank); NaN for none.
 *
 * @param share above 0, at most 1.
 */
export function quantile(values: Float64Array | readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function spread(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/** Round by round `above[i] / below[i]`: what both had to live with in that round cancels out. Equal lengths. */
export function roundRatios(above: readonly number[], below: readonly number[]): number[] {
  if (above.length !== below.length)
    throw new RangeError('ratios need as many rounds of one as of the other');
  return above.map((value, round) => value / below[round]!);
}
