import { formatDuration } from '../../base/units.ts';
import { letterOf, ratio, type Unit } from '../figures.ts';
import type { MinuteSeries, SimulationReport } from '../report.ts';
import { type Axis, linearAxis } from './axis.ts';
import type { Chart, Point, Series } from './chart.ts';

/** Points of a line at the most: more than this no screen shows. */
const POINTS_MAX = 240;
const NAMED: Readonly<Record<number, string>> = { 60000: 'minute', 3600000: 'hour', 86400000: 'day' };

/**
 * What each configuration would have done over the time of the record, one line each.
 *
 * @param reports of the same record; none for one without requests.
 */
export function chartsOverTime(reports: readonly SimulationReport[]): Chart[] {
  const minutes = Math.max(0, ...reports.map((report) => report.minutes.requests.length));
  if (minutes < 2) return [];
  const step = Math.ceil(minutes / POINTS_MAX);
  const { stepMs } = reports[0]!.minutes;
  const row = NAMED[stepMs] ?? formatDuration(stepMs);
  const each = step === 1 ? `each ${row}` : `each ${formatDuration(step * stepMs)}`;
  const busiest = step === 1 ? each : `the busiest ${row} of ${each}`;
  const draw = (title: string, about: string, unit: Unit, read: Read): Chart =>
    chartOf({ title, about, unit, read, reports, step, minutes });
  const all = [
    draw('Hit ratio over time', `Of the requests of ${each}.`, 'share', { part: 'hits', of: 'requests' }),
    draw('Byte hit ratio over time', `Of the bytes of ${each}.`, 'share', { part: 'hitBytes', of: 'bytes' }),
    draw('Origin requests', `Per second, in ${busiest}.`, 'per-s', { most: 'originRequests' }),
    draw('Origin bytes', `Per second, in ${busiest}.`, 'size-per-s', { most: 'originBytes' }),
    draw('Premature evictions', `In ${busiest}: should be none.`, 'count', {
      most: 'prematureEvictions',
      perS: false,
    }),
    draw('Evictions', `In ${busiest}.`, 'count', { most: 'evictions', perS: false }),
    draw('Refusals', `Newcomers that were not let in, in ${busiest}.`, 'count', {
      most: 'refusals',
      perS: false,
    }),
    draw('Memory used', `At the end of ${each}.`, 'size', { last: 'memoryUsedBytes' }),
    draw('Disk used', `At the end of ${each}.`, 'size', { last: 'diskUsedBytes' }),
  ].filter((chart, at) => at < 3 || hasAny(chart));
  const requests = draw('Requests', `Per second, in ${busiest}.`, 'per-s', { most: 'requests' });
  return [{ ...requests, series: requests.series.slice(0, 1).map(nameless) }, ...all];
}

/** What is read of some minutes: a ratio of sums, the most of any, or the level at their end. */
type Read =
  | { readonly part: Column; readonly of: Column }
  | { readonly most: Column; readonly perS?: boolean }
  | { readonly last: Column };
type Column = Exclude<keyof MinuteSeries, 'fromMs' | 'stepMs'>;

function chartOf(want: {
  readonly title: string;
  readonly about: string;
  readonly unit: Unit;
  readonly read: Read;
  readonly reports: readonly SimulationReport[];
  readonly step: number;
  readonly minutes: number;
}): Chart {
  const { title, about, unit, read, reports, step, minutes } = want;
  const series = reports.map(
    (report, at): Series => ({
      name: `${letterOf(at)} ${report.name}`,
      short: letterOf(at),
      color: at,
      points: pointsOf(report.minutes, read, step),
    }),
  );
  const values = series.flatMap(({ points }) => points.flatMap(({ y }) => (y === undefined ? [] : [y])));
  const y = linearAxis('', unit, values, unit === 'share' ? undefined : 0);
  return { title, about, x: timeAxis(reports, minutes), y, series };
}

function timeAxis(reports: readonly SimulationReport[], minutes: number): Axis {
  const from = Math.min(...reports.map((report) => report.minutes.fromMs));
  return { label: 'time (UTC)', kind: 'time', from, to: from + minutes * reports[0]!.minutes.stepMs };
}

function pointsOf(series: MinuteSeries, read: Read, step: number): Point[] {
  const points: Point[] = [];
  for (let at = 0; at < series.requests.length; at += step) {
    const end = Math.min(at + step, series.requests.length);
    points.push({ x: series.fromMs + ((at + end) / 2) * series.stepMs, y: valueIn(series, read, at, end) });
  }
  return points;
}

function valueIn(series: MinuteSeries, read: Read, from: number, to: number): number | undefined {
  if ('last' in read) return series[read.last][to - 1];
  if ('part' in read) return ratio(sum(series[read.part], from, to), sum(series[read.of], from, to));
  let most = 0;
  for (let i = from; i < to; i += 1) most = Math.max(most, series[read.most][i] ?? 0);
  return read.perS === false ? most : most / (series.stepMs / 1000);
}

function sum(values: Float64Array, from: number, to: number): number {
  let total = 0;
  for (let i = from; i < to; i += 1) total += values[i]!;
  return total;
}

function hasAny({ series }: Chart): boolean {
  return series.some(({ points }) => points.some(({ y }) => y !== undefined && y > 0));
}

/** What is asked for is the same for all configurations. */
function nameless(series: Series): Series {
  return { ...series, name: 'all', short: '' };
}
