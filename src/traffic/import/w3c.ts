import { find, HYPHEN, latin1, percentDecoded, readDecimal, readInteger, SPACE } from './bytes.ts';
import { methodOf } from './combined.ts';
import { isImageType } from './field-map.ts';
import { clearLine, type Line, type LineParser, point, type UnreadableReason } from './line.ts';
import { TimeReader } from './time.ts';
import { outcomeOf } from './words.ts';

const TAB = 0x09;
const COLUMNS_MAX = 64;

/** The columns of CloudFront's standard logs in their order, for a file whose header is missing. */
const CLOUDFRONT =
  'date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end';

/**
 * Logs with a `#Fields:` line (W3C Extended Log File Format), above all CloudFront's standard logs: parted by tabs, values encoded once
 * as in addresses, times in UTC.
 */
export class W3cParser implements LineParser {
  readonly #time = new TimeReader();
  readonly #from = new Int32Array(COLUMNS_MAX);
  readonly #to = new Int32Array(COLUMNS_MAX);
  #columns = columnsOf(CLOUDFRONT);

  parse(bytes: Uint8Array, from: number, to: number, line: Line): UnreadableReason | 'skip' | undefined {
    if (bytes[from] === 0x23) {
      this.#readHeader(bytes, from, to);
      return 'skip';
    }
    clearLine(line);
    const separator = find(bytes, TAB, from, to) < 0 ? SPACE : TAB;
    const count = this.#split(bytes, from, to, separator);
    const columns = this.#columns;
    if (columns.date >= count || columns.time >= count || columns.stem >= count || columns.status >= count)
      return 'format';
    line.timeMs = this.#time.apart(this.#text(bytes, columns.date), this.#text(bytes, columns.time));
    if (Number.isNaN(line.timeMs)) return 'time';
    line.method = this.#has(bytes, columns.method, count)
      ? methodOf(bytes, this.#from[columns.method]!, this.#to[columns.method]!)
      : 'GET';
    if (line.method === 'other') return undefined;
    line.status = readInteger(bytes, this.#from[columns.status]!, this.#to[columns.status]!);
    // 0 and 000: the client was gone before there was a status.
    if (line.status === 0) line.status = 499;
    if (line.status < 100 || line.status > 599) return 'status';
    if (!this.#has(bytes, columns.stem, count)) return 'request';
    this.#pointDecoded(bytes, columns.stem, line.target);
    if (this.#has(bytes, columns.query, count)) this.#pointDecoded(bytes, columns.query, line.query);
    const host = this.#has(bytes, columns.host, count) ? columns.host : columns.otherHost;
    if (this.#has(bytes, host, count)) point(line.host, bytes, this.#from[host]!, this.#to[host]!);
    this.#readServed(bytes, count, line);
    return undefined;
  }

  #readServed(bytes: Uint8Array, count: number, line: Line): void {
    const columns = this.#columns;
    const number = (at: number): number =>
      this.#has(bytes, at, count) ? readDecimal(bytes, this.#from[at]!, this.#to[at]!) : -1;
    const length = number(columns.length);
    line.sizeBytes = length >= 0 ? length : number(columns.bytes);
    if (this.#has(bytes, columns.type, count)) line.image = isImageType(this.#text(bytes, columns.type));
    if (!this.#has(bytes, columns.result, count)) return;
    const word = this.#text(bytes, columns.result);
    line.outcome = /^error$/i.test(word) ? (line.status >= 500 ? 'failed' : 'miss') : outcomeOf(word);
    const seconds = number(columns.firstByte);
    if (line.outcome === 'miss' && seconds >= 0) line.originMs = seconds * 1000;
  }

  #readHeader(bytes: Uint8Array, from: number, to: number): void {
    const text = latin1(bytes, from, Math.min(to, from + 8192));
    if (!/^#Fields:/i.test(text)) return;
    const columns = columnsOf(text.slice(text.indexOf(':') + 1).trim());
    if (columns.stem < COLUMNS_MAX && columns.status < COLUMNS_MAX) this.#columns = columns;
  }

  #split(bytes: Uint8Array, from: number, to: number, separator: number): number {
    let count = 0;
    let start = from;
    for (let at = from; at <= to && count < COLUMNS_MAX; at += 1) {
      if (at < to && bytes[at] !== separator) continue;
      this.#from[count] = start;
      this.#to[count] = at;
      count += 1;
      start = at + 1;
    }
    return count;
  }

  #has(bytes: Uint8Array, column: number, count: number): boolean {
    if (column >= count) return false;
    const from = this.#from[column]!;
    const length = this.#to[column]! - from;
    return length > 1 || (length === 1 && bytes[from] !== HYPHEN);
  }

  #text(bytes: Uint8Array, column: number): string {
    if (column >= COLUMNS_MAX) return '';
    return latin1(bytes, this.#from[column]!, this.#to[column]!);
  }

  #pointDecoded(bytes: Uint8Array, column: number, span: Line['target']): void {
    const from = this.#from[column]!;
    const to = this.#to[column]!;
    if (find(bytes, 0x25, from, to) < 0) point(span, bytes, from, to);
    else {
      const decoded = percentDecoded(bytes, from, to);
      point(span, decoded, 0, decoded.length);
    }
  }
}

/** Where the columns are that matter; {@link COLUMNS_MAX} for those that there are not. */
function columnsOf(
  names: string,
): Record<
  | 'date'
  | 'time'
  | 'method'
  | 'stem'
  | 'query'
  | 'host'
  | 'otherHost'
  | 'status'
  | 'bytes'
  | 'length'
  | 'type'
  | 'result'
  | 'firstByte',
  number
> {
  const all = names.toLowerCase().split(/[\s,]+/);
  const at = (name: string): number => {
    const found = all.indexOf(name);
    return found < 0 ? COLUMNS_MAX : Math.min(found, COLUMNS_MAX);
  };
  return {
    date: at('date'),
    time: at('time'),
    method: at('cs-method'),
    stem: at('cs-uri-stem'),
    query: at('cs-uri-query'),
    // CloudFront's cs(Host) is the name of the distribution; the client's is this one.
    host: at('x-host-header'),
    otherHost: at('cs(host)'),
    status: at('sc-status'),
    bytes: at('sc-bytes'),
    length: at('sc-content-len'),
    type: at('sc-content-type'),
    result: at('x-edge-result-type'),
    firstByte: at('time-to-first-byte'),
  };
}
