import { assert } from '../base/assert.ts';
import type { NotStoredReason, Outcome } from '../cache/outcome.ts';

/**
 * Recorded requests in columns: what a record is read as, written from, and replayed from. A row costs 24 bytes; what many
 * rows share (route, status, how it was served, lifetimes) stands once, in a table that the row points into.
 */

/** Rows in a batch at the most: positions in its tables have 16 bits. */
export const BATCH_ROWS_MAX = 65_536;

/** {@link TrafficBatch.originMs} of a request for which no origin was waited for. Longer times are kept as one less than this. */
export const NOT_ASKED = 0xffff;

/** What a request was, and how it was served, but for its key and its times. Equal ones are one object within a record. */
export interface ServedKind {
  readonly route: string;
  /** Of the response as a whole, 200 where a 304 or 206 was sent of it. 0 when there was none. */
  readonly status: number;
  readonly outcome: Outcome;
  /** Where the stored response was that answered: `none` when none did. */
  readonly tier: 'memory' | 'disk' | 'none';
  /** Why what the origin sent was not stored; `''` when it was, or when it was not asked. */
  readonly notStored: NotStoredReason | '';
  /** Made of an original. */
  readonly variant: boolean;
  /** The node itself asked for it, to make a variant: nobody's request, but says what an original is like. */
  readonly internal: boolean;
  readonly head: boolean;
}

/** A kind: a miss of an original that was fetched whole and stored, but for what is said otherwise. */
export function servedKind(route: string, more: Partial<Omit<ServedKind, 'route'>> = {}): ServedKind {
  return {
    route,
    status: 200,
    outcome: 'miss',
    tier: 'none',
    notStored: '',
    variant: false,
    internal: false,
    head: false,
    ...more,
  };
}

/**
 * What is known about the lifetime of a response. Times in whole seconds.
 *
 * `stated`: the origin was asked, and this is what it said; the rules of a route can be applied to it anew. `applied`: a stored
 * response answered, and these are the lifetimes that it had been given. `unknown`: an imported log does not say.
 */
export type ResponseLife =
  | {
      readonly known: 'stated';
      /** `s-maxage`, `max-age` or `Expires`, the first that is there; undefined when it states none. */
      readonly lifetimeS: number | undefined;
      /** Date minus Last-Modified, for the heuristic. */
      readonly modifiedAgoS: number | undefined;
      /** Age on arrival. */
      readonly ageS: number;
      readonly whileRevalidateS: number | undefined;
      readonly ifErrorS: number | undefined;
      /** Bits of {@link Stated}. */
      readonly flags: number;
    }
  | {
      readonly known: 'applied';
      /** From its birth on. */
      readonly lifetimeS: number;
      readonly whileRevalidateS: number;
      readonly ifErrorS: number;
      /** Bits of `Flag` (cache/entries.ts): VALIDATE, VALIDATOR, LAST_GOOD, SHARED. */
      readonly flags: number;
    }
  | { readonly known: 'unknown' };
/** What an origin said. */
export type StatedLife = Extract<ResponseLife, { readonly known: 'stated' }>;

/** What a response states that says how long it is fresh, or not even that, but for what is said otherwise. */
export function statedLife(
  lifetimeS: number | undefined,
  more: Partial<Omit<StatedLife, 'known' | 'lifetimeS'>> = {},
): StatedLife {
  return {
    known: 'stated',
    lifetimeS,
    modifiedAgoS: undefined,
    ageS: 0,
    whileRevalidateS: undefined,
    ifErrorS: undefined,
    flags: 0,
    ...more,
  };
}

/** Bits of what a response said about itself, beside its times. */
export const Stated = {
  NO_CACHE: 1,
  /** `must-revalidate` or `proxy-revalidate`. */
  MUST_REVALIDATE: 2,
  /** Its lifetime is an `s-maxage`, which forbids the stale windows of a route. */
  S_MAXAGE: 4,
  PUBLIC: 8,
  /** Has an ETag or a Last-Modified. */
  VALIDATOR: 16,
  /** Its type is an image's. */
  IMAGE: 32,
} as const;

/** Requests of all keys, recorded or not, of one route and one class of size: what a sample is corrected by (SHARDS-adj). */
export interface StratumTotal {
  readonly route: string;
  /** {@link stratumOf} the body. */
  readonly stratum: number;
  readonly requests: number;
  readonly bodyBytes: number;
}

/** Requests in the order of their arrival. Columns have `count` valid rows and may be longer. */
export interface TrafficBatch {
  readonly count: number;
  /** Milliseconds since the epoch of time 0 of this batch. */
  readonly baseMs: number;
  /** Arrival in microseconds since {@link baseMs}; never falls. A batch is shorter than 71 minutes. */
  readonly timeUs: Uint32Array;
  /** Low half of the key's hash. With {@link keyHi} it names the response. */
  readonly keyLo: Uint32Array;
  /** High half of the hash of the *resource's* key: variants have that of their original, so that both are sampled alike. */
  readonly keyHi: Uint32Array;
  /** Length of the whole body, also where a part of it or none was sent; at most 2^32 - 1. */
  readonly bodyBytes: Uint32Array;
  /** What is stored beside the body: key and head; at most 65,535. 0: not known. */
  readonly besideBytes: Uint16Array;
  /** Time to the head of the origin's response in milliseconds, or {@link NOT_ASKED}. */
  readonly originMs: Uint16Array;
  /** Position in {@link kindTable}. */
  readonly kinds: Uint16Array;
  /** Position in {@link lifeTable}. */
  readonly lives: Uint16Array;
  readonly kindTable: readonly ServedKind[];
  readonly lifeTable: readonly ResponseLife[];
  /** Share of the keys that are recorded, above 0 to 1 (`sample.ts`). */
  readonly rate: number;
  /** Of all keys, in the time of this batch, internal ones left out. Empty when the rate is 1: the rows say it. */
  readonly totals: readonly StratumTotal[];
  /** Keys whose path is told, each once in a while: only where the operator wants paths recorded. */
  readonly paths?: readonly KnownPath[];
  /** Of clients, lost before this batch since the one before: written to the head of its block, and only there. */
  readonly lostRequests?: number;
}

/** What a key stands for, in clear. */
export interface KnownPath {
  readonly keyLo: number;
  readonly keyHi: number;
  /** As the cache key has it, without the route: path, query, and what chooses a variant. */
  readonly path: string;
}

/** One request, for {@link BatchBuilder.add}; see {@link TrafficBatch} for the units. */
export interface TrafficRow {
  /** Milliseconds since the epoch, with a fraction. */
  readonly atMs: number;
  readonly keyLo: number;
  readonly keyHi: number;
  readonly bodyBytes: number;
  readonly besideBytes: number;
  /** Undefined when no origin was waited for. */
  readonly originMs: number | undefined;
  readonly kind: ServedKind;
  readonly life: ResponseLife;
}

/** Class of a size: 0 for nothing, else one more than its binary logarithm, 1 to 32. */
export function stratumOf(bytes: number): number {
  return bytes < 1 ? 0 : 32 - Math.clz32(bytes);
}

/** Makes equal kinds and lives one object each, so that what is worked out of them is worked out once. */
export class TrafficTables {
  readonly #kinds = new Map<string, ServedKind>();
  readonly #lives = new Map<string, ResponseLife>();

  kind(kind: ServedKind): ServedKind {
    const { route, status, outcome, tier, notStored, variant, internal, head } = kind;
    const key = `${status} ${outcome} ${tier} ${notStored} ${variant} ${internal} ${head} ${route}`;
    return interned(this.#kinds, key, kind);
  }

  life(life: ResponseLife): ResponseLife {
    if (life.known === 'unknown') return UNKNOWN_LIFE;
    const { lifetimeS, whileRevalidateS, ifErrorS, flags } = life;
    const more = life.known === 'stated' ? `${life.modifiedAgoS} ${life.ageS}` : '';
    return interned(
      this.#lives,
      `${life.known} ${lifetimeS} ${whileRevalidateS} ${ifErrorS} ${flags} ${more}`,
      life,
    );
  }
}

/** A log does not say how long its responses are good for. */
export const UNKNOWN_LIFE: ResponseLife = { known: 'unknown' };

function interned<T>(known: Map<string, T>, key: string, value: T): T {
  const found = known.get(key);
  if (found === undefined) known.set(key, value);
  return found ?? value;
}

/** Puts rows into batches. Adding is O(1); rows must come in the order of their times. */
export class BatchBuilder {
  readonly #rate: number;
  readonly #timeUs = new Uint32Array(BATCH_ROWS_MAX);
  readonly #keyLo = new Uint32Array(BATCH_ROWS_MAX);
  readonly #keyHi = new Uint32Array(BATCH_ROWS_MAX);
  readonly #bodyBytes = new Uint32Array(BATCH_ROWS_MAX);
  readonly #besideBytes = new Uint16Array(BATCH_ROWS_MAX);
  readonly #originMs = new Uint16Array(BATCH_ROWS_MAX);
  readonly #kinds = new Uint16Array(BATCH_ROWS_MAX);
  readonly #lives = new Uint16Array(BATCH_ROWS_MAX);
  #kindTable = new Map<ServedKind, number>();
  #lifeTable = new Map<ResponseLife, number>();
  #lastKind: ServedKind | undefined;
  #lastKindAt = 0;
  #lastLife: ResponseLife | undefined;
  #lastLifeAt = 0;
  #baseMs = 0;
  #count = 0;

  /** @param rate share of the keys whose requests are going to be added. */
  constructor(rate = 1) {
    this.#rate = rate;
  }

  get count(): number {
    return this.#count;
  }

  /** True when a row of that time needs a new batch: {@link take} this one first. */
  isFull(atMs: number): boolean {
    return this.#count === BATCH_ROWS_MAX || (this.#count > 0 && (atMs - this.#baseMs) * 1000 > 0xffff_ffff);
  }

  /** Kinds and lives that are equal must be the same object ({@link TrafficTables}). A time before the last row's counts as that. */
  add(row: TrafficRow): void {
    assert(!this.isFull(row.atMs), 'a full batch is taken before more is added');
    const at = this.#count;
    if (at === 0) this.#baseMs = row.atMs;
    const us = Math.round((row.atMs - this.#baseMs) * 1000);
    this.#timeUs[at] = at === 0 ? 0 : Math.max(us, this.#timeUs[at - 1]!);
    this.#keyLo[at] = row.keyLo;
    this.#keyHi[at] = row.keyHi;
    this.#bodyBytes[at] = Math.min(row.bodyBytes, 0xffff_ffff);
    this.#besideBytes[at] = Math.min(row.besideBytes, 0xffff);
    this.#originMs[at] =
      row.originMs === undefined ? NOT_ASKED : Math.min(Math.max(0, Math.round(row.originMs)), NOT_ASKED - 1);
    // Most rows are as the one before: that spares them the look-ups.
    if (row.kind !== this.#lastKind) {
      this.#lastKind = row.kind;
      this.#lastKindAt = position(this.#kindTable, row.kind);
    }
    if (row.life !== this.#lastLife) {
      this.#lastLife = row.life;
      this.#lastLifeAt = position(this.#lifeTable, row.life);
    }
    this.#kinds[at] = this.#lastKindAt;
    this.#lives[at] = this.#lastLifeAt;
    this.#count += 1;
  }

  /** The rows so far as a batch of their own, in columns that are exactly as long; the builder is empty again. */
  take(totals: readonly StratumTotal[] = []): TrafficBatch {
    const count = this.#count;
    const batch: TrafficBatch = {
      count,
      baseMs: this.#baseMs,
      timeUs: this.#timeUs.slice(0, count),
      keyLo: this.#keyLo.slice(0, count),
      keyHi: this.#keyHi.slice(0, count),
      bodyBytes: this.#bodyBytes.slice(0, count),
      besideBytes: this.#besideBytes.slice(0, count),
      originMs: this.#originMs.slice(0, count),
      kinds: this.#kinds.slice(0, count),
      lives: this.#lives.slice(0, count),
      kindTable: [...this.#kindTable.keys()],
      lifeTable: [...this.#lifeTable.keys()],
      rate: this.#rate,
      totals,
    };
    this.#kindTable = new Map();
    this.#lifeTable = new Map();
    this.#lastKind = undefined;
    this.#lastLife = undefined;
    this.#count = 0;
    return batch;
  }
}

function position<T>(table: Map<T, number>, value: T): number {
  const known = table.get(value);
  if (known !== undefined) return known;
  table.set(value, table.size);
  return table.size - 1;
}

/** Rows as batches, in memory: for small records, and tests. */
export function batchesOf(rows: Iterable<TrafficRow>, rate = 1): TrafficBatch[] {
  const builder = new BatchBuilder(rate);
  const batches: TrafficBatch[] = [];
  for (const row of rows) {
    if (builder.isFull(row.atMs)) batches.push(builder.take());
    builder.add(row);
  }
  if (builder.count > 0) batches.push(builder.take());
  return batches;
}
