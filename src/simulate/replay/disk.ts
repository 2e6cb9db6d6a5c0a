import type { Hash64 } from '../../base/hash.ts';
import { Flag } from '../../cache/entries.ts';
import { Ghosts } from '../../cache/ghosts.ts';
import { diskSegmentBytes } from '../../config/disk.ts';
import { Balance } from '../../store/disk/balance.ts';
import type { DiskFacts } from '../../store/disk/disk.ts';
import { DiskIndex } from '../../store/disk/disk-index.ts';
import { HEAD_BYTES, Kind, type Row, recordBytes, writeNames } from '../../store/disk/format.ts';
import type { NoRoom } from '../../store/disk/log.ts';
import { PAUSE, Rewriting } from '../../store/disk/rewriting.ts';
import type { SimulatedNode } from '../plan.ts';
import type { Events } from './events.ts';
import { SimulatedLog, type SimulatedSegment } from './log.ts';
import { type TierCounts, type TierLevels, TierStats } from './tier-stats.ts';

/** A record to be written: what its head says, but for where it lies. */
export type DiskRecord = Omit<Row, 'kind' | 'offset' | 'segment' | 'storedS'>;

const RECORD_BYTES_MEAN = 16 * 1024;
/** Key and head-lines at their longest. */
const LABELS_BYTES_MAX = 0x2_0000;
const REFUSAL_OF = {
  young: 'residency',
  busy: 'no-room',
  'too-large': undefined,
  floor: undefined,
  trouble: undefined,
} as const;

/**
 * The disk tier in a replay: the index, the shares and the turnover of the live one, in a log whose writes take no time and never
 * fail. A removal and a renewal take room in it like there.
 */
export class SimulatedDisk {
  readonly stats = new TierStats();
  readonly objectBytesMax: number;
  readonly #options: NonNullable<SimulatedNode['disk']>;
  readonly #budgetBytes: number;
  readonly #events: Events;
  readonly #index: DiskIndex;
  readonly #balance: Balance;
  readonly #log: SimulatedLog;
  readonly #rewriting: Rewriting;
  readonly #ghosts: Ghosts;
  readonly #row: Row;
  readonly #counts = {
    insertions: 0,
    evictions: 0,
    earlyEvictions: 0,
    prematureEvictions: 0,
    refetchedBytes: 0,
  };
  #offset = 0;

  /** @param routes their names, as each segment has them. */
  constructor(
    options: NonNullable<SimulatedNode['disk']>,
    events: Events,
    scale: { readonly rate: number; readonly entriesMax: number; readonly ghosts: number },
    routes: readonly string[],
  ) {
    const { rate, entriesMax, ghosts } = scale;
    this.#options = options;
    this.#events = events;
    this.#budgetBytes = Math.floor(options.sizeBytes * rate);
    const segmentBytes = diskSegmentBytes(this.#budgetBytes);
    this.#index = new DiskIndex(
      Math.min(entriesMax, Math.max(1, Math.ceil(this.#budgetBytes / RECORD_BYTES_MEAN))),
    );
    this.#balance = new Balance(segmentBytes, options.variantsShare);
    this.#rewriting = new Rewriting(this.#index, this.#balance, () => this.#nowS);
    this.#ghosts = new Ghosts(ghosts);
    const namesBytes = writeNames(routes, 0, 0).length;
    this.objectBytesMax = Math.min(
      options.objectBytesMax,
      diskSegmentBytes(options.sizeBytes) - namesBytes - LABELS_BYTES_MAX,
    );
    this.#log = new SimulatedLog({
      budgetBytes: this.#budgetBytes,
      segmentBytes,
      namesBytes,
      keeps: (segment) => this.#keeps(segment),
      evict: (segment) => this.#evict(segment),
    });
    this.#row = { ...EMPTY };
  }

  /** The first request is about to come. */
  start(nowMs: number): void {
    this.stats.start(nowMs);
    this.stats.grown(this.#log.usedBytes, this.#budgetBytes, nowMs);
  }

  get levels(): TierLevels {
    const { usedBytes } = this.#log;
    return { budgetBytes: this.#options.sizeBytes, usedBytes, entries: this.#index.count };
  }

  get counts(): TierCounts {
    return { ...this.#counts };
  }

  find(hash: Hash64): number {
    return this.#index.find(hash);
  }

  facts(slot: number): DiskFacts {
    return this.#index.facts(slot);
  }

  /** Length of key and head. */
  besideBytes(slot: number): number {
    const { keyBytes, headBytes } = this.#index.row(slot, Kind.RESPONSE);
    return keyBytes + headBytes;
  }

  hit(slot: number): void {
    this.#index.setHit(slot, true);
  }

  /** Nothing is stored for a key: counted when that is because it left this tier too early. */
  missed(hash: Hash64, nowS: number): void {
    const ghost = this.#ghosts.take(hash);
    if (ghost === undefined || nowS >= ghost.usableUntilS) return;
    this.#counts.prematureEvictions += 1;
    this.#counts.refetchedBytes += ghost.sizeBytes;
  }

  /** Appends a response. @returns false when there is no room that may be taken. */
  put(record: DiskRecord, nowS: number): boolean {
    return this.#put(record, nowS, false);
  }

  /** Appends one that streams by: its end takes a mark of its own. */
  stream(record: DiskRecord, nowS: number): boolean {
    return this.#put(record, nowS, true);
  }

  renew(slot: number, facts: Parameters<DiskIndex['renew']>[1]): void {
    this.#index.renew(slot, facts);
    this.#note();
  }

  remove(slot: number): void {
    this.#index.remove(slot);
    this.#note();
  }

  /** Recounts everything. For tests. */
  check(): void {
    this.#index.check();
  }

  #put(record: DiskRecord, nowS: number, streams: boolean): boolean {
    const row = this.#row;
    Object.assign(row, record);
    row.kind = Kind.RESPONSE;
    row.storedS = nowS;
    if (record.bodyBytes > this.objectBytesMax || !this.#index.hasRoom()) return false;
    const isVariant = (record.flags & Flag.VARIANT) !== 0;
    const bytes = recordBytes(row);
    const place = this.#log.reserve(bytes, isVariant ? this.#rewriting.claimedBytes : 0);
    if (typeof place !== 'object') {
      this.#refused(place);
      this.#log.prepare();
      return false;
    }
    place.youngestS = Math.max(place.youngestS, nowS);
    place.slots.push(this.#index.replace(this.#placed(row), place.id));
    this.#counts.insertions += 1;
    this.#balance.wrote(isVariant, bytes);
    this.#log.prepare();
    if (streams) {
      // Only its end is in the footer.
      place.rows -= 1;
      this.#note();
    }
    const usableS = Math.max(row.freshUntilS, row.revalidateUntilS, row.errorUntilS) - nowS;
    this.stats.stored(usableS, this.#log.usedBytes, this.#budgetBytes, this.#events.nowMs());
    return true;
  }

  /** Nobody reads from there: a different place for each is all that matters. */
  #placed(row: Row): Row {
    this.#offset = (this.#offset + 1) >>> 0;
    row.offset = this.#offset;
    return row;
  }

  #refused(why: NoRoom): void {
    const refusal = REFUSAL_OF[why];
    if (refusal !== undefined) this.stats.refused(refusal);
  }

  /** A head alone: that something was removed, renewed, or is whole. */
  #note(): void {
    this.#log.reserve(HEAD_BYTES, 0);
    this.#log.prepare();
  }

  #keeps({ youngestS }: SimulatedSegment): NoRoom | undefined {
    const ageS = this.#nowS - youngestS;
    return ageS >= 0 && ageS < this.#options.minResidencyS ? 'young' : undefined;
  }

  #evict(segment: SimulatedSegment): void {
    const steps = this.#rewriting.of(segment);
    for (let step = steps.next(); step.done !== true; )
      step = steps.next(step.value !== PAUSE && this.#writeAgain(step.value));
    const index = this.#index;
    for (const slot of segment.slots) if (index.liesIn(slot, segment.id)) this.#forget(slot);
  }

  #writeAgain(slot: number): boolean {
    const index = this.#index;
    const bytes = index.recordBytes(slot);
    const place = this.#log.reserve(bytes, 0);
    if (typeof place !== 'object') return false;
    place.youngestS = Math.max(place.youngestS, index.facts(slot).storedS);
    this.#offset = (this.#offset + 1) >>> 0;
    index.move(slot, place.id, this.#offset);
    index.setHit(slot, false);
    place.slots.push(slot);
    this.#balance.wrote(index.isVariant(slot), bytes);
    return true;
  }

  #forget(slot: number): void {
    const index = this.#index;
    const nowS = this.#nowS;
    const usableUntilS = index.usableUntilS(slot);
    const row = index.row(slot, Kind.RESPONSE);
    this.#counts.evictions += 1;
    this.stats.evicted(nowS - row.storedS, this.#events.nowMs());
    if (nowS < usableUntilS) {
      this.#counts.earlyEvictions += 1;
      const sizeBytes = row.keyBytes + row.headBytes + row.bodyBytes;
      this.#ghosts.add(row.hashLo, row.hashHi, { usableUntilS, sizeBytes, route: row.route });
    }
    index.remove(slot);
  }

  get #nowS(): number {
    return Math.floor(this.#events.nowMs() / 1000);
  }
}

const EMPTY: Row = {
  kind: 0,
  hashLo: 0,
  hashHi: 0,
  offset: 0,
  keyBytes: 0,
  headBytes: 0,
  bodyBytes: 0,
  status: 0,
  bornS: 0,
  freshUntilS: 0,
  revalidateUntilS: 0,
  errorUntilS: 0,
  storedS: 0,
  flags: 0,
  route: 0,
  segment: 0,
};
