/** Of a segment that leaves, what was asked for is written again up to this share of a segment. */
const HIT_SHARE = 1 / 4;
/** ... and originals up to their share and this, so that what could not be written again once can be made up for. */
const CATCH_UP_SHARE = 1 / 16;

/** In segments: how much of a debt, and of an advance, is remembered. What was long ago is not made up for. */
const BEHIND_MAX = 2;
const AHEAD_MAX = 1 / 2;

/**
 * How far originals are behind their share of what is written. The log is one queue: what is written today leaves in one turn of
 * it. So it holds in each class what was written in it lately, and originals keep their share of the disk as long as they have
 * that share of what is appended, new or again. For each byte of a variant they are owed `(1 - share) / share` bytes, which
 * {@link Turnover} writes again out of segments that leave.
 */
export class Balance {
  #variantsShare: number;
  readonly #segmentBytes: number;
  #behindBytes = 0;

  /** @param variantsShare of what the disk holds, above 0 to below 1; originals have the rest. */
  constructor(segmentBytes: number, variantsShare = 0.5) {
    this.#variantsShare = variantsShare;
    this.#segmentBytes = segmentBytes;
  }

  /** Bytes of originals that are to be written again; 0 when they have their share. */
  get behindBytes(): number {
    return Math.max(0, this.#behindBytes);
  }

  /** Of a segment that leaves: most bytes of what was asked for, and of all together, that are written again. */
  get againBytesMax(): { readonly hit: number; readonly all: number } {
    const hit = this.#segmentBytes * HIT_SHARE;
    return { hit, all: Math.max(hit, this.#segmentBytes * (1 - this.#variantsShare + CATCH_UP_SHARE)) };
  }

  /** Other shares, from now on. */
  reshare(variantsShare: number): void {
    this.#variantsShare = variantsShare;
  }

  /** A record was appended. */
  wrote(isVariant: boolean, bytes: number): void {
    const owed = isVariant ? (bytes * (1 - this.#variantsShare)) / this.#variantsShare : -bytes;
    const [most, least] = [this.#segmentBytes * BEHIND_MAX, -this.#segmentBytes * AHEAD_MAX];
    this.#behindBytes = Math.min(most, Math.max(least, this.#behindBytes + owed));
  }
}
