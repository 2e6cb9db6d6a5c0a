import { mix32 } from '../base/hash.ts';
import { KeyValues } from './key-values.ts';

const REGISTERS = 2 ** 14;
/** So many keys are counted one by one. */
const EXACT_MAX = 8192;

/**
 * How many different keys there were: exact up to 8,192, beyond that estimated: HyperLogLog (Flajolet, Fusy, Gandouet, Meunier, 2007) with the estimator of Ertl ("New
 * cardinality estimation algorithms for HyperLogLog sketches", 2017), which has no bias for few keys either. Standard error 0.8 %; at most
 * 370 KiB, however many there are.
 */
export class DistinctKeys {
  readonly #registers = new Uint8Array(REGISTERS);
  /** All of them, while they are few. */
  #few: KeyValues | undefined = new KeyValues();

  /** Counts a key, by the halves of its hash. */
  add(keyLo: number, keyHi: number): void {
    this.#few?.set(keyLo, keyHi, 0);
    if (this.#few !== undefined && this.#few.size > EXACT_MAX) this.#few = undefined;
    // Mixed once more: variants share one half, and made keys may be counted up.
    const place = mix32(keyLo ^ Math.imul(keyHi, 0x9e37_79b1)) & (REGISTERS - 1);
    const rank = Math.clz32(mix32(keyHi ^ Math.imul(keyLo, 0x85eb_ca77))) + 1;
    if (rank > this.#registers[place]!) this.#registers[place] = rank;
  }

  /** How many; an estimate beyond 8,192. */
  count(): number {
    if (this.#few !== undefined) return this.#few.size;
    const ranks = new Uint32Array(RANK_MAX + 1);
    for (const rank of this.#registers) ranks[rank]! += 1;
    let sum = REGISTERS * tau(1 - ranks[RANK_MAX]! / REGISTERS);
    for (let rank = RANK_MAX - 1; rank > 0; rank -= 1) sum = (sum + ranks[rank]!) / 2;
    sum += REGISTERS * sigma(ranks[0]! / REGISTERS);
    return Math.round(REGISTERS ** 2 / (2 * Math.LN2 * sum));
  }
}

/** A rank is one more than the leading zeros of 32 bits. */
const RANK_MAX = 33;

function sigma(share: number): number {
  if (share === 1) return Number.POSITIVE_INFINITY;
  let [x, y, z, before] = [share, 1, share, -1];
  while (z !== before) {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  }
  return z;
}

function tau(share: number): number {
  if (share === 0 || share === 1) return 0;
  let [x, y, z, before] = [share, 1, 1 - share, -1];
  while (z !== before) {
    x = Math.sqrt(x);
    before = z;
    y /= 2;
    z -= (1 - x) ** 2 * y;
  }
  return z / 3;
}
