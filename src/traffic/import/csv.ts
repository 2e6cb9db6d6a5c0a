import { CSV_HEADER } from '../export.ts';
import { find, latin1, numberOf, QUOTE } from './bytes.ts';
import { FIELD_ROLES, FieldMap, type FieldRole, UNIT_MS } from './field-map.ts';
import {
  clearLine,
  type Line,
  type LineParser,
  type OwnRow,
  point,
  pointText,
  type UnreadableReason,
} from './line.ts';
import { TimeReader, timeOf } from './time.ts';
import { outcomeOf } from './words.ts';

const COLUMNS_MAX = 64;

/** What columns are called, besides the words of {@link FieldRole} themselves. */
const SYNONYMS: Readonly<Record<string, FieldRole>> = {
  timestamp: 'time',
  ts: 'time',
  date: 'time',
  datetime: 'time',
  url: 'path',
  uri: 'path',
  object: 'key',
  id: 'key',
  obj_id: 'key',
  size_bytes: 'size',
  bytes: 'size',
  body_bytes: 'size',
  outcome: 'cache',
  cache_status: 'cache',
  content_type: 'type',
  status_code: 'status',
};

/** Columns in their places, and what parts them. */
export interface CsvHeader {
  readonly separator: number;
  /** By role, the column from 0. */
  readonly columns: ReadonlyMap<FieldRole, number>;
  /** The first line names the columns. */
  readonly named: boolean;
  /** It is the header of a record that was exported. */
  readonly own: OwnColumns | undefined;
}

/**
 * Finds out what the columns of a table are, by its first line and what the operator said.
 *
 * @returns undefined when there is no column for a time and one for a key or a path.
 */
export function csvHeader(first: string, fields: FieldMap): CsvHeader | undefined {
  const separator = ['\t', ';', ','].find((one) => first.includes(one)) ?? ',';
  const names = first
    .replace(/^\ufeff|^\u00ef\u00bb\u00bf/, '')
    .trim()
    .split(separator)
    .map((name) => name.trim().replace(/^"|"$/g, '').toLowerCase());
  const columns = new Map<FieldRole, number>();
  // Cells like "1" or "url" may stand in a row of data too: the time that the operator points at tells them apart.
  const named = !startsWithData(names, fields);
  for (const [at, name] of named ? names.entries() : []) {
    const role = SYNONYMS[name] ?? FIELD_ROLES.find((one) => one === name);
    if (role !== undefined && !columns.has(role)) columns.set(role, at);
  }
  const isHeader =
    columns.size > 0 ||
    FIELD_ROLES.some((role) => nameGiven(role, fields) !== '' && names.includes(nameGiven(role, fields)));
  for (const role of FIELD_ROLES) {
    const given = fields.get(role);
    if (given === undefined) continue;
    const at = named && isHeader ? names.indexOf(given.toLowerCase()) : -1;
    const place = at >= 0 ? at : /^\d+$/.test(given) ? Number(given) - 1 : -1;
    // What is not there is not taken from a column of another name.
    if (place < 0 || place >= names.length) columns.delete(role);
    else {
      columns.set(role, place);
      fields.see(role);
    }
  }
  const hasTime = TIMES.some((role) => columns.has(role));
  const hasKey = columns.has('key') || columns.has('path');
  const fits = [...columns.values()].every((at) => at < COLUMNS_MAX);
  const own = first.trim() === CSV_HEADER.trim() ? new OwnColumns(names) : undefined;
  return hasTime && hasKey && fits
    ? { separator: separator.charCodeAt(0), columns, named: named && isHeader, own }
    : undefined;
}

/** Whether a time that is named by its place is one already in the first row. */
function startsWithData(cells: readonly string[], fields: FieldMap): boolean {
  const reader = new TimeReader();
  return TIMES.some((role) => {
    const cell = cells[Number(fields.get(role)) - 1];
    return cell !== undefined && !Number.isNaN(timeOf(cell, reader));
  });
}

/** The name of a column that was given for a role, in lower case; empty where it is a place, or nothing was given. */
function nameGiven(role: FieldRole, fields: FieldMap): string {
  const given = fields.get(role) ?? '';
  return /^\d+$/.test(given) ? '' : given.toLowerCase();
}

const TIMES = ['time_s', 'time_ms', 'time_us', 'time_ns', 'time'] as const;

/** The columns of an exported record that only records have. */
class OwnColumns {
  readonly #places: ReadonlyMap<string, number>;

  constructor(names: readonly string[]) {
    this.#places = new Map(names.map((name, at) => [name, at]));
  }

  /** @returns undefined when the key is no hash. */
  read(text: (at: number) => string): OwnRow | undefined {
    const of = (name: string): string => text(this.#places.get(name)!);
    const key = of('key');
    if (!/^[0-9a-f]{16}$/i.test(key)) return undefined;
    const lifetime = of('lifetime_s');
    return {
      route: of('route'),
      keyLo: Number.parseInt(key.slice(8), 16),
      keyHi: Number.parseInt(key.slice(0, 8), 16),
      variant: of('variant') === '1',
      internal: of('internal') === '1',
      besideBytes: Math.max(0, numberOf(of('beside_bytes'))),
      lifetimeS: lifetime === '' ? undefined : Math.max(0, numberOf(lifetime)),
    };
  }
}

/** Tables with a column for the time and one for the key, or the path, and others that are known by their names. */
export class CsvParser implements LineParser {
  readonly #time = new TimeReader();
  readonly #header: CsvHeader;
  readonly #timeAt: number;
  readonly #timeUnitMs: number | undefined;
  readonly #keyAt: number;
  readonly #sizeAt: number;
  /** The other columns. */
  readonly #others: readonly (readonly [role: FieldRole, at: number])[];
  readonly #from = new Int32Array(COLUMNS_MAX);
  readonly #to = new Int32Array(COLUMNS_MAX);
  readonly #map = new FieldMap();
  readonly #own: OwnColumns | undefined;
  #first: boolean;

  constructor(header: CsvHeader) {
    const { columns } = header;
    this.#header = header;
    this.#first = header.named;
    this.#own = header.own;
    const time = TIMES.find((role) => columns.has(role))!;
    this.#timeAt = columns.get(time)!;
    this.#timeUnitMs = UNIT_MS[time.slice(5)];
    this.#keyAt = columns.get('path') ?? columns.get('key')!;
    this.#sizeAt = columns.get('size') ?? COLUMNS_MAX;
    const known: ReadonlySet<FieldRole> = new Set([time, 'path', 'key', 'size']);
    this.#others = [...columns].filter(([role]) => !known.has(role));
  }

  parse(bytes: Uint8Array, from: number, to: number, line: Line): UnreadableReason | 'skip' | undefined {
    if (this.#first) {
      this.#first = false;
      return 'skip';
    }
    const count = this.#split(bytes, from, to);
    if (count <= Math.max(this.#timeAt, this.#keyAt)) return 'format';
    clearLine(line);
    line.timeMs = this.#readTime(bytes);
    if (Number.isNaN(line.timeMs)) return 'time';
    const keyAt = this.#from[this.#keyAt]!;
    const keyEnd = this.#to[this.#keyAt]!;
    if (keyEnd <= keyAt) return 'request';
    point(line.target, bytes, keyAt, keyEnd);
    // Names that are no paths are names all the same.
    line.named = bytes[keyAt] !== 0x2f && !this.#header.columns.has('path');
    if (this.#sizeAt < count) {
      const size = this.#text(bytes, this.#sizeAt);
      line.sizeBytes = size === '' || size === '-' ? -1 : numberOf(size);
      if (line.sizeBytes < 0 && size !== '' && size !== '-') return 'size';
      line.whole = line.sizeBytes >= 0;
    }
    if (this.#own !== undefined) {
      line.own = this.#own.read((at) => (at < count ? this.#text(bytes, at) : ''));
      if (line.own === undefined) return 'format';
    }
    for (const [role, at] of this.#others) {
      if (at >= count) continue;
      const trouble = this.#readOther(role, this.#text(bytes, at), line);
      if (trouble !== undefined) return trouble;
    }
    return undefined;
  }

  #readTime(bytes: Uint8Array): number {
    const text = this.#text(bytes, this.#timeAt);
    if (this.#timeUnitMs === undefined) return timeOf(text, this.#time);
    const value = Number(text);
    return text === '' ? Number.NaN : timeOf(value, this.#time, this.#timeUnitMs);
  }

  #readOther(role: FieldRole, text: string, line: Line): UnreadableReason | undefined {
    if (role === 'method')
      line.method = text === 'GET' || text === '' ? 'GET' : text === 'HEAD' ? 'HEAD' : 'other';
    else if (role === 'query') pointText(line.query, text);
    else if (role === 'cache') line.outcome = outcomeOf(text);
    else if (role === 'status') {
      if (text === '' || text === '-') return undefined;
      line.status = numberOf(text);
      if (!Number.isInteger(line.status) || line.status < 100 || line.status > 599) return 'status';
    } else this.#map.apply(role, text, line);
    return undefined;
  }

  #split(bytes: Uint8Array, from: number, to: number): number {
    const { separator } = this.#header;
    let count = 0;
    let at = from;
    while (at <= to && count < COLUMNS_MAX) {
      let start = at;
      let end: number;
      if (bytes[at] === QUOTE && at < to) {
        start += 1;
        end = find(bytes, QUOTE, start, to);
        // A doubled quote is one of the text.
        while (end >= 0 && end + 1 < to && bytes[end + 1] === QUOTE) end = find(bytes, QUOTE, end + 2, to);
        if (end < 0) return 0;
        const next = find(bytes, separator, end, to);
        at = (next < 0 ? to : next) + 1;
      } else {
        const next = find(bytes, separator, at, to);
        end = next < 0 ? to : next;
        at = end + 1;
      }
      this.#from[count] = start;
      this.#to[count] = end;
      count += 1;
    }
    return count;
  }

  #text(bytes: Uint8Array, column: number): string {
    const from = this.#from[column]!;
    return latin1(bytes, from, this.#to[column]!).trim();
  }
}
