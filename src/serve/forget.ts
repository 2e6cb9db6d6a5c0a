import { NONE } from '../cache/entries.ts';
import type { MemoryTier } from '../store/memory/tier.ts';

/**
 * Forgets what is stored under a key, in memory and below it; what has only been evicted from memory is still there.
 *
 * @param bornSMax leaves what is younger: born later than that second since the epoch.
 */
export function forget(
  tier: MemoryTier,
  key: string,
  reason: 'expired' | 'invalidated' | 'tainted' | 'crowded',
  bornSMax: number = Number.POSITIVE_INFINITY,
): void {
  const slot = tier.findKey(key);
  if (slot !== NONE) {
    if (tier.cache.entries.bornS(slot) <= bornSMax) tier.cache.remove(slot, reason);
    return;
  }
  const { below } = tier;
  if (below === undefined) return;
  const hash = below.hash(tier.key.bytes, tier.key.length);
  const found = below.find(hash);
  if (found === NONE) below.removeUnknown(hash);
  else if (below.facts(found).bornS <= bornSMax) below.remove(found);
}
