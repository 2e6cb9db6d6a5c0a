import { NONE } from '../cache/entries.ts';
import { type PurgeRule, PurgeRules } from '../cache/purge-rules.ts';
import type { MemoryTier } from '../store/memory/tier.ts';
import type { Flight } from './4-origin.ts';
import { fieldLines } from './field-lines.ts';

/** What purges mean for fetches under way: what took off before one may be older than it. */
export class FlightPurges {
  readonly #tier: MemoryTier;
  /** Purges by tag since the oldest flight took off: only its response will say whether it is meant. */
  #byTag = new PurgeRules();

  constructor(tier: MemoryTier) {
    this.#tier = tier;
  }

  /**
   * Marks the flights that a purge matches: they are not stored.
   *
   * @returns those that nobody may join any more: who asks after the purge must not be served from a fetch that is older, or
   *   that may turn out to be.
   */
  purge(rule: PurgeRule, flights: ReadonlySet<Flight>): Flight[] {
    const rules = new PurgeRules();
    rules.insert(rule);
    const byTag = rule.pattern.kind === 'tag';
    if (byTag && flights.size > 0) this.#byTag.insert(rule);
    return [...flights].filter((flight) => {
      const { head, plan } = flight;
      const held = flight.renewed === NONE ? plan.stale : flight.renewed;
      const visible = held !== NONE && this.#tier.cache.visible(held);
      const heldMatches = visible && this.#tier.purges.ruleOf(held) !== undefined;
      // At once: what the flight brings may be made of it.
      if (heldMatches) this.#tier.purges.settle(held);
      const headText = (): string => (head === undefined ? '' : fieldLines(head.fields));
      const matches = heldMatches || rules.find(plan.primary, headText, () => true) !== undefined;
      if (matches) flight.purged = true;
      return matches || (byTag && head === undefined);
    });
  }

  /** What a flight has brought was purged while it was under way. */
  isPurged({ purged, plan, head }: Flight): boolean {
    if (purged) return true;
    if (this.#byTag.patterns === 0) return false;
    const isOlder = (rule: PurgeRule): boolean => rule.id > plan.lastPurge;
    return this.#byTag.find(plan.primary, () => fieldLines(head!.fields), isOlder) !== undefined;
  }

  /** A flight has ended: forgets the purges that all others are younger than. @param flights in the order of their start. */
  ended(flights: ReadonlySet<Flight>): void {
    if (this.#byTag.patterns === 0) return;
    const [oldest] = flights;
    if (oldest === undefined) this.#byTag = new PurgeRules();
    else this.#byTag.retireUpTo(oldest.plan.lastPurge);
  }
}
