/**
 * Every way in which a variant can fail to be made, or is not tried: the closed list for header, log and metric, where each
 * is spelled `image-` and its name. What the operator reads and does about each is in `base/errors.ts`.
 */
export const TRANSFORM_FAILURES = [
  'not-image', // the original's bytes are no image: an HTML login page, most often
  'unsupported', // an image, in a format that cannot be decoded here
  'truncated', // the original's data end before the image does
  'corrupt', // the decoder refused the original
  'too-many-bytes', // the original is above images.maxInput
  'too-many-pixels', // ... above images.maxPixels, all frames together
  'too-many-frames', // ... above images.maxFrames
  'output-too-large', // what was asked for is above images.maxOutputPixels
  'unsafe-svg', // an SVG with what is not drawn here: entities, scripts where they are refused
  'overlay', // the overlay could not be had, or is no image
  'timeout', // decoding and encoding took longer than images.timeout
  'memory', // ... or more memory than images.memory
  'crashed', // the process that transforms died of it
  'queue-full', // too many transforms were waiting
  'queue-timeout', // no turn came in time
  'unavailable', // the process that transforms does not start, or is being started again
] as const;
export type TransformFailureCause = (typeof TRANSFORM_FAILURES)[number];

/** True for those that another try a moment later may not have: they say nothing of the original. */
export function isPassing(cause: TransformFailureCause): boolean {
  return cause === 'queue-full' || cause === 'queue-timeout' || cause === 'unavailable';
}

export interface TransformFailure {
  readonly cause: TransformFailureCause;
  /** One sentence for the operator: what and why, with the numbers, without secrets. Never shown to a client. */
  readonly detail: string;
}
