import type { Segment } from './segment.ts';

/** Most bytes of one write. */
const WRITE_BYTES_MAX = 4 * 1024 * 1024;

interface Piece {
  readonly order: number;
  readonly segment: Segment;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** What was written to a segment since its last sync. */
interface Dirt {
  bytes: number;
  from: number;
}

export interface WriteQueueOptions {
  /** Bytes that may wait to be written. */
  readonly backlogBytesMax: number;
  /** Bytes of a segment from that offset on will never be durable. */
  readonly onFailed: (segment: Segment, from: number, error: unknown) => void;
  /** A write failed: true to try again, once whatever could be done about it was done. */
  readonly onTrouble: (error: unknown) => Promise<boolean>;
}

/** Writes what was appended, in the background and in order; what has not reached the disk yet can be read from here. */
export class WriteQueue {
  readonly #options: WriteQueueOptions;
  #pieces: Piece[] = [];
  /** By segment and offset. */
  readonly #bySegment = new Map<Segment, Map<number, Uint8Array>>();
  readonly #dirty = new Map<Segment, Dirt>();
  #dirtyBytes = 0;
  #idle: { readonly order: number; readonly resolve: () => void }[] = [];
  #drained: (() => void)[] = [];
  #order = 0;
  #running = false;
  #syncing: Promise<void> = Promise.resolve();
  backlogBytes = 0;
  writtenBytes = 0;

  constructor(options: WriteQueueOptions) {
    this.#options = options;
  }

  /** True when no more should be appended. */
  get isFull(): boolean {
    return this.backlogBytes >= this.#options.backlogBytesMax;
  }

  /** A number that changes with each write that ends; undefined while there is nothing to write. */
  get progress(): number | undefined {
    return this.#running ? this.writtenBytes : undefined;
  }

  /** Waits here, or was written and could still be lost with the machine. */
  get unsyncedBytes(): number {
    return this.backlogBytes + this.#dirtyBytes;
  }

  /** Takes the bytes over: they may not change any more. */
  push(segment: Segment, offset: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#order += 1;
    this.#pieces.push({ order: this.#order, segment, offset, bytes });
    const own = this.#bySegment.get(segment) ?? new Map<number, Uint8Array>();
    this.#bySegment.set(segment, own);
    own.set(offset, bytes);
    this.backlogBytes += bytes.length;
    if (!this.#running) void this.#run();
  }

  /** Calls back once when the backlog is half of what it may be, or writing has failed. */
  whenDrained(fn: () => void): void {
    if (this.#running) this.#drained.push(fn);
    else fn();
  }

  /** Lets go of all who wait for room. */
  wake(): void {
    for (const fn of this.#drained.splice(0)) fn();
  }

  /**
   * Fills `into` from `position` on: from what still waits, and from the file.
   *
   * @returns false when there is less.
   * @throws the system's error.
   */
  async read(segment: Segment, into: Uint8Array, position: number): Promise<boolean> {
    const waiting = this.#waiting(segment, position, position + into.length);
    const covered = waiting.reduce((sum, [, part]) => sum + part.length, 0);
    let end = covered === into.length ? covered : await segment.file.read(into, position);
    for (const [at, part] of waiting) {
      into.set(part, at - position);
      end = Math.max(end, at - position + part.length);
    }
    return end >= into.length;
  }

  /** Resolves when all that was pushed until now is in the files, or lost; not yet durable. */
  idle(): Promise<void> {
    if (!this.#running) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push({ order: this.#order, resolve }));
  }

  /** Makes all that was written before durable. What the disk fails at is reported as lost. */
  sync(): Promise<void> {
    this.#syncing = this.#syncing.then(async () => {
      for (const segment of [...this.#dirty.keys()]) await this.#syncOne(segment);
    });
    return this.#syncing;
  }

  /** What an earlier process wrote may not be durable yet: the next sync sees to it. */
  doubt(segment: Segment): void {
    this.#dirty.set(segment, { bytes: 0, from: 0 });
  }

  /** Forgets what waits for a segment. @returns the lowest offset of it, or undefined when nothing did. */
  forget(segment: Segment): number | undefined {
    let from: number | undefined;
    for (const [offset, bytes] of this.#bySegment.get(segment) ?? []) {
      this.backlogBytes -= bytes.length;
      from = Math.min(offset, from ?? offset);
    }
    if (from !== undefined) this.#pieces = this.#pieces.filter((piece) => piece.segment !== segment);
    this.#bySegment.delete(segment);
    this.#dirtyBytes -= this.#dirty.get(segment)?.bytes ?? 0;
    this.#dirty.delete(segment);
    return from;
  }

  /** The parts of `from..to` that are not in the file yet, with where they go. */
  #waiting(segment: Segment, from: number, to: number): [at: number, part: Uint8Array][] {
    const own = this.#bySegment.get(segment);
    if (own === undefined) return [];
    // Nearly always: a whole record, in one piece.
    const whole = own.get(from);
    if (whole !== undefined && whole.length >= to - from) return [[from, whole.subarray(0, to - from)]];
    const found: [number, Uint8Array][] = [];
    for (const [offset, bytes] of own) {
      const start = Math.max(from, offset);
      const end = Math.min(to, offset + bytes.length);
      if (start < end) found.push([start, bytes.subarray(start - offset, end - offset)]);
    }
    return found;
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#pieces.length > 0) {
      await this.#writeSome();
      const next = this.#pieces[0]?.order ?? Number.POSITIVE_INFINITY;
      while (this.#idle.length > 0 && this.#idle[0]!.order < next) this.#idle.shift()!.resolve();
      if (this.backlogBytes * 2 <= this.#options.backlogBytesMax) this.wake();
    }
    this.#running = false;
    this.wake();
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
      if (!segment.evicted && !(await this.#options.onTrouble(error))) this.#fail(segment, offset, error);
    } finally {
      segment.letGo();
    }
  }

  #written(segment: Segment, batch: readonly Piece[], length: number): void {
    // Its segment may have been forgotten meanwhile.
    if (this.#pieces[0] !== batch[0]) return;
    this.#pieces.splice(0, batch.length);
    const own = this.#bySegment.get(segment)!;
    for (const { offset } of batch) own.delete(offset);
    if (own.size === 0) this.#bySegment.delete(segment);
    this.backlogBytes -= length;
    this.writtenBytes += length;
    const dirt = this.#dirty.get(segment) ?? { bytes: 0, from: batch[0]!.offset };
    dirt.bytes += length;
    dirt.from = Math.min(dirt.from, batch[0]!.offset);
    this.#dirty.set(segment, dirt);
    this.#dirtyBytes += length;
  }

  async #syncOne(segment: Segment): Promise<void> {
    const dirt = this.#dirty.get(segment);
    if (dirt === undefined) return;
    this.#dirty.delete(segment);
    segment.hold();
    try {
      await segment.file.sync();
      // Its rows are of no more use once all of it is safe.
      if (segment.sealed && !this.#bySegment.has(segment) && !this.#dirty.has(segment)) segment.rows = [];
    } catch (error) {
      if (!segment.evicted) this.#fail(segment, dirt.from, error);
    } finally {
      this.#dirtyBytes -= dirt.bytes;
      segment.letGo();
    }
  }

  #fail(segment: Segment, from: number, error: unknown): void {
    const dirtyFrom = this.#dirty.get(segment)?.from ?? from;
    const waitingFrom = this.forget(segment) ?? from;
    this.#options.onFailed(segment, Math.min(from, dirtyFrom, waitingFrom), error);
  }
}
