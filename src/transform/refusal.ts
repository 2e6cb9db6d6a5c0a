import type { TransformFailure, TransformFailureCause } from '../image/failures.ts';

/** Thrown where an image cannot be made; carries the one named failure. */
export class Refusal extends Error implements TransformFailure {
  override readonly name = 'Refusal';
  override readonly cause: TransformFailureCause;
  readonly detail: string;
  constructor(cause: TransformFailureCause, detail: string) {
    super(`${cause}: ${detail}`);
    this.cause = cause;
    this.detail = detail;
  }
}

/** How libvips and its decoders say what went wrong, and what that is here; the first that matches. */
const WORDS: readonly (readonly [words: RegExp, cause: TransformFailureCause])[] = [
  [/^timeout: /m, 'timeout'],
  [/exceeds pixel limit|pixel limit when scaled|exceeds \d+x\d+ pixel limit/, 'too-many-pixels'],
  [/Processed image is too large|too (?:wide|tall|high) for/i, 'output-too-large'],
  [/out of memory|unable to allocate|could not allocate|memory allocation/i, 'memory'],
  [
    /unsupported (?:codec|compression|feature)|Unsupported (?:codec|feature)|No decoding plugin/,
    'unsupported',
  ],
  [
    /premature end|unexpected end|end of file|truncated|bad seek|read error|read gave|not enough data/i,
    'truncated',
  ],
];

/**
 * What a throw in the middle of a transform was.
 *
 * @param endsEarly true where the structure of the original says that its end is missing: then whatever the decoder complains about is
 *   that.
 */
export function failureOf(thrown: unknown, endsEarly: () => boolean): TransformFailure {
  if (thrown instanceof Refusal) return { cause: thrown.cause, detail: thrown.detail };
  const words = wordsOf(thrown);
  const cause = WORDS.find(([pattern]) => pattern.test(words))?.[1] ?? 'corrupt';
  if (cause === 'corrupt' && endsEarly())
    return { cause: 'truncated', detail: `The data end before the image does (${words}).` };
  return { cause, detail: `${LEAD[cause] ?? 'The decoder refused the image'} (${words}).` };
}

const LEAD: Partial<Record<TransformFailureCause, string>> = {
  timeout: 'It took too long',
  'too-many-pixels': 'The image has too many pixels',
  'output-too-large': 'The format cannot hold a result of this size',
  memory: 'There was not enough memory',
  unsupported: 'The image uses what cannot be decoded here',
  truncated: 'The data end before the image does',
};

/** The first line of what was thrown, printable and short. */
function wordsOf(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  const line = text.split('\n').find((each) => each.trim() !== '') ?? 'no words';
  return line
    .replace(/^Input buffer has corrupt header: /, '')
    .replace(/[^\x20-\x7e]/g, '?')
    .trim()
    .slice(0, 200);
}
