import type { Hash64 } from '../../base/hash.ts';
import type { DiskHead } from './disk.ts';
import { HEAD_BYTES, Kind, type Row } from './format.ts';

/** The row of a response that is about to be appended; where it will lie is not known yet. */
export function rowOf(
  { key, head, bodyBytes, facts }: DiskHead,
  kind: number,
  hash: Hash64,
  nowS: number,
): Row {
  const { route, status, bornS, freshUntilS, revalidateUntilS, errorUntilS, flags } = facts;
  const lengths = { keyBytes: key.length, headBytes: head.length, bodyBytes };
  const times = { bornS, freshUntilS, revalidateUntilS, errorUntilS, storedS: nowS };
  const where = { offset: 0, segment: 0 };
  return { kind, hashLo: hash.lo, hashHi: hash.hi, ...lengths, ...times, ...where, status, flags, route };
}

/** A row that says that the response of a hash is no more. */
export function removalOf({ lo, hi }: Hash64, nowS: number): Row {
  const lengths = { keyBytes: 0, headBytes: 0, bodyBytes: 0 };
  const times = { bornS: 0, freshUntilS: 0, revalidateUntilS: 0, errorUntilS: 0, storedS: nowS };
  const rest = { offset: 0, segment: 0, status: 0, flags: 0, route: 0 };
  return { kind: Kind.REMOVAL, hashLo: lo, hashHi: hi, ...lengths, ...times, ...rest };
}

/** Copies key and head-lines to where they belong in a record. @returns where the body starts. */
export function labels(into: Buffer, { key, head }: DiskHead): number {
  into.set(key, HEAD_BYTES);
  into.write(head, HEAD_BYTES + key.length, 'latin1');
  return HEAD_BYTES + key.length + head.length;
}
