/**
 * The serving benchmarks against nginx and Varnish: hits, misses, the cost of a hit as the cache grows,
 * and what a second worker adds.
 *
 *   npm run bench:serve -- [--rounds 5] [--seconds 3] [--only hits,misses,growth,workers] [--no-log]
 *
 * Installs nginx, Varnish and wrk from Debian when they are missing and this is root. Listens on loopback only, ends
 * what it started, and rewrites its section of bench/RESULTS.md when everything was measured. Exit codes: 0 every floor
 * met, 1 one missed or a measurement failed, 2 unusable arguments or machine.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureGrowth } from './serve/growth.ts';
import { type HitOptions, measureHits } from './serve/hits.ts';
import { measureMisses } from './serve/misses.ts';
import { measureWorkers } from './serve/workers.ts';
import { requirePrograms } from './support/debian.ts';
import { describeRun, NGINX, VARNISH, WRK } from './support/machine.ts';
import { writeSection } from './support/markdown.ts';
import { positiveInteger, someOf } from './support/options.ts';
import { startOrigin } from './support/servers.ts';
import { runBenchmark, Workbench } from './support/workbench.ts';

const PARTS = ['hits', 'misses', 'growth', 'workers'] as const;
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

async function main(): Promise<boolean> {
  const options = readOptions();
  requirePrograms(['nginx', 'varnishd', 'wrk', 'taskset']);
  const command = `npm run bench:serve -- --rounds ${options.rounds} --seconds ${options.seconds}`;
  const parts = [describeRun(command, [NGINX, VARNISH, WRK])];
  const bench = new Workbench('serve');
  let floorsMet = true;
  try {
    const origin = await startOrigin(bench);
    if (options.parts.includes('hits')) {
      const hits = await measureHits(bench, origin, options);
      floorsMet = hits.floorsMet;
      parts.push(hits.markdown);
    }
    if (options.parts.includes('misses')) parts.push(await measureMisses(bench, origin, options));
    if (options.parts.includes('growth')) parts.push(await measureGrowth(bench));
    if (options.parts.includes('workers')) parts.push(await measureWorkers(bench, origin, options));
  } finally {
    await bench.dispose();
  }
  const markdown = parts.join('\n\n');
  console.log(markdown);
  // A partial run is for looking at: it would take the other figures out of the file.
  if (options.parts.length === PARTS.length && options.accessLog) {
    writeSection(join(import.meta.dirname, 'RESULTS.md'), 'serve', `## Serving\n\n${markdown}`);
  }
  return floorsMet;
}

await runBenchmark('serve', main);
