import { findKey } from '../../store/disk/disk.ts';
import type { MemoryTier } from '../../store/memory/tier.ts';
import type { AskedVariant } from './ask.ts';
import type { Variants } from './variants.ts';

/** What is to be said of a variant beyond what is said of anything stored. */
export interface VariantExplanation {
  /** What it is, in the words of its key. */
  readonly spec: string;
  /** Request fields that had a say. */
  readonly vary: readonly string[];
  /** Key of its original, and whether that is here. */
  readonly original: string;
  readonly originalIn: 'memory' | 'disk' | 'nowhere';
  /** Variants of the original that were stored by this run and have not been removed for being too many, and their bytes. */
  readonly siblings: { readonly count: number; readonly bytes: number };
  /** Why it could not be made a moment ago. */
  readonly failure: { readonly code: string; readonly detail: string } | undefined;
}

/** Nothing is changed by asking. */
export function explainVariant(
  tier: MemoryTier,
  variants: Variants,
  { primary, variant }: AskedVariant,
): VariantExplanation {
  const { spec, vary, key } = variant;
  const failed = variants.failures.of(key);
  const { below, key: buffer } = tier;
  const inMemory = tier.cache.find(buffer.set(primary)) >= 0;
  const onDisk = below !== undefined && findKey(below, buffer.bytes, buffer.length) >= 0;
  return {
    spec,
    vary,
    original: primary,
    originalIn: inMemory ? 'memory' : onDisk ? 'disk' : 'nowhere',
    siblings: variants.budget.of(primary),
    failure: failed && { code: `image-${failed.cause}`, detail: failed.detail },
  };
}
