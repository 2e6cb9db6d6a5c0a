import { crc32 } from 'node:zlib';
import type { DiskWriter } from './disk.ts';
import { BLOCK_BYTES, bodyAt, Kind, packChecksums, type Row, writeHead } from './format.ts';
import type { Segment } from './segment.ts';
import type { WriteQueue } from './write-queue.ts';

interface Parts {
  readonly queue: WriteQueue;
  readonly segment: Segment;
  readonly row: Row;
  /** The record up to its body, but for its own fields. */
  readonly head: Buffer;
  readonly onWhole: (row: Row) => void;
}

/**
 * A record that is written as its body arrives, into room that was reserved for it. Its head says so until it is whole: a
 * start after a crash skips what never was.
 */
export class StreamedRecord implements DiskWriter {
  readonly #parts: Parts;
  readonly #sums: number[] = [];
  #sum = 0;
  #written = 0;
  #over = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#pushHead(parts.row);
  }

  get failed(): boolean {
    return this.#parts.segment.evicted;
  }

  append(chunk: Uint8Array): boolean {
    const { queue, segment, row } = this.#parts;
    if (this.#over || this.failed) return true;
    if (this.#written + chunk.length > row.bodyBytes) {
      this.abort();
      return true;
    }
    const copy = new Uint8Array(chunk);
    for (let at = 0; at < copy.length; ) {
      const room = BLOCK_BYTES - (this.#written % BLOCK_BYTES);
      const part = copy.subarray(at, at + room);
      this.#sum = crc32(part, this.#sum);
      queue.push(segment, row.offset + bodyAt(row) + this.#written, part);
      this.#written += part.length;
      at += part.length;
      if (this.#written % BLOCK_BYTES === 0) this.#endBlock();
    }
    return !queue.isFull;
  }

  drained(fn: () => void): void {
    this.#parts.queue.whenDrained(fn);
  }

  finish(): boolean {
    const { queue, segment, row, onWhole } = this.#parts;
    if (this.#over || this.failed || this.#written !== row.bodyBytes) return false;
    this.#over = true;
    if (this.#written % BLOCK_BYTES !== 0) this.#endBlock();
    queue.push(segment, row.offset + bodyAt(row) + row.bodyBytes, packChecksums(this.#sums));
    const whole = { ...row, kind: Kind.RESPONSE };
    this.#pushHead(whole);
    onWhole(whole);
    return true;
  }

  abort(): void {
    this.#over = true;
  }

  #endBlock(): void {
    this.#sums.push(this.#sum);
    this.#sum = 0;
  }

  #pushHead(row: Row): void {
    const head = Buffer.from(this.#parts.head);
    writeHead(head, row);
    this.#parts.queue.push(this.#parts.segment, row.offset, head);
  }
}
