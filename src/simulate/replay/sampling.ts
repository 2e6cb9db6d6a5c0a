import { stratumOf, type TrafficBatch } from '../../traffic/batch.ts';
import { placeOf, rateOf, thresholdOf } from '../../traffic/sample.ts';
import type { Kinds } from './kinds.ts';
import type { Correction } from './tally.ts';

/** Classes of sizes. */
const STRATA = 33;

/** What a sample has, and what it should have. */
interface Stratum {
  seen: number;
  seenBytes: number;
  all: number;
  allBytes: number;
}

/**
 * Which keys of a record are replayed, and what that sample is corrected by (SHARDS-adj: Waldspurger et al., FAST 2015, section 3.4): by
 * chance a sample has more or less of the hottest keys than it should, and what it lacks of requests are hits. Counted by route
 * and class of size, for a large one weighs more in bytes.
 */
export class Sampling {
  /** Share of the keys. */
  readonly rate: number;
  readonly #threshold: number;
  readonly #strata: Stratum[][] = [];
  readonly #minutes = new Map<number, { requests: number; bytes: number }>();

  /** @param rate above 0 to 1. */
  constructor(rate: number) {
    this.#threshold = thresholdOf(rate);
    this.rate = rateOf(this.#threshold);
  }

  get isWhole(): boolean {
    return this.rate === 1;
  }

  has(keyHi: number): boolean {
    return this.isWhole || placeOf(keyHi) < this.#threshold;
  }

  /** A route appears; they are numbered in this order. */
  addRoute(): void {
    this.#strata.push(Array.from({ length: STRATA }, () => ({ seen: 0, seenBytes: 0, all: 0, allBytes: 0 })));
  }

  /** A request of the sample counts. */
  seen(route: number, bodyBytes: number): void {
    const stratum = this.#strata[route]![stratumOf(bodyBytes)]!;
    stratum.seen += 1;
    stratum.seenBytes += bodyBytes;
  }

  /** A request of the record, in the sample or not. */
  one(route: number, bodyBytes: number): void {
    const stratum = this.#strata[route]![stratumOf(bodyBytes)]!;
    stratum.all += 1;
    stratum.allBytes += bodyBytes;
  }

  /** All requests of the time of a batch that is a sample itself. @param share of its rows that count. */
  batch({ totals }: TrafficBatch, kinds: Kinds, share: number): void {
    for (const { route, stratum, requests, bodyBytes } of totals) {
      const one = this.#strata[kinds.route(route)]![stratum]!;
      one.all += requests * share;
      one.allBytes += bodyBytes * share;
    }
  }

  /** Requests of all keys that came in a minute, numbered from the first that counts, and those of the sample among them. */
  inMinute(minute: number, requests: number, bytes: number, seen: number, seenBytes: number): void {
    const sum = this.#minutes.get(minute) ?? { requests: 0, bytes: 0 };
    this.#minutes.set(minute, sum);
    sum.requests += requests * this.rate - seen;
    sum.bytes += bytes * this.rate - seenBytes;
  }

  /** What is to be added to the hits of each minute, in the scale of the sample. */
  get minuteCorrections(): ReadonlyMap<number, Correction> {
    return this.#minutes;
  }

  /** What is to be added to the hits of a route, in the scale of the sample. */
  readonly correction = (route: number): Correction => {
    let requests = 0;
    let bytes = 0;
    if (this.isWhole) return { requests, bytes };
    for (const { seen, seenBytes, all, allBytes } of this.#strata[route]!) {
      requests += all * this.rate - seen;
      bytes += allBytes * this.rate - seenBytes;
    }
    return { requests, bytes };
  };
}
