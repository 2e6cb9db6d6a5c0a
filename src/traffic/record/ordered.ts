import {
  BatchBuilder,
  type KnownPath,
  NOT_ASKED,
  stratumOf,
  type TrafficBatch,
  type TrafficTables,
} from '../batch.ts';
import { placeOf, thresholdOf } from '../sample.ts';
import { StratumTotals } from '../totals.ts';
import { BadBlock } from './bad-block.ts';
import type { Block } from './blocks.ts';
import { decodeBlock, HEAD_BYTES } from './format.ts';

/** A block that is being read, row by row. */
interface Cursor {
  readonly batch: TrafficBatch;
  at: number;
}

/**
 * Batches of blocks that may overlap in time, in order. A block that stands alone in its time is handed on as it is; of others
 * the rows are merged. Memory: the blocks that overlap at one time.
 *
 * @param blocks in the order of their first rows.
 * @param onBad told of a block that turned out to be none, which is left out.
 */
export function* inOrder(
  blocks: readonly Block[],
  tables: TrafficTables,
  onBad: (block: Block, why: string) => void,
): Generator<TrafficBatch> {
  const merger = new Merger();
  for (const [index, block] of blocks.entries()) {
    const nextMs = blocks[index + 1]?.baseMs ?? Number.POSITIVE_INFINITY;
    const batch = opened(block, tables, onBad);
    if (batch === undefined) continue;
    if (merger.isEmpty && block.toMs <= nextMs) {
      yield batch;
      continue;
    }
    yield* merger.open(batch);
    yield* merger.emitUntil(nextMs);
    if (merger.isEmpty) yield* merger.flush();
  }
  yield* merger.emitUntil(Number.POSITIVE_INFINITY);
  yield* merger.flush();
}

function opened(
  block: Block,
  tables: TrafficTables,
  onBad: (block: Block, why: string) => void,
): TrafficBatch | undefined {
  try {
    const payload = block.source.read(block.position + HEAD_BYTES, block.storedBytes);
    return decodeBlock(block, payload, tables);
  } catch (error) {
    if (!(error instanceof BadBlock)) throw error;
    onBad(block, error.message);
    return undefined;
  }
}

/**
 * Puts the rows of several batches in order. Where their rates differ, the lowest holds for what comes out, so that it still
 * has all requests of a key or none.
 */
class Merger {
  #cursors: Cursor[] = [];
  #builder = new BatchBuilder(1);
  #rate = 1;
  #totals = new StratumTotals();
  #paths: KnownPath[] = [];
  /** Time of the last row, recorded or not. */
  #lastMs = 0;

  get isEmpty(): boolean {
    return this.#cursors.length === 0;
  }

  *open(batch: TrafficBatch): Generator<TrafficBatch> {
    const rate = this.#cursors.reduce((least, { batch: { rate: one } }) => Math.min(least, one), batch.rate);
    if (rate !== this.#rate) {
      // Totals are of all requests: those of a higher rate hold for a lower one.
      if (this.#builder.count > 0 || rate > this.#rate) yield* this.flush();
      this.#rate = rate;
      this.#builder = new BatchBuilder(rate);
    }
    this.#lastMs = Math.max(this.#lastMs, batch.baseMs);
    if (batch.count > 0) this.#cursors.push({ batch, at: 0 });
    for (const total of batch.totals)
      this.#totals.add(total.route, total.stratum, total.requests, total.bodyBytes);
    if (batch.paths !== undefined) this.#paths.push(...batch.paths);
  }

  /** Hands out what is not behind that time. */
  *emitUntil(endMs: number): Generator<TrafficBatch> {
    while (this.#cursors.length > 0) {
      const cursor = this.#cursors.reduce((first, one) => (timeOf(one) < timeOf(first) ? one : first));
      if (timeOf(cursor) > endMs) return;
      const others = this.#cursors.filter((one) => one !== cursor);
      yield* this.#run(
        cursor,
        others.reduce((least, one) => Math.min(least, timeOf(one)), endMs),
      );
    }
  }

  /** Rows of one batch up to a time; at least one. */
  *#run(cursor: Cursor, untilMs: number): Generator<TrafficBatch> {
    const { batch } = cursor;
    const threshold = thresholdOf(this.#rate);
    do {
      const { at } = cursor;
      const atMs = timeOf(cursor);
      this.#lastMs = atMs;
      if (this.#builder.isFull(atMs)) yield* this.flush();
      const kind = batch.kindTable[batch.kinds[at]!]!;
      const keyHi = batch.keyHi[at]!;
      const bodyBytes = batch.bodyBytes[at]!;
      if (this.#rate < 1 && batch.rate === 1 && !kind.internal)
        this.#totals.add(kind.route, stratumOf(bodyBytes), 1, bodyBytes);
      if (this.#rate === 1 || placeOf(keyHi) < threshold) {
        const waitedMs = batch.originMs[at]!;
        this.#builder.add({
          atMs,
          keyLo: batch.keyLo[at]!,
          keyHi,
          bodyBytes,
          besideBytes: batch.besideBytes[at]!,
          originMs: waitedMs === NOT_ASKED ? undefined : waitedMs,
          kind,
          life: batch.lifeTable[batch.lives[at]!]!,
        });
      }
      cursor.at += 1;
    } while (cursor.at < batch.count && timeOf(cursor) <= untilMs);
    if (cursor.at === batch.count) this.#cursors = this.#cursors.filter((one) => one !== cursor);
  }

  /** What is waiting, as a batch. */
  *flush(): Generator<TrafficBatch> {
    const totals = this.#rate < 1 ? this.#totals.take() : [];
    if (this.#builder.count === 0 && totals.length === 0) return;
    const batch = this.#builder.take(totals);
    const paths = this.#paths;
    this.#paths = [];
    const baseMs = batch.count === 0 ? this.#lastMs : batch.baseMs;
    yield { ...batch, baseMs, ...(paths.length === 0 ? {} : { paths }) };
  }
}

function timeOf({ batch, at }: Cursor): number {
  return batch.baseMs + batch.timeUs[at]! / 1000;
}

/** Batches that may overlap in time as fewer that do not. */
export function mergeBatches(batches: readonly TrafficBatch[]): TrafficBatch[] {
  const merger = new Merger();
  const merged: TrafficBatch[] = [];
  for (const batch of [...batches].sort((a, b) => a.baseMs - b.baseMs)) merged.push(...merger.open(batch));
  merged.push(...merger.emitUntil(Number.POSITIVE_INFINITY), ...merger.flush());
  return merged;
}
