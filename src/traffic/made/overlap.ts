import type { TrafficBatch } from '../batch.ts';
import { partOf } from '../record/reading.ts';
import type { RecordInfo } from '../record.ts';
import { partsOf } from './parts.ts';

/** A stretch of time, `toMs` exclusive, and the rate that holds in it. */
interface Segment {
  readonly fromMs: number;
  readonly toMs: number;
  readonly rate: number;
}

/** How many mean distances of its rows a record is taken to reach beyond its first and last one: a sample has no row at its very ends. */
const REACH_ROWS = 8;

/**
 * Batches of several records in one, with the lowest rate of those that reach into the same time: so each key has all of its requests
 * in that time, or none, and the order in which the records are named changes nothing. Begins when the first of them does.
 *
 * @param batches of all of them, in order, as `openRecord` gives them.
 * @param records what is joined.
 */
export function* evenRates(
  batches: Iterable<TrafficBatch>,
  records: readonly RecordInfo[],
): Generator<TrafficBatch> {
  const filled = records.filter(({ rows }) => rows > 0);
  const segments = segmentsOf(filled);
  let startMs: number | undefined = filled.reduce(
    (least, { fromMs }) => Math.min(least, fromMs),
    Number.POSITIVE_INFINITY,
  );
  for (const batch of batches) {
    for (const part of split(batch, segments)) {
      if (startMs === undefined || part.count === 0) {
        yield part;
        continue;
      }
      yield begunAt(part, startMs);
      startMs = undefined;
    }
  }
}

function segmentsOf(records: readonly RecordInfo[]): Segment[] {
  const spans = records.map(({ fromMs, toMs, rows, rateMin }) => {
    const reachMs = rateMin < 1 ? Math.ceil((REACH_ROWS * (toMs - fromMs)) / rows) : 0;
    return { fromMs: fromMs - reachMs, toMs: toMs + reachMs + 1, rateMin };
  });
  const edges = [...new Set(spans.flatMap(({ fromMs, toMs }) => [fromMs, toMs]))].sort((a, b) => a - b);
  const all = [Number.NEGATIVE_INFINITY, ...edges];
  return all.map((fromMs, at): Segment => {
    const toMs = all[at + 1] ?? Number.POSITIVE_INFINITY;
    const inside = spans.filter((span) => span.fromMs <= fromMs && span.toMs >= toMs);
    // One alone keeps what it has, at whatever rates.
    const rate = inside.length < 2 ? 1 : Math.min(...inside.map(({ rateMin }) => rateMin));
    return { fromMs, toMs, rate };
  });
}

function* split(batch: TrafficBatch, segments: readonly Segment[]): Generator<TrafficBatch> {
  if (batch.count === 0) {
    const own = segments.find(({ toMs }) => batch.baseMs < toMs);
    yield* partsOf([batch], { rate: own?.rate ?? 1 });
    return;
  }
  for (const { rate, ...range } of segments) {
    const part = partOf(batch, range);
    if (part !== undefined) yield* partsOf([part], { rate });
  }
}

/** Microseconds that a batch can span: 32 bits. */
const SPAN_US_MAX = 2 ** 32 - 1;

/** The same rows, in a batch that begins earlier. */
function begunAt(batch: TrafficBatch, startMs: number): TrafficBatch {
  const earlierUs = Math.round((batch.baseMs - startMs) * 1000);
  if (earlierUs <= 0 || batch.timeUs[batch.count - 1]! + earlierUs > SPAN_US_MAX) return batch;
  return { ...batch, baseMs: startMs, timeUs: batch.timeUs.map((us) => us + earlierUs) };
}
