import type { Balance } from './balance.ts';
import type { DiskAccount } from './disk-account.ts';
import type { DiskIndex } from './disk-index.ts';
import type { DiskPurges } from './disk-purges.ts';
import { HEAD_BYTES, headIsWhole, Kind, type Row, recordBytes, seedAt, writeHead } from './format.ts';
import type { SegmentLog } from './log.ts';
import { placeAt } from './obey.ts';
import type { OwedRemovals } from './owed.ts';
import { PAUSE, Rewriting } from './rewriting.ts';
import type { Segment } from './segment.ts';

interface Parts {
  readonly log: SegmentLog;
  readonly index: DiskIndex;
  readonly segments: Map<number, Segment>;
  readonly account: DiskAccount;
  readonly owed: OwedRemovals;
  readonly secret: number;
  readonly purges: DiskPurges;
  readonly balance: Balance;
  readonly nowS: () => number;
  readonly onReadError: (error: unknown) => void;
  /** Lets others run. */
  readonly turn: () => Promise<void>;
}

/** What happens to the records of a segment that leaves; {@link Rewriting} says which of them are written again. */
export class Turnover {
  readonly #parts: Parts;
  readonly #rewriting: Rewriting;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#rewriting = new Rewriting(parts.index, parts.balance, parts.nowS);
  }

  /** As {@link Rewriting.claimedBytes}. */
  get claimedBytes(): number {
    return this.#rewriting.claimedBytes;
  }

  /** Writes again what is worth it and has room; the rest is forgotten. */
  async evict(segment: Segment): Promise<void> {
    const steps = this.#rewriting.of(segment);
    for (let step = steps.next(); step.done !== true; ) {
      if (step.value === PAUSE) {
        await this.#parts.turn();
        step = steps.next(false);
      } else step = steps.next(await this.#reinsert(step.value, segment));
    }
    this.#forget(segment);
    this.#parts.segments.delete(segment.id);
  }

  #forget(segment: Segment): void {
    const { index, account, nowS } = this.#parts;
    for (const slot of segment.slots) {
      if (!this.#liesIn(slot, segment)) continue;
      account.evictions += 1;
      if (nowS() < index.usableUntilS(slot)) account.earlyEvictions += 1;
      index.remove(slot);
    }
  }

  /**
   * What a segment should have held from that offset on is gone: it could not be written, or had to make room at once. An
   * older version of it may lie elsewhere, which must not be found again after a restart.
   */
  lose(segment: Segment, from: number): void {
    const { index, account, owed, nowS, segments } = this.#parts;
    for (const slot of segment.slots) {
      if (!this.#liesIn(slot, segment)) continue;
      const row = index.row(slot, Kind.RESPONSE);
      if (row.offset + recordBytes(row) <= from) continue;
      index.remove(slot);
      account.lost += 1;
      owed.add({ lo: row.hashLo, hi: row.hashHi }, nowS());
    }
    for (const { at, row } of segment.rows) if (at >= from) this.#loseRow(row);
    if (segment.leaving) segments.delete(segment.id);
  }

  /** A removal or a commit was not written. */
  #loseRow({ kind, hashLo, hashHi, segment, offset }: Segment['rows'][number]['row']): void {
    const { index, account, owed, nowS } = this.#parts;
    const hash = { lo: hashLo, hi: hashHi };
    const slot = index.find(hash);
    if (
      kind === Kind.COMMIT &&
      slot >= 0 &&
      index.segment(slot) === segment &&
      index.offset(slot) === offset
    ) {
      index.remove(slot);
      account.lost += 1;
      owed.add(hash, nowS());
    } else if (kind === Kind.REMOVAL && slot < 0) owed.add(hash, nowS());
  }

  #isPurged(bytes: Buffer, { keyBytes, headBytes, segment, offset }: Row): boolean {
    const key = bytes.toString('latin1', HEAD_BYTES, HEAD_BYTES + keyBytes);
    const head = bytes.toString('latin1', HEAD_BYTES + keyBytes, HEAD_BYTES + keyBytes + headBytes);
    return this.#parts.purges.find(key, head, placeAt(segment, offset)) !== undefined;
  }

  #liesIn(slot: number, segment: Segment): boolean {
    return this.#parts.index.liesIn(slot, segment.id);
  }

  async #reinsert(slot: number, segment: Segment): Promise<boolean> {
    const { index, log, segments, account, secret, balance, onReadError } = this.#parts;
    const row = index.row(slot, Kind.RESPONSE);
    const bytes = Buffer.allocUnsafe(recordBytes(row));
    try {
      if (!(await log.queue.read(segment, bytes, row.offset))) return false;
    } catch (error) {
      onReadError(error);
      return false;
    }
    // Its head gets a new checksum, which must not make good what is damaged. The body keeps its own.
    if (!headIsWhole(bytes, row, seedAt(secret, row.segment, row.offset))) {
      account.damaged += 1;
      return false;
    }
    // It may have been replaced, or its slot given to another, while it was read.
    if (!this.#liesIn(slot, segment) || index.offset(slot) !== row.offset) return false;
    // Its place in the log is what tells a purge that it is older: written anew, it would not be.
    if (this.#isPurged(bytes, row)) return false;
    const place = log.reserve(bytes.length);
    if (typeof place !== 'object') return false;
    const { id } = place.segment;
    const moved = { ...index.row(slot, Kind.RESPONSE), offset: place.offset, segment: id };
    writeHead(bytes, moved, seedAt(secret, id, place.offset));
    segments.set(id, place.segment);
    log.write(place.segment, place.offset, bytes);
    log.book(place, moved);
    index.move(slot, id, place.offset);
    index.setHit(slot, false);
    place.segment.slots.push(slot);
    account.reinsertions += 1;
    balance.wrote(index.isVariant(slot), bytes.length);
    return true;
  }
}
