import type { TransformFailure, TransformFailureCause } from '../../image/failures.ts';

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

/**
 * How libvips and its decoders say what went wrong, and what that is here; the first that matches. All threads of the library leave their
 * words in one place, so they may be another's: where something better than words can be had, that decides.
 */
const WORDS: readonly (readonly [words: RegExp, cause: TransformFailureCause])[] = [
  [/Processed image is too large|too (?:wide|tall|high) for/i, 'output-too-large'],
  [/out of memory|unable to allocate|could not allocate|memory allocation/i, 'memory'],
  [/unsupported (?:codec|compression|feature)|No decoding plugin/i, 'unsupported'],
  [/premature end|unexpected end|end of file|truncated|bad seek|read error|not enough data/i, 'truncated'],
];

/** What is known of a transform apart from words. */
export interface Circumstances {
  /** The structure of the original says that its end is missing. */
  endsEarly(): boolean;
  /** It had no time left. */
  isLate(): boolean;
}

/** What a throw in the middle of a transform was. */
export function failureOf(thrown: unknown, { endsEarly, isLate }: Circumstances): TransformFailure {
  if (thrown instanceof Refusal) return { cause: thrown.cause, detail: thrown.detail };
  const words = wordsOf(thrown);
  const cause = isLate() ? 'timeout' : endsEarly() ? 'truncated' : causeIn(words);
  return { cause, detail: `${LEAD[cause] ?? 'The decoder refused the image'} (${words}).` };
}

function causeIn(words: string): TransformFailureCause {
  return WORDS.find(([pattern]) => pattern.test(words))?.[1] ?? 'corrupt';
}

const LEAD: Partial<Record<TransformFailureCause, string>> = {
  timeout: 'It took too long',
  'output-too-large': 'The format cannot hold a result of this size',
  memory: 'There was not enough memory',
  unsupported: 'The image uses what cannot be decoded here',
  truncated: 'The data end before the image does',
};

/** The first line of what was thrown, printable and short. */
function wordsOf(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  const line = text.split('\n').find((each) => each.trim() !== '') ?? '';
  const said = line
    .replace(/^Input buffer has corrupt header: ?/, '')
    .replace(/[^\x20-\x7e]/g, '?')
    .trim()
    .slice(0, 200);
  return said === '' ? 'without a word' : said;
}
