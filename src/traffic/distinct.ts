const REGISTERS = 2 ** 14;

/**
 * How many different keys there were, estimated (HyperLogLog; Flajolet, Fusy, Gandouet, Meunier, 2007; with linear counting for few).
 * Standard error 0.8 %; 16 KiB, however many there are.
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
    let sum = 0;
    let empty = 0;
    for (const rank of this.#registers) {
      sum += 2 ** -rank;
      if (rank === 0) empty += 1;
    }
    const raw = ((0.7213 / (1 + 1.079 / REGISTERS)) * REGISTERS ** 2) / sum;
    if (raw <= 2.5 * REGISTERS && empty > 0) return Math.round(REGISTERS * Math.log(REGISTERS / empty));
    // Ranks are made of 32 bits, beside those of the place: nothing collides below 2^46 keys.
    return Math.round(raw);
  }
}

/** The finalizer of MurmurHash3. */
function mixed(value: number): number {
  let h = value ^ (value >>> 16);
  h = Math.imul(h, 0x85eb_ca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2_ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
