import type { RoomRefusal } from '../cache/outcome.ts';
import type { RecordInfo } from '../traffic/record.ts';

/** What a configuration would have done to recorded requests. All of it is what reports, planner and expectations read. */
export interface SimulationReport {
  /** The file, or what the simulated node is called. */
  readonly name: string;
  readonly record: RecordInfo;
  /** Where it began: with an empty cache, or with what a running node held. */
  readonly start: 'cold' | 'warm';
  /** Share of the keys that were replayed; below 1 all figures are estimates for all keys (SHARDS-adj, by class of size). */
  readonly rate: number;
  /** Different keys that were replayed, of all requests before those that count too. */
  readonly keys: number;
  /** Of all routes. */
  readonly all: ServedCounts;
  readonly routes: Readonly<Record<string, ServedCounts>>;
  readonly memory: TierReport;
  /** Undefined without a disk tier. */
  readonly disk: TierReport | undefined;
  readonly origins: Readonly<Record<string, OriginReport>>;
  /** All origins together. */
  readonly origin: OriginReport;
  readonly minutes: MinuteSeries;
  /** What was assumed because the record does not say it, each a sentence. */
  readonly assumptions: readonly string[];
}

/** How requests were served. Counts of a sample are estimates and may have a fraction. */
export interface ServedCounts {
  readonly requests: number;
  readonly bytes: number;
  /** Served without waiting for an origin: hits of memory and disk, and stale ones. */
  readonly hits: number;
  readonly hitBytes: number;
  /** Of the hits: fresh ones from memory, fresh ones that were only on disk, and stale ones from wherever. */
  readonly memoryHits: number;
  readonly diskHits: number;
  readonly staleHits: number;
  readonly revalidated: number;
  readonly collapsed: number;
  readonly misses: number;
  readonly bypasses: number;
  readonly failed: number;
  /** Why the misses were none of them hits; their sum is `misses`. */
  readonly missReasons: Readonly<Record<MissReason, number>>;
}

/** Why a stored response did not answer, seen from the cache. */
export const MISS_REASONS = [
  'first', // never asked for before, in this record
  'evicted', // was stored, and left for want of room
  'expired', // was stored, and could not be used any more
  'refused', // was not stored before, for want of room that may be taken
  'not-storable', // what the origin sent may not be stored
] as const;
export type MissReason = (typeof MISS_REASONS)[number];

/** What one tier came to. */
export interface TierReport {
  readonly budgetBytes: number;
  /** At the end, and the most at any time. */
  readonly usedBytes: number;
  readonly usedBytesMax: number;
  readonly entries: number;
  readonly insertions: number;
  readonly evictions: number;
  readonly earlyEvictions: number;
  readonly prematureEvictions: number;
  /** Bytes of what origins had to send again for premature evictions: each tier says it of its own. */
  readonly refetchedBytes: number;
  readonly refusals: Readonly<Partial<Record<RoomRefusal, number>>>;
  /** Age of entries when they were evicted; undefined without evictions. */
  readonly evictionAgeS: { readonly p10: number; readonly p50: number; readonly p90: number } | undefined;
  /** Lifetime, stale windows included, of what was stored: half were good for at least this. Undefined when nothing was. */
  readonly usableS: number | undefined;
  /** From the first request to the first eviction; undefined when there was none. */
  readonly firstEvictionMs: number | undefined;
  /** From the first request until the tier was nine tenths full; undefined when it never was. */
  readonly filledMs: number | undefined;
  /** Which limit bound: `bytes`, or `none` when nothing was evicted or refused. */
  readonly limit: 'bytes' | 'none';
}

/** What an origin had to do. */
export interface OriginReport {
  readonly requests: number;
  readonly bytes: number;
  /** Confirmations (304): requests without a body. */
  readonly validations: number;
  readonly requestsPerS: Load;
  readonly bytesPerS: Load;
  /** Given a capacity: how many had to wait, the most that waited at once, how many were refused, and p99 of the waits in ms. */
  readonly queue:
    | {
        readonly waited: number;
        readonly deepest: number;
        readonly refused: number;
        readonly waitP99Ms: number;
      }
    | undefined;
}

/** A rate over the record: mean of all seconds, the 99th percentile of seconds, the mean of the busiest minute. */
export interface Load {
  readonly mean: number;
  readonly p99: number;
  readonly peakMinute: number;
}

/** One row for each minute of the clock, of a record of more than 69 days for a longer time, from that of the first counted request on. Of a sample it is corrected as the totals are. */
export interface MinuteSeries {
  readonly fromMs: number;
  /** Length of a row in milliseconds: a minute, ten, an hour, a day, ten days or a hundred. */
  readonly stepMs: number;
  readonly requests: Float64Array;
  readonly hits: Float64Array;
  readonly bytes: Float64Array;
  readonly hitBytes: Float64Array;
  readonly originRequests: Float64Array;
  readonly originBytes: Float64Array;
  readonly evictions: Float64Array;
  readonly prematureEvictions: Float64Array;
  readonly refusals: Float64Array;
  /** Levels at the end of the row. */
  readonly memoryUsedBytes: Float64Array;
  readonly diskUsedBytes: Float64Array;
}
