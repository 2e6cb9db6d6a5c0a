import { crc32 } from 'node:zlib';
import type { DiskHead, DiskWriter } from './disk.ts';
import { BLOCK_BYTES, bodyAt, packChecksums, type Row, seedAt, writeHead } from './format.ts';
import type { SegmentLog } from './log.ts';
import { labels } from './rows.ts';
import type { Segment } from './segment.ts';

interface Parts {
  readonly log: SegmentLog;
  readonly secret: number;
  readonly segment: Segment;
  /** Where room was reserved for it. */
  readonly row: Row;
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

  constructor(record: DiskHead, parts: Parts) {
    this.#parts = parts;
    const { log, secret, segment, row } = parts;
    const head = Buffer.alloc(bodyAt(row));
    labels(head, record);
    segment.date(row.storedS);
    writeHead(head, row, seedAt(secret, segment.id, row.offset));
    log.write(segment, row.offset, head);
  }

  /** Into the room that was reserved. @returns false when the disk is behind. */
  #write(offset: number, bytes: Uint8Array): boolean {
    const { log, segment } = this.#parts;
    log.write(segment, offset, bytes);
    return !log.queue.isFull;
  }

  get failed(): boolean {
    const { segment, isTroubled } = this.#parts;
    return segment.leaving || segment.failed || isTroubled();
  }

  append(chunk: Uint8Array): boolean {
    const { row } = this.#parts;
    if (this.failed || this.#written + chunk.length > row.bodyBytes) this.abort();
    if (this.#over) return true;
    const copy = new Uint8Array(chunk);
    let more = true;
    for (let at = 0; at < copy.length; ) {
      const room = BLOCK_BYTES - (this.#written % BLOCK_BYTES);
      const part = copy.subarray(at, at + room);
      this.#sum = crc32(part, this.#sum);
      more = this.#write(row.offset + bodyAt(row) + this.#written, part);
      this.#written += part.length;
      at += part.length;
      if (this.#written % BLOCK_BYTES === 0) this.#endBlock();
    }
    return more;
  }

  drained(fn: () => void): void {
    this.#parts.log.queue.whenDrained(fn);
  }

  finish(): boolean {
    const { row, commit } = this.#parts;
    if (this.#over || this.failed || this.#written !== row.bodyBytes) return false;
    this.#over = true;
    if (this.#written % BLOCK_BYTES !== 0) this.#endBlock();
    this.#write(row.offset + bodyAt(row) + row.bodyBytes, packChecksums(this.#sums));
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
