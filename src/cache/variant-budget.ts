/** What one original's variants may be. */
export interface VariantLimits {
  /** At least 1. */
  readonly maxVariants: number;
  /** Bodies of all of them together; one that is larger by itself is alone. */
  readonly maxVariantBytes: number;
}

/** Where the variants are. */
export interface VariantTiers {
  /** Takes one out; it need not call {@link VariantBudget.removed}. */
  remove(original: string, spec: string): void;
  /** Whether one was served since it was stored, or since this was last asked. */
  takeUsed(original: string, spec: string): boolean;
}

/** What is remembered at most; what is above it is forgotten, not removed. */
export interface TrackingLimits {
  readonly maxOriginals: number;
  readonly maxTracked: number;
  /** Of keys and specs, in characters: addresses can be long. */
  readonly maxTextLength: number;
}

/** Some 60 MiB at the most: beside the texts 100 to 200 bytes for each variant, 300 for each original. */
const TRACKING: TrackingLimits = {
  maxOriginals: 20_000,
  maxTracked: 200_000,
  maxTextLength: 16 * 1024 * 1024,
};

interface Original {
  /** Bytes of each variant by its spec, the one that was stored, or spared, first at the front. */
  readonly variants: Map<string, number>;
  bytes: number;
}

/**
 * How many variants of one original are kept: when there are more than its budget, the one of the same original that was stored
 * first leaves, unless it was served meanwhile (second chance; Corbato, "A paging experiment with the Multics system", 1968). So one
 * address that is asked for in a thousand sizes costs nobody but itself, and itself not what its pages use.
 *
 * Memory is bounded: the original for which nothing was stored longest is forgotten first, and its variants are no longer
 * counted. They stay where they are, and leave by the rules of the tiers. Every operation is O(1) amortised.
 */
export class VariantBudget {
  readonly #tracking: TrackingLimits;
  readonly #tiers: VariantTiers;
  /** The one that was stored to longest ago at the front. */
  readonly #originals = new Map<string, Original>();
  #tracked = 0;
  #textLength = 0;

  constructor(tiers: VariantTiers, tracking: TrackingLimits = TRACKING) {
    this.#tiers = tiers;
    this.#tracking = tracking;
  }

  /** Originals of which something is known, and all of their variants. */
  get tracked(): { readonly originals: number; readonly variants: number } {
    return { originals: this.#originals.size, variants: this.#tracked };
  }

  /**
   * A variant has been stored, anew or again; those of the same original that are too many by it are removed.
   *
   * @param original its primary key.
   * @param spec the variant's text.
   */
  stored(original: string, spec: string, bytes: number, limits: VariantLimits): void {
    this.removed(original, spec);
    const known = this.#originals.get(original);
    const one = known ?? { variants: new Map<string, number>(), bytes: 0 };
    this.#originals.delete(original);
    this.#originals.set(original, one);
    one.variants.set(spec, bytes);
    one.bytes += bytes;
    this.#tracked += 1;
    this.#textLength += spec.length + (known === undefined ? original.length : 0);
    const { maxVariants, maxVariantBytes } = limits;
    for (const [first, firstBytes] of one.variants) {
      if (one.variants.size <= maxVariants && one.bytes <= maxVariantBytes) break;
      if (first === spec) continue;
      if (this.#tiers.takeUsed(original, first)) {
        // Behind the others, without its mark: met again, it leaves.
        one.variants.delete(first);
        one.variants.set(first, firstBytes);
        continue;
      }
      this.removed(original, first);
      this.#tiers.remove(original, first);
    }
    this.#forgetBeyond(original);
  }

  /** A variant has left for another reason. */
  removed(original: string, spec: string): void {
    const one = this.#originals.get(original);
    const bytes = one?.variants.get(spec);
    if (one === undefined || bytes === undefined) return;
    one.variants.delete(spec);
    one.bytes -= bytes;
    this.#tracked -= 1;
    this.#textLength -= spec.length;
    if (one.variants.size > 0) return;
    this.#originals.delete(original);
    this.#textLength -= original.length;
  }

  /** What is known of an original's variants. */
  of(original: string): { readonly count: number; readonly bytes: number } {
    const one = this.#originals.get(original);
    return { count: one?.variants.size ?? 0, bytes: one?.bytes ?? 0 };
  }

  #forgetBeyond(latest: string): void {
    const { maxOriginals, maxTracked, maxTextLength } = this.#tracking;
    for (const [original, { variants }] of this.#originals) {
      const isWithin =
        this.#originals.size <= maxOriginals &&
        this.#tracked <= maxTracked &&
        this.#textLength <= maxTextLength;
      if (isWithin || original === latest) return;
      this.#originals.delete(original);
      this.#tracked -= variants.size;
      this.#textLength -= original.length;
      for (const spec of variants.keys()) this.#textLength -= spec.length;
    }
  }
}
