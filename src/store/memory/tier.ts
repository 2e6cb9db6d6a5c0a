import { assert } from '../../base/assert.ts';
import type { HashKey } from '../../base/hash.ts';
import { Cache } from '../../cache/cache.ts';
import { type CacheBytes, type EntryFacts, METADATA_BYTES } from '../../cache/contract.ts';
import { type Entries, Flag, NATURE, NONE, Word } from '../../cache/entries.ts';
import { setLifetime } from '../../cache/entry-facts.ts';
import { KeyBuffer } from '../../cache/key.ts';
import type { NotStoredReason } from '../../cache/outcome.ts';
import { Readers } from '../../cache/readers.ts';
import type { DiskReader, DiskTier } from '../disk/disk.ts';
import { Arena, NO_ROOM } from './arena.ts';
import { Below, type Guest } from './below.ts';
import { Purges } from './purges.ts';
import { Sharing } from './sharing.ts';
import { blockBytesFor, type MemoryTierOptions } from './tier-options.ts';
import type { TierShare } from './tier-reader.ts';
import { Vacating } from './vacating.ts';

/** The facts of a response that the caller knows; lengths and charges are the tier's. */
export type ResponseFacts = Omit<EntryFacts, 'chargeBytes' | 'recordBytes' | 'keyBytes' | 'headBytes'>;

/** Heads are counted in 16 bits. */
const HEAD_BYTES_MAX = 0xffff;
/** Most bytes of {@link MemoryTier.reads}. */
const READ_BYTES_MAX = 64 * 1024 * 1024;
/**
 * The memory tier: {@link Cache} decides, {@link Arena} holds. A record is one string of bytes, `key | head | body`,
 * and head and body are what goes to the client, so that a hit is one copy out of a segment.
 *
 * Everything it holds is inside one byte budget: records by the block, metadata by {@link METADATA_BYTES}.
 */
export class MemoryTier {
  readonly cache: Cache;
  readonly arena: Arena;
  /** The key that {@link find} and {@link reserve} are asked about; `set` it first. */
  readonly key: KeyBuffer;
  readonly below: DiskTier | undefined;
  objectBytesMax: number;
  /** Memory for what is being read from below on its way to clients, beside the budget. */
  readonly reads: { readonly limitBytes: number; usedBytes: number };
  readonly #below: Below | undefined;
  readonly purges: Purges;
  /** Other threads that read it; undefined where there are none. */
  readonly readers: Readers | undefined;
  readonly #entries: Entries;
  readonly #hashKey: HashKey;
  readonly #sharing: Sharing | undefined;
  readonly #vacating: Vacating;
  readonly #guests = new Map<number, Guest>();

  constructor(options: MemoryTierOptions) {
    const { segmentBytes, budgetBytes, onLayout } = options;
    this.#hashKey = options.hashKey;
    this.arena = new Arena({
      capacityBytes: options.budgetBytes,
      blockBytes: blockBytesFor(options.budgetBytes),
      ...(segmentBytes === undefined ? {} : { segmentBytes }),
      ...(onLayout === undefined ? {} : { onMemory: (piece) => this.#sharing!.memoryChanged(piece) }),
    });
    const minChargeBytes = this.arena.costBytes(1);
    this.readers =
      onLayout === undefined ? undefined : new Readers(budgetBytes / (minChargeBytes + METADATA_BYTES));
    this.key = new KeyBuffer(options.hashKey);
    this.below = options.below;
    this.objectBytesMax = options.objectBytesMax ?? Number.MAX_SAFE_INTEGER;
    this.reads = { limitBytes: Math.min(READ_BYTES_MAX, options.budgetBytes / 8), usedBytes: 0 };
    if (options.below !== undefined) this.#below = new Below(this, options.below);
    const bytes: CacheBytes = {
      sameKey: (slot) => this.#sameKey(slot),
      chargeOf: (slot) => this.arena.costBytes(this.#entries.recordBytes(slot)),
      drop: (slot) => this.#drop(slot),
      ...(this.below === undefined
        ? {}
        : { evicted: (slot) => this.#below!.demote(slot), forgotten: (slot) => this.#below!.forget(slot) }),
    };
    this.cache = new Cache({ ...options, bytes, minChargeBytes, readers: this.readers });
    this.#entries = this.cache.entries;
    this.#vacating = new Vacating(this.cache, this.arena);
    if (onLayout !== undefined) this.#sharing = new Sharing(this.#entries, onLayout);
    this.purges = new Purges(this.cache, this, (active) => this.#sharing?.keepOff(active));
  }

  /** All that another thread needs to read the tier, as of now; later changes go to `onLayout`, which must be there. */
  share(): TierShare {
    assert(this.#sharing !== undefined, 'a tier that is shared has an onLayout');
    return this.#sharing.share(this.#hashKey, this.arena);
  }

  /** The visible entry of {@link key}, or NONE. About 100 ns, whatever the number of entries. */
  find(): number {
    const slot = this.cache.find(this.key);
    return this.purges.active === 0 || slot === NONE ? slot : this.purges.settle(slot);
  }

  /** Sets {@link key} and finds it. An entry with `Flag.VARY` only names what to look up next. */
  findKey(text: string): number {
    this.key.set(text);
    return this.find();
  }

  /**
   * Takes room for a response to {@link key} and writes key and head. The entry is invisible and pinned until
   * `cache.publish` or `cache.withdraw`.
   *
   * @param head field lines and the empty line, latin1.
   * @returns the slot, or NONE when there is no room that may be taken.
   */
  reserve(head: string, bodyBytes: number, facts: ResponseFacts, nowS: number): number {
    const { key } = this;
    if (head.length > HEAD_BYTES_MAX || bodyBytes > this.objectBytesMax) return NONE;
    const recordBytes = key.length + head.length + bodyBytes;
    const slot = this.cache.admit(
      key,
      {
        ...facts,
        chargeBytes: this.arena.costBytes(recordBytes),
        recordBytes,
        keyBytes: key.length,
        headBytes: head.length,
      },
      nowS,
    );
    if (slot === NONE) return NONE;
    const ref = this.arena.allocate(recordBytes);
    if (ref === NO_ROOM) {
      // The budget allows it, so the system itself is out of memory.
      this.cache.retract(slot);
      return NONE;
    }
    this.#setRef(slot, ref);
    if (this.purges.active !== 0) this.purges.taken(slot);
    this.arena.write(ref, 0, key.bytes.subarray(0, key.length));
    this.arena.write(ref, key.length, Buffer.from(head, 'latin1'));
    return slot;
  }

  /** Remembers why a response to that key was not stored, for whoever asks. */
  notStored(key: string, reason: NotStoredReason, nowS: number): void {
    this.cache.departures.notStored(this.key.set(key), reason, nowS);
  }

  /** Writes a piece of a filling entry's body. */
  writeBody(slot: number, offset: number, chunk: Uint8Array): void {
    const at = this.#bodyAt(slot) + offset;
    assert(at + chunk.length <= this.#entries.recordBytes(slot), 'a body stays within its reservation');
    this.arena.write(this.#ref(slot), at, chunk);
  }

  /** Makes {@link key}'s filled entry visible in place of an older one, and writes it to the tier below. */
  publish(slot: number): void {
    this.cache.publish(slot, this.key);
    this.#below?.write(slot);
  }

  /**
   * Makes {@link key}'s entry, which was filled with a copy of what the tier below has, visible; unless a newer one is here
   * by now.
   */
  promote(slot: number): void {
    if (this.find() === NONE) this.cache.publish(slot, this.key);
    else this.cache.withdraw(slot);
  }

  /**
   * Lends a slot to a response whose body stays in the tier below, because it is too large for this one or there is no room
   * that may be taken. Pinned once; the reader is closed with the last unpin. {@link key} must be set.
   *
   * @returns the slot, or NONE: then the reader is closed.
   */
  lend(reader: DiskReader, below: number, nowS: number): number {
    const { facts, head } = reader;
    const { length } = this.key;
    const slot = this.cache.lend(
      { ...facts, recordBytes: length + head.length, keyBytes: length, headBytes: head.length },
      nowS,
    );
    if (slot === NONE) reader.close();
    else this.#guests.set(slot, { key: new Uint8Array(this.key.bytes.subarray(0, length)), reader, below });
    return slot;
  }

  /** Whose body is read from the tier below; undefined for a resident entry. */
  guest(slot: number): DiskReader | undefined {
    return (this.#entries.flags(slot) & Flag.GUEST) === 0 ? undefined : this.#guests.get(slot)!.reader;
  }

  /** A lent slot's lifetimes, as a 304 brings them, here and below. */
  renewGuest(slot: number, facts: ResponseFacts): void {
    setLifetime(this.cache.entries, slot, facts);
    this.#below!.renewLent(this.#guests.get(slot)!, facts);
  }

  /**
   * Copies bytes `from..to` of what follows the key (head, then body) into `into`, as many as fit from `at` on.
   * The entry must be pinned by the caller or untouched since it was found.
   *
   * @returns bytes copied.
   */
  read(slot: number, from: number, to: number, into: Uint8Array, at: number): number {
    const key = this.#entries.keyBytes(slot);
    return this.arena.read(this.#ref(slot), key + to, key + from, into, at);
  }

  bodyBytes(slot: number): number {
    const guest = this.guest(slot);
    if (guest !== undefined) return guest.facts.bodyBytes;
    return this.#entries.recordBytes(slot) - this.#bodyAt(slot);
  }

  /** The stored field lines as text (latin1), the empty line included. Allocates: not for the plain hit. */
  head(slot: number): string {
    const guest = this.guest(slot);
    if (guest !== undefined) return guest.head;
    const length = this.#entries.headBytes(slot);
    const bytes = Buffer.allocUnsafe(length);
    this.read(slot, 0, length, bytes, 0);
    return bytes.toString('latin1');
  }

  /** The key an entry answers for. */
  keyText(slot: number): string {
    if ((this.#entries.flags(slot) & Flag.GUEST) !== 0)
      return Buffer.from(this.#guests.get(slot)!.key).toString('latin1');
    const bytes = Buffer.allocUnsafe(this.#entries.keyBytes(slot));
    this.arena.read(this.#ref(slot), bytes.length, 0, bytes, 0);
    return bytes.toString('latin1');
  }

  /** The stored body as text (latin1); for the small records that are not images. */
  bodyText(slot: number): string {
    const from = this.#entries.headBytes(slot);
    const bytes = Buffer.allocUnsafe(this.bodyBytes(slot));
    this.read(slot, from, from + bytes.length, bytes, 0);
    return bytes.toString('latin1');
  }

  /**
   * Gives a stored response a new head and lifetime, as a 304 demands (RFC 9111 section 3.2). In place where the head keeps
   * its length and nobody else is reading; else the body is copied to a new entry, which takes the old one's place.
   * {@link key} must be set, and the caller must hold one pin.
   *
   * @returns the slot that now answers for the key; the caller's pin moves to it. Without room for a copy the old head stays.
   */
  refresh(slot: number, head: string, facts: ResponseFacts, nowS: number): number {
    const { cache } = this;
    const entries = this.#entries;
    const before = this.#below === undefined ? '' : this.head(slot);
    if (head.length === entries.headBytes(slot) && entries.pins(slot) === 1 && cache.claims.claim(slot)) {
      this.arena.write(this.#ref(slot), entries.keyBytes(slot), Buffer.from(head, 'latin1'));
      setLifetime(entries, slot, facts);
      cache.claims.yield(slot);
      this.#below?.renew(slot, before, facts);
      return slot;
    }
    const bodyBytes = this.bodyBytes(slot);
    const nature = entries.flags(slot) & NATURE;
    const copy = this.reserve(head, bodyBytes, { ...facts, flags: (facts.flags & ~NATURE) | nature }, nowS);
    if (copy === NONE) {
      setLifetime(entries, slot, facts);
      this.#below?.renew(slot, before, facts);
      return slot;
    }
    this.arena.copy(this.#ref(slot), this.#ref(copy), this.#bodyAt(slot), this.#bodyAt(copy), bodyBytes);
    cache.pin(copy);
    cache.inherit(copy, slot);
    cache.publish(copy, this.key);
    this.#below?.renew(copy, before, facts);
    cache.unpin(slot);
    return copy;
  }

  /** The largest budget that {@link resize} takes: what the arena's references can count. */
  get budgetBytesMax(): number {
    return this.arena.costBytes(1) * 2 ** 30;
  }

  /** Sets the byte budget, live. What a shrink frees is given back to the system by {@link maintain}, in slices. */
  resize(budgetBytes: number, nowS: number): void {
    assert(budgetBytes <= this.budgetBytesMax, 'a budget is within what the arena can count');
    const { epoch } = this.#entries;
    this.cache.resize(budgetBytes, nowS);
    if (this.#entries.epoch !== epoch) this.#sharing?.tableChanged();
    this.arena.resize(budgetBytes);
    this.#vacating.begin();
  }

  /**
   * Background work: finishes a shrink that had to wait for readers, and moves a slice of what has to give way to it.
   *
   * @returns true when there is more to do.
   */
  maintain(nowS: number): boolean {
    this.cache.trim(nowS);
    return this.#vacating.slice();
  }

  /** Recounts everything. For tests. */
  check(): void {
    this.cache.check();
    const records: [ref: number, bytes: number][] = [];
    let held = 0;
    for (const slot of this.#entries.slots()) {
      if (this.guest(slot) !== undefined) continue;
      const recordBytes = this.#entries.recordBytes(slot);
      records.push([this.#ref(slot), recordBytes]);
      held += this.arena.costBytes(recordBytes);
    }
    this.arena.check(records);
    assert(held === this.arena.usedBytes, 'the arena holds what the table says');
    assert(
      this.cache.usedBytes === held + METADATA_BYTES * this.cache.count,
      'charged: records by the block, and metadata',
    );
  }

  #sameKey(slot: number): boolean {
    const { key } = this;
    const entries = this.#entries;
    return (
      entries.keyBytes(slot) === key.length &&
      this.arena.equals(this.#ref(slot), entries.recordBytes(slot), 0, key.bytes, key.length)
    );
  }

  #drop(slot: number): void {
    const guest = this.#guests.get(slot);
    if (guest !== undefined) {
      this.#guests.delete(slot);
      guest.reader.close();
      return;
    }
    this.arena.free(this.#ref(slot), this.#entries.recordBytes(slot));
  }

  #bodyAt(slot: number): number {
    return this.#entries.keyBytes(slot) + this.#entries.headBytes(slot);
  }

  #ref(slot: number): number {
    return this.#entries.location(slot);
  }

  #setRef(slot: number, ref: number): void {
    this.#entries.set(slot, Word.LOCATION, ref);
  }
}
