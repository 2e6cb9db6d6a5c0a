import { type Parsed, parseSize } from '../../base/units.ts';
import { byteHitRatioOf, figureText, hitRatioOf, ratio, type Unit } from '../figures.ts';
import type { SimulationReport } from '../report.ts';

/** What a plan has to reach in its window. */
export interface Target {
  readonly name: TargetName;
  /** Shares from 0 to 1, rates per second, bytes per second, counts. */
  readonly value: number;
}

interface Kind {
  /** Follows "a" or "the" in a sentence. */
  readonly about: string;
  readonly unit: Unit;
  readonly wants: 'at least' | 'at most';
  /** Undefined where the window has no requests. */
  readonly read: (report: SimulationReport) => number | undefined;
}

const KINDS = {
  hit: {
    about: 'hit ratio',
    unit: 'share',
    wants: 'at least',
    read: ({ all }) => hitRatioOf(all),
  },
  'byte-hit': {
    about: 'byte hit ratio',
    unit: 'share',
    wants: 'at least',
    read: ({ all }) => byteHitRatioOf(all),
  },
  'memory-hit': {
    about: 'share that memory answers',
    unit: 'share',
    wants: 'at least',
    read: ({ all }) => ratio(all.memoryHits, all.requests),
  },
  'origin-rps': {
    about: 'load of the origins in the busiest minute',
    unit: 'per-s',
    wants: 'at most',
    read: ({ origin }) => origin.requestsPerS.peakMinute,
  },
  'origin-bytes': {
    about: 'traffic of the origins in the busiest minute',
    unit: 'size-per-s',
    wants: 'at most',
    read: ({ origin }) => origin.bytesPerS.peakMinute,
  },
  premature: {
    about: 'number of premature evictions',
    unit: 'count',
    wants: 'at most',
    // What leaves memory is still on the disk where there is one: then its evictions are those that cost.
    read: ({ memory, disk }) => (disk ?? memory).prematureEvictions,
  },
} as const satisfies Readonly<Record<string, Kind>>;

/** What can be wanted. */
export type TargetName = keyof typeof KINDS;

/** Every target, in the order in which help lists them. */
export const TARGET_NAMES = Object.keys(KINDS) as readonly TargetName[];

/** What is known of a kind of target. */
export function kindOf({ name }: Pick<Target, 'name'>): Kind {
  return KINDS[name];
}

/** What a report says where the target looks; undefined where the window has no requests. */
export function reached(target: Target, report: SimulationReport): number | undefined {
  return kindOf(target).read(report);
}

/** Whether a report reaches a target. Without requests every one is reached. */
export function isMet(target: Target, report: SimulationReport): boolean {
  const value = reached(target, report);
  if (value === undefined) return true;
  return kindOf(target).wants === 'at least' ? value >= target.value : value <= target.value;
}

/**
 * A target as another report has to meet it, which says something else of the same thing: a sample, of what all keys come to. Shares are
 * moved by the difference, all else by the ratio.
 *
 * @param there what the whole says, and `here` the sample, of the same sizes.
 */
export function translated(target: Target, there: SimulationReport, here: SimulationReport): Target {
  const [before, after] = [reached(target, there), reached(target, here)];
  if (before === undefined || after === undefined || before === after) return target;
  if (kindOf(target).unit === 'share') return { ...target, value: target.value + after - before };
  return before === 0 ? target : { ...target, value: target.value * (after / before) };
}

/** `a hit ratio of at least 95.00 %`. */
export function targetText(target: Target): string {
  const { about, wants, unit } = kindOf(target);
  return `${about} of ${wants} ${figureText(target.value, unit)}`;
}

/** Reads `hit=0.95`, `hit=95%`, `origin-rps=200`, `origin-bytes=20MiB`, `premature=0`. Never throws. */
export function readTarget(text: string): Parsed<Target> {
  const [, name = '', value = ''] = /^([^=]*)=(.*)$/.exec(text.trim()) ?? [];
  if (!(TARGET_NAMES as readonly string[]).includes(name)) {
    const what = name === '' ? `"${text}" names no target` : `there is no target "${name}"`;
    return { ok: false, reason: what, remedy: `write one of ${TARGET_NAMES.map(example).join(', ')}` };
  }
  const target = { name: name as TargetName };
  const read = valueOfKind(kindOf(target).unit, value.trim());
  return read.ok
    ? { ok: true, value: { ...target, value: read.value } }
    : { ok: false, reason: `${name}: ${read.reason}`, remedy: read.remedy };
}

function valueOfKind(unit: Unit, text: string): Parsed<number> {
  if (unit === 'size-per-s') return parseSize(text.replace(/\/s$/, ''));
  if (unit === 'share') return readShare(text);
  const value = Number(text);
  if (text === '' || !Number.isFinite(value) || value < 0)
    return { ok: false, reason: `"${text}" is not a number`, remedy: 'write one of at least 0, such as 200' };
  return { ok: true, value };
}

/** Reads `0.95` or `95%`: above 0, at most 1. Never throws. */
function readShare(text: string): Parsed<number> {
  const [, digits, percent] = /^([0-9]*\.?[0-9]+)\s*(%?)$/.exec(text) ?? [];
  const value = Number(digits) / (percent === '%' ? 100 : 1);
  if (digits !== undefined && value > 0 && value <= 1) return { ok: true, value };
  const remedy =
    digits !== undefined && value > 1 && value <= 100
      ? `write ${text}% or ${value / 100}: a share is above 0 and at most 1`
      : 'write a share such as 0.95 or 95%, above 0 and at most 1';
  return { ok: false, reason: `"${text}" is not a share`, remedy };
}

function example(name: TargetName): string {
  switch (kindOf({ name }).unit) {
    case 'share':
      return `${name}=0.9`;
    case 'size-per-s':
      return `${name}=20MiB`;
    default:
      return name === 'premature' ? 'premature=0' : `${name}=200`;
  }
}
