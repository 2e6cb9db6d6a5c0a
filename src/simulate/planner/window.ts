import type { TrafficRecord } from '../../traffic/record.ts';
import { weightOf } from '../../traffic/totals.ts';

const MINUTE_MS = 60_000;

/** The part of a record that a plan is made for. Milliseconds since the epoch, `toMs` exclusive. */
export interface PlanWindow {
  readonly fromMs: number;
  readonly toMs: number;
  /** What it is, to follow "in": `the busiest hour`. */
  readonly text: string;
  /** Requests in it, all keys counted. */
  readonly requests: number;
}

/** What is counted in one pass over a record. */
export interface Demand {
  /** Requests of all keys by minute, counted from {@link fromMs} on, of minutes that have some. */
  readonly requests: ReadonlyMap<number, number>;
  /** A whole minute, milliseconds since the epoch. */
  readonly fromMs: number;
  /** Bytes of all requests that were recorded, bodies and what is stored beside them: no cache ever uses more. */
  readonly bytes: number;
  /** The largest body. */
  readonly largestBytes: number;
}

/** What is stored beside a body whose record does not say it: key, head and the row of the index. */
const BESIDE_BYTES = 1024;

/** Counts requests by minute. One pass; memory: two numbers for each minute that has some, however far apart. */
export function demandOf(record: TrafficRecord): Demand {
  const fromMs = Math.floor(record.info.fromMs / MINUTE_MS) * MINUTE_MS;
  const requests = new Map<number, number>();
  let bytes = 0;
  let largestBytes = 0;
  const add = (afterMs: number, amount: number): void => {
    const minute = Math.max(0, Math.floor(afterMs / MINUTE_MS));
    requests.set(minute, (requests.get(minute) ?? 0) + amount);
  };
  for (const batch of record.batches()) {
    const offsetMs = batch.baseMs - fromMs;
    const weight = weightOf(batch);
    for (let i = 0; i < batch.count; i += 1) {
      const bodyBytes = batch.bodyBytes[i]!;
      bytes += bodyBytes + batch.besideBytes[i]! + BESIDE_BYTES;
      if (bodyBytes > largestBytes) largestBytes = bodyBytes;
      if (batch.kindTable[batch.kinds[i]!]!.internal) continue;
      add(offsetMs + batch.timeUs[i]! / 1000, weight);
    }
    // None of the keys asked for was in the sample.
    if (batch.count === 0) for (const total of batch.totals) add(offsetMs, total.requests);
  }
  return { requests, fromMs, bytes, largestBytes };
}

/**
 * The busiest stretch of that length, in whole minutes; the last where several are alike, since a cache knows
 * more by then. A record that is shorter is taken whole.
 *
 * @param lengthMs at least a minute.
 * @param text what such a stretch is called.
 */
export function busiest({ requests, fromMs }: Demand, lengthMs: number, text: string): PlanWindow {
  const length = Math.max(1, Math.round(lengthMs / MINUTE_MS));
  const minutes = [...requests.keys()].sort((a, b) => a - b);
  const total = (minutes.at(-1) ?? -1) + 1;
  let best = { start: 0, sum: -1 };
  let sum = 0;
  let next = 0;
  // The last stretch of those with the same requests begins with one of them, or ends with the record.
  for (const first of minutes) {
    const start = Math.max(0, Math.min(first, total - length));
    for (; next < minutes.length && minutes[next]! < start + length; next += 1)
      sum += requests.get(minutes[next]!)!;
    if (sum >= best.sum - 1e-9) best = { start, sum };
    if (start < first) break;
    sum -= requests.get(first)!;
  }
  return {
    fromMs: fromMs + best.start * MINUTE_MS,
    toMs: fromMs + Math.min(total, best.start + length) * MINUTE_MS,
    text: length >= total ? 'the whole record' : text,
    requests: Math.max(0, best.sum),
  };
}

/** A stretch that somebody named; the requests in it are those of all minutes that it touches. */
export function stretch(
  { requests, fromMs }: Demand,
  startMs: number,
  endMs: number,
  text: string,
): PlanWindow {
  const first = Math.max(0, Math.floor((startMs - fromMs) / MINUTE_MS));
  const last = Math.max(0, Math.ceil((endMs - fromMs) / MINUTE_MS));
  let inside = 0;
  for (const [minute, count] of requests) if (minute >= first && minute < last) inside += count;
  return { fromMs: startMs, toMs: endMs, text, requests: inside };
}
