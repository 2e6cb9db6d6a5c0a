import { assert } from '../base/assert.ts';
import { createPolicy } from '../policy/create.ts';
import type { Favour, KnownUses, PolicyName, PolicyOptions } from '../policy/policy.ts';
import { SharedPolicy } from '../policy/shared.ts';
import type { SlottedPolicy } from '../policy/slotted.ts';
import { type Entries, Flag } from './entries.ts';

/** Who decides in a cache: one policy, and from the first variant on one for each class of entries. */
export type CachePolicy = SlottedPolicy | SharedPolicy;

/** Uses of an entry that a new policy is told of: by the old one, which may remember a fame that is long past, and by who knows better. */
const USES_MAX = 8;
const KNOWN_USES_MAX = 128;

/** How a policy is rebuilt. */
interface RebuildOptions extends Pick<PolicyOptions, 'isPinned'> {
  /** Share of the capacity that variants are guaranteed, 0 to 1. */
  readonly variantsShare: number;
  readonly favour: Favour;
  readonly known: KnownUses;
}

/** What one class of entries holds now. */
export interface ClassLevels {
  readonly entries: number;
  /** Charged: records and metadata. */
  readonly usedBytes: number;
}

/** The policy that a cache goes on with when a variant comes; nobody leaves for it. O(1). */
export function divided(
  policy: CachePolicy,
  isPinned: PolicyOptions['isPinned'],
  variantsShare: number,
): SharedPolicy {
  return policy instanceof SharedPolicy ? policy : new SharedPolicy(policy, { isPinned, variantsShare });
}

/** What variants hold. O(1). */
export function variantsOf(policy: CachePolicy): ClassLevels {
  if (!(policy instanceof SharedPolicy)) return { entries: 0, usedBytes: 0 };
  const { count, usedBytes } = policy.variants;
  return { entries: count, usedBytes };
}

/**
 * Another policy with the entries of the old one, told of them from the coldest to the hottest, and of each how often it was used.
 * Nobody leaves: its capacity is what is used, where that is more. O(n x uses): 0.3 to 0.8 s for a million entries.
 */
export function rebuilt(
  old: CachePolicy,
  name: PolicyName,
  options: RebuildOptions,
  entries: Entries,
  chargeOf: (slot: number) => number,
): CachePolicy {
  const { isPinned, variantsShare, favour } = options;
  const capacityBytes = Math.max(old.capacityBytes, old.usedBytes);
  const plain = createPolicy(name, { capacityBytes, isPinned, favour });
  const fresh = old instanceof SharedPolicy ? divided(plain, isPinned, variantsShare) : plain;
  const victims: number[] = [];
  for (const slot of old.coldestFirst()) {
    const isVariant = (entries.flags(slot) & Flag.VARIANT) !== 0;
    const kept = fresh.admit(slot, entries.hashLo(slot), chargeOf(slot), victims, isVariant);
    assert(kept && victims.length === 0, 'a switch of policy evicts nobody');
    const known = options.known(entries.hashLo(slot));
    const uses = known === undefined ? Math.min(old.uses(slot), USES_MAX) : Math.min(known, KNOWN_USES_MAX);
    tell(fresh, slot, uses);
    for (const kind of ['young', 'kept'] as const) if (old.isHeld(slot, kind)) fresh.hold(slot, kind);
  }
  return fresh;
}

/** Tells a policy that a resident was used so often, or as often as it tells apart. */
function tell(policy: CachePolicy, slot: number, uses: number): void {
  for (let told = 0; told < uses; told += 1) {
    const before = policy.uses(slot);
    policy.hit(slot);
    if (policy.uses(slot) <= before) return;
  }
}
