import type { Clock } from '../base/clock.ts';
import { Assembly, RowMaker } from './assembly.ts';
import { type KnownPath, stratumOf, type TrafficBatch, type TrafficRow } from './batch.ts';
import type { TrafficListener } from './record.ts';
import { emptyRow, newRing, RingReader, type RingShare, RingWriter, RowBit, RowBlock } from './row-ring.ts';
import { placeOf, rateOf, thresholdOf } from './sample.ts';
import { StratumTotals } from './totals.ts';

/** Requests that had to wait, and wait to be recorded, at the most. */
const LATE_MAX = 16_384;
/** Rows of rings that one drain takes. */
const DRAIN_ROWS = 65_536;
/** Keys whose paths were told lately. */
const PATHS_MAX = 65_536;
/** The wall clock may be off by so much against the monotonic one before rows follow it. */
const DRIFT_MS = 100;
const ALL = thresholdOf(1);

export interface TrafficRecorderOptions {
  readonly clock: Clock;
  /** Names of routes, by id. */
  readonly routeNames: () => readonly string[];
  /** Routes that there may come to be. */
  readonly routesMax: number;
  /** Paths are recorded beside their keys. */
  readonly paths: boolean;
  /** Told of what a listener throws. */
  readonly onFault: (error: unknown) => void;
}

/** A request that had to wait. `atMs` is monotonic: what {@link TrafficRecorder.stamp} said at its look-up. */
export interface LateRow extends TrafficRow {
  /** What its key stands for; asked only where paths are recorded. */
  readonly path: () => string;
}

/** A thread that serves beside the owner's. */
interface Joined {
  readonly share: RingShare;
  readonly reader: RingReader;
}

/**
 * What a running node does to know its traffic: collects a row for each request, of all its threads, and hands them out in
 * batches, in the order of the look-ups.
 */
export class TrafficRecorder {
  /** Where this thread notes its hits. */
  readonly writer: RingWriter;
  /** Rows handed out. */
  rows = 0;
  #droppedBefore = 0;
  readonly #options: TrafficRecorderOptions;
  readonly #listeners: TrafficListener[] = [];
  readonly #rings: Joined[] = [];
  #late: { readonly row: LateRow; readonly isCounted: boolean }[] = [];
  /** Of late requests, below a rate of 1. */
  readonly #lateTotals = new StratumTotals();
  readonly #block = new RowBlock(DRAIN_ROWS);
  readonly #row = emptyRow();
  readonly #maker = new RowMaker();
  readonly #assembly = new Assembly((batch) => this.#hand(batch));
  readonly #pathsTold = new Set<number>();
  #threshold = ALL;
  /** The lower one of that and the one before: rows of both may wait. */
  #drained = ALL;
  #offsetMs: number;
  #soon = false;

  constructor(options: TrafficRecorderOptions) {
    this.#options = options;
    const { clock, routesMax } = options;
    this.#offsetMs = clock.nowMs() - clock.monotonicMs();
    this.writer = new RingWriter(this.join(routesMax), () => this.drainSoon());
  }

  /** From now on it is told of each batch. */
  listen(listener: TrafficListener): void {
    this.#listeners.push(listener);
  }

  /** The ring of a further thread. */
  join(routesMax: number): RingShare {
    const share = newRing(routesMax, this.#threshold);
    this.#rings.push({ share, reader: new RingReader(share) });
    return share;
  }

  /** A thread is gone, for certain. What it has noted is taken. */
  leave(share: RingShare): void {
    this.drain();
    const at = this.#rings.findIndex((one) => one.share === share);
    if (at < 0) return;
    this.#droppedBefore += this.#rings[at]!.reader.dropped;
    this.#rings.splice(at, 1);
  }

  /** Rows lost to full buffers, of all threads. */
  get dropped(): number {
    return this.#rings.reduce((sum, { reader }) => sum + reader.dropped, this.#droppedBefore);
  }

  /** Share of the keys that is recorded. */
  get rate(): number {
    return rateOf(this.#threshold);
  }

  /** What was recorded so far keeps its rate. @param rate above 0 to 1. */
  set rate(rate: number) {
    this.drain();
    const threshold = thresholdOf(rate);
    // Whoever has not seen the new one yet still notes by the old: what both have is the lower one's.
    this.#drained = Math.min(this.#drained, threshold);
    this.#threshold = threshold;
    for (const { reader } of this.#rings) reader.threshold = threshold;
  }

  /** The time of a look-up, for a row that comes later ({@link RingWriter.stamp}). */
  stamp(receivedMs: number): number {
    return this.writer.stamp(receivedMs);
  }

  /** Notes a request that had to wait. */
  add(row: LateRow): void {
    const { kind, bodyBytes, keyHi } = row;
    const isCounted = this.#threshold !== ALL;
    if (isCounted && !kind.internal) this.#lateTotals.add(kind.route, stratumOf(bodyBytes), 1, bodyBytes);
    if (placeOf(keyHi) >= this.#threshold) return;
    if (this.#late.length >= LATE_MAX) {
      this.#droppedBefore += 1;
      return;
    }
    this.#late.push({ row, isCounted });
    if (this.#late.length === LATE_MAX / 2) this.drainSoon();
  }

  /** Drains as soon as what runs now is done. */
  drainSoon(): void {
    if (this.#soon) return;
    this.#soon = true;
    this.#options.clock.after(0, () => {
      this.#soon = false;
      this.drain();
    });
  }

  /** Hands out what was noted. About 0.15 us a row. */
  drain(): void {
    const { clock } = this.#options;
    const offsetMs = clock.nowMs() - clock.monotonicMs();
    if (Math.abs(offsetMs - this.#offsetMs) > DRIFT_MS) this.#offsetMs = offsetMs;
    const late = this.#late.sort((a, b) => a.row.atMs - b.row.atMs);
    this.#late = [];
    this.#assembly.begin(this.#drained, this.#totals());
    this.#drained = this.#threshold;
    const runs = this.#taken();
    let at = 0;
    for (;;) {
      const run = earliest(runs, this.#block);
      const next = late[at];
      if (run === undefined && next === undefined) break;
      if (run === undefined || (next !== undefined && next.row.atMs < this.#block.timeMs(run.at))) {
        this.#addLate(next!);
        at += 1;
      } else {
        this.#addStored(run.at);
        run.at += 1;
      }
    }
    this.#assembly.end(clock.nowMs());
  }

  #addLate({ row, isCounted }: { readonly row: LateRow; readonly isCounted: boolean }): void {
    const known = this.#maker.interned({ ...row, atMs: row.atMs + this.#offsetMs });
    this.#assembly.add(known, isCounted, this.#pathOf(row));
  }

  #addStored(at: number): void {
    this.#block.read(at, this.#row);
    const row = this.#maker.rowOf(this.#row, this.#offsetMs, this.#options.routeNames());
    this.#assembly.add(row, (this.#row.bits & RowBit.COUNTED) !== 0);
  }

  /** Copies what waits in the rings; what there is no room for waits for the next drain. */
  #taken(): Run[] {
    let used = 0;
    const runs = this.#rings.map(({ reader }) => {
      const at = used;
      used += reader.take(this.#block, used);
      return { at, end: used };
    });
    if (used === DRAIN_ROWS) this.drainSoon();
    return runs;
  }

  #totals(): StratumTotals {
    const names = this.#options.routeNames();
    const totals = new StratumTotals();
    for (const { reader } of this.#rings) {
      reader.takeTotals(names.length, (route, stratum, requests, bytes) =>
        totals.add(names[route]!, stratum, requests, bytes),
      );
    }
    for (const { route, stratum, requests, bodyBytes } of this.#lateTotals.take())
      totals.add(route, stratum, requests, bodyBytes);
    return totals;
  }

  #pathOf({ keyLo, keyHi, path }: LateRow): KnownPath | undefined {
    if (!this.#options.paths) return undefined;
    const id = keyLo + (keyHi & 0x1f_ffff) * 2 ** 32;
    if (this.#pathsTold.has(id)) return undefined;
    if (this.#pathsTold.size >= PATHS_MAX) this.#pathsTold.clear();
    this.#pathsTold.add(id);
    return { keyLo, keyHi, path: path() };
  }

  #hand(batch: TrafficBatch): void {
    this.rows += batch.count;
    for (const listener of this.#listeners) {
      try {
        listener.onBatch(batch);
      } catch (error) {
        this.#options.onFault(error);
      }
    }
  }
}

/** Rows of one thread in the block, not handed out yet. */
interface Run {
  at: number;
  readonly end: number;
}

/** The one whose next row is the first of all. O(threads). */
function earliest(runs: readonly Run[], block: RowBlock): Run | undefined {
  let first: Run | undefined;
  for (const run of runs) {
    if (run.at < run.end && (first === undefined || block.timeMs(run.at) < block.timeMs(first.at)))
      first = run;
  }
  return first;
}
