import { OUTCOMES, type Outcome } from '../cache/outcome.ts';
import type { TrafficBatch } from './batch.ts';
import { DistinctKeys } from './distinct.ts';
import type { RecordInfo, TrafficRecord } from './record.ts';
import { placeOf, thresholdOf } from './sample.ts';
import { totalsOf, weightOf } from './totals.ts';

/** A stretch of time with more requests than any other of its length. */
export interface Busiest {
  readonly fromMs: number;
  readonly toMs: number;
  /** Of clients; estimated in a sample. */
  readonly requests: number;
}

/** What a record says about the traffic that is in it. Where it is a sample, all but the totals by route is estimated. */
export interface TrafficSummary {
  readonly info: RecordInfo;
  /** Of clients; look-ups of the node itself are apart. */
  readonly requests: number;
  /** Of clients, besides: a node could not write them for a time. */
  readonly lost: number;
  readonly internal: number;
  /** Of the bodies asked for. */
  readonly bodyBytes: number;
  /** Different keys. */
  readonly keys: number;
  /** Busiest first. */
  readonly routes: readonly {
    readonly name: string;
    readonly requests: number;
    readonly bodyBytes: number;
  }[];
  readonly outcomes: Readonly<Record<Outcome, number>>;
  readonly variants: number;
  /** Most asked for, where paths are recorded: at most {@link PATHS_SHOWN}, of keys whose path is told before in the record. */
  readonly paths: readonly { readonly path: string; readonly requests: number }[];
  /** Requests whose lifetime is known. */
  readonly withLifetime: number;
  /** Sizes of the bodies asked for, in bytes, at {@link PERCENTILES}; exact to 9 %. Empty without requests. */
  readonly sizes: readonly number[];
  readonly busiestMinute: Busiest | undefined;
  /** Undefined for a record that is shorter. */
  readonly busiestHour: Busiest | undefined;
}

/** Those at which sizes are given. */
export const PERCENTILES = [1, 10, 25, 50, 75, 90, 99, 100] as const;

const PATHS_SHOWN = 10;
/** Keys whose requests are counted by path, at most: some 20 MiB. */
const PATHS_MAX = 100_000;
const MINUTE_MS = 60_000;

/** Reads a record once. Memory: one batch, at most 370 KiB for keys, and a count for each minute that has a request. */
export function summarise(record: TrafficRecord): TrafficSummary {
  const sums = new Sums(record.info.rateMin);
  for (const batch of record.batches()) sums.add(batch);
  return sums.result(record.info);
}

class Sums {
  readonly #keys = new DistinctKeys();
  readonly #rateMin: number;
  readonly #routes = new Map<string, { requests: number; bodyBytes: number }>();
  readonly #outcomes = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Record<Outcome, number>;
  readonly #minutes = new Map<number, number>();
  /** Eight classes for each power of two. */
  readonly #sizes = new Float64Array(33 * 8);
  readonly #paths = new Map<number, { readonly path: string; requests: number }>();
  #largest = 0;
  #internal = 0;
  #variants = 0;
  #withLifetime = 0;

  constructor(rateMin: number) {
    this.#rateMin = rateMin;
  }

  add(batch: TrafficBatch): void {
    for (const { route, requests, bodyBytes } of batch.rate < 1 ? batch.totals : totalsOf(batch)) {
      const sum = this.#routes.get(route);
      if (sum === undefined) this.#routes.set(route, { requests, bodyBytes });
      else {
        sum.requests += requests;
        sum.bodyBytes += bodyBytes;
      }
    }
    this.#learn(batch);
    const weight = weightOf(batch);
    const threshold = thresholdOf(this.#rateMin);
    for (let i = 0; i < batch.count; i += 1) {
      const kind = batch.kindTable[batch.kinds[i]!]!;
      if (kind.internal) {
        this.#internal += 1 / batch.rate;
        continue;
      }
      const keyHi = batch.keyHi[i]!;
      // Parts may have been recorded at several rates: only what is in all of them can be counted.
      if (this.#rateMin === 1 || placeOf(keyHi) < threshold) this.#keys.add(batch.keyLo[i]!, keyHi);
      const known = this.#paths.size === 0 ? undefined : this.#paths.get(idOf(batch.keyLo[i]!, keyHi));
      if (known !== undefined) known.requests += weight;
      this.#outcomes[kind.outcome] += weight;
      if (kind.variant) this.#variants += weight;
      if (batch.lifeTable[batch.lives[i]!]!.known !== 'unknown') this.#withLifetime += weight;
      const bytes = batch.bodyBytes[i]!;
      this.#sizes[classOf(bytes)]! += weight;
      if (bytes > this.#largest) this.#largest = bytes;
    }
    countMinutes(this.#minutes, batch, weight);
  }

  #learn({ paths = [] }: TrafficBatch): void {
    for (const { keyLo, keyHi, path } of paths) {
      const id = idOf(keyLo, keyHi);
      if (this.#paths.size < PATHS_MAX && !this.#paths.has(id)) this.#paths.set(id, { path, requests: 0 });
    }
  }

  result(info: RecordInfo): TrafficSummary {
    const routes = [...this.#routes].map(([name, sum]) => ({ name, ...sum }));
    const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);
    const requests = sum(routes.map((route) => route.requests));
    return {
      info,
      requests,
      lost: Math.max(0, info.requests - requests),
      internal: Math.round(this.#internal),
      bodyBytes: sum(routes.map(({ bodyBytes }) => bodyBytes)),
      keys: Math.round(this.#keys.count() / this.#rateMin),
      routes: routes.sort((a, b) => b.requests - a.requests),
      outcomes: this.#outcomes,
      variants: Math.round(this.#variants),
      paths: [...this.#paths.values()]
        .sort((a, b) => b.requests - a.requests)
        .slice(0, PATHS_SHOWN)
        .map(({ path, requests: own }) => ({ path, requests: Math.round(own) })),
      withLifetime: Math.round(this.#withLifetime),
      sizes: this.#percentiles(),
      busiestMinute: busiestOf(this.#minutes, MINUTE_MS),
      busiestHour:
        info.toMs - info.fromMs < 60 * MINUTE_MS ? undefined : busiestOf(this.#minutes, 60 * MINUTE_MS),
    };
  }

  #percentiles(): number[] {
    const total = this.#sizes.reduce((all, one) => all + one, 0);
    if (total === 0) return [];
    return PERCENTILES.map((percent) => {
      if (percent === 100) return this.#largest;
      let below = 0;
      for (const [at, count] of this.#sizes.entries()) {
        below += count;
        if (below >= (total * percent) / 100) return Math.min(middleOf(at), this.#largest);
      }
      return this.#largest;
    });
  }
}

/** 53 bits of a key's hash. */
function idOf(keyLo: number, keyHi: number): number {
  return keyLo + (keyHi & 0x1f_ffff) * 2 ** 32;
}

function classOf(bytes: number): number {
  if (bytes < 16) return bytes;
  const power = 31 - Math.clz32(bytes);
  return (power - 2) * 8 + (Math.floor(bytes / 2 ** (power - 3)) & 7);
}

function middleOf(at: number): number {
  if (at < 16) return at;
  const power = Math.floor(at / 8) + 2;
  return Math.round((8 + (at % 8) + 0.5) * 2 ** (power - 3));
}

/**
 * The busiest stretch of a record.
 *
 * @param windowMs its length, in whole minutes.
 * @returns undefined for a record without requests.
 */
export function busiestWindow(record: TrafficRecord, windowMs: number): Busiest | undefined {
  const minutes = new Map<number, number>();
  for (const batch of record.batches()) {
    countMinutes(minutes, batch, weightOf(batch));
  }
  return busiestOf(minutes, windowMs);
}

/** Adds the requests of clients to the minutes in which they came. */
function countMinutes(minutes: Map<number, number>, batch: TrafficBatch, weight: number): void {
  const add = (atMs: number, requests: number): void => {
    const minute = Math.floor(atMs / MINUTE_MS);
    minutes.set(minute, (minutes.get(minute) ?? 0) + requests);
  };
  for (let i = 0; i < batch.count; i += 1)
    if (!batch.kindTable[batch.kinds[i]!]!.internal) add(batch.baseMs + batch.timeUs[i]! / 1000, weight);
  // None of the keys asked for was in the sample.
  if (batch.count === 0) for (const { requests } of batch.totals) add(batch.baseMs, requests);
}

/** The window slides by minutes, and starts with one that has requests. */
function busiestOf(minutes: ReadonlyMap<number, number>, windowMs: number): Busiest | undefined {
  const length = Math.max(1, Math.round(windowMs / MINUTE_MS));
  const rows = [...minutes].sort(([a], [b]) => a - b);
  let best: Busiest | undefined;
  let end = 0;
  let inside = 0;
  for (const [start, own] of rows) {
    while (end < rows.length && rows[end]![0] < start + length) {
      inside += rows[end]![1];
      end += 1;
    }
    if (best === undefined || inside > best.requests + 1e-6)
      best = { fromMs: start * MINUTE_MS, toMs: (start + length) * MINUTE_MS, requests: inside };
    inside -= own;
  }
  return best === undefined ? undefined : { ...best, requests: Math.round(best.requests) };
}
