import { mix32 } from '../base/hash.ts';

/**
 * Spatial sampling (SHARDS; Waldspurger, Park, Garthwaite, Ahmad: "Efficient MRC Construction with SHARDS", FAST 2015): a key is
 * in or out by its hash, for good. So a sample has every request of a key or none, and what is sampled at a low rate is a part of
 * what is sampled at a higher one.
 */

/** Steps that a rate is counted in (the P of the paper). */
const STEPS = 2 ** 24;

/** The threshold of a rate above 0 to 1: keys below it are in. At least one step. */
export function thresholdOf(rate: number): number {
  return Math.max(1, Math.min(STEPS, Math.round(rate * STEPS)));
}

/** The rate that a threshold stands for. */
export function rateOf(threshold: number): number {
  return threshold / STEPS;
}

/**
 * Where a resource lies between 0 and the highest threshold, by the high half of its hash. Mixed once more, so that what is
 * sampled is independent of whatever else goes by those bits.
 */
export function placeOf(keyHi: number): number {
  return mix32(keyHi) >>> 8;
}
