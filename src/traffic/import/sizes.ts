import { KeyValues } from '../key-values.ts';

/** Most keys of each half of what is remembered: 27 MB. */
const KEYS_MAX = 1_250_000;

/**
 * The size of each response, by its key, for requests of which a log only says what was sent. Remembers the last 1.25 to 2.5 million keys,
 * in at most 55 MB: when the younger half is full, the older one is forgotten.
 */
export class SizeMemory {
  readonly #keysMax: number;
  #young = new KeyValues();
  #old = new KeyValues();

  constructor(keysMax = KEYS_MAX) {
    this.#keysMax = keysMax;
  }

  /** Bytes, as last set; -1 when that is not known. */
  get(keyLo: number, keyHi: number): number {
    const known = this.#young.get(keyLo, keyHi);
    if (known >= 0) return known;
    const before = this.#old.get(keyLo, keyHi);
    // What is asked for stays.
    if (before >= 0) this.set(keyLo, keyHi, before);
    return before;
  }

  set(keyLo: number, keyHi: number, bytes: number): void {
    if (this.#young.size >= this.#keysMax) {
      this.#old = this.#young;
      this.#young = new KeyValues();
    }
    this.#young.set(keyLo, keyHi, Math.min(bytes, 0xffff_ffff));
  }
}
