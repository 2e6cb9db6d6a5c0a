import { NOT_ASKED, type TrafficBatch } from '../../traffic/batch.ts';
import type { Asked } from './asked.ts';
import { Histogram } from './histogram.ts';
import { type KeyRows, KeyWord, VARIANT_MARK } from './key-rows.ts';
import { type Kind, Kinds } from './kinds.ts';
import { Lives, type Said } from './lives.ts';

/** Key and head of a response where a record does not say. */
const BESIDE_BYTES = 400;

/** What was filled in because the record does not say it: how many requests it was needed for. */
export interface Gaps {
  unknownLives: number;
  appliedLives: number;
  unknownOriginMs: number;
  unknownBeside: number;
  unknownOriginals: number;
  refusedRows: number;
}

/** What a row is. */
export type RowUse = 'request' | 'internal' | 'nothing';

/**
 * Reads the rows of a record one after the other, as requests: what a row does not say is taken from what the record said of its
 * key before, or of its route. All of it is the same for every node.
 */
export class Rows {
  readonly kinds: Kinds;
  readonly lives = new Lives();
  readonly gaps: Gaps = {
    unknownLives: 0,
    appliedLives: 0,
    unknownOriginMs: 0,
    unknownBeside: 0,
    unknownOriginals: 0,
    refusedRows: 0,
  };
  readonly #keys: KeyRows;
  readonly #originMs: Median[] = [];
  readonly #sizes: Median[] = [];
  #kindsOfBatch: Kind[] = [];
  #livesOfBatch: Said[] = [];
  #batch: TrafficBatch | undefined;

  /** @param onRoute told of each new route, in the order of their numbers. */
  constructor(keys: KeyRows, onRoute: (name: string) => void) {
    this.#keys = keys;
    this.kinds = new Kinds((name) => {
      this.#originMs.push(new Median());
      this.#sizes.push(new Median());
      onRoute(name);
    });
  }

  /** From now on rows are of that batch. O(its tables). */
  open(batch: TrafficBatch): void {
    this.#batch = batch;
    this.#kindsOfBatch = this.kinds.of(batch);
    this.#livesOfBatch = this.lives.of(batch);
  }

  /** The kind of a row. */
  kindOf(row: number): Kind {
    return this.#kindsOfBatch[this.#batch!.kinds[row]!]!;
  }

  /** Reads a row into `asked`. O(1). */
  read(row: number, asked: Asked): RowUse {
    const batch = this.#batch!;
    const kind = this.kindOf(row);
    if (kind.isRefused) {
      this.gaps.refusedRows += 1;
      return 'nothing';
    }
    const keys = this.#keys;
    const said = this.#livesOfBatch[batch.lives[row]!]!;
    const key = keys.find(batch.keyLo[row]!, batch.keyHi[row]!, !kind.isVariant);
    asked.key = key;
    asked.lo = keys.word(key, KeyWord.LO);
    asked.hi = batch.keyHi[row]!;
    asked.kind = kind;
    asked.bodyBytes = batch.bodyBytes[row]!;
    asked.atMs = batch.baseMs + batch.timeUs[row]! / 1000;
    const waitedMs = batch.originMs[row]!;
    asked.fails = (kind.failed && said.life.known !== 'stated') || (kind.stale && waitedMs !== NOT_ASKED);
    this.#learn(asked, kind, said, waitedMs, batch.besideBytes[row]!);
    return kind.isInternal ? 'internal' : 'request';
  }

  /** What is known of the original of a variant, or assumed. */
  readonly original = (variant: Asked, into: Asked): void => {
    const keys = this.#keys;
    const key = keys.originalOf(variant.hi);
    const known = keys.word(key, KeyWord.KIND) & (VARIANT_MARK - 1);
    into.key = key;
    into.lo = keys.word(key, KeyWord.LO);
    into.hi = variant.hi;
    into.fails = variant.fails;
    if (known === 0) {
      this.gaps.unknownOriginals += 1;
      into.kind = this.kinds.original(variant.kind!);
      into.said = variant.said;
      into.bodyBytes = this.#sizes[into.kind.route]!.value ?? variant.bodyBytes;
      into.besideBytes = BESIDE_BYTES;
      into.originMs = variant.originMs;
      return;
    }
    into.kind = this.kinds.all[known - 1]!;
    const life = keys.word(key, KeyWord.LIFE);
    into.said = life === 0 ? variant.said : this.lives.all[life - 1]!;
    into.bodyBytes = keys.word(key, KeyWord.BODY);
    into.besideBytes = keys.word(key, KeyWord.KIND) >>> 16;
    const originMs = keys.word(key, KeyWord.ORIGIN);
    into.originMs = originMs === 0 ? (this.#originMs[into.kind.route]!.value ?? 0) : originMs - 1;
  };

  /** Fills in what the row leaves open, and remembers what it says. */
  #learn(asked: Asked, kind: Kind, said: Said, waitedMs: number, beside: number): void {
    const keys = this.#keys;
    const { key } = asked;
    const lifeWord = keys.word(key, KeyWord.LIFE);
    if (said.life.known === 'stated') {
      asked.said = said;
      if (lifeWord !== said.id + 1) keys.set(key, KeyWord.LIFE, said.id + 1);
    } else if (lifeWord !== 0 && kind.status < 400) asked.said = this.lives.all[lifeWord - 1]!;
    else {
      asked.said = said;
      if (said.life.known === 'unknown') this.gaps.unknownLives += 1;
      else this.gaps.appliedLives += 1;
    }
    const kindWord = keys.word(key, KeyWord.KIND);
    const knownBeside = kindWord >>> 16;
    if (beside === 0 && knownBeside === 0) this.gaps.unknownBeside += 1;
    asked.besideBytes = beside !== 0 ? beside : knownBeside !== 0 ? knownBeside : BESIDE_BYTES;
    this.#learnOriginMs(asked, kind, waitedMs);
    if (kind.status !== 200 || asked.fails) return;
    const next = (asked.besideBytes << 16) | (kindWord & VARIANT_MARK) | (kind.id + 1);
    if (next >>> 0 !== kindWord) keys.set(key, KeyWord.KIND, next >>> 0);
    if (keys.word(key, KeyWord.BODY) !== asked.bodyBytes) {
      keys.set(key, KeyWord.BODY, asked.bodyBytes);
      if (!kind.isVariant) this.#sizes[kind.route]!.add(asked.bodyBytes);
    }
  }

  #learnOriginMs(asked: Asked, kind: Kind, waitedMs: number): void {
    const keys = this.#keys;
    const median = this.#originMs[kind.route]!;
    if (waitedMs !== NOT_ASKED) {
      asked.originMs = waitedMs;
      if (asked.fails) return;
      keys.set(asked.key, KeyWord.ORIGIN, waitedMs + 1);
      median.add(waitedMs);
      return;
    }
    const known = keys.word(asked.key, KeyWord.ORIGIN);
    if (known !== 0) asked.originMs = known - 1;
    else {
      asked.originMs = median.value ?? 0;
      if (median.value === undefined) this.gaps.unknownOriginMs += 1;
    }
  }
}

/** A running median: looked up anew after each sixteenth more. */
class Median {
  value: number | undefined;
  readonly #values = new Histogram();
  #next = 1;

  add(value: number): void {
    this.#values.add(value);
    if (this.#values.total < this.#next) return;
    this.value = this.#values.quantile(0.5);
    this.#next = Math.ceil(this.#values.total * 1.0625) + 1;
  }
}
