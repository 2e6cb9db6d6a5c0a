import type { DiskReader } from '../disk/disk.ts';

/** A response whose body the tier below holds. */
interface Guest {
  readonly key: Uint8Array;
  readonly reader: DiskReader;
  /** Its slot in the tier below. */
  readonly below: number;
}

/** Who has a lent slot: responses whose bodies stay in the tier below, and the readers that are open on them. */
export class Guests {
  readonly #guests = new Map<number, Guest>();

  add(slot: number, guest: Guest): void {
    this.#guests.set(slot, guest);
  }

  /** The guest of a slot with the flag GUEST. */
  of(slot: number): Guest {
    return this.#guests.get(slot)!;
  }

  /** Closes the reader of a slot that is given up; false when no guest has it. */
  leave(slot: number): boolean {
    const guest = this.#guests.get(slot);
    if (guest === undefined) return false;
    this.#guests.delete(slot);
    guest.reader.close();
    return true;
  }
}
