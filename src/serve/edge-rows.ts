import type { HashKey } from '../base/hash.ts';
import { Word } from '../cache/entries.ts';
import { KeyBuffer } from '../cache/key.ts';
import type { TierReader } from '../store/memory/tier-reader.ts';
import { emptyRow, type RingShare, RingWriter, RowBit } from '../traffic/live/row-ring.ts';
import type { CacheRequest } from './answer.ts';

/** What a worker says to the traffic record of its node: its hits; all else is the owner's to say. */
export class EdgeRows {
  readonly #writer: RingWriter;
  readonly #key: KeyBuffer;
  readonly #row = emptyRow();

  /**
   * @param hashKey that of the tier's index.
   * @param onHalf the owner is to take the rows, and not to wait for its timer.
   */
  constructor(ring: RingShare, hashKey: HashKey, onHalf: () => void) {
    this.#writer = new RingWriter(ring, onHalf);
    this.#key = new KeyBuffer(hashKey);
  }

  /**
   * A pinned entry answers.
   *
   * @param original primary key of the original of a variant, else `primaryHi`: high half of the hash of the entry's primary key.
   */
  hit(
    tier: TierReader,
    slot: number,
    request: CacheRequest,
    routeId: number,
    original: string | undefined,
    primaryHi: number,
  ): void {
    const row = this.#row;
    const besideBytes = tier.word(slot, Word.KEY_BYTES) + tier.word(slot, Word.HEAD_BYTES);
    row.atMs = this.#writer.stamp(request.receivedMs);
    row.keyLo = tier.word(slot, Word.HASH_LO);
    row.keyHi = original === undefined ? primaryHi : this.#key.set(original).hi;
    row.bodyBytes = tier.word(slot, Word.RECORD_BYTES) - besideBytes;
    row.besideBytes = besideBytes;
    row.route = routeId;
    row.status = tier.word(slot, Word.STATUS);
    row.bits = request.method === 'HEAD' ? RowBit.HEAD : 0;
    row.bornS = tier.word(slot, Word.BORN_S);
    row.freshUntilS = tier.word(slot, Word.FRESH_UNTIL_S);
    row.revalidateUntilS = tier.word(slot, Word.REVALIDATE_UNTIL_S);
    row.errorUntilS = tier.word(slot, Word.ERROR_UNTIL_S);
    row.flags = tier.word(slot, Word.FLAGS);
    this.#writer.add(row);
  }
}
