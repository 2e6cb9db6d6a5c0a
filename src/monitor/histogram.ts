import type { LatencySnapshot } from './snapshot.ts';

/**
 * Upper bounds of every latency histogram, in milliseconds: a 1-2-5 series from 10 us (a hit) to 60 s (the slowest
 * origin worth waiting for). Fixed, so that histograms of different nodes, routes and days can be added.
 */
export const LATENCY_BOUNDS_MS: readonly number[] = [
  0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000,
  60_000,
];

const BOUNDS = Float64Array.from(LATENCY_BOUNDS_MS);
const BOUND_COUNT = BOUNDS.length;
/** One for each bound, and one for what is above them all. */
export const BUCKET_COUNT: number = BOUND_COUNT + 1;

/** Counts durations per bucket. Recording costs a few nanoseconds and never allocates; 184 bytes each. */
export class LatencyHistogram {
  /** Per bucket, not cumulative; the last one is everything above the highest bound. */
  readonly buckets: Float64Array;
  sumMs = 0;

  /** @param buckets where to count, for counts that another thread reads; {@link BUCKET_COUNT} of them. */
  constructor(buckets: Float64Array = new Float64Array(BUCKET_COUNT)) {
    this.buckets = buckets;
  }

  /** Adds one duration in milliseconds. What is negative or no number (a clock that misbehaved) counts as zero. */
  record(durationMs: number): void {
    let ms = durationMs;
    if (!(ms > 0)) ms = 0; // NaN too
    let bucket = 0;
    while (bucket < BOUND_COUNT && ms > BOUNDS[bucket]!) bucket += 1;
    this.buckets[bucket]! += 1;
    this.sumMs += ms;
  }

  /** Number of durations recorded. O(buckets). */
  get count(): number {
    let count = 0;
    for (const n of this.buckets) count += n;
    return count;
  }
}

/** The sum of histograms, cumulative, as snapshots and Prometheus want it. O(histograms x buckets). */
export function cumulative(histograms: readonly LatencyHistogram[]): LatencySnapshot {
  const counts = new Array<number>(BOUND_COUNT + 1).fill(0);
  let sumMs = 0;
  for (const histogram of histograms) {
    for (let i = 0; i <= BOUND_COUNT; i += 1) counts[i]! += histogram.buckets[i]!;
    sumMs += histogram.sumMs;
  }
  for (let i = 1; i <= BOUND_COUNT; i += 1) counts[i]! += counts[i - 1]!;
  return { boundsMs: LATENCY_BOUNDS_MS, counts, sumMs };
}
