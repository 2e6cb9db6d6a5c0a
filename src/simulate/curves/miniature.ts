import { assert } from '../../base/assert.ts';
import { createPolicy } from '../../policy/create.ts';
import type { EvictionPolicy, PolicyName } from '../../policy/policy.ts';
import type { TrafficBatch } from '../../traffic/batch.ts';
import { placeOf, rateOf, thresholdOf } from '../../traffic/sample.ts';
import { KeySlots, NONE, widened } from '../key-slots.ts';
import { type Curve, type CurveRules, FOREVER_S, goesPast, LIVE_RULES } from './curve.ts';
import { Misses, StratumTotals, sumOf } from './tally.ts';

/** Miniatures are not made smaller than this, by default: they would be too small for the larger images. */
const MINIATURE_BYTES_MIN = 32 * 2 ** 20;

export interface MiniatureOptions {
  readonly policy: PolicyName;
  /** Sizes of the caches that are simulated, ascending, at least one. */
  readonly sizesBytes: readonly number[];
  /** Share of the keys, above 0 to 1; where less is recorded, that. Default 1: nothing is made smaller. */
  readonly rate?: number;
  /**
   * Bytes that a miniature has at least: where a cache at that rate would have less, it gets more of the keys, up to all of them. Default 32 MiB.
   */
  readonly miniatureBytesMin?: number;
  /** Default: {@link LIVE_RULES}. */
  readonly rules?: CurveRules;
  /** `published`: the policy as its paper has it. Default `live`. */
  readonly form?: 'live' | 'published';
}

/**
 * The miss-ratio curve of any policy: the very code that serves, at each size, over a share of the keys and with as small a share of the bytes
 * (Waldspurger, Saemundsson, Ahmad, Park: "Cache Modeling and Optimization using Miniature Simulations", USENIX ATC 2017), corrected as
 * {@link StratumTotals} says. At rate 1 it is a replay, exact for every policy, with lifetimes: a response that has come to its end when it is asked for
 * is a miss, and is renewed where it lies.
 *
 * What it leaves out of the live tier: residency floor, pinned routes, shares of variants, and what is being served and cannot
 * leave. Cost: one pass; for each request and size that has its key, what the policy takes. About 25 bytes a key, and for each size 4 a
 * key and what the policy takes.
 */
export function miniatureCurve(batches: Iterable<TrafficBatch>, options: MiniatureOptions): Curve {
  const simulation = new Miniatures(options);
  for (const batch of batches) simulation.observe(batch);
  return simulation.curve();
}

class Miniatures {
  readonly #options: MiniatureOptions;
  readonly #rules: CurveRules;
  readonly #keys = new KeySlots();
  /** By size; those of the larger caches have the lower thresholds, so the first ones have all keys that the others have. */
  readonly #caches: Miniature[];
  readonly #misses: Misses;
  readonly #totals = new StratumTotals();
  #chargeBytes = new Float64Array(64);

  constructor(options: MiniatureOptions) {
    const { sizesBytes, rate = 1, miniatureBytesMin = MINIATURE_BYTES_MIN } = options;
    assert(rate > 0 && rate <= 1, 'a rate is above 0 to 1');
    assert(sizesBytes.length > 0, 'a curve has at least one size');
    this.#options = options;
    this.#rules = options.rules ?? LIVE_RULES;
    this.#misses = new Misses(sizesBytes.length);
    this.#caches = sizesBytes.map((size) => {
      const threshold = thresholdOf(Math.min(1, Math.max(rate, miniatureBytesMin / size)));
      return new Miniature(options, size, threshold);
    });
  }

  observe(batch: TrafficBatch): void {
    this.#lower(thresholdOf(batch.rate));
    // Without totals the rows have to say it: all there are, or a sample that nothing corrects.
    const hasTotals = batch.totals.length > 0;
    if (hasTotals) this.#totals.addTotals(batch.totals);
    for (let row = 0; row < batch.count; row += 1) {
      const isClients = !batch.kindTable[batch.kinds[row]!]!.internal;
      if (isClients && !hasTotals) this.#totals.add(batch.bodyBytes[row]!, 1 / batch.rate);
      const place = placeOf(batch.keyHi[row]!);
      if (place < this.#caches[0]!.threshold) this.#request(batch, row, place, isClients);
    }
  }

  curve(): Curve {
    const ratios = this.#misses.ratios(this.#totals);
    const { threshold } = this.#caches.at(-1)!;
    return {
      method: 'miniature',
      policy: this.#options.policy,
      rate: rateOf(threshold),
      keys: this.#keys.count,
      requests: sumOf(this.#totals.requests),
      bytes: sumOf(this.#totals.bytes),
      uniqueBytes: this.#uniqueBytes(),
      sizesBytes: this.#options.sizesBytes,
      objectMissRatio: ratios.object,
      byteMissRatio: ratios.byte,
    };
  }

  /** Less is recorded from now on: what is followed no longer leaves, and the miniatures become smaller. O(keys) for each size. */
  #lower(threshold: number): void {
    for (const cache of this.#caches) {
      if (threshold >= cache.threshold) continue;
      for (let slot = 0; slot < this.#keys.count; slot += 1)
        if (placeOf(this.#keys.hi(slot)) >= threshold) cache.drop(slot);
      cache.lower(threshold);
    }
  }

  #uniqueBytes(): number {
    const { threshold, rate } = this.#caches[0]!;
    let bytes = 0;
    for (let slot = 0; slot < this.#keys.count; slot += 1)
      if (placeOf(this.#keys.hi(slot)) < threshold) bytes += this.#chargeBytes[slot]!;
    return bytes / rate;
  }

  #request(batch: TrafficBatch, row: number, place: number, isClients: boolean): void {
    const nowS = Math.floor((batch.baseMs + batch.timeUs[row]! / 1000) / 1000);
    const kind = batch.kindTable[batch.kinds[row]!]!;
    const life = batch.lifeTable[batch.lives[row]!]!;
    const bodyBytes = batch.bodyBytes[row]!;
    const lo = batch.keyLo[row]!;
    const chargeBytes = this.#rules.chargeOf(bodyBytes, batch.besideBytes[row]!);
    const usableS = chargeBytes === 0 ? 0 : this.#rules.usableS(kind, life);
    const slot = this.#slotOf(lo, batch.keyHi[row]!);
    if (usableS > 0) this.#chargeBytes[slot] = chargeBytes;
    for (let at = 0; at < this.#caches.length; at += 1) {
      const cache = this.#caches[at]!;
      if (place >= cache.threshold) return;
      const isHit = !goesPast(kind) && cache.request(slot, lo, chargeBytes, nowS, usableS);
      if (!isHit && isClients) this.#misses.add(at, bodyBytes, 1 / cache.rate);
    }
  }

  #slotOf(lo: number, hi: number): number {
    const found = this.#keys.find(lo, hi);
    if (found !== NONE) return found;
    const slot = this.#keys.add(lo, hi);
    if (this.#keys.slots > this.#chargeBytes.length)
      this.#chargeBytes = widened(this.#chargeBytes, new Float64Array(this.#keys.slots));
    return slot;
  }
}

/** One cache of a size, in small. */
class Miniature {
  threshold: number;
  /** Share of the keys. */
  rate: number;
  readonly #sizeBytes: number;
  readonly #policy: EvictionPolicy;
  readonly #victims: number[] = [];
  #usableUntilS = new Uint32Array(64);

  constructor({ policy, form = 'live' }: MiniatureOptions, sizeBytes: number, threshold: number) {
    this.#sizeBytes = sizeBytes;
    this.threshold = threshold;
    this.rate = rateOf(threshold);
    const capacityBytes = Math.floor(sizeBytes * this.rate);
    this.#policy = createPolicy(policy, { capacityBytes, isPinned: () => false, form });
  }

  /** Makes it as small as this share of the keys asks for. */
  lower(threshold: number): void {
    this.threshold = threshold;
    this.rate = rateOf(threshold);
    this.#policy.resize(Math.floor(this.#sizeBytes * this.rate), this.#victims);
    this.#victims.length = 0;
  }

  drop(slot: number): void {
    if (this.#policy.has(slot)) this.#policy.remove(slot);
  }

  /** @returns whether it was a hit. */
  request(slot: number, fingerprint: number, chargeBytes: number, nowS: number, usableS: number): boolean {
    const policy = this.#policy;
    if (policy.has(slot)) {
      if (nowS < this.#usableUntilS[slot]!) {
        policy.hit(slot);
        return true;
      }
      if (usableS <= 0) policy.remove(slot);
      else this.#renew(slot, chargeBytes, nowS + usableS);
      return false;
    }
    if (usableS > 0 && policy.admit(slot, fingerprint, chargeBytes, this.#victims))
      this.#setEnd(slot, nowS + usableS);
    this.#victims.length = 0;
    return false;
  }

  #renew(slot: number, chargeBytes: number, usableUntilS: number): void {
    if (!this.#policy.recharge(slot, chargeBytes, this.#victims)) {
      this.#policy.remove(slot);
      return;
    }
    this.#victims.length = 0;
    this.#policy.hit(slot);
    this.#setEnd(slot, usableUntilS);
  }

  #setEnd(slot: number, usableUntilS: number): void {
    if (slot >= this.#usableUntilS.length)
      this.#usableUntilS = widened(
        this.#usableUntilS,
        new Uint32Array(Math.max(slot + 1, this.#usableUntilS.length * 2)),
      );
    this.#usableUntilS[slot] = Math.min(FOREVER_S, usableUntilS);
  }
}
