import { formatCount } from '../base/units.ts';
import {
  byteHitRatioOf,
  figureText,
  hitRatioOf,
  LOST,
  type LostTo,
  lostTo,
  peakMinute,
  ratio,
  type Unit,
} from './figures.ts';
import type { OriginReport, ServedCounts, SimulationReport, TierReport } from './report.ts';

/** Worse by more than this share of the first value is called worse; less is within what the order of events does. */
const WORSE_SHARE = 0.01;

/** One figure of all reports, side by side. */
export interface ComparedRow {
  readonly label: string;
  readonly unit: Unit;
  /** What an operator wants of it. */
  readonly better: 'more' | 'less' | 'neither';
  /** One for each report; undefined where it has none. */
  readonly values: readonly (number | undefined)[];
}

/** Rows under one heading. */
export interface ComparedSection {
  readonly title: string;
  readonly rows: readonly ComparedRow[];
}

/** How a row comes out of a report; `if-any`: only where it is something in one of them. */
type Spec<T> = readonly [
  label: string,
  unit: Unit,
  better: ComparedRow['better'],
  read: (of: T) => number | undefined,
  shown?: 'if-any',
];

/**
 * Reports side by side, for text and pictures alike.
 *
 * @param reports of the same record, at least one; the others are compared with the first.
 */
export function compare(reports: readonly SimulationReport[]): ComparedSection[] {
  const sections: ComparedSection[] = [
    { title: 'Served', rows: rowsOf(SERVED, reports) },
    { title: 'Requests that were no hits', rows: rowsOf(LOST_ROWS, reports) },
    { title: 'Memory', rows: rowsOf(TIER, pick(reports, 'memory')) },
    { title: 'Disk', rows: rowsOf(TIER, pick(reports, 'disk')) },
    { title: 'Origins', rows: [...rowsOf(ORIGIN, pick(reports, 'origin')), ...byOrigin(reports)] },
    { title: 'Hit ratio by route', rows: byRoute(reports) },
  ];
  return sections.filter(({ rows }) =>
    rows.some(({ values }) => values.some((value) => value !== undefined)),
  );
}

/** A figure as it is read: `93.41 %`, `1.46 GiB`, `12.5/s`; `-` where there is none. */
export function valueText({ unit, values }: ComparedRow, at: number): string {
  const value = values[at];
  return value === undefined || !Number.isFinite(value) ? '-' : figureText(value, unit);
}

/** What became of the first report's figure: `+1.61 points`, `-12 %`, `x 40`, `+4`; empty where nothing did. */
export function changeText({ unit, values }: ComparedRow, at: number): string {
  const [first] = values;
  const value = values[at];
  if (first === undefined || value === undefined || first === value) return '';
  const sign = value > first ? '+' : '-';
  const by = Math.abs(value - first);
  if (unit === 'share') return by < 0.000_05 ? '' : `${sign}${(by * 100).toFixed(2)} points`;
  if (first === 0) return `${sign}${figureText(by, unit)}`;
  const percent = (by / Math.abs(first)) * 100;
  if (percent >= 1000) return `x ${formatCount(value / first)}`;
  return percent < 0.05 ? '' : `${sign}${percent.toFixed(percent < 9.95 ? 1 : 0)} %`;
}

/** Whether a report does worse than the first in this: by more than one part in a hundred. */
export function isWorse({ values, better }: ComparedRow, at: number): boolean {
  const [first] = values;
  const value = values[at];
  if (better === 'neither' || first === undefined || value === undefined) return false;
  const loss = better === 'more' ? first - value : value - first;
  return loss > Math.abs(first) * WORSE_SHARE;
}

const SERVED: readonly Spec<SimulationReport>[] = [
  ['requests', 'count', 'neither', ({ all }) => all.requests],
  ['hit ratio', 'share', 'more', ({ all }) => hitRatioOf(all)],
  ['byte hit ratio', 'share', 'more', ({ all }) => byteHitRatioOf(all)],
  ['hits of memory', 'share', 'more', partOf('memoryHits'), 'if-any'],
  ['hits of the disk', 'share', 'neither', partOf('diskHits'), 'if-any'],
  ['stale hits', 'share', 'neither', partOf('staleHits'), 'if-any'],
  ['busiest minute', 'per-s', 'neither', (it) => peakMinute(it).requestsPerS],
  ['hit ratio in that minute', 'share', 'more', (it) => peakMinute(it).hitRatio],
];

const LOST_ROWS: readonly Spec<SimulationReport>[] = Object.entries(LOST).map(([why, text]) => [
  text,
  'share',
  why === 'first' ? 'neither' : 'less',
  ({ all }) => ratio(lostTo(all)[why as LostTo], all.requests),
  'if-any',
]);

const TIER: readonly Spec<TierReport>[] = [
  ['size', 'size', 'neither', (it) => it.budgetBytes],
  ['most used', 'size', 'neither', (it) => it.usedBytesMax],
  ['entries at the end', 'count', 'neither', (it) => it.entries],
  ['evictions', 'count', 'less', (it) => it.evictions],
  ['early evictions', 'count', 'less', (it) => it.earlyEvictions, 'if-any'],
  ['premature evictions', 'count', 'less', (it) => it.prematureEvictions],
  ['fetched again for them', 'size', 'less', (it) => it.refetchedBytes, 'if-any'],
  ['refused: rest being served', 'count', 'less', (it) => it.refusals['no-room'], 'if-any'],
  ['refused: rest too young', 'count', 'less', (it) => it.refusals.residency, 'if-any'],
  ['refused: rest asked for more', 'count', 'neither', (it) => it.refusals.admission, 'if-any'],
  ['median age when evicted', 'age', 'more', (it) => fromS(it.evictionAgeS?.p50), 'if-any'],
  ['median time usable', 'ms', 'neither', (it) => fromS(it.usableS), 'if-any'],
  ['first eviction after', 'ms', 'more', (it) => it.firstEvictionMs, 'if-any'],
  ['nine tenths full after', 'ms', 'neither', (it) => it.filledMs, 'if-any'],
];

const ORIGIN: readonly Spec<OriginReport>[] = [
  ['requests', 'count', 'less', (it) => it.requests],
  ['bytes', 'size', 'less', (it) => it.bytes],
  ['confirmations (304)', 'count', 'neither', (it) => it.validations, 'if-any'],
  ['requests, mean', 'per-s', 'less', (it) => it.requestsPerS.mean],
  ['requests, 99 % of seconds', 'per-s', 'less', (it) => it.requestsPerS.p99],
  ['requests, busiest minute', 'per-s', 'less', (it) => it.requestsPerS.peakMinute],
  ['bytes, mean', 'size-per-s', 'less', (it) => it.bytesPerS.mean],
  ['bytes, 99 % of seconds', 'size-per-s', 'less', (it) => it.bytesPerS.p99],
  ['bytes, busiest minute', 'size-per-s', 'less', (it) => it.bytesPerS.peakMinute],
  ['had to wait for their turn', 'count', 'less', (it) => it.queue?.waited, 'if-any'],
  ['most that waited at once', 'count', 'less', (it) => it.queue?.deepest, 'if-any'],
  ['wait, 99 % of them', 'ms', 'less', (it) => it.queue?.waitP99Ms, 'if-any'],
  ['refused, queue full', 'count', 'less', (it) => it.queue?.refused, 'if-any'],
];

/** Empty where there is but one. */
function byOrigin(reports: readonly SimulationReport[]): ComparedRow[] {
  const names = namesIn(reports, 'origins');
  return names.length < 2
    ? []
    : names.map((name) => ({
        label: `busiest minute, ${name}`,
        unit: 'per-s',
        better: 'less',
        values: reports.map(({ origins }) => origins[name]?.requestsPerS.peakMinute),
      }));
}

/** Empty where there is but one: it is what all are. */
function byRoute(reports: readonly SimulationReport[]): ComparedRow[] {
  const names = namesIn(reports, 'routes');
  const ratioOf = (counts: ServedCounts | undefined) => counts && hitRatioOf(counts);
  return names.length < 2
    ? []
    : names.map((label) => ({
        label,
        unit: 'share',
        better: 'more',
        values: reports.map(({ routes }) => ratioOf(routes[label])),
      }));
}

function namesIn(reports: readonly SimulationReport[], part: 'routes' | 'origins'): string[] {
  return [...new Set(reports.flatMap((report) => Object.keys(report[part])))];
}

function rowsOf<T>(specs: readonly Spec<T>[], parts: readonly (T | undefined)[]): ComparedRow[] {
  const rows = specs.map(([label, unit, better, read, shown]) => ({
    row: { label, unit, better, values: parts.map((part) => (part === undefined ? undefined : read(part))) },
    shown,
  }));
  return rows
    .filter(({ row, shown }) => shown === undefined || row.values.some((value) => (value ?? 0) > 0))
    .map(({ row }) => row);
}

function pick<K extends 'memory' | 'disk' | 'origin'>(reports: readonly SimulationReport[], part: K) {
  return reports.map((report) => report[part]);
}

function partOf(name: 'memoryHits' | 'diskHits' | 'staleHits') {
  return ({ all }: SimulationReport) => ratio(all[name], all.requests);
}

function fromS(s: number | undefined): number | undefined {
  return s === undefined ? undefined : s * 1000;
}
