import { join } from 'node:path';
import { formatSize } from '../../src/base/units.ts';
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
const WARM_UP_SECONDS = 10;
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
  const node = await startHoldfast(bench, origin, { memory: `${options.budgetBytes}B` });
  const client = (core: number, load: Partial<PacedLoad>): Promise<PacedResult> =>
    runClient(bench, node, core, load);
  const { client: clientCore, origin: originCore } = bench.cores;
  const inserts = { perSecond: options.insertsPerSecond, count: Number.MAX_SAFE_INTEGER, connections: 64 };
  await client(clientCore, { ...inserts, prefix: '/uncached', first: 1_000_000, seconds: WARM_UP_SECONDS });
  const baseBytes = await restingBytes(node);
  await fill(bench, node, options.budgetBytes);
  const hits = { perSecond: options.hitsPerSecond, count: HOT_OBJECTS, first: 0, connections: 32 };
  await client(clientCore, { ...hits, seconds: 5 }); // asked for often enough, they stay
  const quiet = await client(clientCore, { ...hits, seconds: QUIET_SECONDS });
  console.error(`churn: base ${formatSize(baseBytes)}, ${options.seconds} s begin`);
  const fetchedBefore = await origin.count();
  const { samples, results } = await sampled(node, [
    client(clientCore, { ...hits, seconds: options.seconds }),
    // Beside the origin, so that the client whose latency is measured has a core to itself.
    client(originCore, { ...inserts, first: 100_000_000, seconds: options.seconds }),
  ]);
  const insertsPerSecond = ((await origin.count()) - fetchedBefore) / options.seconds;
  const { removals } = (await statusOf(node)).memory;
  await bench.stop(node.child);
  const [churned] = results;
  return report(options, {
    baseBytes,
    samples,
    quiet,
    churned: churned!,
    insertsPerSecond,
    evictions: removals.room,
  });
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
  readonly baseBytes: number;
  readonly samples: readonly Sample[];
  readonly quiet: PacedResult;
  readonly churned: PacedResult;
  readonly insertsPerSecond: number;
  readonly evictions: number;
}

const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);

function report(options: ChurnOptions, measured: Measured): MemoryResult {
  const { baseBytes, samples, quiet, churned } = measured;
  const largestBytes = Math.max(...samples.map((sample) => sample.residentBytes));
  const limitBytes = options.budgetBytes * (1 + ALLOWANCE) + baseBytes;
  const floorsMet = largestBytes <= limitBytes;
  const overPercent = (100 * (largestBytes - baseBytes - options.budgetBytes)) / options.budgetBytes;
  const markdown = [
    `### ${options.seconds} s of churn`,
    '',
    `Budget ${formatSize(options.budgetBytes)}, full at the start. ${Math.round(measured.insertsPerSecond).toLocaleString('en')} objects of ${LEAST_BYTES / 1024} to ${MOST_BYTES / 1024} KiB per second were stored (wanted:`,
    `${options.insertsPerSecond.toLocaleString('en')}), ${measured.evictions.toLocaleString('en')} evicted in all, while another client asked ${options.hitsPerSecond} times per second for ${HOT_OBJECTS} objects.`,
    `Base, a node with an empty cache after ${WARM_UP_SECONDS} s of the same traffic on a route that does not cache: ${mib(baseBytes)} MiB.`,
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
    `Largest: ${mib(largestBytes)} MiB, ${overPercent.toFixed(1)} % ${overPercent >= 0 ? 'above' : 'below'} budget and base. Limit, budget + ${100 * ALLOWANCE} % + base: ${mib(limitBytes)} MiB: ${floorsMet ? 'kept' : 'EXCEEDED'}.`,
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
