import type { Hash64 } from '../base/hash.ts';
import type { Account } from './account.ts';
import { type Departure, Departures } from './departures.ts';
import { type Entries, Flag } from './entries.ts';
import { type Ghost, Ghosts } from './ghosts.ts';
import type { RemovalReason } from './outcome.ts';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** The books about what leaves: whether that was early, and, when its key is asked for again, premature. */
export class Leaving {
  /** Why keys that are not stored are not. */
  readonly departures = new Departures();
  /** The latest time that the cache was told, in seconds since the Unix epoch. */
  nowS = 0;
  readonly #entries: Entries;
  readonly #account: Account;
  readonly #ghosts: Ghosts;
  /** Reused: an eviction allocates nothing. */
  readonly #departure: Writable<Departure> = { kind: 'room', atS: 0, storedS: 0, usableUntilS: 0, purge: 0 };
  readonly #ghost: Writable<Ghost> = { usableUntilS: 0, sizeBytes: 0, route: 0 };

  constructor(entries: Entries, account: Account, ghosts: number) {
    this.#entries = entries;
    this.#account = account;
    this.#ghosts = new Ghosts(ghosts);
  }

  /** A visible entry leaves. */
  departs(slot: number, kind: RemovalReason, purge: number): void {
    const entries = this.#entries;
    const departure = this.#departure;
    departure.kind = kind;
    departure.atS = this.nowS;
    departure.storedS = entries.storedS(slot);
    departure.usableUntilS = entries.usableUntilS(slot);
    departure.purge = purge;
    this.departures.add(entries.hashLo(slot), entries.hashHi(slot), departure);
  }

  /** An entry leaves for want of room, visible or not; to be called while its row is still whole. */
  evicted(slot: number, chargeBytes: number): void {
    const entries = this.#entries;
    const { nowS } = this;
    const route = entries.route(slot);
    const usableUntilS = entries.usableUntilS(slot);
    const linked = (entries.flags(slot) & Flag.UNLINKED) === 0;
    const early = linked && nowS < usableUntilS && (entries.flags(slot) & Flag.VARY) === 0;
    if (linked) this.departs(slot, 'room', 0);
    this.#account.evicted(route, chargeBytes, Math.max(0, nowS - entries.storedS(slot)), early);
    if (!early) return;
    const ghost = this.#ghost;
    ghost.usableUntilS = usableUntilS;
    ghost.sizeBytes = entries.recordBytes(slot);
    ghost.route = route;
    this.#ghosts.add(entries.hashLo(slot), entries.hashHi(slot), ghost);
  }

  /** A request missed: true, and booked, when its entry had been evicted while it was still usable. */
  missed(hash: Hash64): boolean {
    const { nowS } = this;
    const ghost = this.#ghosts.take(hash);
    if (ghost === undefined || nowS >= ghost.usableUntilS) return false;
    this.#account.premature(ghost);
    const departure = this.#departure;
    departure.kind = 'premature';
    departure.atS = nowS;
    departure.storedS = 0;
    departure.usableUntilS = ghost.usableUntilS;
    departure.purge = 0;
    this.departures.add(hash.lo, hash.hi, departure);
    return true;
  }
}
