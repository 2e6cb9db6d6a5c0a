import type { Favour, PolicyName } from '../policy/policy.ts';
import type { Readers } from './readers.ts';
import type { RoomRules } from './residency.ts';

/**
 * What an entry is charged beyond the bytes of its record: its row in the entry table (64 bytes), its share of the index (4 to
 * 8), and of the policy's arrays, which double as they grow (measured with 10^6 entries and as many evictions: FIFO, LRU and SIEVE
 * 20 to 34, W-TinyLFU 38 to 52, S3-FIFO with its ghosts 56 to 66, GDSF 48 to 68, GreedyDual 32 to 62; with variants 2 to 4 more,
 * GDSF 11). An upper bound for all policies.
 */
export const METADATA_BYTES = 144;

/** The facts of a response that the cache decides by. Times in seconds since the Unix epoch. */
export interface EntryFacts {
  readonly route: number;
  /** Bytes that the store will hold for it. */
  readonly chargeBytes: number;
  readonly recordBytes: number;
  readonly keyBytes: number;
  readonly headBytes: number;
  /** Status code of the response. */
  readonly status: number;
  readonly bornS: number;
  readonly freshUntilS: number;
  readonly revalidateUntilS: number;
  readonly errorUntilS: number;
  /** Those of {@link FACTS}. {@link Flag.VARIANT} among them says which share of the budget it takes from. */
  readonly flags: number;
}

/** What the cache needs of the store that holds its bytes. A simulator answers with constants. */
export interface CacheBytes {
  /** True when the entry's key is the one that is being looked up; asked only when the 64-bit hashes agree. */
  sameKey(slot: number): boolean;
  /** What the store charges for the entry, metadata not included. */
  chargeOf(slot: number): number;
  /** The slot's bytes are needed no more. Called before the slot is reused, and before `Cache.admit` returns. */
  drop(slot: number): void;
  /** A visible entry leaves for want of room: the last chance to take its bytes elsewhere, before {@link drop}. */
  evicted?(slot: number): void;
  /** A visible entry was taken out because it must not answer any more: nor may a copy of it. */
  forgotten?(slot: number): void;
}

/** What a cache is made of. Bytes and counts are at least 1. */
export interface CacheOptions {
  readonly budgetBytes: number;
  /** The smallest record the store charges for: with the budget it bounds the entry table. */
  readonly minChargeBytes: number;
  readonly policy: PolicyName;
  /** Which misses the policy avoids, where it has a choice; `balanced` by default. */
  readonly favour?: Favour;
  readonly routes: number;
  readonly ghosts: number;
  readonly bytes: CacheBytes;
  /** Who may not leave for want of room; nobody by default. */
  readonly room?: RoomRules;
  /** Other threads that read entries by themselves; undefined where there are none, and nothing is paid for them. */
  readonly readers?: Readers | undefined;
}
