import { assert } from '../../../src/base/assert.ts';
import { Word } from '../../../src/cache/entries.ts';
import type { MemoryTier } from '../../../src/store/memory/tier.ts';
import { TierReader } from '../../../src/store/memory/tier-reader.ts';
import type { Process } from './process.ts';

/**
 * A thread beside the owner that reads one entry for a while. Whatever happens meanwhile, the bytes stay as they were when it
 * began; unless it dies, and then they are anybody's.
 */
export class ReadingThread {
  readonly #process: Process;
  readonly #reader: TierReader;
  readonly #share: ReturnType<NonNullable<MemoryTier['readers']>['add']>;
  #slot: number;
  #before: Buffer | undefined;

  constructor(process: Process, key: string) {
    this.#process = process;
    const { tier } = process.h;
    this.#share = tier.readers!.add();
    this.#reader = new TierReader(tier.share(), this.#share);
    process.threads.add(this.#reader);
    this.#reader.key.set(key);
    this.#slot = this.#reader.find();
    if (this.isReading) this.#before = this.#bytes();
  }

  get isReading(): boolean {
    return this.#slot >= 0;
  }

  /** It has read all, and ends. */
  finish(): void {
    if (this.isReading) {
      assert(this.#before!.equals(this.#bytes()), 'what another thread reads stays as it is');
      this.#reader.unpin(this.#slot);
    }
    this.die();
  }

  /** It ends in the middle of its work. */
  die(): void {
    this.#slot = -1;
    this.#process.threads.delete(this.#reader);
    this.#process.h.tier.readers!.remove(this.#share);
  }

  #bytes(): Buffer {
    const reader = this.#reader;
    const place = reader.place(this.#slot);
    const from = reader.word(this.#slot, Word.HEAD_BYTES);
    const to = reader.word(this.#slot, Word.RECORD_BYTES) - place.keyBytes;
    const bytes = Buffer.alloc(to - from);
    for (let done = 0; done < bytes.length; ) done += reader.read(place, from + done, to, bytes, done);
    return bytes;
  }
}
