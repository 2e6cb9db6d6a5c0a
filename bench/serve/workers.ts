import { sizedPrefix } from '../support/bodies.ts';
import { table } from '../support/markdown.ts';
import { fillAndVerify, type HoldfastNode, type Origin, startHoldfast } from '../support/servers.ts';
import { median, roundRatios } from '../support/stats.ts';
import type { Workbench } from '../support/workbench.ts';
import { CONNECTIONS, runWrk } from '../support/wrk.ts';
import type { HitOptions } from './hits.ts';

/** Hits per second of one worker against two, both on the same two cores, with the load from the others. */

const SIZES = [
  { label: '2 KB', bytes: 2_000 },
  { label: '30 KB', bytes: 30_000 },
  { label: '200 KB', bytes: 200_000 },
] as const;
const URLS = 2_000;

interface Sample {
  readonly perSecond: number;
  /** Processor seconds of the node per second. */
  readonly cores: number;
  readonly cpuUs: number;
}
const CACHE_MIB = 1024;
const WARM_UP_SECONDS = 2;

/** @returns the section; a sentence where the machine has fewer than four cores. */
export async function measureWorkers(
  bench: Workbench,
  origin: Origin,
  { rounds, seconds, accessLog }: HitOptions,
): Promise<string> {
  const [a, b, ...clients] = bench.cores.all;
  if (clients.length < 2)
    return '### Workers\n\nNot measured: two cores for the node and two for the load are needed.';
  const nodes: HoldfastNode[] = [];
  for (const workers of [1, 2]) {
    nodes.push(
      await startHoldfast(bench, origin, {
        memory: `${CACHE_MIB}MiB`,
        accessLog,
        workers,
        cores: `${a},${b}`,
      }),
    );
  }
  const load = async (node: HoldfastNode, prefix: string, duration: number): Promise<Sample> => {
    const what = { mode: 'cycle', prefix, count: URLS, seconds: duration } as const;
    const both = await Promise.all(
      clients.slice(0, 2).map((core) => runWrk(bench, node.port, node.child.pid, what, core)),
    );
    const perSecond = both.reduce((sum, round) => sum + round.perSecond, 0);
    // Each saw all of the node's processor time, as both ran at once.
    const cores = both.reduce((sum, round) => sum + round.coreShare, 0) / both.length;
    return { perSecond, cores, cpuUs: (cores * 1e6) / perSecond };
  };
  const rows: string[][] = [];
  for (const { label, bytes } of SIZES) {
    const prefix = sizedPrefix(bytes);
    for (const node of nodes) {
      await fillAndVerify(node, origin, prefix, URLS);
      await load(node, prefix, WARM_UP_SECONDS);
    }
    const samples: Sample[][] = [[], []];
    for (let round = 0; round < rounds; round += 1) {
      for (const [i, node] of nodes.entries()) {
        const sample = await load(node, prefix, seconds);
        samples[i]!.push(sample);
        console.error(
          `workers ${label} round ${round + 1}: ${i + 1} serve ${Math.round(sample.perSecond)}/s, ` +
            `${sample.cpuUs.toFixed(2)} us/request`,
        );
      }
    }
    const of = (i: number, pick: (sample: Sample) => number): number[] => samples[i]!.map(pick);
    const ratio = median(
      roundRatios(
        of(1, (s) => s.perSecond),
        of(0, (s) => s.perSecond),
      ),
    );
    for (const i of [0, 1]) {
      rows.push([
        `${label}, ${i + 1}`,
        `${(median(of(i, (s) => s.perSecond)) / 1000).toFixed(1)}k`,
        median(of(i, (s) => s.cores)).toFixed(2),
        median(of(i, (s) => s.cpuUs)).toFixed(1),
        i === 0 ? '' : ratio.toFixed(2),
      ]);
    }
  }
  for (const node of nodes) await bench.stop(node.child);
  return [
    '### Workers',
    '',
    `Hits of a node with one worker and of one with two, on the same two cores; ${2 * CONNECTIONS} connections from two clients on two`,
    'other cores. Medians of the rounds. Where "cores" is well below the workers, clients or other work on the machine were the limit,',
    'and the ratio is a lower bound; processor time for each request then says how a hit scales.',
    '',
    table(['body, workers', 'requests/s', 'cores', 'CPU us/request', 'ratio'], rows),
  ].join('\n');
}
