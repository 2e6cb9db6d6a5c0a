import type { Outcome } from '../../cache/outcome.ts';
import { MISS_REASONS, type MinuteSeries, type MissReason, type ServedCounts } from '../report.ts';
import type { Asked } from './asked.ts';

/** Columns of the counts of a route. */
export const Count = {
  REQUESTS: 0,
  BYTES: 1,
  HIT_BYTES: 2,
  MEMORY_HITS: 3,
  DISK_HITS: 4,
  STALE_HITS: 5,
  REVALIDATED: 6,
  COLLAPSED: 7,
  BYPASSES: 8,
  FAILED: 9,
  /** First of the misses, one for each reason. */
  MISSES: 10,
} as const;
const COLUMNS = Count.MISSES + MISS_REASONS.length;

/** Position of a reason in {@link MISS_REASONS}. */
export const Reason = { FIRST: 0, EVICTED: 1, EXPIRED: 2, REFUSED: 3, NOT_STORABLE: 4 } as const;

const SERIES = [
  'requests',
  'hits',
  'bytes',
  'hitBytes',
  'originRequests',
  'originBytes',
  'evictions',
  'prematureEvictions',
  'refusals',
  'memoryUsedBytes',
  'diskUsedBytes',
] as const;
type SeriesName = Exclude<keyof MinuteSeries, 'fromMs' | 'stepMs'>;
/** What the tiers hold now, in bytes. */
type Levels = () => { readonly memory: number; readonly disk: number };
const MINUTE_MS = 60_000;
const CORRECTED: Readonly<Partial<Record<SeriesName, keyof Correction>>> = {
  requests: 'requests',
  hits: 'requests',
  bytes: 'bytes',
  hitBytes: 'bytes',
};

/** Number of the minute of a time, among whole minutes of the clock from that of a first time on. */
export function minuteIndex(atMs: number, fromMs: number): number {
  return Math.max(0, Math.floor(atMs / MINUTE_MS) - Math.floor(fromMs / MINUTE_MS));
}

const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Lengths that a row of the series may have, each a multiple of the one before. */
const STEPS_MS = [MINUTE_MS, 10 * MINUTE_MS, HOUR_MS, DAY_MS, 10 * DAY_MS, 100 * DAY_MS] as const;
/** Rows of the series at the most: 69 days of minutes. What is longer has longer rows. */
const ROWS_MAX = 100_000;
const LEVELS = { memoryUsedBytes: true, diskUsedBytes: true } as const;

/** How requests were served, by route, and what happened in each minute. Adding is O(1); 88 bytes a minute, 18 MB at the most. */
export class Tally {
  /** The whole minute in which counting began, milliseconds since the epoch. */
  readonly fromMs: number;
  #counts = new Float64Array(COLUMNS * 8);
  #routes = 0;
  /** Rows of the series that have begun; each is as long as {@link STEPS_MS} says at `#step`. */
  #minutes = 0;
  #step = 0;
  readonly #series: Record<SeriesName, Float64Array<ArrayBuffer>>;
  readonly #levels: Levels;

  /**
   * @param fromMs when the first counted request comes.
   * @param levels what the tiers hold now, in bytes.
   */
  constructor(fromMs: number, levels: Levels) {
    this.fromMs = Math.floor(fromMs / MINUTE_MS) * MINUTE_MS;
    this.#levels = levels;
    this.#series = minuteColumns(() => new Float64Array(64));
  }

  /** Makes room for the counts of one more route. */
  addRoute(): void {
    this.#routes += 1;
    const needed = this.#routes * COLUMNS;
    if (needed <= this.#counts.length) return;
    const wider = new Float64Array(needed * 2);
    wider.set(this.#counts);
    this.#counts = wider;
  }

  /** Adds to a series in the minute of a time. */
  inMinute(name: Exclude<SeriesName, keyof typeof LEVELS>, atMs: number, amount: number): void {
    this.#series[name][this.#minuteOf(atMs)]! += amount;
  }

  /** A request came. */
  requested({ kind, bodyBytes, atMs, counted }: Asked): void {
    if (!counted) return;
    const row = kind!.route * COLUMNS;
    this.#counts[row + Count.REQUESTS]! += 1;
    this.#counts[row + Count.BYTES]! += bodyBytes;
    const minute = this.#minuteOf(atMs);
    this.#series.requests[minute]! += 1;
    this.#series.bytes[minute]! += bodyBytes;
  }

  /** A request was answered from a tier without waiting for an origin, or stale because that failed. */
  hit({ kind, bodyBytes, atMs, counted }: Asked, column: number): void {
    if (!counted) return;
    const row = kind!.route * COLUMNS;
    this.#counts[row + column]! += 1;
    this.#counts[row + Count.HIT_BYTES]! += bodyBytes;
    const minute = this.#minuteOf(atMs);
    this.#series.hits[minute]! += 1;
    this.#series.hitBytes[minute]! += bodyBytes;
  }

  /** A request was answered in another way. */
  served(asked: Asked, outcome: Exclude<Outcome, 'hit' | 'stale' | 'refused'>): void {
    if (!asked.counted) return;
    const column = outcome === 'miss' ? Count.MISSES + asked.reason : COLUMN_OF[outcome];
    this.#counts[asked.kind!.route * COLUMNS + column]! += 1;
  }

  /** Time has come to its end: levels are noted up to there. */
  close(atMs: number): void {
    this.#minuteOf(atMs);
    this.#noteLevels(this.#minutes - 1);
  }

  /** The counts of one route, or of all. @param more added to single columns. */
  counts(route: number | undefined, scale: number, more: (route: number) => Correction): ServedCounts {
    const sums = new Float64Array(COLUMNS);
    for (let at = 0; at < this.#routes; at += 1) {
      if (route !== undefined && at !== route) continue;
      const { requests, bytes } = more(at);
      const own = this.#counts.subarray(at * COLUMNS, (at + 1) * COLUMNS);
      for (let column = 0; column < COLUMNS; column += 1) sums[column]! += own[column]!;
      sums[Count.REQUESTS]! += requests;
      sums[Count.BYTES]! += bytes;
      sums[Count.MEMORY_HITS]! += requests;
      sums[Count.HIT_BYTES]! += bytes;
    }
    for (let column = 0; column < COLUMNS; column += 1) sums[column]! *= scale;
    return served(sums);
  }

  /** @param scale what each number is multiplied by. @param more added to requests and hits, by minute. */
  minutes(scale: number, more: ReadonlyMap<number, Correction>): MinuteSeries {
    const scaled = (name: SeriesName): Float64Array => {
      const rows = this.#series[name].slice(0, this.#minutes);
      const column = CORRECTED[name];
      if (column !== undefined) {
        for (const [minute, correction] of more) {
          const row = this.#rowOf(this.fromMs + minute * MINUTE_MS);
          if (row < rows.length) rows[row]! += correction[column];
        }
      }
      return rows.map((value) => Math.max(0, value) * scale);
    };
    return {
      fromMs: this.fromMs,
      stepMs: STEPS_MS[this.#step]!,
      ...minuteColumns(scaled),
    };
  }

  #minuteOf(atMs: number): number {
    const minute = this.#rowOf(atMs);
    if (minute < this.#minutes) return minute;
    if (minute < ROWS_MAX) {
      this.#begin(minute);
      return minute;
    }
    while (this.#step < STEPS_MS.length - 1 && this.#rowOf(atMs) >= ROWS_MAX) this.#lengthen();
    const row = Math.min(this.#rowOf(atMs), ROWS_MAX - 1);
    if (row >= this.#minutes) this.#begin(row);
    return row;
  }

  #rowOf(atMs: number): number {
    return Math.max(0, Math.floor((atMs - this.fromMs) / STEPS_MS[this.#step]!));
  }

  /** Rows become longer: what several of them counted is one row's, and their last level its level. */
  #lengthen(): void {
    const factor = STEPS_MS[this.#step + 1]! / STEPS_MS[this.#step]!;
    for (const name of SERIES) {
      const rows = this.#series[name];
      const before = rows.slice(0, this.#minutes);
      rows.fill(0);
      for (let at = 0; at < before.length; at += 1) {
        const row = Math.floor(at / factor);
        rows[row] = name in LEVELS ? before[at]! : rows[row]! + before[at]!;
      }
    }
    this.#minutes = Math.ceil(this.#minutes / factor);
    this.#step += 1;
  }

  #begin(minute: number): void {
    for (let ended = Math.max(0, this.#minutes - 1); ended < minute; ended += 1) this.#noteLevels(ended);
    this.#minutes = minute + 1;
  }

  #noteLevels(minute: number): void {
    this.#grow(minute + 2);
    const { memory, disk } = this.#levels();
    this.#series.memoryUsedBytes[minute] = memory;
    this.#series.diskUsedBytes[minute] = disk;
  }

  #grow(minutes: number): void {
    if (minutes <= this.#series.requests.length) return;
    for (const name of SERIES) {
      const longer = new Float64Array(minutes * 2);
      longer.set(this.#series[name]);
      this.#series[name] = longer;
    }
  }
}

/** Requests and bytes that a sample should have had besides; negative when it had too many. */
export interface Correction {
  readonly requests: number;
  readonly bytes: number;
}

const COLUMN_OF = {
  revalidated: Count.REVALIDATED,
  collapsed: Count.COLLAPSED,
  bypass: Count.BYPASSES,
  failed: Count.FAILED,
} as const;

function served(sums: Float64Array): ServedCounts {
  const at = (column: number): number => sums[column]!;
  // A sample may have so many requests too many that fewer than none would be left.
  const memoryHits = Math.max(0, at(Count.MEMORY_HITS));
  const missReasons = Object.fromEntries(
    MISS_REASONS.map((reason, position) => [reason, at(Count.MISSES + position)]),
  ) as Record<MissReason, number>;
  return {
    requests: at(Count.REQUESTS),
    bytes: at(Count.BYTES),
    hits: memoryHits + at(Count.DISK_HITS) + at(Count.STALE_HITS),
    hitBytes: Math.max(0, at(Count.HIT_BYTES)),
    memoryHits,
    diskHits: at(Count.DISK_HITS),
    staleHits: at(Count.STALE_HITS),
    revalidated: at(Count.REVALIDATED),
    collapsed: at(Count.COLLAPSED),
    misses: Object.values(missReasons).reduce((sum, count) => sum + count, 0),
    bypasses: at(Count.BYPASSES),
    failed: at(Count.FAILED),
    missReasons,
  };
}

/** One for each of the series by minute. */
export function minuteColumns<T>(make: (name: SeriesName) => T): Record<SeriesName, T> {
  return Object.fromEntries(SERIES.map((name) => [name, make(name)])) as Record<SeriesName, T>;
}
