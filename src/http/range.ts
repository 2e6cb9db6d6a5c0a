import { sameStrongly } from './conditional.ts';
import { parseHttpDate } from './date.ts';

/** One satisfiable range: first and last byte position, both inclusive. */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

/** More are answered with the whole body. */
const RANGES_MAX = 16;

/**
 * As {@link parseRange}, also for several ranges (RFC 9110 section 14.2), which come back in the order in which they were asked for,
 * without those beyond the end. `'ignore'` too when there are more than 16, or when any two overlap: what such a request
 * costs is out of all proportion to what it may want (section 17.15).
 */
export function parseRanges(
  value: string,
  bodyBytes: number,
): readonly ByteRange[] | 'ignore' | 'unsatisfiable' {
  const specs = value.split(',', RANGES_MAX + 1);
  if (specs.length === 1) {
    const single = parseRange(value, bodyBytes);
    return typeof single === 'string' ? single : [single];
  }
  if (specs.length > RANGES_MAX) return 'ignore';
  const ranges: ByteRange[] = [];
  for (const [index, spec] of specs.entries()) {
    const range = parseRange(index === 0 ? spec : `bytes=${spec}`, bodyBytes);
    if (range === 'ignore') return 'ignore';
    if (range === 'unsatisfiable') continue;
    if (ranges.some(({ from, to }) => range.from <= to && from <= range.to)) return 'ignore';
    ranges.push(range);
  }
  return ranges.length === 0 ? 'unsatisfiable' : ranges;
}

/**
 * Reads a Range field for a body of `bodyBytes` bytes (RFC 9110 sections 14.1 and 14.2).
 *
 * - `'ignore'`: answer with the whole body. For anything malformed, other units, and several ranges.
 * - `'unsatisfiable'`: answer 416. Positions beyond 2^53 are simply beyond the end.
 */
export function parseRange(
  value: string | undefined,
  bodyBytes: number,
): ByteRange | 'ignore' | 'unsatisfiable' {
  if (value === undefined) return 'ignore';
  const m = SINGLE_RANGE.exec(value);
  if (m === null) return 'ignore';
  const first = m[1]!;
  const last = m[2]!;
  if (first === '') {
    if (last === '') return 'ignore';
    const suffixBytes = Number(last);
    if (suffixBytes === 0) return 'unsatisfiable';
    if (bodyBytes === 0) return 'ignore';
    return { from: Math.max(0, bodyBytes - suffixBytes), to: bodyBytes - 1 };
  }
  const from = Number(first);
  if (last !== '' && isBelow(last, first)) return 'ignore';
  if (from >= bodyBytes) return 'unsatisfiable';
  return { from, to: last === '' ? bodyBytes - 1 : Math.min(Number(last), bodyBytes - 1) };
}

/**
 * Whether If-Range lets a Range be applied to the stored response (RFC 9110 section 13.1.5): a strong entity-tag
 * match, or the exact Last-Modified when that is a strong validator, that is a second or more before `date`
 * (section 8.8.2.2). All arguments are field values of the stored response, except `value`.
 */
export function ifRangeAllows(
  value: string | undefined,
  etag: string | undefined,
  lastModified: string | undefined,
  date: string | undefined,
): boolean {
  if (value === undefined) return true;
  if (value.startsWith('"') || value.startsWith('W/')) return etag !== undefined && sameStrongly(value, etag);
  const wantedS = parseHttpDate(value);
  const modifiedS = parseHttpDate(lastModified);
  const dateS = parseHttpDate(date);
  if (wantedS === undefined || modifiedS === undefined || dateS === undefined) return false;
  return wantedS === modifiedS && dateS - modifiedS >= 1;
}

/** Linear: the only repetitions are over digits, split by `-`. */
const SINGLE_RANGE = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i;

/** Compares digit strings of any length as numbers, without losing the low digits of huge ones. */
function isBelow(a: string, b: string): boolean {
  const x = a.replace(/^0+/, '');
  const y = b.replace(/^0+/, '');
  return x.length === y.length ? x < y : x.length < y.length;
}
