import { formatCount } from '../../base/units.ts';
import type { RecordInfo } from '../../traffic/record.ts';
import type { OriginReport, SimulationReport } from '../report.ts';
import type { Gaps } from './rows.ts';
import type { NodeRun } from './run.ts';
import type { Sampling } from './sampling.ts';

/** What the reports of one replay have in common. */
export interface About {
  readonly record: RecordInfo;
  readonly start: 'cold' | 'warm';
  /** Names, by number. */
  readonly routes: readonly string[];
  readonly gaps: Gaps;
  readonly sampling: Sampling;
  /** Different keys that were replayed. */
  readonly keys: number;
  /** Of the time that counts, in seconds. */
  readonly lengthS: number;
}

/** What one node came to. */
export function reportOf(run: NodeRun, about: About): SimulationReport {
  const { tally, tiers, path } = run;
  const { sampling, routes, lengthS } = about;
  const scale = 1 / sampling.rate;
  const { disk } = tiers;
  const sides = [...path.originsByName];
  const origins: Record<string, OriginReport> = {};
  for (const [name, side] of sides) origins[name] = side.report(lengthS, scale);
  const hasQueue = sides.some(([, side]) => side.hasQueue);
  return {
    name: run.node.name,
    record: about.record,
    start: about.start,
    rate: sampling.rate,
    keys: about.keys,
    all: tally.counts(undefined, scale, sampling.correction),
    routes: Object.fromEntries(
      routes.map((name, route) => [name, tally.counts(route, scale, sampling.correction)]),
    ),
    memory: tiers.stats.report(tiers.levels, run.memoryBefore, tiers.counts, scale),
    disk:
      disk === undefined ? undefined : disk.stats.report(disk.levels, run.diskBefore!, disk.counts, scale),
    origins,
    origin: path.load.report(lengthS, scale, hasQueue),
    minutes: tally.minutes(scale, sampling.minuteCorrections),
    assumptions: assumptionsOf(about, run),
  };
}

function unknownRoutes(recorded: readonly string[], { routes }: NodeRun['node']): string[] {
  const unknown = recorded.filter((name) => !routes.has(name));
  const other = [...routes.keys()].at(-1);
  if (unknown.length === 0 || other === undefined) return [];
  const names = unknown.slice(0, 5).map((name) => `"${name}"`);
  const more = unknown.length > 5 ? ` and ${unknown.length - 5} more` : '';
  return [
    `The configuration has no route ${names.join(', ')}${more} of the record: the rules of "${other}", its last one, stand for ${unknown.length === 1 ? 'it' : 'them'}.`,
  ];
}

function assumptionsOf({ gaps, sampling, routes }: About, { node }: NodeRun): string[] {
  const said: string[] = [...(node.departures ?? []), ...unknownRoutes(routes, node)];
  const say = (count: number, sentence: (times: string) => string): void => {
    if (count > 0) said.push(sentence(`${formatCount(count)} ${count === 1 ? 'request' : 'requests'}`));
  };
  say(
    gaps.unknownLives,
    (times) =>
      `The record does not say for how long the responses of ${times} are good: they have the default of their route, or else a day, and can be validated.`,
  );
  say(
    gaps.appliedLives,
    (times) =>
      `What the origin stated is not known for the responses of ${times}: they keep the lifetimes that they had been given.`,
  );
  say(
    gaps.unknownOriginMs,
    (times) => `How long the origin takes is not known for ${times}: it answers at once.`,
  );
  say(
    gaps.unknownBeside,
    (times) => `Keys and heads of the responses of ${times} count 400 bytes: the record does not say.`,
  );
  say(
    gaps.unknownOriginals,
    (times) =>
      `The original is not in the record for ${times} of variants: its size is the median of its route.`,
  );
  say(gaps.refusedRows, (times) => `${times} were answered by the node itself, and are left out.`);
  const limited = [...node.origins.values()].some(({ connections }) => connections !== undefined);
  if (!sampling.isWhole && limited)
    said.push(
      'Only a share of the keys was replayed: queues at origins cannot be told from that, and nobody waits.',
    );
  return said;
}
