import { type Random, seededRandom } from '../../base/random.ts';

/** Requests per second at an hour of the day, as a share between the lowest and the highest rate. */
const DAY: readonly (readonly [hour: number, share: number])[] = [
  [0, 0.3],
  [3, 0.05],
  [5, 0],
  [8, 0.45],
  [12, 0.7],
  [15, 0.6],
  [18, 0.8],
  [20.5, 1],
  [22, 0.75],
  [24, 0.3],
];
/** A demonstration begins when people get up. */
const FIRST_HOUR = 7;
/** Popularity changes this often in a day, by one image each time. */
const DRIFTS_PER_DAY = 96;
/** Above this size an image is looked at less often than thumbnails are: it starts in the lower half of the ranking. */
const LARGE_BYTES = 256 * 1024;

export interface ScheduleOptions {
  /** What is sent for each image, in bytes; requests name them by index. At least one. */
  readonly sizesBytes: readonly number[];
  readonly seed: number;
  /** Requests per second in the dead of night and at the evening peak; both above 0. */
  readonly ratePerS: { readonly min: number; readonly max: number };
  /** Length of a "day". */
  readonly dayMs: number;
  /** Zipf exponent: 0 is uniform; image hosts have 0.7 to 1.1. */
  readonly alpha: number;
}

/** One request to be sent `atMs` after the start. */
export interface Arrival {
  readonly atMs: number;
  readonly image: number;
  /** 0 to below 1: which of the ways to ask for that image it is. */
  readonly chance: number;
}

/**
 * When which image is asked for: a Poisson process whose rate follows the hour, over a Zipf popularity that drifts.
 * Endless and deterministic: the same options give the same arrivals.
 */
export class Schedule {
  readonly #options: ScheduleOptions;
  readonly #random: Random;
  /** Image by rank, the most popular first. */
  readonly #ranking: number[];
  /** Cumulative probability by rank. */
  readonly #cumulative: Float64Array;
  #nowMs = 0;
  #drifts = 0;

  constructor(options: ScheduleOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    const keys = options.sizesBytes.map((bytes) => this.#random.next() + (bytes > LARGE_BYTES ? 0.5 : 0));
    this.#ranking = keys.map((_, image) => image).sort((a, b) => keys[a]! - keys[b]!);
    this.#cumulative = zipf(keys.length, options.alpha);
  }

  /** The next request. O(log n) in the number of images. */
  next(): Arrival {
    const rate = this.ratePerS(this.#nowMs);
    this.#nowMs += (-Math.log(1 - this.#random.next()) / rate) * 1000;
    const drifts = Math.floor((this.#nowMs / this.#options.dayMs) * DRIFTS_PER_DAY);
    for (; this.#drifts < drifts; this.#drifts += 1) this.#drift();
    const image = this.#ranking[this.#rank(this.#random.next())]!;
    return { atMs: this.#nowMs, image, chance: this.#random.next() };
  }

  /** Requests per second at that time after the start. */
  ratePerS(atMs: number): number {
    const hour = this.hour(atMs);
    const { min, max } = this.#options.ratePerS;
    const next = Math.max(
      1,
      DAY.findIndex(([from]) => from >= hour),
    );
    const [fromHour, from] = DAY[next - 1]!;
    const [toHour, to] = DAY[next]!;
    return min + (max - min) * (from + ((to - from) * (hour - fromHour)) / (toHour - fromHour));
  }

  /** Hour of the day, 0 to 24, at that time after the start. */
  hour(atMs: number): number {
    return (FIRST_HOUR + (atMs / this.#options.dayMs) * 24) % 24;
  }

  /** Some image becomes popular; all below it step back by one. */
  #drift(): void {
    const { length } = this.#ranking;
    const from = Math.floor(this.#random.next() * length);
    const to = Math.floor(this.#random.next() * length * 0.3);
    const [image] = this.#ranking.splice(from, 1);
    this.#ranking.splice(to, 0, image!);
  }

  #rank(share: number): number {
    let low = 0;
    let high = this.#cumulative.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#cumulative[middle]! > share) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

function zipf(count: number, alpha: number): Float64Array {
  const cumulative = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank += 1) {
    sum += 1 / (rank + 1) ** alpha;
    cumulative[rank] = sum;
  }
  for (let rank = 0; rank < count; rank += 1) cumulative[rank]! /= sum;
  return cumulative;
}
