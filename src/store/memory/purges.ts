import type { Cache } from '../../cache/cache.ts';
import { Flag, NONE } from '../../cache/entries.ts';
import { setLifetime } from '../../cache/entry-facts.ts';
import { PURGE_RULES_MAX, type PurgePattern, type PurgeRule, PurgeRules } from '../../cache/purge-rules.ts';

/** One purge, as far as it has come. */
export interface Purge {
  readonly rule: PurgeRule;
  /** Responses that it took out, or made stale, so far. */
  removed: number;
  /** Everything that is older has been looked at. */
  swept: boolean;
}

/** Where the purges read keys and heads. */
export interface PurgeReader {
  keyText(slot: number): string;
  head(slot: number): string;
}

/** Purges remembered for {@link Purges.recent}. */
const REMEMBERED = 1_000;
/** Entries that one slice of {@link Purges.sweep} looks at: about 2 ms. */
const SLICE_ENTRIES = 2_000;

/**
 * The purges of the memory tier. One takes effect at once, as a rule; a sweep in slices then removes what it matches, and when
 * that has come round, the rule is forgotten. Look-ups ask while {@link active} is not 0, and otherwise pay one comparison.
 *
 * What came after a rule is known exactly, for the slots that are taken while rules are in force are noted. So a purge
 * never removes what was fetched after it, and no clock is asked.
 */
export class Purges {
  /** Rules whose sweep has not come round. */
  active = 0;
  readonly #cache: Cache;
  readonly #reader: PurgeReader;
  readonly #onActive: (active: boolean) => void;
  readonly #rules = new PurgeRules();
  /** By rule, in the order in which they were made, with the place where the sweep stood then. */
  readonly #open = new Map<number, { readonly purge: Purge; readonly lap: number; readonly at: number }>();
  /** By slot: the latest rule when it was taken. */
  readonly #since = new Map<number, number>();
  readonly #recent: Purge[] = [];
  /** The next slot to look at, and how often the sweep has begun from the first. */
  #cursor = 0;
  #lap = 0;

  /** @param onActive told when rules come into force, before the first look-up by them, and when none is left. */
  constructor(cache: Cache, reader: PurgeReader, onActive: (active: boolean) => void = () => undefined) {
    this.#cache = cache;
    this.#reader = reader;
    this.#onActive = onActive;
  }

  /** The latest purges, the newest first; at most 1,000. */
  get recent(): readonly Purge[] {
    return this.#recent;
  }

  /** Purges so far. */
  get total(): number {
    return this.#recent[0]?.rule.id ?? 0;
  }

  /**
   * From now on nothing that matches and is stored already is found, or fresh. With very many purges at once the sweep of the
   * earlier ones is finished first: O(entries).
   */
  add(pattern: PurgePattern, soft: boolean, nowS: number): Purge {
    if (this.active >= PURGE_RULES_MAX) while (this.sweep());
    const purge: Purge = { rule: this.#rules.add(pattern, soft, nowS), removed: 0, swept: false };
    this.#open.set(purge.rule.id, { purge, lap: this.#lap, at: this.#cursor });
    if (this.active === 0) this.#onActive(true);
    this.active = this.#open.size;
    this.#recent.unshift(purge);
    if (this.#recent.length > REMEMBERED) this.#recent.pop();
    return purge;
  }

  /** A slot was taken while rules were in force: what it will hold is younger than they are. */
  taken(slot: number): void {
    this.#since.set(slot, this.total);
  }

  /** The rule that a visible entry falls under. Changes nothing. */
  ruleOf(slot: number): PurgeRule | undefined {
    if (this.active === 0) return undefined;
    const since = this.#since.get(slot) ?? 0;
    return this.#rules.find(
      this.#reader.keyText(slot),
      () => this.#reader.head(slot),
      (rule) => rule.id > since,
    );
  }

  /** Does to a visible entry what the rules say. @returns the slot, or NONE when it has been removed. */
  settle(slot: number): number {
    const rule = this.ruleOf(slot);
    if (rule === undefined) return slot;
    const purge = this.#open.get(rule.id)?.purge;
    const isMarker = (this.#cache.entries.flags(slot) & Flag.VARY) !== 0;
    if (purge !== undefined && !isMarker) purge.removed += 1;
    if (!rule.soft) {
      this.#cache.remove(slot, 'purged', rule.id);
      return NONE;
    }
    if (!isMarker) this.#expire(slot, rule.atS);
    this.#since.set(slot, rule.id);
    return slot;
  }

  /**
   * Looks at the next entries for all rules in force: a few milliseconds.
   *
   * @returns true when there is more to do.
   */
  sweep(entriesMax = SLICE_ENTRIES): boolean {
    if (this.active === 0) return false;
    const { highest } = this.#cache.entries;
    for (let i = 0; i < entriesMax && i < highest; i += 1) {
      if (this.#cache.visible(this.#cursor)) this.settle(this.#cursor);
      this.#cursor += 1;
      if (this.#cursor < highest) continue;
      this.#cursor = 0;
      this.#lap += 1;
    }
    let last = 0;
    for (const [id, { purge, lap, at }] of this.#open) {
      const laps = this.#lap - lap;
      if (highest > 0 && (laps === 0 || (laps === 1 && this.#cursor < at))) break;
      purge.swept = true;
      this.#open.delete(id);
      last = id;
    }
    if (last > 0) this.#rules.retireUpTo(last);
    this.active = this.#open.size;
    if (this.active === 0) {
      this.#since.clear();
      this.#onActive(false);
    }
    return this.active > 0;
  }

  /** Stale from now on, and to be validated before it is used; what the response allows when the origin fails stays allowed. */
  #expire(slot: number, atS: number): void {
    const { entries } = this.#cache;
    setLifetime(this.#cache.entries, slot, {
      bornS: entries.bornS(slot),
      freshUntilS: Math.min(atS, entries.freshUntilS(slot)),
      revalidateUntilS: Math.min(atS, entries.revalidateUntilS(slot)),
      errorUntilS: entries.errorUntilS(slot),
      flags: entries.flags(slot),
    });
  }
}
