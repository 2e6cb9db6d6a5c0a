import { crc32 } from 'node:zlib';
import type { DiskWriter } from './disk.ts';
import { BLOCK_BYTES, bodyAt, packChecksums, type Row } from './format.ts';
import type { Segment } from './segment.ts';

interface Parts {
  readonly segment: Segment;
  readonly row: Row;
  /** Writes into the room that was reserved. @returns false when the disk is behind. */
  readonly write: (offset: number, bytes: Uint8Array) => boolean;
  readonly whenDrained: (fn: () => void) => void;
  /** Nothing can be kept at the moment. */
  readonly isTroubled: () => boolean;
  /** Appends that it is whole. @returns false when there is no room for that. */
  readonly commit: (row: Row) => boolean;
}

/**
 * A record that is written as its body arrives, into room that was reserved for it. It answers once a commit says that it is
 * whole; a start after a crash skips what never was.
 */
export class StreamedRecord implements DiskWriter {
  readonly #parts: Parts;
  readonly #sums: number[] = [];
  #sum = 0;
  #written = 0;
  #over = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get failed(): boolean {
    const { segment, isTroubled } = this.#parts;
    return segment.leaving || segment.failed || isTroubled();
  }

  append(chunk: Uint8Array): boolean {
    const { row, write } = this.#parts;
    if (this.failed || this.#written + chunk.length > row.bodyBytes) this.abort();
    if (this.#over) return true;
    const copy = new Uint8Array(chunk);
    let more = true;
    for (let at = 0; at < copy.length; ) {
      const room = BLOCK_BYTES - (this.#written % BLOCK_BYTES);
      const part = copy.subarray(at, at + room);
      this.#sum = crc32(part, this.#sum);
      more = write(row.offset + bodyAt(row) + this.#written, part);
      this.#written += part.length;
      at += part.length;
      if (this.#written % BLOCK_BYTES === 0) this.#endBlock();
    }
    return more;
  }

  drained(fn: () => void): void {
    this.#parts.whenDrained(fn);
  }

  finish(): boolean {
    const { row, write, commit } = this.#parts;
    if (this.#over || this.failed || this.#written !== row.bodyBytes) return false;
    this.#over = true;
    if (this.#written % BLOCK_BYTES !== 0) this.#endBlock();
    write(row.offset + bodyAt(row) + row.bodyBytes, packChecksums(this.#sums));
    return commit(row);
  }

  abort(): void {
    this.#over = true;
  }

  #endBlock(): void {
    this.#sums.push(this.#sum);
    this.#sum = 0;
  }
}
