import { isImageFormat, sniff } from '../../image/sniff.ts';
import { latin1 } from './bytes.ts';

/** Files that are no logs, by their first bytes in latin1. */
const MAGIC: readonly (readonly [start: string, what: string])[] = [
  ['BZh', 'packed with bzip2; unpack it with bunzip2, or pipe it: bzcat FILE | holdfast traffic import -'],
  ['\xfd7zXZ\0', 'packed with xz; pipe it: xzcat FILE | holdfast traffic import -'],
  ['7z\xbc\xaf\x27\x1c', 'a 7-Zip archive; unpack it first'],
  ['\x04\x22\x4d\x18', 'packed with LZ4; pipe it: lz4cat FILE | holdfast traffic import -'],
  ['\x1f\x9d', 'packed with compress; pipe it: zcat FILE | holdfast traffic import -'],
  ['\x1f\x8b', 'packed twice with gzip; pipe it: zcat FILE | holdfast traffic import -'],
  ['PAR1', 'a Parquet file; write it as CSV or JSON lines'],
  ['SQLite format 3\0', 'an SQLite database; write its table as CSV'],
  ['\x7fELF', 'a program'],
  ['\xd4\xc3\xb2\xa1', 'a capture of packets'],
  ['\x0a\x0d\x0d\x0a', 'a capture of packets'],
  ['\xff\xfe', 'text in UTF-16; pipe it: iconv -f UTF-16 -t UTF-8 FILE | holdfast traffic import -'],
  ['\xfe\xff', 'text in UTF-16; pipe it: iconv -f UTF-16 -t UTF-8 FILE | holdfast traffic import -'],
];

/**
 * What follows "looks like" for an archive, of which whole lines may be readable although others are not: undefined for what is none.
 */
export function archiveLike(head: Uint8Array): string | undefined {
  const start = latin1(head.subarray(0, 512));
  if (start.startsWith('PK\x03\x04')) return 'a ZIP archive; unpack it first';
  return start.slice(257, 262) === 'ustar' ? 'a tar archive; unpack it first' : undefined;
}

/** Says what a file that is no log of a known format looks like, as what follows "looks like". */
export function looksLike(head: Uint8Array): string {
  const start = latin1(head.subarray(0, 4096));
  const magic = MAGIC.find(([bytes]) => start.startsWith(bytes));
  if (magic !== undefined) return magic[1];
  const sniffed = sniff(head.subarray(0, 65_536));
  if (isImageFormat(sniffed)) return `an image (${sniffed.toUpperCase()})`;
  if (sniffed === 'html') return 'an HTML page: perhaps what a login or an error page left in its place';
  if (sniffed === 'pdf') return 'a PDF document';
  if (sniffed === 'xml') return 'XML';
  if (/^\s*\[\s*[{\]]/.test(start))
    return 'an array of JSON; a log has one object in each line: jq -c ".[]" FILE';
  if (/^\s*\{/.test(start)) {
    return 'JSON, but its lines have no time and path under a name that is known; name them: --fields time=...,path=...';
  }
  if (wideText(head)) return 'text in UTF-16 or UTF-32; write it as UTF-8, with iconv';
  if (isBinary(head)) return 'binary data of no kind that is known here';
  return textLooksLike(start);
}

function textLooksLike(start: string): string {
  const [first = ''] = start.split('\n', 1);
  if (/^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[\w+\] \d+#/.test(first))
    return "nginx's error log; requests are in its access log";
  if (/^\[\w{3} \w{3} +\d+ [\d:.]+ \d{4}\] \[/.test(first))
    return "httpd's error log; requests are in its access log";
  if (/^(?:<\d+>)?\w{3} [ \d]\d \d\d:\d\d:\d\d \S+ /.test(first))
    return 'the log of a system (syslog); take off what stands before each request';
  if (/^version:|^origins:/m.test(start)) return 'a configuration';
  if (/[,;\t]/.test(first) && !/\s\S+\s\S+\s/.test(first))
    return 'a table whose columns are not known; name them: --fields time=...,key=...,size=...';
  return 'text, but no line of its beginning is a request of a log that is known here';
}

function wideText(head: Uint8Array): boolean {
  const length = Math.min(head.length, 512) & ~1;
  let even = 0;
  let odd = 0;
  for (let at = 0; at < length; at += 2) {
    if (head[at] === 0) even += 1;
    if (head[at + 1] === 0) odd += 1;
  }
  const pairs = length / 2;
  return (
    pairs > 4 && ((odd > pairs * 0.8 && even < pairs * 0.6) || (even > pairs * 0.8 && odd < pairs * 0.6))
  );
}

function isBinary(head: Uint8Array): boolean {
  const looked = head.subarray(0, 4096);
  let odd = 0;
  for (const byte of looked)
    if (byte === 0 || (byte < 0x20 && byte !== 9 && byte !== 10 && byte !== 13)) odd += 1;
  return odd > looked.length / 50;
}
