import type { TrafficRing } from '../../src/server/traffic/ring.ts';
import { bytesSource, recordFrom } from '../../src/traffic/record/reading.ts';
import type { TrafficRecord } from '../../src/traffic/record.ts';

/** Keeps every block of a node, whatever it is asked for, and after its end. */
export class KeptRing implements TrafficRing {
  readonly sizeBytes = 2 ** 30;
  readonly keepMs = 86_400_000;
  readonly removals = 0;
  readonly storedBytes = 0;
  readonly oldestMs = undefined;
  readonly #blocks: Uint8Array[] = [];

  /** What was kept until now. */
  record(): TrafficRecord {
    return recordFrom('ring', [bytesSource('ring', Buffer.concat(this.#blocks))]);
  }

  async append(block: Uint8Array): Promise<void> {
    this.#blocks.push(block);
  }

  async *blocks(): AsyncGenerator<Uint8Array> {
    yield* this.#blocks;
  }

  async close(): Promise<void> {}
}
