import type { TrafficBatch } from '../traffic/batch.ts';
import type { TrafficRecord } from '../traffic/record.ts';
import type { ReplayOptions, SimulatedNode } from './plan.ts';
import { Asked } from './replay/asked.ts';
import { KeyRows, KeyWord } from './replay/key-rows.ts';
import { reportOf } from './replay/reports.ts';
import { Rows } from './replay/rows.ts';
import { NodeRun } from './replay/run.ts';
import { Sampling } from './replay/sampling.ts';
import { minuteIndex } from './replay/tally.ts';
import { warmUp } from './replay/warm.ts';
import type { SimulationReport } from './report.ts';

/**
 * What nodes would have done to recorded requests, all of them in one pass over the record.
 *
 * Memory: what each node's index and policies take (no bytes of images), and what {@link KeyRows} says. Time: about half a
 * microsecond for each request and node.
 *
 * @returns the reports, in the order of the nodes.
 * @throws Error that says what to do: the record is sampled at a lower rate than is asked for, or has too many keys.
 */
export function simulate(
  record: TrafficRecord,
  nodes: readonly SimulatedNode[],
  options: ReplayOptions = {},
): SimulationReport[] {
  return new Replay(record, nodes, options).run();
}

/** Rows that are read before each node is asked for them. */
const CHUNK_ROWS = 1024;

/** Beside one entry for each request and each that is replaced by it. */
const SPARE_ENTRIES = 4096;

class Replay {
  readonly #record: TrafficRecord;
  readonly #options: ReplayOptions;
  readonly #sampling: Sampling;
  readonly #runs: readonly NodeRun[];
  readonly #keys: KeyRows;
  readonly #rows: Rows;
  /** When counting begins, for the books; {@link #counts} says what counts. */
  readonly #countFromMs: number;
  /** Rows that were read and wait to be replayed. */
  readonly #chunk = Array.from({ length: CHUNK_ROWS }, () => new Asked());
  #inChunk = 0;
  #touched = 0;
  #done = 0;
  #isCounting = false;

  constructor(record: TrafficRecord, nodes: readonly SimulatedNode[], options: ReplayOptions) {
    this.#record = record;
    this.#options = options;
    this.#sampling = new Sampling(rateFor(record, options.rate));
    const keys = new KeyRows(nodes.length);
    this.#keys = keys;
    this.#rows = new Rows(keys, (name) => this.#addRoute(name));
    const { fromMs } = record.info;
    this.#countFromMs = Math.max(fromMs, options.countFromMs ?? fromMs);
    this.#runs = nodes.map(
      (node, position) =>
        new NodeRun(node, {
          keys,
          word: KeyWord.NODES + position,
          originals: this.#rows.original,
          rate: this.#sampling.rate,
          entriesMax: 2 * record.info.rows + (options.warm?.entries.length ?? 0) + SPARE_ENTRIES,
          countFromMs: this.#countFromMs,
        }),
    );
    if (options.warm !== undefined) warmUp(options.warm, this.#runs, this.#rows.kinds, keys, this.#sampling);
  }

  run(): SimulationReport[] {
    const { fromMs, toMs } = this.#record.info;
    for (const run of this.#runs) run.start(fromMs);
    for (const batch of this.#record.batches()) {
      this.#replay(batch);
      this.#done += batch.count;
      this.#options.onProgress?.(this.#done);
    }
    this.#startCounting();
    for (const run of this.#runs) run.finish(toMs);
    const about = {
      record: this.#record.info,
      start: this.#options.warm === undefined ? 'cold' : 'warm',
      routes: this.#rows.kinds.routes,
      gaps: this.#rows.gaps,
      sampling: this.#sampling,
      keys: this.#keys.count,
      lengthS: Math.max(1, (toMs - this.#countFromMs) / 1000),
    } as const;
    return this.#runs.map((run) => reportOf(run, about));
  }

  #addRoute(name: string): void {
    this.#sampling.addRoute();
    for (const run of this.#runs) run.addRoute(name);
  }

  #replay(batch: TrafficBatch): void {
    const rows = this.#rows;
    const sampling = this.#sampling;
    const { count, keyLo, keyHi } = batch;
    const keys = this.#keys;
    rows.open(batch);
    const isSampled = batch.rate < 1;
    const countsRows = !sampling.isWhole && !isSampled;
    let counted = 0;
    const perRow = isSampled && !sampling.isWhole ? meanOf(batch) : undefined;
    for (let row = 0; row < count; row += 1) {
      if (row % CHUNK_ROWS === 0)
        this.#touched += keys.touch(keyLo, keyHi, row, Math.min(count, row + CHUNK_ROWS));
      const atMs = batch.baseMs + batch.timeUs[row]! / 1000;
      const counts = this.#counts(atMs);
      if (counts) {
        if (!this.#isCounting) this.#startCounting();
        counted += 1;
        if (countsRows) this.#countRow(batch, row, atMs);
        if (perRow !== undefined)
          sampling.inMinute(this.#minuteOf(atMs), perRow.requests, perRow.bytes, 0, 0);
      }
      if (!sampling.has(keyHi[row]!)) continue;
      const asked = this.#chunk[this.#inChunk]!;
      if (rows.read(row, asked) !== 'request') continue;
      asked.counted = counts;
      if (!sampling.isWhole && counts) {
        sampling.seen(asked.kind!.route, asked.bodyBytes);
        sampling.inMinute(this.#minuteOf(atMs), 0, 0, 1, asked.bodyBytes);
      }
      this.#inChunk += 1;
      if (this.#inChunk === CHUNK_ROWS) this.#flush();
    }
    this.#flush();
    if (!isSampled || sampling.isWhole) return;
    if (count > 0) sampling.batch(batch, rows.kinds, counted / count);
    else if (this.#counts(batch.baseMs)) this.#withoutRows(batch);
  }

  /** None of the keys asked for was in the sample: all that is known is how many requests there were. */
  #withoutRows(batch: TrafficBatch): void {
    const { requests, bytes } = meanOf({ ...batch, count: 1 });
    this.#sampling.batch(batch, this.#rows.kinds, 1);
    this.#sampling.inMinute(this.#minuteOf(batch.baseMs), requests, bytes, 0, 0);
  }

  /** Node by node: what one of them uses stays in the processor's caches meanwhile. */
  #flush(): void {
    for (const run of this.#runs) {
      this.#touched += run.touch(this.#chunk, this.#inChunk);
      for (let at = 0; at < this.#inChunk; at += 1) run.request(this.#chunk[at]!);
    }
    this.#inChunk = 0;
  }

  /** What a record says of its own beginning may be rounded: without a time that was asked for, all counts. */
  #counts(atMs: number): boolean {
    const { countFromMs } = this.#options;
    return countFromMs === undefined || atMs >= countFromMs;
  }

  #countRow(batch: TrafficBatch, row: number, atMs: number): void {
    const kind = this.#rows.kindOf(row);
    if (kind.isRefused || kind.isInternal) return;
    const bodyBytes = batch.bodyBytes[row]!;
    this.#sampling.one(kind.route, bodyBytes);
    this.#sampling.inMinute(this.#minuteOf(atMs), 1, bodyBytes, 0, 0);
  }

  #minuteOf(atMs: number): number {
    return minuteIndex(atMs, this.#countFromMs);
  }

  #startCounting(): void {
    if (this.#isCounting) return;
    this.#flush();
    this.#isCounting = true;
    for (const run of this.#runs) run.count(this.#countFromMs);
  }
}

/** What all requests of the time of a batch come to for each of its rows. */
function meanOf({ totals, count }: TrafficBatch): { readonly requests: number; readonly bytes: number } {
  const sums = { requests: 0, bytes: 0 };
  for (const { requests, bodyBytes } of totals) {
    sums.requests += requests / count;
    sums.bytes += bodyBytes / count;
  }
  return sums;
}

/** @throws Error when the record has fewer keys than that. */
function rateFor({ info }: TrafficRecord, asked: number | undefined): number {
  const most = info.rows === 0 ? 1 : info.rateMin;
  if (asked === undefined) return most;
  if (!(asked > 0 && asked <= most)) {
    throw new Error(
      `a rate of ${asked} cannot be replayed: ${info.name} has ${most === 1 ? 'all' : `a share of ${most}`} of the keys; ask for a rate above 0 and at most ${most}`,
    );
  }
  return asked;
}
