import type { DiskAccount } from './disk-account.ts';
import type { DiskIndex } from './disk-index.ts';
import { Kind, recordBytes, writeHead } from './format.ts';
import type { SegmentLog } from './log.ts';
import type { Segment } from './segment.ts';

interface Parts {
  readonly log: SegmentLog;
  readonly index: DiskIndex;
  readonly segments: Map<number, Segment>;
  readonly account: DiskAccount;
  /** Of one segment, at most so much is written again. */
  readonly reinsertBytesMax: number;
  readonly nowS: () => number;
  readonly onReadError: (error: unknown) => void;
}

/** What happens to the records of a segment that leaves: FIFO with re-insertion, by segment. */
export class Turnover {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** What was hit since it was written is written again, as far as there is room; the rest is forgotten. */
  async evict(segment: Segment): Promise<void> {
    const { index, account, nowS } = this.#parts;
    let leftBytes = this.#parts.reinsertBytesMax;
    for (const slot of segment.slots) {
      if (!this.#liesIn(slot, segment)) continue;
      const bytes = recordBytes(index.row(slot, Kind.RESPONSE));
      if (index.wasHit(slot) && bytes <= leftBytes && (await this.#reinsert(slot, segment))) {
        leftBytes -= bytes;
        continue;
      }
      if (!this.#liesIn(slot, segment)) continue;
      account.evictions += 1;
      if (nowS() < index.usableUntilS(slot)) account.earlyEvictions += 1;
      index.remove(slot);
    }
    this.#parts.segments.delete(segment.id);
  }

  /** What a segment held is gone: it could not be written, or had to make room at once. */
  lose(segment: Segment): void {
    const { index, account } = this.#parts;
    for (const slot of segment.slots) {
      if (!this.#liesIn(slot, segment)) continue;
      index.remove(slot);
      account.evictions += 1;
    }
    this.#parts.segments.delete(segment.id);
  }

  #liesIn(slot: number, segment: Segment): boolean {
    const { index } = this.#parts;
    return index.used(slot) && index.segment(slot) === segment.id;
  }

  async #reinsert(slot: number, segment: Segment): Promise<boolean> {
    const { index, log, segments, account, nowS, onReadError } = this.#parts;
    const row = index.row(slot, Kind.RESPONSE);
    const bytes = Buffer.allocUnsafe(recordBytes(row));
    try {
      if (!(await log.queue.read(segment, bytes, row.offset))) return false;
    } catch (error) {
      onReadError(error);
      return false;
    }
    // It may have been replaced, or its slot given to another, while it was read.
    if (!this.#liesIn(slot, segment) || index.offset(slot) !== row.offset) return false;
    const place = log.reserve(bytes.length, nowS());
    if (typeof place !== 'object') return false;
    const moved = { ...index.row(slot, Kind.RESPONSE), offset: place.offset };
    writeHead(bytes, moved);
    segments.set(place.segment.id, place.segment);
    log.queue.push(place.segment, place.offset, bytes);
    index.move(slot, place.segment.id, place.offset);
    index.setHit(slot, false);
    place.segment.slots.push(slot);
    place.segment.rows.push(moved);
    account.reinsertions += 1;
    return true;
  }
}
