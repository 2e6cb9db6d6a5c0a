import type { PolicyName } from '../../policy/policy.ts';
import type { TrafficRecord } from '../../traffic/record.ts';
import type { ReplayOptions, SimulatedNode } from '../plan.ts';
import type { Replay } from '../replay.ts';
import type { SimulationReport } from '../report.ts';
import { pointsAt, type SizePoint, type Trials } from '../size-curve.ts';
import { type TierSizes, withSizes } from '../sized.ts';
import { hasPrices, monthlyCost, type Prices } from './prices.ts';
import { smallestSize } from './search.ts';
import { isMet, kindOf, reached, type Target } from './targets.ts';
import { type Demand, demandOf, type PlanWindow, until } from './window.ts';

/** The smallest tiers that a configuration may have. */
const MEMORY_BYTES_MIN = 4 * 1024 ** 2;
const DISK_BYTES_MIN = 8 * 1024 ** 2;
/** Of all hits, what memory should answer where there is a disk, unless a target says otherwise. */
const MEMORY_SHARE = 0.8;
/** What a target that cannot be met is eased to: so close to the best that there is. */
const NEAR_SHARE = 0.01;
/** Another policy is looked into when it is better by so much, in points of a share or as a part of another figure. */
const BETTER = 0.002;
/** What the sizes are multiplied by to see how much depends on them. */
const FACTORS = [0.5, 0.75, 0.9, 1, 1.25, 2] as const;
/** How often a size that was found on a sample may turn out too small on the whole. */
const CORRECTIONS_MAX = 5;

/** What is asked of a plan. */
export interface PlanQuestion {
  /** With whatever growth or stress is to be planned for. */
  readonly record: TrafficRecord;
  /** Everything but sizes and policy is taken from it. */
  readonly node: SimulatedNode;
  /** At least one. */
  readonly targets: readonly Target[];
  readonly window: (demand: Demand) => PlanWindow;
  /** That may be chosen, the preferred one first. */
  readonly policies: readonly PolicyName[];
  /** Every policy there is, for comparison. */
  readonly allPolicies: readonly PolicyName[];
  /** Whether there is to be a disk tier. */
  readonly disk: boolean;
  /** Added to what is needed: 0.2 for a fifth. */
  readonly margin: number;
  readonly prices: Prices;
  /** Above so many rows sizes are looked for on a sample of the keys; what is chosen is replayed with all of them. */
  readonly searchRowsMax: number;
  readonly replay: Replay;
  /** Told what is going to take a while. */
  readonly onStep?: (text: string) => void;
}

/** A combination of sizes, and what came of it in the window. */
export interface Sized {
  readonly sizes: TierSizes;
  readonly report: SimulationReport;
}

/** What another size than the chosen one would do. */
export interface Variation extends Sized {
  /** Of the chosen sizes. */
  readonly factor: number;
  /** A month, as far as prices are given. */
  readonly cost: number | undefined;
}

/** The answer. */
export interface Plan {
  readonly window: PlanWindow;
  readonly demand: Demand;
  readonly targets: readonly Target[];
  /** Those that no size meets; sizes are then as small as comes close to what can be had. */
  readonly unmet: readonly Target[];
  /** With all the memory that there could be use for. */
  readonly ceiling: SimulationReport;
  readonly policy: PolicyName;
  /** Just enough, without margin. */
  readonly needed: TierSizes;
  readonly chosen: Sized;
  /** What was eased to find them: the targets themselves unless some are {@link unmet}. */
  readonly aims: readonly Target[];
  /** Every size that was tried of the tier that decides, with {@link policy}. */
  readonly points: readonly SizePoint[];
  readonly tier: 'memory' | 'disk';
  /** Whether a disk was asked for, and what it came to. */
  readonly disk: 'none' | 'needed' | 'no-difference';
  /** Half of the sizes to twice as much, the chosen ones among them. */
  readonly sensitivity: readonly Variation[];
  /** All policies at the chosen sizes. */
  readonly policies: readonly { readonly name: PolicyName; readonly report: SimulationReport }[];
  readonly margin: number;
  readonly prices: Prices;
}

/**
 * The smallest sizes, and the policy, with which a node meets all targets in a window of a record, with a margin. Undefined when the
 * window has no requests. Costs some forty replays of the record up to the end of the window.
 */
export function plan(question: PlanQuestion): Plan | undefined {
  const { record, targets, margin, onStep = () => undefined } = question;
  onStep('counting requests');
  const demand = demandOf(record);
  const window = question.window(demand);
  if (window.requests === 0) return undefined;
  const search = searchOf(question, window);
  onStep('looking for the most that any size can do');
  const ceiling = ceilingOf(search, question, demand);
  const unmet = targets.filter((target) => !isMet(target, ceiling));
  const aims = targets.map((target) => (unmet.includes(target) ? eased(target, ceiling) : target));
  const memoryAims = question.disk ? aimsOfMemory(aims, ceiling) : aims;
  onStep('looking for the size of the memory');
  const memory = withBestPolicy(search, question, memoryAims, mostBytes(ceiling, demand), onStep);
  const memoryBytes = withMargin(memory.sizeBytes, margin, MEMORY_BYTES_MIN);
  const node = withPolicy(question.node, memory.policy);
  const disk = question.disk
    ? diskFor({ search, node, memoryBytes, aims, ceiling, demand, onStep })
    : undefined;
  const sizes: TierSizes = {
    memoryBytes,
    diskBytes: disk?.sizeBytes === undefined ? 'none' : withMargin(disk.sizeBytes, margin, DISK_BYTES_MIN),
  };
  onStep('replaying what was chosen');
  const chosen = confirmed(question, search, node, sizes, aims);
  return {
    window,
    demand,
    targets,
    unmet,
    ceiling,
    policy: memory.policy,
    needed: { memoryBytes: memory.sizeBytes, diskBytes: disk?.sizeBytes ?? 'none' },
    chosen,
    aims,
    points: disk?.sizeBytes === undefined ? memory.points : disk.points,
    tier: disk?.sizeBytes === undefined ? 'memory' : 'disk',
    disk: !question.disk ? 'none' : disk?.sizeBytes === undefined ? 'no-difference' : 'needed',
    ...aroundIt(question, search, node, chosen.sizes),
    margin,
    prices: question.prices,
  };
}

/** The record up to the end of the window, replayed on a sample where it is long. */
type Search = Omit<Trials, 'node'> & { readonly exact: ReplayOptions; readonly rate: number };

function searchOf({ record, replay, searchRowsMax }: PlanQuestion, window: PlanWindow): Search {
  const exact = { countFromMs: window.fromMs };
  const { rows, rateMin } = record.info;
  const rate = Math.min(1, searchRowsMax / Math.max(1, rows)) * rateMin;
  const options = rate < rateMin ? { ...exact, rate } : exact;
  return { record: until(record, window.toMs), options, exact, replay, rate };
}

/** With memory for all that was ever asked for, whatever its policy. */
function ceilingOf(search: Search, { node, record }: PlanQuestion, demand: Demand): SimulationReport {
  const bytes = Math.max(MEMORY_BYTES_MIN, Math.ceil(demand.bytes / record.info.rateMin));
  const unlimited = (memoryBytes: number) => withSizes(node, { memoryBytes, diskBytes: 'none' });
  return pointsAt({ ...search, node: unlimited }, [bytes])[0]!.report;
}

/** Beyond it more memory changes nothing: everything fits, and the largest object may be stored. */
function mostBytes({ memory }: SimulationReport, { largestBytes }: Demand): number {
  const largest = Math.min(largestBytes, 32 * 1024 ** 2);
  return Math.ceil(Math.max(MEMORY_BYTES_MIN, memory.usedBytesMax * 1.02, 4 * largest));
}

/** A target that comes close to the best that there is. */
function eased(target: Target, ceiling: SimulationReport): Target {
  const best = reached(target, ceiling) ?? target.value;
  const value = kindOf(target).wants === 'at least' ? best * (1 - NEAR_SHARE) : best * (1 + NEAR_SHARE);
  return { ...target, value };
}

/** What memory is for where a disk keeps the rest: to answer most of the hits. */
function aimsOfMemory(aims: readonly Target[], ceiling: SimulationReport): Target[] {
  const own = aims.filter(({ name }) => name === 'memory-hit');
  if (own.length > 0) return own;
  const best = reached({ name: 'hit', value: 0 }, ceiling) ?? 0;
  const wanted = aims.find(({ name }) => name === 'hit')?.value ?? best;
  return [{ name: 'memory-hit', value: MEMORY_SHARE * Math.min(wanted, best) }];
}

interface Decided {
  readonly policy: PolicyName;
  readonly sizeBytes: number;
  readonly points: readonly SizePoint[];
}

/** The smallest memory, with the first policy or, where another does clearly better at that size, with that one. */
function withBestPolicy(
  search: Search,
  question: PlanQuestion,
  aims: readonly Target[],
  mostBytes: number,
  onStep: (text: string) => void,
): Decided {
  const sized = (policy: PolicyName) => (memoryBytes: number) =>
    withSizes(withPolicy(question.node, policy), { memoryBytes, diskBytes: 'none' });
  const decide = (policy: PolicyName, upToBytes: number): Decided => {
    const found = smallestSize({ ...search, node: sized(policy) }, aims, MEMORY_BYTES_MIN, upToBytes);
    return { policy, sizeBytes: found.sizeBytes ?? upToBytes, points: found.points };
  };
  const [first, ...others] = question.policies;
  const decided = decide(first!, mostBytes);
  if (others.length === 0 || decided.sizeBytes <= MEMORY_BYTES_MIN) return decided;
  onStep('comparing policies');
  const nodes = question.policies.map((policy) => sized(policy)(decided.sizeBytes));
  const reports = search.replay(search.record, nodes, search.options);
  const best = bestOf(reports, aims[0]!);
  if (best === 0) return decided;
  const another = decide(question.policies[best]!, decided.sizeBytes);
  return another.sizeBytes < decided.sizeBytes * 0.98 ? another : decided;
}

/** Position of the report that is the best in a target; the first, unless another one is clearly better. */
function bestOf(reports: readonly SimulationReport[], target: Target): number {
  const { unit, wants } = kindOf(target);
  const values = reports.map((report) => (reached(target, report) ?? 0) * (wants === 'at least' ? 1 : -1));
  const best = values.indexOf(Math.max(...values));
  const gain = values[best]! - values[0]!;
  return gain > (unit === 'share' ? BETTER : Math.abs(values[0]!) * BETTER) ? best : 0;
}

/** The smallest disk below that memory; without a size when none is needed. */
function diskFor(want: {
  readonly search: Search;
  readonly node: SimulatedNode;
  readonly memoryBytes: number;
  readonly aims: readonly Target[];
  readonly ceiling: SimulationReport;
  readonly demand: Demand;
  readonly onStep: (text: string) => void;
}): { readonly sizeBytes: number | undefined; readonly points: readonly SizePoint[] } {
  const { search, node, memoryBytes, ceiling, demand, onStep } = want;
  const aims = want.aims.filter(({ name }) => name !== 'memory-hit');
  const alone = pointsAt(
    { ...search, node: (bytes) => withSizes(node, { memoryBytes: bytes, diskBytes: 'none' }) },
    [memoryBytes],
  )[0]!;
  if (aims.every((aim) => isMet(aim, alone.report))) return { sizeBytes: undefined, points: [] };
  onStep('looking for the size of the disk');
  const sized = (diskBytes: number) => withSizes(node, { memoryBytes, diskBytes });
  // Records are laid into segments, an eighth of the disk each where it is small, and a part of it is written twice.
  const largest = Math.min(demand.largestBytes, 64 * 1024 ** 2) + 1024 ** 2;
  const most = Math.ceil(Math.max(DISK_BYTES_MIN, ceiling.memory.usedBytesMax * 1.5, 8 * largest));
  const found = smallestSize({ ...search, node: sized }, aims, DISK_BYTES_MIN, most);
  return { sizeBytes: found.sizeBytes ?? most, points: found.points };
}

/** What was found, on the whole record; larger where a sample was too kind. */
function confirmed(
  { replay, margin }: PlanQuestion,
  { record, exact, options }: Search,
  node: SimulatedNode,
  sizes: TierSizes,
  aims: readonly Target[],
): Sized {
  let now = sizes;
  for (let round = 0; ; round += 1) {
    const report = replay(record, [withSizes(node, now)], exact)[0]!;
    const isEnough = aims.every((aim) => isMet(aim, report));
    if (isEnough || options === exact || margin === 0 || round === CORRECTIONS_MAX)
      return { sizes: now, report };
    now = scaled(now, 1.1);
  }
}

/** How much depends on the sizes and on the policy. */
function aroundIt(
  { replay, prices, record: whole, allPolicies }: PlanQuestion,
  { record, options, rate }: Search,
  node: SimulatedNode,
  sizes: TierSizes,
): Pick<Plan, 'sensitivity' | 'policies'> {
  const all = FACTORS.map((factor) => ({
    factor,
    sizes: factor === 1 ? sizes : scaled(sizes, factor),
  })).filter(
    // What is at the smallest size already cannot become smaller.
    (each) => each.factor >= 1 || each.sizes.memoryBytes < sizes.memoryBytes,
  );
  const nodes = all.map((each) => withSizes(node, each.sizes));
  const reports = replay(record, nodes, options);
  const sampled = rate < whole.info.rateMin ? { rate } : {};
  const months = prices.egress === undefined ? [] : replay(whole, nodes, sampled);
  const sensitivity = all.map((each, at) => ({
    ...each,
    report: reports[at]!,
    cost: hasPrices(prices) ? monthlyCost(prices, each.sizes, months[at]) : undefined,
  }));
  const policyNodes = allPolicies.map((policy) => withSizes(withPolicy(node, policy), sizes));
  const policies = replay(record, policyNodes, options).map((report, at) => ({
    name: allPolicies[at]!,
    report,
  }));
  return { sensitivity, policies };
}

function withPolicy(node: SimulatedNode, policy: PolicyName): SimulatedNode {
  return { ...node, memory: { ...node.memory, policy } };
}

/** With the margin, rounded up to at most a thirty-second more: sizes that people write. */
function withMargin(bytes: number, margin: number, leastBytes: number): number {
  const wanted = Math.max(leastBytes, bytes * (1 + margin));
  const step = Math.max(1024 ** 2, 2 ** (Math.floor(Math.log2(wanted)) - 5));
  return Math.ceil(wanted / step) * step;
}

function scaled({ memoryBytes, diskBytes }: TierSizes, factor: number): TierSizes {
  return {
    memoryBytes: Math.max(MEMORY_BYTES_MIN, Math.round(memoryBytes * factor)),
    diskBytes:
      typeof diskBytes === 'number' ? Math.max(DISK_BYTES_MIN, Math.round(diskBytes * factor)) : diskBytes,
  };
}
