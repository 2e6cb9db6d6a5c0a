import type { ServedCause } from '../cache/outcome.ts';
import type { DiskReader } from '../store/disk/disk.ts';
import type { MemoryTier } from '../store/memory/tier.ts';
import { BROKEN, type Payload, WAIT } from './answer.ts';

/** Why a stored body was not sent whole: an empty text unless the disk is to blame. */
export function brokenByDisk(payload: Payload | undefined): () => ServedCause {
  return () => (payload instanceof DiskPayload && payload.isBroken ? 'disk' : '');
}

/** Bytes that are read from disk at a time. */
const PIECE_BYTES = 256 * 1024;

/**
 * Bytes `from..to` of a body that stays on disk. One piece is held at a time; above the budget not even that: it is then read
 * again for what the client had no room for, so many slow readers cost reads and not memory.
 */
export class DiskPayload implements Payload {
  readonly bytes: number;
  readonly #reader: DiskReader;
  readonly #tier: MemoryTier;
  readonly #slot: number;
  readonly #budget: MemoryTier['reads'];
  readonly #from: number;
  #piece: Uint8Array | undefined;
  #pieceAt = 0;
  #held = 0;
  #reading = false;
  #broken = false;
  #released = false;
  #wake: (() => void) | undefined;

  /** Takes over one pin of the caller on a lent slot. */
  constructor(tier: MemoryTier, slot: number, from: number, to: number) {
    this.#tier = tier;
    this.#slot = slot;
    this.#reader = tier.guest(slot)!;
    this.#from = from;
    this.#budget = tier.reads;
    this.bytes = to - from;
  }

  read(position: number, into: Uint8Array, at: number): number {
    if (this.#broken) return BROKEN;
    const piece = this.#piece;
    const offset = position - this.#pieceAt;
    if (piece === undefined || offset < 0 || offset >= piece.length) {
      this.#fetch(position);
      return WAIT;
    }
    const count = Math.min(piece.length - offset, into.length - at);
    into.set(piece.subarray(offset, offset + count), at);
    if (offset + count === piece.length || this.#budget.usedBytes > this.#budget.limitBytes) this.#letGo();
    return count;
  }

  /** The rest of it could not be read. */
  get isBroken(): boolean {
    return this.#broken;
  }

  whenReadable(fn: () => void): void {
    if (this.#reading) this.#wake = fn;
    else fn();
  }

  release(): void {
    this.#released = true;
    this.#letGo();
    if (!this.#reading) this.#tier.cache.unpin(this.#slot);
  }

  #fetch(position: number): void {
    if (this.#reading) return;
    this.#reading = true;
    const from = this.#from + position;
    const to = Math.min(from + PIECE_BYTES, this.#from + this.bytes);
    void this.#reader.read(from, to).then(
      (piece) => this.#arrived(position, piece),
      () => this.#arrived(position, undefined),
    );
  }

  #arrived(position: number, piece: Uint8Array | undefined): void {
    this.#reading = false;
    if (this.#released) {
      this.#tier.cache.unpin(this.#slot);
      return;
    }
    this.#letGo();
    if (piece === undefined) this.#broken = true;
    else {
      this.#piece = piece;
      this.#pieceAt = position;
      this.#held = piece.length;
      this.#budget.usedBytes += piece.length;
    }
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  #letGo(): void {
    this.#budget.usedBytes -= this.#held;
    this.#held = 0;
    this.#piece = undefined;
  }
}
