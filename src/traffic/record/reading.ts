import { formatCount } from '../../base/units.ts';
import { type TrafficBatch, TrafficTables } from '../batch.ts';
import type { RecordInfo, TrafficRecord } from '../record.ts';
import { type Block, type BlockSource, findBlocks } from './blocks.ts';
import { inOrder } from './ordered.ts';

/** Times of {@link TrafficRecord.batches}. */
type Range = Parameters<TrafficRecord['batches']>[0];

/**
 * The record that stands in some sources, one or many, whatever times they are of.
 *
 * @throws Error that says what to do when one of them is no record, or of a newer version.
 */
export function recordFrom(name: string, sources: readonly BlockSource[]): TrafficRecord {
  const found = sources.map(findBlocks);
  const damage = found.flatMap((one) => one.damage);
  // Stable: blocks of one time stay in the order in which they were written.
  const blocks = found.flatMap((one) => one.blocks).sort((a, b) => a.baseMs - b.baseMs);
  const info = infoOf(name, sources, blocks, damage);
  const onBad = ({ source, position, count }: Block, why: string): void => {
    const told = `${source.name}: a block of ${formatCount(count)} requests at ${formatCount(position)} cannot be used: ${why}`;
    if (!damage.includes(told)) damage.push(told);
  };
  return {
    info,
    *batches(range?: Range) {
      const wanted =
        range === undefined
          ? blocks
          : blocks.filter(({ baseMs, toMs }) => baseMs < range.toMs && toMs >= range.fromMs - 1);
      for (const batch of inOrder(wanted, new TrafficTables(), onBad)) {
        const part = range === undefined ? batch : partOf(batch, range);
        if (part !== undefined) yield part;
      }
    },
  };
}

function infoOf(
  name: string,
  sources: readonly BlockSource[],
  blocks: readonly Block[],
  damage: readonly string[],
): RecordInfo {
  // A block of a sample may have requests and no rows.
  const filled = blocks.filter(({ count, requests }) => count > 0 || requests > 0);
  return {
    name,
    fromMs: filled.length === 0 ? 0 : filled[0]!.baseMs,
    toMs: filled.reduce((latest, { toMs }) => Math.max(latest, toMs), 0),
    rows: sum(blocks.map(({ count }) => count)),
    requests: sum(blocks.map(({ requests }) => requests)),
    rateMin: blocks.reduce((least, { rate }) => Math.min(least, rate), 1),
    rateMax: blocks.reduce((most, { rate }) => Math.max(most, rate), blocks.length === 0 ? 1 : 0),
    storedBytes: sum(sources.map(({ sizeBytes }) => sizeBytes)),
    damage,
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

/**
 * The requests of a batch in that time, `toMs` exclusive; undefined when there are none. Its totals, which are of its whole
 * time, are taken in proportion to the rows.
 */
export function partOf(batch: TrafficBatch, range: NonNullable<Range>): TrafficBatch | undefined {
  const { count, baseMs, timeUs } = batch;
  // Without a row of the sample, there may still be requests.
  if (count === 0 && baseMs >= range.fromMs && baseMs < range.toMs) return batch;
  const from = firstFrom(batch, range.fromMs);
  const to = firstFrom(batch, range.toMs);
  if (from === to) return undefined;
  if (from === 0 && to === count) return batch;
  const startUs = timeUs[from]!;
  const share = (to - from) / count;
  return {
    ...batch,
    count: to - from,
    baseMs: baseMs + startUs / 1000,
    timeUs: timeUs.slice(from, to).map((us) => us - startUs),
    keyLo: batch.keyLo.subarray(from, to),
    keyHi: batch.keyHi.subarray(from, to),
    bodyBytes: batch.bodyBytes.subarray(from, to),
    besideBytes: batch.besideBytes.subarray(from, to),
    originMs: batch.originMs.subarray(from, to),
    kinds: batch.kinds.subarray(from, to),
    lives: batch.lives.subarray(from, to),
    totals: batch.totals.map((total) => ({
      ...total,
      requests: Math.round(total.requests * share),
      bodyBytes: Math.round(total.bodyBytes * share),
    })),
  };
}

/** Position of the first row that is not before that time. */
function firstFrom({ count, baseMs, timeUs }: TrafficBatch, timeMs: number): number {
  // In whole microseconds: milliseconds since the epoch have fractions that are not exact.
  const us = Math.round((timeMs - baseMs) * 1000);
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (timeUs[middle]! < us) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Bytes in memory as a source. */
export function bytesSource(name: string, bytes: Uint8Array): BlockSource {
  return {
    name,
    sizeBytes: bytes.length,
    read: (position, length) => bytes.subarray(position, position + length),
  };
}
