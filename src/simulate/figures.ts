import { formatCount, formatDuration, formatSize } from '../base/units.ts';
import type { ServedCounts, SimulationReport } from './report.ts';

/** How a figure is written. */
export type Unit = 'count' | 'share' | 'size' | 'size-per-s' | 'per-s' | 'ms' | 'age';

/** A number with its unit, for people; shares with two digits, since half a point is a decision. */
export function figureText(value: number, unit: Unit): string {
  switch (unit) {
    case 'count':
      return value > 0 && value < 0.5 ? '<1' : formatCount(value);
    case 'share':
      return shareText(value);
    case 'size':
      return formatSize(value);
    case 'size-per-s':
      return `${formatSize(value)}/s`;
    case 'per-s':
      return `${rateText(value)}/s`;
    case 'age':
      // Ages are known in whole seconds.
      return value < 1000 ? '<1 s' : formatDuration(value);
    case 'ms':
      return formatDuration(value);
  }
}

/** Only what is whole says 100 %, and only what is nothing 0 %. */
function shareText(share: number): string {
  const percent = share * 100;
  if (percent > 0 && percent < 0.005) return '<0.01 %';
  if (percent < 100 && percent > 99.995) return '>99.99 %';
  return `${percent.toFixed(2)} %`;
}

function rateText(perS: number): string {
  if (perS > 0 && perS < 0.005) return '<0.01';
  return perS >= 99.95 ? formatCount(perS) : perS.toFixed(perS < 9.995 ? 2 : 1).replace(/\.?0+$/, '');
}

/** Served without waiting for an origin, of all requests; undefined without any. */
export function hitRatioOf({ hits, requests }: Pick<ServedCounts, 'hits' | 'requests'>): number | undefined {
  return ratio(hits, requests);
}

/** The same, counted in bytes. */
export function byteHitRatioOf(counts: Pick<ServedCounts, 'hitBytes' | 'bytes'>): number | undefined {
  return ratio(counts.hitBytes, counts.bytes);
}

/** A part of a whole; undefined where the whole is nothing. */
export function ratio(part: number, whole: number): number | undefined {
  return whole > 0 ? part / whole : undefined;
}

/** What a request that is no hit was instead, in the order in which it is told. */
export const LOST = {
  first: 'asked for the first time',
  evicted: 'evicted before',
  expired: 'expired before',
  refused: 'not let in before',
  'not-storable': 'may not be stored',
  revalidated: 'confirmed by the origin (304)',
  collapsed: 'waited for a fetch under way',
  bypass: 'went past the cache',
  failed: 'failed',
} as const;
export type LostTo = keyof typeof LOST;

/** How many requests were no hits, by what they were instead. Their sum and the hits are all requests. */
export function lostTo(counts: ServedCounts): Readonly<Record<LostTo, number>> {
  const { revalidated, collapsed, bypasses, failed, missReasons } = counts;
  return { ...missReasons, revalidated, collapsed, bypass: bypasses, failed };
}

/** The minute with the most requests, and how it was served. */
export interface PeakMinute {
  /** Milliseconds since the epoch of its beginning. */
  readonly atMs: number;
  readonly requestsPerS: number;
  /** Undefined when there were no requests. */
  readonly hitRatio: number | undefined;
}

/** The first of the minutes with the most requests; of a record that has longer rows, the first of those. */
export function peakMinute({ minutes }: Pick<SimulationReport, 'minutes'>): PeakMinute {
  const { requests, hits, fromMs, stepMs } = minutes;
  let at = 0;
  for (let i = 1; i < requests.length; i += 1) if (requests[i]! > requests[at]!) at = i;
  const most = requests[at] ?? 0;
  return {
    atMs: fromMs + at * stepMs,
    requestsPerS: most / (stepMs / 1000),
    hitRatio: ratio(hits[at] ?? 0, most),
  };
}

/** Letters for reports, in tables and charts alike: A, B, ... */
export function letterOf(at: number): string {
  return String.fromCharCode(65 + (at % 26));
}
