import type { HashKey } from '../../base/hash.ts';
import type { Entries } from '../../cache/entries.ts';
import type { Arena, MemoryPiece } from './arena.ts';
import type { TierLayout, TierShare } from './tier-reader.ts';

/** Of a table that nobody can pin in. */
const VOID_EPOCH = -1;

/**
 * What other threads are told of a tier's memory. Always with the table as it is now: an epoch must never reach a reader
 * without everything that belongs to it.
 */
export class Sharing {
  readonly #entries: Entries;
  readonly #onLayout: (layout: TierLayout) => void;
  #keptOff = false;

  constructor(entries: Entries, onLayout: (layout: TierLayout) => void) {
    this.#entries = entries;
    this.#onLayout = onLayout;
  }

  /** All that another thread needs to read the tier, as of now; later changes go to `onLayout`. */
  share(hashKey: HashKey, arena: Arena): TierShare {
    return { hashKey, shape: arena.shape, ...this.#layout(arena.memory()) };
  }

  /** Told before a new segment is used; one that is gone makes every share void first, for its number will be used again. */
  memoryChanged(piece: MemoryPiece): void {
    if (piece.kind === 'segment' && piece.buffer === undefined) this.#entries.nextEpoch();
    this.#onLayout(this.#layout([piece]));
  }

  /** The table has moved. */
  tableChanged(): void {
    this.#onLayout(this.#layout([]));
  }

  /** Other threads know nothing of purge rules: while there are any, they find nothing and ask the owner. */
  keepOff(off: boolean): void {
    this.#keptOff = off;
    if (off) this.#entries.nextEpoch();
    else this.tableChanged();
  }

  #layout(pieces: readonly MemoryPiece[]): TierLayout {
    return {
      epoch: this.#keptOff ? VOID_EPOCH : this.#entries.epoch,
      entries: this.#entries.share(),
      pieces,
    };
  }
}
