import { assert } from '../base/assert.ts';

const COUNTER_MAX = 15;
/** A word of the sketch holds eight counters of four bits: two for each of four rows. */
const ROW_SEEDS = [0x9e37_79b1, 0x85eb_ca6b, 0xc2b2_ae35, 0x27d4_eb2f] as const;
/** One bit out of each counter's top when a word is halved. */
const HALVED = 0x7777_7777;
/** Requests between two halvings, per word: the sample of TinyLFU is ten times the number of entries. */
const SAMPLE_FACTOR = 10;

/**
 * How often a key was asked for lately, estimated from above: a count-min sketch of four rows of 4-bit counters behind a
 * doorkeeper, halved after each sample so that the past fades.
 * Einziger, Friedman, Manes: "TinyLFU: A Highly Efficient Cache Admission Policy", ACM Transactions on Storage 13(4), 2017,
 * https://doi.org/10.1145/3149371, sections 3.3 and 3.4. The doorkeeper is a Bloom filter that swallows the first
 * request of each key in a sample, so that what is asked for once takes no counters.
 *
 * Seeds are fixed: live fingerprints come out of a keyed hash already. add and estimate are O(1), and the halving is
 * amortised over a sample. 6 bytes per word, one word per entry, rounded up to a power of two.
 */
export class FrequencySketch {
  private words: Uint32Array;
  private door: Uint32Array;
  private seen = 0;

  /** @param entries how many keys' frequencies are to be told apart. */
  constructor(entries = 64) {
    const words = powerOfTwo(entries);
    this.words = new Uint32Array(words);
    this.door = new Uint32Array(words / 2);
  }

  /** Widens the sketch for more entries, keeping what it knows. O(its size), amortised O(1) as it doubles. */
  ensure(entries: number): void {
    if (entries <= this.words.length) return;
    const words = powerOfTwo(entries);
    // An index has more low bits now; each counter is copied to every place that it stood for.
    this.words = repeated(this.words, words);
    this.door = repeated(this.door, words / 2);
  }

  /** A request for a key. */
  add(fingerprint: number): void {
    const key = mixed(fingerprint);
    if (!this.passDoor(key)) {
      for (let row = 0; row < ROW_SEEDS.length; row += 1) this.count(spread(key, ROW_SEEDS[row]!), row);
    }
    this.seen += 1;
    if (this.seen >= SAMPLE_FACTOR * this.words.length) this.halve();
  }

  /** Requests for a key since lately, 0 to 16; never too low within a sample, seldom too high. */
  estimate(fingerprint: number): number {
    const key = mixed(fingerprint);
    const { words } = this;
    let least = COUNTER_MAX;
    for (let row = 0; row < ROW_SEEDS.length; row += 1) {
      const hash = spread(key, ROW_SEEDS[row]!);
      const counter = (words[hash & (words.length - 1)]! >>> shiftOf(hash, row)) & COUNTER_MAX;
      if (counter < least) least = counter;
    }
    return least + (this.isKnown(key) ? 1 : 0);
  }

  private count(hash: number, row: number): void {
    const { words } = this;
    const at = hash & (words.length - 1);
    const shift = shiftOf(hash, row);
    if (((words[at]! >>> shift) & COUNTER_MAX) < COUNTER_MAX) words[at] = words[at]! + (1 << shift);
  }

  /** Lets a key that was not seen in this sample in, and says so. */
  private passDoor(key: number): boolean {
    if (this.isKnown(key)) return false;
    const { door } = this;
    const other = spread(key, ROW_SEEDS[1]);
    door[key & (door.length - 1)]! |= 1 << (key >>> 27);
    door[other & (door.length - 1)]! |= 1 << (other >>> 27);
    return true;
  }

  private isKnown(key: number): boolean {
    const { door } = this;
    const other = spread(key, ROW_SEEDS[1]);
    return (
      ((door[key & (door.length - 1)]! >>> (key >>> 27)) & 1) === 1 &&
      ((door[other & (door.length - 1)]! >>> (other >>> 27)) & 1) === 1
    );
  }

  private halve(): void {
    const { words } = this;
    for (let i = 0; i < words.length; i += 1) words[i] = (words[i]! >>> 1) & HALVED;
    this.door.fill(0);
    this.seen = this.seen >>> 1;
  }
}

function powerOfTwo(entries: number): number {
  assert(entries >= 2 && entries <= 2 ** 30, 'a sketch is for 2 to 2^30 entries');
  return 2 ** Math.ceil(Math.log2(entries));
}

function repeated(column: Uint32Array, length: number): Uint32Array<ArrayBuffer> {
  const longer = new Uint32Array(length);
  for (let at = 0; at < length; at += column.length) longer.set(column, at);
  return longer;
}

/** Both halves of a fingerprint in 32 well mixed bits (the finalizer of MurmurHash3). Unsigned. */
function mixed(fingerprint: number): number {
  const high = fingerprint > 0xffff_ffff ? Math.trunc(fingerprint / 0x1_0000_0000) : 0;
  return spread((fingerprint | 0) ^ Math.imul(high, 0xcc9e_2d51), 0x85eb_ca6b);
}

function spread(key: number, seed: number): number {
  let hash = Math.imul(key ^ (key >>> 16), seed);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Where in its word the counter of a row is: a row has two, and the hash's top bit, which no index uses, chooses. */
function shiftOf(hash: number, row: number): number {
  return (row * 2 + (hash >>> 31)) * 4;
}
