/** Latencies in buckets that grow by an eighth of an octave from 1 microsecond: percentiles within 9 %, constant memory. */
const PER_OCTAVE = 8;
const BUCKETS = PER_OCTAVE * 26; // up to a minute

/** What went wrong with a request, as its client sees it. */
export const TRAFFIC_ERRORS = ['connect', 'status', 'length', 'type', 'cut', 'malformed', 'timeout'] as const;
export type TrafficError = (typeof TRAFFIC_ERRORS)[number];

/** What the load generator saw. Counts since its start; plain data, to be sent between threads. */
export interface TrafficReport {
  readonly sent: number;
  /** Answered whole and as expected. */
  readonly good: number;
  readonly errors: Readonly<Record<TrafficError, number>>;
  /** An example of the latest error, for people. */
  readonly lastError: string | undefined;
  /** Arrivals given up because all connections were busy and the queue was full. */
  readonly skipped: number;
  /** Still under way when the generator was stopped. */
  readonly unawaited: number;
  readonly bodyBytes: number;
  /** Time from request to last byte, by what Cache-Status said. */
  readonly hits: LatencySummary;
  readonly forwarded: LatencySummary;
}

export interface LatencySummary {
  readonly count: number;
  /** Milliseconds; undefined while nothing was counted. */
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
}

/** Counts what a load generator sees. */
export class Tally {
  sent = 0;
  good = 0;
  skipped = 0;
  unawaited = 0;
  bodyBytes = 0;
  lastError: string | undefined;
  readonly #errors = Object.fromEntries(TRAFFIC_ERRORS.map((name) => [name, 0])) as Record<
    TrafficError,
    number
  >;
  readonly #hits = new Float64Array(BUCKETS);
  readonly #forwarded = new Float64Array(BUCKETS);

  /** One response that was whole. @param isHit whether Cache-Status said so. */
  answered(latencyMs: number, bodyBytes: number, isHit: boolean): void {
    this.good += 1;
    this.bodyBytes += bodyBytes;
    const bucket = Math.floor(Math.log2(Math.max(1, latencyMs * 1000)) * PER_OCTAVE);
    (isHit ? this.#hits : this.#forwarded)[Math.min(BUCKETS - 1, bucket)]! += 1;
  }

  failed(kind: TrafficError, detail: string): void {
    this.#errors[kind] += 1;
    this.lastError = `${kind}: ${detail}`;
  }

  report(): TrafficReport {
    const { sent, good, skipped, unawaited, bodyBytes, lastError } = this;
    const [hits, forwarded] = [summarise(this.#hits), summarise(this.#forwarded)];
    const errors = { ...this.#errors };
    return { sent, good, skipped, unawaited, bodyBytes, lastError, errors, hits, forwarded };
  }
}

function summarise(buckets: Float64Array): LatencySummary {
  let count = 0;
  for (const n of buckets) count += n;
  const quantile = (q: number): number | undefined => {
    let left = q * count;
    for (let i = 0; i < BUCKETS && count > 0; i += 1) {
      left -= buckets[i]!;
      if (left <= 0 && buckets[i]! > 0) return 2 ** ((i + 0.5) / PER_OCTAVE) / 1000;
    }
    return undefined;
  };
  return { count, p50Ms: quantile(0.5), p99Ms: quantile(0.99) };
}
