import { formatCount, formatDuration, formatSize, sizeText } from '../../base/units.ts';
import { byteHitRatioOf, figureText, hitRatioOf, LOST, type LostTo, lostTo } from '../figures.ts';
import { fewKeys } from '../remarks.ts';
import type { SimulationReport } from '../report.ts';
import type { TierSizes } from '../sized.ts';
import { BETTER, type Plan, type Variation } from './planner.ts';
import { moneyText, perGib } from './prices.ts';
import { bindingTarget, shifted, sizeFor } from './search.ts';
import { isMet, kindOf, reached, type Target, targetText } from './targets.ts';

/** A window with fewer requests than this is too small to read hundredths off it. */
const FEW_REQUESTS = 2_000;

/**
 * The answer in sentences that an operator can act on: what to configure and what it comes to, what drives it, what less would do,
 * and what to beware of. The first one is the answer itself.
 */
export function answerOf(plan: Plan): string[] {
  return [
    ...(plan.unmet.length === 0 ? [metBy(plan)] : ceilingSentences(plan)),
    ...driver(plan),
    ...withLess(plan),
    ...policySentence(plan),
    ...diskSentence(plan),
    ...costSentence(plan),
    ...cautions(plan),
  ];
}

/** The lines to write into the configuration: what the plan says, and nothing else. */
export function yamlOf({ policy, chosen }: Plan): string {
  const { memoryBytes, diskBytes } = chosen.sizes;
  const memory = `  memory: { size: ${sizeText(memoryBytes)}, policy: ${policy} }\n`;
  const disk =
    typeof diskBytes === 'number'
      ? `  disk: { path: /var/lib/holdfast/images, size: ${sizeText(diskBytes)} }\n`
      : '';
  return `cache:\n${memory}${disk}`;
}

/** `1.5 GiB of memory`, `1.5 GiB of memory and 20 GiB of disk`. */
function sizesText({ memoryBytes, diskBytes }: TierSizes): string {
  const memory = `${formatSize(memoryBytes)} of memory`;
  return typeof diskBytes === 'number' ? `${memory} and ${formatSize(diskBytes)} of disk` : memory;
}

function metBy({ chosen, needed, policy, targets, window, margin }: Plan): string {
  const came = targets.map((target) => cameTo(target, chosen.report)).join(', ');
  const rest =
    margin === 0
      ? ''
      : ` Without the margin of ${Math.round(margin * 100)} % it would be ${sizesText(needed)}.`;
  return `Configure ${sizesText(chosen.sizes)} with the policy ${policy}: in ${windowText(window)} that comes to ${came}, where ${listed(targets.map(wanted))} is wanted.${rest}`;
}

function cameTo(target: Target, report: SimulationReport): string {
  const { about, unit } = kindOf(target);
  const value = reached(target, report);
  return `a ${about} of ${value === undefined ? 'nothing' : figureText(value, unit)}`;
}

function wanted({ name, value }: Target): string {
  const { wants, unit } = kindOf({ name });
  return `${wants} ${figureText(value, unit)}`;
}

/** `the busiest hour (2026-11-02 19:00 to 20:00 UTC, 412,000 requests)`. */
export function windowText({ text, fromMs, toMs, requests }: Plan['window']): string {
  const at = (ms: number): string => new Date(ms).toISOString().replace('T', ' ').slice(0, 16);
  const isOneDay = at(fromMs).slice(0, 10) === at(toMs).slice(0, 10);
  const end = isOneDay ? at(toMs).slice(11) : at(toMs);
  return `${text} (${at(fromMs)} to ${end} UTC, ${formatCount(requests)} requests)`;
}

/** Why no size will do, and what would. */
function ceilingSentences({ unmet, ceiling, window, chosen, policy }: Plan): string[] {
  const said = unmet.map((target) => {
    const best = reached(target, ceiling) ?? 0;
    const { wants, unit, about } = kindOf(target);
    const most = wants === 'at least' ? 'at most' : 'at least';
    return `No size meets a ${targetText(target)}: in ${windowText(window)} the ${about} is ${most} ${figureText(best, unit)}, with memory for everything that was ever asked for.`;
  });
  const lost = lostSentence(ceiling);
  const came = unmet.map((target) => cameTo(target, chosen.report)).join(', ');
  const near = `The least that comes close to that is ${sizesText(chosen.sizes)} with the policy ${policy}, its margin included: ${came}.`;
  return [...said, ...lost, near];
}

/** What requests are that no size makes hits of, the most frequent first, and what to do about that one. */
function lostSentence(ceiling: SimulationReport): string[] {
  const { all } = ceiling;
  const lost = Object.entries(lostTo(all))
    .filter(([, count]) => count / Math.max(1, all.requests) >= 0.0005)
    .sort(([, a], [, b]) => b - a);
  const [most] = lost;
  if (most === undefined) return [];
  const parts = lost.map(
    ([why, count]) => `${figureText(count / all.requests, 'share')} ${SAID[why as LostTo]}`,
  );
  return [`Of its requests ${listed(parts)}. ${REMEDIES[most[0] as LostTo]}`];
}

const SAID: Readonly<Record<LostTo, string>> = {
  ...LOST,
  first: 'are for images asked for the first time',
  expired: 'are for images that had expired',
  evicted: 'are for images that had been evicted',
  refused: 'are for images that had not been let in',
  'not-storable': 'are for what may not be stored',
  revalidated: 'are answered when the origin has confirmed what is stored',
  collapsed: 'wait for a fetch that is under way',
  bypass: 'go past the cache',
  failed: 'fail',
};

const REMEDIES: Readonly<Record<LostTo, string>> = {
  first:
    'Only fetching images before they are asked for helps against that (holdfast warm), or a longer record, in which fewer of them are new.',
  expired: 'Longer lifetimes do more here than any size (routes[].ttl and routes[].stale).',
  evicted: 'They are larger than what may be stored (maxObject).',
  refused: 'They are larger than what may be stored (maxObject), or the residency floor is too high.',
  'not-storable': 'holdfast explain <url> says why a response is not stored.',
  revalidated:
    'Longer lifetimes, or stale-while-revalidate, spare that wait (routes[].ttl and routes[].stale).',
  collapsed: 'They share one fetch and do not load the origin; only a faster origin makes hits of them.',
  bypass: 'The rules of their routes say so (routes[].cache, routes[].bypass).',
  failed: 'Look at what the origin answered at the time.',
};

/** The number that the size hangs on. */
function driver(plan: Plan): string[] {
  const { points, aims, unmet, tier, ceiling, targets } = plan;
  const binding = bindingTarget(points, aims);
  if (binding === undefined || points.length < 2 || unmet.length > 0) return [];
  const now = sizeFor(points, binding);
  if (now === undefined)
    return [
      `Nothing drives that size: the smallest ${tier} that was tried, ${formatSize(points[0]!.sizeBytes)}, is enough.`,
    ];
  const subject = `The number that drives the size is the ${kindOf(binding).about}${targets.length > 1 ? ', of all targets' : ''}`;
  const shifts = (['easier', 'harder'] as const).flatMap((by) => {
    const target = shifted(binding, by);
    return target === undefined
      ? []
      : [{ by, target, bytes: sizeFor(points, target) ?? sizeFor(allPoints(plan), target) }];
  });
  if (shifts.every(({ bytes }) => bytes !== undefined && Math.abs(bytes / now - 1) < 0.005))
    return [`${subject}; asking a little more or less of it changes nothing.`];
  const among = allPoints(plan);
  const texts = shifts.map(({ by, target, bytes }) =>
    shiftText(target, bytes, { points: among, now, by, ceiling }),
  );
  return [`${subject}: ${listed(texts)}.${nearCeiling(binding, ceiling)}`];
}

/** Every replay with another size of the memory alone, those of the table too, as far as they are of the same keys. */
function allPoints({ points, tier, sensitivity }: Plan): Plan['points'] {
  if (tier !== 'memory') return points;
  const further = sensitivity
    .filter(({ report }) => report.rate === points[0]?.report.rate)
    .map(({ sizes, report }) => ({
      sizeBytes: sizes.memoryBytes,
      hitRatio: hitRatioOf(report.all) ?? 0,
      byteHitRatio: byteHitRatioOf(report.all) ?? 0,
      report,
    }));
  return [...points, ...further].sort((a, b) => a.sizeBytes - b.sizeBytes);
}

function shiftText(
  target: Target,
  bytes: number | undefined,
  among: {
    readonly points: Plan['points'];
    readonly now: number;
    readonly by: 'easier' | 'harder';
    readonly ceiling: SimulationReport;
  },
): string {
  const { points, now, by, ceiling } = among;
  const name = figureText(target.value, kindOf(target).unit);
  if (!isMet(target, ceiling)) return `${name} cannot be reached at any size`;
  if (bytes === undefined)
    return by === 'easier'
      ? `${name} would do with ${formatSize(points[0]!.sizeBytes)} or less`
      : `${name} takes more than ${formatSize(points.at(-1)!.sizeBytes)}`;
  const change = Math.round((bytes / now - 1) * 100);
  const verb = by === 'easier' ? 'would do with' : 'takes';
  return `${name} ${verb} ${formatSize(bytes)} before the margin (${change > 0 ? '+' : ''}${change} %)`;
}

function nearCeiling(target: Target, ceiling: SimulationReport): string {
  const { unit, wants } = kindOf(target);
  const best = reached(target, ceiling);
  if (unit !== 'share' || wants !== 'at least' || best === undefined || best - target.value > 0.02) return '';
  return ` No size reaches more than ${figureText(best, unit)} here, so the last points cost the most.`;
}

/** What a tenth less would do, and from where on it goes wrong. */
function withLess({ sensitivity, aims, unmet }: Plan): string[] {
  if (unmet.length > 0) return [];
  const less = sensitivity.find(({ factor }) => factor === 0.9);
  if (less === undefined) return [];
  const verdict = ({ report, meets }: Variation): string => {
    if (meets)
      return `still meets ${aims.length > 1 ? 'all targets' : 'the target'}, with ${cameTo(aims[0]!, report)}`;
    const missed = aims.filter((aim) => !isMet(aim, report));
    const figures = (missed.length > 0 ? missed : aims).map(
      (aim) => `the ${kindOf(aim).about} (${figureText(reached(aim, report) ?? 0, kindOf(aim).unit)})`,
    );
    return `misses ${listed(figures)}`;
  };
  const half = sensitivity.find(({ factor }) => factor === 0.5);
  const further = half === undefined ? '' : ` Half of it ${verdict(half)}.`;
  return [`A tenth less (${sizesText(less.sizes)}) ${verdict(less)}.${further}`];
}

function policySentence(plan: Plan): string[] {
  const { policy, policies, aims } = plan;
  const [aim] = aims;
  const chosen = policies.find(({ name }) => name === policy);
  if (aim === undefined || chosen === undefined || policies.length < 2) return [];
  const { unit, wants, about } = kindOf(aim);
  const value = (report: SimulationReport): number => reached(aim, report) ?? 0;
  const others = policies
    .filter(({ name }) => name !== policy)
    .sort((a, b) => (value(b.report) - value(a.report)) * (wants === 'at least' ? 1 : -1));
  const [best, worst] = [others[0]!, others.at(-1)!];
  const text = (report: SimulationReport): string => figureText(value(report), unit);
  const figures = policies.map(({ report }) => text(report));
  if (figures.every((figure) => figure === figures[0]))
    return ['At this size the policy makes no difference.'];
  const sign = wants === 'at least' ? 1 : -1;
  const isWorst = sign * (value(worst.report) - value(chosen.report)) >= 0;
  const rest = isWorst
    ? '; none is worse than it'
    : others.length === 1
      ? ''
      : `, the worst ${worst.name} with ${text(worst.report)}`;
  return [
    `At this size ${policy} comes to a ${about} of ${text(chosen.report)}; the best of the other policies is ${best.name} with ${text(best.report)}${rest}.${aheadSentence(plan, sign * (value(best.report) - value(chosen.report)), value(chosen.report), unit === 'share')}${bytesSentence(plan)}`,
  ];
}

/** Why a policy is not chosen that is ahead of the chosen one by so much. */
function aheadSentence({ policy }: Plan, aheadBy: number, chosen: number, isShare: boolean): string {
  if (aheadBy <= 0) return '';
  if (aheadBy <= (isShare ? BETTER : Math.abs(chosen) * BETTER))
    return ` A difference of up to ${isShare ? `${figureText(BETTER, 'share').replace(' %', '')} points` : figureText(BETTER, 'share')} is no reason to change the policy.`;
  return ` But ${policy} is what was asked for, or what needs least to meet all targets together.`;
}

/** What an operator who pays for bytes should know of a policy that is good at requests. */
function bytesSentence({ policy, policies, targets }: Plan): string {
  if (targets.some(({ name }) => name === 'byte-hit' || name === 'origin-bytes')) return '';
  const ratioOf = ({ report }: Plan['policies'][number]): number => byteHitRatioOf(report.all) ?? 0;
  const mine = policies.find(({ name }) => name === policy);
  const best = policies.toSorted((a, b) => ratioOf(b) - ratioOf(a))[0];
  if (mine === undefined || best === undefined || ratioOf(best) - ratioOf(mine) < 0.02) return '';
  const text = (rival: Plan['policies'][number]): string => figureText(ratioOf(rival), 'share');
  return ` In bytes ${best.name} is better, with a byte hit ratio of ${text(best)} instead of ${text(mine)}: add a target for byte-hit if that matters.`;
}

function diskSentence({ disk, chosen, memoryAlone }: Plan): string[] {
  if (disk === 'none') return [];
  if (disk === 'no-difference')
    return [
      `A disk makes no difference to the targets: ${sizesText(chosen.sizes)} meet them alone. It would keep the images across restarts.`,
    ];
  const { memoryHits, diskHits, requests } = chosen.report.all;
  const share = (hits: number): string => figureText(hits / Math.max(1, requests), 'share');
  const alone =
    memoryAlone === undefined ? '' : ` Without the disk it would take ${formatSize(memoryAlone)} of memory.`;
  return [`Of all requests memory answers ${share(memoryHits)} and the disk ${share(diskHits)}.${alone}`];
}

function costSentence({ prices, sensitivity }: Plan): string[] {
  const chosen = sensitivity.find(({ factor }) => factor === 1);
  if (chosen?.cost === undefined) return [];
  const { memory, disk, egress } = prices;
  const given = [
    memory === undefined ? '' : `memory at ${perGib(memory)}/GiB-month`,
    disk === undefined ? '' : `disk at ${perGib(disk)}/GiB-month`,
    egress === undefined
      ? ''
      : `what origins send at ${perGib(egress)}/GiB, as much as on the mean of the record`,
  ].filter((text) => text !== '');
  return [`That costs ${moneyText(chosen.cost)} a month: ${listed(given)}.`];
}

function cautions({ window, chosen, demand, ceiling, sensitivity, aims }: Plan): string[] {
  const said: string[] = gapCaution(demand);
  const missed = aims.filter((aim) => !isMet(aim, chosen.report));
  if (missed.length > 0)
    said.push(
      `Beware: that misses the ${listed(missed.map(targetText))} all the same, since more does not do better at every size here. Try another policy (--policy), or --exact.`,
    );
  if (window.requests < FEW_REQUESTS)
    said.push(
      `Beware: ${window.text} has only ${formatCount(window.requests)} requests, each of them ${figureText(1 / window.requests, 'share')} of the hit ratio. A longer window (--at) says more.`,
    );
  const { damage } = chosen.report.record;
  if (damage.length > 0)
    said.push(
      `Beware: not all of the record could be read: ${damage.join('; ')}. What is lost counts for nothing here.`,
    );
  const beforeMs = window.fromMs - demand.fromMs;
  const first = ceiling.all.missReasons.first / Math.max(1, ceiling.all.requests);
  if (beforeMs < window.toMs - window.fromMs && first > 0.01) {
    const begin = beforeMs <= 0 ? 'with an empty cache' : `only ${formatDuration(beforeMs)} after the record`;
    said.push(
      `Beware: ${window.text} begins ${begin}, so ${figureText(first, 'share')} of its requests are first ones that a cache which has run for longer would partly know, and more images would be in use then. The size is rather too small than too large.`,
    );
  }
  said.push(...fewKeys(chosen.report));
  const sampled = sensitivity[0]?.report.rate ?? 1;
  if (sampled < chosen.report.rate)
    said.push(
      `The tables below are estimates from ${shareOfKeys(sampled)} of the keys; what is chosen was replayed with all that the record has.`,
    );
  if (chosen.report.rate < 1)
    said.push(
      `The record has ${shareOfKeys(chosen.report.rate)} of the keys: all figures are estimates for all of them.`,
    );
  return said;
}

const GAP_MINUTES = 60 * 24 * 60;

/** Requests with a wrong time: a gap of sixty days or more that is most of the record. */
function gapCaution({ requests, fromMs }: Plan['demand']): string[] {
  const minutes = [...requests.keys()].sort((a, b) => a - b);
  let [from, to] = [0, 0];
  for (const [at, minute] of minutes.entries()) {
    const before = minutes[at - 1] ?? minute;
    if (minute - before > to - from) [from, to] = [before, minute];
  }
  if (to - from < Math.max(GAP_MINUTES, (minutes.at(-1) ?? 0) / 2)) return [];
  const day = (minute: number): string => new Date(fromMs + minute * 60_000).toISOString().slice(0, 10);
  return [
    `Beware: the record has nothing from ${day(from)} to ${day(to)}: some of its requests may have a wrong time. What egress costs is of the whole of that time; holdfast traffic slice leaves it out.`,
  ];
}

function shareOfKeys(rate: number): string {
  return `${Number((rate * 100).toPrecision(2))} %`;
}

/** `a`, `a and b`, `a, b and c`. */
function listed(texts: readonly string[]): string {
  return texts.length < 2 ? (texts[0] ?? '') : `${texts.slice(0, -1).join(', ')} and ${texts.at(-1)}`;
}
