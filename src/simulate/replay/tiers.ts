import type { Hash64 } from '../../base/hash.ts';
import { Cache } from '../../cache/cache.ts';
import type { EntryFacts } from '../../cache/contract.ts';
import { FACTS, Flag, NONE } from '../../cache/entries.ts';
import { setLifetime } from '../../cache/entry-facts.ts';
import { type DatedTerms, dateFacts, type Terms } from '../../cache/terms.ts';
import { costBytesOf } from '../../store/memory/arena-cost.ts';
import { blockBytesFor } from '../../store/memory/tier-options.ts';
import type { SimulatedNode, WarmEntry } from '../plan.ts';
import type { Asked } from './asked.ts';
import { type DiskRecord, SimulatedDisk } from './disk.ts';
import type { Events } from './events.ts';
import { type TierCounts, type TierLevels, TierStats } from './tier-stats.ts';

/** Told of what leaves memory for want of room, and of what is refused. */
export interface TierEvents {
  evicted(): void;
  premature(): void;
  refused(): void;
}

/** How large a replay is. */
export interface TierScale {
  /** Share of the keys that are replayed: sizes are as much smaller. */
  readonly rate: number;
  /** More entries than that cannot come to be. */
  readonly entriesMax: number;
}

type Facts = { -readonly [K in keyof EntryFacts]: EntryFacts[K] };

/**
 * The tiers of one simulated node: the live `Cache` with the charges of the memory tier, and below it a disk. What
 * `MemoryTier`, `Below` and `Promotions` do with bytes is done here without.
 */
export class SimulatedTiers {
  readonly cache: Cache;
  readonly disk: SimulatedDisk | undefined;
  readonly stats = new TierStats();
  readonly objectBytesMax: number;
  readonly #node: SimulatedNode;
  readonly #events: Events;
  readonly #told: TierEvents;
  readonly #blockBytes: number;
  readonly #hash: { lo: number; hi: number } = { lo: 0, hi: 0 };
  /** Reused, so that an admission allocates nothing. */
  readonly #facts: Facts = { ...NO_FACTS };
  readonly #dated: DatedTerms = { bornS: 0, freshUntilS: 0, revalidateUntilS: 0, errorUntilS: 0, flags: 0 };

  /** @param pinned by number of route; grows as routes appear. */
  constructor(
    node: SimulatedNode,
    events: Events,
    { rate, entriesMax }: TierScale,
    pinned: readonly boolean[],
    told: TierEvents,
  ) {
    this.#node = node;
    this.#events = events;
    this.#told = told;
    const { sizeBytes, policy, favour, objectBytesMax } = node.memory;
    this.#blockBytes = blockBytesFor(sizeBytes);
    this.objectBytesMax = objectBytesMax;
    const ghosts = node.ghosts === 0 ? 0 : Math.max(1, Math.round(node.ghosts * rate));
    if (node.disk !== undefined)
      this.disk = new SimulatedDisk(node.disk, events, { rate, entriesMax, ghosts }, [...node.routes.keys()]);
    const { disk } = this;
    const budgetBytes = Math.floor(sizeBytes * rate);
    this.cache = new Cache({
      budgetBytes,
      // The table need not hold more than there are keys to come, however small they may be.
      minChargeBytes: Math.max(costBytesOf(1, this.#blockBytes), Math.floor(budgetBytes / entriesMax)),
      policy,
      ...(favour === undefined ? {} : { favour }),
      routes: 0,
      ghosts,
      room: { ...node.room, pinnedRoutes: pinned },
      bytes: {
        // Keys are known by their hashes alone.
        sameKey: () => true,
        chargeOf: (slot) => costBytesOf(this.cache.entries.recordBytes(slot), this.#blockBytes),
        drop: () => undefined,
        evicted: (slot) => this.#evicted(slot),
        ...(disk === undefined ? {} : { forgotten: (slot) => this.#removeBelow(this.#hashOf(slot)) }),
      },
    });
  }

  /** Stores what a running node held, as old as it was there. @returns false when there is no room. */
  restore(entry: WarmEntry, route: number): boolean {
    const { keyLo, keyHi, storedS, bodyBytes } = entry;
    Object.assign(this.#facts, { ...datesOf(entry), status: entry.status, route });
    const besideBytes = Math.max(1, entry.recordBytes - bodyBytes);
    if (entry.tier === 'disk')
      return (
        this.disk?.put(this.#recordOf(keyLo, keyHi, besideBytes, bodyBytes, this.#facts), storedS) ?? false
      );
    this.#weigh(besideBytes, bodyBytes);
    const slot = this.cache.admit(this.#set(keyLo, keyHi), this.#facts, storedS);
    if (slot !== NONE) this.cache.publish(slot, this.#hash);
    return slot !== NONE;
  }

  /** The first request is about to come. */
  start(nowMs: number): void {
    this.stats.start(nowMs);
    this.disk?.start(nowMs);
    this.#grown();
  }

  get levels(): TierLevels {
    const { usedBytes, count } = this.cache;
    return { budgetBytes: this.#node.memory.sizeBytes, usedBytes, entries: count };
  }

  get counts(): TierCounts {
    const { routes, insertions } = this.cache.account;
    const sum = { insertions, evictions: 0, earlyEvictions: 0, prematureEvictions: 0, refetchedBytes: 0 };
    for (const books of routes) {
      sum.evictions += books.evictions;
      sum.earlyEvictions += books.earlyEvictions;
      sum.prematureEvictions += books.prematureEvictions;
      sum.refetchedBytes += books.refetchedBytes;
    }
    return sum;
  }

  /** What memory has for a key, or NONE. */
  find({ lo, hi }: Asked): number {
    return this.cache.find(this.#set(lo, hi));
  }

  /**
   * What the disk has for a key: made resident, or lent where there is no room.
   *
   * @returns the slot, pinned once; NONE when it is not there.
   */
  bringUp({ lo, hi }: Asked, nowS: number): number {
    const { disk, cache } = this;
    if (disk === undefined) return NONE;
    const below = disk.find(this.#set(lo, hi));
    if (below === NONE) return NONE;
    disk.hit(below);
    const { storedS: _, bodyBytes, ...facts } = disk.facts(below);
    Object.assign(this.#facts, facts);
    this.#weigh(disk.besideBytes(below), bodyBytes);
    if (bodyBytes <= this.objectBytesMax) {
      const slot = cache.admit(this.#hash, this.#facts, nowS);
      if (slot !== NONE) {
        cache.publish(slot, this.#set(lo, hi));
        cache.pin(slot);
        this.#grown();
        return slot;
      }
    }
    return cache.lend(this.#facts, nowS);
  }

  /** A request found nothing in any tier. */
  missed({ lo, hi }: Asked, nowS: number): void {
    if (this.cache.missed(this.#set(lo, hi), nowS)) this.#told.premature();
    this.disk?.missed(this.#hash, nowS);
  }

  /**
   * Takes room in memory for a response; {@link publish} follows. Where there is none, {@link streamBelow} may.
   *
   * @param bornS when it had age 0, seconds since the epoch.
   * @returns NONE when it is refused.
   */
  reserve(asked: Asked, terms: Terms, bornS: number, nowS: number): number {
    const { cache } = this;
    this.#describe(asked, terms, bornS);
    if (asked.bodyBytes > this.objectBytesMax) return NONE;
    const slot = cache.admit(this.#set(asked.lo, asked.hi), this.#facts, nowS);
    if (slot !== NONE) return slot;
    this.stats.refused(cache.refusal);
    this.#told.refused();
    return NONE;
  }

  /** It answers from now on, and is written to the disk. */
  publish(slot: number, { lo, hi }: Asked, nowS: number): void {
    this.cache.publish(slot, this.#set(lo, hi));
    const { entries, usedBytes, budgetBytes } = this.cache;
    this.stats.stored(entries.usableUntilS(slot) - nowS, usedBytes, budgetBytes, this.#events.nowMs());
    this.#writeBelow(slot, nowS);
  }

  /** Stores a response on the disk alone. @returns false when it cannot be. */
  streamBelow(asked: Asked, terms: Terms, bornS: number, nowS: number): boolean {
    const { disk, cache } = this;
    if (disk === undefined) return false;
    this.#describe(asked, terms, bornS);
    const { lo, hi, besideBytes, bodyBytes } = asked;
    if (!disk.stream(this.#recordOf(lo, hi, besideBytes, bodyBytes, this.#facts), nowS)) return false;
    // What memory still has is older, and would be found first.
    const older = cache.find(this.#set(lo, hi));
    if (older !== NONE) cache.remove(older, 'replaced');
    return true;
  }

  /** A 304 came for a stored response: new lifetimes, here and below. */
  renew(slot: number, { lo, hi }: Asked, terms: Terms, bornS: number, nowS: number): void {
    const { entries } = this.cache;
    const { disk } = this;
    const flags = entries.flags(slot);
    const isLent = (flags & Flag.GUEST) !== 0;
    if (!isLent && (flags & Flag.UNLINKED) !== 0) return;
    dateFacts(this.#dated, terms, bornS);
    setLifetime(entries, slot, this.#dated);
    if (disk === undefined) return;
    const below = disk.find(this.#set(lo, hi));
    if (below !== NONE) disk.renew(below, this.#dated);
    else if (!isLent) this.#writeBelow(slot, nowS);
  }

  /** What a 304 said may be stored no longer. */
  expire(slot: number, { lo, hi }: Asked): void {
    if (this.cache.visible(slot)) this.cache.remove(slot, 'expired');
    else if ((this.cache.entries.flags(slot) & Flag.GUEST) !== 0) this.#removeBelow(this.#set(lo, hi));
  }

  /** One of too many variants of an original leaves. */
  crowdOut({ lo, hi }: Hash64): void {
    const slot = this.cache.find(this.#set(lo, hi));
    if (slot !== NONE) this.cache.remove(slot, 'crowded');
    else this.#removeBelow(this.#hash);
  }

  /** Length of the body of what is stored or lent. */
  bodyBytes(slot: number): number {
    const { entries } = this.cache;
    return entries.recordBytes(slot) - entries.keyBytes(slot) - entries.headBytes(slot);
  }

  /** A stored response was served. */
  served(slot: number): void {
    if ((this.cache.entries.flags(slot) & Flag.GUEST) === 0) this.cache.hit(slot);
  }

  #evicted(slot: number): void {
    const { entries } = this.cache;
    this.stats.evicted(this.#nowS - entries.storedS(slot), this.#events.nowMs());
    this.#told.evicted();
    const { disk } = this;
    if (disk === undefined || entries.status(slot) >= 400) return;
    // A look-up is under way, with a hash of its own.
    const lo = entries.hashLo(slot);
    const hi = entries.hashHi(slot);
    if (disk.find({ lo, hi }) === NONE) disk.put(this.#stored(slot, lo, hi), this.#nowS);
  }

  /** As `Below.write`: errors are not worth it, and an older response must not come back. */
  #writeBelow(slot: number, nowS: number): void {
    const { disk } = this;
    if (disk === undefined) return;
    const { entries } = this.cache;
    const status = entries.status(slot);
    if (status >= 500) return;
    const hash = this.#hashOf(slot);
    if (status < 400 && disk.put(this.#stored(slot, hash.lo, hash.hi), nowS)) return;
    this.#removeBelow(hash);
  }

  #removeBelow(hash: Hash64): void {
    const old = this.disk?.find(hash) ?? NONE;
    if (old !== NONE) this.disk!.remove(old);
  }

  #stored(slot: number, lo: number, hi: number): DiskRecord {
    const { entries } = this.cache;
    const facts = {
      route: entries.route(slot),
      status: entries.status(slot),
      bornS: entries.bornS(slot),
      freshUntilS: entries.freshUntilS(slot),
      revalidateUntilS: entries.revalidateUntilS(slot),
      errorUntilS: entries.errorUntilS(slot),
      flags: entries.flags(slot) & FACTS,
    };
    const beside = entries.keyBytes(slot) + entries.headBytes(slot);
    return this.#recordOf(lo, hi, beside, this.bodyBytes(slot), facts);
  }

  #recordOf(
    hashLo: number,
    hashHi: number,
    besideBytes: number,
    bodyBytes: number,
    facts: DatedTerms & Pick<EntryFacts, 'route' | 'status'>,
  ): DiskRecord {
    const { route, status, bornS, freshUntilS, revalidateUntilS, errorUntilS, flags } = facts;
    const times = { bornS, freshUntilS, revalidateUntilS, errorUntilS };
    return { hashLo, hashHi, keyBytes: 0, headBytes: besideBytes, bodyBytes, status, ...times, flags, route };
  }

  #describe({ kind, besideBytes, bodyBytes }: Asked, terms: Terms, bornS: number): void {
    const facts = this.#facts;
    facts.route = kind!.route;
    facts.status = kind!.status;
    dateFacts(facts, terms, bornS);
    if (kind!.isVariant) facts.flags |= Flag.VARIANT;
    this.#weigh(besideBytes, bodyBytes);
  }

  #weigh(besideBytes: number, bodyBytes: number): void {
    const facts = this.#facts;
    facts.recordBytes = besideBytes + bodyBytes;
    facts.keyBytes = 0;
    facts.headBytes = besideBytes;
    facts.chargeBytes = costBytesOf(facts.recordBytes, this.#blockBytes);
  }

  #grown(): void {
    const { usedBytes, budgetBytes } = this.cache;
    this.stats.grown(usedBytes, budgetBytes, this.#events.nowMs());
  }

  #set(lo: number, hi: number): Hash64 {
    this.#hash.lo = lo;
    this.#hash.hi = hi;
    return this.#hash;
  }

  #hashOf(slot: number): Hash64 {
    const { entries } = this.cache;
    return { lo: entries.hashLo(slot), hi: entries.hashHi(slot) };
  }

  get #nowS(): number {
    return Math.floor(this.#events.nowMs() / 1000);
  }
}

function datesOf({ bornS, freshUntilS, revalidateUntilS, errorUntilS, flags }: WarmEntry): DatedTerms {
  return { bornS, freshUntilS, revalidateUntilS, errorUntilS, flags: flags & FACTS };
}

const NO_FACTS: Facts = {
  route: 0,
  chargeBytes: 0,
  recordBytes: 0,
  keyBytes: 0,
  headBytes: 0,
  status: 0,
  bornS: 0,
  freshUntilS: 0,
  revalidateUntilS: 0,
  errorUntilS: 0,
  flags: 0,
};
