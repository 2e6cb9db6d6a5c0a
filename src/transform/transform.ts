import type { TransformFailure } from '../image/failures.ts';
import type { Variant } from '../image/variant.ts';

/** The transform contract: one original and a variant in, the variant's bytes or one named failure out. */

/** One transform. */
export interface TransformJob {
  /** The original as the origin sent it. Not changed, and needed until `done`. */
  readonly original: Uint8Array;
  readonly variant: Variant;
  /** The overlay's bytes where the variant has one. */
  readonly overlay: Uint8Array | undefined;
  /** No client waits for it: it yields to those that one waits for. */
  readonly background: boolean;
  /**
   * True where a cheap format may stand in for the expensive one that the variant would become: {@link Transformed.provisional}
   * then says whether it does.
   */
  readonly provisional: boolean;
}

/** What came out. */
export interface Transformed {
  readonly ok: true;
  readonly body: Uint8Array;
  /** `image/avif`, ..., `application/json`, `text/plain`. */
  readonly contentType: string;
  /** In pixels; 0 for what is no picture. */
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  /** The body is that of the original, byte for byte: nothing that was made of it was smaller, and nothing but smallness was asked for. */
  readonly isOriginal: boolean;
  /** A cheaper format than the one that was to be chosen: it is to be made again, in the background. */
  readonly provisional: boolean;
  /** Decoding and encoding, without the wait. */
  readonly durationMs: number;
}

export type TransformResult = Transformed | { readonly ok: false; readonly failure: TransformFailure };

/** A job that has been handed over. */
export interface TransformTicket {
  /** Nobody wants it any more: `done` is not called. A job that is being worked on is finished and thrown away. Idempotent. */
  abandon(): void;
}

/** Levels and counters, for the metrics; counters only grow. */
export interface TransformGauges {
  readonly active: number;
  readonly waiting: number;
  /** Bytes of originals that are held for jobs. */
  readonly heldBytes: number;
  /** Resident memory of the process that transforms; 0 while there is none. */
  readonly residentBytes: number;
  /** How often that process has been started anew after it died or had to be ended. */
  readonly restarts: number;
}

/** Transforms images, bounded in pixels, bytes, time and concurrency, off the thread that serves. */
export interface Transformer {
  /**
   * Hands over a job. `done` is called exactly once, and never before this returned. Never throws: what goes wrong is a failure.
   */
  transform(job: TransformJob, done: (result: TransformResult) => void): TransformTicket;
  /**
   * Room for an original of so many bytes, among all that are held: `ready` is called once there is some, at once where there is; or
   * `refused`, when too many wait or none came in time. @returns how to give it back, or to wait no longer; to be called exactly once.
   */
  reserve(
    bytes: number,
    background: boolean,
    ready: () => void,
    refused: (failure: TransformFailure) => void,
  ): () => void;
  gauges(): TransformGauges;
  /** Ends what is under way, and the process. */
  close(): Promise<void>;
}
