import type { Hash64 } from '../../base/hash.ts';
import type { Row } from './format.ts';
import { removalOf } from './rows.ts';

/** Beyond so many the oldest are let go: what they are about may be found again after a restart. */
const OWED_MAX = 65_536;

/** Removals that could not be written down yet: the disk is in trouble, or behind. */
export class OwedRemovals {
  readonly #rows = new Map<string, Row>();

  get count(): number {
    return this.#rows.size;
  }

  add(hash: Hash64, nowS: number): void {
    this.#rows.set(nameOf(hash), removalOf(hash, nowS));
    if (this.#rows.size > OWED_MAX) this.#rows.delete(this.#rows.keys().next().value!);
  }

  /** Something newer of that hash was written. */
  cancel(hash: Hash64): void {
    if (this.#rows.size > 0) this.#rows.delete(nameOf(hash));
  }

  /** Hands them to `write`, the oldest first, as long as it takes them. */
  pay(write: (row: Row) => boolean): void {
    for (const [name, row] of this.#rows) {
      if (!write(row)) return;
      this.#rows.delete(name);
    }
  }
}

function nameOf({ lo, hi }: Hash64): string {
  return `${hi} ${lo}`;
}
