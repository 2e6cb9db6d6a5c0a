import type { DiskFiles } from './files.ts';
import { Kind, ROW_BYTES, type Row, TRAILER_BYTES, writeFooter, writeNames } from './format.ts';
import { Segment, segmentName } from './segment.ts';
import { WriteQueue } from './write-queue.ts';

/** Free room in bytes and files that is left to others. */
export interface Floor {
  readonly freeBytes: number;
  readonly freeInodes: number;
}

/** Why there is no room to append at the moment. */
export type NoRoom = 'too-large' | 'busy' | 'young' | 'floor' | 'trouble';

/** Where a record goes. */
export interface Place {
  readonly segment: Segment;
  readonly offset: number;
}

export interface LogOptions {
  readonly files: DiskFiles;
  /** Where checksums start from. */
  readonly secret: number;
  readonly segmentBytes: number;
  readonly budgetBytes: number;
  readonly floor: Floor;
  readonly backlogBytesMax: number;
  readonly routes: readonly string[];
  /** Why the oldest segment may not leave now; undefined when it may. */
  readonly keeps: (segment: Segment) => NoRoom | undefined;
  /** A segment leaves: takes what is worth it elsewhere, and forgets the rest. Its file is removed afterwards. */
  readonly evict: (segment: Segment) => Promise<void>;
  /** What a segment should have held from that offset on is lost. */
  readonly lost: (segment: Segment, from: number) => void;
  readonly onTrouble: (error: unknown) => void;
  /** There is less free than the floor, and nothing of ours that could make room at once; undefined: there is enough again. */
  readonly onFloor: (free: Floor | undefined) => void;
}

/** Segments at the least: one that is full, one that is written to, one that is ready. */
const SEGMENTS_MIN = 3;
/** Files that have left the log and are still read count as the log's own up to this share of the budget. */
const HELD_SHARE = 1 / 8;

/**
 * The log of segments: records are appended to one file, full ones are sealed with a footer, and the oldest leaves when the
 * budget is used. One more file is kept open and ready, so that appending never waits for the file system.
 */
export class SegmentLog {
  readonly queue: WriteQueue;
  /** From the oldest to the youngest; the last one is being appended to. */
  readonly segments: Segment[] = [];
  readonly #options: LogOptions;
  readonly #names: { readonly length: number };
  #budgetBytes: number;
  #nextId = 1;
  #ready: Segment | undefined;
  #preparing: Promise<void> | undefined;
  #retrying: Promise<boolean> | undefined;
  #why: NoRoom = 'busy';
  /** No new segments: what was there before is not known yet, the disk is in trouble, or the log is being closed. */
  #held = true;
  #closed = false;
  /** What the segments may come to take. */
  #ownBytes = 0;
  /** Files that are still read after they have left. */
  #heldBytes = 0;
  #usedBytes = 0;
  #leaving = 0;

  constructor(options: LogOptions) {
    this.#options = options;
    this.#names = writeNames(options.routes, 0, 0);
    this.#budgetBytes = 0;
    this.resize(options.budgetBytes);
    this.queue = new WriteQueue({
      backlogBytesMax: options.backlogBytesMax,
      onTrouble: (error) => this.#onFullDisk(error),
      onFailed: (segment, from, error) => this.#fail(segment, from, error),
    });
  }

  /** Length of all files, footers included; also of those that are only read to their end. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  get budgetBytes(): number {
    return this.#budgetBytes;
  }

  /** True while there may be files on disk whose entries are forgotten already. */
  get isLeaving(): boolean {
    return this.#leaving > 0;
  }

  /** Longest record that fits a segment. */
  get recordBytesMax(): number {
    return this.#options.segmentBytes - this.#names.length - ROW_BYTES - TRAILER_BYTES;
  }

  /** Opens a segment file that was there before; {@link adopt} takes it over once its length is known. */
  async open(id: number): Promise<Segment> {
    this.#nextId = Math.max(this.#nextId, id + 1);
    return new Segment(id, await this.#options.files.open(segmentName(id)), (segment) => this.#gone(segment));
  }

  /** Takes over a segment that was there before, in the order of their numbers. */
  adopt(segment: Segment, fileBytes: number): void {
    segment.sealed = true;
    segment.fileBytes = fileBytes;
    this.segments.push(segment);
    this.queue.doubt(segment);
    this.#ownBytes += fileBytes;
    this.#usedBytes += fileBytes;
  }

  /** An adopted segment was cut to another length. */
  recut(segment: Segment, fileBytes: number): void {
    this.#ownBytes += fileBytes - segment.fileBytes;
    this.#usedBytes += fileBytes - segment.fileBytes;
    segment.fileBytes = fileBytes;
  }

  /** Reserves room for a record, synchronously, and leaves `sparedBytes` behind it free. The caller writes and books it. */
  reserve(bytes: number, sparedBytes = 0): Place | NoRoom {
    if (bytes > this.recordBytesMax) return 'too-large';
    if (this.queue.isFull) return 'busy';
    let segment = this.segments.at(-1);
    if (segment === undefined || segment.sealed || !this.#fits(segment, bytes + sparedBytes)) {
      const ready = this.#ready;
      // Not sealed before there is another one: smaller records may fit.
      if (ready !== undefined) {
        if (segment !== undefined) this.#seal(segment);
        this.segments.push(ready);
        this.#ready = undefined;
      }
      this.prepare();
      if (ready === undefined) return this.#why;
      segment = ready;
    }
    const offset = segment.endBytes;
    segment.endBytes += bytes;
    return { segment, offset };
  }

  /** Writes bytes into room that was reserved. */
  write(segment: Segment, offset: number, bytes: Uint8Array): void {
    const growth = Math.max(0, offset + bytes.length - segment.fileBytes);
    segment.fileBytes += growth;
    this.#usedBytes += growth;
    this.queue.push(segment, offset, bytes);
  }

  /** Books a row for the footer of the segment in which its record lies. */
  book({ segment, offset }: Place, row: Row): void {
    segment.rows.push({ at: offset, row });
    if (row.kind === Kind.RESPONSE) segment.date(row.storedS);
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
    this.#budgetBytes = Math.max(budgetBytes, this.#options.segmentBytes * SEGMENTS_MIN);
  }

  /** Evicts one segment when there are more than the budget allows. */
  async shrinkOne(): Promise<void> {
    if (this.#preparing === undefined && this.#ownBytes > this.#budgetBytes) await this.#evictOldest();
  }

  /** All that was there before was adopted: new ones come behind it. */
  async start(): Promise<void> {
    this.#held = false;
    this.prepare();
    await this.#preparing;
  }

  /** Makes no more segments until {@link retry}. */
  hold(): void {
    this.#held = true;
  }

  /** Tries whether a file can be made and written. @returns false when it cannot. */
  retry(): Promise<boolean> {
    this.#retrying = this.#tryToMake();
    return this.#retrying;
  }

  async #tryToMake(): Promise<boolean> {
    await this.#preparing;
    await this.#discardReady();
    this.#held = this.#closed;
    this.prepare();
    await this.#preparing;
    return this.#why !== 'trouble';
  }

  /** Ends the segment that is being appended to, so that a start reads its footer instead of all of it. */
  async close(): Promise<void> {
    this.#held = true;
    this.#closed = true;
    await this.#retrying;
    await this.#preparing;
    const last = this.segments.at(-1);
    if (last !== undefined) this.#seal(last);
    await this.queue.idle();
    await this.queue.sync();
    await this.#discardReady();
    await Promise.all(this.segments.map((segment) => segment.close()));
  }

  /** Removes a segment and its file. What it held must be forgotten already. */
  async drop(segment: Segment): Promise<void> {
    const at = this.segments.indexOf(segment);
    if (at < 0) return;
    this.segments.splice(at, 1);
    this.#ownBytes -= segment.sealed ? segment.fileBytes : this.#options.segmentBytes;
    this.queue.forget(segment);
    await this.#remove(segment);
  }

  async #remove(segment: Segment): Promise<void> {
    const { files, onTrouble } = this.#options;
    segment.leaving = true;
    segment.evicted = true;
    this.#heldBytes += segment.fileBytes;
    this.#leaving += 1;
    try {
      await files.unlink(segment.name);
      // In the order of their age, also after a crash: else what an older one holds would be found again.
      await files.syncNames();
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') onTrouble(error);
    }
    this.#leaving -= 1;
    segment.closeUnread();
  }

  #gone(segment: Segment): void {
    this.#heldBytes -= segment.fileBytes;
    this.#usedBytes -= segment.fileBytes;
  }

  #fits(segment: Segment, bytes: number): boolean {
    const footer = (segment.rows.length + 1) * ROW_BYTES + TRAILER_BYTES;
    return segment.endBytes + bytes + footer <= this.#options.segmentBytes;
  }

  #seal(segment: Segment): void {
    if (segment.sealed) return;
    segment.sealed = true;
    if (!segment.failed) {
      const rows = segment.rows.map(({ row }) => row);
      this.write(
        segment,
        segment.endBytes,
        writeFooter(rows, segment.id, segment.endBytes, this.#options.secret),
      );
    }
    this.#ownBytes += segment.fileBytes - this.#options.segmentBytes;
  }

  async #prepare(): Promise<void> {
    try {
      if (!(await this.#makeRoom()) || !(await this.#isAboveFloor())) return;
      await this.#make();
      this.#why = 'busy';
    } catch (error) {
      this.#why = 'trouble';
      this.#options.onTrouble(error);
    }
  }

  async #makeRoom(): Promise<boolean> {
    const { segmentBytes } = this.#options;
    const budgetBytes = this.#budgetBytes;
    for (;;) {
      const heldBytes = Math.min(this.#heldBytes, budgetBytes * HELD_SHARE);
      // Of those that are needed at the least, none leaves for the sake of who is still reading.
      const most = this.segments.length < SEGMENTS_MIN ? this.#ownBytes : this.#ownBytes + heldBytes;
      if (most + segmentBytes <= budgetBytes) return true;
      if (!(await this.#evictOldest())) return false;
    }
  }

  /** One segment leaves each time that there is too little: what it frees may take the file system a moment to see. */
  async #isAboveFloor(): Promise<boolean> {
    const { files, floor, segmentBytes, onFloor } = this.#options;
    const enough = async (): Promise<boolean> => {
      const free = await files.space();
      if (free.freeBytes - segmentBytes >= floor.freeBytes && free.freeInodes > floor.freeInodes) {
        if (this.#why === 'floor') onFloor(undefined);
        return true;
      }
      if (this.#why !== 'floor') onFloor(free);
      return false;
    };
    if (await enough()) return true;
    this.#why = 'floor';
    if (this.segments.length < SEGMENTS_MIN || !(await this.#evictOldest())) {
      this.#why = 'floor';
      return false;
    }
    return enough();
  }

  async #make(): Promise<void> {
    const { files, routes, secret, segmentBytes } = this.#options;
    const id = this.#nextId;
    this.#nextId += 1;
    const segment = await this.open(id);
    try {
      const names = writeNames(routes, id, secret);
      await segment.file.truncate(0);
      await segment.file.write([names], 0);
      await segment.file.sync();
      await files.syncNames();
      segment.endBytes = names.length;
      segment.fileBytes = names.length;
    } catch (error) {
      await segment.close();
      await files.unlink(segment.name).catch(() => undefined);
      throw error;
    }
    this.#ready = segment;
    this.#ownBytes += segmentBytes;
    this.#usedBytes += segment.fileBytes;
  }

  async #discardReady(): Promise<void> {
    const ready = this.#ready;
    if (ready === undefined) return;
    this.#ready = undefined;
    this.#ownBytes -= this.#options.segmentBytes;
    await this.#remove(ready);
  }

  async #evictOldest(): Promise<boolean> {
    const oldest = this.segments[0];
    if (oldest === undefined || !oldest.sealed || oldest.leaving) {
      this.#why = 'busy';
      return false;
    }
    const why = this.#options.keeps(oldest);
    if (why !== undefined) {
      this.#why = why;
      return false;
    }
    oldest.leaving = true;
    this.#leaving += 1;
    await this.#options.evict(oldest);
    // What was written again elsewhere is safe there before its old place goes.
    await this.queue.idle();
    await this.queue.sync();
    await this.drop(oldest);
    this.#leaving -= 1;
    return true;
  }

  /** A full disk: the oldest makes room for the youngest, once for each write that fails. */
  async #onFullDisk(error: unknown): Promise<boolean> {
    const oldest = this.segments[0];
    if (!['ENOSPC', 'EDQUOT'].includes(codeOf(error)) || oldest === undefined || this.segments.length < 2)
      return false;
    oldest.leaving = true;
    this.#options.lost(oldest, 0);
    await this.drop(oldest);
    return true;
  }

  /** What could be written stays: it may tell of removals. */
  #fail(segment: Segment, from: number, error: unknown): void {
    segment.failed = true;
    this.#seal(segment);
    this.#options.lost(segment, from);
    this.#options.onTrouble(error);
  }
}

function codeOf(error: unknown): string {
  return String((error as NodeJS.ErrnoException).code);
}
