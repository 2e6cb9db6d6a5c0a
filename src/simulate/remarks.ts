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
  const said = [...ofTier('memory', memory), ...(disk === undefined ? [] : ofTier('disk', disk))];
  if (start === 'cold' && memory.filledMs === undefined && memory.evictions === 0)
    said.push(
      `The memory never filled: ${formatSize(memory.usedBytesMax)} of ${formatSize(memory.budgetBytes)} were used at the most. What a longer record would show of it is not known.`,
    );
  const refused = origin.queue?.refused ?? 0;
  if (refused > 0)
    said.push(`${formatCount(refused)} fetches were refused because the queue of their origin was full.`);
  return said;
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
