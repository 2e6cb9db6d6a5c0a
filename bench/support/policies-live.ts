import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { seededRandom } from '../../src/base/random.ts';
import { Cache } from '../../src/cache/cache.ts';
import { type EntryFacts, METADATA_BYTES } from '../../src/cache/contract.ts';
import { NONE } from '../../src/cache/entries.ts';
import { type Favour, POLICY_NAMES, type PolicyName } from '../../src/policy/policy.ts';
import { parseTrace, type Trace } from '../../src/simulate/published/trace.ts';
import { table } from './markdown.ts';

/**
 * What the policies are worth for images: traces replayed through the live cache, with its charges (blocks of 128 bytes
 * at 132, a head and a key of 400 bytes, metadata), its largest object and its residency floor.
 */

/** A trace with the times of its requests. */
export interface TimedTrace extends Trace {
  readonly name: string;
  /** Seconds since the first request, one per request. */
  readonly timesS: Float64Array;
  /** Nine requests of ten are for something smaller. */
  readonly largeBytes: number;
}

interface Result {
  readonly missShare: number;
  /** Of the second half of the requests. */
  readonly lateMissShare: number;
  readonly lateByteMissShare: number;
  readonly byteMissShare: number;
  /** Of the requests for the largest tenth, by requests: those that missed. */
  readonly largeMissShare: number;
  readonly refused: number;
  readonly nsPerRequest: number;
}

const RECORD_BYTES_MORE = 400;
const OBJECT_BYTES_MAX = 32 * 1024 ** 2;
/** Sizes of caches, as shares of {@link uniqueBytes}. */
export const FRACTIONS = [0.001, 0.01, 0.05, 0.1, 0.25, 0.5];
const FLOORS_S = [0, 1, 5, 10, 60, 600];
/** Time of the first request, in seconds since the epoch. */
export const START_S = 1_000_000;

function chargeOf(sizeBytes: number): number {
  return Math.ceil((sizeBytes + RECORD_BYTES_MORE) / 128) * 132;
}

/** The largest object that is stored. */
export function objectBytesMaxOf(budgetBytes: number): number {
  return Math.min(OBJECT_BYTES_MAX, budgetBytes / 4);
}

/** All traces: those of the folder, and made ones. */
export function allTraces(dir: string): TimedTrace[] {
  return [
    ...['calgary_img_raw', 'nasa_19950801', 'web12'].map((name) => recorded(dir, name)),
    made('made', {}),
    made('made, scanned', { scanShare: 0.5 }),
    made('made, tiny scan', { scanShare: 0.5, scanBytes: 2_000 }),
    made('made, new season', { season: true }),
  ];
}

/** A file of the folder; objects of a trace without sizes weigh 20 KB each. */
export function recorded(dir: string, name: string): TimedTrace {
  const csv = gunzipSync(readFileSync(join(dir, `${name}.csv.gz`))).toString('utf8');
  const trace = parseTrace(csv);
  const timesS = Float64Array.from(csv.trim().split('\n').slice(1), (line) =>
    Number(line.slice(0, line.indexOf(','))),
  );
  const sized = trace.sizes.some((size) => size > 1);
  const sizes = sized ? trace.sizes : trace.sizes.map(() => 20_000);
  return { ...trace, name, timesS, sizes, largeBytes: ninetieth(sizes) };
}

interface Making {
  /** Share of the requests of a crawler, in two minutes out of six; each for an image that nobody asks for again. */
  readonly scanShare?: number;
  /** Size of what is crawled; as the others unless said. */
  readonly scanBytes?: number;
  /** From the middle on other images are asked for, and none of the former ones: a shop's new season. */
  readonly season?: boolean;
}

/**
 * Made traffic, 200 requests a second for 25 minutes: 30,000 images of 2 KB to some MB, asked for by Zipf's law (0.9); every 20
 * seconds a new one becomes the most popular and the others lose a rank.
 */
function made(name: string, { scanShare = 0, scanBytes, season = false }: Making): TimedTrace {
  const random = seededRandom(7);
  const [images, requests] = [30_000, 300_000];
  const weights = Float64Array.from({ length: images }, (_, rank) => 1 / (rank + 1) ** 0.9);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const cumulative = new Float64Array(images);
  weights.forEach((weight, rank) => {
    cumulative[rank] = (cumulative[rank - 1] ?? 0) + weight / total;
  });
  const sizeOf = (key: number): number => {
    if (key >= 2 * images && scanBytes !== undefined) return scanBytes;
    const dice = seededRandom(key + 1);
    const bell = dice.next() + dice.next() + dice.next() + dice.next() - 2;
    return Math.round(2_000 + 20_000 * Math.exp(bell * 2.2));
  };
  const keys = new Uint32Array(requests);
  const timesS = new Float64Array(requests);
  let crawled = 2 * images;
  for (let i = 0; i < requests; i += 1) {
    timesS[i] = i / 200;
    const crawling = timesS[i]! % 360 < 120;
    if (crawling && random.next() < scanShare) {
      keys[i] = crawled;
      crawled += 1;
      continue;
    }
    const dice = random.next();
    let [low, high] = [0, images - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (cumulative[middle]! < dice) low = middle + 1;
      else high = middle;
    }
    keys[i] = ((low + images - Math.floor(timesS[i]! / 20)) * 7919) % images;
    if (season && i > requests / 2) keys[i]! += images;
  }
  const objectSizes = Uint32Array.from({ length: crawled }, (_, key) => sizeOf(key));
  const sizes = keys.map((key) => objectSizes[key]!);
  return { name, keys, timesS, objects: crawled, sizes, largeBytes: ninetieth(sizes) };
}

function ninetieth(sizes: Uint32Array): number {
  return sizes.toSorted()[Math.floor(sizes.length * 0.9)]!;
}

/** Sum of the charges of all objects, each once, as it was first asked for. */
export function uniqueBytes(trace: Trace): number {
  const seen = new Uint8Array(trace.objects);
  let bytes = 0;
  trace.keys.forEach((key, i) => {
    if (seen[key] === 1) return;
    seen[key] = 1;
    bytes += chargeOf(trace.sizes[i]!) + METADATA_BYTES;
  });
  return bytes;
}

function factsOf(sizeBytes: number, nowS: number): EntryFacts {
  const until = 0xffff_ffff;
  return {
    route: 0,
    chargeBytes: chargeOf(sizeBytes),
    recordBytes: sizeBytes,
    keyBytes: 1,
    headBytes: 1,
    status: 200,
    bornS: nowS,
    freshUntilS: until,
    revalidateUntilS: until,
    errorUntilS: until,
    flags: 0,
  };
}

/**
 * One trace through one cache.
 *
 * @param more which misses a policy avoids that has a choice, and who is told before each request and may change the policy.
 */
export function replay(
  trace: TimedTrace,
  policy: PolicyName,
  budgetBytes: number,
  minResidencyS: number,
  more: { readonly favour?: Favour; readonly before?: (cache: Cache, at: number) => void } = {},
): Result {
  const { keys, sizes, timesS } = trace;
  const slotOf = new Int32Array(trace.objects).fill(NONE);
  const keyOf: number[] = [];
  const cache: Cache = new Cache({
    budgetBytes,
    minChargeBytes: 132,
    policy,
    favour: more.favour ?? 'balanced',
    routes: 1,
    ghosts: 0,
    room: { minResidencyS, pinnedRoutes: [], pinnedShare: 0 },
    bytes: {
      sameKey: () => true,
      chargeOf: (slot) => chargeOf(cache.entries.recordBytes(slot)),
      drop: (slot) => {
        slotOf[keyOf[slot]!] = NONE;
      },
    },
  });
  const objectBytesMax = objectBytesMaxOf(budgetBytes);
  const lateFrom = keys.length >>> 1;
  let [misses, missedBytes, bytes, refused, largeMisses] = [0, 0, 0, 0, 0];
  let [lateMisses, lateMissedBytes, lateBytes] = [0, 0, 0];
  const begin = process.cpuUsage().user;
  for (let i = 0; i < keys.length; i += 1) {
    const key = keys[i]!;
    const sizeBytes = sizes[i]!;
    more.before?.(cache, i);
    bytes += sizeBytes;
    if (i >= lateFrom) lateBytes += sizeBytes;
    const slot = slotOf[key]!;
    if (slot !== NONE) {
      cache.hit(slot);
      continue;
    }
    misses += 1;
    if (i >= lateFrom) {
      lateMisses += 1;
      lateMissedBytes += sizeBytes;
    }
    missedBytes += sizeBytes;
    if (sizeBytes >= trace.largeBytes) largeMisses += 1;
    if (sizeBytes > objectBytesMax) continue;
    const nowS = START_S + Math.floor(timesS[i]!);
    const hash = { lo: key, hi: 0 };
    const taken = cache.admit(hash, factsOf(sizeBytes, nowS), nowS);
    if (taken === NONE) {
      refused += 1;
      continue;
    }
    cache.publish(taken, hash);
    keyOf[taken] = key;
    slotOf[key] = taken;
  }
  const nsPerRequest = ((process.cpuUsage().user - begin) * 1e3) / keys.length;
  cache.check();
  const large = sizes.reduce((count, sizeBytes) => count + (sizeBytes >= trace.largeBytes ? 1 : 0), 0);
  return {
    missShare: misses / keys.length,
    lateMissShare: lateMisses / (keys.length - lateFrom),
    lateByteMissShare: lateMissedBytes / lateBytes,
    byteMissShare: missedBytes / bytes,
    largeMissShare: largeMisses / large,
    refused,
    nsPerRequest,
  };
}

const percent = (share: number): string => (100 * share).toFixed(1);
const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Sums of one policy over all rows. */
class Tally {
  readonly object: number[] = [];
  readonly byte: number[] = [];
  readonly large: number[] = [];
  readonly ns: number[] = [];
}

/** Misses and missed bytes of every policy, and what a residency floor costs, as Markdown. Some 10 s. */
export function comparePolicies(dir: string): string {
  const traces = allTraces(dir);
  const tallies = new Map(POLICY_NAMES.map((name) => [name, new Tally()]));
  const rows = traces.flatMap((trace) => FRACTIONS.map((fraction) => compared(trace, fraction, tallies)));
  const sums = [...tallies].map(([name, { object, byte, large, ns }]) => [
    name,
    ...[
      mean(object),
      Math.max(...object),
      mean(byte),
      Math.max(...byte),
      mean(object) + mean(byte),
      mean(large),
    ].map(percent),
    mean(ns).toFixed(0),
  ]);
  return [
    '### Misses in the live cache',
    'Misses / missed bytes in percent, without a residency floor; the least of each row is bold. Sizes are shares of the bytes of all objects.',
    table(['trace, size', ...POLICY_NAMES], rows),
    'Over all rows: percentage points above the best policy of the row (mean and worst; misses, bytes, and both means together), percent of the requests for the largest tenth that missed, and processor time.',
    table(
      ['policy', 'misses', 'worst', 'bytes', 'worst', 'together', 'large missed', 'ns per request'],
      sums,
    ),
    '### What a residency floor costs',
    'The default policy, greedy-dual: misses / missed bytes in percent, by the floor; and the newcomers that were refused, for the floor or because others are worth more.',
    compareFloors(traces.filter(({ name }) => !name.startsWith('calgary') && name !== 'web12')),
  ].join('\n\n');
}

function compared(trace: TimedTrace, fraction: number, tallies: ReadonlyMap<PolicyName, Tally>): string[] {
  const budgetBytes = Math.floor(uniqueBytes(trace) * fraction);
  const results = POLICY_NAMES.map((name) => replay(trace, name, budgetBytes, 0));
  const least = Math.min(...results.map((result) => result.missShare));
  const leastBytes = Math.min(...results.map((result) => result.byteMissShare));
  const bold = (share: number, best: number): string =>
    share === best ? `**${percent(share)}**` : percent(share);
  const cells = results.map((result, at) => {
    const tally = tallies.get(POLICY_NAMES[at]!)!;
    tally.object.push(result.missShare - least);
    tally.byte.push(result.byteMissShare - leastBytes);
    tally.large.push(result.largeMissShare);
    tally.ns.push(result.nsPerRequest);
    return `${bold(result.missShare, least)} / ${bold(result.byteMissShare, leastBytes)}`;
  });
  return [`${trace.name}, ${fraction * 100} %`, ...cells];
}

function compareFloors(traces: readonly TimedTrace[]): string {
  const rows = traces.flatMap((trace) =>
    FRACTIONS.slice(1, 4).map((fraction) => {
      const budgetBytes = Math.floor(uniqueBytes(trace) * fraction);
      const cells = FLOORS_S.map((floorS) => {
        const { missShare, byteMissShare, refused } = replay(trace, 'greedy-dual', budgetBytes, floorS);
        return `${percent(missShare)} / ${percent(byteMissShare)} (${refused.toLocaleString('en')})`;
      });
      return [`${trace.name}, ${fraction * 100} %`, ...cells];
    }),
  );
  return table(['trace, size', ...FLOORS_S.map((floorS) => `${floorS} s`)], rows);
}
