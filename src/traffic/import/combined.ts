import {
  BACKSLASH,
  closingQuote,
  find,
  HYPHEN,
  latin1,
  QUOTE,
  readDecimal,
  readInteger,
  SPACE,
  unescaped,
} from './bytes.ts';
import type { FieldMap } from './field-map.ts';
import { clearLine, type Line, type LineParser, point, type UnreadableReason } from './line.ts';
import { TimeReader } from './time.ts';
import { outcomeOf } from './words.ts';

/**
 * The common and combined log formats of nginx, Apache httpd, varnishncsa and many others:
 *
 *     host ident user [day/Mon/year:h:m:s zone] "request" status bytes "referer" "user agent" ...
 *
 * What follows the bytes may be missing. Behind the user agent, or behind the bytes where nothing is quoted, may be more: a word
 * for how the cache served is known by itself, and so are times of the origin that say what they are (`urt=0.003`); others are
 * named by {@link FieldMap}, by their place: 1 is the first field behind the user agent.
 */
export class CombinedParser implements LineParser {
  readonly #time = new TimeReader();
  readonly #fields: FieldMap;
  /** Fields are named by place: words are not looked for. */
  readonly #named: boolean;

  constructor(fields: FieldMap) {
    this.#fields = fields;
    this.#named = fields.size > 0;
  }

  parse(bytes: Uint8Array, from: number, to: number, line: Line): UnreadableReason | 'skip' | undefined {
    const bracket = timeAt(bytes, from, to);
    if (bracket < 0) return 'format';
    const close = find(bytes, 0x5d, bracket, Math.min(to, bracket + 48));
    if (close < 0) return 'format';
    clearLine(line);
    line.timeMs = this.#time.common(bytes, bracket + 1, close);
    if (Number.isNaN(line.timeMs)) return 'time';
    readVirtualHost(bytes, from, bracket, line);
    if (bytes[close + 1] !== SPACE || bytes[close + 2] !== QUOTE || close + 3 >= to) return 'format';
    const quote = closingQuote(bytes, close + 3, to);
    if (quote < 0) return 'format';
    const status = readInteger(bytes, quote + 2, quote + 5);
    if (quote + 5 > to || bytes[quote + 1] !== SPACE) return 'format';
    if (status < 100 || status > 599) return 'status';
    line.status = status;
    const sizeAt = quote + 6;
    let rest = to;
    if (sizeAt < to) {
      const space = find(bytes, SPACE, sizeAt, to);
      rest = space < 0 ? to : space;
      const isNothing = bytes[sizeAt] === HYPHEN && rest === sizeAt + 1;
      line.sizeBytes = isNothing ? 0 : readInteger(bytes, sizeAt, rest);
      if (line.sizeBytes < 0) return 'size';
    }
    const trouble = readRequest(bytes, close + 3, quote, line);
    if (trouble !== undefined) return trouble;
    this.#readRest(bytes, rest, to, line);
    return undefined;
  }

  /** What follows the bytes. Nothing in it can make a line unreadable. */
  #readRest(bytes: Uint8Array, from: number, to: number, line: Line): void {
    let at = from + 1;
    let quoted = 0;
    let place = 0;
    while (at < to) {
      if (bytes[at] === SPACE) {
        at += 1;
        continue;
      }
      let end: number;
      if (bytes[at] === QUOTE) {
        end = closingQuote(bytes, at + 1, to);
        if (end < 0) return;
        quoted += 1;
        // Referer and user agent, which may hold any words.
        if (quoted > 2 || place > 0) {
          place += 1;
          this.#readExtra(bytes, at + 1, end, place, line);
        }
        at = end + 1;
        continue;
      }
      end = find(bytes, SPACE, at, to);
      // `0.020, 0.100`: a list is one field.
      while (end > at && bytes[end - 1] === COMMA) end = find(bytes, SPACE, end + 1, to);
      if (end < 0) end = to;
      if (quoted !== 1) {
        place += 1;
        this.#readExtra(bytes, at, end, place, line);
      }
      at = end + 1;
    }
  }

  #readExtra(bytes: Uint8Array, from: number, to: number, place: number, line: Line): void {
    if (to <= from) return;
    const equals = find(bytes, 0x3d, from, Math.min(to, from + 24));
    let valueAt = equals + 1 || from;
    let valueEnd = to;
    // `cs="HIT"`
    if (equals >= 0 && bytes[valueAt] === QUOTE) {
      valueAt += 1;
      valueEnd -= bytes[to - 1] === QUOTE ? 1 : 0;
    }
    if (this.#named) {
      const role = this.#fields.roleAt(place);
      if (role !== undefined) {
        this.#fields.see(role);
        this.#fields.apply(role, latin1(bytes, valueAt, valueEnd), line);
      }
      return;
    }
    const letter = bytes[valueAt]! | 0x20;
    if (letter >= 0x61 && letter <= 0x7a) {
      if (valueEnd - valueAt <= 40) line.outcome ??= outcomeOf(latin1(bytes, valueAt, valueEnd));
    } else if (equals >= 0 && ORIGIN_LABEL.test(latin1(bytes, from, equals))) {
      const seconds = readDecimal(bytes, valueAt, valueEnd);
      if (seconds >= 0) line.originMs = seconds * 1000;
    }
  }
}

const COMMA = 0x2c;

/** How nginx's `$upstream_response_time` or `$upstream_header_time` is labelled in practice; seconds. */
const ORIGIN_LABEL = /^(?:urt|uht|upstream_(?:response|header)_time|upstream_time|ttfb_origin)$/i;

/** The bracket of the time: `[10/Oct/2000:`. What is before it may hold brackets and spaces. */
function timeAt(bytes: Uint8Array, from: number, to: number): number {
  for (let at = from; at < to - 22; at += 1) {
    if (bytes[at] !== 0x5b) continue;
    if (bytes[at + 3] === 0x2f && bytes[at + 7] === 0x2f && bytes[at + 12] === 0x3a) return at;
  }
  return -1;
}

/** `img.example.com:443 203.0.113.9 - - [`: the format `vhost_combined` of Debian's httpd has one field more in front. */
function readVirtualHost(bytes: Uint8Array, from: number, to: number, line: Line): void {
  const first = find(bytes, SPACE, from, to);
  if (first < 0) return;
  let spaces = 1;
  for (let at = first + 1; at < to; at += 1) if (bytes[at] === SPACE) spaces += 1;
  if (spaces !== 4) return;
  const colon = find(bytes, 0x3a, from, first);
  if (colon > from && readInteger(bytes, colon + 1, first) >= 0) point(line.host, bytes, from, colon);
}

/** `GET /a.jpg HTTP/1.1`, between its quotes. */
function readRequest(bytes: Uint8Array, from: number, to: number, line: Line): UnreadableReason | undefined {
  let source = bytes;
  let at = from;
  let end = to;
  if (find(bytes, BACKSLASH, from, to) >= 0) {
    source = unescaped(bytes, from, to);
    at = 0;
    end = source.length;
  }
  const method = find(source, SPACE, at, Math.min(end, at + 32));
  if (method < 0) return 'request';
  line.method = methodOf(source, at, method);
  if (line.method === 'other') return isWord(source, at, method) ? undefined : 'request';
  // The protocol is behind the last space; HTTP/0.9 has none.
  let last = end;
  for (let i = end - 1; i > method && i > end - 12; i -= 1) {
    if (source[i] === SPACE) {
      last = i;
      break;
    }
  }
  if (last < end && source[last + 1] !== 0x48) last = end;
  if (last <= method + 1) return 'request';
  point(line.target, source, method + 1, last);
  return undefined;
}

/** Which of the methods that matter it is. */
export function methodOf(bytes: Uint8Array, from: number, to: number): Line['method'] {
  if (to - from === 3 && bytes[from] === 0x47 && bytes[from + 1] === 0x45 && bytes[from + 2] === 0x54)
    return 'GET';
  const isHead =
    to - from === 4 &&
    bytes[from] === 0x48 &&
    bytes[from + 1] === 0x45 &&
    bytes[from + 2] === 0x41 &&
    bytes[from + 3] === 0x44;
  return isHead ? 'HEAD' : 'other';
}

function isWord(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) {
    const letter = bytes[at]! & 0xdf;
    if ((letter < 0x41 || letter > 0x5a) && bytes[at] !== HYPHEN) return false;
  }
  return to > from;
}
