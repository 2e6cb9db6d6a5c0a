/**
 * Eviction policies: what they are worth in the live cache, and what they cost. That their published forms equal a
 * reference simulator is shown by `bench:simulate`.
 *
 *   npm run bench:policies -- [--traces DIR] [--write]
 *
 * DIR holds `reference.csv` (misses and missed bytes per trace, policy and cache size) and the traces it names as
 * `<trace>.csv.gz`. `--write` puts what they are worth into bench/RESULTS.md. Exit codes: 0 measured, 2 unusable input.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { seededRandom } from '../src/base/random.ts';
import { createPolicy } from '../src/policy/create.ts';
import { POLICY_NAMES, type PolicyName } from '../src/policy/policy.ts';
import { replay } from '../src/simulate/published/replay.ts';
import { describeRun } from './support/machine.ts';
import { writeSection } from './support/markdown.ts';
import { compareWithGoal } from './support/policies-goal.ts';
import { comparePolicies } from './support/policies-live.ts';
import { readReference, readTrace, tracesDir } from './support/traces.ts';
import { runBenchmark } from './support/workbench.ts';

const unpinned = (): boolean => false;
const left = (text: string | number, width: number): string => String(text).padEnd(width);
const right = (text: string | number, width: number): string => String(text).padStart(width);

/** What serving large objects from the main queue changes: live form against published form. */
function compareForms(dir: string): void {
  console.log('S3-FIFO with sizes: the live form against the published form\n');
  console.log(
    `${left('trace', 15)}${right('cache', 7)}${right('published %', 13)}${right('live %', 9)}` +
      `${right('bytes: published %', 20)}${right('live %', 9)}`,
  );
  for (const row of readReference(dir)) {
    if (row.policy !== 'S3FIFO' || !row.sized) continue;
    const trace = readTrace(dir, row.trace);
    const live = createPolicy('s3-fifo', { capacityBytes: row.capacityBytes, isPinned: unpinned });
    const got = replay(trace, live);
    const total = trace.sizes.reduce((bytes, size) => bytes + size, 0);
    const percent = (part: number, whole: number): string => ((100 * part) / whole).toFixed(2);
    console.log(
      `${left(row.trace, 15)}${right(`${row.fraction * 100} %`, 7)}` +
        `${right(percent(row.misses, row.requests), 13)}${right(percent(got.misses, row.requests), 9)}` +
        `${right(percent(row.missedBytes, total), 20)}${right(percent(got.missedBytes, total), 9)}`,
    );
  }
  console.log();
}

/** What the policies are worth; where it is asked for also into RESULTS.md. */
function showLive(dir: string, write: boolean): void {
  const header = describeRun('npm run bench:policies -- --write');
  const markdown = `${header}\n\n${comparePolicies(dir)}\n\n${compareWithGoal(dir)}`;
  console.log(markdown);
  if (write)
    writeSection(join(import.meta.dirname, 'RESULTS.md'), 'policies', `## Eviction policies\n\n${markdown}`);
}

/** Nanoseconds per hit and per insert-with-eviction of one policy holding `entries` entries; best of three. */
function operationCosts(name: PolicyName, entries: number): { hitNs: number; insertNs: number } {
  const random = seededRandom(1);
  const operations = 2_000_000;
  const ids = Uint32Array.from({ length: 1 << 16 }, () => Math.floor(random.next() * entries));
  const policy = createPolicy(name, { capacityBytes: entries, isPinned: unpinned, slots: entries + 1 });
  const victims: number[] = [];
  for (let id = 0; id < entries; id += 1) policy.admit(id, id, 1, victims);
  let hitNs = Number.POSITIVE_INFINITY;
  let insertNs = Number.POSITIVE_INFINITY;
  let fingerprint = entries;
  let spare = entries; // the one slot that is not resident
  for (let round = 0; round < 3; round += 1) {
    let begin = performance.now();
    for (let i = 0; i < operations; i += 1) {
      const id = ids[i & 0xffff]!;
      policy.hit(id === spare ? entries : id);
    }
    hitNs = Math.min(hitNs, ((performance.now() - begin) * 1e6) / operations);
    begin = performance.now();
    for (let i = 0; i < operations; i += 1) {
      policy.admit(spare, fingerprint, 1, victims);
      fingerprint += 1;
      spare = victims.pop() ?? spare; // unit sizes: one in, one out, unless it is declined
    }
    insertNs = Math.min(insertNs, ((performance.now() - begin) * 1e6) / operations);
  }
  return { hitNs, insertNs };
}

function showCosts(): void {
  const sizes = [1e3, 1e4, 1e5, 1e6];
  console.log(
    'Nanoseconds per operation, random hits, insert with one eviction (unit sizes, best of three).\n' +
      'All policies pass through the same call sites, as in a simulator.\n',
  );
  console.log(
    `${left('policy', 11)}${left('operation', 14)}${sizes.map((n) => right(n.toLocaleString('en'), 11)).join('')}`,
  );
  for (const name of POLICY_NAMES) {
    const costs = sizes.map((entries) => operationCosts(name, entries));
    const line = (label: string, pick: (c: { hitNs: number; insertNs: number }) => number): void =>
      console.log(
        `${left(name, 11)}${left(label, 14)}${costs.map((c) => right(pick(c).toFixed(1), 11)).join('')}`,
      );
    line('hit', (c) => c.hitNs);
    line('insert+evict', (c) => c.insertNs);
  }
}

async function main(): Promise<boolean> {
  const { values } = parseArgs({
    options: { traces: { type: 'string' }, write: { type: 'boolean', default: false } },
  });
  const dir = tracesDir(values.traces);
  compareForms(dir);
  showLive(dir, values.write);
  showCosts();
  return true;
}

await runBenchmark('policies', main);
