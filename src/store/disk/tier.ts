import { assert } from '../../base/assert.ts';
import { epochS, every, turnOf } from '../../base/clock.ts';
import { type Hash64, halfSipHash } from '../../base/hash.ts';
import { Flag } from '../../cache/entries.ts';
import type { PurgeRule } from '../../cache/purge-rules.ts';
import type { ResponseFacts } from '../memory/tier.ts';
import { Balance } from './balance.ts';
import type { DiskFacts, DiskHead, DiskReader, DiskRecord, DiskTier, DiskWriter } from './disk.ts';
import { DiskAccount, type DiskSnapshot, type DiskState, snapshotOf } from './disk-account.ts';
import { DiskIndex } from './disk-index.ts';
import type { DiskTierOptions } from './disk-options.ts';
import { checksumsOf, HEAD_BYTES, Kind, type Row, recordBytes, seedAt, writeHead } from './format.ts';
import { codeOf, DiskHealth, shortage } from './health.ts';
import { type NoRoom, type Place, SegmentLog } from './log.ts';
import { obeying, placeAt } from './obey.ts';
import { OwedRemovals } from './owed.ts';
import { DiskReads } from './reads.ts';
import { adoptSegments, readSegments } from './recover.ts';
import { labels, removalOf, rowOf } from './rows.ts';
import type { Segment } from './segment.ts';
import { StreamedRecord } from './streamed-record.ts';
import { Turnover } from './turnover.ts';

/** Written data is made durable so often: a crash of the machine costs as much; one of the process costs what was not written. */
const SYNC_MS = 1_000;
/** Responses that memory for the index is reserved for at first: of that mean size. It grows. */
const RECORD_BYTES_MEAN = 16 * 1024;
/** Most bytes that wait in memory to be written, of any tier. */
export const BACKLOG_BYTES_MAX: number = 64 * 1024 * 1024;
/** Key and head-lines at their longest. */
const LABELS_BYTES_MAX = 0x2_0000;

/** The log-structured disk tier (design, decision 6): see `log.ts` for the files, `format.ts` for their bytes. */
export class LogDiskTier implements DiskTier {
  readonly objectBytesMax: number;
  readonly account: DiskAccount = new DiskAccount();
  /** The shares of originals and variants. */
  readonly balance: Balance;
  /** Most bytes that wait in memory to be written. */
  readonly backlogBytesMax: number;
  /** Resolves when it takes in what is put. */
  opened: Promise<void> = Promise.resolve();
  /** Resolves when everything that was on disk is known. */
  readonly ready: Promise<void>;
  /** Called once it is closed. */
  onClosed: (() => void) | undefined;
  readonly #options: DiskTierOptions;
  /** Where checksums start from; not the key of the index itself. */
  readonly #secret: number;
  /** What it holds, to be looked at only. */
  readonly index: DiskIndex;
  readonly #log: SegmentLog;
  readonly #turnover: Turnover;
  readonly #reads: DiskReads;
  readonly #health: DiskHealth;
  readonly #owed = new OwedRemovals();
  readonly #segments = new Map<number, Segment>();
  readonly #hash: Hash64 = { lo: 0, hi: 0 };
  readonly #stopTicks: () => void;
  #state: Exclude<DiskState, 'degraded'> = 'loading';
  /** What a tick has begun. */
  #upkeep: Promise<void> | undefined;

  constructor(options: DiskTierOptions) {
    this.#options = options;
    const { clock, segmentBytes, budgetBytes, hashKey, onTrouble } = options;
    this.#secret = (hashKey.k0 ^ Math.imul(hashKey.k1, 0x9e37_79b1)) >>> 0;
    this.index = new DiskIndex(Math.ceil(budgetBytes / RECORD_BYTES_MEAN));
    this.backlogBytesMax = Math.min(BACKLOG_BYTES_MAX, Math.max(segmentBytes, budgetBytes / 8));
    this.#health = new DiskHealth({ clock, onTrouble, retry: () => this.#retry() });
    this.#log = this.#newLog();
    this.balance = new Balance(segmentBytes, options.variantsShare);
    const shared = {
      index: this.index,
      segments: this.#segments,
      secret: this.#secret,
      onReadError: (error: unknown) => this.#readFailed(error),
    };
    this.#turnover = new Turnover({
      ...shared,
      log: this.#log,
      account: this.account,
      owed: this.#owed,
      purges: this.#options.purges,
      turn: turnOf(this.#options.clock),
      balance: this.balance,
      nowS: () => this.#nowS,
    });
    this.#reads = new DiskReads({
      ...shared,
      queue: this.#log.queue,
      onDamaged: (slot) => {
        this.account.damaged += 1;
        this.remove(slot);
      },
    });
    this.objectBytesMax = Math.min(options.objectBytesMax, this.#log.recordBytesMax - LABELS_BYTES_MAX);
    this.ready = this.#load();
    this.#stopTicks = every(clock, SYNC_MS, () => this.#tick());
  }

  #newLog(): SegmentLog {
    return new SegmentLog({
      ...this.#options,
      secret: this.#secret,
      backlogBytesMax: this.backlogBytesMax,
      keeps: (segment) => this.#keeps(segment),
      evict: (segment) => this.#turnover.evict(segment),
      lost: (segment, from) => this.#turnover.lose(segment, from),
      onTrouble: (error) => this.#writeFailed(error),
      onFloor: (free) => this.#health.short(free && shortage(free)),
    });
  }

  hash(key: Uint8Array, length: number): Hash64 {
    halfSipHash(this.#options.hashKey, key, length, this.#hash);
    return this.#hash;
  }

  find(hash: Hash64): number {
    return this.index.find(hash);
  }

  facts(slot: number): DiskFacts {
    return this.index.facts(slot);
  }

  hit(slot: number): void {
    this.index.setHit(slot, true);
  }

  load(slot: number, key: Uint8Array): Promise<DiskRecord | undefined> {
    return this.#read(slot, key, this.#reads.load(slot, key));
  }

  async open(slot: number, key: Uint8Array): Promise<DiskReader | undefined> {
    const reading = this.#reads.open(slot, key);
    const reader = await this.#read(slot, key, reading);
    if (reader === undefined) (await reading)?.close();
    return reader;
  }

  purge(rule: PurgeRule): void {
    const last = this.#log.segments.at(-1);
    const { id, sealed, endBytes } = last ?? { id: 0, sealed: true, endBytes: 0 };
    // Of one of the time before this start it is not known yet how far it reaches.
    this.#options.purges.add(rule, sealed ? placeAt(id + 1, 0) : placeAt(id, endBytes));
  }

  purged(): Promise<void> {
    return this.#options.purges.saved();
  }

  async #read<T extends { readonly head: string; facts: DiskFacts }>(
    slot: number,
    key: Uint8Array,
    reading: Promise<T | undefined>,
  ): Promise<T | undefined> {
    this.account.loads += 1;
    const index = this.index;
    const place = placeAt(index.segment(slot), index.offset(slot));
    const read = await reading;
    if (read === undefined) return undefined;
    const allowed = obeying(this.#options.purges, key, place, read, this.#nowS);
    const isSame = index.used(slot) && placeAt(index.segment(slot), index.offset(slot)) === place;
    if (allowed === undefined && isSame) this.remove(slot);
    return allowed;
  }

  put(record: DiskHead, body: (into: Uint8Array, at: number) => void): boolean {
    const row = this.#rowOf(record, Kind.RESPONSE);
    const place = this.#reserve(row);
    if (place === undefined) return false;
    const bytes = Buffer.allocUnsafe(recordBytes(row));
    const bodyAt = labels(bytes, record);
    body(bytes.subarray(0, bodyAt + row.bodyBytes), bodyAt);
    checksumsOf(bytes.subarray(bodyAt, bodyAt + row.bodyBytes)).copy(bytes, bodyAt + row.bodyBytes);
    this.#append(place, row, bytes);
    this.#keep(row, place.segment);
    return true;
  }

  begin(record: DiskHead): DiskWriter | undefined {
    const row = this.#rowOf(record, Kind.RESERVED);
    const place = this.#reserve(row);
    if (place === undefined) return undefined;
    const { segment } = place;
    return new StreamedRecord(record, {
      log: this.#log,
      secret: this.#secret,
      segment,
      row,
      isTroubled: () => this.#health.isTroubled || this.#state === 'closed',
      commit: (whole) => {
        if (!this.#note({ ...whole, kind: Kind.COMMIT })) return false;
        this.#keep(whole, segment);
        return true;
      },
    });
  }

  renew(slot: number, facts: ResponseFacts): void {
    this.index.renew(slot, facts);
    this.#note(this.index.row(slot, Kind.RENEWAL));
  }

  remove(slot: number): void {
    const { hashLo, hashHi } = this.index.row(slot, Kind.REMOVAL);
    this.index.remove(slot);
    this.account.removals += 1;
    this.#noteRemoval({ lo: hashLo, hi: hashHi });
  }

  removeUnknown(hash: Hash64): void {
    if (this.#state === 'loading' || this.#log.isLeaving) this.#noteRemoval(hash);
  }

  /** Sets the budget, live. Growing is at once; a shrink drains the oldest segments. */
  resize(budgetBytes: number): void {
    this.#log.resize(budgetBytes);
    this.#log.prepare();
  }

  snapshot(): DiskSnapshot {
    const isDegraded = this.#health.isDegraded && this.#state === 'ready';
    const state = isDegraded ? 'degraded' : this.#state;
    const arePurgesSaved = this.#options.purges.isSaved;
    const [log, owed, index, account] = [this.#log, this.#owed, this.index, this.account];
    return snapshotOf({ state, log, owed, index, account, arePurgesSaved });
  }

  /** Resolves when all that was appended before is durable, or lost to a failing disk. */
  async flush(): Promise<void> {
    await this.#log.settled();
    this.#payOwed();
    await this.#log.settled();
    await this.#log.queue.sync();
    await this.purged();
  }

  /** Seals what is open, so that the next start is quick. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    await this.ready;
    this.#payOwed();
    this.#state = 'closed';
    this.#stopTicks();
    this.#health.close();
    await this.#upkeep;
    await this.#log.close();
    await this.purged();
    this.onClosed?.();
  }

  /** Recounts everything. For tests. */
  check(): void {
    this.index.check();
    for (const slot of this.index.slots())
      assert(this.#segments.has(this.index.segment(slot)), 'an entry lies in a segment');
  }

  get #nowS(): number {
    return epochS(this.#options.clock);
  }

  #rowOf(record: DiskHead, kind: number): Row {
    return rowOf(record, kind, this.hash(record.key, record.key.length), this.#nowS);
  }

  /** Takes room, and tells the row where it lies. */
  #reserve(row: Row): Place | undefined {
    const sparedBytes = (row.flags & Flag.VARIANT) === 0 ? 0 : this.#turnover.claimedBytes;
    const place = this.#objection(row) ?? this.#log.reserve(recordBytes(row), sparedBytes);
    if (typeof place !== 'object') {
      this.account.refused[place] += 1;
      return undefined;
    }
    row.offset = place.offset;
    row.segment = place.segment.id;
    this.#segments.set(row.segment, place.segment);
    return place;
  }

  #objection(row: Row): NoRoom | undefined {
    if (this.#health.isTroubled || this.#state === 'closed') return 'trouble';
    if (row.bodyBytes > this.objectBytesMax || row.headBytes > 0xffff || row.keyBytes > 0xffff)
      return 'too-large';
    return this.index.hasRoom() ? undefined : 'busy';
  }

  #append(place: Place, row: Row, bytes: Buffer): void {
    writeHead(bytes, row, seedAt(this.#secret, place.segment.id, place.offset));
    this.#log.write(place.segment, place.offset, bytes);
    this.#log.book(place, row);
  }

  /** A whole record: it answers from now on. */
  #keep(row: Row, segment: Segment): void {
    const hash = { lo: row.hashLo, hi: row.hashHi };
    this.#owed.cancel(hash);
    const slot = this.index.replace(row, segment.id);
    segment.slots.push(slot);
    this.account.insertions += 1;
    this.balance.wrote(this.index.isVariant(slot), recordBytes(row));
  }

  #noteRemoval(hash: Hash64): void {
    const removal = removalOf(hash, this.#nowS);
    if (this.#state === 'loading') this.index.forgetAhead(removal);
    if (!this.#note(removal)) this.#owed.add(hash, this.#nowS);
  }

  #payOwed(): void {
    if (this.#owed.count > 0) this.#owed.pay((row) => this.#note(row));
  }

  /** Appends a head without anything behind it. @returns false when there is no room for it. */
  #note(row: Row): boolean {
    if (this.#health.isTroubled || this.#state === 'closed') return false;
    const place = this.#log.reserve(HEAD_BYTES);
    if (typeof place !== 'object') return false;
    const { segment, offset } = place;
    this.#segments.set(segment.id, segment);
    const empty = { offset, segment: segment.id, keyBytes: 0, headBytes: 0, bodyBytes: 0 };
    this.#append(place, row.kind === Kind.COMMIT ? row : { ...row, ...empty }, Buffer.alloc(HEAD_BYTES));
    return true;
  }

  #keeps({ youngestS }: Segment): NoRoom | undefined {
    if (this.#state === 'loading') return 'busy';
    const ageS = this.#nowS - youngestS;
    // From the future: the clock was set back. Then ages say nothing, and room must be made all the same.
    return ageS >= 0 && ageS < this.#options.minResidencyS ? 'young' : undefined;
  }

  #readFailed(error: unknown): void {
    this.account.readErrors += 1;
    this.#options.onReadError?.(`reading failed: ${codeOf(error)}`);
  }

  #writeFailed(error: unknown): void {
    this.account.writeErrors += 1;
    this.#inTrouble(`writing failed: ${codeOf(error)}`);
  }

  #inTrouble(trouble: string): void {
    this.#log.hold();
    this.#health.fail(trouble);
    this.#log.queue.wake();
  }

  /** @returns true when the disk can be written again. */
  async #retry(): Promise<boolean> {
    if (!(await this.#log.retry())) {
      this.#log.hold();
      return false;
    }
    return true;
  }

  #tick(): void {
    if (this.#health.hangs(this.#log.queue.progress)) this.#inTrouble('a write takes longer than 3 s');
    if (this.#state !== 'ready' || this.#upkeep !== undefined) return;
    this.#upkeep = this.#keepUp().finally(() => {
      this.#upkeep = undefined;
    });
  }

  async #keepUp(): Promise<void> {
    this.#payOwed();
    this.#options.purges.retry();
    await this.#log.queue.sync();
    await this.#log.shrinkOne();
    const [oldest] = this.#log.segments;
    this.#options.purges.retire(oldest === undefined ? Number.MAX_SAFE_INTEGER : placeAt(oldest.id, 0));
    this.#log.prepare();
  }

  async #load(): Promise<void> {
    const { names, routes } = this.#options;
    const parts = {
      names,
      secret: this.#secret,
      routes,
      log: this.#log,
      index: this.index,
      segments: this.#segments,
      onTrouble: (error: unknown) => this.#readFailed(error),
      turn: turnOf(this.#options.clock),
    };
    const adopted = adoptSegments(parts);
    this.opened = adopted.then(() => undefined);
    await readSegments(parts, await adopted);
    this.index.endRecall();
    this.#state = 'ready';
    this.#log.prepare();
  }
}
