import type { TrafficBatch } from './batch.ts';

/** What is known of a record without reading its rows. */
export interface RecordInfo {
  /** Where it comes from: a directory, a file, `memory`. */
  readonly name: string;
  /** Times of the first and the last request, milliseconds since the epoch; both 0 for an empty record. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Rows that it has. */
  readonly rows: number;
  /** Requests of clients that were made in that time: as many as their rows where everything was recorded, and nothing was lost. */
  readonly requests: number;
  /** Least and highest share of keys recorded in any part of it. */
  readonly rateMin: number;
  readonly rateMax: number;
  /** Bytes that it takes, compressed. */
  readonly storedBytes: number;
  /** What of it could not be read, in words; empty when all was whole. */
  readonly damage: readonly string[];
}

/**
 * A traffic record that can be read, as often as wanted, from the oldest request to the youngest. Memory: one batch at a time.
 *
 * Kinds and lives are interned over the whole record: equal ones are the same object in all of its batches.
 */
export interface TrafficRecord {
  readonly info: RecordInfo;
  /**
   * @param range only requests of that time, milliseconds since the epoch, `toMs` exclusive. Default: all.
   */
  batches(range?: { readonly fromMs: number; readonly toMs: number }): Iterable<TrafficBatch>;
}

/** What batches are written to, in the order of time. Nothing of it is a record before it is closed. */
export interface RecordWriter {
  /** @throws the system's error when it cannot be written. */
  write(batch: TrafficBatch): void;
  /** What was written is a record from now on. Idempotent. @throws Error when it cannot be put in its place. */
  close(): void;
  /** What was written is removed, unless it is a record already. Idempotent. */
  discard(): void;
}

/** Is told of the requests of a running node about a second after they came, on the thread that serves: be quick. */
export interface TrafficListener {
  /**
   * Rows in the order of their look-ups; those that took longer than the others come in a later batch, with earlier times. Internal
   * look-ups are among them, and with a rate below 1 only the keys of the sample.
   *
   * @param batch may be kept: nobody changes it.
   */
  onBatch(batch: TrafficBatch): void;
}
