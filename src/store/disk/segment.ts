import type { DiskFile } from './files.ts';
import type { Row } from './format.ts';

/** Names of segment files: their number, in the order in which they were made. */
export const SEGMENT_NAME = /^([0-9]{10})\.seg$/;

/** The file name of a segment. */
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
  /** It is about to leave the log, or has left it. */
  leaving = false;
  /** It left the log: its file goes with its last reader. */
  evicted = false;
  /** A write to it failed. */
  failed = false;
  /** When the youngest and the oldest record were stored, in seconds since the epoch. */
  youngestS = 0;
  oldestS: number = Number.POSITIVE_INFINITY;
  /** Slots of the index whose records were written here; some have moved on since. */
  slots: number[] = [];
  /** What was appended and where: for the footer, and until all of it is durable. */
  rows: { readonly at: number; readonly row: Row }[] = [];
  readonly #onGone: (segment: Segment) => void;
  #readers = 0;
  #closing: Promise<void> | undefined;

  /** @param onGone told when it has left the log and nobody reads it any more. */
  constructor(id: number, file: DiskFile, onGone: (segment: Segment) => void) {
    this.id = id;
    this.name = segmentName(id);
    this.file = file;
    this.#onGone = onGone;
  }

  /** A record of that time lies here. */
  date(storedS: number): void {
    this.youngestS = Math.max(this.youngestS, storedS);
    this.oldestS = Math.min(this.oldestS, storedS);
  }

  /** Keeps the file open. */
  hold(): void {
    this.#readers += 1;
  }

  letGo(): void {
    this.#readers -= 1;
    if (this.evicted) this.closeUnread();
  }

  /** Closes the file of an evicted segment unless somebody reads it: then the last one does. */
  closeUnread(): void {
    if (this.#readers > 0 || this.#closing !== undefined) return;
    void this.close();
    this.#onGone(this);
  }

  /** Closes the file, once. Errors are of no consequence: nothing is read or written through it any more. */
  close(): Promise<void> {
    this.#closing ??= this.file.close().catch(() => undefined);
    return this.#closing;
  }
}
