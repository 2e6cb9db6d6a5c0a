import { join } from 'node:path';
import { formatSize } from '../../src/base/units.ts';
import { BASE_RESIDENT_BYTES } from '../../src/cli/startup.ts';
import { rangedPrefix } from '../support/bodies.ts';
import { table } from '../support/markdown.ts';
import { residentBytes } from '../support/proc.ts';
import { type HoldfastNode, type Origin, startHoldfast } from '../support/servers.ts';
import type { Workbench } from '../support/workbench.ts';
import { runWrk } from '../support/wrk.ts';
import type { MemoryResult } from './metadata.ts';
import type { PacedLoad, PacedResult } from './paced-client.ts';
import { restingBytes, statusOf } from './status.ts';

/** Resident memory and the latency of hits while a full cache stores and evicts at a fixed rate. */

export interface ChurnOptions {
  readonly budgetBytes: number;
  readonly seconds: number;
  readonly insertsPerSecond: number;
  readonly hitsPerSecond: number;
}

const LEAST_BYTES = 4 * 1024;
const MOST_BYTES = 56 * 1024;
/** What the client of hits asks for, again and again. */
const HOT_OBJECTS = 200;
const ALLOWANCE = 0.05;
const SMALLEST_BUDGET_BYTES = 4 * 2 ** 20;
const BASE_SECONDS = 20;
const QUIET_SECONDS = 10;
const SAMPLE_MS = 500;
const ROWS = 7;

interface Sample {
  readonly seconds: number;
  readonly residentBytes: number;
  readonly usedBytes: number;
  readonly heldBytes: number;
}

export async function measureChurn(
  bench: Workbench,
  origin: Origin,
  options: ChurnOptions,
): Promise<MemoryResult> {
  const base = await measureBase(bench, origin, options);
  console.error(`churn: base ${formatSize(base.restBytes)} at rest, ${formatSize(base.workBytes)} at work`);
  const node = await startHoldfast(bench, origin, { memory: `${options.budgetBytes}B` });
  await fill(bench, node, options.budgetBytes);
  const { client, origin: besideOrigin } = bench.cores;
  const hits = { perSecond: options.hitsPerSecond, count: HOT_OBJECTS, first: 0, connections: 32 };
  await runClient(bench, node, client, { ...hits, seconds: 5 }); // asked for often enough, they stay
  const quiet = await runClient(bench, node, client, { ...hits, seconds: QUIET_SECONDS });
  const fetchedBefore = await origin.count();
  const { samples, results } = await sampled(node, [
    runClient(bench, node, client, { ...hits, seconds: options.seconds }),
    // Beside the origin, so that the client whose latency is measured has a core to itself.
    runClient(bench, node, besideOrigin, insertsOf(options, 100_000_000, options.seconds)),
  ]);
  const insertsPerSecond = ((await origin.count()) - fetchedBefore) / options.seconds;
  const restBytes = await restingBytes(node);
  await bench.stop(node.child);
  return report(options, { base, restBytes, samples, quiet, churned: results[0]!, insertsPerSecond });
}

interface Base {
  /** After the traffic, when the runtime has given back what it could. */
  readonly restBytes: number;
  /** The most while there was traffic: with what the runtime had not collected yet. */
  readonly workBytes: number;
}

/** What the process takes without a cache: the same traffic at a node whose cache is as small as it can be, without that. */
async function measureBase(bench: Workbench, origin: Origin, options: ChurnOptions): Promise<Base> {
  const node = await startHoldfast(bench, origin, { memory: `${SMALLEST_BUDGET_BYTES}B` });
  const inserts = insertsOf(options, 1_000_000, BASE_SECONDS);
  const { samples } = await sampled(node, [runClient(bench, node, bench.cores.client, inserts)]);
  const held = samples.at(-1)!.heldBytes;
  const workBytes = Math.max(...samples.map((sample) => sample.residentBytes)) - held;
  const restBytes = (await restingBytes(node)) - held;
  await bench.stop(node.child);
  return { restBytes, workBytes };
}

function insertsOf(options: ChurnOptions, first: number, seconds: number): Partial<PacedLoad> {
  const count = Number.MAX_SAFE_INTEGER;
  return { perSecond: options.insertsPerSecond, count, connections: 64, first, seconds };
}

async function runClient(
  bench: Workbench,
  node: HoldfastNode,
  core: number,
  load: Partial<PacedLoad>,
): Promise<PacedResult> {
  const all = { port: node.port, prefix: '', leastBytes: LEAST_BYTES, mostBytes: MOST_BYTES, ...load };
  const script = join(import.meta.dirname, 'paced-client.ts');
  return JSON.parse(await bench.run([process.execPath, script, JSON.stringify(all)], core)) as PacedResult;
}

/** Fills the tier to the brim as fast as it goes. */
async function fill(bench: Workbench, node: HoldfastNode, budgetBytes: number): Promise<void> {
  const prefix = rangedPrefix(LEAST_BYTES, MOST_BYTES);
  for (let first = 10_000_000; ; first += 1_000_000) {
    await runWrk(bench, node.port, node.child.pid, { mode: 'rising', prefix, count: 0, first, seconds: 3 });
    const { usedBytes } = (await statusOf(node)).memory;
    console.error(`churn: ${formatSize(usedBytes)} of ${formatSize(budgetBytes)}`);
    if (usedBytes > 0.99 * budgetBytes) return;
  }
}

/** Samples the node's memory for as long as the clients run. */
async function sampled(
  node: HoldfastNode,
  clients: readonly Promise<PacedResult>[],
): Promise<{ samples: Sample[]; results: PacedResult[] }> {
  const samples: Sample[] = [];
  const startMs = performance.now();
  let running = true;
  const done = Promise.all(clients).finally(() => {
    running = false;
  });
  // A client that fails ends the sampling; its error is thrown by the last line.
  done.catch(() => undefined);
  while (running) {
    const { usedBytes, heldBytes } = (await statusOf(node)).memory;
    const seconds = (performance.now() - startMs) / 1000;
    samples.push({ seconds, residentBytes: residentBytes(node.child.pid), usedBytes, heldBytes });
    await Bun.sleep(SAMPLE_MS);
  }
  return { samples, results: await done };
}

interface Measured {
  readonly base: Base;
  /** Resident memory of the full node after the churn, at rest. */
  readonly restBytes: number;
  readonly samples: readonly Sample[];
  readonly quiet: PacedResult;
  readonly churned: PacedResult;
  readonly insertsPerSecond: number;
}

const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);

function report(options: ChurnOptions, measured: Measured): MemoryResult {
  const { base, samples, quiet, churned } = measured;
  const largestBytes = Math.max(...samples.map((sample) => sample.residentBytes));
  const limitBytes = options.budgetBytes * (1 + ALLOWANCE) + BASE_RESIDENT_BYTES;
  const floorsMet = largestBytes <= limitBytes;
  const overPercent =
    (100 * (largestBytes - BASE_RESIDENT_BYTES - options.budgetBytes)) / options.budgetBytes;
  const markdown = [
    `### ${options.seconds} s of churn`,
    '',
    `Budget ${formatSize(options.budgetBytes)}, full at the start. ${Math.round(measured.insertsPerSecond).toLocaleString('en')} objects of ${LEAST_BYTES / 1024} to ${MOST_BYTES / 1024} KiB per second were stored (wanted:`,
    `${options.insertsPerSecond.toLocaleString('en')}), each in place of another, while a second client asked ${options.hitsPerSecond} times per second for ${HOT_OBJECTS} objects.`,
    `The same inserts at a node with a cache of ${formatSize(SMALLEST_BUDGET_BYTES)} take, without that, ${mib(base.workBytes)} MiB at most while at work`,
    `(most of it garbage that the runtime has not collected), ${mib(base.restBytes)} MiB at rest.`,
    '',
    table(
      ['second', 'resident MiB', 'used MiB', 'segments MiB'],
      rowsOf(samples).map((sample) => [
        sample.seconds.toFixed(0),
        mib(sample.residentBytes),
        mib(sample.usedBytes),
        mib(sample.heldBytes),
      ]),
    ),
    '',
    `At rest afterwards: ${mib(measured.restBytes)} MiB. Largest: ${mib(largestBytes)} MiB, ${overPercent.toFixed(1)} % ${overPercent >= 0 ? 'above' : 'below'} budget and base. Limit, budget + ${100 * ALLOWANCE} % + the base of ${mib(BASE_RESIDENT_BYTES)} MiB that the node states when it starts: ${mib(limitBytes)} MiB: ${floorsMet ? 'kept' : 'EXCEEDED'}.`,
    '',
    'Latency of the hits in milliseconds, from when a request was due to its last byte. The last column is the longest',
    'time for which the measuring client itself was not run: maxima up to it may be its own.',
    '',
    table(
      ['', 'hits %', 'p50', 'p99', 'p99.9', 'max', 'client pause'],
      [latencyRow('without churn', quiet), latencyRow('during churn', churned)],
    ),
  ].join('\n');
  return { markdown, floorsMet };
}

function rowsOf(samples: readonly Sample[]): Sample[] {
  const last = samples.length - 1;
  return Array.from({ length: ROWS }, (_, i) => samples[Math.round((i * last) / (ROWS - 1))]!);
}

function latencyRow(name: string, result: PacedResult): string[] {
  const { p50Ms, p99Ms, p999Ms, maxMs, ownPauseMs } = result;
  return [
    name,
    ((100 * result.hits) / result.requests).toFixed(1),
    ...[p50Ms, p99Ms, p999Ms, maxMs, ownPauseMs].map((ms) => ms.toFixed(2)),
  ];
}
