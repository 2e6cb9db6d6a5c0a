import { mix32 } from '../../base/hash.ts';
import { type Random, seededRandom } from '../../base/random.ts';
import {
  BatchBuilder,
  type ResponseLife,
  Stated,
  servedKind,
  statedLife,
  type TrafficBatch,
  UNKNOWN_LIFE,
} from '../batch.ts';

/** What made-up traffic is like. */
export interface SynthOptions {
  readonly requests: number;
  /** Images at any one time. */
  readonly keys: number;
  /** Exponent of their popularity: how often the image of rank r is asked for goes with r to the power of minus this. 0: all alike. */
  readonly zipf: number;
  readonly medianBytes: number;
  /** Standard deviation of the logarithm of sizes: 1.6 spans four orders of magnitude. */
  readonly sizeSpread: number;
  /** Share of the requests that are for an image nobody asks for again, 0 to 1. */
  readonly oneHit: number;
  /** Share of the requests of a crawler that goes through all images in a row, 0 to 1. */
  readonly scan: number;
  /** About so long, in milliseconds: requests come at random. */
  readonly durationMs: number;
  /** How far a day goes above and below its mean, 0 to 1: with 0.6 its peak, at 18:00 UTC, is 1.6 times the mean. */
  readonly diurnal: number;
  /** Share of the images that are replaced by new ones of the same popularity in a day, 0 to 1. */
  readonly shift: number;
  /** What the origin says that images are good for, in seconds, half of them shorter; undefined: unknown. */
  readonly lifetimeS: number | undefined;
  /** Median time of the origin, in milliseconds. */
  readonly originMs: number;
  /** Milliseconds since the epoch. */
  readonly startMs: number;
  readonly route: string;
  readonly seed: number;
}

/** Traffic of a site with many images, as far as such things are alike: what `holdfast traffic synth` makes unless told otherwise. */
export const SYNTH_DEFAULTS: SynthOptions = {
  requests: 1_000_000,
  keys: 100_000,
  zipf: 0.9,
  medianBytes: 20_000,
  sizeSpread: 1.6,
  oneHit: 0.1,
  scan: 0.02,
  durationMs: 86_400_000,
  diurnal: 0.6,
  shift: 0.05,
  lifetimeS: 86_400,
  originMs: 60,
  startMs: Date.UTC(2026, 0, 5),
  route: 'all',
  seed: 1,
};

const DAY_MS = 86_400_000;
const PEAK_MS = 18 * 3_600_000;
const SIZE_BYTES = { min: 64, max: 200e6 } as const;

/** Makes traffic up: the same options make the same. About 3 million requests a second. Memory: one batch. */
export function* synthesise(options: SynthOptions): Generator<TrafficBatch> {
  const random = seededRandom(options.seed);
  const builder = new BatchBuilder();
  const rank = zipfRanks(options.keys, options.zipf, random);
  const lives = livesOf(options.lifetimeS);
  const kind = servedKind(options.route);
  const meanGapMs = options.durationMs / options.requests;
  let atMs = options.startMs;
  let once = 0;
  let scanned = 0;
  for (let i = 0; i < options.requests; i += 1) {
    const share = random.next();
    let id: number;
    if (share < options.oneHit) {
      once += 1;
      id = ONCE + once;
    } else if (share < options.oneHit + options.scan) {
      scanned += 1;
      id = imageAt(scanned % options.keys, atMs, options);
    } else id = imageAt(rank() - 1, atMs, options);
    const [keyLo, keyHi] = [hashed(id, options.seed), hashed(id, options.seed ^ 0x5bd1_e995)];
    if (builder.isFull(atMs)) yield builder.take();
    builder.add({
      atMs,
      keyLo,
      keyHi,
      bodyBytes: sizeOf(keyLo, keyHi, options),
      besideBytes: 400,
      originMs: options.originMs * Math.exp(0.5 * normal(random.next(), random.next())),
      kind,
      life: lives[keyHi % lives.length]!,
    });
    const day = 1 + options.diurnal * Math.cos(((atMs - PEAK_MS) / DAY_MS) * 2 * Math.PI);
    atMs += (-Math.log(1 - random.next()) * meanGapMs) / Math.max(0.01, day);
  }
  if (builder.count > 0) yield builder.take();
}

/** Ids of images that are asked for once begin here. */
const ONCE = 2 ** 50;

/** The image that has a rank at a time. Ranks are replaced one after the other, each once in `day / shift`. */
function imageAt(rank: number, atMs: number, { shift, startMs, keys }: SynthOptions): number {
  if (shift <= 0) return rank;
  const turn = ((atMs - startMs) / DAY_MS) * shift;
  return rank + Math.floor(turn + hashed(rank, 0x27d4_eb2f) / 2 ** 32) * keys;
}

function sizeOf(keyLo: number, keyHi: number, { medianBytes, sizeSpread }: SynthOptions): number {
  const spread = normal(hashed(keyLo, keyHi) / 2 ** 32, hashed(keyHi, keyLo) / 2 ** 32);
  const bytes = Math.round(medianBytes * Math.exp(sizeSpread * spread));
  return Math.min(SIZE_BYTES.max, Math.max(SIZE_BYTES.min, bytes));
}

/** Lifetimes around the one in the middle. */
function livesOf(lifetimeS: number | undefined): ResponseLife[] {
  if (lifetimeS === undefined) return [UNKNOWN_LIFE];
  return [1 / 24, 1 / 4, 1, 7, 30].map((factor) =>
    statedLife(Math.round(lifetimeS * factor), { flags: Stated.PUBLIC | Stated.VALIDATOR | Stated.IMAGE }),
  );
}

/** Normally distributed, out of two numbers in [0, 1) (Box and Muller, 1958). */
function normal(a: number, b: number): number {
  return Math.sqrt(-2 * Math.log(1 - a)) * Math.cos(2 * Math.PI * b);
}

/** Ranks from 1 to n with a Zipf distribution, by rejection-inversion (Hörmann and Derflinger, 1996): O(1), no table. */
function zipfRanks(n: number, exponent: number, random: Random): () => number {
  const s = exponent;
  // The integral of x^-s, and its inverse; at s = 1 the logarithm.
  const integral = (x: number): number =>
    Math.abs(s - 1) < 1e-9 ? Math.log(x) : (x ** (1 - s) - 1) / (1 - s);
  const inverse = (y: number): number =>
    Math.abs(s - 1) < 1e-9 ? Math.exp(y) : (1 + y * (1 - s)) ** (1 / (1 - s));
  const low = integral(1.5) - 1;
  const high = integral(n + 0.5);
  return () => {
    for (;;) {
      const u = high + random.next() * (low - high);
      const rank = Math.min(n, Math.max(1, Math.round(inverse(u))));
      if (u >= integral(rank + 0.5) - rank ** -s) return rank;
    }
  };
}

/** 32 bits for an id below 2^53. */
function hashed(id: number, seed: number): number {
  let h = Math.imul(id >>> 0, 0x9e37_79b1) ^ seed;
  h = mix32(h ^ Math.imul(Math.floor(id / 2 ** 32), 0x85eb_ca77));
  return mix32(h + 0x6d2b_79f5 + seed);
}
