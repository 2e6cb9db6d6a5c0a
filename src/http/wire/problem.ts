/**
 * Everything that can be wrong with an HTTP/1.1 message, as one closed table. The word is what logs and metrics
 * print; the status is what a client is answered with (for a response from an origin it has no meaning); the
 * sentence says what to mend.
 */
const PROBLEM_TABLE = {
  'start-line': [400, 'The first line is not of the form "METHOD target HTTP/1.1".'],
  version: [505, 'Only HTTP/1.0 and HTTP/1.1 are spoken here.'],
  method: [501, 'The methods TRACE and CONNECT are not implemented.'],
  target: [
    400,
    'The request target must be a path that starts with "/" or an http(s) URL, in visible ASCII, without "#".',
  ],
  'target-too-long': [414, 'The request target is too long.'],
  'host-missing': [400, 'An HTTP/1.1 request needs a Host field.'],
  'host-repeated': [400, 'The Host field must be sent exactly once.'],
  host: [400, 'The Host is not a valid name, address or port.'],
  'bare-lf': [400, 'Lines must end with CR LF; a line ended with LF alone.'],
  'obs-fold': [400, 'A field line started with white space: folded lines are not accepted.'],
  'field-line': [400, 'A field line is not of the form "Name: value", with no space before the colon.'],
  'field-value': [400, 'A field value contains a control character.'],
  'head-too-large': [431, 'The fields are too large together.'],
  'too-many-fields': [431, 'There are too many fields.'],
  'content-length': [400, 'Content-Length must be one decimal number, sent once.'],
  'transfer-encoding': [501, 'The only transfer coding known here is "chunked", alone, in HTTP/1.1.'],
  'two-lengths': [400, 'Content-Length and Transfer-Encoding must not be sent together.'],
  'chunk-size': [400, 'A chunk does not start with its size in hexadecimal.'],
  'chunk-extension': [400, 'A chunk extension is malformed or too long.'],
  'chunk-end': [400, 'A chunk does not end with CR LF where its size says.'],
  trailer: [400, 'The trailer section is malformed or too long.'],
  body: [400, 'The connection ended before the body of the request was whole.'],
} as const satisfies Readonly<Record<string, readonly [ProblemStatus, string]>>;

type ProblemStatus = 400 | 414 | 431 | 501 | 505;

export type Problem = keyof typeof PROBLEM_TABLE;

/** A message that must not be acted upon (RFC 9112 section 2.2): answer it, then close the connection. */
export interface Malformed {
  readonly kind: 'malformed';
  readonly problem: Problem;
  readonly status: ProblemStatus;
  /** One sentence for the sender: what is wrong. Contains nothing of the message. */
  readonly sentence: string;
}

/** All problems, for a metric's labels. */
export const PROBLEMS = Object.keys(PROBLEM_TABLE) as Problem[];

const MALFORMED = Object.fromEntries(
  PROBLEMS.map((problem) => {
    const [status, sentence] = PROBLEM_TABLE[problem];
    return [problem, Object.freeze({ kind: 'malformed', problem, status, sentence } satisfies Malformed)];
  }),
) as unknown as Readonly<Record<Problem, Malformed>>;

/** The one shared, frozen value for that problem. */
export function malformed(problem: Problem): Malformed {
  return MALFORMED[problem];
}
