/** Sizes are rounded up to it, so that originals of about one size share their buffers. */
const STEP_BYTES = 256 * 1024;
/** Free buffers that are kept, and their bytes together. */
const FREE_MAX = 8;
const FREE_BYTES_MAX = 16 * 1024 * 1024;
/** A free buffer is not used for an original that is much smaller than it. */
const WASTE_MAX = 4;

/**
 * Buffers for originals, used again: tens of megabytes a second would else wait for the garbage collector, which is in no hurry
 * with memory that is not its own.
 */
export class Buffers {
  /** Those that were made here. */
  readonly #own = new WeakSet<ArrayBufferLike>();
  readonly #free: Buffer[] = [];
  #freeBytes = 0;

  /** A buffer of so many bytes; its contents are whatever they were. */
  take(bytes: number): Buffer {
    let best = -1;
    for (const [index, { length }] of this.#free.entries()) {
      const fits = length >= bytes && length <= Math.max(STEP_BYTES, bytes * WASTE_MAX);
      if (fits && (best < 0 || length < this.#free[best]!.length)) best = index;
    }
    if (best < 0) {
      const made = Buffer.allocUnsafeSlow(Math.max(1, Math.ceil(bytes / STEP_BYTES)) * STEP_BYTES);
      this.#own.add(made.buffer);
      return made.subarray(0, bytes);
    }
    const [found] = this.#free.splice(best, 1);
    this.#freeBytes -= found!.length;
    return found!.subarray(0, bytes);
  }

  /** Nobody reads it any more. To be called once at most for what {@link take} gave; anything else is left alone. */
  give(buffer: Uint8Array): void {
    if (!this.#own.has(buffer.buffer) || buffer.buffer.byteLength > FREE_BYTES_MAX / 2) return;
    const whole = Buffer.from(buffer.buffer);
    this.#free.push(whole);
    this.#freeBytes += whole.length;
    while (this.#free.length > FREE_MAX || this.#freeBytes > FREE_BYTES_MAX)
      this.#freeBytes -= this.#free.shift()!.length;
  }
}
