import { Flag } from '../../cache/entries.ts';
import { stratumOf } from '../batch.ts';
import { placeOf, thresholdOf } from '../sample.ts';

/** Rows that a worker may be ahead of the owner, which can be busy for some ten milliseconds. A power of two; 768 KiB. */
const ROWS = 16_384;
/** 32-bit words of a row. */
const ROW = 12;
const STRATA = 33;
/** Threshold at which every key is in. */
const ALL = thresholdOf(1);

/** Words of {@link RingShare.header}; each writer has a cache line of its own. */
const Header = {
  /** Rows written; by the thread whose ring it is. */
  WRITTEN: 0,
  /** Rows dropped because the ring was full; by the same. */
  DROPPED: 1,
  /** Rows taken; by the owner. */
  TAKEN: 16,
  /** Keys below it are recorded ({@link placeOf}); by the owner. */
  THRESHOLD: 17,
} as const;
const HEADER_WORDS = 32;

/** Bits of a row. */
export const RowBit = { HEAD: 1, INTERNAL: 2, COUNTED: 4 } as const;

/** What one serving thread writes, and its node's owner reads. Each word has one writer. */
export interface RingShare {
  readonly header: Int32Array<SharedArrayBuffer>;
  readonly rows: SharedArrayBuffer;
  /** Requests and bytes of all keys, by route and stratum, since the start; counted below a rate of 1. */
  readonly totals: Float64Array<SharedArrayBuffer>;
}

/** A fresh stored response that answers at once, as the index has it. Times in seconds since the epoch. */
export interface StoredRow {
  keyLo: number;
  keyHi: number;
  bodyBytes: number;
  besideBytes: number;
  route: number;
  status: number;
  /** {@link RowBit}s. */
  bits: number;
  bornS: number;
  freshUntilS: number;
  revalidateUntilS: number;
  errorUntilS: number;
  /** Bits of `Flag`. */
  flags: number;
  /** Monotonic time of the look-up. */
  atMs: number;
}

/** Memory of a ring. @param routesMax routes with an id below it can be written. */
export function newRing(routesMax: number, threshold = ALL): RingShare {
  const header = new Int32Array(new SharedArrayBuffer(HEADER_WORDS * 4));
  header[Header.THRESHOLD] = threshold;
  return {
    header,
    rows: new SharedArrayBuffer(ROWS * ROW * 4),
    totals: new Float64Array(new SharedArrayBuffer(routesMax * STRATA * 2 * 8)),
  };
}

/** Times of look-ups in whole microseconds, each at least one behind the one before: so rows of a thread have their order. */
export class Stamps {
  #lastUs = 0;

  /** @param receivedMs monotonic. */
  next(receivedMs: number): number {
    this.#lastUs = Math.max(Math.floor(receivedMs * 1000), this.#lastUs + 1);
    return this.#lastUs / 1000;
  }
}

/**
 * The hits of one worker, on their way to the record: one writer, one reader, no locks. A row is 48 bytes of plain numbers,
 * written in some 15 ns: no allocation, no look-up. A full ring drops rows, and counts them.
 */
export class RingWriter {
  readonly #header: Int32Array;
  readonly #words: Uint32Array;
  readonly #times: Float64Array;
  readonly #totals: Float64Array;
  readonly #onHalf: () => void;
  #written: number;
  readonly #stamps = new Stamps();

  /** @param onHalf told when the ring is half full, in the midst of a request: it is to note that, and no more. */
  constructor({ header, rows, totals }: RingShare, onHalf: () => void) {
    this.#header = header;
    this.#words = new Uint32Array(rows);
    this.#times = new Float64Array(rows);
    this.#totals = totals;
    this.#onHalf = onHalf;
    this.#written = header[Header.WRITTEN]!;
  }

  /** The time of a look-up, for its row; see {@link Stamps}. */
  stamp(receivedMs: number): number {
    return this.#stamps.next(receivedMs);
  }

  /** Notes a request that a fresh stored response answers. Look-ups must come in their order ({@link stamp}). */
  add(row: StoredRow): void {
    const header = this.#header;
    const threshold = header[Header.THRESHOLD]!;
    let { bits } = row;
    if (threshold !== ALL) {
      this.#count(row);
      if (placeOf(row.keyHi) >= threshold) return;
      bits |= RowBit.COUNTED;
    }
    const written = this.#written;
    const waiting = (written - header[Header.TAKEN]!) | 0;
    if (waiting >= ROWS) {
      header[Header.DROPPED]! += 1;
      return;
    }
    const at = (written & (ROWS - 1)) * ROW;
    const words = this.#words;
    this.#times[at / 2] = row.atMs;
    words[at + 2] = row.keyLo;
    words[at + 3] = row.keyHi;
    words[at + 4] = row.bodyBytes;
    words[at + 5] = Math.min(row.besideBytes, 0xffff) | (row.status << 16);
    words[at + 6] = row.route | (bits << 16);
    words[at + 7] = row.bornS;
    words[at + 8] = row.freshUntilS;
    words[at + 9] = row.revalidateUntilS;
    words[at + 10] = row.errorUntilS;
    words[at + 11] = row.flags;
    this.#written = (written + 1) | 0;
    Atomics.store(header, Header.WRITTEN, this.#written);
    if (waiting === ROWS / 2) this.#onHalf();
  }

  #count({ bits, route, bodyBytes }: StoredRow): void {
    if ((bits & RowBit.INTERNAL) !== 0) return;
    const at = (route * STRATA + stratumOf(bodyBytes)) * 2;
    this.#totals[at]! += 1;
    this.#totals[at + 1]! += bodyBytes;
  }
}

/** The owner's end of a ring. */
export class RingReader {
  readonly #header: Int32Array;
  readonly #words: Uint32Array;
  readonly #times: Float64Array;
  readonly #totals: Float64Array;
  /** Those that were handed out already. */
  readonly #before: Float64Array;
  #taken: number;
  #end: number;

  constructor({ header, rows, totals }: RingShare) {
    this.#header = header;
    this.#words = new Uint32Array(rows);
    this.#times = new Float64Array(rows);
    this.#totals = totals;
    this.#before = new Float64Array(totals.length);
    this.#taken = header[Header.TAKEN]!;
    this.#end = this.#taken;
  }

  /** Rows lost, since the start. */
  get dropped(): number {
    return this.#header[Header.DROPPED]!;
  }

  /** From now on keys below that threshold are recorded. */
  set threshold(threshold: number) {
    Atomics.store(this.#header, Header.THRESHOLD, threshold);
  }

  /** Looks what there is. Rows that come later wait for the next time. */
  begin(): void {
    this.#end = Atomics.load(this.#header, Header.WRITTEN);
  }

  /** Time of the next row; Infinity when there is none. */
  get nextMs(): number {
    if (this.#taken === this.#end) return Number.POSITIVE_INFINITY;
    return this.#times[((this.#taken & (ROWS - 1)) * ROW) / 2]!;
  }

  /** Fills `into` with the next row. */
  next(into: StoredRow): void {
    const words = this.#words;
    const at = (this.#taken & (ROWS - 1)) * ROW;
    this.#taken = (this.#taken + 1) | 0;
    const sizes = words[at + 5]!;
    const marks = words[at + 6]!;
    into.atMs = this.#times[at / 2]!;
    into.keyLo = words[at + 2]!;
    into.keyHi = words[at + 3]!;
    into.bodyBytes = words[at + 4]!;
    into.besideBytes = sizes & 0xffff;
    into.status = sizes >>> 16;
    into.route = marks & 0xffff;
    into.bits = marks >>> 16;
    into.bornS = words[at + 7]!;
    into.freshUntilS = words[at + 8]!;
    into.revalidateUntilS = words[at + 9]!;
    into.errorUntilS = words[at + 10]!;
    into.flags = words[at + 11]!;
  }

  /** Gives the room of what was taken back to the writer. */
  end(): void {
    Atomics.store(this.#header, Header.TAKEN, this.#taken);
  }

  /** Requests of all keys since the last call. O(routes). */
  takeTotals(
    routes: number,
    add: (route: number, stratum: number, requests: number, bytes: number) => void,
  ): void {
    for (let i = 0; i < Math.min(routes * STRATA * 2, this.#totals.length); i += 2) {
      const requests = this.#totals[i]! - this.#before[i]!;
      if (requests === 0) continue;
      const bytes = this.#totals[i + 1]! - this.#before[i + 1]!;
      this.#before[i]! += requests;
      this.#before[i + 1]! += bytes;
      const cell = i / 2;
      add(Math.floor(cell / STRATA), cell % STRATA, requests, bytes);
    }
  }
}

/** A row to fill in, again and again. */
export function emptyRow(): StoredRow {
  return {
    keyLo: 0,
    keyHi: 0,
    bodyBytes: 0,
    besideBytes: 0,
    route: 0,
    status: 0,
    bits: 0,
    bornS: 0,
    freshUntilS: 0,
    revalidateUntilS: 0,
    errorUntilS: 0,
    flags: 0,
    atMs: 0,
  };
}

/** Whether a response was made of an original. */
export function isVariant({ flags }: Pick<StoredRow, 'flags'>): boolean {
  return (flags & Flag.VARIANT) !== 0;
}
