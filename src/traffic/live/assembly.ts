import {
  BatchBuilder,
  type KnownPath,
  type ResponseLife,
  type ServedKind,
  servedKind,
  stratumOf,
  type TrafficBatch,
  type TrafficRow,
  TrafficTables,
  UNKNOWN_LIFE,
} from '../batch.ts';
import { placeOf, rateOf, thresholdOf } from '../sample.ts';
import { StratumTotals } from '../totals.ts';
import { isVariant, RowBit, type StoredRow } from './row-ring.ts';

/** Threshold at which every key is in. */
const ALL = thresholdOf(1);
const NO_KIND = servedKind('', { status: 0, outcome: 'hit' });
/** Lifetimes that are remembered without a text for each; a power of two. */
const LIVES = 1024;
/** Kinds and lives that are kept for good, at most: beyond it they begin anew, and equal ones of two batches may be two. */
const TABLES_MAX = 100_000;

/** Puts rows into batches, of one rate at a time. */
export class Assembly {
  #builder = new BatchBuilder(1);
  #threshold = ALL;
  readonly #full: TrafficBatch[] = [];
  readonly #totals = new StratumTotals();
  #paths: KnownPath[] = [];

  /** Rows in the batch that is not full yet. */
  get count(): number {
    return this.#builder.count;
  }

  /** The threshold of what is added from now on. What was added before must have been taken. */
  set threshold(threshold: number) {
    if (threshold !== this.#threshold) this.#builder = new BatchBuilder(rateOf(threshold));
    this.#threshold = threshold;
  }

  /**
   * Rows in the order of their times.
   *
   * @param isCounted whoever noted it has counted it among all requests.
   */
  add(row: TrafficRow, isCounted: boolean, path?: KnownPath): void {
    const { keyHi, kind, bodyBytes } = row;
    if (this.#threshold !== ALL) {
      if (!isCounted && !kind.internal) this.#totals.add(kind.route, stratumOf(bodyBytes), 1, bodyBytes);
      if (placeOf(keyHi) >= this.#threshold) return;
    }
    if (this.#builder.isFull(row.atMs)) this.#full.push(this.#builder.take());
    this.#builder.add(row);
    if (path !== undefined) this.#paths.push(path);
  }

  /** Counts requests that were counted elsewhere. */
  addTotal(route: string, stratum: number, requests: number, bodyBytes: number): void {
    this.#totals.add(route, stratum, requests, bodyBytes);
  }

  /** All batches so far, the last with the totals; without a row also these alone. */
  take(nowMs: number): TrafficBatch[] {
    const totals = this.#totals.take();
    const told = this.#threshold === ALL ? [] : totals;
    const { count } = this.#builder;
    const batches = this.#full.splice(0);
    if (count === 0 && told.length === 0) return batches;
    const batch = this.#builder.take(told);
    const paths = this.#paths;
    this.#paths = [];
    batches.push({
      ...batch,
      ...(count === 0 ? { baseMs: nowMs } : {}),
      ...(paths.length === 0 ? {} : { paths }),
    });
    return batches;
  }
}

/** Makes rows of what rings have, with as few texts and look-ups as can be: this is done for every hit. */
export class RowMaker {
  #tables = new TrafficTables();
  readonly #kinds = new Map<number, ServedKind>();
  readonly #lives: (ResponseLife | undefined)[] = Array.from({ length: LIVES });
  #lifeCount = 0;
  /** The kind of the row before: most are of the same. */
  #lastId = -1;
  #lastKind: ServedKind | undefined;
  /** Filled anew for each row: an object for each would keep the garbage collector busy. */
  readonly #made: { -readonly [K in keyof TrafficRow]: TrafficRow[K] } = {
    atMs: 0,
    keyLo: 0,
    keyHi: 0,
    bodyBytes: 0,
    besideBytes: 0,
    originMs: undefined,
    kind: NO_KIND,
    life: UNKNOWN_LIFE,
  };

  /**
   * The same object each time, until the next call.
   *
   * @param offsetMs from monotonic time to the epoch.
   * @param routeNames by id; one that is written is never another's.
   */
  rowOf(row: StoredRow, offsetMs: number, routeNames: readonly string[]): TrafficRow {
    const made = this.#made;
    made.atMs = row.atMs + offsetMs;
    made.keyLo = row.keyLo;
    made.keyHi = row.keyHi;
    made.bodyBytes = row.bodyBytes;
    made.besideBytes = row.besideBytes;
    made.kind = this.#kindOf(row, routeNames);
    made.life = this.#lifeOf(row);
    return made;
  }

  /** The same kind and life for equal ones. */
  interned(row: TrafficRow): TrafficRow {
    this.#count();
    return { ...row, kind: this.#tables.kind(row.kind), life: this.#tables.life(row.life) };
  }

  #kindOf(row: StoredRow, routeNames: readonly string[]): ServedKind {
    const variant = isVariant(row);
    const marks = row.bits & (RowBit.HEAD | RowBit.INTERNAL);
    const id = ((row.route * 1024 + row.status) * 8 + marks) * 2 + (variant ? 1 : 0);
    if (id === this.#lastId) return this.#lastKind!;
    let kind = this.#kinds.get(id);
    if (kind === undefined) {
      kind = this.#tables.kind(
        servedKind(routeNames[row.route] ?? '', {
          status: row.status,
          outcome: 'hit',
          tier: 'memory',
          variant,
          internal: (marks & RowBit.INTERNAL) !== 0,
          head: (marks & RowBit.HEAD) !== 0,
        }),
      );
      this.#kinds.set(id, kind);
    }
    this.#lastId = id;
    this.#lastKind = kind;
    return kind;
  }

  #lifeOf(row: StoredRow): ResponseLife {
    const lifetimeS = row.freshUntilS - row.bornS;
    const whileRevalidateS = row.revalidateUntilS - row.freshUntilS;
    const ifErrorS = row.errorUntilS - row.freshUntilS;
    const { flags } = row;
    const at = (lifetimeS ^ Math.imul(whileRevalidateS, 31) ^ Math.imul(ifErrorS, 17) ^ flags) & (LIVES - 1);
    const known = this.#lives[at];
    if (
      known?.known === 'applied' &&
      known.lifetimeS === lifetimeS &&
      known.whileRevalidateS === whileRevalidateS &&
      known.ifErrorS === ifErrorS &&
      known.flags === flags
    )
      return known;
    this.#count();
    const life = this.#tables.life({ known: 'applied', lifetimeS, whileRevalidateS, ifErrorS, flags });
    this.#lives[at] = life;
    return life;
  }

  /** Lifetimes can be as many as there are responses: what is kept of them is bounded. */
  #count(): void {
    this.#lifeCount += 1;
    if (this.#lifeCount < TABLES_MAX) return;
    this.#lifeCount = 0;
    this.#tables = new TrafficTables();
    this.#kinds.clear();
    this.#lastId = -1;
    this.#lives.fill(undefined);
  }
}
