/** Numbers to begin with; a power of two. */
const NUMBERS_MIN = 1024;

/**
 * Numbers keys that are known by 64-bit hashes, in the order in which they are first met: what a {@link Trace} of a
 * record is made of. An open hash table (linear probing, at most half full) of typed columns.
 *
 * Cost: O(1) amortised. 16 to 32 bytes a key, and while it doubles half as much again.
 */
export class KeyNumbers {
  private los = new Uint32Array(NUMBERS_MIN);
  private his = new Uint32Array(NUMBERS_MIN);
  /** Number + 1 of the key in each place, 0 where there is none. Its length is a power of two. */
  private places = new Uint32Array(2 * NUMBERS_MIN);
  private numbered = 0;

  /** Different keys so far. */
  get count(): number {
    return this.numbered;
  }

  /**
   * The number of a key, which is the next free one when it is new.
   *
   * @param lo low half of its hash, unsigned. The hash has to be a good one: its low bits choose the place.
   * @param hi high half, unsigned.
   */
  numberOf(lo: number, hi: number): number {
    const place = this.placeOf(lo, hi);
    const known = this.places[place]!;
    if (known !== 0) return known - 1;
    const number = this.numbered;
    this.los[number] = lo;
    this.his[number] = hi;
    this.numbered += 1;
    this.places[place] = this.numbered;
    if (this.numbered === this.los.length) this.grow();
    return number;
  }

  /** Where a key is, or would have to be. */
  private placeOf(lo: number, hi: number): number {
    const { los, his, places } = this;
    const mask = places.length - 1;
    let place = lo & mask;
    for (let known = places[place]!; known !== 0; known = places[place]!) {
      if (los[known - 1] === lo && his[known - 1] === hi) break;
      place = (place + 1) & mask;
    }
    return place;
  }

  private grow(): void {
    const { los, his, numbered } = this;
    this.los = new Uint32Array(2 * numbered);
    this.los.set(los);
    this.his = new Uint32Array(2 * numbered);
    this.his.set(his);
    this.places = new Uint32Array(4 * numbered);
    for (let number = 0; number < numbered; number += 1)
      this.places[this.placeOf(los[number]!, his[number]!)] = number + 1;
  }
}
