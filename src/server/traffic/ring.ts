import type { BlockHead } from '../../traffic/record/format.ts';

/** Times of blocks, milliseconds since the epoch; `toMs` exclusive. */
export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Where the blocks of a running node are kept, for as long as there is room. */
export interface TrafficRing {
  /** Space that blocks may take, in bytes. */
  readonly sizeBytes: number;
  /** How far it reaches back where there is room for that. */
  readonly keepMs: number;
  readonly storedBytes: number;
  /** Time of the oldest block; undefined when there is none. */
  readonly oldestMs: number | undefined;
  /** Times that files were found removed while they were written to. */
  readonly removals: number;
  /** Appends a block; the oldest ones leave. Rejects with the system's error; the next try is in a new place. */
  append(block: Uint8Array, fromMs: number): Promise<void>;
  /** The blocks with requests of that time, in the order in which they were written. */
  blocks(range: TimeRange): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** True for a block that may have requests of that time. */
export function overlaps({ baseMs, spanUs }: BlockHead, range: TimeRange): boolean {
  return baseMs < range.toMs && baseMs + spanUs / 1000 >= range.fromMs;
}
