import type { Outcome } from '../../cache/outcome.ts';
import { latin1 } from './bytes.ts';

/** Why a line of a log could not be read. The report counts them by these words. */
export const UNREADABLE_REASONS = [
  'format', // not a line of this format: fields are missing, or something else altogether
  'time', // its time makes no sense
  'date', // its time is one at which no server can have written it
  'request', // holds no request: what scanners and broken clients send
  'path', // its path is one that no server should take (controls, broken encodings, climbing out)
  'status', // its status is no number from 100 to 599
  'size', // its size is no number
  'long', // longer than any line of a log
  'cut', // the file ends in the middle of it
] as const;
export type UnreadableReason = (typeof UNREADABLE_REASONS)[number];

/** Text out of a log: bytes that are valid until the next line is read. */
export interface Span {
  bytes: Uint8Array;
  from: number;
  to: number;
}

/** What one line of a log says, as far as a record wants it. One object is filled again for each line. */
export interface Line {
  /** Milliseconds since the epoch. */
  timeMs: number;
  method: 'GET' | 'HEAD' | 'other';
  /** Path and query, or a whole address; or, with {@link hashed}, unused. */
  readonly target: Span;
  /** Empty when the line does not say. */
  readonly host: Span;
  /** The query apart from the path; empty when the line has it with the path, or has none. */
  readonly query: Span;
  /** The target is a name as it is, and no path. */
  named: boolean;
  status: number;
  /** Bytes; -1 when the line does not say. */
  sizeBytes: number;
  /** The size is that of the whole body whatever the status is, and not of what was sent. */
  whole: boolean;
  /** Undefined when the line does not say how the request was served. */
  outcome: Outcome | undefined;
  /** Time to the origin's answer in milliseconds; -1 when the line does not say, or no origin was asked. */
  originMs: number;
  /** The content type is an image's; undefined when the line does not say. */
  image: boolean | undefined;
  /** Of a table that was made of a record: what only records know. */
  own: OwnRow | undefined;
}

/** What a table that was made of a record says of a row, beside what logs do. */
export interface OwnRow {
  readonly route: string;
  readonly keyLo: number;
  readonly keyHi: number;
  readonly variant: boolean;
  readonly internal: boolean;
  readonly besideBytes: number;
  readonly lifetimeS: number | undefined;
}

/** Reads lines of one format. */
export interface LineParser {
  /**
   * Reads `bytes[from..to)`, which is a line without its end, into `line`. Never throws, never reads outside.
   *
   * @returns why it could not be read; `skip` for a line that is none of the log's requests (a header, a comment).
   */
  parse(bytes: Uint8Array, from: number, to: number, line: Line): UnreadableReason | 'skip' | undefined;
}

const NO_BYTES = new Uint8Array(0);

/** A line to be filled. */
export function emptyLine(): Line {
  const span = (): Span => ({ bytes: NO_BYTES, from: 0, to: 0 });
  return {
    timeMs: 0,
    method: 'GET',
    target: span(),
    host: span(),
    query: span(),
    named: false,
    status: 200,
    sizeBytes: -1,
    whole: false,
    outcome: undefined,
    originMs: -1,
    image: undefined,
    own: undefined,
  };
}

/** Forgets the line before: nothing is known. */
export function clearLine(line: Line): void {
  line.timeMs = Number.NaN;
  line.method = 'GET';
  line.target.from = line.target.to = 0;
  line.host.from = line.host.to = 0;
  line.query.from = line.query.to = 0;
  line.named = false;
  line.status = 200;
  line.sizeBytes = -1;
  line.whole = false;
  line.outcome = undefined;
  line.originMs = -1;
  line.image = undefined;
  line.own = undefined;
}

/** Points a span at a part of some bytes. */
export function point(span: Span, bytes: Uint8Array, from: number, to: number): void {
  span.bytes = bytes;
  span.from = from;
  span.to = to;
}

/** Text for a span; characters beyond ASCII become their UTF-8 bytes. For formats that are not read byte by byte. */
export function pointText(span: Span, text: string): void {
  const bytes = Buffer.from(text, 'utf8');
  point(span, bytes, 0, bytes.length);
}

/** The text of a span, one character for each byte. */
export function spanText({ bytes, from, to }: Span): string {
  return latin1(bytes, from, to);
}
