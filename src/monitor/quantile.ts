import type { LatencySnapshot } from './snapshot.ts';

/**
 * The `q`-quantile of a cumulative histogram in milliseconds, or undefined when it is empty.
 *
 * Linear inside a bucket, and the highest bound when it lies above all of them: what Prometheus'
 * `histogram_quantile` gives for the same counts, so that terminal and dashboard agree.
 * With the 1-2-5 bounds the error is at most one bucket, a factor of 2.5.
 *
 * @param q between 0 and 1; what lies outside is clamped.
 */
export function quantileMs(latency: LatencySnapshot, q: number): number | undefined {
  const { boundsMs, counts } = latency;
  const total = counts[boundsMs.length] ?? 0;
  if (!(total > 0)) return undefined;
  const rank = Math.min(1, Math.max(0, q)) * total;
  for (let i = 0; i < boundsMs.length; i += 1) {
    const atMost = counts[i]!;
    if (atMost < rank || atMost === 0) continue;
    const below = i === 0 ? 0 : counts[i - 1]!;
    const lowMs = i === 0 ? 0 : boundsMs[i - 1]!;
    if (atMost === below) return lowMs;
    return lowMs + (boundsMs[i]! - lowMs) * ((rank - below) / (atMost - below));
  }
  return boundsMs[boundsMs.length - 1];
}

/**
 * What was recorded after `earlier` and up to `later`. Histograms with other bounds (a node of another version),
 * and counts that fell (a restart), yield `later` as it is.
 */
export function latencySince(earlier: LatencySnapshot | undefined, later: LatencySnapshot): LatencySnapshot {
  if (earlier === undefined || earlier.boundsMs.length !== later.boundsMs.length) return later;
  const counts: number[] = [];
  for (let i = 0; i < later.counts.length; i += 1) {
    const grown = later.counts[i]! - (earlier.counts[i] ?? 0);
    if (grown < 0 || (i < later.boundsMs.length && earlier.boundsMs[i] !== later.boundsMs[i])) return later;
    counts.push(grown);
  }
  return { boundsMs: later.boundsMs, counts, sumMs: later.sumMs - earlier.sumMs };
}
