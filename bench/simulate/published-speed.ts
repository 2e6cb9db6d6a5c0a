import { seededRandom } from '../../src/base/random.ts';
import { KeySlots, NONE } from '../../src/simulate/key-slots.ts';
import { PUBLISHED_NAMES, type PublishedName, replayPublished } from '../../src/simulate/published/replay.ts';
import type { Trace } from '../../src/simulate/published/trace.ts';
import { table } from '../support/markdown.ts';
import { median } from '../support/stats.ts';
import { readTrace, uniqueBytes } from '../support/traces.ts';
import type { SectionResult } from './section.ts';

/** Requests per second that issue and documentation promise on recorded traces, in millions. */
const FLOORS: readonly (readonly [PublishedName, number])[] = [
  ['lru', 5],
  ['s3-fifo', 3],
];
const RECORDED = ['calgary_img', 'calgary_img_raw', 'nasa_19950801'];
const ROUNDS = 9;
/** Short traces are replayed as often as it takes to be timed well. */
const TIMED_MS_MIN = 40;
const MADE = { requests: 3_000_000, ranks: 1_000_000 };

interface Subject {
  readonly label: string;
  readonly name: PublishedName;
  /** Whether the keys are given as hashes, and numbered within the time. */
  readonly fromHashes: boolean;
}

interface Workload {
  readonly label: string;
  readonly trace: Trace;
  /** 64-bit hashes of the keys of each request. */
  readonly los: Uint32Array;
  readonly his: Uint32Array;
  readonly capacityBytes: number;
}

const SUBJECTS: readonly Subject[] = [
  ...PUBLISHED_NAMES.map((name) => ({ label: name, name, fromHashes: false })),
  ...FLOORS.map(([name]) => ({ label: `${name}, from hashes`, name, fromHashes: true })),
];

/** Raw replay speed of every published form, in one process and thread, rounds of all of them alternating. Some 30 s. */
export function measureThroughput(dir: string): SectionResult {
  const workloads = [
    ...RECORDED.map((name) => workload(name, readTrace(dir, name))),
    workload('made', madeTrace()),
  ];
  const speeds = workloads.map((one) => measure(one));
  const rows = SUBJECTS.map(({ label }, at) => [
    label,
    ...speeds.map(
      (columns) => `${median(columns[at]!).toFixed(1)} (${Math.max(...columns[at]!).toFixed(1)})`,
    ),
  ]);
  const missed = SUBJECTS.flatMap(({ label, name }, at) => {
    const floor = FLOORS.find(([floored]) => floored === name)?.[1] ?? 0;
    return RECORDED.filter((_, column) => median(speeds[column]![at]!) < floor).map(
      (trace) => `${label} on ${trace}`,
    );
  });
  const limits = FLOORS.map(([name, floor]) => `${floor} for ${name}`).join(', ');
  return {
    passed: missed.length === 0,
    markdown: [
      '### Throughput',
      `Million requests per second, median (best) of ${ROUNDS} rounds; caches of 10 % of the bytes of all objects, empty at the start. One thread; all policies take turns in one process, as in a comparison. The trace is in memory.`,
      'Its keys are numbered beforehand, as every second policy or size finds them; "from hashes" numbers 64-bit hashes of keys within the time, as the first one has to. That is what compares with the C reference, which hashes too, and does 7.7 (LRU) and 3.7 (S3-FIFO) on traces like the recorded ones.',
      `\`made\`: ${MADE.requests.toLocaleString('en')} requests by Zipf's law (exponent 1) for ${workloads.at(-1)!.trace.objects.toLocaleString('en')} objects.`,
      table(['policy', ...workloads.map(({ label }) => label)], rows),
      `Limit on the recorded traces: ${limits}: ${missed.length === 0 ? 'kept' : `NOT KEPT (${missed.join('; ')})`}.`,
    ].join('\n\n'),
  };
}

/** Rounds of all subjects on one trace; by subject, in millions of requests per second. */
function measure(one: Workload): number[][] {
  const speeds: number[][] = SUBJECTS.map(() => []);
  for (let round = 0; round < ROUNDS; round += 1)
    for (const [at, subject] of SUBJECTS.entries()) speeds[at]!.push(speedOf(subject, one));
  return speeds;
}

function speedOf({ name, fromHashes }: Subject, one: Workload): number {
  const { capacityBytes } = one;
  const begin = performance.now();
  let requests = 0;
  let tookMs = 0;
  while (tookMs < TIMED_MS_MIN) {
    replayPublished(name, fromHashes ? numbered(one) : one.trace, capacityBytes);
    requests += one.trace.keys.length;
    tookMs = performance.now() - begin;
  }
  return requests / tookMs / 1_000;
}

function numbered({ los, his, trace }: Workload): Trace {
  const slots = new KeySlots();
  const keys = new Uint32Array(los.length);
  for (let i = 0; i < keys.length; i += 1) {
    const found = slots.find(los[i]!, his[i]!);
    keys[i] = found === NONE ? slots.add(los[i]!, his[i]!) : found;
  }
  return { objects: slots.count, keys, sizes: trace.sizes };
}

function workload(label: string, trace: Trace): Workload {
  const random = seededRandom(1);
  const loOf = Uint32Array.from({ length: trace.objects }, () => random.u32());
  const hiOf = Uint32Array.from({ length: trace.objects }, () => random.u32());
  return {
    label,
    trace,
    los: trace.keys.map((key) => loOf[key]!),
    his: trace.keys.map((key) => hiOf[key]!),
    capacityBytes: Math.floor(uniqueBytes(trace) / 10),
  };
}

/** Requests for ranks by Zipf's law; sizes of 1 KB to 1 MB, small ones more often. */
function madeTrace(): Trace {
  const random = seededRandom(1);
  const keyOf = new Int32Array(MADE.ranks).fill(-1);
  const sizeOf: number[] = [];
  const keys = Uint32Array.from({ length: MADE.requests }, () => {
    const rank = Math.floor(MADE.ranks ** random.next()) - 1;
    if (keyOf[rank] === -1) keyOf[rank] = sizeOf.push(Math.round(1_000 ** (1 + random.next()))) - 1;
    return keyOf[rank]!;
  });
  return { objects: sizeOf.length, keys, sizes: keys.map((key) => sizeOf[key]!) };
}
