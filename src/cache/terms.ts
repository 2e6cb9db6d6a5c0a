import type { CacheControl } from '../http/cache-control.ts';
import { parseHttpDate } from '../http/date.ts';
import type { Fields } from '../http/fields.ts';
import {
  type FreshnessRules,
  freshness,
  isLastKnownGood,
  mustAlwaysValidate,
  type StaleRules,
  staleWindows,
} from '../http/freshness.ts';
import { allowsShared } from '../http/storable.ts';
import type { EntryFacts } from './contract.ts';
import { Flag } from './entries.ts';

/** For how long a response may be used, and how, whenever it was born. Times in seconds. */
export interface Terms {
  /** Freshness lifetime from its birth on. */
  readonly lifetimeS: number;
  /** Stale windows behind that. */
  readonly whileRevalidateS: number;
  readonly ifErrorS: number;
  /** Of {@link Flag}: VALIDATE, VALIDATOR, LAST_GOOD, SHARED. */
  readonly flags: number;
}

/** Until when, from a birth on: what an entry is stored with. */
export type DatedTerms = {
  -readonly [K in 'bornS' | 'freshUntilS' | 'revalidateUntilS' | 'errorUntilS' | 'flags']: EntryFacts[K];
};

/**
 * What a route's rules make of what a response says (RFC 9111 sections 4.2 and 4.2.4, RFC 5861). The request path asks it of every
 * response, the simulator of what a record says of one.
 *
 * @param receivedAtS stands in for a missing Date; seconds since the epoch.
 */
export function termsOf(
  rules: FreshnessRules & StaleRules,
  status: number,
  fields: Fields,
  cc: CacheControl,
  receivedAtS: number,
): Terms {
  const { lifetimeS } = freshness(status, fields, rules, receivedAtS, cc);
  const { staleWhileRevalidateS, staleIfErrorS } = staleWindows(status, cc, rules);
  const validator = fields.has('etag') || parseHttpDate(fields.get('last-modified')) !== undefined;
  const flags =
    (mustAlwaysValidate(status, cc, rules) ? Flag.VALIDATE : 0) |
    (validator ? Flag.VALIDATOR : 0) |
    (isLastKnownGood(status, fields, cc, rules) ? Flag.LAST_GOOD : 0) |
    (allowsShared(cc) ? Flag.SHARED : 0);
  return { lifetimeS, whileRevalidateS: staleWhileRevalidateS, ifErrorS: staleIfErrorS, flags };
}

/** Writes the ends of a response's lifetimes into `facts`. @param bornS when it had age 0, seconds since the epoch. */
export function dateFacts(facts: DatedTerms, terms: Terms, bornS: number): void {
  facts.bornS = clampS(bornS);
  facts.freshUntilS = clampS(bornS + terms.lifetimeS);
  facts.revalidateUntilS = clampS(facts.freshUntilS + terms.whileRevalidateS);
  facts.errorUntilS = clampS(facts.freshUntilS + terms.ifErrorS);
  facts.flags = terms.flags;
}

/** Times are kept in 32 bits: from 1970 to 2106. */
function clampS(seconds: number): number {
  return Math.min(Math.max(0, Math.floor(seconds)), 0xffff_ffff);
}
