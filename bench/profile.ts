/**
 * Where the time of hits and misses goes: the share of the kernel, and the functions that take most of the rest.
 *
 *   npm run bench:profile -- [--seconds 5] [--top 12]
 *
 * Samples a real node under load for each kind of request; rewrites its section of bench/RESULTS.md. The profiler costs
 * some time itself, so requests per second are those of bench:serve, not of this.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { sizedPrefix } from './support/bodies.ts';
import { requirePrograms } from './support/debian.ts';
import { describeRun, WRK } from './support/machine.ts';
import { table, writeSection } from './support/markdown.ts';
import { positiveInteger } from './support/options.ts';
import { treeCpuMs, treeKernelMs } from './support/proc.ts';
import { fillAndVerify, type Origin, startHoldfast, startOrigin } from './support/servers.ts';
import { runBenchmark, Workbench } from './support/workbench.ts';
import { runWrk } from './support/wrk.ts';

interface Case {
  readonly title: string;
  readonly bytes: number;
  readonly mode: 'cycle' | 'rising';
}

const CASES: readonly Case[] = [
  { title: 'Hits of 2 KB', bytes: 2_000, mode: 'cycle' },
  { title: 'Hits of 30 KB', bytes: 30_000, mode: 'cycle' },
  { title: 'Hits of 200 KB', bytes: 200_000, mode: 'cycle' },
  { title: 'Misses of 30 KB', bytes: 30_000, mode: 'rising' },
];
const URLS = 2_000;
/** Misses count from here, above every URL that was filled. */
const FIRST_MISS = 1_000_000;

interface Options {
  readonly seconds: number;
  /** Functions shown of each case. */
  readonly top: number;
}

/** The format of V8's and Bun's `.cpuprofile` files, as far as it is read here. */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      readonly lineNumber: number;
    };
  }[];
  /** Node that was running at each sample. */
  readonly samples: readonly number[];
}

async function profileCase(bench: Workbench, origin: Origin, what: Case, options: Options): Promise<string> {
  const dir = bench.subdir(what.title.replaceAll(' ', '-'));
  const runtimeArgs = ['--cpu-prof', '--cpu-prof-dir', dir];
  const node = await startHoldfast(bench, origin, { memory: '1GiB', runtimeArgs });
  const { pid } = node.child;
  const prefix = sizedPrefix(what.bytes);
  await fillAndVerify(node, origin, prefix, URLS);
  const [cpuBeforeMs, kernelBeforeMs] = [treeCpuMs(pid), treeKernelMs(pid)];
  const load = { mode: what.mode, prefix, count: URLS, first: FIRST_MISS, seconds: options.seconds };
  await runWrk(bench, node.port, pid, load);
  const kernelShare = (treeKernelMs(pid) - kernelBeforeMs) / (treeCpuMs(pid) - cpuBeforeMs);
  await bench.stop(node.child);
  const file = readdirSync(dir).find((name) => name.endsWith('.cpuprofile'));
  if (file === undefined) throw new Error(`the runtime left no profile in ${dir}`);
  const profile = JSON.parse(readFileSync(join(dir, file), 'utf8')) as CpuProfile;
  return section(what.title, kernelShare, hottest(profile, options.top));
}

/** Functions by their own samples, in percent of all. */
function hottest(profile: CpuProfile, top: number): [name: string, percent: number][] {
  const names = new Map(
    profile.nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => {
      const place = url === '' ? '' : ` (${basename(url)}:${lineNumber + 1})`;
      return [id, `${functionName === '' ? 'anonymous' : functionName}${place}`];
    }),
  );
  const counts = new Map<string, number>();
  for (const id of profile.samples) {
    const name = names.get(id) ?? 'unknown';
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .slice(0, top)
    .map(([name, count]) => [name, (100 * count) / profile.samples.length]);
}

function section(title: string, kernelShare: number, functions: readonly [string, number][]): string {
  return [
    `### ${title}`,
    '',
    `${Math.round(100 * kernelShare)} % of the processor time is the kernel's. Samples by function:`,
    '',
    table(
      ['function', '% of samples'],
      functions.map(([name, percent]) => [name, percent.toFixed(1)]),
    ),
  ].join('\n');
}

async function main(): Promise<boolean> {
  const { values } = parseArgs({
    options: { seconds: { type: 'string', default: '5' }, top: { type: 'string', default: '12' } },
  });
  const seconds = positiveInteger('seconds', values.seconds);
  const top = positiveInteger('top', values.top);
  requirePrograms(['wrk', 'taskset']);
  const parts = [describeRun(`npm run bench:profile -- --seconds ${seconds}`, [WRK])];
  const bench = new Workbench('profile');
  try {
    const origin = await startOrigin(bench);
    for (const what of CASES) parts.push(await profileCase(bench, origin, what, { seconds, top }));
  } finally {
    await bench.dispose();
  }
  const markdown = parts.join('\n\n');
  console.log(markdown);
  writeSection(join(import.meta.dirname, 'RESULTS.md'), 'profile', `## Where the time goes\n\n${markdown}`);
  return true;
}

await runBenchmark('profile', main);
