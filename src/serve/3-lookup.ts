import { Flag } from '../cache/entries.ts';
import type { CacheControl } from '../http/cache-control.ts';
import type { Fields } from '../http/fields.ts';
import { type Reuse, reuse } from '../http/reuse.ts';
import type { MemoryTier } from '../store/memory/tier.ts';
import type { Route } from './1-route.ts';

/** Step 3: is there a stored response, and may it answer? */

/** Which fields of a request can change how it is answered; one pass over them instead of a scan for each. */
export const Mark = {
  /** Authorization: not answered from the cache (RFC 9111 section 3.5). */
  CREDENTIALS: 1,
  /** Cache-Control or Pragma. */
  DIRECTIVES: 2,
  /** If-None-Match, If-Modified-Since, If-Match, If-Unmodified-Since. */
  CONDITIONS: 4,
  /** Range. */
  RANGE: 8,
  /** Via: the request came through other intermediaries. */
  VIA: 16,
} as const;

/** The marks of a request's fields. O(fields), no allocation. */
export function marks(fields: Fields): number {
  const { flat } = fields;
  let found = 0;
  for (let i = 0; i < flat.length; i += 2) {
    switch (flat[i]) {
      case 'authorization':
        found |= Mark.CREDENTIALS;
        break;
      case 'cache-control':
      case 'pragma':
        found |= Mark.DIRECTIVES;
        break;
      case 'if-none-match':
      case 'if-modified-since':
      case 'if-match':
      case 'if-unmodified-since':
        found |= Mark.CONDITIONS;
        break;
      case 'range':
        found |= Mark.RANGE;
        break;
      case 'via':
        found |= Mark.VIA;
        break;
    }
  }
  return found;
}

/** The usual case, decided without an object: fresh, no validation demanded by the response, none asked for by the client. */
export function plainlyFresh(tier: MemoryTier, slot: number, nowS: number, found: number): boolean {
  const { entries } = tier.cache;
  return (
    nowS < entries.freshUntilS(slot) &&
    (entries.flags(slot) & (Flag.VALIDATE | Flag.VARY)) === 0 &&
    (found & Mark.DIRECTIVES) === 0
  );
}

/** The rule of RFC 9111 section 4 for every other case. */
export function reuseOf(
  tier: MemoryTier,
  slot: number,
  route: Route,
  request: { readonly cc: CacheControl; readonly pragmaNoCache: boolean },
  nowS: number,
): Reuse {
  const { entries } = tier.cache;
  return reuse({
    nowS,
    bornS: entries.bornS(slot),
    freshUntilS: entries.freshUntilS(slot),
    staleWhileRevalidateUntilS: entries.revalidateUntilS(slot),
    staleIfErrorUntilS: entries.errorUntilS(slot),
    alwaysValidate: (entries.flags(slot) & Flag.VALIDATE) !== 0,
    lastKnownGood: (entries.flags(slot) & Flag.LAST_GOOD) !== 0,
    requestCc: request.cc,
    pragmaNoCache: request.pragmaNoCache,
    obeyRequestDirectives: route.obeyRequestDirectives,
  });
}
