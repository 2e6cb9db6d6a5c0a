import { readHead } from '../../traffic/record/format.ts';
import { overlaps, type TimeRange, type TrafficRing } from './ring.ts';

/** The most that a record in memory takes. */
export const MEMORY_BYTES_MAX: number = 64 * 1024 * 1024;
/** Further back it need not reach: it ends with the process. */
const KEEP_MS_MAX = 86_400_000;

/** Blocks in memory: for a node without a place on disk. */
export class MemoryRing implements TrafficRing {
  readonly sizeBytes: number;
  readonly keepMs: number;
  readonly removals = 0;
  storedBytes = 0;
  #blocks: { readonly fromMs: number; readonly block: Uint8Array }[] = [];

  constructor(sizeBytes: number, keepMs: number) {
    this.sizeBytes = Math.min(sizeBytes, MEMORY_BYTES_MAX);
    this.keepMs = Math.min(keepMs, KEEP_MS_MAX);
  }

  get oldestMs(): number | undefined {
    return this.#blocks[0]?.fromMs;
  }

  async append(block: Uint8Array, fromMs: number): Promise<void> {
    this.#blocks.push({ fromMs, block });
    this.storedBytes += block.length;
    let leaving = 0;
    while (this.storedBytes > this.sizeBytes || this.#blocks[leaving]!.fromMs < fromMs - this.keepMs) {
      this.storedBytes -= this.#blocks[leaving]!.block.length;
      leaving += 1;
    }
    if (leaving > 0) this.#blocks = this.#blocks.slice(leaving);
  }

  async *blocks(range: TimeRange): AsyncGenerator<Uint8Array> {
    for (const { block } of [...this.#blocks]) {
      const head = readHead(block);
      if (typeof head === 'object' && overlaps(head, range)) yield block;
    }
  }

  async close(): Promise<void> {
    this.#blocks = [];
    this.storedBytes = 0;
  }
}
