/**
 * The origin is dead for ten minutes while traffic goes on: what clients get, with and without a disk.
 *
 *   npm run bench:outage
 *
 * In virtual time, with the parts of a node and the defaults of the configuration; a tenth of the bytes stands for all of them.
 * Rewrites its section of bench/RESULTS.md. Exit codes: 0; 1 when an image that was in a tier was not served.
 */
import { join } from 'node:path';
import { seededRandom } from '../src/base/random.ts';
import type { Received } from './outage/client.ts';
import { OutageNode } from './outage/node.ts';
import { OUTAGES, type Outage } from './outage/origin.ts';
import { describeRun } from './support/machine.ts';
import { table, writeSection } from './support/markdown.ts';

const IMAGES = 20_000;
const ZIPF = 0.9;
const SMALLEST_BYTES = 5_000;
const LARGEST_BYTES = 200_000;
/** Bytes that one byte here stands for. */
const SCALE = 10;
const MEMORY_SHARE = 0.1;
const DISK_SHARE = 0.6;
const REQUEST_MS = 20;
const WARM_MS = 3_600_000;
const OUTAGE_MS = 600_000;
/** After the outage, for what is still waiting. */
const REST_MS = 120_000;

/** What happened during an outage. */
interface Result {
  requests: number;
  /** Requests for images that were in a tier when they began, and those of them that were served whole. */
  known: number;
  knownServed: number;
  readonly served: Received[];
  /** Status and cause of what was not served. */
  readonly failed: Map<string, number>;
  originRequests: number;
}

interface Catalogue {
  readonly sizes: Float64Array;
  readonly totalBytes: number;
  /** Share of the requests that are for the first n images. */
  readonly cumulated: Float64Array;
}

function catalogue(): Catalogue {
  const random = seededRandom(7);
  const sizes = new Float64Array(IMAGES);
  const cumulated = new Float64Array(IMAGES);
  let totalBytes = 0;
  let weight = 0;
  for (let i = 0; i < IMAGES; i += 1) {
    sizes[i] = Math.round((SMALLEST_BYTES * (LARGEST_BYTES / SMALLEST_BYTES) ** random.next()) / SCALE);
    totalBytes += sizes[i]!;
    weight += 1 / (i + 1) ** ZIPF;
    cumulated[i] = weight;
  }
  return { sizes, totalBytes, cumulated: cumulated.map((sum) => sum / weight) };
}

function pick({ cumulated }: Catalogue, dice: number): number {
  let low = 0;
  let high = IMAGES - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (cumulated[middle]! < dice) low = middle + 1;
    else high = middle;
  }
  return low;
}

async function run(images: Catalogue, outage: Outage, hasDisk: boolean): Promise<Result> {
  const random = seededRandom(11);
  const node = await OutageNode.start({
    memoryBytes: Math.round(images.totalBytes * MEMORY_SHARE),
    diskBytes: hasDisk ? Math.round(images.totalBytes * DISK_SHARE) : 0,
    sizeOf: (target) => images.sizes[Number(target.slice(1))]!,
    largestBytes: LARGEST_BYTES / SCALE,
  });
  const target = (): string => `/${pick(images, random.next())}`;
  for (let ms = 0; ms < WARM_MS; ms += REQUEST_MS) {
    node.ask(target(), () => undefined);
    node.clock.advance(REQUEST_MS);
  }
  const result: Result = {
    requests: 0,
    known: 0,
    knownServed: 0,
    served: [],
    failed: new Map(),
    originRequests: 0,
  };
  node.origin.outage = outage;
  const before = node.origin.requests;
  for (let ms = 0; ms < OUTAGE_MS; ms += REQUEST_MS) {
    ask(node, target(), result);
    node.clock.advance(REQUEST_MS);
  }
  result.originRequests = node.origin.requests - before;
  node.clock.advance(REST_MS);
  return result;
}

function ask(node: OutageNode, target: string, result: Result): void {
  const isKnown = node.has(target);
  result.requests += 1;
  if (isKnown) result.known += 1;
  node.ask(target, (received) => {
    const isServed = received.status === 200 && received.isWhole;
    if (isServed) result.served.push(received);
    else {
      const what = `${received.isWhole ? received.status : 'cut off'} ${received.cause}`.trim();
      result.failed.set(what, (result.failed.get(what) ?? 0) + 1);
    }
    if (isKnown && isServed) result.knownServed += 1;
  });
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

function count(n: number): string {
  return n.toLocaleString('en');
}

function row(name: string, result: Result): string[] {
  const ages = result.served.flatMap(({ ageS }) => ageS ?? []);
  const waits = result.served.map(({ waitedMs }) => waitedMs);
  return [
    name,
    count(result.known),
    `${((100 * result.knownServed) / result.known).toFixed(2)} %`,
    [0.5, 0.99, 1].map((share) => quantile(ages, share)).join(' / '),
    [0.5, 0.99].map((share) => quantile(waits, share).toFixed(0)).join(' / '),
    count(result.requests - result.served.length),
    (result.originRequests / (OUTAGE_MS / 1_000)).toFixed(1),
  ];
}

function failures({ failed }: Result): string {
  const sorted = [...failed].sort(([, a], [, b]) => b - a);
  return sorted.map(([what, times]) => `${what}: ${count(times)}`).join('; ');
}

const images = catalogue();
const rows: string[][] = [];
const others: string[] = [];
let isEverythingServed = true;
for (const hasDisk of [false, true]) {
  for (const outage of OUTAGES) {
    const result = await run(images, outage, hasDisk);
    const name = `${hasDisk ? 'disk' : 'memory alone'}, ${outage}`;
    rows.push(row(name, result));
    others.push(`- ${name}: ${failures(result)}`);
    isEverythingServed &&= result.known === result.knownServed;
    console.log(rows.at(-1)!.join(' | '));
  }
}
const header = [
  'origin',
  'asked for what is here',
  'of it served',
  'age of what was served, p50 / p99 / max (s)',
  'wait, p50 / p99 (ms)',
  'not served',
  'origin requests/s',
];
const text = `## The origin dead for ten minutes

${describeRun('npm run bench:outage')}

${count(IMAGES)} images of 5 to 200 KB, Zipf ${ZIPF}, ${1_000 / REQUEST_MS} requests/s in virtual time, fresh for five minutes; memory for
${MEMORY_SHARE * 100} % of the bytes, the disk for ${DISK_SHARE * 100} %. After an hour the origin is out of order for ten minutes
(${count(OUTAGE_MS / REQUEST_MS)} requests). *Here* is what was in a tier when it was asked for. Everything else is by default.

${table(header, rows)}

What the others got, all of them for images that were in no tier:

${others.join('\n')}`;
writeSection(join(import.meta.dirname, 'RESULTS.md'), 'outage', text);
if (!isEverythingServed) {
  console.error('bench/outage: an image that was in a tier was not served');
  process.exitCode = 1;
}
