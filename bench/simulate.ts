/**
 * The simulator: is it exact, and how fast is it?
 *
 *   npm run bench:simulate -- [SECTION ...] [--traces DIR] [--write]
 *
 * Without names all sections run. DIR holds `reference.csv` (misses and missed bytes per trace, policy and cache size) and the
 * traces it names as `<trace>.csv.gz`. `--write` puts each section into bench/RESULTS.md. Exit codes: 0 all counts equal and
 * every limit kept, 1 a difference or a limit not kept, 2 unusable arguments or input.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { autoPolicy } from './simulate/auto.ts';
import { curves } from './simulate/curves.ts';
import { importSpeed } from './simulate/import.ts';
import { publishedForms } from './simulate/published.ts';
import { longReplay } from './simulate/replay.ts';
import type { Section } from './simulate/section.ts';
import { describeRun } from './support/machine.ts';
import { writeSection } from './support/markdown.ts';
import { runBenchmark, Unusable } from './support/workbench.ts';

const SECTIONS: ReadonlyMap<string, Section> = new Map([
  ['published', publishedForms],
  ['replay', longReplay],
  ['curves', curves],
  ['auto', autoPolicy],
  ['import', importSpeed],
]);

async function main(): Promise<boolean> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { traces: { type: 'string' }, write: { type: 'boolean', default: false } },
  });
  const names = positionals.length === 0 ? [...SECTIONS.keys()] : positionals;
  let passed = true;
  for (const name of names) {
    const section = SECTIONS.get(name);
    if (section === undefined)
      throw new Unusable(`there is no section "${name}"; there are: ${[...SECTIONS.keys()].join(', ')}`);
    const header = describeRun(`npm run bench:simulate -- ${name} --write`);
    const result = await section.run({ traces: values.traces });
    passed = passed && result.passed;
    const markdown = `## ${section.title}\n\n${header}\n\n${result.markdown}`;
    console.log(`${markdown}\n`);
    if (values.write) writeSection(join(import.meta.dirname, 'RESULTS.md'), `simulate-${name}`, markdown);
  }
  return passed;
}

await runBenchmark('simulate', main);
