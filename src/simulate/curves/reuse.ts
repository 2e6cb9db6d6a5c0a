import type { TrafficBatch } from '../../traffic/batch.ts';
import { placeOf, rateOf, thresholdOf } from '../../traffic/sample.ts';
import { KeySlots, NONE, widened } from '../key-slots.ts';
import { type Curve, type CurveRules, FOREVER_S, goesPast } from './curve.ts';
import { RecencyOrder } from './recency.ts';
import { Misses, StratumTotals, sumOf } from './tally.ts';

/** What a fixed-size sample keeps of its keys when it has become too large. */
const KEPT_SHARE = 7 / 8;

export interface ReuseOptions {
  readonly rules: CurveRules;
  /** Sizes of caches that the curve is for, ascending, at least one. */
  readonly sizesBytes: readonly number[];
  /** Share of the keys to begin with, above 0 to 1. */
  readonly rate: number;
  /** Fewer keys than that at any time, at least 2: where there would be more, the rate falls. */
  readonly keysMax: number;
}

/**
 * Byte-weighted reuse distances of the requests for a share of the keys: how many bytes of other responses were asked for since the last
 * request for the same one. A least-recently-used cache of at least that size still has it (Mattson et al. 1970), so one pass
 * gives all sizes at once. Sampled as in SHARDS (Waldspurger et al., FAST 2015): by the place of the resource's hash, distances divided by the rate;
 * with a bound on the keys, those with the highest places leave, and the rate falls.
 *
 * **Lifetimes.** A request after the end of the response's lifetime is a miss at all sizes, and a new lifetime begins. This is the
 * lifetime as a cache that loses nothing has it; a smaller one may have fetched the response anew meanwhile, and then keeps it longer. Which
 * of them do depends on the size, so the curve is a little too high where much expires: `miniature.ts` has it right.
 *
 * Per request O(log keys). 60 to 110 bytes a key.
 */
export class ReuseSample {
  readonly #rules: CurveRules;
  readonly #sizesBytes: readonly number[];
  readonly #keysMax: number;
  readonly #keys = new KeySlots();
  readonly #order = new RecencyOrder((slot) => this.#weightOf(slot));
  readonly #misses: Misses;
  readonly #totals = new StratumTotals();
  #chargeBytes = new Float64Array(64);
  #usableUntilS = new Uint32Array(64);
  #usedS = new Uint32Array(64);
  /** Keys below it are followed. */
  #followed: number;
  /** Keys below it count; those between are only followed, until they are known well enough. */
  #counted: number;

  constructor({ rules, sizesBytes, rate, keysMax }: ReuseOptions) {
    this.#rules = rules;
    this.#sizesBytes = sizesBytes;
    this.#keysMax = keysMax;
    this.#misses = new Misses(sizesBytes.length + 1);
    this.#followed = thresholdOf(rate);
    this.#counted = this.#followed;
  }

  /** Keys that are followed now. */
  get keys(): number {
    return this.#keys.count;
  }

  /** Share of the keys whose requests count now. */
  get rate(): number {
    return rateOf(this.#counted);
  }

  /** Share of the keys that are followed: the rate, or what it is going to be. */
  get followedRate(): number {
    return rateOf(this.#followed);
  }

  /** Bytes that it takes. */
  get memoryBytes(): number {
    const columns = this.#chargeBytes.byteLength + this.#usableUntilS.byteLength * 2;
    return this.#keys.memoryBytes + this.#order.memoryBytes + this.#misses.memoryBytes + columns;
  }

  /** Requests, in the order of their times over all batches. */
  observe(batch: TrafficBatch): void {
    this.lower(batch.rate);
    // Without totals the rows have to say it: all there are, or a sample that nothing corrects.
    const hasTotals = batch.totals.length > 0;
    if (hasTotals) this.#totals.addTotals(batch.totals);
    for (let row = 0; row < batch.count; row += 1) {
      const kind = batch.kindTable[batch.kinds[row]!]!;
      const isClients = !kind.internal;
      if (isClients && !hasTotals) this.#totals.add(batch.bodyBytes[row]!, 1 / batch.rate);
      const place = placeOf(batch.keyHi[row]!);
      if (place >= this.#followed) continue;
      const distanceBytes = goesPast(kind) ? Number.POSITIVE_INFINITY : this.#use(batch, row);
      if (isClients && place < this.#counted)
        this.#misses.add(this.#columnOf(distanceBytes), batch.bodyBytes[row]!, 1 / this.rate);
      if (this.#keys.count >= this.#keysMax) this.#shrink();
    }
  }

  /** Lets the rate fall to this one, if it is higher. O(keys) when it is. */
  lower(rate: number): void {
    const threshold = thresholdOf(rate);
    if (threshold >= this.#followed) return;
    for (const slot of this.#order.oldestFirst())
      if (placeOf(this.#keys.hi(slot)) >= threshold) this.#drop(slot);
    this.#followed = threshold;
    this.#counted = Math.min(this.#counted, threshold);
  }

  /** Follows more keys from now on. They count when {@link settle} says so: at first none of their requests is known to be a reuse. */
  raise(rate: number): void {
    this.#followed = Math.max(this.#followed, thresholdOf(rate));
  }

  /** All keys that are followed count from now on. O(keys). */
  settle(): void {
    this.#counted = this.#followed;
    this.#order.renumber();
  }

  /** Forgets keys that were last asked for before a time, in seconds since the epoch. O(their number), and of the gaps in the order. */
  forget(beforeS: number): void {
    for (const slot of this.#order.oldestFirst()) {
      if (this.#usedS[slot]! >= beforeS) return;
      this.#drop(slot);
    }
  }

  /** Makes what was counted so far weigh less. */
  fade(factor: number): void {
    this.#misses.scale(factor);
    this.#totals.scale(factor);
  }

  /** The curve of what was observed. O(sizes). */
  curve(): Curve {
    const ratios = this.#misses.ratiosOfDistances(this.#totals);
    return {
      method: this.rate === 1 ? 'exact' : 'shards',
      policy: 'lru',
      rate: this.rate,
      keys: this.#keys.count,
      requests: sumOf(this.#totals.requests),
      bytes: sumOf(this.#totals.bytes),
      uniqueBytes: this.#order.bytes / this.rate,
      sizesBytes: this.#sizesBytes,
      // A request of column c misses in the first c sizes.
      objectMissRatio: ratios.object.slice(1),
      byteMissRatio: ratios.byte.slice(1),
    };
  }

  /** Moves the response of a row to the top. @returns its reuse distance, its own charge included; Infinity for a miss at any size. */
  #use(batch: TrafficBatch, row: number): number {
    const nowS = Math.floor((batch.baseMs + batch.timeUs[row]! / 1000) / 1000);
    const lo = batch.keyLo[row]!;
    const hi = batch.keyHi[row]!;
    let slot = this.#keys.find(lo, hi);
    const isReuse = slot !== NONE && nowS < this.#usableUntilS[slot]!;
    const kind = batch.kindTable[batch.kinds[row]!]!;
    const life = batch.lifeTable[batch.lives[row]!]!;
    const chargeBytes = this.#rules.chargeOf(batch.bodyBytes[row]!, batch.besideBytes[row]!);
    const usableS = isReuse || chargeBytes === 0 ? 0 : this.#rules.usableS(kind, life);
    if (!isReuse && usableS <= 0) {
      if (slot !== NONE) this.#drop(slot);
      return Number.POSITIVE_INFINITY;
    }
    let distanceBytes = Number.POSITIVE_INFINITY;
    if (slot === NONE) slot = this.#add(lo, hi);
    else {
      const ownBytes = this.#chargeBytes[slot]!;
      if (isReuse) distanceBytes = this.#order.bytesAbove(slot) / this.rate + ownBytes;
      this.#order.remove(slot);
    }
    // A request that failed while the response was usable says nothing about its size.
    if (!isReuse || (chargeBytes > 0 && batch.bodyBytes[row]! > 0)) this.#chargeBytes[slot] = chargeBytes;
    if (!isReuse) this.#usableUntilS[slot] = Math.min(FOREVER_S, nowS + usableS);
    this.#usedS[slot] = nowS;
    this.#order.add(slot);
    return distanceBytes;
  }

  #add(lo: number, hi: number): number {
    const slot = this.#keys.add(lo, hi);
    const { slots } = this.#keys;
    if (slots > this.#usedS.length) {
      this.#chargeBytes = widened(this.#chargeBytes, new Float64Array(slots));
      this.#usableUntilS = widened(this.#usableUntilS, new Uint32Array(slots));
      this.#usedS = widened(this.#usedS, new Uint32Array(slots));
    }
    return slot;
  }

  #drop(slot: number): void {
    this.#order.remove(slot);
    this.#keys.remove(slot);
  }

  #weightOf(slot: number): number {
    return placeOf(this.#keys.hi(slot)) < this.#counted ? this.#chargeBytes[slot]! : 0;
  }

  /** Too many keys: lets those with the highest places go, an eighth of them, so that it happens seldom. */
  #shrink(): void {
    const places = new Uint32Array(this.#keys.count);
    let at = 0;
    for (const slot of this.#order.oldestFirst()) {
      places[at] = placeOf(this.#keys.hi(slot));
      at += 1;
    }
    const threshold = places.sort()[Math.floor(this.#keysMax * KEPT_SHARE)]!;
    this.lower(rateOf(threshold));
    // A great many variants of one resource share a place: then the oldest of them leave.
    for (const slot of this.#order.oldestFirst()) {
      if (this.#keys.count < this.#keysMax) return;
      this.#drop(slot);
    }
  }

  /** How many of the sizes are too small. */
  #columnOf(distanceBytes: number): number {
    const sizes = this.#sizesBytes;
    let low = 0;
    let high = sizes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sizes[middle]! < distanceBytes) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
