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
  /** One for each minute from {@link fromMs} on; requests of all keys. */
  readonly requests: readonly number[];
  /** A whole minute, milliseconds since the epoch. */
  readonly fromMs: number;
  /** Bytes of all requests that were recorded, bodies and what is stored beside them: no cache ever uses more. */
  readonly bytes: number;
  /** The largest body. */
  readonly largestBytes: number;
}

/** What is stored beside a body whose record does not say it: key, head and the row of the index. */
const BESIDE_BYTES = 1024;

/** Counts requests by minute. One pass; memory: a number for each minute. */
export function demandOf(record: TrafficRecord): Demand {
  const fromMs = Math.floor(record.info.fromMs / MINUTE_MS) * MINUTE_MS;
  const requests: number[] = [];
  let bytes = 0;
  let largestBytes = 0;
  const add = (afterMs: number, amount: number): void => {
    const minute = Math.max(0, Math.floor(afterMs / MINUTE_MS));
    while (requests.length <= minute) requests.push(0);
    requests[minute]! += amount;
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
  let sum = 0;
  let best = { end: 0, sum: -1 };
  for (let end = 1; end <= requests.length; end += 1) {
    sum += requests[end - 1]! - (end > length ? requests[end - length - 1]! : 0);
    if (sum >= best.sum - 1e-9 && (end >= length || end === requests.length)) best = { end, sum };
  }
  const start = Math.max(0, best.end - length);
  return {
    fromMs: fromMs + start * MINUTE_MS,
    toMs: fromMs + best.end * MINUTE_MS,
    text: length >= requests.length ? 'the whole record' : text,
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
  const inside = requests.slice(first, last);
  return { fromMs: startMs, toMs: endMs, text, requests: inside.reduce((sum, count) => sum + count, 0) };
}
