import type { TransformFailure } from '../image/failures.ts';
import type { Variant } from '../image/variant.ts';
import type { Transformed } from './transform.ts';

/** What one transform may use at most. */
export interface TransformLimits {
  /** Bytes of an original, and of an overlay. */
  readonly inputBytes: number;
  /** Pixels of an original: width times height times the frames that are read. */
  readonly pixels: number;
  /** Frames of an original that are read. */
  readonly frames: number;
  /** Pixels of a result, all frames together. */
  readonly outputPixels: number;
  /** Decoding and encoding together, in milliseconds, without the wait. */
  readonly timeoutMs: number;
  /** Resident memory of the process that transforms, in bytes. */
  readonly memoryBytes: number;
}

/** One job as the process reads it. The body of its message is the original and, behind it, the overlay. */
export interface Order {
  readonly id: number;
  readonly variant: Variant;
  readonly provisional: boolean;
  readonly originalBytes: number;
  readonly hasOverlay: boolean;
  readonly limits: TransformLimits;
}

/** What the process writes: that it is there, how large it is (where the kernel does not tell), and how each job ended. */
export type Report =
  | { readonly kind: 'ready' }
  | { readonly kind: 'memory'; readonly residentBytes: number }
  /** The body of the message is the result; empty when it is the original. */
  | { readonly kind: 'made'; readonly id: number; readonly made: Made }
  | { readonly kind: 'failed'; readonly id: number; readonly failure: TransformFailure };

/** A result without its bytes. */
export type Made = Omit<Transformed, 'ok' | 'body'>;
