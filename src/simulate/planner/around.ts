import type { SimulatedNode } from '../plan.ts';
import type { SimulationReport } from '../report.ts';
import { pointsAt } from '../size-curve.ts';
import { type TierSizes, withPolicy, withSizes } from '../sized.ts';
import { DISK_BYTES_MIN, leastFactor, MEMORY_BYTES_MIN, scaled, withMargin } from './amounts.ts';
import type { Plan, PlanQuestion, Search, Sized } from './planner.ts';
import { hasPrices, monthlyCost } from './prices.ts';
import { smallestOf } from './search.ts';
import { isMet, type Target, translated } from './targets.ts';

/** What the sizes are multiplied by to see how much depends on them. */
const FACTORS = [0.5, 0.75, 0.9, 1, 1.25, 2] as const;
/** Around sizes that were found on a sample the whole record is tried at these. */
const CORRECTIONS = [0.75, 1, 1.25] as const;
/** How much is added, and how often at the most, while what was chosen turns out too small. */
const STEP = 0.15;
const ROUNDS_MAX = 5;

/**
 * Sizes that were found by a sample, put right by replays of the whole record: those may be smaller, since a sample has no room for the
 * largest images, or larger. Sizes that were found on the whole stay. With a disk it is its size that is put right.
 */
export function confirmed(
  { record, exact, isSampled, replay }: Search,
  node: SimulatedNode,
  needed: TierSizes,
  aims: readonly Target[],
): TierSizes {
  if (!isSampled) return needed;
  const { memoryBytes, diskBytes } = needed;
  const isDisk = typeof diskBytes === 'number';
  const sizesWith = (bytes: number): TierSizes =>
    isDisk ? { memoryBytes, diskBytes: bytes } : { memoryBytes: bytes, diskBytes };
  const [nowBytes, leastBytes] = isDisk ? [diskBytes, DISK_BYTES_MIN] : [memoryBytes, MEMORY_BYTES_MIN];
  const tried = CORRECTIONS.map((factor) => Math.max(leastBytes, Math.round(nowBytes * factor)));
  const trials = {
    record,
    options: exact,
    replay,
    node: (bytes: number) => withSizes(node, sizesWith(bytes)),
  };
  return sizesWith(Math.round(smallestOf(pointsAt(trials, [...new Set(tried)]), aims)));
}

/**
 * What the whole record makes of the sizes that were chosen; of larger ones, where a sample was far too kind, or a policy does worse
 * with a little more.
 */
export function settled(
  { record, exact, replay }: Search,
  node: SimulatedNode,
  sizes: TierSizes,
  aims: readonly Target[],
): Sized {
  let now = sizes;
  for (let round = 0; ; round += 1) {
    const report = replay(record, [withSizes(node, now)], exact)[0]!;
    if (round === ROUNDS_MAX || aims.every((aim) => isMet(aim, report))) return { sizes: now, report };
    now = {
      memoryBytes: withMargin(now.memoryBytes, STEP, MEMORY_BYTES_MIN),
      diskBytes:
        typeof now.diskBytes === 'number' ? withMargin(now.diskBytes, STEP, DISK_BYTES_MIN) : now.diskBytes,
    };
  }
}

/** How much depends on the sizes and on the policy, by a sample where the record is long. */
export function aroundIt(
  { replay, prices, record: whole, allPolicies, exactRowsMax, targets }: PlanQuestion,
  { record, options, exact }: Search,
  node: SimulatedNode,
  chosen: Sized,
): Pick<Plan, 'sensitivity' | 'policies'> {
  const how = whole.info.rows > exactRowsMax ? options : exact;
  const least = leastFactor(chosen.sizes);
  const all = [...new Set(FACTORS.map((factor) => Math.max(least, factor)))].map((factor) => ({
    factor,
    sizes: factor === 1 ? chosen.sizes : scaled(chosen.sizes, factor),
  }));
  const nodes = all.map((each) => withSizes(node, each.sizes));
  const reports = replay(record, nodes, how);
  const sampled = reports[all.findIndex(({ factor }) => factor === 1)]!;
  // As they were given: what was eased to find sizes at all is met by none of them.
  const here = targets.map((target) => translated(target, chosen.report, sampled));
  const meets = (report: SimulationReport): boolean => here.every((target) => isMet(target, report));
  const months =
    prices.egress === undefined ? [] : replay(whole, nodes, how.rate === undefined ? {} : { rate: how.rate });
  const sensitivity = all.map((each, at) => ({
    ...each,
    report: reports[at]!,
    meets: meets(reports[at]!),
    cost: hasPrices(prices) ? monthlyCost(prices, each.sizes, months[at]) : undefined,
  }));
  const rivals = allPolicies.map((policy) => withSizes(withPolicy(node, policy), chosen.sizes));
  const policies = replay(record, rivals, how).map((report, at) => ({
    name: allPolicies[at]!,
    report,
    meets: meets(report),
  }));
  return { sensitivity, policies };
}
