/** A decision looks back so far at the most: on quiet hours and busy ones. */
const WINDOW_MS_MAX = 86_400_000;
/** Figures are summed over such parts of it. */
const BUCKETS = 144;
/** Room has to have been there for so long before more is recorded. */
const ROOMY_MS = 3_600_000;
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
 * At which rate traffic is recorded, so that the ring holds what it is to hold: halved while what came in the last day is more
 * than a day's part of the space, doubled when there is room for twice of it and more (SHARDS with fixed size, by halves).
 *
 * Nothing is made out of a few minutes: time that has not been seen counts as quiet. Until it has, the ring has room.
 */
export class RateControl {
  readonly #sizeBytes: number;
  readonly #keepMs: number;
  readonly #windowMs: number;
  readonly #buckets: Bucket[] = [];
  #crampedMs: number;

  /** @param keepMs for how long the ring is to reach back. */
  constructor(sizeBytes: number, keepMs: number, nowMs: number) {
    this.#sizeBytes = sizeBytes;
    this.#keepMs = keepMs;
    this.#windowMs = Math.min(WINDOW_MS_MAX, keepMs);
    this.#crampedMs = nowMs;
  }

  /** So many bytes were written, of rows at that rate. */
  wrote(bytes: number, rate: number, nowMs: number): void {
    const last = this.#buckets.at(-1);
    const fixedBytes = Math.min(bytes, BLOCK_BYTES);
    const rowBytes = (bytes - fixedBytes) / rate;
    if (last !== undefined && nowMs < last.fromMs + this.#windowMs / BUCKETS) {
      last.fixedBytes += fixedBytes;
      last.rowBytes += rowBytes;
    } else this.#buckets.push({ fromMs: nowMs, fixedBytes, rowBytes });
    this.#forget(nowMs);
  }

  #forget(nowMs: number): void {
    while (this.#buckets.length > 0 && this.#buckets[0]!.fromMs < nowMs - this.#windowMs)
      this.#buckets.shift();
  }

  /** Bytes that were written, had that been the rate. */
  #bytesAt(rate: number): number {
    return this.#buckets.reduce((sum, { fixedBytes, rowBytes }) => sum + fixedBytes + rowBytes * rate, 0);
  }

  /** Bytes that the ring would hold at a rate, if all times were as the last day. */
  #projectedBytes(rate: number): number {
    return (this.#bytesAt(rate) * this.#keepMs) / this.#windowMs;
  }

  /** The rate from now on. */
  decide(rate: number, nowMs: number): number {
    this.#forget(nowMs);
    const hasRoomForTwice = (at: number) => at < 1 && this.#projectedBytes(at * 2) <= this.#sizeBytes * ROOMY;
    let next = rate;
    if (hasRoomForTwice(rate)) {
      if (nowMs - this.#crampedMs < ROOMY_MS) return rate;
      while (hasRoomForTwice(next)) next *= 2;
      return next;
    }
    this.#crampedMs = nowMs;
    while (next > RATE_MIN && this.#projectedBytes(next) > this.#sizeBytes) next /= 2;
    return next;
  }
}
