import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../monitor/log.ts';
import type { TrafficBatch } from '../../traffic/batch.ts';
import { encodeBlockAside, requestsOf } from '../../traffic/record/format.ts';
import { mergeBatches } from '../../traffic/record/ordered.ts';
import type { TrafficListener } from '../../traffic/record.ts';
import type { TrafficRing } from './ring.ts';
import { troubleText } from './trouble.ts';

/** Rows with which a block is worth its head and tables; fewer wait a moment for more. */
const BLOCK_ROWS = 4096;
const BLOCK_WAIT_MS = 3_000;
/** Batches that wait to be written; further ones are lost. At 65,536 rows each, half a minute of a very busy node. */
const QUEUE_MAX = 32;
const RETRY_MS = 1_000;
const RETRY_MS_MAX = 60_000;

export interface KeeperOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** What is written to, for people: a directory. */
  readonly place: string;
  /** Told of each block that was written, at a rate. */
  readonly onWritten: (bytes: number, rate: number) => void;
}

/** Writes batches to a ring: in the background, one after the other. While that fails, they are counted and forgotten. */
export class Keeper implements TrafficListener {
  writtenRows = 0;
  /** Rows that could not be written. */
  lostRows = 0;
  /** Of clients, lost since the last block that says so. */
  #lostRequests = 0;
  writeErrors = 0;
  readonly #ring: TrafficRing;
  readonly #options: KeeperOptions;
  #held: TrafficBatch[] = [];
  #heldSinceMs = 0;
  readonly #queue: TrafficBatch[] = [];
  #writing: Promise<void> | undefined;
  #retryAtMs = 0;
  #retryMs = RETRY_MS;
  #isPaused = false;

  constructor(ring: TrafficRing, options: KeeperOptions) {
    this.#ring = ring;
    this.#options = options;
  }

  /** True while it cannot be written. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  onBatch(batch: TrafficBatch): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#held.length === 0) this.#heldSinceMs = nowMs;
    this.#held.push(batch);
    const rows = this.#held.reduce((sum, { count }) => sum + count, 0);
    if (rows >= BLOCK_ROWS) this.#release();
    else this.tick();
  }

  /** To be called from time to time: what has waited for long enough is written. */
  tick(): void {
    if (this.#held.length > 0 && this.#options.clock.monotonicMs() - this.#heldSinceMs >= BLOCK_WAIT_MS)
      this.#release();
  }

  /** Resolves when all that it was handed is written, or lost. */
  async flush(): Promise<void> {
    this.#release();
    await this.#writing;
  }

  #release(): void {
    const held = this.#held;
    this.#held = [];
    const batches = held.length > 1 ? mergeBatches(held) : held;
    for (const batch of batches) {
      if (this.#queue.length < QUEUE_MAX) this.#queue.push(batch);
      else this.#lose(batch);
    }
    if (this.#writing === undefined && this.#queue.length > 0) this.#writing = this.#write();
  }

  async #write(): Promise<void> {
    // Never done before whoever began it has noted that it runs.
    await Promise.resolve();
    for (let batch = this.#queue.shift(); batch !== undefined; batch = this.#queue.shift()) {
      if (this.#isPaused && this.#options.clock.monotonicMs() < this.#retryAtMs) {
        this.#lose(batch);
        continue;
      }
      try {
        const lostRequests = this.#lostRequests;
        const block = await encodeBlockAside(lostRequests === 0 ? batch : { ...batch, lostRequests });
        await this.#ring.append(block, batch.baseMs);
        this.#lostRequests -= lostRequests;
        this.writtenRows += batch.count;
        this.#options.onWritten(block.length, batch.rate);
        this.#resume();
      } catch (error) {
        this.#lose(batch);
        this.#pause(error);
      }
    }
    this.#writing = undefined;
  }

  #lose(batch: TrafficBatch): void {
    this.lostRows += batch.count;
    this.#lostRequests += requestsOf(batch);
  }

  #pause(error: unknown): void {
    const { clock, log, place } = this.#options;
    this.writeErrors += 1;
    this.#retryAtMs = clock.monotonicMs() + this.#retryMs;
    this.#retryMs = Math.min(RETRY_MS_MAX, this.#retryMs * 2);
    if (this.#isPaused) return;
    this.#isPaused = true;
    const { code } = error as NodeJS.ErrnoException;
    log.warn('traffic is not recorded for the moment; requests are served as before', {
      place,
      error: troubleText(error),
      remedy:
        code === 'ENOSPC'
          ? 'make room there, or choose a smaller traffic.size'
          : 'see that it can be written',
    });
  }

  #resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#retryMs = RETRY_MS;
    this.#options.log.info('traffic is recorded again', {
      place: this.#options.place,
      lostRows: this.lostRows,
    });
  }
}
