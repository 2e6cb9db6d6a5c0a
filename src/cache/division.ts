import { assert } from '../base/assert.ts';
import { createPolicy } from '../policy/create.ts';
import type { Favour, PolicyName, PolicyOptions } from '../policy/policy.ts';
import { SharedPolicy } from '../policy/shared.ts';
import type { SlottedPolicy } from '../policy/slotted.ts';
import { type Entries, Flag } from './entries.ts';

/** Who decides in a cache: one policy, and from the first variant on one for each class of entries. */
export type CachePolicy = SlottedPolicy | SharedPolicy;

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
 * Another policy with the entries of the old one, told of them from the coldest to the hottest. Nobody leaves: its capacity is
 * what is used, where that is more. O(n).
 */
export function rebuilt(
  old: CachePolicy,
  name: PolicyName,
  options: Pick<PolicyOptions, 'isPinned'> & { readonly variantsShare: number; readonly favour: Favour },
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
    for (const kind of ['young', 'kept'] as const) if (old.isHeld(slot, kind)) fresh.hold(slot, kind);
  }
  return fresh;
}
