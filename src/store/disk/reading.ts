import type { DiskFacts, DiskReader, DiskRecord } from './disk.ts';
import {
  BLOCK_BYTES,
  bodyAt,
  bodyIsWhole,
  checksumBytes,
  headIsWhole,
  type Row,
  readHead,
  recordBytes,
  unpackChecksums,
} from './format.ts';
import type { Segment } from './segment.ts';
import type { WriteQueue } from './write-queue.ts';

/** Where a record is, and what its index row says of it. */
export interface Located {
  readonly segment: Segment;
  readonly row: Row;
  readonly facts: DiskFacts;
  /** Where the checksum of its head starts from. */
  readonly seed: number;
}

/** Why a record cannot be used. */
export type Unusable = 'damaged' | 'other-key';

/** Reads a whole record and verifies every byte of it. @throws the system's error. */
export async function readRecord(
  queue: WriteQueue,
  { segment, row, facts, seed }: Located,
  key: Uint8Array,
): Promise<DiskRecord | Unusable> {
  const bytes = Buffer.allocUnsafe(recordBytes(row));
  if (!(await queue.read(segment, bytes, row.offset))) return 'damaged';
  const labels = labelsOf(bytes, row, key, seed);
  if (typeof labels !== 'object') return labels;
  const from = bodyAt(row);
  const body = bytes.subarray(from, from + row.bodyBytes);
  const sums = unpackChecksums(bytes.subarray(from + row.bodyBytes));
  if (sums === undefined || !bodyIsWhole(body, sums)) return 'damaged';
  return { head: labels.head, body, facts };
}

/** Reads and verifies what stands before and behind the body. @throws the system's error. */
export async function openRecord(
  queue: WriteQueue,
  located: Located,
  key: Uint8Array,
  onDamage: () => void,
  onTrouble: (error: unknown) => void,
): Promise<DiskReader | Unusable> {
  const { segment, row, seed } = located;
  const labelled = Buffer.allocUnsafe(bodyAt(row));
  const packed = Buffer.allocUnsafe(checksumBytes(row.bodyBytes));
  const from = row.offset + bodyAt(row);
  if (!(await queue.read(segment, labelled, row.offset))) return 'damaged';
  if (!(await queue.read(segment, packed, from + row.bodyBytes))) return 'damaged';
  const labels = labelsOf(labelled, row, key, seed);
  if (typeof labels !== 'object') return labels;
  const sums = unpackChecksums(packed);
  if (sums === undefined) return 'damaged';
  return new Reader(queue, located, labels.head, sums, { onDamage, onTrouble });
}

/** The record is the one that the index means, of that very key, and its head is whole. */
function labelsOf(
  bytes: Buffer,
  row: Row,
  key: Uint8Array,
  seed: number,
): { readonly head: string } | Unusable {
  const written = readHead(bytes);
  const isMeant =
    written !== undefined &&
    written.hashLo === row.hashLo &&
    written.hashHi === row.hashHi &&
    written.keyBytes === row.keyBytes &&
    written.headBytes === row.headBytes &&
    written.bodyBytes === row.bodyBytes;
  if (!isMeant || !headIsWhole(bytes, row, seed)) return 'damaged';
  const keyAt = bodyAt(row) - row.headBytes - row.keyBytes;
  if (bytes.compare(key, 0, key.length, keyAt, keyAt + row.keyBytes) !== 0) return 'other-key';
  return { head: bytes.toString('latin1', keyAt + row.keyBytes, bodyAt(row)) };
}

class Reader implements DiskReader {
  readonly head: string;
  readonly facts: DiskFacts;
  readonly #queue: WriteQueue;
  readonly #segment: Segment;
  readonly #bodyAt: number;
  readonly #sums: readonly number[];
  readonly #tell: { readonly onDamage: () => void; readonly onTrouble: (error: unknown) => void };
  #closed = false;

  constructor(
    queue: WriteQueue,
    { segment, row, facts }: Located,
    head: string,
    sums: readonly number[],
    tell: { readonly onDamage: () => void; readonly onTrouble: (error: unknown) => void },
  ) {
    segment.hold();
    this.head = head;
    this.facts = facts;
    this.#queue = queue;
    this.#segment = segment;
    this.#bodyAt = row.offset + bodyAt(row);
    this.#sums = sums;
    this.#tell = tell;
  }

  /** Whole blocks are read, for the sake of their checksums. */
  async read(from: number, to: number): Promise<Uint8Array | undefined> {
    const first = Math.floor(from / BLOCK_BYTES);
    const start = first * BLOCK_BYTES;
    const end = Math.min(Math.ceil(to / BLOCK_BYTES) * BLOCK_BYTES, this.facts.bodyBytes);
    const blocks = Buffer.allocUnsafe(end - start);
    try {
      const isThere = await this.#queue.read(this.#segment, blocks, this.#bodyAt + start);
      if (isThere && bodyIsWhole(blocks, this.#sums, first)) return blocks.subarray(from - start, to - start);
      this.#tell.onDamage();
    } catch (error) {
      this.#tell.onTrouble(error);
    }
    return undefined;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#segment.letGo();
  }
}
