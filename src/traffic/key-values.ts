const SLOTS_FIRST = 2 ** 12;
const FILL = 0.6;

/**
 * A map of keys, by the halves of their hashes, to numbers from 0 to 2^32 - 1: open addressing in typed arrays, 13 bytes a slot and 22 to
 * 43 a key. For keys of any kind: hashes that are counted up, too.
 */
export class KeyValues {
  #slots = SLOTS_FIRST;
  #lo = new Uint32Array(SLOTS_FIRST);
  #hi = new Uint32Array(SLOTS_FIRST);
  #values = new Uint32Array(SLOTS_FIRST);
  #used = new Uint8Array(SLOTS_FIRST);
  #count = 0;

  /** Keys that are remembered. */
  get size(): number {
    return this.#count;
  }

  /** What was last set, or -1. */
  get(keyLo: number, keyHi: number): number {
    const at = this.#slotOf(keyLo, keyHi);
    return this.#used[at] === 1 ? this.#values[at]! : -1;
  }

  /** Amortised O(1). */
  set(keyLo: number, keyHi: number, value: number): void {
    let at = this.#slotOf(keyLo, keyHi);
    if (this.#used[at] === 0) {
      if (this.#count >= this.#slots * FILL) {
        this.#grow();
        at = this.#slotOf(keyLo, keyHi);
      }
      this.#count += 1;
    }
    this.#used[at] = 1;
    this.#lo[at] = keyLo;
    this.#hi[at] = keyHi;
    this.#values[at] = value;
  }

  /** The slot of a key, or the free one where it would be. */
  #slotOf(keyLo: number, keyHi: number): number {
    let at = homeOf(keyLo, keyHi, this.#slots);
    while (this.#used[at] === 1 && (this.#lo[at] !== keyLo || this.#hi[at] !== keyHi))
      at = (at + 1) & (this.#slots - 1);
    return at;
  }

  #grow(): void {
    const [lo, hi, values, used, slots] = [this.#lo, this.#hi, this.#values, this.#used, this.#slots];
    this.#slots = slots * 2;
    this.#lo = new Uint32Array(this.#slots);
    this.#hi = new Uint32Array(this.#slots);
    this.#values = new Uint32Array(this.#slots);
    this.#used = new Uint8Array(this.#slots);
    for (let from = 0; from < slots; from += 1) {
      if (used[from] === 0) continue;
      const at = this.#slotOf(lo[from]!, hi[from]!);
      this.#used[at] = 1;
      this.#lo[at] = lo[from]!;
      this.#hi[at] = hi[from]!;
      this.#values[at] = values[from]!;
    }
  }
}

function homeOf(keyLo: number, keyHi: number, slots: number): number {
  const mixed = Math.imul(keyLo ^ Math.imul(keyHi, 0x85eb_ca6b), 0x9e37_79b1);
  return (mixed ^ (mixed >>> 15)) & (slots - 1);
}
