import {
  BatchBuilder,
  type KnownPath,
  type ResponseLife,
  type ServedKind,
  stratumOf,
  type TrafficBatch,
  type TrafficRow,
  TrafficTables,
} from './batch.ts';
import { isVariant, RowBit, type StoredRow } from './row-ring.ts';
import { placeOf, rateOf, thresholdOf } from './sample.ts';
import { StratumTotals } from './totals.ts';

/** Threshold at which every key is in. */
const ALL = thresholdOf(1);
/** Lifetimes that are remembered without a text for each; a power of two. */
const LIVES = 1024;
/** Kinds and lives that are kept for good, at most: beyond it they begin anew, and equal ones of two batches may be two. */
const TABLES_MAX = 100_000;

/** Puts the rows of one drain into batches. */
export class Assembly {
  readonly #hand: (batch: TrafficBatch) => void;
  #builder = new BatchBuilder(1);
  #threshold = ALL;
  #totals = new StratumTotals();
  #paths: KnownPath[] = [];

  constructor(hand: (batch: TrafficBatch) => void) {
    this.#hand = hand;
  }

  /** @param totals of all requests that have been counted by whoever noted them. */
  begin(threshold: number, totals: StratumTotals): void {
    if (threshold !== this.#threshold) this.#builder = new BatchBuilder(rateOf(threshold));
    this.#threshold = threshold;
    this.#totals = totals;
  }

  /**
   * Rows in the order of their times.
   *
   * @param isCounted the totals have it already.
   */
  add(row: TrafficRow, isCounted: boolean, path?: KnownPath): void {
    const { keyHi, kind, bodyBytes } = row;
    if (this.#threshold !== ALL) {
      if (!isCounted && !kind.internal) this.#totals.add(kind.route, stratumOf(bodyBytes), 1, bodyBytes);
      if (placeOf(keyHi) >= this.#threshold) return;
    }
    if (this.#builder.isFull(row.atMs)) this.#hand(this.#builder.take());
    this.#builder.add(row);
    if (path !== undefined) this.#paths.push(path);
  }

  /** Hands out what is left, with the totals; without a row also these alone. */
  end(nowMs: number): void {
    const totals = this.#threshold === ALL ? [] : this.#totals.take();
    const { count } = this.#builder;
    if (count === 0 && totals.length === 0) return;
    const batch = this.#builder.take(totals);
    const paths = this.#paths;
    this.#paths = [];
    this.#hand({
      ...batch,
      ...(count === 0 ? { baseMs: nowMs } : {}),
      ...(paths.length === 0 ? {} : { paths }),
    });
  }
}

/** Makes rows of what rings have, with as few texts and look-ups as can be: this is done for every hit. */
export class RowMaker {
  #tables = new TrafficTables();
  readonly #kinds = new Map<number, ServedKind>();
  readonly #lives: (ResponseLife | undefined)[] = Array.from({ length: LIVES });
  #lifeCount = 0;

  /**
   * @param offsetMs from monotonic time to the epoch.
   * @param routeNames by id; one that is written is never another's.
   */
  rowOf(row: StoredRow, offsetMs: number, routeNames: readonly string[]): TrafficRow {
    return {
      atMs: row.atMs + offsetMs,
      keyLo: row.keyLo,
      keyHi: row.keyHi,
      bodyBytes: row.bodyBytes,
      besideBytes: row.besideBytes,
      originMs: undefined,
      kind: this.#kindOf(row, routeNames),
      life: this.#lifeOf(row),
    };
  }

  /** The same kind and life for equal ones. */
  interned(row: TrafficRow): TrafficRow {
    this.#count();
    return { ...row, kind: this.#tables.kind(row.kind), life: this.#tables.life(row.life) };
  }

  #kindOf(row: StoredRow, routeNames: readonly string[]): ServedKind {
    const variant = isVariant(row);
    const marks = row.bits & (RowBit.HEAD | RowBit.INTERNAL | RowBit.DISK);
    const id = ((row.route * 1024 + row.status) * 8 + marks) * 2 + (variant ? 1 : 0);
    let kind = this.#kinds.get(id);
    if (kind === undefined) {
      kind = this.#tables.kind({
        route: routeNames[row.route] ?? '',
        status: row.status,
        outcome: 'hit',
        tier: (marks & RowBit.DISK) === 0 ? 'memory' : 'disk',
        notStored: '',
        variant,
        internal: (marks & RowBit.INTERNAL) !== 0,
        head: (marks & RowBit.HEAD) !== 0,
      });
      this.#kinds.set(id, kind);
    }
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
    this.#lives.fill(undefined);
  }
}
