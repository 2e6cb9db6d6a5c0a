import type { SimulatedNode } from '../plan.ts';
import type { SimulationReport } from '../report.ts';
import { type TierSizes, withPolicy, withSizes } from '../sized.ts';
import { DISK_BYTES_MIN, MEMORY_BYTES_MIN, scaled } from './amounts.ts';
import type { Plan, PlanQuestion, Search, Sized } from './planner.ts';
import { hasPrices, monthlyCost } from './prices.ts';
import { isMet, type Target, translated } from './targets.ts';

/** What the sizes are multiplied by to see how much depends on them. */
const FACTORS = [0.5, 0.75, 0.9, 1, 1.25, 2] as const;
/** What sizes that were found on a sample are multiplied by until they meet the targets on the whole. */
const CORRECTIONS = [1, 1.06, 1.13, 1.25] as const;

/**
 * Sizes that were found by a sample, on the whole record: larger where the sample was too kind, as they are where it was not one. With
 * a disk its size alone becomes larger.
 */
export function confirmed(
  { replay }: PlanQuestion,
  { record, exact, isSampled }: Search,
  node: SimulatedNode,
  needed: TierSizes,
  aims: readonly Target[],
): TierSizes {
  if (!isSampled) return needed;
  const sizes = CORRECTIONS.map((factor) => {
    const { memoryBytes, diskBytes } = scaled(needed, factor);
    return typeof diskBytes === 'number'
      ? { memoryBytes: needed.memoryBytes, diskBytes }
      : { memoryBytes, diskBytes };
  });
  const nodes = sizes.map((each) => withSizes(node, each));
  const reports = replay(record, nodes, exact);
  const at = reports.findIndex((report) => aims.every((aim) => isMet(aim, report)));
  return sizes.at(at)!;
}

/** How much depends on the sizes and on the policy, by a sample where the record is long. */
export function aroundIt(
  { replay, prices, record: whole, allPolicies, exactRowsMax }: PlanQuestion,
  { record, options, exact }: Search,
  node: SimulatedNode,
  chosen: Sized,
  aims: readonly Target[],
): Pick<Plan, 'sensitivity' | 'policies'> {
  const how = whole.info.rows > exactRowsMax ? options : exact;
  const all = FACTORS.map((factor) => ({
    factor,
    sizes: factor === 1 ? chosen.sizes : scaled(chosen.sizes, factor),
  })).filter(
    // What is at the smallest size already cannot become smaller.
    ({ factor, sizes: { memoryBytes, diskBytes } }) =>
      memoryBytes > MEMORY_BYTES_MIN ||
      (typeof diskBytes === 'number' && diskBytes > DISK_BYTES_MIN) ||
      factor >= 1,
  );
  const nodes = all.map((each) => withSizes(node, each.sizes));
  const reports = replay(record, nodes, how);
  const sampled = reports[all.findIndex(({ factor }) => factor === 1)]!;
  const here = aims.map((aim) => translated(aim, chosen.report, sampled));
  const meets = (report: SimulationReport): boolean => here.every((aim) => isMet(aim, report));
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
