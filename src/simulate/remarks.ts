import { formatCount, formatDuration, formatSize } from '../base/units.ts';
import { figureText } from './figures.ts';
import type { SimulationReport, TierReport } from './report.ts';

/** Which requests were replayed, and how: one sentence or two. */
export function aboutRecord({ record, start, rate, all, minutes }: SimulationReport): string {
  const { name, fromMs, toMs, damage } = record;
  const keys = rate < 1 ? `${Number((rate * 100).toPrecision(3))} % of the keys, scaled up` : 'all keys';
  const span = `${formatDuration(toMs - fromMs)} from ${new Date(fromMs).toISOString().slice(0, 16)}Z on`;
  const counted =
    minutes.fromMs > fromMs
      ? `, counted from ${new Date(minutes.fromMs).toISOString().slice(0, 16)}Z on`
      : '';
  const begun = start === 'cold' ? 'an empty cache' : 'what a node held';
  const broken = damage.length === 0 ? '' : ` Not all of it could be read: ${damage.join('; ')}.`;
  return `${name}, ${span}${counted}: ${formatCount(all.requests)} requests, ${keys}, begun with ${begun}.${broken}`;
}

/**
 * What an operator should know of a replay before its tables: each a sentence.
 *
 * @param report of one configuration.
 */
export function remarksOn(report: SimulationReport): string[] {
  const { memory, disk, origin, start } = report;
  const said = [
    ...fewKeys(report),
    ...ofTime(report),
    ...ofTier('memory', memory),
    ...(disk === undefined ? [] : ofTier('disk', disk)),
  ];
  if (start === 'cold' && memory.filledMs === undefined && memory.evictions === 0)
    said.push(
      `The memory never filled: ${formatSize(memory.usedBytesMax)} of ${formatSize(memory.budgetBytes)} were used at the most. What a longer record would show of it is not known.`,
    );
  const refused = origin.queue?.refused ?? 0;
  if (refused > 0)
    said.push(`${formatCount(refused)} fetches were refused because the queue of their origin was full.`);
  return said;
}

/** A sample of so many keys is off by a point on average (docs/capacity.md); of fewer, by the square root more. */
const KEYS_ENOUGH = 16_000;
const KEYS_FEW = 2_000;

/** What a sample of few keys is worth, in a sentence; nothing where all keys were replayed, or enough of them. */
export function fewKeys({ rate, keys }: Pick<SimulationReport, 'rate' | 'keys'>): string[] {
  if (rate >= 1 || keys >= KEYS_ENOUGH) return [];
  const points = Math.sqrt(KEYS_ENOUGH / Math.max(1, keys)).toPrecision(2);
  const only = `Beware: only ${formatCount(keys)} keys were replayed`;
  if (keys >= KEYS_FEW)
    return [
      `${only}: ratios are off by about ${points} points on average, and single ones by two to four times as much.`,
    ];
  return [
    `${only}, too few to decide anything by: ratios are off by some ${points} points on average, those of bytes and at single sizes by several times as much. Take a record with more of the keys (traffic.size), or of a longer time.`,
  ];
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** Records as long as this, most of whose time has no requests, hardly are what somebody meant to record. */
const LONG_MS = 60 * DAY_MS;

/** What is odd about the time of the requests that count, and what their rows over time are. */
function ofTime({ minutes: { requests, fromMs, stepMs } }: SimulationReport): string[] {
  const said: string[] = [];
  const spanMs = requests.length * stepMs;
  const gap = longestGap(requests);
  if (spanMs > LONG_MS && gap.rows > requests.length / 2) {
    const at = (row: number): string => new Date(fromMs + row * stepMs).toISOString().slice(0, 10);
    said.push(
      `Beware: the record spans ${formatDuration(spanMs)}, and has nothing from ${at(gap.from)} to ${at(gap.from + gap.rows)}: some of its requests may have a wrong time. All means over time count that gap; holdfast traffic slice, or --from and --to, leave it out.`,
    );
  }
  if (stepMs > MINUTE_MS)
    said.push(
      `The record is too long to be told by the minute: what stands here of the busiest minute of requests, and the pictures over time, are means of ${formatDuration(stepMs)}.`,
    );
  return said;
}

function longestGap(requests: Float64Array): { readonly from: number; readonly rows: number } {
  let longest = { from: 0, rows: 0 };
  let from = 0;
  for (let at = 0; at < requests.length; at += 1) {
    if (requests[at]! > 0) from = at + 1;
    else if (at + 1 - from > longest.rows) longest = { from, rows: at + 1 - from };
  }
  return longest;
}

function ofTier(name: string, tier: TierReport): string[] {
  const { prematureEvictions, refetchedBytes, evictionAgeS, usableS, refusals } = tier;
  const said: string[] = [];
  if (prematureEvictions >= 0.5) {
    const age =
      evictionAgeS === undefined || usableS === undefined
        ? ''
        : ` Half of what left was younger than ${figureText(evictionAgeS.p50 * 1000, 'age')}, and half of what is stored stays usable for ${figureText(usableS * 1000, 'age')}.`;
    said.push(
      `${formatCount(prematureEvictions)} evictions from ${name} were premature, and ${formatSize(refetchedBytes)} were fetched again for them: it is too small for this traffic.${age}`,
    );
  }
  const young = refusals.residency ?? 0;
  if (young >= 0.5)
    said.push(
      `${formatCount(young)} newcomers were kept out of ${name} because all else in it was too young to leave.`,
    );
  return said;
}
