import { crc32 } from 'node:zlib';

/**
 * The bytes on disk, version 1. Little-endian.
 *
 *     segment   record* footer?
 *     record    head(80) key head-lines body block-checksums(4 each, and 4 over them)
 *     footer    row(64)* route-names(JSON) trailer(32)
 *
 * A record's own checksum covers all but its body; each 64 KiB of the body has one of its own, so that parts of a large one
 * can be verified. All are CRC-32 (60 GB/s here): they are against torn writes and rotten bits, not against forgers.
 */
export const FORMAT_VERSION = 1;
export const HEAD_BYTES = 80;
export const ROW_BYTES = 64;
export const TRAILER_BYTES = 32;
/** Bytes of body under one checksum. */
export const BLOCK_BYTES = 64 * 1024;

const RECORD_MAGIC = 0x3152_4648; // HFR1
const TRAILER_MAGIC = 0x3146_4648; // HFF1

/** What a record is. */
export const Kind = {
  /** A response with all that belongs to it. */
  RESPONSE: 1,
  /** New lifetimes for the response of the same hash. */
  RENEWAL: 2,
  /** The response of the same hash is no more. */
  REMOVAL: 3,
  /** Room taken for a response that is still arriving, or never came whole. */
  RESERVED: 4,
} as const;

/** One row of a footer, and what a record's head says. Times in seconds since the epoch. */
export interface Row {
  kind: number;
  hashLo: number;
  hashHi: number;
  /** Where the record starts in its segment. */
  offset: number;
  keyBytes: number;
  headBytes: number;
  bodyBytes: number;
  status: number;
  bornS: number;
  freshUntilS: number;
  revalidateUntilS: number;
  errorUntilS: number;
  storedS: number;
  flags: number;
  route: number;
}

/** All fields in the order in which a row has them; `offset` fills the place of a record's own. */
const FIELDS = [
  'kind',
  'hashLo',
  'hashHi',
  'offset',
  'keyBytes',
  'headBytes',
  'bodyBytes',
  'status',
  'bornS',
  'freshUntilS',
  'revalidateUntilS',
  'errorUntilS',
  'storedS',
  'flags',
  'route',
] as const satisfies readonly (keyof Row)[];

/** Checksums behind a body of that length: one for each block, and one over them. */
export function checksumBytes(bodyBytes: number): number {
  return (Math.ceil(bodyBytes / BLOCK_BYTES) + 1) * 4;
}

/** Length of a whole record. */
export function recordBytes({
  keyBytes,
  headBytes,
  bodyBytes,
}: Pick<Row, 'keyBytes' | 'headBytes' | 'bodyBytes'>): number {
  return HEAD_BYTES + keyBytes + headBytes + bodyBytes + checksumBytes(bodyBytes);
}

/** Where a record's body starts in it. */
export function bodyAt({ keyBytes, headBytes }: Pick<Row, 'keyBytes' | 'headBytes'>): number {
  return HEAD_BYTES + keyBytes + headBytes;
}

/** Writes the head of a record whose key and head-lines already stand behind it in `into`. */
export function writeHead(into: Buffer, row: Row): void {
  into.writeUInt32LE(RECORD_MAGIC, 0);
  into.writeUInt32LE(FORMAT_VERSION, 8);
  for (const [index, field] of FIELDS.entries()) into.writeUInt32LE(row[field] >>> 0, 12 + index * 4);
  into.writeUInt32LE(0, 72);
  into.writeUInt32LE(0, 76);
  into.writeUInt32LE(crc32(into.subarray(8, bodyAt(row))), 4);
}

/**
 * Reads a record's head: a buffer that holds at least head, key and head-lines, or less.
 *
 * @returns undefined when this is no record of version 1 or is damaged; with less than all of it, only what that less can tell.
 */
export function readHead(from: Buffer): Row | undefined {
  if (from.length < HEAD_BYTES || from.readUInt32LE(0) !== RECORD_MAGIC) return undefined;
  if (from.readUInt32LE(8) !== FORMAT_VERSION) return undefined;
  const row = rowAt(from, 12);
  return row;
}

/** True when head, key and head-lines are what was written. */
export function headIsWhole(from: Buffer, row: Row): boolean {
  const end = bodyAt(row);
  return from.length >= end && crc32(from.subarray(8, end)) === from.readUInt32LE(4);
}

function rowAt(from: Buffer, at: number): Row {
  const row = {} as Row;
  FIELDS.forEach((field, index) => {
    row[field] = from.readUInt32LE(at + index * 4);
  });
  return row;
}

/** The checksums of a whole body, in the form in which they follow it. */
export function checksumsOf(body: Uint8Array): Buffer {
  const sums: number[] = [];
  for (let at = 0; at < body.length; at += BLOCK_BYTES) sums.push(crc32(body.subarray(at, at + BLOCK_BYTES)));
  return packChecksums(sums);
}

/** Checksums of blocks, and one over them. */
export function packChecksums(sums: readonly number[]): Buffer {
  const packed = Buffer.alloc((sums.length + 1) * 4);
  for (const [index, sum] of sums.entries()) packed.writeUInt32LE(sum >>> 0, index * 4);
  packed.writeUInt32LE(crc32(packed.subarray(0, sums.length * 4)), sums.length * 4);
  return packed;
}

/** The blocks' checksums, or undefined when they are damaged themselves. */
export function unpackChecksums(packed: Buffer): number[] | undefined {
  const count = packed.length / 4 - 1;
  if (packed.readUInt32LE(count * 4) !== crc32(packed.subarray(0, count * 4))) return undefined;
  return Array.from({ length: count }, (_, index) => packed.readUInt32LE(index * 4));
}

/** True when a body, from the start of block `first` on, is what was written. */
export function bodyIsWhole(body: Uint8Array, sums: readonly number[], first = 0): boolean {
  for (let at = 0, block = first; at < body.length; at += BLOCK_BYTES, block += 1) {
    if (crc32(body.subarray(at, at + BLOCK_BYTES)) !== sums[block]) return false;
  }
  return true;
}

/** A footer: all rows of a segment in the order in which they were written. */
export function writeFooter(rows: readonly Row[], routes: readonly string[], startsAt: number): Buffer {
  const names = Buffer.from(JSON.stringify(routes));
  const footer = Buffer.alloc(rows.length * ROW_BYTES + names.length + TRAILER_BYTES);
  for (const [index, row] of rows.entries()) {
    const start = index * ROW_BYTES;
    for (const [at, field] of FIELDS.entries()) footer.writeUInt32LE(row[field] >>> 0, start + at * 4);
  }
  names.copy(footer, rows.length * ROW_BYTES);
  const end = footer.length - TRAILER_BYTES;
  footer.writeUInt32LE(TRAILER_MAGIC, end);
  footer.writeUInt32LE(FORMAT_VERSION, end + 4);
  footer.writeUInt32LE(startsAt, end + 8);
  footer.writeUInt32LE(rows.length, end + 12);
  footer.writeUInt32LE(names.length, end + 16);
  footer.writeUInt32LE(crc32(footer.subarray(0, end + 20)), end + 20);
  return footer;
}

/** What a trailer says of its footer; undefined when the segment has none. */
export function readTrailer(
  trailer: Buffer,
): { startsAt: number; rows: number; namesBytes: number } | undefined {
  if (trailer.length < TRAILER_BYTES || trailer.readUInt32LE(0) !== TRAILER_MAGIC) return undefined;
  if (trailer.readUInt32LE(4) !== FORMAT_VERSION) return undefined;
  return {
    startsAt: trailer.readUInt32LE(8),
    rows: trailer.readUInt32LE(12),
    namesBytes: trailer.readUInt32LE(16),
  };
}

/** The rows and route names of a whole footer; undefined when it is damaged. */
export function readFooter(
  footer: Buffer,
): { readonly count: number; row(index: number): Row; routes: string[] } | undefined {
  const end = footer.length - TRAILER_BYTES;
  if (end < 0) return undefined;
  const trailer = readTrailer(footer.subarray(end));
  if (trailer === undefined || footer.readUInt32LE(end + 20) !== crc32(footer.subarray(0, end + 20)))
    return undefined;
  const names = footer.subarray(trailer.rows * ROW_BYTES, end).toString();
  return {
    count: trailer.rows,
    row: (index) => rowAt(footer, index * ROW_BYTES),
    routes: JSON.parse(names) as string[],
  };
}
