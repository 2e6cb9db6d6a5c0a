import { formatSize } from '../../base/units.ts';
import { figureText, type Unit } from '../figures.ts';

/** What an axis shows, and how. Times are milliseconds since the epoch, in UTC. */
export interface Axis {
  readonly label: string;
  readonly kind: 'linear' | 'log-size' | 'time';
  /** How ticks are written, where the kind does not say it. */
  readonly unit?: Unit;
  readonly from: number;
  readonly to: number;
}

/** A place on an axis that is marked and named. */
export interface Tick {
  readonly at: number;
  readonly text: string;
}

/** Where a value lies between the ends of an axis: 0 to 1, beyond when the value is. */
export function placeOn({ kind, from, to }: Axis, value: number): number {
  if (kind === 'log-size') return Math.log(value / from) / Math.log(to / from);
  return (value - from) / (to - from);
}

/** Round values between the ends, about as many as wanted, at least one where the axis has a length. */
export function ticksOf(axis: Axis, wanted: number): Tick[] {
  switch (axis.kind) {
    case 'linear':
      return linear(axis, wanted);
    case 'log-size':
      return powers(axis, wanted);
    case 'time':
      return times(axis, wanted);
  }
}

/**
 * A linear axis that holds all values and begins and ends with a round one. Shares never end above 1. What is not finite is left out.
 *
 * @param low where the axis begins at the latest; the values may begin before.
 */
export function linearAxis(
  label: string,
  unit: Unit,
  values: readonly number[],
  low = Number.POSITIVE_INFINITY,
): Axis {
  let from = low;
  let to = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    from = Math.min(from, value);
    to = Math.max(to, value);
  }
  if (!(to > from)) [from, to] = unit === 'share' ? [0, 1] : [Math.min(0, to), Math.max(1, from)];
  if (!Number.isFinite(from) || !Number.isFinite(to)) [from, to] = [0, 1];
  const step = stepOf(to - from, 4, unit);
  const end = Math.ceil(to / step - 1e-9) * step;
  return {
    label,
    kind: 'linear',
    unit,
    from: Math.floor(from / step + 1e-9) * step,
    to: unit === 'share' ? Math.min(1, end) : end,
  };
}

/** A logarithmic axis from the least to the largest of some sizes, in bytes; at least a factor of two long. */
export function sizeAxis(label: string, sizesBytes: readonly number[]): Axis {
  const from = Math.max(1, Math.min(...sizesBytes));
  return { label, kind: 'log-size', from, to: Math.max(2 * from, ...sizesBytes) };
}

/** A value of a linear axis in words, as its ticks have it. */
export function textOn({ unit = 'count' }: Axis, value: number): string {
  return tickText(Number(value.toPrecision(4)), unit);
}

function linear({ from, to, unit = 'count' }: Axis, wanted: number): Tick[] {
  const step = stepOf(to - from, wanted, unit);
  const ticks: Tick[] = [];
  for (let i = Math.ceil(from / step - 1e-9); i * step <= to + step * 1e-9; i += 1) {
    ticks.push({ at: i * step, text: tickText(i * step, unit) });
  }
  return ticks;
}

/** One, two, two and a half or five times a power of ten; of sizes, a power of two. */
function stepOf(length: number, wanted: number, unit: Unit): number {
  const rough = length / Math.max(1, wanted);
  if (unit === 'size' || unit === 'size-per-s') return 2 ** Math.ceil(Math.log2(rough));
  const power = 10 ** Math.floor(Math.log10(rough));
  return ([1, 2, 2.5, 5].find((factor) => factor * power >= rough * (1 - 1e-9)) ?? 10) * power;
}

function tickText(value: number, unit: Unit): string {
  if (unit === 'share') return `${Number((value * 100).toFixed(4))} %`;
  if (unit === 'count' || unit === 'per-s') return Number(value.toPrecision(6)).toLocaleString('en');
  return figureText(value, unit);
}

/** Powers of two; every second, third, ... where that would be too many. */
function powers({ from, to }: Axis, wanted: number): Tick[] {
  const low = Math.ceil(Math.log2(from) - 1e-9);
  const high = Math.floor(Math.log2(to) + 1e-9);
  const step = Math.max(1, Math.ceil((high - low + 1) / wanted));
  const ticks: Tick[] = [];
  for (let power = Math.ceil(low / step) * step; power <= high; power += step) {
    ticks.push({ at: 2 ** power, text: formatSize(2 ** power) });
  }
  return ticks;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const TIME_STEPS = [
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 6, 12].map((hours) => hours * HOUR),
  ...[1, 2, 7, 14, 28, 91, 182, 364].map((days) => days * DAY),
];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function times({ from, to }: Axis, wanted: number): Tick[] {
  const step =
    TIME_STEPS.find((candidate) => (to - from) / candidate <= wanted) ??
    Math.ceil((to - from) / wanted / DAY) * DAY;
  const ticks: Tick[] = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step)
    ticks.push({ at, text: timeText(at, step) });
  return ticks;
}

/** As exact as the steps between ticks need it; the day stands where one begins. */
function timeText(atMs: number, stepMs: number): string {
  const date = new Date(atMs);
  const day = `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`;
  if (stepMs >= 28 * DAY) return `${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
  if (stepMs >= DAY || atMs % DAY === 0) return day;
  return date.toISOString().slice(11, 16);
}
