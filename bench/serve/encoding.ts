import { join } from 'node:path';
import { type ImageNode, startImageNode, startPictures } from '../images/node.ts';
import { makePictures, PICTURES } from '../images/pictures.ts';
import { table } from '../support/markdown.ts';
import { watchOthers } from '../support/proc.ts';
import { median, roundRatios, spread } from '../support/stats.ts';
import type { Workbench } from '../support/workbench.ts';
import { type Round, runWrk } from '../support/wrk.ts';
import type { EncodeLoad, EncodeResult } from './encode-client.ts';
import type { HitOptions, SectionResult } from './hits.ts';

/** The latency of hits at a steady rate, while nothing else happens and while the node encodes at full tilt. */

/** Most that p99 may be, as a multiple of that of the idle node. */
const LIMIT = 2;
/** Share of what the node can serve at most. */
const LOAD_SHARE = 0.3;
/** So many that each waits long between two requests: a stall then meets as many as would have come in that time. */
const CONNECTIONS = 512;
/** Under way at the encoders, for each core of the node: some are always waiting. */
const ENCODES_PER_CORE = 4;
/** Before and after the hits, for which encoders are busy too. */
const MARGIN_SECONDS = 1;
const CACHE_MIB = 512;
/** Most that others may use of the machine, in cores, for a round to count; and how often rounds are tried, for each that is to. */
const OTHERS_MAX = 0.25;
const TRIES = 4;
const REST_SECONDS = 5;
/** What is hit: the widths 70 to 79 and 710 to 789 of one picture. No more than one original's variants may be, by default. */
const HOT_PATH = '/photo-00.jpg';
const HOT = { prefix: `${HOT_PATH}?fm=webp&q=75&w=7`, count: 90 };

interface Run {
  readonly bench: Workbench;
  readonly node: ImageNode;
  /** Of the originals that new variants are asked of. */
  readonly paths: readonly string[];
  readonly nodeCores: readonly number[];
  readonly seconds: number;
  /** Hits per second that the node can serve. */
  readonly capacity: number;
}

/** @throws Error when a request fails, or when what should be a hit is none. */
export async function measureEncoding(bench: Workbench, options: HitOptions): Promise<SectionResult> {
  const nodeCores = bench.cores.all.slice(0, -1);
  const cores = nodeCores.join(',');
  const pictures = await makePictures(PICTURES);
  const originPort = await startPictures(bench, PICTURES, cores);
  const node = await startImageNode(bench, originPort, { cores, cacheMib: CACHE_MIB });
  const meanBytes = await fetchHot(node);
  const { perSecond: capacity } = await wrk(bench, node, 2, 0);
  const photos = pictures.filter(({ kind }) => kind === 'photo').map(({ name }) => `/${name}`);
  const paths = photos.filter((path) => path !== HOT_PATH); // its variants have a budget of their own
  const run: Run = { bench, node, paths, nodeCores, seconds: options.seconds, capacity };
  const idle: Round[] = [];
  const busy: Round[] = [];
  const variantsPerSecond: number[] = [];
  let first = 0;
  let tries = 0;
  while (idle.length < options.rounds) {
    if (tries++ === TRIES * options.rounds) throw new Error('other work on this machine left too few rounds');
    const endWatch = watchOthers();
    const before = await hits(run);
    const [{ variants }, during] = await Promise.all([
      encode(run, first),
      Bun.sleep(MARGIN_SECONDS * 1000).then(() => hits(run)),
    ]);
    const others = endWatch();
    first += variants + ENCODES_PER_CORE * nodeCores.length;
    console.error(
      `encoding: idle ${say(before)}; encoding ${say(during)}, ${variants} variants; others ${others.toFixed(2)} cores`,
    );
    if (others > OTHERS_MAX) {
      await Bun.sleep(REST_SECONDS * 1000);
      continue;
    }
    idle.push(before);
    busy.push(during);
    variantsPerSecond.push(variants / encodeSeconds(run));
  }
  // Had one of them been evicted, some of the latencies were those of misses.
  await fetchHot(node, true);
  await bench.stop(node.child);
  return report(run, meanBytes, { idle, busy, variantsPerSecond, leftOut: tries - idle.length });
}

const say = ({ p50Ms, p99Ms, perSecond, coreShare }: Round): string =>
  `p50 ${p50Ms.toFixed(3)}, p99 ${p99Ms.toFixed(3)} ms at ${Math.round(perSecond)}/s, ${coreShare.toFixed(2)} cores`;

/** Asks for every variant that is to be hit. @returns the mean of their bytes. */
async function fetchHot({ port }: ImageNode, mustHit = false): Promise<number> {
  let bytes = 0;
  for (let number = 0; number < HOT.count; number += 1) {
    const response = await fetch(`http://127.0.0.1:${port}${HOT.prefix}${number}`);
    bytes += (await response.bytes()).length;
    const how = `${response.status} ${response.headers.get('cache-status')}`;
    if (!response.ok || (mustHit && !/;\s*hit\b/.test(how)))
      throw new Error(`${HOT.prefix}${number}: ${how}`);
  }
  return bytes / HOT.count;
}

/** On the core that the node does not have. */
function wrk(bench: Workbench, { port, child }: ImageNode, seconds: number, thinkMs: number): Promise<Round> {
  const load = { mode: 'cycle', ...HOT, seconds, connections: CONNECTIONS, thinkMs } as const;
  return runWrk(bench, port, child.pid, load, bench.cores.all.at(-1)!);
}

function hits({ bench, node, capacity, seconds }: Run): Promise<Round> {
  const thinkMs = Math.round((1000 * CONNECTIONS) / (LOAD_SHARE * capacity));
  return wrk(bench, node, seconds, thinkMs);
}

const encodeSeconds = ({ seconds }: Run): number => seconds + 2 * MARGIN_SECONDS;

/** On the node's cores: the client of hits has its own for itself. */
async function encode(run: Run, first: number): Promise<EncodeResult> {
  const { bench, node, paths, nodeCores } = run;
  const parallel = ENCODES_PER_CORE * nodeCores.length;
  const load: EncodeLoad = { port: node.port, paths, first, parallel, seconds: encodeSeconds(run) };
  const script = join(import.meta.dirname, 'encode-client.ts');
  const command = [process.execPath, script, JSON.stringify(load)];
  return JSON.parse(await bench.run(command, nodeCores.join(','))) as EncodeResult;
}

interface Results {
  readonly idle: readonly Round[];
  readonly busy: readonly Round[];
  readonly variantsPerSecond: readonly number[];
  /** Rounds in which others used the machine. */
  readonly leftOut: number;
}

function report(
  run: Run,
  meanBytes: number,
  { idle, busy, variantsPerSecond, leftOut }: Results,
): SectionResult {
  const p99 = (rounds: readonly Round[]): number[] => rounds.map((round) => round.p99Ms);
  const ratios = roundRatios(p99(busy), p99(idle));
  const floorsMet = median(ratios) <= LIMIT;
  const perSecond = median(idle.map((round) => round.perSecond));
  const count = (value: number): string => Math.round(value).toLocaleString('en');
  const markdown = [
    `A node with ${run.nodeCores.length} cores, everything by its default, is asked for ${count(perSecond)} stored variants per second (WebP, ${(meanBytes / 1000).toFixed(0)} KB`,
    `on average; ${((100 * perSecond) / run.capacity).toFixed(0)} % of the ${count(run.capacity)} that it served to the same client asking as fast as it can), over ${CONNECTIONS} connections,`,
    'by wrk on another core. In every other round a second client asks for new variants of photographs of 2400x1600 (WebP, JPEG and',
    `AVIF in turn), ${ENCODES_PER_CORE * run.nodeCores.length} at a time. It and the origin run on the cores of the node, which the encoders fill. Medians of the rounds,`,
    'minimum and maximum in brackets. "Cores": processor seconds per second of the node and its children.',
    `Left out: ${leftOut} of ${leftOut + idle.length} rounds, in which other work took more than ${OTHERS_MAX} of a core.`,
    '',
    table(
      ['', 'p50 ms', 'p99 ms', 'p99.9 ms', 'max ms', 'hits/s', 'cores', 'variants/s'],
      [rowOf('idle', idle, [0]), rowOf('encoding', busy, variantsPerSecond)],
    ),
    '',
    `p99 while encoding, as a multiple of that of the round before it: ${withRange(ratios, 2)}. Limit ${LIMIT}: ${floorsMet ? 'kept' : 'EXCEEDED'}.`,
  ].join('\n');
  return { markdown, floorsMet };
}

function rowOf(name: string, rounds: readonly Round[], variantsPerSecond: readonly number[]): string[] {
  const of = (pick: (round: Round) => number): number[] => rounds.map(pick);
  const [p50Ms, p99Ms, p999Ms] = [of((r) => r.p50Ms), of((r) => r.p99Ms), of((r) => r.p999Ms)];
  return [
    name,
    withRange(p50Ms, 2),
    withRange(p99Ms, 2),
    withRange(p999Ms, 1),
    Math.max(...of((round) => round.maxMs)).toFixed(1),
    median(of((round) => round.perSecond)).toFixed(0),
    median(of((round) => round.coreShare)).toFixed(2),
    median(variantsPerSecond).toFixed(1),
  ];
}

function withRange(values: readonly number[], digits: number): string {
  const of = spread(values);
  return `${of.median.toFixed(digits)} (${of.min.toFixed(digits)}-${of.max.toFixed(digits)})`;
}
