import { latin1 } from './bytes.ts';
import type { UnreadableReason } from './line.ts';

/** Where a line could not be read for the first time for one reason, and how often in all. */
export interface Unreadable {
  count: number;
  readonly file: string;
  /** From 1; of a binary format, the row. */
  readonly line: number;
  /** What is there: shortened, without values of queries; empty for binary formats. */
  readonly text: string;
}

/** Why readable requests are not in the record. */
export const LEFT_OUT_REASONS = [
  'method', // neither GET nor HEAD
  'image', // no image, and only images are wanted
  'route', // no route of the configuration serves it
] as const;
export type LeftOutReason = (typeof LEFT_OUT_REASONS)[number];

/** What became of the logs. */
export interface ImportReport {
  readonly files: { readonly name: string; readonly format: string; readonly packed: string }[];
  /** Lines, or rows of a binary format; empty lines, comments and headers are not counted. */
  lines: number;
  /** Requests in the record. */
  rows: number;
  readonly leftOut: Record<LeftOutReason, number>;
  readonly unreadable: Map<UnreadableReason, Unreadable>;
  /** Requests that stood in the log later than the window, and have the time of those before them. */
  lateRows: number;
  /** Requests whose size the log does not say, with the size that their key had before. */
  sizesGuessed: number;
  /** Requests whose size nothing said, with size 0. */
  sizesUnknown: number;
  /** Requests for bodies of 4 GiB and more, which a record cannot say: they have the largest size that it can. */
  sizesCut: number;
  /** Requests that the log says of how they were served. */
  served: number;
  /** Bytes read, as they are in the files. */
  bytesRead: number;
  /** What was wrong with whole files, in sentences. */
  readonly troubles: string[];
  /** Times of the first and last request, milliseconds since the epoch; NaN without any. */
  fromMs: number;
  toMs: number;
}

/** Before anything was read. */
export function emptyReport(): ImportReport {
  return {
    files: [],
    lines: 0,
    rows: 0,
    leftOut: { method: 0, image: 0, route: 0 },
    unreadable: new Map(),
    lateRows: 0,
    sizesGuessed: 0,
    sizesUnknown: 0,
    sizesCut: 0,
    served: 0,
    bytesRead: 0,
    troubles: [],
    fromMs: Number.NaN,
    toMs: Number.NaN,
  };
}

/** Counts a line that could not be read; the first of a reason is remembered. */
export function countUnreadable(
  report: ImportReport,
  reason: UnreadableReason,
  where: { readonly file: string; readonly line: number; readonly text: () => string },
): void {
  const known = report.unreadable.get(reason);
  if (known !== undefined) known.count += 1;
  else report.unreadable.set(reason, { count: 1, file: where.file, line: where.line, text: where.text() });
}

const EXCERPT_CHARS = 100;
/** Longest part of a line that is looked at: what is behind it is not shown. */
const LOOKED_AT_CHARS = 1024;

/** What names of fields have that hold credentials. */
const SECRET_NAME =
  '[\\w.-]*(?:token|key|secret|passw|pwd|auth|cookie|sign|sig\\b|session|credential)[\\w.-]*';
/** `"token": "..."` as in JSON, and `"a": "..."` without its end; an escaped quote is a part of it. */
const JSON_SECRET = new RegExp(`("${SECRET_NAME}"\\s*:\\s*)(?:"(?:[^"\\\\]|\\\\.)*"?|[^\\s,}"]+)`, 'gi');
/** `token: ...`, as headers are written. */
const HEADER_SECRET = new RegExp(`\\b(${SECRET_NAME}\\s*:\\s*)[^\\s",;|]+`, 'gi');
/** Runs of characters as in tokens and digests. A path is no run: slashes end it. */
const RUN = /[\w+~-]{20,}={0,2}/g;

/**
 * A line to be shown to an operator: printable, short, and without what could be a secret: values of parameters and cookies,
 * credentials, values of fields that are called so, and long values that mean nothing to people.
 */
export function excerpt(bytes: Uint8Array, from: number, to: number): string {
  const length = Math.max(0, Math.min(to - from, LOOKED_AT_CHARS));
  const text = latin1(bytes, from, from + length)
    .replace(JSON_SECRET, '$1"..."')
    .replace(/(bearer|basic)\s+[\w.~+/=-]+/gi, '$1 ...')
    .replace(HEADER_SECRET, '$1...')
    .replace(/\?[^\s"]*/g, '?...')
    .replace(/=[^\s"&;,|]+/g, '=...')
    .replace(/\/\/[^\s"/@]+@/g, '//...@')
    .replace(RUN, masked)
    .replace(/[^\x20-\x7e]/g, '.');
  return text.length > EXCERPT_CHARS ? `${text.slice(0, EXCERPT_CHARS)}...` : text;
}

/** Long, with digits among letters: that is no word and no date. */
function masked(run: string): string {
  const isOpaque = /[A-Za-z]/.test(run) && /\d/.test(run) && !/^\d{4}-\d\d-\d\dT/.test(run);
  return isOpaque ? '...' : run;
}
