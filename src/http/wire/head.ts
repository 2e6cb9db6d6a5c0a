import { Fields } from '../fields.ts';
import { type Malformed, malformed, type Problem } from './problem.ts';

/**
 * Message heads of HTTP/1.1 and HTTP/1.0 (RFC 9112 sections 2 to 5), strictly: what RFC 9112 lets a recipient
 * tolerate (bare LF, folded lines, white space before a colon) is refused, because two recipients that tolerate
 * differently are how requests are smuggled.
 *
 * One latin1 string per head, one regular expression to validate it, then slices. The slices share the head's
 * memory: copy what is to be kept for long.
 */

/** Bounds of a head. What is above them is malformed, never truncated. */
export interface HeadLimits {
  /** Start line and fields together, with the empty line, in bytes. */
  readonly maxBytes: number;
  readonly maxFields: number;
}

export interface RequestHeadLimits extends HeadLimits {
  /** The request target, in bytes. */
  readonly maxTargetBytes: number;
}

/** What browsers and proxies stay well within; RFC 9112 section 3 asks for request lines of at least 8,000 bytes. */
export const DEFAULT_HEAD_LIMITS: RequestHeadLimits = {
  maxBytes: 16 * 1024,
  maxFields: 100,
  maxTargetBytes: 8 * 1024,
};

export interface RequestHead {
  readonly kind: 'request';
  /** As sent; case-sensitive. Never TRACE or CONNECT. */
  readonly method: string;
  /** In origin-form (an absolute-form target was split), or `*` with OPTIONS. Visible ASCII without `#`. */
  readonly target: string;
  /** Lower-case, with its port if one was sent. Empty only when an HTTP/1.0 request named no host. */
  readonly authority: string;
  /** Minor version: 0, or 1 for everything above (RFC 9110 section 2.5). */
  readonly version: 0 | 1;
  readonly fields: Fields;
  /** Bytes from `start` to the first byte behind the head. */
  readonly headBytes: number;
}

export interface ResponseHead {
  readonly kind: 'response';
  /** 100 to 599. */
  readonly status: number;
  readonly reason: string;
  readonly version: 0 | 1;
  readonly fields: Fields;
  readonly headBytes: number;
}

/** Well-formed so far; ask again with more bytes. */
export interface Incomplete {
  readonly kind: 'incomplete';
}

const INCOMPLETE: Incomplete = Object.freeze({ kind: 'incomplete' });

const TCHAR = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]"; // RFC 9110 section 5.6.2
const FIELD_LINES = `(?:${TCHAR}+:[\\t\\x20-\\x7e\\x80-\\xff]*\\r\\n)*\\r\\n`; // RFC 9112 section 5
const REQUEST = new RegExp(`^${TCHAR}+ [\\x21\\x22\\x24-\\x7e]+ HTTP/1\\.[0-9]\\r\\n${FIELD_LINES}`);
// Reasons are optional, and so, in practice, is the space before an absent one.
const RESPONSE = new RegExp(
  `^HTTP/1\\.[0-9] [1-5][0-9][0-9](?: [\\t\\x20-\\x7e\\x80-\\xff]*)?\\r\\n${FIELD_LINES}`,
);
const FIELD_LINE = new RegExp(`^${TCHAR}+:`);
const AUTHORITY = /^(?:[a-z0-9._~-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?$/;
const TOKEN_START = new RegExp(`^${TCHAR}`);
const CR = 13;
const LF = 10;
const SPACE = 32;
const TAB = 9;

/**
 * Parses a request head (RFC 9112 sections 3 and 5) out of `buf[start, end)`. One empty line before it is skipped
 * (section 2.2). How the input is split into calls never changes the result. Linear in `end - start`, up to
 * `limits.maxBytes`.
 */
export function parseRequestHead(
  buf: Buffer,
  start: number,
  end: number,
  limits: RequestHeadLimits,
): RequestHead | Incomplete | Malformed {
  const skipped = end - start >= 2 && buf[start] === CR && buf[start + 1] === LF ? 2 : 0;
  if (end - start < 2 && buf[start] === CR) return INCOMPLETE;
  const text = headText(buf, start + skipped, end, limits);
  const emptyAt = text.indexOf('\r\n\r\n');
  if (emptyAt < 0) return unfinished(text, limits) ?? INCOMPLETE;
  if (!REQUEST.test(text)) return malformed(requestProblem(text, emptyAt));

  const lineEnd = text.indexOf('\r\n');
  const methodEnd = text.indexOf(' ');
  const method = text.slice(0, methodEnd);
  const rawTarget = text.slice(methodEnd + 1, lineEnd - 9);
  if (rawTarget.length > limits.maxTargetBytes) return malformed('target-too-long');
  if (method === 'CONNECT' || method === 'TRACE') return malformed('method');
  const fields = readFields(text, lineEnd + 2, emptyAt + 2, limits.maxFields);
  if (fields === undefined) return malformed('too-many-fields');
  const version = text.charCodeAt(lineEnd - 1) === 0x30 ? 0 : 1;
  const host = hostOf(fields, version);
  if (host.problem !== undefined) return malformed(host.problem);
  let target = rawTarget;
  let authority = host.authority;
  if (rawTarget.charCodeAt(0) !== 0x2f) {
    const split = splitTarget(rawTarget, method, authority);
    if (split === undefined) return malformed('target');
    ({ target, authority } = split);
  }
  if (authority !== '' && !AUTHORITY.test(authority)) return malformed('host');
  return { kind: 'request', method, target, authority, version, fields, headBytes: skipped + emptyAt + 4 };
}

/** Parses a response head (RFC 9112 sections 4 and 5) out of `buf[start, end)`; as {@link parseRequestHead}. */
export function parseResponseHead(
  buf: Buffer,
  start: number,
  end: number,
  limits: HeadLimits,
): ResponseHead | Incomplete | Malformed {
  const text = headText(buf, start, end, limits);
  const emptyAt = text.indexOf('\r\n\r\n');
  if (emptyAt < 0) return unfinished(text, limits) ?? INCOMPLETE;
  if (!RESPONSE.test(text)) return malformed(responseProblem(text, emptyAt));
  const lineEnd = text.indexOf('\r\n');
  const fields = readFields(text, lineEnd + 2, emptyAt + 2, limits.maxFields);
  if (fields === undefined) return malformed('too-many-fields');
  return {
    kind: 'response',
    status: Number(text.slice(9, 12)),
    reason: text.slice(13, Math.max(13, lineEnd)),
    version: text.charCodeAt(7) === 0x30 ? 0 : 1,
    fields,
    headBytes: emptyAt + 4,
  };
}

function headText(buf: Buffer, start: number, end: number, limits: HeadLimits): string {
  return buf.toString('latin1', start, Math.min(end, start + limits.maxBytes));
}

/** The field lines between `at` and `end`, already validated; undefined when there are more than allowed. */
function readFields(text: string, at: number, end: number, maxFields: number): Fields | undefined {
  const lower = text.toLowerCase(); // one pass over the head; keeps the length of every latin1 character
  const flat: string[] = [];
  while (at < end) {
    if (flat.length === 2 * maxFields) return undefined;
    const colon = text.indexOf(':', at);
    const lineEnd = text.indexOf('\r\n', colon);
    let from = colon + 1;
    let to = lineEnd;
    while (from < to && isBlank(text.charCodeAt(from))) from += 1;
    while (to > from && isBlank(text.charCodeAt(to - 1))) to -= 1;
    flat.push(lower.slice(at, colon), text.slice(from, to));
    at = lineEnd + 2;
  }
  return new Fields(flat);
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

/** RFC 9112 section 3.2: exactly one Host in 1.1, at most one in 1.0. */
function hostOf(fields: Fields, version: 0 | 1): { authority: string; problem: Problem | undefined } {
  const { flat } = fields;
  let authority: string | undefined;
  for (let i = 0; i < flat.length; i += 2) {
    if (flat[i] !== 'host') continue;
    if (authority !== undefined) return { authority, problem: 'host-repeated' };
    authority = flat[i + 1]!.toLowerCase();
  }
  if (authority === undefined) return { authority: '', problem: version === 1 ? 'host-missing' : undefined };
  return { authority, problem: authority === '' ? 'host' : undefined };
}

/** Asterisk-form and absolute-form (RFC 9112 section 3.2): the target's authority has precedence over Host. */
function splitTarget(
  target: string,
  method: string,
  host: string,
): { target: string; authority: string } | undefined {
  if (target === '*') return method === 'OPTIONS' ? { target, authority: host } : undefined;
  const scheme = /^https?:\/\//i.exec(target);
  if (scheme === null) return undefined;
  const rest = target.slice(scheme[0].length);
  const authorityEnd = rest.search(/[/?]/);
  const authority = (authorityEnd < 0 ? rest : rest.slice(0, authorityEnd)).toLowerCase();
  if (!AUTHORITY.test(authority)) return undefined;
  const path = authorityEnd < 0 ? '' : rest.slice(authorityEnd);
  return { target: path.startsWith('/') ? path : `/${path}`, authority };
}

/**
 * What can be said of a head whose end is not there yet. Only what no further byte can change, and what a complete
 * head would be told as well, so that the result does not depend on how the input was split.
 */
function unfinished(text: string, limits: HeadLimits): Malformed | undefined {
  if (text !== '' && !TOKEN_START.test(text)) return malformed('start-line');
  if (hasBareLf(text, text.length)) return malformed('bare-lf');
  if (text.length < limits.maxBytes) return undefined;
  return malformed(text.includes('\r\n') ? 'head-too-large' : 'target-too-long');
}

function hasBareLf(text: string, end: number): boolean {
  for (let at = text.indexOf('\n'); at >= 0 && at < end; at = text.indexOf('\n', at + 1)) {
    if (at === 0 || text.charCodeAt(at - 1) !== CR) return true;
  }
  return false;
}

function requestProblem(text: string, emptyAt: number): Problem {
  if (!TOKEN_START.test(text)) return 'start-line';
  if (hasBareLf(text, emptyAt)) return 'bare-lf';
  const lineEnd = text.indexOf('\r\n');
  const line = new RegExp(`^${TCHAR}+ ([^ ]+) HTTP/([0-9]+\\.[0-9]+)$`, 's').exec(text.slice(0, lineEnd));
  if (line === null) return 'start-line';
  if (!/^1\.[0-9]$/.test(line[2]!)) return 'version';
  if (!/^[\x21\x22\x24-\x7e]+$/.test(line[1]!)) return 'target';
  return fieldProblem(text.slice(lineEnd + 2, emptyAt));
}

function responseProblem(text: string, emptyAt: number): Problem {
  if (!TOKEN_START.test(text)) return 'start-line';
  if (hasBareLf(text, emptyAt)) return 'bare-lf';
  const lineEnd = text.indexOf('\r\n');
  const line = text.slice(0, lineEnd);
  if (!RESPONSE.test(`${line}\r\n\r\n`))
    return /^HTTP\/(?!1\.)[0-9.]+ /.test(line) ? 'version' : 'start-line';
  return fieldProblem(text.slice(lineEnd + 2, emptyAt));
}

function fieldProblem(fieldLines: string): Problem {
  for (const line of fieldLines.split('\r\n')) {
    if (isBlank(line.charCodeAt(0))) return 'obs-fold';
    if (!FIELD_LINE.test(line)) return 'field-line';
  }
  return 'field-value'; // the lines are fine but for their values
}
