import type { Variant } from '../../image/variant.ts';
import type { Made, TransformLimits } from '../messages.ts';
import { type Layout, pixelsOf } from './geometry.ts';
import { Refusal } from './refusal.ts';

/** One transform, inside the process that does it. */
export interface Task {
  readonly bytes: Uint8Array;
  readonly overlay: Uint8Array | undefined;
  readonly variant: Variant;
  readonly provisional: boolean;
  readonly limits: TransformLimits;
  readonly deadline: Deadline;
}

/** What came of it. */
export interface Product {
  readonly made: Omit<Made, 'durationMs'>;
  /** Empty when it is the original's bytes. */
  readonly body: Uint8Array;
}

/** The time that a task has. */
export interface Deadline {
  /** Whole seconds left, rounded up, as sharp counts them. Throws {@link Refusal} 'timeout' when none is. */
  leftS(): number;
  isOver(): boolean;
}

/** A deadline from now on. @param nowMs a clock that never goes back. */
export function deadlineIn(timeoutMs: number, nowMs: () => number): Deadline {
  const endMs = nowMs() + timeoutMs;
  return {
    leftS: () => {
      const leftMs = endMs - nowMs();
      if (leftMs <= 0)
        throw new Refusal('timeout', `It took longer than the ${timeoutMs} ms that are allowed.`);
      return Math.min(3600, Math.ceil(leftMs / 1000));
    },
    isOver: () => nowMs() >= endMs,
  };
}

/** Holds a layout against the limits. Throws {@link Refusal} 'output-too-large'. */
export function checkLayout({ result, scaled }: Layout, frames: number, limits: TransformLimits): void {
  const pixels = pixelsOf(result) * frames;
  const shape = `${result.width}x${result.height}${frames > 1 ? ` in ${frames} frames` : ''}`;
  if (pixels > limits.outputPixels)
    throw new Refusal(
      'output-too-large',
      `The result would have ${shape}, ${pixels} pixels; ${limits.outputPixels} are allowed.`,
    );
  // What is cut off again has to be made first.
  const most = Math.max(limits.pixels, limits.outputPixels);
  if (pixelsOf(scaled) * frames > most)
    throw new Refusal(
      'output-too-large',
      `The result of ${shape} would be cut out of ${scaled.width}x${scaled.height}; ${most} pixels are allowed.`,
    );
}
