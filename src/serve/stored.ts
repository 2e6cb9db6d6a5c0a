import type { Outcome, ServedCause } from '../cache/outcome.ts';
import { cacheStatus } from '../http/cache-status.ts';
import { isTrouble } from '../http/status.ts';
import type { MemoryTier } from '../store/memory/tier.ts';
import { Mark } from './3-lookup.ts';
import { freshLines, HitAnswer, lentAnswer } from './7-respond.ts';
import type { Answer } from './answer.ts';
import type { Ledger, Served } from './ledger.ts';
import { selectedAnswer } from './selected.ts';

/**
 * The answer from a stored response: the whole of it, or the part that the request asks for.
 *
 * @param asked what is known of the request; `cause` is why nothing better can be served.
 * @param found {@link Mark}s of the request's fields.
 */
export function storedAnswer(
  ledger: Ledger,
  tier: MemoryTier,
  slot: number,
  asked: Omit<Served, 'status' | 'detail' | 'route'> & { readonly route: NonNullable<Served['route']> },
  found: number,
  nowS: number,
): Answer {
  const { outcome, cause: why } = asked;
  const { entries } = tier.cache;
  const isLent = tier.guest(slot) !== undefined;
  if (!isLent) tier.cache.hit(slot);
  const ageS = Math.max(0, nowS - entries.bornS(slot));
  const ttlS = entries.freshUntilS(slot) - nowS;
  // A stored error is an answer, and no image.
  const failed = isTrouble(entries.status(slot));
  const cause = failed ? 'origin-status' : why;
  const beyond = outcome === 'stale' && nowS >= entries.errorUntilS(slot);
  const status =
    outcome === 'hit' && !failed
      ? `Holdfast; hit; ttl=${ttlS}`
      : storedStatus(outcome, ttlS, why, failed ? cause : undefined, beyond);
  const served = { ...asked, cause };
  const lines = freshLines(ageS, status);
  if ((found & (Mark.CONDITIONS | Mark.RANGE)) !== 0) {
    const selected = selectedAnswer(ledger, tier, slot, served, lines, nowS * 1000);
    if (selected !== undefined) return selected;
  }
  if (isLent) return lentAnswer(ledger, tier, slot, served, lines);
  return new HitAnswer(ledger, tier, slot, served, lines);
}

/**
 * `Cache-Status` of a stored response that is not a plain hit (RFC 9211 section 2).
 *
 * @param beyond its stale windows have ended, and it is served as the last known good one.
 */
function storedStatus(
  outcome: Outcome,
  ttlS: number,
  why: ServedCause,
  failed: string | undefined,
  beyond: boolean,
): string {
  const common = { cacheName: 'Holdfast', ttlS, detail: failed };
  switch (outcome) {
    case 'revalidated':
      return cacheStatus({ ...common, fwd: 'stale', fwdStatus: 304 });
    case 'collapsed':
      return cacheStatus({ ...common, fwd: 'stale', fwdStatus: 304, collapsed: true });
    default: {
      const window = beyond ? 'last-known-good' : 'stale-if-error';
      const stale = why === '' ? 'stale-while-revalidate' : `${window} ${why}`;
      return cacheStatus({ ...common, hit: true, detail: failed ?? stale });
    }
  }
}
