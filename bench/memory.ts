/**
 * The memory benchmarks: what an object costs beyond its bytes, and whether the budget holds under churn.
 *
 *   npm run bench:memory -- [--budget 1GiB] [--seconds 60] [--inserts 2000] [--hits 500] [--objects 1000000]
 *                           [--only metadata,churn]
 *
 * Rewrites its section of bench/RESULTS.md when everything was measured. Installs wrk from Debian when it is missing and
 * this is root. Exit codes: 0 every limit kept, 1 one exceeded or a measurement failed, 2 unusable arguments or machine.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseSize } from '../src/base/units.ts';
import { measureChurn } from './memory/churn.ts';
import { type MemoryResult, measureMetadata } from './memory/metadata.ts';
import { requirePrograms } from './support/debian.ts';
import { describeRun, WRK } from './support/machine.ts';
import { writeSection } from './support/markdown.ts';
import { positiveInteger, someOf } from './support/options.ts';
import { startOrigin } from './support/servers.ts';
import { runBenchmark, Unusable, Workbench } from './support/workbench.ts';

const PARTS = ['metadata', 'churn'] as const;

function readOptions() {
  const { values } = parseArgs({
    options: {
      budget: { type: 'string', default: '1GiB' },
      seconds: { type: 'string', default: '60' },
      inserts: { type: 'string', default: '2000' },
      hits: { type: 'string', default: '500' },
      objects: { type: 'string', default: '1000000' },
      only: { type: 'string', default: PARTS.join(',') },
    },
  });
  const budget = parseSize(values.budget);
  if (!budget.ok) throw new Unusable(`--budget: ${budget.reason}; ${budget.remedy}`);
  return {
    parts: someOf('only', PARTS, values.only),
    objects: positiveInteger('objects', values.objects),
    churn: {
      budgetBytes: budget.value,
      seconds: positiveInteger('seconds', values.seconds),
      insertsPerSecond: positiveInteger('inserts', values.inserts),
      hitsPerSecond: positiveInteger('hits', values.hits),
    },
    command: `npm run bench:memory -- --budget ${values.budget} --seconds ${values.seconds} --inserts ${values.inserts} --hits ${values.hits} --objects ${values.objects}`,
  };
}

async function main(): Promise<boolean> {
  const options = readOptions();
  requirePrograms(['wrk', 'taskset']);
  const header = describeRun(options.command, [WRK]);
  const results: MemoryResult[] = [];
  const bench = new Workbench('memory');
  try {
    const origin = await startOrigin(bench);
    if (options.parts.includes('metadata'))
      results.push(await measureMetadata(bench, origin, options.objects));
    if (options.parts.includes('churn')) results.push(await measureChurn(bench, origin, options.churn));
  } finally {
    await bench.dispose();
  }
  const markdown = [header, ...results.map((result) => result.markdown)].join('\n\n');
  console.log(markdown);
  if (options.parts.length === PARTS.length) {
    writeSection(join(import.meta.dirname, 'RESULTS.md'), 'memory', `## Memory\n\n${markdown}`);
  }
  return results.every((result) => result.floorsMet);
}

await runBenchmark('memory', main);
