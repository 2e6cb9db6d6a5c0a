import { assert } from '../base/assert.ts';
import { type Entries, Flag } from './entries.ts';
import type { Ghost } from './ghosts.ts';
import { REMOVAL_REASONS, type RemovalReason } from './outcome.ts';

/** What one route holds and has lost. Counters only grow; entries and usedBytes are levels. */
export interface RouteAccount {
  entries: number;
  usedBytes: number;
  evictions: number;
  earlyEvictions: number;
  prematureEvictions: number;
  /** Record bytes of premature evictions: what the origin had to deliver again. */
  refetchedBytes: number;
}

/** Eviction ages remembered for the median. */
const AGES = 1000;

/** The books of a cache: who came, who left and why, per route. O(1) per event, nothing allocated. */
export class Account {
  readonly routes: RouteAccount[];
  insertions = 0;
  readonly removals: Record<RemovalReason, number>;
  readonly #agesS = new Uint32Array(AGES);
  #evictions = 0;

  constructor(routes: number) {
    this.routes = [];
    this.grow(routes);
    this.removals = Object.fromEntries(REMOVAL_REASONS.map((reason) => [reason, 0])) as Record<
      RemovalReason,
      number
    >;
  }

  /** Opens books for further routes. */
  grow(routes: number): void {
    while (this.routes.length < routes) {
      this.routes.push({
        entries: 0,
        usedBytes: 0,
        evictions: 0,
        earlyEvictions: 0,
        prematureEvictions: 0,
        refetchedBytes: 0,
      });
    }
  }

  inserted(route: number, chargeBytes: number): void {
    const books = this.routes[route]!;
    books.entries += 1;
    books.usedBytes += chargeBytes;
    this.insertions += 1;
  }

  evicted(route: number, chargeBytes: number, ageS: number, early: boolean): void {
    this.left(route, chargeBytes);
    const books = this.routes[route]!;
    books.evictions += 1;
    if (early) books.earlyEvictions += 1;
    this.removals.room += 1;
    this.#agesS[this.#evictions % AGES] = ageS;
    this.#evictions += 1;
  }

  removed(reason: Exclude<RemovalReason, 'room'>): void {
    this.removals[reason] += 1;
  }

  /** The bytes of an entry are no longer held. */
  left(route: number, chargeBytes: number): void {
    const books = this.routes[route]!;
    books.entries -= 1;
    books.usedBytes -= chargeBytes;
  }

  premature(ghost: Ghost): void {
    const books = this.routes[ghost.route]!;
    books.prematureEvictions += 1;
    books.refetchedBytes += ghost.sizeBytes;
  }

  /** Median residency of the last 1,000 evicted entries in seconds; undefined before the first. O(n log n). */
  evictionAgeS(): number | undefined {
    if (this.#evictions === 0) return undefined;
    const ages = this.#agesS.slice(0, Math.min(AGES, this.#evictions)).sort();
    return ages[ages.length >> 1];
  }

  /** Recounts levels from the table. For tests. */
  check(entries: Entries, chargeOf: (slot: number) => number): void {
    const counts = this.routes.map(() => ({ entries: 0, usedBytes: 0 }));
    for (const slot of entries.slots()) {
      if ((entries.flags(slot) & Flag.GUEST) !== 0) continue;
      const count = counts[entries.route(slot)]!;
      count.entries += 1;
      count.usedBytes += chargeOf(slot);
    }
    counts.forEach((count, route) => {
      assert(count.entries === this.routes[route]!.entries, 'a route counts its entries');
      assert(count.usedBytes === this.routes[route]!.usedBytes, 'a route counts its bytes');
    });
  }
}
