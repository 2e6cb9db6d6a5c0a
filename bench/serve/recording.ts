import { sizedPrefix } from '../support/bodies.ts';
import { table } from '../support/markdown.ts';
import { fillAndVerify, type HoldfastNode, type Origin, startHoldfast } from '../support/servers.ts';
import { median, roundRatios, spread } from '../support/stats.ts';
import type { Workbench } from '../support/workbench.ts';
import { type Round, runWrk } from '../support/wrk.ts';
import type { HitOptions, SectionResult } from './hits.ts';

/** What the traffic record costs a hit: two nodes, one with it and one without, on the same core in turn. */

const SIZES = [
  { label: '2 KB', bytes: 2_000 },
  { label: '30 KB', bytes: 30_000 },
] as const;
const URLS = 2_000;
const CACHE_MIB = 1024;
const WARM_UP_SECONDS = 3;
/** Most of a hit's processor time that recording may take: the goal, and what noise may add to it before it fails. */
const GOAL = 0.02;
const FLOOR = 0.04;

/** Each round is two nodes, in an order that changes from round to round: what drifts hits both. */
export async function measureRecording(
  bench: Workbench,
  origin: Origin,
  { rounds, seconds }: Pick<HitOptions, 'rounds' | 'seconds'>,
): Promise<SectionResult> {
  const nodes: HoldfastNode[] = [];
  for (const record of [false, true])
    nodes.push(await startHoldfast(bench, origin, { memory: `${CACHE_MIB}MiB`, accessLog: false, record }));
  const rows: string[][] = [];
  let floorsMet = true;
  for (const { label, bytes } of SIZES) {
    const prefix = sizedPrefix(bytes);
    const load = (node: HoldfastNode, duration: number): Promise<Round> =>
      runWrk(bench, node.port, node.child.pid, { mode: 'cycle', prefix, count: URLS, seconds: duration });
    for (const node of nodes) {
      await fillAndVerify(node, origin, prefix, URLS);
      await load(node, WARM_UP_SECONDS);
    }
    const samples: [Round[], Round[]] = [[], []];
    for (let round = 0; round < rounds; round += 1) {
      for (const which of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
        const sample = await load(nodes[which]!, seconds);
        samples[which].push(sample);
        const mode = which === 0 ? 'off' : 'on ';
        console.error(`recording ${label} round ${round + 1} ${mode} ${sample.cpuUs.toFixed(3)} us/request`);
      }
    }
    const cpu = samples.map((each) => each.map(({ cpuUs }) => cpuUs));
    const cost = median(roundRatios(cpu[1]!, cpu[0]!)) - 1;
    if (cost > FLOOR) floorsMet = false;
    const text = (values: readonly number[]): string => {
      const { median: middle, min, max } = spread(values);
      return `${middle.toFixed(2)} (${min.toFixed(2)}-${max.toFixed(2)})`;
    };
    const verdict = cost <= GOAL ? 'goal met' : cost <= FLOOR ? 'above the goal' : 'TOO MUCH';
    rows.push([label, text(cpu[0]!), text(cpu[1]!), `${(100 * cost).toFixed(1)} %`, verdict]);
  }
  for (const node of nodes) await bench.stop(node.child);
  const markdown = [
    `Hits, ${URLS.toLocaleString('en')} URLs, 64 connections, one core for the server; no access log. All processor time of the node counts, also that of the`,
    'threads that compress and write. Medians of the rounds, minimum and maximum in brackets; the cost is the median of the ratios of neighbouring rounds.',
    '',
    table(['body', 'off, CPU us/request', 'on, CPU us/request', 'cost', 'at most 2 %'], rows),
  ].join('\n');
  return { markdown, floorsMet };
}
