import { TrafficRecorder } from '../../src/traffic/live/recorder.ts';
import { emptyRow } from '../../src/traffic/live/row-ring.ts';
import { encodeBlock } from '../../src/traffic/record/format.ts';
import { realClock } from '../../test/support/real-clock.ts';
import { sizedPrefix } from '../support/bodies.ts';
import { table } from '../support/markdown.ts';
import { fillAndVerify, type HoldfastNode, type Origin, startHoldfast } from '../support/servers.ts';
import { median, roundRatios, spread } from '../support/stats.ts';
import type { Workbench } from '../support/workbench.ts';
import { type Round, runWrk } from '../support/wrk.ts';
import type { HitOptions, SectionResult } from './hits.ts';

/**
 * What the traffic record costs a hit: two nodes with it and two without, on the same core in turn. Two of each, for two that are alike
 * differ by some percent, by what the memory of each happens to lie on; and those that are started later tend to be slower.
 */

const SIZES = [
  { label: '2 KB', bytes: 2_000 },
  { label: '30 KB', bytes: 30_000 },
] as const;
const URLS = 2_000;
const CACHE_MIB = 256;
/** Whether each node records, in the order of their start. */
const RECORDS = [false, true, true, false] as const;
const WARM_UP_SECONDS = 3;
/** Most of a hit's processor time that recording may take: the goal, and what noise may add to it before it fails. */
const GOAL = 0.02;
const FLOOR = 0.04;

/** Each round is all four, beginning with another one from round to round: what drifts hits both kinds. */
export async function measureRecording(
  bench: Workbench,
  origin: Origin,
  { rounds, seconds }: Pick<HitOptions, 'rounds' | 'seconds'>,
): Promise<SectionResult> {
  const nodes: HoldfastNode[] = [];
  for (const record of RECORDS)
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
    const cpu: [off: number[], on: number[]] = [[], []];
    for (let round = 0; round < rounds; round += 1) {
      const sums = [0, 0];
      for (let turn = 0; turn < nodes.length; turn += 1) {
        const which = (round + turn) % nodes.length;
        const { cpuUs } = await load(nodes[which]!, seconds);
        sums[RECORDS[which] ? 1 : 0]! += cpuUs / 2;
        const mode = RECORDS[which] ? 'on ' : 'off';
        console.error(`recording ${label} round ${round + 1} ${mode} ${cpuUs.toFixed(3)} us/request`);
      }
      cpu[0].push(sums[0]!);
      cpu[1].push(sums[1]!);
    }
    const cost = median(roundRatios(cpu[1], cpu[0])) - 1;
    if (cost > FLOOR) floorsMet = false;
    const text = (values: readonly number[]): string => {
      const { median: middle, min, max } = spread(values);
      return `${middle.toFixed(2)} (${min.toFixed(2)}-${max.toFixed(2)})`;
    };
    const verdict = cost <= GOAL ? 'goal met' : cost <= FLOOR ? 'above the goal' : 'TOO MUCH';
    rows.push([label, text(cpu[0]), text(cpu[1]), `${(100 * cost).toFixed(1)} %`, verdict]);
  }
  for (const node of nodes) await bench.stop(node.child);
  const rowNs = rowCostNs();
  const markdown = [
    `Hits, ${URLS.toLocaleString('en')} URLs, 64 connections, one core for the server; no access log; the means of two nodes of each kind. All processor time of the node counts, also that of the`,
    'threads that compress and write. Medians of the rounds, minimum and maximum in brackets; the cost is the median of the ratios of neighbouring rounds.',
    '',
    `By itself, without sockets, a row takes ${rowNs.toFixed(0)} ns from the hit to its compressed block: what the node does besides must be more than ${(rowNs / 20).toFixed(1)} us`,
    'a hit for that to be less than 2 %. The two ways differ by what a busy machine adds: two nodes that are alike differ by 2 to 5 % from run to run.',
    '',
    table(['body', 'off, CPU us/request', 'on, CPU us/request', 'cost', 'at most 2 %'], rows),
  ].join('\n');
  return { markdown, floorsMet };
}

/** Processor time of one row, in the process that measures: noted, handed out, encoded. The median of the later rounds. */
function rowCostNs(): number {
  const rows = 16_384;
  const recorder = new TrafficRecorder({
    clock: realClock,
    routeNames: () => ['images'],
    paths: false,
    onFault: (error) => {
      throw error;
    },
  });
  recorder.listen({ onBatch: (batch) => void encodeBlock(batch) });
  const row = emptyRow();
  const rounds: number[] = [];
  for (let round = 0; round < 60; round += 1) {
    const before = process.cpuUsage();
    for (let i = 0; i < rows; i += 1) {
      const key = (i * 7919) % URLS;
      row.atMs = recorder.stamp(round * 1000 + i / 100);
      row.keyLo = Math.imul(key, 0x9e37_79b1) >>> 0;
      row.keyHi = Math.imul(key, 0x85eb_ca6b) >>> 0;
      row.bodyBytes = 2_000 + key;
      row.besideBytes = 300;
      row.status = 200;
      row.freshUntilS = 3600;
      row.revalidateUntilS = 3600;
      row.errorUntilS = 3600;
      recorder.hit(row);
    }
    recorder.drain();
    const { user, system } = process.cpuUsage(before);
    if (round >= 20) rounds.push(((user + system) * 1000) / rows);
  }
  return median(rounds);
}
