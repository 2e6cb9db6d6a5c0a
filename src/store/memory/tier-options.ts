import type { HashKey } from '../../base/hash.ts';
import type { RoomRules } from '../../cache/residency.ts';
import type { Favour, PolicyName } from '../../policy/policy.ts';
import type { DiskTier } from '../disk/disk.ts';
import type { TierLayout } from './tier-reader.ts';

/** What a memory tier is made of. Bytes are exact; the key must be random where clients choose URLs. */
export interface MemoryTierOptions {
  readonly budgetBytes: number;
  readonly policy: PolicyName;
  /** As {@link CacheOptions.favour}. */
  readonly favour?: Favour;
  readonly routes: number;
  readonly ghosts: number;
  readonly hashKey: HashKey;
  readonly segmentBytes?: number;
  /** Largest body that is held. Default: whatever fits. */
  readonly objectBytesMax?: number;
  /** The tier below: it gets what is published here, and has what was evicted. */
  readonly below?: DiskTier | undefined;
  /** Who may not leave for want of room; nobody by default. */
  readonly room?: RoomRules;
  /** Says that other threads are to read the tier, and is told of every change of its memory, for them to renew theirs. */
  readonly onLayout?: ((layout: TierLayout) => void) | undefined;
}

/** Blocks of 128 bytes (half of one is lost per record), doubled until their number fits the arena's references (2^30 of them). */
export function blockBytesFor(budgetBytes: number): number {
  let blockBytes = 128;
  while (budgetBytes / blockBytes >= 2 ** 29) blockBytes *= 2;
  return blockBytes;
}
