import type { CacheControl } from './cache-control.ts';
import type { Fields } from './fields.ts';
import {
  type FreshnessRules,
  freshness,
  mustAlwaysValidate,
  type StaleRules,
  staleWindows,
} from './freshness.ts';
import { isHeuristicallyCacheable, isNegative, isNeverStored, isUnderstood } from './status.ts';
import { parseVary } from './vary.ts';

/** Why HTTP does not allow (or this cache does not want) a response to be stored; the words of `cache/outcome.ts`. */
export type StorabilityRefusal =
  | 'route'
  | 'method'
  | 'range'
  | 'status'
  | 'no-store'
  | 'private'
  | 'authorization'
  | 'vary-star'
  | 'set-cookie'
  | 'unframed'
  | 'no-freshness';

export interface StorableInput {
  readonly method: string;
  readonly requestFields: Fields;
  /** Directives of the request; `NO_CACHE_CONTROL` where the route does not obey them. */
  readonly requestCc: CacheControl;
  readonly status: number;
  /** Fields of the response, as they came. */
  readonly fields: Fields;
  /** Directives of the response. */
  readonly cc: CacheControl;
  /** How the end of the body is known; `close` cannot be told from a cut connection. */
  readonly framing: 'none' | 'length' | 'chunked' | 'close';
  readonly rules: FreshnessRules & StaleRules;
  /** False when the route says `cache: false`. */
  readonly routeCaches: boolean;
  /** When the response came in, seconds since the epoch. */
  readonly receivedAtS: number;
}

/**
 * Decides whether a response may be stored (RFC 9111 section 3, for a shared cache of images).
 *
 * Stricter than the RFC in three points: refused are Set-Cookie (but on an image that states a lifetime, which is kept
 * without it), a body framed by the end of the connection, and what could never be served again (no lifetime, no validator, no stale window).
 *
 * @returns the first reason against it; undefined when it may be stored.
 */
export function storable(input: StorableInput): StorabilityRefusal | undefined {
  const { status, fields, cc } = input;
  if (!input.routeCaches) return 'route';
  if (input.method !== 'GET') return 'method';
  if (status === 206) return 'range';
  if (!isStorableStatus(status, fields, cc, input.rules)) return 'status';
  // must-understand on a status that is understood overrides no-store (section 5.2.2.3).
  if (input.requestCc.noStore || (cc.noStore && !cc.mustUnderstand)) return 'no-store';
  if (cc.private) return 'private';
  if (input.requestFields.has('authorization') && !allowsShared(cc)) return 'authorization';
  const personal = personalReason(fields, cc);
  if (personal !== undefined) return personal;
  if (input.framing === 'close') return 'unframed';
  return isWorthKeeping(input) ? undefined : 'no-freshness';
}

/**
 * Why a response may be another one for the next client, although no directive says so: it was chosen by what nobody knows, or
 * comes with a cookie.
 */
export function personalReason(fields: Fields, cc: CacheControl): 'vary-star' | 'set-cookie' | undefined {
  if (parseVary(fields.get('vary')) === '*') return 'vary-star';
  const hasCookie = fields.has('set-cookie') && !isWithheld(cc, 'set-cookie');
  return hasCookie && !isPublicImage(fields, cc) ? 'set-cookie' : undefined;
}

/**
 * RFC 9111 section 3: final, understood where that is asked for, cacheable by default or marked as cacheable. Of errors
 * only those that are negative are cacheable by default.
 */
function isStorableStatus(status: number, fields: Fields, cc: CacheControl, rules: FreshnessRules): boolean {
  if (status < 200 || status === 304 || status > 599 || isNeverStored(status)) return false;
  if (cc.mustUnderstand && !isUnderstood(status)) return false;
  if (status >= 500 && rules.negativeTtlS <= 0) return false;
  if (status < 400 ? isHeuristicallyCacheable(status) : isNegative(status)) return true;
  return cc.public || statesLifetime(fields, cc);
}

/** An image is the same for whoever gets the cookie with it; a page may not be. */
function isPublicImage(fields: Fields, cc: CacheControl): boolean {
  return /^image\//i.test(fields.get('content-type') ?? '') && statesLifetime(fields, cc);
}

function statesLifetime(fields: Fields, cc: CacheControl): boolean {
  return cc.sMaxageS !== undefined || cc.maxAgeS !== undefined || (fields.has('expires') && !cc.targeted);
}

/** True when a response may be kept for all although credentials were sent for it (RFC 9111 section 3.5). */
export function allowsShared(cc: CacheControl): boolean {
  return cc.public || cc.mustRevalidate || cc.sMaxageS !== undefined;
}

/** True when `private="..."` or `no-cache="..."` names the field: it is then left out of what is stored. */
function isWithheld(cc: CacheControl, name: string): boolean {
  return cc.privateFields.includes(name) || cc.noCacheFields.includes(name);
}

function isWorthKeeping({ status, fields, cc, rules, receivedAtS }: StorableInput): boolean {
  if (status < 400 && (fields.has('etag') || fields.has('last-modified'))) return true;
  if (mustAlwaysValidate(status, cc, rules)) return false;
  if (freshness(status, fields, rules, receivedAtS, cc).lifetimeS > 0) return true;
  const windows = staleWindows(status, cc, rules);
  return windows.staleWhileRevalidateS > 0 || windows.staleIfErrorS > 0;
}
