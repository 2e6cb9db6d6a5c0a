import type { TrafficBatch } from '../batch.ts';
import { partOf } from '../record/reading.ts';
import type { RecordInfo, TrafficRecord } from '../record.ts';
import type { StressForm } from './stress.ts';

/** A stretch of time in milliseconds since the epoch, `toMs` exclusive; open where an end is not given. */
export interface Stretch {
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
}

/**
 * A part of a record, without reading the rest of it. What its info says of times is as given; counts are those of the whole record.
 */
export function cut(
  record: TrafficRecord,
  { fromMs = 0, toMs = Number.MAX_SAFE_INTEGER }: Stretch,
): TrafficRecord {
  const { info } = record;
  return {
    info: { ...info, fromMs: Math.max(info.fromMs, fromMs), toMs: Math.min(info.toMs, toMs) },
    batches: (range) =>
      record.batches({
        fromMs: Math.max(fromMs, range?.fromMs ?? 0),
        toMs: Math.min(toMs, range?.toMs ?? Number.MAX_SAFE_INTEGER),
      }),
  };
}

/**
 * A record as it would be if something were worse. Is read once at the beginning, to know what comes out; and from its beginning
 * whenever a later part of it is asked for, since forms work in order.
 *
 * @param forms applied one after the other; none leave the record as it is.
 */
export function stressed(record: TrafficRecord, forms: readonly StressForm[]): TrafficRecord {
  if (forms.length === 0) return record;
  const source = again(() => record.batches());
  const all = forms.reduce((batches, form) => again(() => form(batches)), source);
  const info = infoOf(record.info, all);
  return {
    info,
    *batches(range) {
      for (const batch of all) {
        if (range !== undefined && batch.baseMs >= range.toMs) return;
        const part = range === undefined ? batch : partOf(batch, range);
        if (part !== undefined) yield part;
      }
    },
  };
}

/** Read from its beginning as often as it is asked for. */
function again(batches: () => Iterable<TrafficBatch>): Iterable<TrafficBatch> {
  return { [Symbol.iterator]: () => batches()[Symbol.iterator]() };
}

function infoOf(info: RecordInfo, batches: Iterable<TrafficBatch>): RecordInfo {
  let [rows, requests, fromMs, toMs] = [0, 0, Number.POSITIVE_INFINITY, 0];
  for (const { count, baseMs, timeUs, totals, rate } of batches) {
    rows += count;
    requests += rate < 1 ? totals.reduce((sum, total) => sum + total.requests, 0) : count;
    if (count === 0) continue;
    fromMs = Math.min(fromMs, baseMs);
    toMs = Math.max(toMs, baseMs + timeUs[count - 1]! / 1000);
  }
  return { ...info, rows, requests, fromMs: rows === 0 ? 0 : fromMs, toMs };
}
