/**
 * The eviction policy contract.
 *
 * A policy decides *who leaves*. It is pure bookkeeping: it is handed entry ids, fingerprints and sizes and
 * hands back victims. It owns no bytes, reads no clock, draws no randomness. The same object serves live
 * traffic, the simulator and shadows, so that a prediction runs the code that will serve (docs/decisions.md).
 */

/** A slot number of the cache's entry table: small, dense, reused after removal. */
export type EntryId = number;

/** Every policy, in the order in which documentation lists them. The only list of names. */
export const POLICY_NAMES = ['greedy-dual', 's3-fifo', 'w-tinylfu', 'sieve', 'gdsf', 'lru', 'fifo'] as const;
export type PolicyName = (typeof POLICY_NAMES)[number];

/** Which misses to avoid where a policy can choose: requests to the origin, the bytes that it delivers for them, or both. */
export const FAVOURS = ['requests', 'balanced', 'bytes'] as const;
export type Favour = (typeof FAVOURS)[number];

/** How often a key was asked for again, by the low half of its hash; undefined where that is not known. */
export type KnownUses = (hashLo: number) => number | undefined;

/** Why an entry is out of the competition: it became resident only just now, or it is never to leave for want of room. */
export type HoldKind = 'young' | 'kept';

export interface PolicyOptions {
  /** Bytes the policy may hold resident. At least 0; may exceed 2^32. */
  readonly capacityBytes: number;
  /** True for an entry that may not leave now (it is being served or filled). Asked only while choosing victims. */
  readonly isPinned: (id: EntryId) => boolean;
}

export interface EvictionPolicy {
  readonly name: PolicyName;
  /** Upper bound on {@link usedBytes}. */
  readonly capacityBytes: number;
  /** Sum of the sizes of all resident entries. Never above {@link capacityBytes} between calls. */
  readonly usedBytes: number;
  /** Number of resident entries. */
  readonly count: number;

  /** A resident entry was served. O(1). */
  hit(id: EntryId): void;

  /**
   * Makes room for a newcomer and inserts it.
   *
   * Victims are appended to `victims` in the order in which they leave; they are no longer resident when
   * this returns, and the caller must release what it holds for them. Pinned entries are never chosen.
   * When room cannot be made (too large, everything else pinned or held, or the algorithm refuses it), returns false,
   * nothing is inserted **and nobody is evicted**; {@link declined} then tells whether the algorithm chose so.
   *
   * @param id a slot that is not resident.
   * @param fingerprint identifies the key across residencies (for policies with a ghost queue). Unsigned 32-bit
   *   live, where a collision costs only a wrong guess; a simulator passes unique integers below 2^53.
   * @param sizeBytes what the entry is charged; an integer of at least 1.
   * @param isVariant of which class the newcomer is, where the capacity is divided (`shared.ts`); others ignore it.
   */
  admit(
    id: EntryId,
    fingerprint: number,
    sizeBytes: number,
    victims: EntryId[],
    isVariant?: boolean,
  ): boolean;

  /** Whether the latest {@link admit} was refused by choice: those who would have to leave are worth more. */
  readonly declined: boolean;

  /**
   * Changes the charge of a resident entry, making room among the *others* if it grows.
   * Returns false and changes nothing when that is not possible. The entry keeps its place in the order.
   */
  recharge(id: EntryId, sizeBytes: number, victims: EntryId[]): boolean;

  /**
   * The next newcomer is going to replace this resident, whose key it has: what was learnt of the key counts for both. O(1).
   * No-op where nothing is learnt, or by the key.
   */
  renewing(id: EntryId): void;

  /** Chooses which misses to avoid, live; entries are judged anew as they are met. O(1). No-op where the algorithm has no choice. */
  favour(side: Favour): void;

  /** Forgets a resident entry that left for another reason than room (expiry, purge, replacement). O(1). */
  remove(id: EntryId): void;

  /**
   * Sets the capacity. Shrinking evicts until the rest fits; entries that are pinned stay, and
   * `usedBytes` may then exceed the capacity until they are unpinned and {@link trim} is called.
   */
  resize(capacityBytes: number, victims: EntryId[]): void;

  /** Evicts until `usedBytes <= capacityBytes` or only pinned entries are left. No-op in the usual case. */
  trim(victims: EntryId[]): void;

  /** True when `id` is resident. O(1). */
  has(id: EntryId): boolean;

  /**
   * Takes a resident out of the competition until it is released: it stays charged and cannot be evicted, and no
   * search for victims meets it, so that any number of held entries costs nothing. Hits are still counted. For long
   * holds; `isPinned` is for short ones. An entry that is held already changes its kind. O(1), but for GDSF O(log n).
   */
  hold(id: EntryId, kind: HoldKind): void;

  /** Puts a held entry back among the others, as a newcomer of its kind. O(1), but for GDSF O(log n). */
  release(id: EntryId): void;

  /** True when the resident is held for that reason. O(1). */
  isHeld(id: EntryId, kind: HoldKind): boolean;

  /** Sum of the sizes of the entries held for that reason. */
  heldBytes(kind: HoldKind): number;

  /** Bytes that a newcomer of a class could come to have if nothing were pinned: all but those that are held, or the other class's. */
  roomBytes(isVariant?: boolean): number;

  /** The entry that was held for that reason before all others that still are, or -1. O(1). */
  longestHeld(kind: HoldKind): EntryId;

  /**
   * Resident ids from the one that would leave first to the one that would leave last, held ones at the end from the one
   * held longest. For a live switch.
   */
  coldestFirst(): Iterable<EntryId>;

  /**
   * How often a resident was asked for again of late, as far as the algorithm remembers: at least 0, and 0 where it only knows an
   * order. For a live switch, which tells the next policy of them. O(1).
   */
  uses(id: EntryId): number;

  /** Recounts everything from scratch and throws InternalFault when a running counter or link is wrong. O(n). For tests. */
  check(): void;
}
