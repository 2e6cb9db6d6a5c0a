import { assert } from '../../base/assert.ts';
import { type Clock, epochS, every, type Timer } from '../../base/clock.ts';
import { type Hash64, type HashKey, halfSipHash } from '../../base/hash.ts';
import { sizeText } from '../../base/units.ts';
import { NONE } from '../../cache/entries.ts';
import type { ResponseFacts } from '../memory/tier.ts';
import type { DiskFacts, DiskHead, DiskReader, DiskRecord, DiskTier, DiskWriter } from './disk.ts';
import { DiskAccount, type DiskSnapshot, type DiskState } from './disk-account.ts';
import { DiskIndex } from './disk-index.ts';
import type { DiskFiles } from './files.ts';
import { checksumsOf, HEAD_BYTES, Kind, type Row, recordBytes, writeHead } from './format.ts';
import { type Floor, type NoRoom, SegmentLog } from './log.ts';
import { openRecord, readRecord, type Unusable } from './reading.ts';
import { loadSegments } from './recover.ts';
import type { Segment } from './segment.ts';
import { StreamedRecord } from './streamed-record.ts';
import { Turnover } from './turnover.ts';

/** What a disk tier is made of. Sizes in bytes. */
export interface DiskTierOptions {
  readonly files: DiskFiles;
  readonly clock: Clock;
  readonly hashKey: HashKey;
  /** Most bytes of all files. */
  readonly budgetBytes: number;
  readonly segmentBytes: number;
  readonly objectBytesMax: number;
  readonly floor: Floor;
  /** Nothing younger leaves for want of room: the newcomer is refused. */
  readonly minResidencyS: number;
  /** Names of the routes, in the order of their ids. Records of other routes are forgotten. */
  readonly routes: readonly string[];
  /** Told when the disk begins to fail, with the error, and when it works again. */
  readonly onTrouble?: (trouble: string | undefined) => void;
}

/** Written data is made durable so often: a crash of the machine costs as much; one of the process costs what was not written. */
const SYNC_MS = 1_000;
/** A disk in trouble is tried again after so long, then after twice that, up to the most. */
const RETRY_MS = 1_000;
const RETRY_MS_MAX = 60_000;
/** Of a segment that leaves, at most so much is written again. */
const REINSERT_SHARE = 0.25;
/** Records that memory for the index is reserved for: the smallest there are. */
const RECORD_BYTES_MIN = 512;
const BACKLOG_BYTES_MAX = 64 * 1024 * 1024;

/** The log-structured disk tier (design, decision 6): see `log.ts` for the files, `format.ts` for their bytes. */
export class LogDiskTier implements DiskTier {
  readonly objectBytesMax: number;
  readonly account: DiskAccount = new DiskAccount();
  /** Resolves when everything that was on disk is known. */
  readonly ready: Promise<void>;
  /** Called once it is closed. */
  onClosed: (() => void) | undefined;
  readonly #options: DiskTierOptions;
  readonly #index: DiskIndex;
  readonly #log: SegmentLog;
  readonly #turnover: Turnover;
  readonly #segments = new Map<number, Segment>();
  readonly #hash: Hash64 = { lo: 0, hi: 0 };
  readonly #stops: (() => void)[] = [];
  /** Removed while what is on disk is still being read: not to be found there again. */
  readonly #removedWhileLoading = new Set<string>();
  #state: DiskState = 'loading';
  #troubled = false;
  #retryMs = RETRY_MS;
  #retry: Timer | undefined;

  constructor(options: DiskTierOptions) {
    this.#options = options;
    const { files, segmentBytes, budgetBytes, floor, routes } = options;
    this.#index = new DiskIndex(Math.ceil(budgetBytes / RECORD_BYTES_MIN));
    this.#log = new SegmentLog({
      files,
      segmentBytes,
      budgetBytes,
      floor,
      routes,
      backlogBytesMax: Math.min(BACKLOG_BYTES_MAX, Math.max(segmentBytes, budgetBytes / 8)),
      mayEvict: (segment) =>
        this.#state !== 'loading' && this.#nowS - segment.youngestS >= options.minResidencyS,
      evict: (segment) => this.#turnover.evict(segment),
      lost: (segment) => this.#turnover.lose(segment),
      onTrouble: (error) => this.#trouble(error),
      onFloor: (freeBytes) =>
        options.onTrouble?.(
          `only ${sizeText(freeBytes)} are free, less than minFree leaves to others: nothing is written`,
        ),
    });
    this.#turnover = new Turnover({
      log: this.#log,
      index: this.#index,
      segments: this.#segments,
      account: this.account,
      reinsertBytesMax: segmentBytes * REINSERT_SHARE,
      nowS: () => this.#nowS,
      onReadError: (error) => this.#readFailed(error),
    });
    this.objectBytesMax = Math.min(options.objectBytesMax, this.#log.recordBytesMax - 0x2_0000);
    this.ready = this.#load();
    this.#stops.push(every(options.clock, SYNC_MS, () => void this.#tick()));
  }

  hash(key: Uint8Array, length: number): Hash64 {
    halfSipHash(this.#options.hashKey, key, length, this.#hash);
    return this.#hash;
  }

  find(hash: Hash64): number {
    return this.#index.find(hash);
  }

  facts(slot: number): DiskFacts {
    return this.#index.facts(slot);
  }

  hit(slot: number): void {
    this.#index.setHit(slot, true);
  }

  async load(slot: number, key: Uint8Array): Promise<DiskRecord | undefined> {
    this.account.loads += 1;
    return this.#read(slot, (located) => readRecord(this.#log.queue, located, key));
  }

  async open(slot: number, key: Uint8Array): Promise<DiskReader | undefined> {
    this.account.loads += 1;
    return this.#read(slot, (located) =>
      openRecord(
        this.#log.queue,
        located,
        key,
        () => this.#damaged(slot, located.row),
        (error) => this.#readFailed(error),
      ),
    );
  }

  put(record: DiskHead, body: (into: Uint8Array, at: number) => void): boolean {
    const row = this.#rowOf(record, Kind.RESPONSE);
    const place = this.#reserve(row);
    if (place === undefined) return false;
    const bytes = Buffer.allocUnsafe(recordBytes(row));
    row.offset = place.offset;
    const bodyAt = labels(bytes, record);
    body(bytes.subarray(0, bodyAt + row.bodyBytes), bodyAt);
    checksumsOf(bytes.subarray(bodyAt, bodyAt + row.bodyBytes)).copy(bytes, bodyAt + row.bodyBytes);
    writeHead(bytes, row);
    this.#log.queue.push(place.segment, place.offset, bytes);
    this.#keep(row, place.segment);
    return true;
  }

  begin(record: DiskHead): DiskWriter | undefined {
    const row = this.#rowOf(record, Kind.RESERVED);
    const place = this.#reserve(row);
    if (place === undefined) return undefined;
    row.offset = place.offset;
    const head = Buffer.alloc(recordBytes({ ...row, bodyBytes: 0 }));
    const bodyAt = labels(head, record);
    return new StreamedRecord({
      queue: this.#log.queue,
      segment: place.segment,
      row,
      head: head.subarray(0, bodyAt),
      onWhole: (whole) => this.#keep(whole, place.segment),
    });
  }

  renew(slot: number, facts: ResponseFacts): void {
    this.#index.renew(slot, facts);
    this.#note(this.#index.row(slot, Kind.RENEWAL));
  }

  remove(slot: number): void {
    const row = this.#index.row(slot, Kind.REMOVAL);
    this.#index.remove(slot);
    this.account.removals += 1;
    this.#note(row);
  }

  /** Forgets what is removed while it is not known yet, too: after a purge of a key that {@link find} does not know. */
  removeUnknown(hash: Hash64): void {
    if (this.#state === 'loading') this.#removedWhileLoading.add(`${hash.hi} ${hash.lo}`);
  }

  /** When the oldest record was written, in seconds since the epoch; undefined when there is none. */
  get oldestS(): number | undefined {
    let oldest: number | undefined;
    for (const slot of this.#index.slots()) {
      const { storedS } = this.#index.facts(slot);
      if (oldest === undefined || storedS < oldest) oldest = storedS;
    }
    return oldest;
  }

  /** Sets the budget, live. Growing is at once; a shrink drains the oldest segments, one a second. */
  resize(budgetBytes: number): void {
    this.#log.resize(budgetBytes);
  }

  snapshot(): DiskSnapshot {
    const { account } = this;
    const { queue } = this.#log;
    return {
      state: this.#troubled && this.#state === 'ready' ? 'degraded' : this.#state,
      budgetBytes: this.#log.budgetBytes,
      usedBytes: this.#log.usedBytes,
      backlogBytes: queue.backlogBytes,
      entries: this.#index.count,
      segments: this.#log.segments.length,
      indexBytes: this.#index.heldBytes,
      writtenBytes: queue.writtenBytes,
      ...account,
      refused: { ...account.refused },
    };
  }

  /** Resolves when all that was appended before is durable, or lost to a failing disk. */
  async flush(): Promise<void> {
    await this.#log.settled();
    await this.#sync();
  }

  /** Seals what is open, so that the next start is quick. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    await this.ready;
    this.#state = 'closed';
    for (const stop of this.#stops) stop();
    this.#options.clock.cancel(this.#retry);
    await this.#log.close();
    this.onClosed?.();
  }

  /** Recounts everything. For tests. */
  check(): void {
    this.#index.check();
    for (const slot of this.#index.slots())
      assert(this.#segments.has(this.#index.segment(slot)), 'an entry lies in a segment');
  }

  get #nowS(): number {
    return epochS(this.#options.clock);
  }

  #rowOf({ key, head, bodyBytes, facts }: DiskHead, kind: number): Row {
    const { lo, hi } = this.hash(key, key.length);
    const labels = { keyBytes: key.length, headBytes: head.length, bodyBytes };
    return { kind, hashLo: lo, hashHi: hi, offset: 0, ...labels, ...onlyFacts(facts), storedS: this.#nowS };
  }

  #reserve(row: Row): { readonly segment: Segment; readonly offset: number } | undefined {
    const refusal = this.#objection(row);
    const place = refusal ?? this.#log.reserve(recordBytes(row), this.#nowS);
    if (typeof place === 'object') {
      this.#segments.set(place.segment.id, place.segment);
      return place;
    }
    this.account.refused[place] += 1;
    return undefined;
  }

  #objection(row: Row): NoRoom | undefined {
    if (this.#troubled || this.#state === 'closed') return 'trouble';
    if (row.bodyBytes > this.objectBytesMax || row.headBytes > 0xffff || row.keyBytes > 0xffff)
      return 'too-large';
    return this.#index.isFull ? 'busy' : undefined;
  }

  /** A whole record: it answers from now on. */
  #keep(row: Row, segment: Segment): void {
    if (segment.evicted) return;
    const old = this.#index.find({ lo: row.hashLo, hi: row.hashHi });
    if (old !== NONE) this.#index.remove(old);
    const slot = this.#index.take(row, segment.id);
    this.#index.link(slot);
    segment.slots.push(slot);
    if (!segment.sealed) segment.rows.push(row);
    this.account.insertions += 1;
  }

  /** Appends a renewal or a removal: a head without anything behind it. */
  #note(row: Row): void {
    if (this.#troubled || this.#state === 'closed') return;
    const place = this.#log.reserve(HEAD_BYTES, this.#nowS);
    if (typeof place !== 'object') return;
    const short = { ...row, offset: place.offset, keyBytes: 0, headBytes: 0, bodyBytes: 0 };
    const bytes = Buffer.alloc(HEAD_BYTES);
    writeHead(bytes, short);
    this.#segments.set(place.segment.id, place.segment);
    this.#log.queue.push(place.segment, place.offset, bytes);
    place.segment.rows.push(short);
  }

  async #read<T>(
    slot: number,
    read: (located: { segment: Segment; row: Row; facts: DiskFacts }) => Promise<T | Unusable>,
  ): Promise<T | undefined> {
    if (!this.#index.used(slot)) return undefined;
    const row = this.#index.row(slot, Kind.RESPONSE);
    const segment = this.#segments.get(this.#index.segment(slot));
    if (segment === undefined) return undefined;
    segment.hold();
    try {
      const result = await read({ segment, row, facts: this.#index.facts(slot) });
      if (result === 'damaged') this.#damaged(slot, row);
      return result === 'damaged' || result === 'other-key' ? undefined : result;
    } catch (error) {
      this.#readFailed(error);
      return undefined;
    } finally {
      segment.letGo();
    }
  }

  #damaged(slot: number, row: Row): void {
    // It may have moved or gone while it was read.
    const now = this.#index.used(slot) ? this.#index.row(slot, 0) : undefined;
    if (now?.offset !== row.offset || now.hashLo !== row.hashLo || now.hashHi !== row.hashHi) return;
    this.account.damaged += 1;
    this.remove(slot);
  }

  #readFailed(error: unknown): void {
    this.account.readErrors += 1;
    this.#options.onTrouble?.(`reading failed: ${codeOf(error)}`);
  }

  #trouble(error: unknown): void {
    this.account.writeErrors += 1;
    if (this.#state === 'closed') return;
    if (!this.#troubled) this.#options.onTrouble?.(`writing failed: ${codeOf(error)}`);
    this.#troubled = true;
    this.#log.hold(true);
    this.#options.clock.cancel(this.#retry);
    this.#retry = this.#options.clock.after(this.#retryMs, () => this.#tryAgain());
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS_MAX);
  }

  #tryAgain(): void {
    this.#troubled = false;
    this.#log.hold(false);
    void this.#log.settled().then(() => {
      if (this.#troubled || this.#state === 'closed') return;
      this.#retryMs = RETRY_MS;
      this.#options.onTrouble?.(undefined);
    });
  }

  async #tick(): Promise<void> {
    if (this.#state === 'loading') return;
    await this.#sync();
    await this.#log.shrinkOne();
    this.#log.prepare();
  }

  async #sync(): Promise<void> {
    try {
      await this.#log.queue.sync();
    } catch (error) {
      this.#trouble(error);
    }
  }

  async #load(): Promise<void> {
    const { files, clock, routes } = this.#options;
    try {
      await loadSegments({
        files,
        routes,
        log: this.#log,
        index: this.#index,
        segments: this.#segments,
        isRemoved: ({ hi, lo }) => this.#removedWhileLoading.has(`${hi} ${lo}`),
        onTrouble: (error) => this.#readFailed(error),
        turn: () => new Promise((resolve) => void clock.after(0, resolve)),
      });
    } catch (error) {
      this.#trouble(error);
    }
    this.#removedWhileLoading.clear();
    if (this.#state === 'loading') this.#state = 'ready';
    this.#log.prepare();
  }
}

/** Copies key and head-lines to where they belong in a record. @returns where the body starts. */
function labels(into: Buffer, { key, head }: DiskHead): number {
  into.set(key, HEAD_BYTES);
  into.write(head, HEAD_BYTES + key.length, 'latin1');
  return HEAD_BYTES + key.length + head.length;
}

function onlyFacts(facts: ResponseFacts): ResponseFacts {
  const { route, status, bornS, freshUntilS, revalidateUntilS, errorUntilS, flags } = facts;
  return { route, status, bornS, freshUntilS, revalidateUntilS, errorUntilS, flags };
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
