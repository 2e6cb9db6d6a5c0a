import { assert } from '../../base/assert.ts';

/** Policies that can be told apart by the bits of a small number. */
const COUNT_MAX = 10;

/**
 * Hits of several policies in windows of the same requests, of the latest ones. A request costs O(1), the end of a window
 * O(2^policies); memory is 16 bytes for each pair of policies and window.
 */
export class Tally {
  readonly #count: number;
  /** Places in the rings. */
  readonly #kept: number;
  /** Windows that ended: requests and bytes of each, and hits and hit bytes of each policy. */
  readonly #requests: Ring;
  readonly #bytes: Ring;
  readonly #hits: Ring;
  readonly #hitBytes: Ring;
  /** By pair: requests that one of the two had and the other had not, and the sum of the squares of their bytes. */
  readonly #apart: Ring;
  readonly #apartSquares: Ring;
  #ended = 0;
  /** Of the window that runs, by who had the response: requests, their bytes, and the squares of these. */
  readonly #byHits: Float64Array;
  readonly #bytesByHits: Float64Array;
  readonly #squaresByHits: Float64Array;
  /** Requests of the window that runs. */
  current = 0;

  /** @param count policies, 1 to 10. @param windows how many are kept. */
  constructor(count: number, windows: number) {
    assert(count >= 1 && count <= COUNT_MAX, `1 to ${COUNT_MAX} policies are compared`);
    this.#count = count;
    this.#kept = windows;
    this.#requests = new Ring(1, windows);
    this.#bytes = new Ring(1, windows);
    this.#hits = new Ring(count, windows);
    this.#hitBytes = new Ring(count, windows);
    this.#apart = new Ring(count * count, windows);
    this.#apartSquares = new Ring(count * count, windows);
    this.#byHits = new Float64Array(2 ** count);
    this.#bytesByHits = new Float64Array(2 ** count);
    this.#squaresByHits = new Float64Array(2 ** count);
  }

  /** @param hits a bit for each policy: whether it had the response. */
  add(hits: number, bodyBytes: number): void {
    this.current += 1;
    this.#byHits[hits]! += 1;
    this.#bytesByHits[hits]! += bodyBytes;
    this.#squaresByHits[hits]! += bodyBytes * bodyBytes;
  }

  /** Ends the window that runs, and begins the next. */
  end(): void {
    const window = this.#ended % this.#kept;
    for (const ring of [
      this.#requests,
      this.#bytes,
      this.#hits,
      this.#hitBytes,
      this.#apart,
      this.#apartSquares,
    ])
      ring.clear(window);
    for (let hits = 0; hits < this.#byHits.length; hits += 1)
      if (this.#byHits[hits]! > 0) this.#book(window, hits);
    this.#ended += 1;
    this.drop();
  }

  /** Begins the window that runs anew. */
  drop(): void {
    this.current = 0;
    for (const column of [this.#byHits, this.#bytesByHits, this.#squaresByHits]) column.fill(0);
  }

  /** Score of one of them in the window that ended so many windows ago, 1 for the latest: its hits, and its bytes with that weight. 0 to 1. */
  score(at: number, back: number, byteWeight: number): number {
    const window = (this.#ended - back) % this.#kept;
    const hits = this.#hits.at(window, at) / this.#requests.at(window, 0);
    if (byteWeight === 0) return hits;
    return (
      (1 - byteWeight) * hits +
      (byteWeight * this.#hitBytes.at(window, at)) / Math.max(1, this.#bytes.at(window, 0))
    );
  }

  /**
   * Standard error of the difference of two scores over so many windows, if on each request on which they differ it was chance who
   * had the response (the test of McNemar, 1947).
   */
  chance(a: number, b: number, windows: number, byteWeight: number): number {
    const pair = a * this.#count + b;
    const hits = Math.sqrt(this.#sum(this.#apart, pair, windows)) / Math.max(1, this.requests(windows));
    if (byteWeight === 0) return hits;
    const bytes =
      Math.sqrt(this.#sum(this.#apartSquares, pair, windows)) /
      Math.max(1, this.#sum(this.#bytes, 0, windows));
    return (1 - byteWeight) * hits + byteWeight * bytes;
  }

  /** Requests of so many windows that ended last. */
  requests(windows: number): number {
    return this.#sum(this.#requests, 0, windows);
  }

  /** Share of the requests of these windows that a policy missed, 0 to 1. */
  missRatio(at: number, windows: number): number {
    return 1 - this.#sum(this.#hits, at, windows) / Math.max(1, this.requests(windows));
  }

  /** Share of their bytes. */
  byteMissRatio(at: number, windows: number): number {
    return 1 - this.#sum(this.#hitBytes, at, windows) / Math.max(1, this.#sum(this.#bytes, 0, windows));
  }

  #book(window: number, hits: number): void {
    const requests = this.#byHits[hits]!;
    const bytes = this.#bytesByHits[hits]!;
    const squares = this.#squaresByHits[hits]!;
    this.#requests.add(window, 0, requests);
    this.#bytes.add(window, 0, bytes);
    for (let a = 0; a < this.#count; a += 1) {
      if ((hits & (1 << a)) === 0) continue;
      this.#hits.add(window, a, requests);
      this.#hitBytes.add(window, a, bytes);
      for (let b = 0; b < this.#count; b += 1) {
        if ((hits & (1 << b)) !== 0) continue;
        for (const pair of [a * this.#count + b, b * this.#count + a]) {
          this.#apart.add(window, pair, requests);
          this.#apartSquares.add(window, pair, squares);
        }
      }
    }
  }

  #sum(ring: Ring, at: number, windows: number): number {
    let sum = 0;
    for (let back = 1; back <= Math.min(windows, this.#ended, this.#kept); back += 1)
      sum += ring.at((this.#ended - back) % this.#kept, at);
    return sum;
  }
}

/** Some numbers for each of the latest windows. */
class Ring {
  readonly #width: number;
  readonly #cells: Float64Array;

  constructor(width: number, windows: number) {
    this.#width = width;
    this.#cells = new Float64Array(width * windows);
  }

  at(window: number, column: number): number {
    return this.#cells[window * this.#width + column]!;
  }

  add(window: number, column: number, value: number): void {
    this.#cells[window * this.#width + column]! += value;
  }

  clear(window: number): void {
    this.#cells.fill(0, window * this.#width, (window + 1) * this.#width);
  }
}
