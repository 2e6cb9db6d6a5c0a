import { pointsAt, type SizePoint, sizesBetween, type Trials } from '../size-curve.ts';
import { isMet, kindOf, reached, type Target } from './targets.ts';

/** Sizes that are tried at first, at most: about one for each factor of two. */
const GRID = 10;
/** The grid reaches down to this share of what is asked for. */
const GRID_SHARE = 1 / 512;
/** A size is found when one that is smaller by at most this share is known to be too small. */
const CLOSE_SHARE = 0.02;

/** What came of a search for the smallest size that meets all targets. */
export interface Found {
  /** Undefined when not even the largest size does. */
  readonly sizeBytes: number | undefined;
  /** Every size that was tried, ascending. */
  readonly points: readonly SizePoint[];
}

/**
 * Looks for the smallest size that meets all targets: equal factors at first, then between the largest that does not and those
 * above, which all do, about where the figures of both say. Costs ten replays in one pass, and once or twice three more.
 *
 * @param leastBytes the smallest size that may be.
 * @param mostBytes one beyond which nothing changes.
 */
export function smallestSize(
  trials: Trials,
  targets: readonly Target[],
  leastBytes: number,
  mostBytes: number,
): Found {
  const fromBytes = Math.max(leastBytes, Math.floor(mostBytes * GRID_SHARE));
  const toBytes = Math.max(fromBytes, mostBytes);
  const points = new Map<number, SizePoint>();
  const tryAll = (sizes: readonly number[]): void => {
    const fresh = [...new Set(sizes)].filter((size) => !points.has(size));
    for (const point of pointsAt(trials, fresh)) points.set(point.sizeBytes, point);
  };
  tryAll(firstSizes(fromBytes, toBytes));
  for (;;) {
    const sorted = ascending(points);
    const at = firstOfGood(sorted, targets);
    if (at === sorted.length) return { sizeBytes: undefined, points: sorted };
    const good = sorted[at]!.sizeBytes;
    const bad = sorted[at - 1]?.sizeBytes;
    if (bad === undefined || good <= bad * (1 + CLOSE_SHARE) || good - bad <= 1)
      return { sizeBytes: good, points: sorted };
    const before = points.size;
    tryAll(nextSizes(sorted, targets, bad, good));
    if (points.size === before) return { sizeBytes: good, points: sorted };
  }
}

function firstSizes(fromBytes: number, toBytes: number): number[] {
  if (toBytes < fromBytes * 1.2) return [fromBytes, toBytes];
  return sizesBetween(fromBytes, toBytes, Math.min(GRID, Math.ceil(Math.log2(toBytes / fromBytes)) + 2));
}

/** The middle, and just below and above where the figures say that it is: mostly those two end the search. */
function nextSizes(
  points: readonly SizePoint[],
  targets: readonly Target[],
  bad: number,
  good: number,
): number[] {
  const guesses = targets.map((target) => sizeFor(points, target) ?? 0);
  const guess = Math.max(...guesses);
  const step = 1 + CLOSE_SHARE * 0.45;
  const sizes = [guess / step, guess * step, Math.sqrt(bad * good)].map(Math.round);
  return sizes.filter((size) => size > bad && size < good);
}

/** Where the sizes begin that all meet the targets: one that does below one that does not is luck, and not counted on. */
function firstOfGood(points: readonly SizePoint[], targets: readonly Target[]): number {
  let at = points.length;
  while (at > 0 && targets.every((target) => isMet(target, points[at - 1]!.report))) at -= 1;
  return at;
}

function ascending(points: ReadonlyMap<number, SizePoint>): SizePoint[] {
  return [...points.values()].sort((a, b) => a.sizeBytes - b.sizeBytes);
}

/**
 * The size from which on a target is met, by what was tried: between two of those sizes in proportion, on a logarithmic scale.
 * Undefined when the largest does not meet it, or the smallest does already.
 */
export function sizeFor(points: readonly SizePoint[], target: Target): number | undefined {
  const at = firstOfGood(points, [target]);
  const good = points[at];
  const bad = points[at - 1];
  if (good === undefined || bad === undefined) return undefined;
  const [low, high] = [reached(target, bad.report), reached(target, good.report)];
  if (low === undefined || high === undefined || low === high) return good.sizeBytes;
  const share = Math.min(1, Math.max(0, (target.value - low) / (high - low)));
  return bad.sizeBytes * (good.sizeBytes / bad.sizeBytes) ** share;
}

/** The smallest size for all targets by what was tried: the smallest of those where it is enough, the largest where none is. */
export function smallestOf(points: readonly SizePoint[], targets: readonly Target[]): number {
  const at = firstOfGood(points, targets);
  if (at === 0 || at === points.length) return points.at(at === 0 ? 0 : -1)!.sizeBytes;
  return Math.max(...targets.map((target) => sizeFor(points, target) ?? 0));
}

/** The target that asks for the largest size; the first of those that ask for the same. */
export function bindingTarget(points: readonly SizePoint[], targets: readonly Target[]): Target | undefined {
  const wanted = targets.map((target) => ({ target, sizeBytes: sizeFor(points, target) ?? 0 }));
  return wanted.reduce<(typeof wanted)[number] | undefined>(
    (most, one) => (most === undefined || one.sizeBytes > most.sizeBytes ? one : most),
    undefined,
  )?.target;
}

/** The target, asking for a little less or more: one point of a share, a tenth of anything else. Undefined beyond what can be asked. */
export function shifted(target: Target, by: 'easier' | 'harder'): Target | undefined {
  const { unit, wants } = kindOf(target);
  const up = (by === 'harder') === (wants === 'at least');
  const value = unit === 'share' ? target.value + (up ? 0.01 : -0.01) : target.value * (up ? 1.1 : 0.9);
  if (value <= 0 || (unit === 'share' && value > 1) || value === target.value) return undefined;
  return { ...target, value: unit === 'share' ? Number(value.toFixed(6)) : value };
}
