import { type Entries, Flag } from './entries.ts';
import type { Readers } from './readers.ts';

/** Whose entries they are. */
interface ClaimsOwner {
  /** Another thread served a visible entry. */
  hit(slot: number): void;
  /** An unlinked entry can be given up, unless it {@link Claims.linger}s again. */
  forget(slot: number): void;
}

/**
 * Keeps other threads off entries that are to be evicted, moved or rewritten, and those entries that they still read.
 * With one thread every claim succeeds, and nothing is written for it. The protocol is that of {@link Readers}.
 */
export class Claims {
  readonly #entries: Entries;
  readonly #readers: Readers | undefined;
  /** Claimed while victims are chosen. */
  readonly #candidates: number[] = [];
  /** Removed while other threads were reading them. */
  #lingering: number[] = [];

  readonly #owner: ClaimsOwner;

  constructor(entries: Entries, readers: Readers | undefined, owner: ClaimsOwner) {
    this.#entries = entries;
    this.#readers = readers;
    this.#owner = owner;
  }

  /**
   * Keeps other threads off an entry that is to be rewritten or moved, until {@link yield}. The caller may hold pins.
   *
   * @returns false, with nothing changed, when another thread is reading it.
   */
  claim(slot: number): boolean {
    const readers = this.#readers;
    if (readers === undefined) return true;
    const flags = this.#entries.flags(slot);
    // The order is the point: readers count themselves first and look at the flags then.
    this.#entries.setFlags(slot, flags | Flag.CLAIMED);
    if (!readers.reading(slot)) return true;
    this.#entries.setFlags(slot, flags);
    return false;
  }

  /** Ends a {@link claim}. */
  yield(slot: number): void {
    if (this.#readers === undefined) return;
    this.#entries.setFlags(slot, this.#entries.flags(slot) & ~Flag.CLAIMED);
  }

  /** For a policy in search of victims: true when nobody uses a slot, and nobody will before {@link yieldCandidates}. */
  claimCandidate(slot: number): boolean {
    if (this.#entries.pins(slot) !== 0) return false;
    if (this.#readers === undefined || (this.#entries.flags(slot) & Flag.CLAIMED) !== 0) return true;
    if (!this.claim(slot)) return false;
    this.#candidates.push(slot);
    return true;
  }

  /** Ends the claims of a search whose victims have been released; those that stay can be read again. */
  yieldCandidates(): void {
    for (const slot of this.#candidates) if (this.#entries.used(slot)) this.yield(slot);
    this.#candidates.length = 0;
  }

  /** Notes an unlinked entry that another thread still reads; false, and nothing noted, when none does. */
  linger(slot: number): boolean {
    if (this.#readers?.reading(slot) !== true) return false;
    this.#lingering.push(slot);
    return true;
  }

  /** Hands on what other threads served, and what they were the last to read. */
  catchUp(): void {
    if (this.#readers === undefined) return;
    const entries = this.#entries;
    this.#readers.drainHits((slot, hashLo) => {
      if (entries.visible(slot) && entries.hashLo(slot) === hashLo) this.#owner.hit(slot);
    });
    if (this.#lingering.length === 0) return;
    const slots = this.#lingering;
    this.#lingering = [];
    for (const slot of slots) {
      const isUnlinked = entries.used(slot) && (entries.flags(slot) & Flag.UNLINKED) !== 0;
      if (isUnlinked && entries.pins(slot) === 0) this.#owner.forget(slot);
    }
  }
}
