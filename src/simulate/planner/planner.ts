import type { PolicyName } from '../../policy/policy.ts';
import { cut } from '../../traffic/made/derived.ts';
import type { TrafficRecord } from '../../traffic/record.ts';
import type { ReplayOptions, SimulatedNode } from '../plan.ts';
import type { Replay } from '../replay.ts';
import type { SimulationReport } from '../report.ts';
import { pointsAt, type SizePoint, type Trials } from '../size-curve.ts';
import { type TierSizes, withPolicy, withSizes } from '../sized.ts';
import { DISK_BYTES_MIN, MEMORY_BYTES_MIN, withMargin } from './amounts.ts';
import { aroundIt, confirmed, settled } from './around.ts';
import type { Prices } from './prices.ts';
import { smallestSize } from './search.ts';
import { isMet, kindOf, reached, type Target, translated } from './targets.ts';
import { type Demand, demandOf, type PlanWindow } from './window.ts';

/** Of all hits, what memory should answer where there is a disk, unless a target says otherwise. */
const MEMORY_SHARE = 0.8;
/** What a target that cannot be met is eased to: so close to the best that there is. */
const NEAR_SHARE = 0.01;
/** A policy is clearly better when it is by so much, as a difference of shares or as a part of another figure. */
export const BETTER = 0.002;
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
  /** Longer records are searched by a sample of their keys that has so many rows; what is found is confirmed with all of them. */
  readonly searchRowsMax: number;
  /** Up to so many rows other sizes and policies are replayed with all keys too. */
  readonly exactRowsMax: number;
  readonly replay: Replay;
  /** Told what is going to take a while. */
  readonly onStep?: (text: string) => void;
}

/** A combination of sizes, and what came of it in the window. */
export interface Sized {
  readonly sizes: TierSizes;
  readonly report: SimulationReport;
}

/** What another size than the chosen one would do, by a sample where the record is long. */
export interface Variation extends Sized {
  /** Of the chosen sizes. */
  readonly factor: number;
  /** All targets, as they were given. */
  readonly meets: boolean;
  /** A month, as far as prices are given. */
  readonly cost: number | undefined;
}

/** What another policy would do at the chosen sizes, by a sample where the record is long. */
export interface Rival {
  readonly name: PolicyName;
  readonly report: SimulationReport;
  /** All targets, as they were given. */
  readonly meets: boolean;
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
  /** Memory that would do without the disk that was planned, before the margin. */
  readonly memoryAlone: number | undefined;
  /** Half of the sizes, or as little as they may be, to twice as much, the chosen ones among them. */
  readonly sensitivity: readonly Variation[];
  /** All policies at the chosen sizes. */
  readonly policies: readonly Rival[];
  readonly margin: number;
  readonly prices: Prices;
}

/**
 * The smallest sizes, and the policy, with which a node meets all targets in a window of a record, with a margin. Undefined when the
 * window has no requests. Costs some forty replays of the record up to the end of the window,
 * with a disk up to eighty.
 */
export function plan(question: PlanQuestion): Plan | undefined {
  const { record, targets, margin, onStep = () => undefined } = question;
  onStep('counting requests');
  const demand = demandOf(record);
  const window = question.window(demand);
  if (window.requests === 0) return undefined;
  const search = searchOf(question, window);
  onStep('looking for the most that any size can do');
  const ceiling = ceilingOf(search, search.exact, question, demand);
  const sampled = search.isSampled ? ceilingOf(search, search.options, question, demand) : ceiling;
  const unmet = targets.filter((target) => !isMet(target, ceiling));
  const aims = targets.map((target) => (unmet.includes(target) ? eased(target, ceiling) : target));
  const wanted = { aims: aims.map((aim) => translated(aim, ceiling, sampled)), ceiling: sampled, demand };
  const withOneOf = (policies: readonly PolicyName[]): Plan => ({
    ...decidedAndTried({ ...question, policies }, search, wanted, aims),
    window,
    demand,
    targets,
    unmet,
    ceiling,
    aims,
    margin,
    prices: question.prices,
  });
  let answer = withOneOf(question.policies);
  // Which policy needs least is found just where the targets are met; with the margin another one may be ahead.
  const tried = new Set([answer.policy]);
  for (;;) {
    const better = clearlyBetter(answer, question.policies);
    if (better === undefined || tried.has(better)) return answer;
    tried.add(better);
    answer = withOneOf([better]);
  }
}

/** Of those that may be chosen, the policy that does clearly better at the chosen sizes than the chosen one; undefined for none. */
function clearlyBetter(
  { policies, policy, aims }: Plan,
  among: readonly PolicyName[],
): PolicyName | undefined {
  const mine = policies.find(({ name }) => name === policy);
  if (mine === undefined) return undefined;
  const others = policies.filter(
    ({ name, meets }) => name !== policy && among.includes(name) && (meets || !mine.meets),
  );
  const best = bestOf(
    [mine, ...others].map(({ report }) => report),
    aims[0]!,
  );
  return best === 0 ? undefined : others[best - 1]!.name;
}

/** Sizes and policy, and what the whole record makes of them. */
function decidedAndTried(
  question: PlanQuestion,
  search: Search,
  wanted: Wanted,
  aims: readonly Target[],
): Found & Pick<Plan, 'chosen' | 'sensitivity' | 'policies'> {
  const { margin, onStep = () => undefined } = question;
  const found = decided(question, search, wanted);
  onStep('replaying what was chosen');
  const node = withPolicy(question.node, found.policy);
  const memoryBelow = withMargin(found.needed.memoryBytes, margin, MEMORY_BYTES_MIN);
  const enough =
    found.disk === 'needed'
      ? confirmed(search, node, { ...found.needed, memoryBytes: memoryBelow }, aims)
      : confirmed(search, node, found.needed, aims);
  const needed = found.disk === 'needed' ? { ...enough, memoryBytes: found.needed.memoryBytes } : enough;
  const sizes: TierSizes = {
    memoryBytes: withMargin(needed.memoryBytes, margin, MEMORY_BYTES_MIN),
    diskBytes:
      typeof needed.diskBytes === 'number' ? withMargin(needed.diskBytes, margin, DISK_BYTES_MIN) : 'none',
  };
  const chosen = settled(search, node, sizes, aims);
  onStep('looking at what else there could be');
  const around = aroundIt(question, search, node, chosen);
  return { ...found, needed, chosen, ...around };
}

/** The record up to the end of the window, and how it is replayed: with all keys, or by a sample. */
export type Search = Omit<Trials, 'node' | 'options'> & {
  readonly options: ReplayOptions;
  readonly exact: ReplayOptions;
  readonly isSampled: boolean;
};

function searchOf({ record, replay, searchRowsMax }: PlanQuestion, window: PlanWindow): Search {
  const exact = { countFromMs: window.fromMs };
  const { rows, rateMin } = record.info;
  const isSampled = rows > searchRowsMax;
  const options = isSampled ? { ...exact, rate: (rateMin * searchRowsMax) / rows } : exact;
  return { record: cut(record, { toMs: window.toMs }), options, exact, replay, isSampled };
}

/** Sizes are without margin; that of a disk is for memory with it. */
type Found = Pick<Plan, 'policy' | 'needed' | 'points' | 'tier' | 'disk' | 'memoryAlone'>;

interface Wanted {
  readonly aims: readonly Target[];
  readonly ceiling: SimulationReport;
  readonly demand: Demand;
}

function decided(question: PlanQuestion, search: Search, wanted: Wanted): Found {
  const { onStep = () => undefined, margin } = question;
  const { aims, ceiling, demand } = wanted;
  onStep('looking for the size of the memory');
  const memoryAims = question.disk ? aimsOfMemory(aims, ceiling) : aims;
  const { policy, sizeBytes, points } = withBestPolicy(
    search,
    question,
    memoryAims,
    mostBytes(ceiling, demand),
    onStep,
  );
  const alone: Found = {
    policy,
    needed: { memoryBytes: sizeBytes, diskBytes: 'none' },
    points,
    tier: 'memory',
    disk: question.disk ? 'no-difference' : 'none',
    memoryAlone: undefined,
  };
  if (!question.disk) return alone;
  onStep('looking for the size of the disk');
  const memoryBytes = withMargin(sizeBytes, margin, MEMORY_BYTES_MIN);
  const found = withDisk(search, question, { policy, sizeBytes, points }, wanted);
  if (found === undefined) return alone;
  const rival = rivalWithDisk(search, question, { found, memoryBytes, memoryAims }, wanted);
  return rival !== undefined && needsLess(rival.needed, found.needed) ? rival : found;
}

/** With the smallest disk below that memory and its margin; undefined when it needs none. */
function withDisk(
  search: Search,
  { node, margin }: PlanQuestion,
  { policy, sizeBytes }: Decided,
  wanted: Wanted,
): Found | undefined {
  const memoryBytes = withMargin(sizeBytes, margin, MEMORY_BYTES_MIN);
  const disk = diskFor(search, withPolicy(node, policy), memoryBytes, wanted);
  if (disk.sizeBytes === undefined) return undefined;
  return {
    policy,
    needed: { memoryBytes: sizeBytes, diskBytes: disk.sizeBytes },
    points: disk.points,
    tier: 'disk',
    disk: 'needed',
    memoryAlone: disk.memoryAlone,
  };
}

/**
 * The policy of the memory decides what the disk is left to answer: with the one that does clearly better at the sizes of both tiers.
 * Undefined when there is none, or when it needs more memory than was found where that has a target of its own.
 */
function rivalWithDisk(
  search: Search,
  question: PlanQuestion,
  now: { readonly found: Found; readonly memoryBytes: number; readonly memoryAims: readonly Target[] },
  wanted: Wanted,
): Found | undefined {
  const { found, memoryBytes, memoryAims } = now;
  const { memoryBytes: neededBytes, diskBytes } = found.needed;
  const names = [found.policy, ...question.policies.filter((policy) => policy !== found.policy)];
  const aim = wanted.aims.find(({ name }) => name !== 'memory-hit');
  if (names.length < 2 || aim === undefined) return undefined;
  question.onStep?.('comparing policies');
  const sized = (policy: PolicyName, sizes: TierSizes) => withSizes(withPolicy(question.node, policy), sizes);
  const nodes = names.map((policy) => sized(policy, { memoryBytes, diskBytes }));
  const policy = names[bestOf(search.replay(search.record, nodes, search.options), aim)]!;
  if (policy === found.policy) return undefined;
  const alone = (bytes: number) => sized(policy, { memoryBytes: bytes, diskBytes: 'none' });
  const memory = smallestSize({ ...search, node: alone }, memoryAims, MEMORY_BYTES_MIN, neededBytes);
  if (memory.sizeBytes === undefined && wanted.aims.some(({ name }) => name === 'memory-hit'))
    return undefined;
  const sizeBytes = memory.sizeBytes ?? neededBytes;
  return withDisk(search, question, { policy, sizeBytes, points: memory.points }, wanted);
}

/** Clearly less of one tier, and not more of the other. */
function needsLess(one: TierSizes, other: TierSizes): boolean {
  const memory = one.memoryBytes / other.memoryBytes;
  const disk = Number(one.diskBytes) / Number(other.diskBytes);
  return Math.max(memory, disk) <= 1 && Math.min(memory, disk) < 0.98;
}

/** With memory for all that was ever asked for, whatever its policy. */
function ceilingOf(
  search: Search,
  options: ReplayOptions,
  { node, record }: PlanQuestion,
  demand: Demand,
): SimulationReport {
  const bytes = Math.max(MEMORY_BYTES_MIN, Math.ceil(demand.bytes / record.info.rateMin));
  const unlimited = (memoryBytes: number) => withSizes(node, { memoryBytes, diskBytes: 'none' });
  return pointsAt({ ...search, options, node: unlimited }, [bytes])[0]!.report;
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
  const decide = (policy: PolicyName, fromBytes: number, upToBytes: number): Decided => {
    const found = smallestSize({ ...search, node: sized(policy) }, aims, fromBytes, upToBytes);
    return { policy, sizeBytes: found.sizeBytes ?? upToBytes, points: found.points };
  };
  const [first, ...others] = question.policies;
  const decided = decide(first!, MEMORY_BYTES_MIN, mostBytes);
  if (others.length === 0 || decided.sizeBytes <= MEMORY_BYTES_MIN) return decided;
  onStep('comparing policies');
  const nodes = question.policies.map((policy) => sized(policy)(decided.sizeBytes));
  const reports = search.replay(search.record, nodes, search.options);
  const best = bestOf(reports, aims[0]!);
  if (best === 0) return decided;
  // No policy is known to do with less than a quarter of what another one needs.
  const fromBytes = Math.max(MEMORY_BYTES_MIN, Math.round(decided.sizeBytes / 4));
  const another = decide(question.policies[best]!, fromBytes, decided.sizeBytes);
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
function diskFor(
  search: Search,
  node: SimulatedNode,
  memoryBytes: number,
  { aims: all, ceiling, demand }: Wanted,
): {
  readonly sizeBytes: number | undefined;
  readonly points: readonly SizePoint[];
  readonly memoryAlone: number | undefined;
} {
  const aims = all.filter(({ name }) => name !== 'memory-hit');
  const without = (bytes: number) => withSizes(node, { memoryBytes: bytes, diskBytes: 'none' });
  const alone = smallestSize({ ...search, node: without }, aims, memoryBytes, mostBytes(ceiling, demand));
  if (alone.sizeBytes === memoryBytes) return { sizeBytes: undefined, points: [], memoryAlone: memoryBytes };
  const sized = (diskBytes: number) => withSizes(node, { memoryBytes, diskBytes });
  // Records are laid into segments, an eighth of the disk each where it is small, and a part of it is written twice.
  const largest = Math.min(demand.largestBytes, 64 * 1024 ** 2) + 1024 ** 2;
  const most = Math.ceil(Math.max(DISK_BYTES_MIN, ceiling.memory.usedBytesMax * 1.5, 8 * largest));
  const found = smallestSize({ ...search, node: sized }, aims, DISK_BYTES_MIN, most);
  return { sizeBytes: found.sizeBytes ?? most, points: found.points, memoryAlone: alone.sizeBytes };
}
