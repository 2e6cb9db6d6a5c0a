import { closingQuote, find, latin1, percentDecoded, QUOTE, readInteger, SPACE, unescaped } from './bytes.ts';
import { methodOf } from './combined.ts';
import { clearLine, type Line, type LineParser, point, spanText, type UnreadableReason } from './line.ts';
import { TimeReader } from './time.ts';

/** Places of the fields (Amazon S3 User Guide, "Amazon S3 server access log format"), from 0; the time in brackets is one. */
const FIELD = {
  bucket: 1,
  time: 2,
  operation: 6,
  key: 7,
  request: 8,
  status: 9,
  sent: 11,
  objectSize: 12,
  turnAround: 14,
  host: 22,
} as const;
const FIELDS_MIN = 13;
const FIELDS_MAX = 32;

/** Amazon S3 server access logs. The bucket is the origin: its turn-around time is the origin's. */
export class S3LogParser implements LineParser {
  readonly #time = new TimeReader();
  readonly #from = new Int32Array(FIELDS_MAX);
  readonly #to = new Int32Array(FIELDS_MAX);

  parse(bytes: Uint8Array, from: number, to: number, line: Line): UnreadableReason | 'skip' | undefined {
    clearLine(line);
    const count = this.#split(bytes, from, to);
    if (count < FIELDS_MIN) return 'format';
    const [fromOf, toOf] = [this.#from, this.#to];
    line.timeMs = this.#time.common(bytes, fromOf[FIELD.time]!, toOf[FIELD.time]!);
    if (Number.isNaN(line.timeMs)) return 'time';
    const integer = (at: number): number => readInteger(bytes, fromOf[at]!, toOf[at]!);
    // Copies and lifecycle actions have no status, and are nobody's request.
    line.method = this.#method(bytes);
    if (line.method === 'other') return undefined;
    line.status = integer(FIELD.status);
    if (line.status < 100 || line.status > 599) return 'status';
    const objectSize = integer(FIELD.objectSize);
    line.whole = objectSize >= 0 && line.status < 400;
    line.sizeBytes = line.whole ? objectSize : Math.max(0, integer(FIELD.sent));
    if (count > FIELD.turnAround) line.originMs = integer(FIELD.turnAround);
    return this.#readTarget(bytes, count, line);
  }

  /** `REST.GET.OBJECT`, `WEBSITE.HEAD.OBJECT` and the like; listings and other operations are none of ours. */
  #method(bytes: Uint8Array): Line['method'] {
    const from = this.#from[FIELD.operation]!;
    const to = this.#to[FIELD.operation]!;
    const dot = find(bytes, 0x2e, from, to);
    const second = dot < 0 ? -1 : find(bytes, 0x2e, dot + 1, to);
    if (second < 0 || to - second !== 7 || bytes[second + 1] !== 0x4f) return 'other';
    return methodOf(bytes, dot + 1, second);
  }

  #readTarget(bytes: Uint8Array, count: number, line: Line): UnreadableReason | undefined {
    const from = this.#from[FIELD.request]!;
    const to = this.#to[FIELD.request]!;
    const request = find(bytes, 0x5c, from, to) < 0 ? bytes.subarray(from, to) : unescaped(bytes, from, to);
    const start = find(request, SPACE, 0, request.length);
    if (start < 0) return this.#targetOfKey(bytes, line);
    const end = find(request, SPACE, start + 1, request.length);
    point(line.target, request, start + 1, end < 0 ? request.length : end);
    const bucket = latin1(bytes, this.#from[FIELD.bucket]!, this.#to[FIELD.bucket]!);
    if (count > FIELD.host) point(line.host, bytes, this.#from[FIELD.host]!, this.#to[FIELD.host]!);
    // `/bucket/photo.jpg` of the one style and `/photo.jpg` of the other are one object.
    const isVirtual = spanText(line.host).startsWith(`${bucket}.`);
    if (!isVirtual && spanText(line.target).startsWith(`/${bucket}/`)) line.target.from += bucket.length + 1;
    return undefined;
  }

  #targetOfKey(bytes: Uint8Array, line: Line): UnreadableReason | undefined {
    const key = percentDecoded(bytes, this.#from[FIELD.key]!, this.#to[FIELD.key]!);
    if (key.length === 0 || (key.length === 1 && key[0] === 0x2d)) return 'request';
    const target = new Uint8Array(key.length + 1);
    target[0] = 0x2f;
    target.set(key, 1);
    point(line.target, target, 0, target.length);
    return undefined;
  }

  /** Fields are parted by spaces; a time in brackets and quoted text hold some. @returns how many there are. */
  #split(bytes: Uint8Array, from: number, to: number): number {
    let count = 0;
    let at = from;
    while (at < to && count < FIELDS_MAX) {
      let start = at;
      let end: number;
      if (bytes[at] === QUOTE) {
        start += 1;
        end = closingQuote(bytes, start, to);
      } else if (bytes[at] === 0x5b) {
        start += 1;
        end = find(bytes, 0x5d, start, to);
      } else {
        end = find(bytes, SPACE, at, to);
        if (end < 0) end = to;
      }
      if (end < 0) return 0;
      this.#from[count] = start;
      this.#to[count] = end;
      count += 1;
      at = end === to || bytes[end] === SPACE ? end + 1 : end + 2;
    }
    return count;
  }
}
