import type { Clock } from '../../base/clock.ts';
import { type KnownPath, stratumOf, type TrafficBatch, type TrafficRow } from '../batch.ts';
import { mergeBatches } from '../record/ordered.ts';
import type { TrafficListener } from '../record.ts';
import { placeOf, rateOf, thresholdOf } from '../sample.ts';
import { Assembly, RowMaker } from './assembly.ts';
import { emptyRow, newRing, RingReader, type RingShare, RowBit, Stamps, type StoredRow } from './row-ring.ts';

/** Requests that had to wait, and wait to be recorded, at the most. */
const LATE_MAX = 16_384;
/** Rows that are handed out without waiting for the next drain. */
const HAND_ROWS = 32_768;
/** Keys whose paths were told lately. */
const PATHS_MAX = 65_536;
/** The wall clock may be off by so much against the monotonic one before rows follow it. */
const DRIFT_MS = 100;
const ALL = thresholdOf(1);

export interface TrafficRecorderOptions {
  readonly clock: Clock;
  /** Names of routes, by id. */
  readonly routeNames: () => readonly string[];
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
  /** Rows handed out. */
  rows = 0;
  #droppedBefore = 0;
  readonly #options: TrafficRecorderOptions;
  readonly #listeners: TrafficListener[] = [];
  readonly #rings: Joined[] = [];
  #late: { readonly row: LateRow; readonly isCounted: boolean }[] = [];
  readonly #row = emptyRow();
  readonly #maker = new RowMaker();
  /** Of this thread's hits; of workers'; of those that had to wait: each in order, and merged when they are handed out. */
  readonly #assembly = new Assembly();
  readonly #workers = new Assembly();
  readonly #waited = new Assembly();
  readonly #stamps = new Stamps();
  readonly #pathsTold = new Set<number>();
  #threshold = ALL;
  /** The lower one of that and the one before: rows of both may wait. */
  #drained = ALL;
  #offsetMs: number;
  #soon = false;
  #drains = false;

  constructor(options: TrafficRecorderOptions) {
    this.#options = options;
    this.#offsetMs = offsetOf(options.clock);
  }

  /** From now on it is told of each batch. */
  listen(listener: TrafficListener): void {
    this.#listeners.push(listener);
  }

  /** The ring of a worker. @param routesMax routes with an id below it are its. */
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
    this.#setDrained(Math.min(this.#drained, threshold));
    this.#threshold = threshold;
    for (const { reader } of this.#rings) reader.threshold = threshold;
  }

  /** The time of a look-up of this thread; see {@link Stamps}. */
  stamp(receivedMs: number): number {
    return this.#stamps.next(receivedMs);
  }

  /** Notes a hit of this thread; look-ups come in their order. Some 40 ns. */
  hit(row: StoredRow): void {
    const { routeNames } = this.#options;
    this.#assembly.add(this.#maker.rowOf(row, this.#offsetMs, routeNames()), false);
    if (this.#assembly.count === HAND_ROWS) this.#drainSoon();
  }

  /** Notes a request that had to wait. */
  add(row: LateRow): void {
    const { kind, bodyBytes, keyHi } = row;
    const isCounted = this.#threshold !== ALL;
    if (isCounted && !kind.internal) this.#assembly.addTotal(kind.route, stratumOf(bodyBytes), 1, bodyBytes);
    if (placeOf(keyHi) >= this.#threshold) return;
    if (this.#late.length >= LATE_MAX) {
      this.#droppedBefore += 1;
      return;
    }
    this.#late.push({ row, isCounted });
    if (this.#late.length === LATE_MAX / 2) this.#drainSoon();
  }

  /** Collects as soon as what runs now is done. */
  collectSoon(): void {
    if (this.#soon) return;
    this.#soon = true;
    this.#options.clock.after(0, () => {
      this.#soon = false;
      this.collect();
    });
  }

  /** Not at once: this may be in the midst of a request. */
  #drainSoon(): void {
    if (this.#drains) return;
    this.#drains = true;
    this.#options.clock.after(0, () => {
      this.#drains = false;
      this.drain();
    });
  }

  /** Makes room in the rings of workers. About 40 ns a row. */
  collect(): void {
    const readers = this.#rings.map(({ reader }) => reader);
    for (const reader of readers) reader.begin();
    for (;;) {
      const first = earliest(readers);
      if (first === undefined) break;
      const others = readers.filter((one) => one !== first);
      const untilMs = others.reduce((least, { nextMs }) => Math.min(least, nextMs), Number.MAX_VALUE);
      do this.#addStored(first);
      while (first.nextMs <= untilMs);
    }
    for (const reader of readers) reader.end();
    if (this.#workers.count >= HAND_ROWS) this.#drainSoon();
  }

  /** Hands out all that was noted. */
  drain(): void {
    // Not in the midst of a batch: times in it never fall.
    if (this.#assembly.count === 0) this.#followClock();
    this.collect();
    this.#handOut();
    this.#followClock();
  }

  #followClock(): void {
    const offsetMs = offsetOf(this.#options.clock);
    if (Math.abs(offsetMs - this.#offsetMs) > DRIFT_MS) this.#offsetMs = offsetMs;
  }

  #handOut(): void {
    const nowMs = this.#options.clock.nowMs();
    const names = this.#options.routeNames();
    for (const { reader } of this.#rings) {
      reader.takeTotals(names.length, (route, stratum, requests, bytes) =>
        this.#assembly.addTotal(names[route]!, stratum, requests, bytes),
      );
    }
    for (const late of this.#late.sort((a, b) => a.row.atMs - b.row.atMs)) this.#addLate(late);
    this.#late = [];
    const hits = this.#assembly.take(nowMs);
    const others = [...this.#workers.take(nowMs), ...this.#waited.take(nowMs)];
    for (const batch of others.length === 0 ? hits : mergeBatches([...hits, ...others])) this.#hand(batch);
    this.#setDrained(this.#threshold);
  }

  #setDrained(threshold: number): void {
    this.#drained = threshold;
    for (const each of [this.#assembly, this.#workers, this.#waited]) each.threshold = threshold;
  }

  #addLate({ row, isCounted }: { readonly row: LateRow; readonly isCounted: boolean }): void {
    const known = this.#maker.interned({ ...row, atMs: row.atMs + this.#offsetMs });
    this.#waited.add(known, isCounted, this.#pathOf(row));
  }

  #addStored(reader: RingReader): void {
    reader.next(this.#row);
    const row = this.#maker.rowOf(this.#row, this.#offsetMs, this.#options.routeNames());
    this.#workers.add(row, (this.#row.bits & RowBit.COUNTED) !== 0);
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

/** The one whose next row is the first of all; undefined when there is none. O(threads). */
function earliest(readers: readonly RingReader[]): RingReader | undefined {
  let first: RingReader | undefined;
  for (const one of readers) {
    if (one.nextMs < (first?.nextMs ?? Number.POSITIVE_INFINITY)) first = one;
  }
  return first;
}

/** From monotonic time to the epoch, in whole microseconds: so times of the one are whole in the other. */
function offsetOf(clock: Clock): number {
  return Math.round((clock.nowMs() - clock.monotonicMs()) * 1000) / 1000;
}
