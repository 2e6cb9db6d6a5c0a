import { Flag, NONE } from '../cache/entries.ts';
import { Fields } from '../http/fields.ts';
import { originRequestFields } from '../http/forward.ts';
import { selectingKey } from '../http/vary.ts';
import type { MemoryTier } from '../store/memory/tier.ts';

/** Where a response is kept: under its key, or, when the origin varies it, under the key of its variant. */
export interface Place {
  readonly primary: string;
  /** Equal to `primary` for a resource without variants. */
  readonly key: string;
  /** Request fields that choose the variant; empty for none. */
  readonly vary: readonly string[];
}

/**
 * The key of one variant: the primary key and the values of the fields that `Vary` named (RFC 9111 section 4.1), as the
 * origin gets them: a field that is not sent on (a cookie, one that Connection names) cannot have selected anything.
 *
 * @param fields of the client's request. Of those only the named ones are looked at.
 */
export function variantKey(primary: string, names: readonly string[], fields: Fields): string {
  const { flat } = fields;
  const named = new Fields();
  for (let i = 0; i < flat.length; i += 2) {
    const name = flat[i]!;
    if (name === 'connection' || names.includes(name)) named.add(name, flat[i + 1]!);
  }
  return `${primary} ${selectingKey(names, originRequestFields(named))}`;
}

/** The request fields that choose among a resource's variants, from its {@link Flag.VARY} entry. */
export function varyNames(tier: MemoryTier, slot: number): string[] {
  return tier.bodyText(slot).split(',');
}

/** Most fields that a resource may vary by, over all of its responses. */
const VARY_NAMES_MAX = 16;
/** Most bytes of a variant's key beyond that of its resource. */
const SELECTING_BYTES_MAX = 4096;

/**
 * A resource varies by all fields that any of its responses named, so every stored variant stays reachable: also by one
 * that names none, as errors do, which would otherwise stand in front of all variants.
 *
 * @param fields of the client's request.
 * @param generation that of the resource's variants, where none are stored yet.
 * @returns undefined when it varies by more than is kept apart.
 */
export function placeOf(
  tier: MemoryTier,
  primary: string,
  vary: readonly string[],
  fields: Fields,
  generation: string,
): Place | undefined {
  const marker = tier.findKey(primary);
  const known =
    marker !== NONE && (tier.cache.entries.flags(marker) & Flag.VARY) !== 0 ? varyNames(tier, marker) : [];
  const fresh = known.length === 0 && vary.length > 0 ? [generation] : [];
  const names = [...new Set([...known, ...vary, ...fresh])].sort();
  if (names.length === 0) return { primary, key: primary, vary: names };

  if (names.length > VARY_NAMES_MAX + 1) return undefined;
  const key = variantKey(primary, names, fields);
  return key.length - primary.length > SELECTING_BYTES_MAX ? undefined : { primary, key, vary: names };
}

/** The stored response that one stored at this place would take the place of, or NONE. */
export function incumbent(tier: MemoryTier, place: Place): number {
  const same = tier.findKey(place.key);
  if (same !== NONE || place.key === place.primary) return same;
  // The first variant of a resource takes the place of what was stored while it had none.
  return tier.findKey(place.primary);
}
