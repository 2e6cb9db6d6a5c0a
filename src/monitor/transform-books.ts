import { OUTCOMES } from '../cache/outcome.ts';
import { TRANSFORM_FAILURES } from '../image/failures.ts';
import { LatencyHistogram } from './histogram.ts';

/** How a variant came about, or did not. */
export const TRANSFORM_RESULTS = [
  'made', // a new image
  'original', // nothing that was made was smaller: the original's own bytes
  'provisional', // in a cheaper format first
  'confirmed', // the stored variant is of the original as it is now: nothing had to be made
  ...TRANSFORM_FAILURES,
] as const;
export type TransformResultWord = (typeof TRANSFORM_RESULTS)[number];

const RESULT_INDEX = Object.fromEntries(TRANSFORM_RESULTS.map((word, index) => [word, index])) as Record<
  TransformResultWord,
  number
>;

/** Counters of what is made of images. Adding is O(1) and allocates nothing. */
export class TransformBooks {
  /** By position in TRANSFORM_RESULTS. */
  readonly results = new Float64Array(TRANSFORM_RESULTS.length);
  /** Decoding and encoding, without the wait; only of those that succeeded. */
  readonly durations = new LatencyHistogram();
  /** Bytes of originals that were read for transforms, and of what was made of them. */
  inputBytes = 0;
  outputBytes = 0;
  /** Originals and overlays that were asked for to make something of, by position in OUTCOMES. */
  readonly originals = new Float64Array(OUTCOMES.length);

  ended(result: TransformResultWord): void {
    this.results[RESULT_INDEX[result]]! += 1;
  }

  made(durationMs: number, inputBytes: number, outputBytes: number): void {
    this.durations.record(durationMs);
    this.inputBytes += inputBytes;
    this.outputBytes += outputBytes;
  }

  /** @param outcomeIndex position in OUTCOMES. */
  original(outcomeIndex: number): void {
    if (outcomeIndex >= 0 && outcomeIndex < this.originals.length) this.originals[outcomeIndex]! += 1;
  }
}
