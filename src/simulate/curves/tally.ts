import { type StratumTotal, stratumOf } from '../../traffic/batch.ts';

const STRATA = 33;

/**
 * Requests and bytes of all keys, by class of size: what the misses of a sample are held against.
 *
 * The correction of SHARDS (SHARDS-adj; Waldspurger et al., FAST 2015, section 3.4). A sample has too many requests or too few
 * because of a few popular keys that are in it or not; and those are hits at nearly every size. So misses of the sample, scaled up, are divided
 * by the requests that there really were, and not by those of the sample. A class of size cannot miss more often than it was asked for, which
 * bounds what a few large objects do to the bytes.
 */
export class StratumTotals {
  readonly requests = new Float64Array(STRATA);
  readonly bytes = new Float64Array(STRATA);

  /** A client's request, by the size of its body, that stands for so many. */
  add(bodyBytes: number, weight: number): void {
    const stratum = stratumOf(bodyBytes);
    this.requests[stratum]! += weight;
    this.bytes[stratum]! += bodyBytes * weight;
  }

  /** What a sampled batch says of all of its time. */
  addTotals(totals: readonly StratumTotal[]): void {
    for (const { stratum, requests, bodyBytes } of totals) {
      if (stratum >= STRATA) continue;
      this.requests[stratum]! += requests;
      this.bytes[stratum]! += bodyBytes;
    }
  }

  /** Makes all that was counted so far weigh less. */
  scale(factor: number): void {
    scaled(this.requests, factor);
    scaled(this.bytes, factor);
  }
}

/** Misses, and their bytes, by class of size, at each of some sizes of a cache. */
export class Misses {
  readonly #columns: number;
  readonly #requests = new Map<number, Float64Array>();
  readonly #bytes = new Map<number, Float64Array>();

  /** @param columns how many sizes. 16 bytes for each, by class of size that there is. */
  constructor(columns: number) {
    this.#columns = columns;
  }

  /** @param weight how many requests of all keys this one stands for. */
  add(column: number, bodyBytes: number, weight: number): void {
    const stratum = stratumOf(bodyBytes);
    const requests = this.#requests.get(stratum) ?? this.#stratum(stratum);
    requests[column]! += weight;
    this.#bytes.get(stratum)![column]! += bodyBytes * weight;
  }

  scale(factor: number): void {
    for (const column of [...this.#requests.values(), ...this.#bytes.values()]) scaled(column, factor);
  }

  /** Bytes that it takes. */
  get memoryBytes(): number {
    return this.#requests.size * this.#columns * 16;
  }

  /** Miss ratios by column, 0 to 1. */
  ratios(totals: StratumTotals): { readonly object: number[]; readonly byte: number[] } {
    return {
      object: this.#ratios(this.#requests, totals.requests),
      byte: this.#ratios(this.#bytes, totals.bytes),
    };
  }

  /** As {@link ratios}, where a column has what misses there, but not in the next one: a request misses in all before its own. */
  ratiosOfDistances(totals: StratumTotals): { readonly object: number[]; readonly byte: number[] } {
    const misses = new Misses(this.#columns);
    for (const [stratum, column] of this.#requests) misses.#requests.set(stratum, suffixSums(column));
    for (const [stratum, column] of this.#bytes) misses.#bytes.set(stratum, suffixSums(column));
    return misses.ratios(totals);
  }

  #ratios(missed: ReadonlyMap<number, Float64Array>, totals: Float64Array): number[] {
    const sum = sumOf(totals);
    return Array.from({ length: this.#columns }, (_, at) => {
      let misses = 0;
      for (const [stratum, column] of missed) misses += Math.min(column[at]!, totals[stratum]!);
      return sum === 0 ? 0 : Math.min(1, misses / sum);
    });
  }

  #stratum(stratum: number): Float64Array {
    const requests = new Float64Array(this.#columns);
    this.#requests.set(stratum, requests);
    this.#bytes.set(stratum, new Float64Array(this.#columns));
    return requests;
  }
}

/** Sum of a column. */
export function sumOf(column: Float64Array): number {
  let sum = 0;
  for (const value of column) sum += value;
  return sum;
}

function suffixSums(column: Float64Array): Float64Array {
  const sums = column.slice();
  for (let at = sums.length - 2; at >= 0; at -= 1) sums[at]! += sums[at + 1]!;
  return sums;
}

function scaled(column: Float64Array, factor: number): void {
  for (let at = 0; at < column.length; at += 1) column[at]! *= factor;
}
