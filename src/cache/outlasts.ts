import type { Cache } from './cache.ts';
import { Flag, NONE } from './entries.ts';

/**
 * True when a stored response is to be kept, whatever error the origin sends: it is good, and usable; and a 5xx leaves it
 * even past its stale windows, for it can still be validated. A 404 or 410 is the origin's word that it is gone: it only waits until the
 * image may no longer be used unasked.
 */
export function outlasts(cache: Cache, slot: number, errorStatus: number, nowS: number): boolean {
  const { entries } = cache;
  if (slot === NONE || errorStatus < 400) return false;
  const flags = entries.flags(slot);
  if (!cache.visible(slot) && (flags & Flag.GUEST) === 0) return false;
  if ((flags & Flag.VARY) !== 0 || entries.status(slot) >= 400) return false;
  if (errorStatus >= 500) return true;
  const unasked = (flags & Flag.VALIDATE) === 0;
  if (unasked && (nowS < entries.freshUntilS(slot) || nowS < entries.revalidateUntilS(slot))) return true;
  return errorStatus !== 404 && errorStatus !== 410 && nowS < entries.errorUntilS(slot);
}
