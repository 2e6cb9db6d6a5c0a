import { assert } from '../base/assert.ts';
import { type Hash64, type HashKey, halfSipHash } from '../base/hash.ts';

/**
 * Longest key, in bytes; the table counts them in 16 bits. The server takes heads of 16 KiB, of which at most 8 KiB are
 * target: percent-encoding can make three bytes of each, and a variant's key holds field values besides.
 */
export const KEY_BYTES_MAX = 0xffff;

/**
 * A cache key in the form that the index wants it: its bytes and its 64-bit hash, in buffers that are reused, so that a
 * lookup allocates nothing. A key is ASCII text: route name, host, normalised path and query, and the selecting fields.
 */
export class KeyBuffer implements Hash64 {
  readonly bytes: Buffer = Buffer.alloc(KEY_BYTES_MAX);
  length = 0;
  lo = 0;
  hi = 0;
  readonly #hashKey: HashKey;

  /** @param hashKey 64 random bits of this process, so that clients cannot choose colliding keys. */
  constructor(hashKey: HashKey) {
    this.#hashKey = hashKey;
  }

  /** Takes a key of at most {@link KEY_BYTES_MAX} characters; a longer one, cut, would be another's. About 100 ns for 60 bytes. */
  set(text: string): this {
    assert(text.length <= KEY_BYTES_MAX, 'a key fits its buffer');
    this.length = this.bytes.write(text, 0, 'latin1');
    halfSipHash(this.#hashKey, this.bytes, this.length, this);
    return this;
  }
}
