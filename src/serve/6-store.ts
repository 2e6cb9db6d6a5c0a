import { Flag, NONE } from '../cache/entries.ts';
import type { Fields } from '../http/fields.ts';
import type { DiskWriter } from '../store/disk/disk.ts';
import type { MemoryTier, ResponseFacts } from '../store/memory/tier.ts';
import { fieldLines } from './field-lines.ts';
import type { Place } from './place.ts';

/**
 * Step 6: what is kept. Head and body are stored as they will be sent; only Age and Cache-Status are made for each answer.
 */

/** Takes room for a response of known length. NONE when there is no room that may be taken. */
export function reserve(
  tier: MemoryTier,
  place: Place,
  fields: Fields,
  bodyBytes: number,
  facts: ResponseFacts,
  nowS: number,
): number {
  tier.key.set(place.key);
  return tier.reserve(storedHead(fields, facts.status, bodyBytes), bodyBytes, facts, nowS);
}

/** Begins to store, in the tier below alone, a response that is too large for memory or has no room there. */
export function begin(
  tier: MemoryTier,
  place: Place,
  fields: Fields,
  bodyBytes: number,
  facts: ResponseFacts,
): DiskWriter | undefined {
  const head = storedHead(fields, facts.status, bodyBytes);
  return tier.below?.begin({ key: Buffer.from(place.key, 'latin1'), head, bodyBytes, facts });
}

/** Ends what {@link begin} began. @returns false when the disk failed it. */
export function finish(
  tier: MemoryTier,
  place: Place,
  writer: DiskWriter,
  route: number,
  nowS: number,
): boolean {
  if (!writer.finish()) return false;
  // What memory still has is older, and would be found first.
  tier.key.set(place.key);
  const older = tier.find();
  if (older !== NONE) tier.cache.remove(older, 'replaced');
  if (place.vary.length > 0) markVariants(tier, place, route, nowS);
  return true;
}

/** Makes a whole response answer from now on, and lets a lookup of the resource find its variant. */
export function publish(tier: MemoryTier, place: Place, slot: number, nowS: number): void {
  tier.key.set(place.key);
  tier.publish(slot);
  if (place.vary.length > 0) markVariants(tier, place, tier.cache.entries.route(slot), nowS);
}

/**
 * Stores the answer to a validation: the stored head with what the 304 brought (RFC 9111 section 3.2), and a new lifetime.
 *
 * @param slot pinned once by the caller, whose pin moves to the slot that is returned.
 */
export function renew(
  tier: MemoryTier,
  place: Place,
  slot: number,
  fields: Fields,
  facts: ResponseFacts,
  nowS: number,
): number {
  if (tier.guest(slot) !== undefined) {
    tier.renewGuest(slot, facts);
    return slot;
  }
  if ((tier.cache.entries.flags(slot) & Flag.UNLINKED) !== 0) return slot;
  tier.key.set(place.key);
  return tier.refresh(slot, storedHead(fields, facts.status, tier.bodyBytes(slot)), facts, nowS);
}

/** The resource's own entry then names the fields that choose; it is rewritten only when they changed. */
function markVariants(tier: MemoryTier, place: Place, route: number, nowS: number): void {
  const names = place.vary.join(',');
  tier.key.set(place.primary);
  const found = tier.find();
  if (found !== NONE && (tier.cache.entries.flags(found) & Flag.VARY) !== 0 && tier.bodyText(found) === names)
    return;
  const forever = 0xffff_ffff;
  const slot = tier.reserve(
    '',
    names.length,
    {
      route,
      status: 0,
      bornS: nowS,
      freshUntilS: forever,
      revalidateUntilS: forever,
      errorUntilS: forever,
      flags: Flag.VARY,
    },
    nowS,
  );
  if (slot === NONE) return;
  tier.writeBody(slot, 0, Buffer.from(names, 'latin1'));
  tier.publish(slot);
}

function storedHead(fields: Fields, status: number, bodyBytes: number): string {
  const own = fields.clone();
  own.delete('age');
  own.delete('cache-status');
  own.delete('content-length');
  // RFC 9110 section 8.6: a 204 has none.
  if (status !== 204) own.set('content-length', String(bodyBytes));
  return `${fieldLines(own)}\r\n`;
}
