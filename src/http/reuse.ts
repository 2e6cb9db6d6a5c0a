import type { CacheControl } from './cache-control.ts';

export interface ReuseInput {
  /** Now, and when the stored response had age 0; seconds since the epoch, like all times here. */
  readonly nowS: number;
  readonly bornS: number;
  /** First second at which it is stale: birth plus lifetime. */
  readonly freshUntilS: number;
  /** Ends of the stale windows; equal to `freshUntilS` or earlier when there is none. */
  readonly staleWhileRevalidateUntilS: number;
  readonly staleIfErrorUntilS: number;
  /** The response carries an unqualified `no-cache`. */
  readonly alwaysValidate: boolean;
  /** It may stand in for a failing origin however old it is. */
  readonly lastKnownGood: boolean;
  /** Directives of the request. */
  readonly requestCc: CacheControl;
  /** The request carries `Pragma: no-cache` and no Cache-Control (RFC 9111 section 5.4). */
  readonly pragmaNoCache: boolean;
  /**
   * Whether the client's no-cache, max-age, min-fresh, max-stale and Pragma count. Usually false for images: a reload
   * button must not let every client force an origin fetch. `only-if-cached` always counts, as it spares the origin.
   */
  readonly obeyRequestDirectives: boolean;
}

export type Reuse =
  | { readonly use: 'fresh' }
  /** Serve it now and fetch anew behind the client's back (RFC 5861 section 3). */
  | { readonly use: 'stale-while-revalidate' }
  /** Ask the origin first. When it fails, the stored response may stand in if the flag says so (RFC 5861 section 4). */
  | { readonly use: 'validate'; readonly mayServeStaleOnError: boolean }
  /** `only-if-cached` and nothing usable: answer 504 (RFC 9111 section 5.2.1.7). */
  | { readonly use: 'gateway-timeout' };

/** How a stored response that matches the request may be used now (RFC 9111 sections 4, 4.2.4). No allocation. */
export function reuse(input: ReuseInput): Reuse {
  const { nowS, requestCc } = input;
  const obey = input.obeyRequestDirectives;
  if (!input.alwaysValidate && !(obey && asksForValidation(input))) {
    const freshEnoughAtS = obey ? nowS + (requestCc.minFreshS ?? 0) : nowS;
    const youngEnough = !obey || requestCc.maxAgeS === undefined || ageS(input) <= requestCc.maxAgeS;
    if (youngEnough && freshEnoughAtS < input.freshUntilS) return FRESH;
    if (isUsableStale(input, youngEnough)) return STALE_WHILE_REVALIDATE;
  }
  if (requestCc.onlyIfCached) return GATEWAY_TIMEOUT;
  return mayStandIn(input) ? VALIDATE_OR_STALE : VALIDATE;
}

const FRESH: Reuse = { use: 'fresh' };
const STALE_WHILE_REVALIDATE: Reuse = { use: 'stale-while-revalidate' };
const VALIDATE: Reuse = { use: 'validate', mayServeStaleOnError: false };
const VALIDATE_OR_STALE: Reuse = { use: 'validate', mayServeStaleOnError: true };
const GATEWAY_TIMEOUT: Reuse = { use: 'gateway-timeout' };

/** RFC 9111 sections 5.2.1.4 and 5.4. */
function asksForValidation({ requestCc, pragmaNoCache }: ReuseInput): boolean {
  return requestCc.noCache || pragmaNoCache;
}

/** Current age (RFC 9111 section 4.2.3); 0 when the clock went back behind the birth. */
function ageS({ nowS, bornS }: ReuseInput): number {
  return Math.max(0, nowS - bornS);
}

/**
 * Stale use without asking first. The client's max-stale (section 5.2.1.2) can widen that only as far as the
 * stale-if-error window reaches: beyond it, or with must-revalidate, the response forbids it. A client's max-age or
 * min-fresh is a demand for something newer, so the windows do not serve it unless it also sends max-stale.
 */
function isUsableStale(input: ReuseInput, youngEnough: boolean): boolean {
  const { nowS, requestCc, freshUntilS } = input;
  if (!input.obeyRequestDirectives) return nowS < input.staleWhileRevalidateUntilS;
  if (requestCc.maxStaleS !== undefined) {
    const stalenessS = Math.max(0, nowS - freshUntilS);
    const usableUntilS = Math.max(freshUntilS, input.staleWhileRevalidateUntilS, input.staleIfErrorUntilS);
    return (
      youngEnough &&
      requestCc.minFreshS === undefined &&
      stalenessS <= requestCc.maxStaleS &&
      nowS < usableUntilS
    );
  }
  if (requestCc.maxAgeS !== undefined || requestCc.minFreshS !== undefined) return false;
  return nowS < input.staleWhileRevalidateUntilS;
}

function mayStandIn(input: ReuseInput): boolean {
  if (input.alwaysValidate) return false;
  if (input.lastKnownGood) return true;
  return input.nowS < Math.max(input.freshUntilS, input.staleWhileRevalidateUntilS, input.staleIfErrorUntilS);
}
