import type { Segment } from './segment.ts';

/** Most bytes of one write. */
const WRITE_BYTES_MAX = 4 * 1024 * 1024;

interface Piece {
  readonly segment: Segment;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export interface WriteQueueOptions {
  /** Bytes that may wait to be written. */
  readonly backlogBytesMax: number;
  /** Writing failed for good: what had not been written of this segment never will be. */
  readonly onFailed: (segment: Segment, error: unknown) => void;
  /** A write failed: true to try again, once whatever could be done about it was done. */
  readonly onTrouble: (error: unknown) => Promise<boolean>;
}

/** Writes what was appended, in the background and in order; what has not reached the disk yet can be read from here. */
export class WriteQueue {
  readonly #options: WriteQueueOptions;
  readonly #pieces: Piece[] = [];
  /** By segment and offset. */
  readonly #bySegment = new Map<Segment, Map<number, Uint8Array>>();
  readonly #dirty = new Set<Segment>();
  #idle: (() => void)[] = [];
  #drained: (() => void)[] = [];
  #running = false;
  backlogBytes = 0;
  writtenBytes = 0;

  constructor(options: WriteQueueOptions) {
    this.#options = options;
  }

  /** True when no more should be appended. */
  get isFull(): boolean {
    return this.backlogBytes >= this.#options.backlogBytesMax;
  }

  /** Takes the bytes over: they may not change any more. */
  push(segment: Segment, offset: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#pieces.push({ segment, offset, bytes });
    const own = this.#bySegment.get(segment) ?? new Map<number, Uint8Array>();
    this.#bySegment.set(segment, own);
    own.set(offset, bytes);
    this.backlogBytes += bytes.length;
    segment.fileBytes = Math.max(segment.fileBytes, offset + bytes.length);
    if (!this.#running) void this.#run();
  }

  /** Calls back once when the backlog is half of what it may be. */
  whenDrained(fn: () => void): void {
    this.#drained.push(fn);
  }

  /** Fills `into` from `position` on: from what still waits, and from the file. @returns false when there is less. */
  async read(segment: Segment, into: Uint8Array, position: number): Promise<boolean> {
    const waiting = [...this.#waiting(segment, position, position + into.length)];
    const covered = waiting.reduce((sum, [, part]) => sum + part.length, 0);
    let end = covered === into.length ? covered : await segment.file.read(into, position);
    for (const [at, part] of waiting) {
      into.set(part, at - position);
      end = Math.max(end, at - position + part.length);
    }
    return end >= into.length;
  }

  /** Resolves when all that was pushed until now is in the files; not yet durable. */
  idle(): Promise<void> {
    if (!this.#running) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Makes what was written durable. @throws the system's error. */
  async sync(): Promise<void> {
    for (const segment of [...this.#dirty]) {
      this.#dirty.delete(segment);
      if (segment.evicted) continue;
      segment.hold();
      try {
        await segment.file.sync();
      } finally {
        segment.letGo();
      }
    }
  }

  /** Forgets what waits for a segment that has left the log. */
  forget(segment: Segment): void {
    for (let i = this.#pieces.length - 1; i >= 0; i -= 1) {
      if (this.#pieces[i]!.segment === segment)
        this.backlogBytes -= this.#pieces.splice(i, 1)[0]!.bytes.length;
    }
    this.#bySegment.delete(segment);
    this.#dirty.delete(segment);
  }

  /** The parts of `from..to` that are not in the file yet, with where they go. */
  *#waiting(segment: Segment, from: number, to: number): Generator<[at: number, part: Uint8Array]> {
    for (const [offset, bytes] of this.#bySegment.get(segment) ?? []) {
      const start = Math.max(from, offset);
      const end = Math.min(to, offset + bytes.length);
      if (start < end) yield [start, bytes.subarray(start - offset, end - offset)];
    }
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#pieces.length > 0) await this.#writeSome();
    this.#running = false;
    for (const resolve of this.#idle.splice(0)) resolve();
    this.#wake();
  }

  /** One write of pieces that lie one behind the other. */
  async #writeSome(): Promise<void> {
    const { segment, offset } = this.#pieces[0]!;
    const batch: Piece[] = [];
    let length = 0;
    for (const piece of this.#pieces) {
      if (piece.segment !== segment || piece.offset !== offset + length || length >= WRITE_BYTES_MAX) break;
      batch.push(piece);
      length += piece.bytes.length;
    }
    segment.hold();
    try {
      await segment.file.write(
        batch.map(({ bytes }) => bytes),
        offset,
      );
      this.#written(segment, batch, length);
    } catch (error) {
      const again = await this.#options.onTrouble(error);
      if (!again) {
        this.forget(segment);
        this.#options.onFailed(segment, error);
      }
    } finally {
      segment.letGo();
    }
    if (this.backlogBytes * 2 <= this.#options.backlogBytesMax) this.#wake();
  }

  #written(segment: Segment, batch: readonly Piece[], length: number): void {
    // Its segment may have been forgotten meanwhile.
    if (this.#pieces[0] !== batch[0]) return;
    this.#pieces.splice(0, batch.length);
    const own = this.#bySegment.get(segment);
    for (const { offset, bytes } of batch) if (own?.get(offset) === bytes) own.delete(offset);
    this.backlogBytes -= length;
    this.writtenBytes += length;
    this.#dirty.add(segment);
  }

  #wake(): void {
    for (const fn of this.#drained.splice(0)) fn();
  }
}
