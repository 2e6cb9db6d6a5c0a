import type { DiskFile } from './files.ts';
import type { Row } from './format.ts';

/** Names of segment files: their number, in the order in which they were made. */
export const SEGMENT_NAME = /^([0-9]{10})\.seg$/;

export function segmentName(id: number): string {
  return `${String(id).padStart(10, '0')}.seg`;
}

/** One file of the log. */
export class Segment {
  readonly id: number;
  readonly name: string;
  readonly file: DiskFile;
  /** Bytes that records take; where the next one goes. */
  endBytes = 0;
  /** What the file takes on disk, the footer included. */
  fileBytes = 0;
  /** Nothing is appended any more. */
  sealed = false;
  /** It left the log: its file goes with its last reader. */
  evicted = false;
  /** When the youngest record was written, in seconds since the epoch. */
  youngestS = 0;
  /** Slots of the index whose records were written here; some have moved on since. */
  slots: number[] = [];
  /** Rows for the footer; let go when it is written. */
  rows: Row[] = [];
  #readers = 0;
  #closing: Promise<void> | undefined;

  constructor(id: number, file: DiskFile) {
    this.id = id;
    this.name = segmentName(id);
    this.file = file;
  }

  get readers(): number {
    return this.#readers;
  }

  /** Keeps the file open. */
  hold(): void {
    this.#readers += 1;
  }

  letGo(): void {
    this.#readers -= 1;
    if (this.#readers === 0 && this.evicted) void this.close();
  }

  /** Closes the file, once. Errors are of no consequence: nothing is read or written through it any more. */
  close(): Promise<void> {
    this.#closing ??= this.file.close().catch(() => undefined);
    return this.#closing;
  }
}
