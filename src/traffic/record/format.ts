import { crc32, zstdCompress, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { assert, InternalFault } from '../../base/assert.ts';
import { BATCH_ROWS_MAX, type TrafficBatch, type TrafficTables } from '../batch.ts';
import { BadBlock } from './bad-block.ts';
import { readTables, tablesText } from './tables.ts';

/**
 * A batch as bytes, version 1: a block. Little-endian.
 *
 *     block     head(64) payload, compressed (zstd)
 *     payload   tables, as JSON; 20 bytes a row and 4 for its time:
 *               times     u32(n), each since the one before, its bytes apart: all first, all second ... bytes
 *               resources (u32 keyLo, u32 keyHi, u32 bodyBytes, u16 besideBytes, u16 life)(n)
 *               originMs  u16(n), bytes apart
 *               kinds     u16(n), bytes apart
 *     head      0 magic(8)  8 version u32  12 payload, stored u32  16 payload, raw u32  20 tables u32  24 rows u32
 *               28 last time u32  32 baseMs f64  40 requests f64  48 rate f64  56 CRC-32 of the payload  60 of the head
 *
 * What belongs to a resource stands together, for it comes again with every request for it: zstd then says 16 bytes with one
 * reference. On an image trace that is 7 bytes a row in full batches, where columns of their own take 12.
 *
 * Magic, version and the head's checksum stand there in every version.
 */
export const FORMAT_VERSION = 1;

/** Length of a block's head. */
export const HEAD_BYTES = 64;

/** As of PNG: a transfer that takes it for text, or for seven bits, destroys it. */
export const MAGIC: Uint8Array = Uint8Array.of(0x89, 0x48, 0x46, 0x54, 0x0d, 0x0a, 0x1a, 0x0a);

/** A row before compression. */
const ROW_BYTES = 24;
/** Tables of a batch, paths included. */
const TABLES_BYTES_MAX = 16 * 1024 * 1024;
const RAW_BYTES_MAX = TABLES_BYTES_MAX + BATCH_ROWS_MAX * ROW_BYTES;

/** Payload of a block at the most: what zstd makes of the largest raw one that it cannot compress. */
const STORED_BYTES_MAX: number = RAW_BYTES_MAX + RAW_BYTES_MAX / 128;

/** What a block says of itself before it is unpacked. */
export interface BlockHead {
  readonly storedBytes: number;
  readonly rawBytes: number;
  readonly tablesBytes: number;
  readonly count: number;
  /** Time of the last row since the first, microseconds. */
  readonly spanUs: number;
  readonly baseMs: number;
  /** Requests that were made in its time, recorded or not, and those lost since the block before; internal ones left out. */
  readonly requests: number;
  readonly rate: number;
  readonly payloadCrc: number;
}

/** A batch as a block. About 10 ms for a full one, most of it compression. */
export function encodeBlock(batch: TrafficBatch): Uint8Array {
  const { raw, tablesBytes } = rawOf(batch);
  return sealed(batch, raw, tablesBytes, zstdCompressSync(raw));
}

/** As {@link encodeBlock}, with the compression on a thread of its own; about 1 ms of this one for a full batch. */
export function encodeBlockAside(batch: TrafficBatch): Promise<Uint8Array> {
  const { raw, tablesBytes } = rawOf(batch);
  return new Promise((resolve, reject) => {
    // With the length it takes tables for that much, and not for all that may come: a fifth less time.
    zstdCompress(raw, { pledgedSrcSize: raw.length }, (error, payload) => {
      if (error === null) resolve(sealed(batch, raw, tablesBytes, payload));
      else reject(error);
    });
  });
}

/**
 * What the head of a block says.
 *
 * @param bytes at least {@link HEAD_BYTES} of them; the block starts at 0.
 * @returns undefined when this is no whole head; the version when it is one of a version that is not known here.
 */
export function readHead(bytes: Uint8Array): BlockHead | number | undefined {
  if (bytes.length < HEAD_BYTES || MAGIC.some((byte, index) => bytes[index] !== byte)) return undefined;
  const view = viewOf(bytes);
  if (crc32(bytes.subarray(0, 60)) !== view.getUint32(60, true)) return undefined;
  const version = view.getUint32(8, true);
  if (version !== FORMAT_VERSION) return version;
  const head = {
    storedBytes: view.getUint32(12, true),
    rawBytes: view.getUint32(16, true),
    tablesBytes: view.getUint32(20, true),
    count: view.getUint32(24, true),
    spanUs: view.getUint32(28, true),
    baseMs: view.getFloat64(32, true),
    requests: view.getFloat64(40, true),
    rate: view.getFloat64(48, true),
    payloadCrc: view.getUint32(56, true),
  };
  return isSane(head) ? head : undefined;
}

/** Of a head with a checksum that holds: whoever makes files by hand can do that as well. */
function isSane(head: BlockHead): boolean {
  return (
    head.count <= BATCH_ROWS_MAX &&
    head.tablesBytes <= TABLES_BYTES_MAX &&
    head.rawBytes === head.tablesBytes + head.count * ROW_BYTES &&
    head.storedBytes <= STORED_BYTES_MAX &&
    Math.abs(head.baseMs) <= 8.64e15 &&
    head.requests >= 0 &&
    head.requests <= Number.MAX_SAFE_INTEGER &&
    head.rate > 0 &&
    head.rate <= 1
  );
}

/** True when the payload is what was written. */
export function payloadIsWhole(head: BlockHead, payload: Uint8Array): boolean {
  return payload.length === head.storedBytes && crc32(payload) === head.payloadCrc;
}

/**
 * The batch of a block whose payload is whole. About 1 ms for a full one.
 *
 * @param tables intern kinds and lives over the whole record.
 * @throws BadBlock when it is not what this version writes.
 */
export function decodeBlock(head: BlockHead, payload: Uint8Array, tables: TrafficTables): TrafficBatch {
  const raw = unpacked(head, payload);
  const { count, tablesBytes, baseMs, rate } = head;
  const { kindTable, lifeTable, totals, paths } = readTables(raw.subarray(0, tablesBytes), tables);
  const timeUs = new Uint32Array(count);
  const keyLo = new Uint32Array(count);
  const keyHi = new Uint32Array(count);
  const bodyBytes = new Uint32Array(count);
  const besideBytes = new Uint16Array(count);
  const originMs = new Uint16Array(count);
  const kinds = new Uint16Array(count);
  const lives = new Uint16Array(count);
  // A copy: the words have to lie on boundaries of words.
  const words = new Uint32Array(count * 4);
  new Uint8Array(words.buffer).set(raw.subarray(tablesBytes + count * 4, tablesBytes + count * 20));
  let at = tablesBytes;
  let us = 0;
  for (let i = 0; i < count; i += 1) {
    us +=
      raw[at + i]! +
      raw[at + count + i]! * 0x100 +
      raw[at + 2 * count + i]! * 0x1_0000 +
      raw[at + 3 * count + i]! * 0x100_0000;
    timeUs[i] = us;
    keyLo[i] = words[i * 4]!;
    keyHi[i] = words[i * 4 + 1]!;
    bodyBytes[i] = words[i * 4 + 2]!;
    const last = words[i * 4 + 3]!;
    besideBytes[i] = last & 0xffff;
    lives[i] = last >>> 16;
  }
  at += count * 20;
  joined(originMs, raw, at);
  joined(kinds, raw, at + count * 2);
  if (us !== head.spanUs) throw new BadBlock('its times do not add up');
  within(kinds, kindTable.length);
  within(lives, lifeTable.length);
  const columns = { timeUs, keyLo, keyHi, bodyBytes, besideBytes, originMs, kinds, lives };
  const dictionary = paths.length === 0 ? {} : { paths };
  return { count, baseMs, ...columns, kindTable, lifeTable, rate, totals, ...dictionary };
}

function unpacked({ rawBytes }: BlockHead, payload: Uint8Array): Buffer {
  let raw: Buffer;
  try {
    raw = zstdDecompressSync(payload, { maxOutputLength: Math.max(1, rawBytes) });
  } catch (error) {
    throw new BadBlock('it cannot be unpacked', { cause: error });
  }
  if (raw.length !== rawBytes) throw new BadBlock('it is not as long as it says');
  return raw;
}

/** Numbers of 16 bits whose bytes lie apart. */
function joined(into: Uint16Array, raw: Uint8Array, at: number): void {
  const count = into.length;
  for (let i = 0; i < count; i += 1) into[i] = raw[at + i]! | (raw[at + count + i]! << 8);
}

function within(positions: Uint16Array, length: number): void {
  let highest = -1;
  for (const position of positions) if (position > highest) highest = position;
  if (highest >= length) throw new BadBlock('a row points behind the end of a table');
}

function rawOf(batch: TrafficBatch): { readonly raw: Buffer; readonly tablesBytes: number } {
  const { count } = batch;
  assert(count <= BATCH_ROWS_MAX, 'a batch has at most 65,536 rows');
  const json = tablesText(batch);
  // Blanks, so that the words behind it lie on boundaries of words.
  const text = Buffer.from(json + ' '.repeat(-Buffer.byteLength(json) & 3));
  const tablesBytes = text.length;
  if (tablesBytes > TABLES_BYTES_MAX)
    throw new InternalFault('the tables of a batch, with its paths, are at most 16 MiB');
  const raw = Buffer.allocUnsafeSlow(tablesBytes + count * ROW_BYTES);
  text.copy(raw);
  const words = new Uint32Array(raw.buffer, tablesBytes + count * 4, count * 4);
  let at = tablesBytes;
  for (let i = 0; i < count; i += 1) {
    const us = batch.timeUs[i]! - (i === 0 ? 0 : batch.timeUs[i - 1]!);
    raw[at + i] = us;
    raw[at + count + i] = us >>> 8;
    raw[at + 2 * count + i] = us >>> 16;
    raw[at + 3 * count + i] = us >>> 24;
    words[i * 4] = batch.keyLo[i]!;
    words[i * 4 + 1] = batch.keyHi[i]!;
    words[i * 4 + 2] = batch.bodyBytes[i]!;
    words[i * 4 + 3] = batch.besideBytes[i]! | (batch.lives[i]! << 16);
  }
  at += count * 20;
  apart(raw, at, batch.originMs, count);
  apart(raw, at + count * 2, batch.kinds, count);
  return { raw, tablesBytes };
}

function apart(raw: Uint8Array, at: number, from: Uint16Array, count: number): void {
  for (let i = 0; i < count; i += 1) {
    raw[at + i] = from[i]!;
    raw[at + count + i] = from[i]! >>> 8;
  }
}

function sealed(batch: TrafficBatch, raw: Uint8Array, tablesBytes: number, payload: Uint8Array): Uint8Array {
  const block = Buffer.allocUnsafe(HEAD_BYTES + payload.length);
  block.set(MAGIC);
  block.set(payload, HEAD_BYTES);
  const { count } = batch;
  block.writeUInt32LE(FORMAT_VERSION, 8);
  block.writeUInt32LE(payload.length, 12);
  block.writeUInt32LE(raw.length, 16);
  block.writeUInt32LE(tablesBytes, 20);
  block.writeUInt32LE(count, 24);
  block.writeUInt32LE(count === 0 ? 0 : batch.timeUs[count - 1]!, 28);
  block.writeDoubleLE(batch.baseMs, 32);
  block.writeDoubleLE(requestsOf(batch) + (batch.lostRequests ?? 0), 40);
  block.writeDoubleLE(batch.rate, 48);
  block.writeUInt32LE(crc32(payload), 56);
  block.writeUInt32LE(crc32(block.subarray(0, 60)), 60);
  return block;
}

/** Requests that clients made in the time of a batch, recorded or not; those lost before it not counted. */
export function requestsOf(batch: TrafficBatch): number {
  if (batch.rate < 1) return batch.totals.reduce((sum, { requests }) => sum + requests, 0);
  let sum = 0;
  for (let i = 0; i < batch.count; i += 1) if (!batch.kindTable[batch.kinds[i]!]!.internal) sum += 1;
  return sum;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
