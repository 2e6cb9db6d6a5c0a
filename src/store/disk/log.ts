import type { DiskFiles } from './files.ts';
import { ROW_BYTES, TRAILER_BYTES, writeFooter } from './format.ts';
import { Segment, segmentName } from './segment.ts';
import { WriteQueue } from './write-queue.ts';

/** Free room in bytes and files that is left to others. */
export interface Floor {
  readonly freeBytes: number;
  readonly freeInodes: number;
}

/** Why there is no room to append at the moment. */
export type NoRoom = 'too-large' | 'busy' | 'young' | 'floor' | 'trouble';

export interface LogOptions {
  readonly files: DiskFiles;
  readonly segmentBytes: number;
  readonly budgetBytes: number;
  readonly floor: Floor;
  readonly backlogBytesMax: number;
  readonly routes: readonly string[];
  /** May the oldest segment leave now? */
  readonly mayEvict: (segment: Segment) => boolean;
  /** A segment leaves: takes what is worth it elsewhere, and forgets the rest. Its file is removed afterwards. */
  readonly evict: (segment: Segment) => Promise<void>;
  /** A segment could not be written: what it should have held is lost. */
  readonly lost: (segment: Segment, error: unknown) => void;
  readonly onTrouble: (error: unknown) => void;
  /** There is less free than the floor, and nothing of ours that could make room. */
  readonly onFloor: (freeBytes: number) => void;
}

/**
 * The log of segments: records are appended to one file, full ones are sealed with a footer, and the oldest leaves when the
 * budget is used. One more file is kept open and ready, so that appending never waits for the file system.
 */
export class SegmentLog {
  readonly queue: WriteQueue;
  /** From the oldest to the youngest; the last one is being appended to. */
  readonly segments: Segment[] = [];
  readonly #options: LogOptions;
  #budgetBytes: number;
  #nextId = 1;
  #ready: Segment | undefined;
  #preparing: Promise<void> | undefined;
  #why: NoRoom = 'busy';
  /** No new segments: the disk is in trouble, or the log is being closed. */
  #held = false;

  constructor(options: LogOptions) {
    this.#options = options;
    this.#budgetBytes = options.budgetBytes;
    this.queue = new WriteQueue({
      backlogBytesMax: options.backlogBytesMax,
      onTrouble: (error) => this.#makeRoom(error),
      onFailed: (segment, error) => this.#fail(segment, error),
    });
  }

  /** What all files take, footers included. */
  get usedBytes(): number {
    return this.segments.reduce((sum, { fileBytes }) => sum + fileBytes, this.#ready?.fileBytes ?? 0);
  }

  get budgetBytes(): number {
    return this.#budgetBytes;
  }

  get #segmentsMax(): number {
    return Math.max(2, Math.floor(this.#budgetBytes / this.#options.segmentBytes));
  }

  /** Longest record that fits a segment. */
  get recordBytesMax(): number {
    return this.#options.segmentBytes - footerBytes(1, this.#options.routes);
  }

  /** Takes over segments that were there before, in the order of their numbers. */
  adopt(segment: Segment): void {
    this.segments.push(segment);
    this.#nextId = Math.max(this.#nextId, segment.id + 1);
  }

  /** Reserves room for a record, synchronously. The caller pushes its bytes. */
  reserve(bytes: number, nowS: number): { readonly segment: Segment; readonly offset: number } | NoRoom {
    if (bytes > this.recordBytesMax) return 'too-large';
    if (this.queue.isFull) return 'busy';
    let segment = this.segments.at(-1);
    if (segment === undefined || segment.sealed || !this.#fits(segment, bytes)) {
      if (segment !== undefined) this.#seal(segment);
      const ready = this.#ready;
      this.#ready = undefined;
      this.prepare();
      if (ready === undefined) return this.#why;
      this.segments.push(ready);
      segment = ready;
    }
    const offset = segment.endBytes;
    segment.endBytes += bytes;
    segment.youngestS = nowS;
    return { segment, offset };
  }

  /** Sees to it that a file is ready for when this one is full. */
  prepare(): void {
    if (this.#held || this.#ready !== undefined || this.#preparing !== undefined) return;
    this.#preparing = this.#prepare().finally(() => {
      this.#preparing = undefined;
    });
  }

  /** Resolves when what was begun is done. */
  async settled(): Promise<void> {
    await this.#preparing;
    await this.queue.idle();
  }

  /** Growing takes effect at once; what is too much leaves segment by segment, as {@link shrinkOne} is called. */
  resize(budgetBytes: number): void {
    this.#budgetBytes = budgetBytes;
    this.prepare();
  }

  /** Evicts one segment when there are more than the budget allows. */
  async shrinkOne(): Promise<void> {
    const count = this.segments.length + (this.#ready === undefined ? 0 : 1);
    if (count > this.#segmentsMax) await this.#evictOldest();
  }

  /** Stops making segments, and goes on with it. */
  hold(held: boolean): void {
    this.#held = held;
    if (!held) this.prepare();
  }

  /** Ends the segment that is being appended to, so that a start reads its footer instead of all of it. */
  async close(): Promise<void> {
    this.#held = true;
    await this.#preparing;
    const last = this.segments.at(-1);
    if (last !== undefined) this.#seal(last);
    await this.queue.idle();
    await this.queue.sync().catch((error: unknown) => this.#options.onTrouble(error));
    if (this.#ready !== undefined) {
      await this.#ready.close();
      await this.#options.files.unlink(this.#ready.name).catch(() => undefined);
    }
    await Promise.all(this.segments.map((segment) => segment.close()));
  }

  /** Removes a segment and its file. */
  async drop(segment: Segment): Promise<void> {
    const at = this.segments.indexOf(segment);
    if (at >= 0) this.segments.splice(at, 1);
    segment.evicted = true;
    this.queue.forget(segment);
    await this.#options.files.unlink(segment.name).catch((error: unknown) => this.#options.onTrouble(error));
    if (segment.readers === 0) await segment.close();
  }

  #fits(segment: Segment, bytes: number): boolean {
    const footer = footerBytes(segment.rows.length + 1, this.#options.routes);
    return segment.endBytes + bytes + footer <= this.#options.segmentBytes;
  }

  #seal(segment: Segment): void {
    if (segment.sealed) return;
    segment.sealed = true;
    const footer = writeFooter(segment.rows, this.#options.routes, segment.endBytes);
    segment.rows = [];
    this.queue.push(segment, segment.endBytes, footer);
  }

  async #prepare(): Promise<void> {
    const { files, floor, segmentBytes } = this.#options;
    try {
      if (this.#why !== 'floor') this.#why = 'busy';
      while (this.segments.length + 1 > this.#segmentsMax) {
        if (!(await this.#evictOldest())) return;
      }
      for (;;) {
        const space = await files.space();
        if (space.freeBytes - segmentBytes >= floor.freeBytes && space.freeInodes > floor.freeInodes) break;
        if (this.segments.length > 2 && (await this.#evictOldest())) continue;
        if (this.#why !== 'floor') this.#options.onFloor(space.freeBytes);
        this.#why = 'floor';
        return;
      }
      const id = this.#nextId;
      this.#nextId += 1;
      const file = await files.open(segmentName(id));
      await files.syncNames();
      this.#ready = new Segment(id, file);
      this.#why = 'busy';
    } catch (error) {
      this.#why = 'trouble';
      this.#options.onTrouble(error);
    }
  }

  async #evictOldest(): Promise<boolean> {
    const oldest = this.segments[0];
    if (oldest === undefined || !oldest.sealed) return false;
    if (!this.#options.mayEvict(oldest)) {
      this.#why = 'young';
      return false;
    }
    await this.#options.evict(oldest);
    await this.drop(oldest);
    return true;
  }

  /** A full disk: the oldest makes room for the youngest, once for each write that fails. */
  async #makeRoom(error: unknown): Promise<boolean> {
    const { code } = error as NodeJS.ErrnoException;
    const oldest = this.segments[0];
    if ((code !== 'ENOSPC' && code !== 'EDQUOT') || oldest === undefined || this.segments.length < 2)
      return false;
    this.#options.lost(oldest, error);
    await this.drop(oldest);
    return true;
  }

  #fail(segment: Segment, error: unknown): void {
    this.#options.lost(segment, error);
    void this.drop(segment);
    this.#options.onTrouble(error);
  }
}

/** Length of the footer of that many rows. */
function footerBytes(rows: number, routes: readonly string[]): number {
  return rows * ROW_BYTES + Buffer.byteLength(JSON.stringify(routes)) + TRAILER_BYTES;
}
