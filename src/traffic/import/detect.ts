import { MAGIC } from '../record/format.ts';
import { latin1 } from './bytes.ts';
import { CombinedParser } from './combined.ts';
import { CsvParser, csvHeader } from './csv.ts';
import type { FieldMap } from './field-map.ts';
import { JsonParser, looksLikeRequest, objectOf } from './json-log.ts';
import { emptyLine, type LineParser } from './line.ts';
import { archiveLike, looksLike } from './looks.ts';
import { looksLikeOracle, OracleReader } from './oracle-general.ts';
import { LineReader, type LineSink, type PieceReader } from './reader.ts';
import { S3LogParser } from './s3-log.ts';
import { EARLIEST_MS } from './time.ts';
import { W3cParser } from './w3c.ts';

/** What can be imported. `holdfast` is a record of our own. */
export const IMPORT_FORMATS = [
  'combined', // nginx, Apache httpd, varnishncsa: common and combined, with more behind it
  'cloudfront', // standard logs, and others with a #Fields line
  's3', // server access logs
  'json', // lines: Cloudflare Logpush, Fastly and others
  'csv', // with a header, or fields that are named by place
  'oracleGeneral', // of libCacheSim
  'holdfast', // .hft
] as const;
export type ImportFormat = (typeof IMPORT_FORMATS)[number];

/** Bytes of the beginning that are looked at. */
export const HEAD_BYTES = 64 * 1024;
const LINES_LOOKED_AT = 200;

/**
 * What a file is, by its beginning.
 *
 * @param head its first bytes, unpacked, at least one; {@link HEAD_BYTES} of them unless it is shorter.
 * @returns the format, or a sentence without its end that says what it is instead.
 */
export function detectFormat(
  head: Uint8Array,
  fields: FieldMap,
): ImportFormat | { readonly refused: string } {
  if (MAGIC.every((byte, at) => head[at] === byte)) return 'holdfast';
  const archive = archiveLike(head);
  if (archive !== undefined) return { refused: `is no log; it looks like ${archive}` };
  const probing = fields.unread();
  const lines = linesOf(head);
  if (lines[0] !== undefined && /^#(?:Version|Fields|Software):/i.test(lines[0])) return 'cloudfront';
  const scored = (['combined', 's3', 'json', 'cloudfront', 'csv'] as const).map((format) => ({
    format,
    share: shareReadable(format, head, lines, probing),
  }));
  const best = scored.reduce((most, one) => (one.share > most.share ? one : most));
  if (best.share > 0) return best.format;
  if (head.includes(0) && looksLikeOracle(head)) return 'oracleGeneral';
  const unseen = probing.unseen();
  const mistyped =
    fields.size === 0 || head.includes(0) || unseen.length === 0
      ? ''
      : `; nothing in it is ${unseen.join(', ')} of --fields`;
  return { refused: `is no log that is known here; it looks like ${looksLike(head)}${mistyped}` };
}

/**
 * A reader of that format.
 *
 * @param head as for {@link detectFormat}: of tables the first line says what the columns are.
 * @returns a sentence without its end, where a table has no columns that are known.
 */
export function readerOf(
  format: Exclude<ImportFormat, 'holdfast'>,
  head: Uint8Array,
  fields: FieldMap,
  sink: LineSink,
): PieceReader | { readonly refused: string } {
  if (format === 'oracleGeneral') return new OracleReader(sink);
  const parser = parserOf(format, linesOf(head)[0] ?? '', fields);
  if (parser === undefined) {
    const unseen = fields.unseen();
    const remedy =
      unseen.length === 0
        ? 'name them: --fields time=...,key=...,size=..., by name or by place from 1'
        : `none of its columns is ${unseen.join(', ')} of --fields`;
    return {
      refused: `is a table without a column for the time and one for a key or path that are known here; ${remedy}`,
    };
  }
  return new LineReader(parser, sink);
}

type TextFormat = Exclude<ImportFormat, 'holdfast' | 'oracleGeneral'>;

function parserOf(format: TextFormat, first: string, fields: FieldMap): LineParser | undefined {
  if (format === 'combined') return new CombinedParser(fields);
  if (format === 's3') return new S3LogParser();
  if (format === 'json') return new JsonParser(fields);
  if (format === 'cloudfront') return new W3cParser();
  const header = csvHeader(first, fields);
  return header === undefined ? undefined : new CsvParser(header);
}

/** How many of the first lines are requests in that format, between 0 and 1. */
function shareReadable(
  format: TextFormat,
  head: Uint8Array,
  lines: readonly string[],
  fields: FieldMap,
): number {
  const parser = parserOf(format, lines[0] ?? '', fields);
  if (parser === undefined || lines.length === 0) return 0;
  const line = emptyLine();
  let readable = 0;
  let counted = 0;
  for (const text of lines) {
    const bytes = Buffer.from(text, 'latin1');
    const trouble = parser.parse(bytes, 0, bytes.length, line);
    if (trouble === 'skip') continue;
    counted += 1;
    if (trouble !== undefined || line.timeMs < EARLIEST[format]) continue;
    if (format === 'json' && !isLogObject(bytes, fields)) continue;
    readable += 1;
  }
  // A table that has a header alone is one.
  if (counted === 0) return format === 'csv' && head.length < HEAD_BYTES ? 1 : 0;
  return readable / counted;
}

/** Before that, it is not the log of a web server. Tables may count from 0. */
const EARLIEST: Readonly<Record<TextFormat, number>> = {
  combined: EARLIEST_MS,
  s3: EARLIEST_MS,
  json: EARLIEST_MS,
  cloudfront: EARLIEST_MS,
  csv: 0,
};

function isLogObject(bytes: Uint8Array, fields: FieldMap): boolean {
  const values = objectOf(bytes, 0, bytes.length);
  return values !== undefined && looksLikeRequest(values, fields);
}

/** Whole lines of the beginning, in latin1. */
function linesOf(head: Uint8Array): string[] {
  const text = latin1(head.subarray(0, HEAD_BYTES));
  const lines = text.split(/\r?\n/, LINES_LOOKED_AT + 1);
  // The last one may be cut off; of a short file it is what there is.
  if (lines.length > 1) lines.pop();
  return lines.filter((line) => line !== '');
}
