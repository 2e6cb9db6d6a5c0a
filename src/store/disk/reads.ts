import type { DiskReader, DiskRecord } from './disk.ts';
import type { DiskIndex } from './disk-index.ts';
import { Kind, type Row, seedAt } from './format.ts';
import { type Located, openRecord, readRecord, type Unusable } from './reading.ts';
import type { Segment } from './segment.ts';
import type { WriteQueue } from './write-queue.ts';

interface Parts {
  readonly queue: WriteQueue;
  readonly index: DiskIndex;
  readonly segments: ReadonlyMap<number, Segment>;
  readonly secret: number;
  /** The entry's checksums do not agree: forget it. */
  readonly onDamaged: (slot: number) => void;
  readonly onReadError: (error: unknown) => void;
}

/** Reads what entries say is there, while they may be replaced, moved or evicted. */
export class DiskReads {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** As {@link DiskTier.load}. */
  load(slot: number, key: Uint8Array): Promise<DiskRecord | undefined> {
    return this.#read(slot, (located) => readRecord(this.#parts.queue, located, key));
  }

  /** As {@link DiskTier.open}. */
  open(slot: number, key: Uint8Array): Promise<DiskReader | undefined> {
    const { queue, onReadError } = this.#parts;
    return this.#read(slot, (located) =>
      openRecord(queue, located, key, () => this.#damaged(slot, located.row), onReadError),
    );
  }

  async #read<T extends object>(
    slot: number,
    read: (located: Located) => Promise<T | Unusable>,
  ): Promise<T | undefined> {
    for (let row = this.#rowOf(slot); row !== undefined; ) {
      const segment = this.#parts.segments.get(row.segment);
      const result = segment && (await this.#readHeld(segment, row, slot, read));
      const now = this.#rowOf(slot);
      if (now === undefined || !isSame(row, now)) return discard(result);
      if (typeof result === 'object') return result;
      const hasMoved = now.offset !== row.offset || now.segment !== row.segment;
      if (result === 'damaged' && !hasMoved) this.#damaged(slot, row);
      // Written again elsewhere while it was read: there it is then.
      row = hasMoved ? now : undefined;
    }
    return undefined;
  }

  /** @returns undefined after an error of the system. */
  async #readHeld<T>(
    segment: Segment,
    row: Row,
    slot: number,
    read: (located: Located) => Promise<T | Unusable>,
  ): Promise<T | Unusable | undefined> {
    const { index, secret, onReadError } = this.#parts;
    segment.hold();
    try {
      const seed = seedAt(secret, row.segment, row.offset);
      return await read({ segment, row, facts: index.facts(slot), seed });
    } catch (error) {
      onReadError(error);
      return undefined;
    } finally {
      segment.letGo();
    }
  }

  #rowOf(slot: number): Row | undefined {
    const { index } = this.#parts;
    return index.used(slot) ? index.row(slot, Kind.RESPONSE) : undefined;
  }

  #damaged(slot: number, row: Row): void {
    // It may have moved or gone while it was read.
    const now = this.#rowOf(slot);
    if (now?.offset === row.offset && now.segment === row.segment) this.#parts.onDamaged(slot);
  }
}

/** False when the slot was given to another response meanwhile, or to another version of it. */
function isSame(before: Row, now: Row): boolean {
  const isMoved = before.offset !== now.offset || before.segment !== now.segment;
  return (
    before.hashLo === now.hashLo &&
    before.hashHi === now.hashHi &&
    before.storedS === now.storedS &&
    (!isMoved || before.bodyBytes === now.bodyBytes)
  );
}

/** What was replaced while it was read is of the past. */
function discard(result: object | string | undefined): undefined {
  if (typeof result === 'object' && 'close' in result) (result as DiskReader).close();
}
