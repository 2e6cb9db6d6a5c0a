import type { CacheControl } from './cache-control.ts';
import { parseHttpDate } from './date.ts';
import type { Fields } from './fields.ts';
import { isDigits, splitList } from './list.ts';
import { isHeuristicallyCacheable, isNegative } from './status.ts';
import { responseDirectives } from './targeted.ts';

/** What a route says about lifetimes, in seconds. */
export interface FreshnessRules {
  /** Lifetime of a good response that states none. Takes the place of the heuristic. */
  readonly defaultTtlS?: number | undefined;
  /** Lifetime of a good response that states none and has no Last-Modified for the heuristic either. */
  readonly fallbackTtlS?: number | undefined;
  /** Shorter lifetimes of good responses, stated or not, are lengthened to this; it also lifts `no-cache`. */
  readonly minTtlS?: number | undefined;
  /** Lifetime of every good response, whatever it says about freshness, revalidation included. */
  readonly overrideTtlS?: number | undefined;
  /** Share of the age since Last-Modified that counts as lifetime; 0.1 unless told (RFC 9111 section 4.2.2). */
  readonly heuristicFraction?: number | undefined;
  /** Longest heuristic lifetime; one day unless told. */
  readonly heuristicMaxS?: number | undefined;
  /** Lifetime of negative errors that state none, and the cap on what a 5xx may state. 0: such errors are not kept. */
  readonly negativeTtlS: number;
  /** The cap on what a 4xx may state; none unless told. */
  readonly negativeMaxS?: number | undefined;
  /** Lifetime of a 5xx that states none and is not cacheable by default (RFC 9110 section 15.1); 0 unless told. */
  readonly serverErrorTtlS?: number | undefined;
}

/** Where a lifetime came from: a directive of the response, a rule of the route, or neither. */
export type FreshnessSource =
  | 's-maxage'
  | 'max-age'
  | 'expires'
  | 'heuristic'
  | 'route-default'
  | 'fallback'
  | 'route-minimum'
  | 'route-override'
  | 'negative'
  | 'none';

export interface Freshness {
  /** Freshness lifetime in seconds, at least 0; counted from the response's birth, see {@link initialAgeS}. */
  readonly lifetimeS: number;
  readonly source: FreshnessSource;
}

/**
 * The freshness lifetime of a response (RFC 9111 section 4.2.1, for a shared cache) under a route's rules.
 *
 * Route lifetimes apply to *good* responses only: status below 400 and cacheable by default or `public`. An error
 * never lives longer than it says, a 4xx never longer than `negativeMaxS`, and a 5xx never longer than `negativeTtlS`: an
 * outage at the origin must not outlast itself here. The heuristic is for good responses alone; of errors that say
 * nothing, those for which `isNegative` holds live for `negativeTtlS`, or `serverErrorTtlS`, others not at all.
 *
 * @param receivedAtS when the response came in, seconds since the epoch: stands in for a missing Date.
 */
export function freshness(
  status: number,
  fields: Fields,
  rules: FreshnessRules,
  receivedAtS: number,
  cc: CacheControl = responseDirectives(fields),
): Freshness {
  if (status >= 400) return ofError(status, fields, rules, receivedAtS, cc);
  const good = takesRouteLifetime(status, cc);
  if (good && rules.overrideTtlS !== undefined) {
    return { lifetimeS: rules.overrideTtlS, source: 'route-override' };
  }
  const own =
    statedFreshness(fields, receivedAtS, cc) ??
    unstated(status, fields, rules, receivedAtS, cc, good) ??
    NONE;
  if (good && rules.minTtlS !== undefined && own.lifetimeS < rules.minTtlS) {
    return { lifetimeS: rules.minTtlS, source: 'route-minimum' };
  }
  return own;
}

/** True when `no-cache` asks for validation before each use (RFC 9111 section 5.2.2.4) and no route rule lifts it. */
export function mustAlwaysValidate(status: number, cc: CacheControl, rules: FreshnessRules): boolean {
  if (!cc.noCache) return false;
  const lifted = rules.overrideTtlS !== undefined || (rules.minTtlS ?? 0) > 0;
  return !(lifted && takesRouteLifetime(status, cc));
}

export interface AgeInput {
  /** Age field of the response. */
  readonly ageField: string | undefined;
  /** Date field of the response; only consulted when an HTTP/1.0 cache took part. */
  readonly dateField: string | undefined;
  /** Via field of the response. */
  readonly viaField?: string | undefined;
  /** When the request was sent and the response received, seconds since the epoch. */
  readonly requestAtS: number;
  readonly responseAtS: number;
}

/**
 * The age of a response on arrival, whole seconds (RFC 9111 section 4.2.3, `corrected_initial_age`).
 *
 * The apparent age (receipt minus Date) only counts when Via shows an HTTP/1.0 hop, which the RFC allows: taken
 * always, an origin whose clock is two minutes slow would make every short-lived image stale on arrival.
 */
export function initialAgeS(input: AgeInput): number {
  const delayS = Math.max(0, input.responseAtS - input.requestAtS);
  const correctedS = parseAge(input.ageField) + delayS;
  if (input.viaField === undefined || !HTTP_1_0_HOP.test(input.viaField)) return correctedS;
  const dateS = parseHttpDate(input.dateField);
  return dateS === undefined ? correctedS : Math.max(correctedS, input.responseAtS - dateS);
}

/** What a route allows past freshness, in seconds. */
export interface StaleRules {
  readonly staleWhileRevalidateS?: number | undefined;
  readonly staleIfErrorS?: number | undefined;
  /** Which responses may stand in for a failing origin however old they are. */
  readonly lastKnownGood?: 'images' | 'always' | 'never' | undefined;
  /** As in {@link FreshnessRules}: with an override, revalidation directives do not count. */
  readonly overrideTtlS?: number | undefined;
}

/** How long past freshness a response may be served, in seconds; 0 is not at all. */
export interface StaleWindows {
  readonly staleWhileRevalidateS: number;
  readonly staleIfErrorS: number;
}

/**
 * The stale windows of a response (RFC 5861, RFC 9111 section 4.2.4): the longer of what it says and what the route
 * allows, since both are permissions.
 *
 * - `must-revalidate`, `proxy-revalidate` and `no-cache` forbid stale use altogether.
 * - `s-maxage` implies `proxy-revalidate` (section 5.2.2.10), so the route's windows do not apply; windows that the
 *   same response states do, for that is how origins use the two together.
 * - A window stated as 0 closes it, whatever the route says.
 * - Errors are not served stale.
 * - `overrideTtlS` on the route lifts the first two.
 */
export function staleWindows(status: number, cc: CacheControl, rules: StaleRules): StaleWindows {
  if (status >= 400) return NO_WINDOWS;
  const overridden = isOverridden(status, cc, rules);
  if (!overridden && (cc.mustRevalidate || cc.proxyRevalidate || cc.noCache)) return NO_WINDOWS;
  const routeApplies = overridden || cc.sMaxageS === undefined;
  return {
    staleWhileRevalidateS: window(
      cc.staleWhileRevalidateS,
      routeApplies ? rules.staleWhileRevalidateS : undefined,
    ),
    staleIfErrorS: window(cc.staleIfErrorS, routeApplies ? rules.staleIfErrorS : undefined),
  };
}

/**
 * Whether a response may stand in for a failing origin however old it is. What forbids stale use (see {@link staleWindows}) and
 * `stale-if-error=0` forbid this too; so does `s-maxage`, unless the response states a window itself.
 */
export function isLastKnownGood(
  status: number,
  fields: Fields,
  cc: CacheControl,
  rules: StaleRules,
): boolean {
  const { lastKnownGood = 'never' } = rules;
  if (status >= 400 || lastKnownGood === 'never' || cc.staleIfErrorS === 0) return false;
  if (lastKnownGood === 'images' && !/^image\//i.test(fields.get('content-type') ?? '')) return false;
  if (isOverridden(status, cc, rules)) return true;
  if (cc.mustRevalidate || cc.proxyRevalidate || cc.noCache) return false;
  return cc.sMaxageS === undefined || cc.staleIfErrorS !== undefined;
}

const NONE: Freshness = { lifetimeS: 0, source: 'none' };
const NO_WINDOWS: StaleWindows = { staleWhileRevalidateS: 0, staleIfErrorS: 0 };
const HTTP_1_0_HOP = /(?:^|,)[ \t]*(?:HTTP\/)?1\.0[ \t]/i;

function window(statedS: number | undefined, routeS: number | undefined): number {
  if (statedS === 0) return 0;
  return Math.max(statedS ?? 0, routeS ?? 0);
}

function takesRouteLifetime(status: number, cc: CacheControl): boolean {
  return status < 400 && (isHeuristicallyCacheable(status) || cc.public);
}

function isOverridden(status: number, cc: CacheControl, rules: StaleRules): boolean {
  return rules.overrideTtlS !== undefined && takesRouteLifetime(status, cc);
}

function ofError(
  status: number,
  fields: Fields,
  rules: FreshnessRules,
  receivedAtS: number,
  cc: CacheControl,
): Freshness {
  const own = statedFreshness(fields, receivedAtS, cc);
  const mostS = status < 500 ? (rules.negativeMaxS ?? Number.POSITIVE_INFINITY) : rules.negativeTtlS;
  if (own !== undefined && own.lifetimeS <= mostS) return own;
  const lifetimeS = own !== undefined ? mostS : isNegative(status) ? unstatedErrorS(status, rules, cc) : 0;
  return lifetimeS > 0 ? { lifetimeS, source: 'negative' } : NONE;
}

function unstatedErrorS(status: number, rules: FreshnessRules, cc: CacheControl): number {
  if (status < 500 || isHeuristicallyCacheable(status) || cc.public) return rules.negativeTtlS;
  return rules.serverErrorTtlS ?? 0;
}

/** Lifetime that the response itself states (RFC 9111 section 4.2.1); the first of the three that is there counts. */
export function statedFreshness(
  fields: Fields,
  receivedAtS: number,
  cc: CacheControl,
): Freshness | undefined {
  if (cc.sMaxageS !== undefined) return { lifetimeS: cc.sMaxageS, source: 's-maxage' };
  if (cc.maxAgeS !== undefined) return { lifetimeS: cc.maxAgeS, source: 'max-age' };
  const expires = fields.get('expires');
  if (expires === undefined || cc.targeted) return undefined;
  const expiresS = parseHttpDate(expires);
  // An invalid Expires, "0" above all, means already expired (section 5.3).
  if (expiresS === undefined) return { lifetimeS: 0, source: 'expires' };
  const dateS = parseHttpDate(fields.get('date')) ?? receivedAtS;
  return { lifetimeS: Math.max(0, expiresS - dateS), source: 'expires' };
}

/** What the route, or else the heuristic, gives a response that states no lifetime. */
function unstated(
  status: number,
  fields: Fields,
  rules: FreshnessRules,
  receivedAtS: number,
  cc: CacheControl,
  good: boolean,
): Freshness | undefined {
  if (good && rules.defaultTtlS !== undefined)
    return { lifetimeS: rules.defaultTtlS, source: 'route-default' };
  const guess = heuristic(status, fields, rules, receivedAtS, cc);
  if (guess !== undefined || !good || rules.fallbackTtlS === undefined) return guess;
  return { lifetimeS: rules.fallbackTtlS, source: 'fallback' };
}

/** RFC 9111 section 4.2.2. */
function heuristic(
  status: number,
  fields: Fields,
  rules: FreshnessRules,
  receivedAtS: number,
  cc: CacheControl,
): Freshness | undefined {
  if (!isHeuristicallyCacheable(status) && !cc.public) return undefined;
  const modifiedS = parseHttpDate(fields.get('last-modified'));
  if (modifiedS === undefined) return undefined;
  const dateS = parseHttpDate(fields.get('date')) ?? receivedAtS;
  const { heuristicFraction = 0.1, heuristicMaxS = 86_400 } = rules;
  const ageS = Math.max(0, dateS - modifiedS);
  return { lifetimeS: Math.min(heuristicMaxS, Math.floor(ageS * heuristicFraction)), source: 'heuristic' };
}

/** The first member counts, and none at all when that is not a non-negative integer (RFC 9111 section 5.1). */
function parseAge(field: string | undefined): number {
  if (field === undefined) return 0;
  const first = splitList(field)[0];
  return first !== undefined && isDigits(first) ? Math.min(Number(first), 2 ** 31) : 0;
}
