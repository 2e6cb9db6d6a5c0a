/**
 * Eviction policies: exact agreement with a C reference simulator, what they are worth in the live cache, and speed.
 *
 *   bun bench/policies.ts [--traces DIR] [--write]
 *
 * DIR holds `reference.csv` (misses and missed bytes per trace, policy and cache size) and the traces it names as
 * `<trace>.csv.gz`. Exit codes: 0 all counts equal, 1 a difference, 2 unusable input.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { seededRandom } from '../src/base/random.ts';
import { createPolicy } from '../src/policy/create.ts';
import { POLICY_NAMES, type PolicyName } from '../src/policy/policy.ts';
import { replayPublished, type Trace, unitSized } from '../src/policy/replay.ts';
import { describeRun } from './support/machine.ts';
import { writeSection } from './support/markdown.ts';
import { compareWithGoal } from './support/policies-goal.ts';
import { comparePolicies } from './support/policies-live.ts';
import { type ReferenceRow, readReference, readTrace } from './support/policies-reference.ts';

/** The reference's names for our policies. */
const REFERENCE_NAMES: Readonly<Record<string, PolicyName>> = {
  LRU: 'lru',
  FIFO: 'fifo',
  SIEVE: 'sieve',
  S3FIFO: 's3-fifo',
  GDSF: 'gdsf',
};

/** A row of the reference that one of our policies has to equal. */
type Row = ReferenceRow & { readonly ours: PolicyName };

const unpinned = (): boolean => false;

function unusable(problem: string): never {
  console.error(`bench/policies: ${problem}`);
  process.exit(2);
}

function tracesDir(args: readonly string[]): string {
  const at = args.indexOf('--traces');
  const given = at === -1 ? undefined : args[at + 1];
  if (at !== -1 && given === undefined) unusable('--traces needs a folder');
  const dir = given ?? resolve(import.meta.dirname, '../../shared/data/traces');
  const reference = join(dir, 'reference.csv');
  if (existsSync(reference)) return dir;
  return unusable(`${reference} is missing. Name the folder with the traces: --traces DIR`);
}

function ourRows(dir: string): Row[] {
  return readReference(dir).flatMap((row) => {
    const ours = REFERENCE_NAMES[row.policy];
    return ours === undefined ? [] : [{ ...row, ours }];
  });
}

/** Million requests per second over all repetitions until `atLeastMs` have passed, each on an empty policy. */
function replaySpeed(trace: Trace, row: Row, atLeastMs: number): number {
  let requests = 0;
  const begin = performance.now();
  let tookMs = 0;
  while (tookMs < atLeastMs) {
    const policy = createPolicy(row.ours, {
      capacityBytes: row.capacityBytes,
      isPinned: unpinned,
      form: 'published',
      slots: trace.objects,
    });
    replayPublished(trace, policy);
    requests += trace.keys.length;
    tookMs = performance.now() - begin;
  }
  return requests / tookMs / 1_000;
}

const left = (text: string | number, width: number): string => String(text).padEnd(width);
const right = (text: string | number, width: number): string => String(text).padStart(width);

/** Replays every row of the reference; returns how many differ. */
function compareWithReference(dir: string): number {
  const rows = ourRows(dir);
  if (rows.length === 0) unusable('reference.csv has no row for any of our policies');
  console.log('Misses and missed bytes against the reference (published forms, empty at the start)\n');
  console.log(
    `${left('trace', 15)}${left('sizes', 7)}${left('policy', 9)}${right('cache', 7)}${right('misses', 9)}` +
      `${right('missed bytes', 15)}${right('miss %', 8)}${right('Mreq/s', 8)}  result`,
  );
  let differences = 0;
  let name = '';
  let sized: Trace | undefined;
  let units: Trace | undefined;
  for (const row of rows.toSorted(
    (a, b) => a.trace.localeCompare(b.trace) || Number(b.sized) - Number(a.sized),
  )) {
    if (row.trace !== name || sized === undefined || units === undefined) {
      name = row.trace;
      sized = readTrace(dir, name);
      units = unitSized(sized);
    }
    const trace = row.sized ? sized : units;
    const options = { capacityBytes: row.capacityBytes, isPinned: unpinned, slots: trace.objects };
    const policy = createPolicy(row.ours, { ...options, form: 'published' });
    const got = replayPublished(trace, policy);
    policy.check();
    const equal =
      trace.keys.length === row.requests && got.misses === row.misses && got.missedBytes === row.missedBytes;
    if (!equal) differences += 1;
    console.log(
      `${left(row.trace, 15)}${left(row.sized ? 'bytes' : 'unit', 7)}${left(row.ours, 9)}` +
        `${right(`${Number(row.fraction) * 100} %`, 7)}${right(got.misses, 9)}${right(got.missedBytes, 15)}` +
        `${right(((100 * got.misses) / row.requests).toFixed(2), 8)}` +
        `${right(replaySpeed(trace, row, 20).toFixed(1), 8)}  ` +
        (equal
          ? 'equal'
          : `DIFFERS: reference has ${row.requests} requests, ${row.misses}, ${row.missedBytes}`),
    );
  }
  console.log(`\n${rows.length - differences} of ${rows.length} rows equal the reference exactly.\n`);
  return differences;
}

/** What serving large objects from the main queue changes: live form against published form. */
function compareForms(dir: string): void {
  console.log('S3-FIFO with sizes: the live form against the published form\n');
  console.log(
    `${left('trace', 15)}${right('cache', 7)}${right('published %', 13)}${right('live %', 9)}` +
      `${right('bytes: published %', 20)}${right('live %', 9)}`,
  );
  for (const row of ourRows(dir)) {
    if (row.ours !== 's3-fifo' || !row.sized) continue;
    const trace = readTrace(dir, row.trace);
    const live = createPolicy('s3-fifo', { capacityBytes: row.capacityBytes, isPinned: unpinned });
    const got = replayPublished(trace, live);
    const total = trace.sizes.reduce((bytes, size) => bytes + size, 0);
    const percent = (part: number, whole: number): string => ((100 * part) / whole).toFixed(2);
    console.log(
      `${left(row.trace, 15)}${right(`${Number(row.fraction) * 100} %`, 7)}` +
        `${right(percent(row.misses, row.requests), 13)}${right(percent(got.misses, row.requests), 9)}` +
        `${right(percent(row.missedBytes, total), 20)}${right(percent(got.missedBytes, total), 9)}`,
    );
  }
  console.log();
}

/** What the policies are worth; with `--write` also into RESULTS.md. */
function showLive(dir: string): void {
  const header = describeRun('npm run bench:policies -- --write');
  const markdown = `${header}\n\n${comparePolicies(dir)}\n\n${compareWithGoal(dir)}`;
  console.log(markdown);
  if (process.argv.includes('--write'))
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

const dir = tracesDir(process.argv.slice(2));
const differences = compareWithReference(dir);
compareForms(dir);
showLive(dir);
showCosts();
process.exit(differences === 0 ? 0 : 1);
