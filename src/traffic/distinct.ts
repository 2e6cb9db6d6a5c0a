const REGISTERS = 2 ** 14;

/**
 * How many different keys there were, estimated: HyperLogLog (Flajolet, Fusy, Gandouet, Meunier, 2007) with the estimator of Ertl ("New
 * cardinality estimation algorithms for HyperLogLog sketches", 2017), which has no bias for few keys either. Standard error 0.8 %; 16 KiB,
 * however many there are.
 */
export class DistinctKeys {
  readonly #registers = new Uint8Array(REGISTERS);

  /** Counts a key, by the halves of its hash. */
  add(keyLo: number, keyHi: number): void {
    // Mixed once more: variants share one half, and made keys may be counted up.
    const place = mixed(keyLo ^ Math.imul(keyHi, 0x9e37_79b1)) & (REGISTERS - 1);
    const rank = Math.clz32(mixed(keyHi ^ Math.imul(keyLo, 0x85eb_ca77))) + 1;
    if (rank > this.#registers[place]!) this.#registers[place] = rank;
  }

  /** The estimate. */
  count(): number {
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

/** The finalizer of MurmurHash3. */
function mixed(value: number): number {
  let h = value ^ (value >>> 16);
  h = Math.imul(h, 0x85eb_ca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2_ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
