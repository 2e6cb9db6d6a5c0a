import { OUTCOMES } from '../cache/outcome.ts';
import { BUCKET_COUNT, LatencyHistogram } from './histogram.ts';
import type { Recorder } from './recorder.ts';

const HIT = OUTCOMES.indexOf('hit');
const STATUS_LIMIT = 600;

/** Where each count lies; behind them a row of two for each route: requests, bytes sent. */
const INCOMPLETE = 0;
const SUM_MS = 1;
const BUCKETS = 2;
const STATUSES = BUCKETS + BUCKET_COUNT;
const ROUTES = STATUSES + STATUS_LIMIT;

/** Counts of one thread that others can read: it alone writes them, and they only grow. */
export type HitCounts = Float64Array<SharedArrayBuffer>;

/** Memory for the counts of one thread, all 0. */
export function newHitCounts(routes: number): HitCounts {
  return new Float64Array(new SharedArrayBuffer((ROUTES + 2 * routes) * 8));
}

/** The hits that a thread other than the owner has served. Booking costs some nanoseconds and allocates nothing. */
export class HitBooks {
  readonly #counts: HitCounts;
  readonly #durations: LatencyHistogram;

  constructor(counts: HitCounts) {
    this.#counts = counts;
    this.#durations = new LatencyHistogram(counts.subarray(BUCKETS, BUCKETS + BUCKET_COUNT));
  }

  /** As {@link Recorder.request}, for a hit. */
  hit(routeId: number, status: number, sentBytes: number, durationMs: number, whole: boolean): void {
    const counts = this.#counts;
    counts[ROUTES + 2 * routeId]! += 1;
    counts[ROUTES + 2 * routeId + 1]! += sentBytes;
    counts[STATUSES + status]! += 1;
    if (!whole) counts[INCOMPLETE]! += 1;
    this.#durations.record(durationMs);
    counts[SUM_MS] = this.#durations.sumMs;
  }
}

/** Carries the hits of one thread over into the books of the node, so that there is one set of them. */
export class HitFold {
  readonly #counts: HitCounts;
  readonly #booked: Float64Array;
  readonly #recorder: Recorder;

  constructor(counts: HitCounts, recorder: Recorder) {
    this.#counts = counts;
    this.#booked = new Float64Array(counts.length);
    this.#recorder = recorder;
  }

  /** Books what was counted since the last call. O(routes + statuses), about a microsecond. */
  fold(): void {
    const { requests, sentBytes, statuses, durations } = this.#recorder;
    const histogram = durations[HIT]!;
    this.#recorder.incomplete += this.#grown(INCOMPLETE);
    histogram.sumMs += this.#grown(SUM_MS);
    for (let i = 0; i < BUCKET_COUNT; i += 1) histogram.buckets[i]! += this.#grown(BUCKETS + i);
    for (let i = 0; i < STATUS_LIMIT; i += 1) statuses[i]! += this.#grown(STATUSES + i);
    for (let at = ROUTES, route = 0; at < this.#counts.length; at += 2, route += 1) {
      requests[route * OUTCOMES.length + HIT]! += this.#grown(at);
      sentBytes[route]! += this.#grown(at + 1);
    }
  }

  #grown(at: number): number {
    const now = this.#counts[at]!;
    const growth = now - this.#booked[at]!;
    this.#booked[at] = now;
    return growth;
  }
}
