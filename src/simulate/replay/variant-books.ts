import { NONE } from '../../cache/entries.ts';
import { VariantBudget } from '../../cache/variant-budget.ts';
import type { SimulatedRoute } from '../plan.ts';
import type { Asked } from './asked.ts';
import { type KeyRows, KeyWord } from './key-rows.ts';
import type { SimulatedTiers } from './tiers.ts';

/** The live budget of the variants of one original, told of keys by their numbers. */
export class VariantBooks {
  readonly #keys: KeyRows;
  readonly #tiers: SimulatedTiers;
  readonly #budget: VariantBudget;
  readonly #asked: { lo: number; hi: number } = { lo: 0, hi: 0 };

  constructor(keys: KeyRows, tiers: SimulatedTiers) {
    this.#keys = keys;
    this.#tiers = tiers;
    this.#budget = new VariantBudget({
      remove: (_, spec) => tiers.crowdOut(this.#hashOf(spec)),
      takeUsed: (_, spec) => {
        const slot = tiers.cache.find(this.#hashOf(spec));
        return slot !== NONE && this.#tiers.cache.takeUsed(slot);
      },
    });
  }

  /** A variant has been stored: others of the same original may have to leave. */
  stored({ key, hi, bodyBytes }: Asked, { variants }: SimulatedRoute): void {
    if (variants !== undefined) this.#budget.stored(String(hi), String(key), bodyBytes, variants);
  }

  #hashOf(spec: string): { lo: number; hi: number } {
    const key = Number(spec);
    this.#asked.lo = this.#keys.word(key, KeyWord.LO);
    this.#asked.hi = this.#keys.word(key, KeyWord.HI);
    return this.#asked;
  }
}
