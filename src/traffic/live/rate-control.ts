/** Figures are summed over so long. */
const BUCKET_MS = 600_000;
/** Buckets that a decision looks back on at the most: a day, with its quiet hours and its busy ones. */
const BUCKETS = 144;
/** It takes so long to know enough for a decision, unless half of the space is used before. */
const KNOWN_MS = 3_600_000;
/** Room has to have been there for so long before more is recorded. */
const ROOMY_MS = 86_400_000;
/** Share of the space that twice the rate may take. */
const ROOMY = 0.7;
const RATE_MIN = 2 ** -12;
/** What a block takes beside its rows: head, tables, totals of some routes. */
const BLOCK_BYTES = 400;

interface Bucket {
  readonly fromMs: number;
  /** Of heads and tables: as many at any rate. */
  fixedBytes: number;
  /** Bytes that the rows of all keys would have taken. */
  rowBytes: number;
}

/**
 * At which rate traffic is recorded, so that the ring holds what it is to hold: halved while what the last day would come to is
 * more than fits, doubled when there has been room for that for a day (SHARDS with fixed size, by halves).
 *
 * A burst changes nothing: the figures are means, of an hour at least.
 */
export class RateControl {
  readonly #sizeBytes: number;
  readonly #keepMs: number;
  readonly #startMs: number;
  readonly #buckets: Bucket[] = [];
  #crampedMs: number;

  /** @param keepMs for how long the ring is to reach back. */
  constructor(sizeBytes: number, keepMs: number, nowMs: number) {
    this.#sizeBytes = sizeBytes;
    this.#keepMs = keepMs;
    this.#startMs = nowMs;
    this.#crampedMs = nowMs;
  }

  /** So many bytes were written, of rows at that rate. */
  wrote(bytes: number, rate: number, nowMs: number): void {
    const last = this.#buckets.at(-1);
    const fixedBytes = Math.min(bytes, BLOCK_BYTES);
    const rowBytes = (bytes - fixedBytes) / rate;
    if (last !== undefined && nowMs < last.fromMs + BUCKET_MS) {
      last.fixedBytes += fixedBytes;
      last.rowBytes += rowBytes;
    } else this.#buckets.push({ fromMs: nowMs, fixedBytes, rowBytes });
    this.#forget(nowMs);
  }

  #forget(nowMs: number): void {
    while (this.#buckets.length > 0 && this.#buckets[0]!.fromMs < nowMs - BUCKETS * BUCKET_MS)
      this.#buckets.shift();
  }

  /** Bytes that were written, had that been the rate. */
  #bytesAt(rate: number): number {
    return this.#buckets.reduce((sum, { fixedBytes, rowBytes }) => sum + fixedBytes + rowBytes * rate, 0);
  }

  /** Bytes that the ring would hold at a rate, by what is known. */
  #projectedBytes(rate: number, nowMs: number): number {
    const fromMs = Math.max(this.#startMs, nowMs - BUCKETS * BUCKET_MS);
    return (this.#bytesAt(rate) * this.#keepMs) / Math.max(BUCKET_MS, nowMs - fromMs);
  }

  /** The rate from now on. */
  decide(rate: number, nowMs: number): number {
    this.#forget(nowMs);
    if (nowMs - this.#startMs < KNOWN_MS && this.#bytesAt(rate) < this.#sizeBytes / 2) return rate;
    if (rate < 1 && this.#projectedBytes(rate * 2, nowMs) <= this.#sizeBytes * ROOMY) {
      if (nowMs - this.#crampedMs < ROOMY_MS) return rate;
      this.#crampedMs = nowMs;
      return Math.min(1, rate * 2);
    }
    this.#crampedMs = nowMs;
    let next = rate;
    while (next > RATE_MIN && this.#projectedBytes(next, nowMs) > this.#sizeBytes) next /= 2;
    return next;
  }
}
