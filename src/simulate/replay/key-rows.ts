/** No key. */
export const NO_KEY = -1;

/** Words of a key's row; behind them comes one for each simulated node. */
export const KeyWord = {
  LO: 0,
  HI: 1,
  /** Last life that was stated for it, by its number, plus one; 0 for none. */
  LIFE: 2,
  /** Length of its body when it was last seen. */
  BODY: 3,
  /** Kind when it was last seen with a good answer, plus one, in the lower half; bytes beside the body in the upper. */
  KIND: 4,
  /** Last time that its origin took, in milliseconds, plus one; 0 for none. */
  ORIGIN: 5,
  /** First of those for nodes. */
  NODES: 6,
} as const;

const INDEX_MIN = 2 ** 16;
const CHUNK_BITS = 16;
const CHUNK_KEYS = 2 ** CHUNK_BITS;
const CHUNK_MASK = CHUNK_KEYS - 1;
/** Beyond this a record has to be replayed by sampling: with two nodes it takes 2.4 GB. */
const KEYS_MAX = 2 ** 26;

/**
 * What a replay remembers of each key that it has met: a row of 32-bit words, the key among them, so that one wait for memory brings all
 * of it. Found by open addressing; nothing is removed. Memory for
 * each key: 24 bytes, 4 for each node, and 8 to 16 of the index, so a ten-million-request record with 3 million keys takes some
 * 130 MB for two nodes. Bounded: see {@link KeyRows.find}.
 */
export class KeyRows {
  readonly #width: number;
  readonly #chunks: Uint32Array[] = [];
  #index = new Int32Array(INDEX_MIN);
  #count = 0;
  /** The originals, by the high half of their hash, as {@link #index}. Made when a variant asks for one. */
  #originals: Int32Array<ArrayBuffer> | undefined;
  #originalCount = 0;

  /** @param nodes how many words to keep for nodes. */
  constructor(nodes: number) {
    this.#width = KeyWord.NODES + nodes;
  }

  /** Keys that there are. */
  get count(): number {
    return this.#count;
  }

  word(key: number, word: number): number {
    return this.#chunks[key >>> CHUNK_BITS]![(key & CHUNK_MASK) * this.#width + word]!;
  }

  set(key: number, word: number, value: number): void {
    this.#chunks[key >>> CHUNK_BITS]![(key & CHUNK_MASK) * this.#width + word] = value;
  }

  /**
   * Asks memory for what {@link find} is going to read of some rows, many at a time: one after the other each would be waited for.
   * Halves the time of a look-up in a table that no cache of the processor holds. Changes nothing.
   *
   * @returns a number of no meaning, so that the reading is not in vain.
   */
  touch(lo: Uint32Array, hi: Uint32Array, from: number, to: number): number {
    const index = this.#index;
    const mask = index.length - 1;
    let sum = 0;
    for (let row = from; row < to; row += 1) sum += index[spread(lo[row]!, hi[row]!) & mask]!;
    for (let row = from; row < to; row += 1) {
      const key = index[spread(lo[row]!, hi[row]!) & mask]! - 1;
      if (key !== NO_KEY) sum += this.word(key, KeyWord.LO);
    }
    return sum;
  }

  /**
   * The number of a key; a new one gets the next, with zeros for all that is not known. O(1) expected.
   *
   * @param isOriginal variants may be made of it, under the high half of its hash.
   * @throws Error that says what to do when there are more than 67 million keys.
   */
  find(lo: number, hi: number, isOriginal: boolean): number {
    const mask = this.#index.length - 1;
    let at = spread(lo, hi) & mask;
    for (;;) {
      const key = this.#index[at]! - 1;
      if (key === NO_KEY) break;
      if (this.word(key, KeyWord.LO) === lo && this.word(key, KeyWord.HI) === hi) return key;
      at = (at + 1) & mask;
    }
    const known = isOriginal ? this.#assumed(hi) : NO_KEY;
    return known === NO_KEY ? this.#add(at, lo, hi, isOriginal) : known;
  }

  /**
   * The original of variants with that high half; one that the record did not show until now gets a key of its own.
   * The first call reads all keys.
   */
  originalOf(hi: number): number {
    if (this.#originals === undefined) {
      this.#originals = new Int32Array(INDEX_MIN);
      for (let key = 0; key < this.#count; key += 1) this.#noteOriginal(key);
    }
    const known = this.#originalAt(hi);
    if (known !== NO_KEY) return known;
    return this.find(spread(hi, ASSUMED), hi, true);
  }

  #originalAt(hi: number): number {
    const originals = this.#originals;
    if (originals === undefined) return NO_KEY;
    const mask = originals.length - 1;
    let at = spread(hi, ASSUMED) & mask;
    while (originals[at] !== 0 && this.word(originals[at]! - 1, KeyWord.HI) !== hi) at = (at + 1) & mask;
    return originals[at]! - 1;
  }

  /** The first one of its resource counts. */
  #noteOriginal(key: number): void {
    if (this.#originals === undefined || (this.word(key, KeyWord.KIND) & VARIANT_MARK) !== 0) return;
    if (this.#originalCount * 2 >= this.#originals.length) {
      const old = this.#originals;
      this.#originals = new Int32Array(old.length * 2);
      this.#originalCount = 0;
      for (const one of old) if (one !== 0) this.#noteOriginal(one - 1);
    }
    const originals = this.#originals;
    const mask = originals.length - 1;
    const hi = this.word(key, KeyWord.HI);
    let at = spread(hi, ASSUMED) & mask;
    while (originals[at] !== 0 && this.word(originals[at]! - 1, KeyWord.HI) !== hi) at = (at + 1) & mask;
    if (originals[at] !== 0) return;
    originals[at] = key + 1;
    this.#originalCount += 1;
  }

  /** An original that was assumed turns out to be this one: it keeps its place. */
  #assumed(hi: number): number {
    const key = this.#originalAt(hi);
    return key !== NO_KEY && this.word(key, KeyWord.LO) === spread(hi, ASSUMED) ? key : NO_KEY;
  }

  #add(at: number, lo: number, hi: number, isOriginal: boolean): number {
    if (this.#count === KEYS_MAX) {
      throw new Error(
        `the record has more than ${KEYS_MAX} different keys, too many to be replayed at once; replay a sample of it (rate)`,
      );
    }
    const key = this.#count;
    this.#count += 1;
    if ((key & CHUNK_MASK) === 0) this.#chunks.push(new Uint32Array(CHUNK_KEYS * this.#width));
    this.set(key, KeyWord.LO, lo);
    this.set(key, KeyWord.HI, hi);
    if (!isOriginal) this.set(key, KeyWord.KIND, VARIANT_MARK);
    this.#noteOriginal(key);
    this.#index[at] = key + 1;
    if (this.#count * 2 > this.#index.length) this.#grow();
    return key;
  }

  #grow(): void {
    const index = new Int32Array(this.#index.length * 2);
    const mask = index.length - 1;
    for (let key = 0; key < this.#count; key += 1) {
      let at = spread(this.word(key, KeyWord.LO), this.word(key, KeyWord.HI)) & mask;
      while (index[at] !== 0) at = (at + 1) & mask;
      index[at] = key + 1;
    }
    this.#index = index;
  }
}

/** In {@link KeyWord.KIND}: not an original of variants. Kinds have 15 bits. */
export const VARIANT_MARK = 0x8000;
const ASSUMED = 0x6f72_6967;

function spread(lo: number, hi: number): number {
  let h = Math.imul(lo ^ Math.imul(hi, 0x9e37_79b1), 0x85eb_ca6b);
  h ^= h >>> 15;
  return Math.imul(h, 0xc2b2_ae35) >>> 0;
}
