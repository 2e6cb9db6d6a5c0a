import { METADATA_BYTES } from '../../cache/contract.ts';
import { Flag } from '../../cache/entries.ts';
import type { PolicyName } from '../../policy/policy.ts';
import { type ResponseLife, type ServedKind, Stated } from '../../traffic/batch.ts';

/** Miss ratios over the size of a cache. */
export interface Curve {
  /** `exact`: all keys. `shards`: reuse distances of some. `miniature`: caches made as small as the share of the keys. */
  readonly method: 'exact' | 'shards' | 'miniature';
  readonly policy: PolicyName;
  /** Share of the keys that was looked at, above 0 to 1; at the end, where it fell on the way, and of miniatures that of the largest size. */
  readonly rate: number;
  /** Keys that were looked at, at the end. */
  readonly keys: number;
  /** Client requests, and the bytes of their bodies: of all keys. */
  readonly requests: number;
  readonly bytes: number;
  /** What a cache would need in which everything stays: charges of all keys, each once. An estimate where the rate is below 1. */
  readonly uniqueBytes: number;
  /** Ascending. */
  readonly sizesBytes: readonly number[];
  /** By size, 0 to 1. */
  readonly objectMissRatio: readonly number[];
  readonly byteMissRatio: readonly number[];
}

/** How a cache would treat a response: what it costs there, and for how long it is of use. */
export interface CurveRules {
  /** Bytes that it is charged, a whole number; 0 when it is not stored, for its size. */
  chargeOf(bodyBytes: number, besideBytes: number): number;
  /** Seconds from now for which it may answer without asking the origin; 0 when it may not be stored, Infinity when no end is known. */
  usableS(kind: ServedKind, life: ResponseLife): number;
}

/** End of a lifetime without a known end, in seconds since the epoch. */
export const FOREVER_S = 0xffff_ffff;

/** Key and head where a record does not say. */
const BESIDE_BYTES = 400;
/** Blocks of the memory tier, and what one is charged (store/memory/arena.ts). */
const BLOCK_BYTES = 128;
const BLOCK_CHARGE_BYTES = 132;

/** As the memory tier charges, and with lifetimes as the responses gave them; rules of routes are the caller's to add. */
export const LIVE_RULES: CurveRules = {
  chargeOf: (bodyBytes, besideBytes) =>
    Math.ceil((bodyBytes + (besideBytes === 0 ? BESIDE_BYTES : besideBytes)) / BLOCK_BYTES) *
      BLOCK_CHARGE_BYTES +
    METADATA_BYTES,
  usableS: (kind, life) => (mayBeStored(kind) ? lifetimeS(life) : 0),
};

/** As published simulators count: an object costs its size, and never expires. */
export const PUBLISHED_RULES: CurveRules = {
  chargeOf: (bodyBytes) => Math.max(1, bodyBytes),
  usableS: () => Number.POSITIVE_INFINITY,
};

/**
 * True for requests that no cache of any size would have answered: they went past it for a reason of their own, or were not for an
 * image. What a route did not cache is for the rules to judge.
 */
export function goesPast({ outcome, notStored }: ServedKind): boolean {
  return outcome === 'refused' || (outcome === 'bypass' && notStored !== 'route');
}

function mayBeStored(kind: ServedKind): boolean {
  if (kind.outcome === 'failed') return false;
  return kind.notStored === '' || BY_SIZE.has(kind.notStored);
}

/** Reasons of this cache, and not of the response. */
const BY_SIZE: ReadonlySet<string> = new Set(['no-room', 'residency', 'admission', 'superseded', 'storage']);

/** RFC 9111 section 4.2.2, as `http/freshness.ts` has it by default. */
const HEURISTIC_SHARE = 0.1;
const HEURISTIC_MAX_S = 86_400;

function lifetimeS(life: ResponseLife): number {
  switch (life.known) {
    case 'unknown':
      return Number.POSITIVE_INFINITY;
    case 'applied':
      return (life.flags & Flag.VALIDATE) !== 0 ? 0 : life.lifetimeS + life.whileRevalidateS;
    case 'stated': {
      if ((life.flags & Stated.NO_CACHE) !== 0) return 0;
      const heuristicS = Math.min(HEURISTIC_MAX_S, Math.floor((life.modifiedAgoS ?? 0) * HEURISTIC_SHARE));
      return Math.max(0, (life.lifetimeS ?? heuristicS) - life.ageS + (life.whileRevalidateS ?? 0));
    }
  }
}

/** Object and byte miss ratio of a cache of some size, between those of the curve's sizes that are next to it. */
export function missRatiosAt(
  curve: Curve,
  sizeBytes: number,
): { readonly object: number; readonly byte: number } {
  const { sizesBytes, objectMissRatio, byteMissRatio } = curve;
  const above = sizesBytes.findIndex((size) => size >= sizeBytes);
  if (above <= 0) {
    const end = above === 0 ? 0 : sizesBytes.length - 1;
    return { object: objectMissRatio[end] ?? 0, byte: byteMissRatio[end] ?? 0 };
  }
  const share = (sizeBytes - sizesBytes[above - 1]!) / (sizesBytes[above]! - sizesBytes[above - 1]!);
  const between = (ratios: readonly number[]): number =>
    ratios[above - 1]! + share * (ratios[above]! - ratios[above - 1]!);
  return { object: between(objectMissRatio), byte: between(byteMissRatio) };
}
