/**
 * The serving benchmarks against nginx and Varnish: hits, misses, the cost of a hit as the cache grows,
 * what a second worker adds, how hits fare while images are encoded, and what the traffic record costs them.
 *
 *   npm run bench:serve -- [--rounds 5] [--seconds 3] [--only hits,misses,growth,workers,encoding] [--no-log]
 *
 * Installs nginx, Varnish and wrk from Debian when they are missing and this is root. Listens on loopback only, ends
 * what it started, and rewrites its section of bench/RESULTS.md when everything was measured; `encoding` and `recording` have sections of their own. Exit codes: 0 every floor
 * met, 1 one missed or a measurement failed, 2 unusable arguments or machine.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureEncoding } from './serve/encoding.ts';
import { measureGrowth } from './serve/growth.ts';
import { type HitOptions, measureHits } from './serve/hits.ts';
import { measureMisses } from './serve/misses.ts';
import { measureRecording } from './serve/recording.ts';
import { measureWorkers } from './serve/workers.ts';
import { requirePrograms } from './support/debian.ts';
import { describeRun, NGINX, VARNISH, WRK } from './support/machine.ts';
import { writeSection } from './support/markdown.ts';
import { positiveInteger, someOf } from './support/options.ts';
import { startOrigin } from './support/servers.ts';
import { runBenchmark, Workbench } from './support/workbench.ts';

const PARTS = ['hits', 'misses', 'growth', 'workers', 'encoding', 'recording'] as const;
/** What has to be measured for the section to be rewritten. */
const SERVING = PARTS.filter((part) => part !== 'encoding' && part !== 'recording');
type Part = (typeof PARTS)[number];

interface Options extends HitOptions {
  readonly parts: readonly Part[];
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '3' },
      only: { type: 'string', default: PARTS.join(',') },
      'no-log': { type: 'boolean', default: false },
    },
  });
  return {
    rounds: positiveInteger('rounds', values.rounds),
    seconds: positiveInteger('seconds', values.seconds),
    accessLog: !values['no-log'],
    parts: someOf('only', PARTS, values.only),
  };
}

const RESULTS = join(import.meta.dirname, 'RESULTS.md');

async function measureServing(bench: Workbench, options: Options): Promise<boolean> {
  const command = `npm run bench:serve -- --rounds ${options.rounds} --seconds ${options.seconds}`;
  const parts = [describeRun(command, [NGINX, VARNISH, WRK])];
  let floorsMet = true;
  const origin = await startOrigin(bench);
  if (options.parts.includes('hits')) {
    const hits = await measureHits(bench, origin, options);
    floorsMet = hits.floorsMet;
    parts.push(hits.markdown);
  }
  if (options.parts.includes('misses')) parts.push(await measureMisses(bench, origin, options));
  if (options.parts.includes('growth')) parts.push(await measureGrowth(bench));
  if (options.parts.includes('workers')) parts.push(await measureWorkers(bench, origin, options));
  const markdown = parts.join('\n\n');
  console.log(markdown);
  // A partial run is for looking at: it would take the other figures out of the file.
  if (SERVING.every((part) => options.parts.includes(part)) && options.accessLog) {
    writeSection(RESULTS, 'serve', `## Serving\n\n${markdown}`);
  }
  return floorsMet;
}

async function measureHitsUnderEncoding(bench: Workbench, options: Options): Promise<boolean> {
  const { rounds, seconds } = options;
  const command = `npm run bench:serve -- --only encoding --rounds ${rounds} --seconds ${seconds}`;
  const machine = describeRun(command, [WRK]);
  const { markdown, floorsMet } = await measureEncoding(bench, options);
  const section = `## Hits while images are encoded\n\n${machine}\n\n${markdown}`;
  console.log(section);
  writeSection(RESULTS, 'encoding', section);
  return floorsMet;
}

async function measureRecordingOfHits(bench: Workbench, options: Options): Promise<boolean> {
  const { rounds, seconds } = options;
  const command = `npm run bench:serve -- --only recording --rounds ${rounds} --seconds ${seconds}`;
  const machine = describeRun(command, [WRK]);
  const { markdown, floorsMet } = await measureRecording(bench, await startOrigin(bench), options);
  const section = `## What the traffic record costs a hit\n\n${machine}\n\n${markdown}`;
  console.log(section);
  writeSection(RESULTS, 'recording', section);
  return floorsMet;
}

async function main(): Promise<boolean> {
  const options = readOptions();
  const isServing = SERVING.some((part) => options.parts.includes(part));
  requirePrograms([...(isServing ? ['nginx', 'varnishd'] : []), 'wrk', 'taskset']);
  const bench = new Workbench('serve');
  try {
    let floorsMet = true;
    if (isServing) floorsMet = await measureServing(bench, options);
    if (options.parts.includes('encoding')) {
      floorsMet = (await measureHitsUnderEncoding(bench, options)) && floorsMet;
    }
    if (options.parts.includes('recording')) {
      floorsMet = (await measureRecordingOfHits(bench, options)) && floorsMet;
    }
    return floorsMet;
  } finally {
    await bench.dispose();
  }
}

await runBenchmark('serve', main);
