import {
  BatchBuilder,
  NOT_ASKED,
  type ResponseLife,
  type ServedKind,
  type TrafficBatch,
  type TrafficRow,
} from '../batch.ts';

/** How far lines of a log may be out of order: a request is written when it ends, and a slow client takes its time. */
export const WINDOW_MS = 300_000;

/** Most rows that wait for their turn. Two sets of columns of 40 bytes, and 8 to sort by: 46 MB at the most. */
export const ROWS_MAX = 2 ** 19;
const ROWS_FIRST = 2 ** 14;

/**
 * Puts rows into the order of their times, within a window and with bounded memory. Rows are handed in as they are read, equal times
 * stay in that order.
 *
 * Where no time has a fraction, those of one second are spread over it evenly: a log in whole seconds has not served its requests
 * in one moment.
 */
export class ReorderBuffer {
  #columns = new Columns(ROWS_FIRST);
  #spare = new Columns(0);
  #sortKeys = new Float64Array(0);
  #count = 0;
  /** The rows are in order as they lie. */
  #ascending = true;
  /** No time so far had a fraction of a second. */
  #wholeSeconds = true;
  #releasedMs = Number.NEGATIVE_INFINITY;
  readonly #kinds: ServedKind[] = [];
  readonly #kindIds = new Map<ServedKind, number>();
  readonly #lives: ResponseLife[] = [];
  readonly #lifeIds = new Map<ResponseLife, number>();
  readonly #builder: BatchBuilder;
  readonly #onBatch: (batch: TrafficBatch) => void;
  readonly #rowsMax: number;
  /** Rows that came later than the window, with the time of those before them. */
  lateRows = 0;
  fromMs = Number.NaN;
  toMs = Number.NaN;

  /**
   * @param onBatch is handed what is in order.
   * @param rate of the records that rows come from; 1 for logs.
   */
  constructor(onBatch: (batch: TrafficBatch) => void, rate = 1, rowsMax = ROWS_MAX) {
    this.#onBatch = onBatch;
    this.#builder = new BatchBuilder(rate);
    this.#rowsMax = rowsMax;
  }

  get isFull(): boolean {
    return this.#count >= this.#rowsMax;
  }

  /** Adds a row; {@link release} when {@link isFull}. Kinds and lives that are equal must be the same object. */
  add(row: TrafficRow): void {
    const columns = this.#room();
    const at = this.#count;
    let { atMs } = row;
    if (atMs < this.#releasedMs) {
      this.lateRows += 1;
      atMs = this.#releasedMs;
    }
    if (at > 0 && atMs < columns.atMs[at - 1]!) this.#ascending = false;
    if (atMs % 1000 !== 0) this.#wholeSeconds = false;
    columns.atMs[at] = atMs;
    columns.keyLo[at] = row.keyLo;
    columns.keyHi[at] = row.keyHi;
    columns.bodyBytes[at] = Math.min(row.bodyBytes, 0xffff_ffff);
    columns.besideBytes[at] = Math.min(row.besideBytes, 0xffff);
    columns.originMs[at] =
      row.originMs === undefined ? NOT_ASKED : Math.min(Math.round(row.originMs), NOT_ASKED - 1);
    columns.kind[at] = idOf(this.#kindIds, this.#kinds, row.kind);
    columns.life[at] = idOf(this.#lifeIds, this.#lives, row.life);
    this.#count += 1;
  }

  /**
   * Hands out what nothing can come before any more.
   *
   * @param reachedMs time up to which all logs have been read.
   */
  release(reachedMs: number): void {
    const order = this.#order();
    const untilMs = reachedMs - WINDOW_MS;
    let cut = 0;
    while (cut < this.#count && this.#columns.atMs[at(order, cut)]! < untilMs) cut += 1;
    // Memory is bounded: when most are inside the window, the older half of them has to go.
    const half = this.#count >> 1;
    if (cut < half) cut = this.#secondStart(order, half);
    this.#emit(order, cut);
    this.#keep(order, cut);
  }

  /** Hands out the rest. */
  flush(): void {
    this.#emit(this.#order(), this.#count);
    this.#count = 0;
    if (this.#builder.count > 0) this.#onBatch(this.#builder.take());
  }

  #room(): Columns {
    const { length } = this.#columns.atMs;
    if (this.#count < length) return this.#columns;
    this.#columns = this.#columns.grown(Math.min(Math.max(length * 2, ROWS_FIRST), this.#rowsMax + 1));
    return this.#columns;
  }

  /** The rows by time, as positions; undefined where they lie in order. */
  #order(): Float64Array | undefined {
    if (this.#ascending) return undefined;
    if (this.#sortKeys.length < this.#count) this.#sortKeys = new Float64Array(this.#columns.atMs.length);
    const keys = this.#sortKeys.subarray(0, this.#count);
    const times = this.#columns.atMs;
    let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let i = 0; i < this.#count; i += 1) {
      first = Math.min(first, times[i]!);
      last = Math.max(last, times[i]!);
    }
    // Time above, position below: 53 bits hold 2^33 steps of the time that the rows span.
    const scale = last > first ? (STEPS - 1) / (last - first) : 0;
    for (let i = 0; i < this.#count; i += 1)
      keys[i] = Math.floor((times[i]! - first) * scale) * POSITIONS + i;
    keys.sort();
    return keys;
  }

  /** The first row at or before `cut` of the same second, so that a second is spread as a whole; `cut` if that is the first of all. */
  #secondStart(order: Float64Array | undefined, cut: number): number {
    if (!this.#wholeSeconds || cut === 0) return cut;
    const times = this.#columns.atMs;
    const second = times[at(order, cut)]!;
    let start = cut;
    while (start > 0 && times[at(order, start - 1)] === second) start -= 1;
    return start === 0 ? cut : start;
  }

  #emit(order: Float64Array | undefined, cut: number): void {
    const columns = this.#columns;
    for (let i = 0; i < cut; ) {
      const timeMs = columns.atMs[at(order, i)]!;
      let end = i + 1;
      if (this.#wholeSeconds) while (end < cut && columns.atMs[at(order, end)] === timeMs) end += 1;
      for (let k = i; k < end; k += 1)
        this.#put(columns, at(order, k), timeMs + ((k - i) * 1000) / (end - i));
      i = end;
    }
    if (cut === 0) return;
    this.#releasedMs = columns.atMs[at(order, cut - 1)]!;
  }

  #put(columns: Columns, row: number, atMs: number): void {
    if (Number.isNaN(this.fromMs)) this.fromMs = atMs;
    this.toMs = Math.max(atMs, Number.isNaN(this.toMs) ? atMs : this.toMs);
    if (this.#builder.isFull(atMs)) this.#onBatch(this.#builder.take());
    const originMs = columns.originMs[row]!;
    this.#builder.add({
      atMs,
      keyLo: columns.keyLo[row]!,
      keyHi: columns.keyHi[row]!,
      bodyBytes: columns.bodyBytes[row]!,
      besideBytes: columns.besideBytes[row]!,
      originMs: originMs === NOT_ASKED ? undefined : originMs,
      kind: this.#kinds[columns.kind[row]!]!,
      life: this.#lives[columns.life[row]!]!,
    });
  }

  /** Moves the rows from `cut` on to the front, in their order. */
  #keep(order: Float64Array | undefined, cut: number): void {
    const left = this.#count - cut;
    if (order === undefined) this.#columns.shift(cut, this.#count);
    else {
      if (this.#spare.atMs.length < this.#columns.atMs.length)
        this.#spare = new Columns(this.#columns.atMs.length);
      for (let i = 0; i < left; i += 1) this.#spare.copy(i, this.#columns, at(order, cut + i));
      [this.#columns, this.#spare] = [this.#spare, this.#columns];
    }
    this.#count = left;
    this.#ascending = true;
  }
}

const POSITIONS = 2 ** 20;
const STEPS = 2 ** 33;

function at(order: Float64Array | undefined, i: number): number {
  return order === undefined ? i : order[i]! % POSITIONS;
}

function idOf<T>(ids: Map<T, number>, all: T[], value: T): number {
  const known = ids.get(value);
  if (known !== undefined) return known;
  ids.set(value, all.length);
  all.push(value);
  return all.length - 1;
}

/** Rows in columns, as in a batch but with whole times, and kinds and lives by numbers of the buffer. */
class Columns {
  readonly atMs: Float64Array;
  readonly keyLo: Uint32Array;
  readonly keyHi: Uint32Array;
  readonly bodyBytes: Uint32Array;
  readonly besideBytes: Uint16Array;
  readonly originMs: Uint16Array;
  readonly kind: Uint32Array;
  readonly life: Uint32Array;

  constructor(rows: number) {
    this.atMs = new Float64Array(rows);
    this.keyLo = new Uint32Array(rows);
    this.keyHi = new Uint32Array(rows);
    this.bodyBytes = new Uint32Array(rows);
    this.besideBytes = new Uint16Array(rows);
    this.originMs = new Uint16Array(rows);
    this.kind = new Uint32Array(rows);
    this.life = new Uint32Array(rows);
  }

  #all() {
    const { atMs, keyLo, keyHi, bodyBytes, besideBytes, originMs, kind, life } = this;
    return [atMs, keyLo, keyHi, bodyBytes, besideBytes, originMs, kind, life] as const;
  }

  grown(rows: number): Columns {
    const larger = new Columns(rows);
    for (const [i, column] of larger.#all().entries()) column.set(this.#all()[i]!);
    return larger;
  }

  shift(from: number, to: number): void {
    for (const column of this.#all()) column.copyWithin(0, from, to);
  }

  copy(i: number, other: Columns, j: number): void {
    this.atMs[i] = other.atMs[j]!;
    this.keyLo[i] = other.keyLo[j]!;
    this.keyHi[i] = other.keyHi[j]!;
    this.bodyBytes[i] = other.bodyBytes[j]!;
    this.besideBytes[i] = other.besideBytes[j]!;
    this.originMs[i] = other.originMs[j]!;
    this.kind[i] = other.kind[j]!;
    this.life[i] = other.life[j]!;
  }
}
