import { crc32 } from 'node:zlib';

/**
 * The bytes on disk, version 1. Little-endian.
 *
 *     segment   names record* footer?
 *     names     a record whose head-lines are the names of the routes as JSON: records know them by number
 *     record    head(80) key head-lines body block-checksums(4 each, and 4 over them)
 *     footer    row(64)* trailer(32)
 *
 * A record's own checksum covers all but its body; each 64 KiB of the body has one of its own, so that parts of a large one
 * can be verified. All are CRC-32 (60 GB/s here): they are against torn writes and rotten bits. Those of heads and footers start
 * from a secret, the segment and the offset, so that what an image says cannot be taken for a record, nor a record for another.
 */
export const FORMAT_VERSION = 1;
/** What a record starts with, in bytes. */
export const HEAD_BYTES = 80;
/** One row of a footer, in bytes. */
export const ROW_BYTES = 64;
/** What a footer ends with, in bytes. */
export const TRAILER_BYTES = 32;
/** Bytes of body under one checksum. */
export const BLOCK_BYTES = 64 * 1024;

const RECORD_MAGIC = 0x3152_4648; // HFR1
const TRAILER_MAGIC = 0x3146_4648; // HFF1

/** What a record is. */
export const Kind = {
  /** A response with all that belongs to it. */
  RESPONSE: 1,
  /** A head alone: new lifetimes for the response of the same hash. */
  RENEWAL: 2,
  /** A head alone: the response of the same hash is no more. */
  REMOVAL: 3,
  /** Room taken for a response that is still arriving, or never came whole. */
  RESERVED: 4,
  /** A head alone: the reserved record at `segment` and `offset` is whole now. */
  COMMIT: 5,
  /** Names of the routes; the first record of each segment. */
  NAMES: 6,
} as const;

/** One row of a footer, and what a record's head says. Times in seconds since the epoch. */
export interface Row {
  kind: number;
  hashLo: number;
  hashHi: number;
  /** Where the response lies: the record itself, or for a commit the one that it is about. */
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
  /** Number of the segment in which the response lies. */
  segment: number;
}

/** Where checksums of a segment start from at an offset. `secret`: 32 bits that are kept with the data. */
export function seedAt(secret: number, segment: number, offset: number): number {
  return (secret ^ Math.imul(segment + 1, 0x9e37_79b1) ^ Math.imul(offset + 1, 0x85eb_ca6b)) >>> 0;
}

/** Checksums behind a body of that length: one for each block, and one over them. */
export function checksumBytes(bodyBytes: number): number {
  return (Math.ceil(bodyBytes / BLOCK_BYTES) + 1) * 4;
}

/** Length of a whole record with a body. */
export function recordBytes({
  keyBytes,
  headBytes,
  bodyBytes,
}: Pick<Row, 'keyBytes' | 'headBytes' | 'bodyBytes'>): number {
  return HEAD_BYTES + keyBytes + headBytes + bodyBytes + checksumBytes(bodyBytes);
}

/** Length of a record of any kind. */
export function lengthOf(row: Row): number {
  if (row.kind === Kind.RESPONSE || row.kind === Kind.RESERVED) return recordBytes(row);
  return row.kind === Kind.NAMES ? HEAD_BYTES + row.headBytes : HEAD_BYTES;
}

/** Where a record's body starts in it. */
export function bodyAt({ keyBytes, headBytes }: Pick<Row, 'keyBytes' | 'headBytes'>): number {
  return HEAD_BYTES + keyBytes + headBytes;
}

/** Bytes under a head's own checksum: a commit's lengths are those of another record. */
function labelledBytes(row: Row): number {
  return row.kind === Kind.COMMIT ? HEAD_BYTES : bodyAt(row);
}

/** Writes the head of a record whose key and head-lines already stand behind it in `into`. */
export function writeHead(into: Buffer, row: Row, seed: number): void {
  into.writeUInt32LE(RECORD_MAGIC, 0);
  into.writeUInt32LE(FORMAT_VERSION, 8);
  writeRow(into, 12, row);
  into.writeUInt32LE(0, 76);
  into.writeUInt32LE(crc32(into.subarray(8, labelledBytes(row)), seed), 4);
}

/** Reads a record's head, without verifying it. @returns undefined when this is no record of this version. */
export function readHead(from: Buffer): Row | undefined {
  if (from.length < HEAD_BYTES || from.readUInt32LE(0) !== RECORD_MAGIC) return undefined;
  return from.readUInt32LE(8) === FORMAT_VERSION ? rowAt(from, 12) : undefined;
}

/** True when head, key and head-lines are what was written there. */
export function headIsWhole(from: Buffer, row: Row, seed: number): boolean {
  const end = labelledBytes(row);
  return from.length >= end && crc32(from.subarray(8, end), seed) === from.readUInt32LE(4);
}

/** The first record of a segment. */
export function writeNames(routes: readonly string[], segment: number, secret: number): Buffer {
  const names = Buffer.from(JSON.stringify(routes));
  const record = Buffer.alloc(HEAD_BYTES + names.length);
  names.copy(record, HEAD_BYTES);
  const row = rowAt(Buffer.alloc(ROW_BYTES), 0);
  writeHead(
    record,
    { ...row, kind: Kind.NAMES, headBytes: names.length, segment },
    seedAt(secret, segment, 0),
  );
  return record;
}

function writeRow(into: Buffer, at: number, row: Row): void {
  into.writeUInt32LE(row.kind, at);
  into.writeUInt32LE(row.hashLo, at + 4);
  into.writeUInt32LE(row.hashHi, at + 8);
  into.writeUInt32LE(row.offset, at + 12);
  into.writeUInt32LE(row.keyBytes, at + 16);
  into.writeUInt32LE(row.headBytes, at + 20);
  into.writeUInt32LE(row.bodyBytes, at + 24);
  into.writeUInt32LE(row.status, at + 28);
  into.writeUInt32LE(row.bornS, at + 32);
  into.writeUInt32LE(row.freshUntilS, at + 36);
  into.writeUInt32LE(row.revalidateUntilS, at + 40);
  into.writeUInt32LE(row.errorUntilS, at + 44);
  into.writeUInt32LE(row.storedS, at + 48);
  into.writeUInt32LE(row.flags, at + 52);
  into.writeUInt32LE(row.route, at + 56);
  into.writeUInt32LE(row.segment, at + 60);
}

function rowAt(from: Buffer, at: number): Row {
  return {
    kind: from.readUInt32LE(at),
    hashLo: from.readUInt32LE(at + 4),
    hashHi: from.readUInt32LE(at + 8),
    offset: from.readUInt32LE(at + 12),
    keyBytes: from.readUInt32LE(at + 16),
    headBytes: from.readUInt32LE(at + 20),
    bodyBytes: from.readUInt32LE(at + 24),
    status: from.readUInt32LE(at + 28),
    bornS: from.readUInt32LE(at + 32),
    freshUntilS: from.readUInt32LE(at + 36),
    revalidateUntilS: from.readUInt32LE(at + 40),
    errorUntilS: from.readUInt32LE(at + 44),
    storedS: from.readUInt32LE(at + 48),
    flags: from.readUInt32LE(at + 52),
    route: from.readUInt32LE(at + 56),
    segment: from.readUInt32LE(at + 60),
  };
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

/** A footer: the rows of a segment in the order in which they were written. */
export function writeFooter(rows: readonly Row[], segment: number, startsAt: number, secret: number): Buffer {
  const footer = Buffer.alloc(rows.length * ROW_BYTES + TRAILER_BYTES);
  for (const [index, row] of rows.entries()) writeRow(footer, index * ROW_BYTES, row);
  const end = footer.length - TRAILER_BYTES;
  footer.writeUInt32LE(TRAILER_MAGIC, end);
  footer.writeUInt32LE(FORMAT_VERSION, end + 4);
  footer.writeUInt32LE(startsAt, end + 8);
  footer.writeUInt32LE(rows.length, end + 12);
  footer.writeUInt32LE(segment, end + 16);
  const sealed = footer.subarray(0, footer.length - 4);
  footer.writeUInt32LE(crc32(sealed, seedAt(secret, segment, startsAt)), footer.length - 4);
  return footer;
}

/** Where a trailer says that its footer starts; undefined when there is none. */
export function readTrailer(trailer: Buffer): number | undefined {
  if (trailer.length < TRAILER_BYTES || trailer.readUInt32LE(0) !== TRAILER_MAGIC) return undefined;
  return trailer.readUInt32LE(4) === FORMAT_VERSION ? trailer.readUInt32LE(8) : undefined;
}

/** The rows of a whole footer; undefined when it is damaged, or that of another segment. */
export function readFooter(
  footer: Buffer,
  segment: number,
  secret: number,
): { readonly count: number; row(index: number): Row } | undefined {
  const end = footer.length - TRAILER_BYTES;
  const startsAt = end < 0 ? undefined : readTrailer(footer.subarray(end));
  if (startsAt === undefined) return undefined;
  const count = footer.readUInt32LE(end + 12);
  const sum = crc32(footer.subarray(0, footer.length - 4), seedAt(secret, segment, startsAt));
  if (sum !== footer.readUInt32LE(footer.length - 4) || count * ROW_BYTES !== end) return undefined;
  return { count, row: (index) => rowAt(footer, index * ROW_BYTES) };
}
