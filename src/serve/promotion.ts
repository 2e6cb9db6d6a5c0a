import { type Clock, epochS } from '../base/clock.ts';
import { Flag, NONE } from '../cache/entries.ts';
import { type DiskRecord, type DiskTier, findKey } from '../store/disk/disk.ts';
import type { MemoryTier } from '../store/memory/tier.ts';

/** A disk that takes longer than this is not waited for: the origin is asked instead. */
const WAIT_MS = 2_000;

/** What came up from the tier below. */
export interface Promoted {
  /** Resident or lent, and pinned until the callback returns; NONE when nothing came. */
  readonly slot: number;
  /** Fields that choose among the variants, when the record says them and there was no room to keep it. */
  readonly vary: readonly string[] | undefined;
}

const NOTHING: Promoted = { slot: NONE, vary: undefined };

interface Load {
  readonly waiting: Set<(promoted: Promoted) => void>;
  done: boolean;
}

/**
 * Brings responses up from the tier below (between steps 3 and 4): read once, however many requests wait for it, verified, and
 * made resident again; or lent, with its body read from the disk, when it is too large or memory has no room that may be taken.
 */
export class Promotions {
  /** Requests that found their response below. */
  promoted = 0;
  /** Those of them whose body was sent from the disk. */
  lent = 0;
  /** What was below could not be read, or not in time. */
  failed = 0;
  readonly #tier: MemoryTier;
  readonly #below: DiskTier;
  readonly #clock: Clock;
  readonly #onFault: (error: unknown) => void;
  readonly #loads = new Map<string, Load>();

  constructor(
    tier: MemoryTier,
    below: DiskTier,
    options: { clock: Clock; onFault: (error: unknown) => void },
  ) {
    this.#tier = tier;
    this.#below = below;
    this.#clock = options.clock;
    this.#onFault = options.onFault;
  }

  /** The entry below of the key that the memory tier was last asked for, or NONE. */
  find(): number {
    const { key } = this.#tier;
    return findKey(this.#below, key.bytes, key.length);
  }

  /**
   * Brings an entry up and calls back, always later.
   *
   * @param below what {@link find} said.
   * @returns takes the callback back.
   */
  promote(key: string, below: number, then: (promoted: Promoted) => void): () => void {
    let load = this.#loads.get(key);
    if (load === undefined) {
      load = { waiting: new Set(), done: false };
      this.#loads.set(key, load);
      this.#start(key, below, load);
    }
    load.waiting.add(then);
    const { waiting } = load;
    return () => waiting.delete(then);
  }

  #start(key: string, below: number, load: Load): void {
    const timer = this.#clock.after(WAIT_MS, () => this.#settle(key, load, NOTHING));
    void this.#read(key, below)
      .catch((error: unknown) => {
        this.#onFault(error);
        return NOTHING;
      })
      .then((promoted) => {
        this.#clock.cancel(timer);
        this.#settle(key, load, promoted);
        if (promoted.slot !== NONE) this.#tier.cache.unpin(promoted.slot);
      });
  }

  async #read(key: string, below: number): Promise<Promoted> {
    const bytes = Buffer.from(key, 'latin1');
    this.#below.hit(below);
    if (this.#below.facts(below).bodyBytes <= this.#tier.objectBytesMax) {
      const record = await this.#below.load(below, bytes);
      if (record === undefined || !this.#stillThere(bytes, below)) return NOTHING;
      const slot = this.#keep(key, record);
      if (slot !== NONE) return { slot, vary: undefined };
      if ((record.facts.flags & Flag.VARY) !== 0) return { slot: NONE, vary: namesOf(record) };
    }
    const reader = await this.#below.open(below, bytes);
    if (reader === undefined) return NOTHING;
    if (!this.#stillThere(bytes, below)) {
      reader.close();
      return NOTHING;
    }
    this.#tier.key.set(key);
    return { slot: this.#tier.lend(reader, below, epochS(this.#clock)), vary: undefined };
  }

  /**
   * Makes a record resident and pins it: before the callbacks have it, others are brought up, and could take its place.
   *
   * @returns NONE when there is no room; the newer one when there is one by now.
   */
  #keep(key: string, { head, body, facts }: DiskRecord): number {
    const tier = this.#tier;
    const found = tier.findKey(key);
    if (found !== NONE) {
      tier.cache.pin(found);
      return found;
    }
    const { storedS: _, ...rest } = facts;
    const slot = tier.reserve(head, body.length, rest, epochS(this.#clock));
    if (slot === NONE) return NONE;
    tier.writeBody(slot, 0, body);
    tier.promote(slot);
    const kept = tier.find();
    if (kept !== NONE) tier.cache.pin(kept);
    return kept;
  }

  /** False when it was purged or replaced while it was being read. */
  #stillThere(key: Uint8Array, below: number): boolean {
    return findKey(this.#below, key) === below;
  }

  #settle(key: string, load: Load, promoted: Promoted): void {
    if (load.done) return;
    load.done = true;
    if (this.#loads.get(key) === load) this.#loads.delete(key);
    const { slot, vary } = promoted;
    if (slot === NONE && vary === undefined) this.failed += load.waiting.size;
    else this.promoted += load.waiting.size;
    if (slot !== NONE && this.#tier.guest(slot) !== undefined) this.lent += load.waiting.size;
    for (const then of load.waiting) then(promoted);
  }
}

function namesOf(record: DiskRecord): string[] {
  return Buffer.from(record.body).toString('latin1').split(',');
}
