import type { StratumTotal, TrafficBatch } from '../batch.ts';
import { placeOf, thresholdOf } from '../sample.ts';
import { totalsOf } from '../totals.ts';

/** What of a record is wanted. */
export interface Wanted {
  /** Names; undefined: all. */
  readonly routes?: ReadonlySet<string> | undefined;
  /** Share of the keys, above 0 to 1. */
  readonly rate?: number | undefined;
}

/** The rows that are wanted. A sample has the totals of all that it was taken from, so that it can be corrected by them. */
export function* partsOf(
  batches: Iterable<TrafficBatch>,
  { routes, rate = 1 }: Wanted,
): Generator<TrafficBatch> {
  for (const batch of batches) {
    const sampled = rate < batch.rate;
    const threshold = thresholdOf(Math.min(rate, batch.rate));
    const keep = (row: number): boolean =>
      (!sampled || placeOf(batch.keyHi[row]!) < threshold) &&
      (routes === undefined || routes.has(batch.kindTable[batch.kinds[row]!]!.route));
    const isOf = ({ route }: StratumTotal): boolean => routes === undefined || routes.has(route);
    const rateNow = Math.min(rate, batch.rate);
    const totals = (batch.rate < 1 ? batch.totals : rateNow < 1 ? totalsOf(batch) : []).filter(isOf);
    const rows = selected(batch, keep);
    if (rows.length === 0 && totals.length === 0) continue;
    yield { ...pickRows(batch, rows), rate: rateNow, totals };
  }
}

function selected({ count }: TrafficBatch, keep: (row: number) => boolean): Uint32Array {
  const rows = new Uint32Array(count);
  let length = 0;
  for (let row = 0; row < count; row += 1) {
    if (!keep(row)) continue;
    rows[length] = row;
    length += 1;
  }
  return rows.subarray(0, length);
}

/** A batch of some rows of another, in that order; a row may be there more than once. Tables, rate and totals are the other's. */
export function pickRows(batch: TrafficBatch, rows: Uint32Array): TrafficBatch {
  const pick32 = (column: Uint32Array): Uint32Array => {
    const picked = new Uint32Array(rows.length);
    for (let i = 0; i < rows.length; i += 1) picked[i] = column[rows[i]!]!;
    return picked;
  };
  const pick16 = (column: Uint16Array): Uint16Array => {
    const picked = new Uint16Array(rows.length);
    for (let i = 0; i < rows.length; i += 1) picked[i] = column[rows[i]!]!;
    return picked;
  };
  const { paths: _, ...rest } = batch;
  return {
    ...rest,
    count: rows.length,
    timeUs: pick32(batch.timeUs),
    keyLo: pick32(batch.keyLo),
    keyHi: pick32(batch.keyHi),
    bodyBytes: pick32(batch.bodyBytes),
    besideBytes: pick16(batch.besideBytes),
    originMs: pick16(batch.originMs),
    kinds: pick16(batch.kinds),
    lives: pick16(batch.lives),
  };
}
