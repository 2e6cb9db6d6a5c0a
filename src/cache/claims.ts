import { type Entries, Flag } from './entries.ts';
import type { Readers } from './readers.ts';

/** Entries that other threads are kept off, and those whose bytes wait for them. Where there are no such threads, nothing is. */
export class Claims {
  readonly #entries: Entries;
  readonly #readers: Readers | undefined;
  /** Kept from other threads while victims are chosen. */
  readonly #forVictims: number[] = [];
  /** Removed while other threads were reading them. */
  #lingering: number[] = [];

  constructor(entries: Entries, readers: Readers | undefined) {
    this.#entries = entries;
    this.#readers = readers;
  }

  /**
   * Keeps other threads off an entry that is to be rewritten or moved, until {@link yield}. The caller may hold pins.
   *
   * @returns false, with nothing changed, when one of them is reading it.
   */
  claim(slot: number): boolean {
    const readers = this.#readers;
    if (readers === undefined) return true;
    const entries = this.#entries;
    const flags = entries.flags(slot);
    // The order is the point: readers count themselves first and look at the flags then.
    entries.setFlags(slot, flags | Flag.CLAIMED);
    if (!readers.reading(slot)) return true;
    entries.setFlags(slot, flags);
    return false;
  }

  /** Ends a {@link claim}. */
  yield(slot: number): void {
    const entries = this.#entries;
    if (this.#readers !== undefined) entries.setFlags(slot, entries.flags(slot) & ~Flag.CLAIMED);
  }

  /** True when nobody uses a slot, and nobody will before the victims are {@link settled}. */
  claimForVictims(slot: number): boolean {
    const entries = this.#entries;
    if (entries.pins(slot) !== 0) return false;
    if ((entries.flags(slot) & Flag.CLAIMED) !== 0) return true;
    if (!this.claim(slot)) return false;
    this.#forVictims.push(slot);
    return true;
  }

  /** The victims have left: those that were looked at and stay may be read again. */
  settled(): void {
    if (this.#forVictims.length === 0) return;
    for (const slot of this.#forVictims) if (this.#entries.used(slot)) this.yield(slot);
    this.#forVictims.length = 0;
  }

  /** True when other threads read an entry that was removed: it is remembered for {@link takeLingering}. */
  lingers(slot: number): boolean {
    if (this.#readers?.reading(slot) !== true) return false;
    this.#lingering.push(slot);
    return true;
  }

  /** What was being read when it was removed, to be looked at again. */
  takeLingering(): readonly number[] {
    const slots = this.#lingering;
    if (slots.length > 0) this.#lingering = [];
    return slots;
  }
}
