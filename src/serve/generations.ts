/** Invalidations that are remembered one by one; past them all resources begin anew. */
const REMEMBERED_MAX = 10_000;

/**
 * Which generation of a resource's variants may be found. Part of every variant's key, so that an invalidation forgets
 * all variants in O(1): those of an older generation are never asked for again, and leave as the policy sees fit.
 *
 * A generation is no field name (it starts with `@`), so it can stand among those that `Vary` names.
 */
export class Generations {
  readonly #start: string;
  #count = 0;
  /** By primary key. */
  readonly #own = new Map<string, string>();
  #common: string;

  /** @param start differs from run to run: what an earlier process kept under its generations stays apart. */
  constructor(start: string) {
    this.#start = start;
    this.#common = `@${start}`;
  }

  /** The generation under which variants of this resource are stored now. */
  of(primary: string): string {
    return this.#own.get(primary) ?? this.#common;
  }

  /** From now on, variants stored before are not found. */
  next(primary: string): void {
    this.#count += 1;
    const generation = `@${this.#start}.${this.#count.toString(36)}`;
    if (this.#own.size >= REMEMBERED_MAX) {
      this.#own.clear();
      this.#common = generation;
    } else this.#own.set(primary, generation);
  }
}
