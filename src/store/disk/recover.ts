import type { Hash64 } from '../../base/hash.ts';
import { NONE } from '../../cache/entries.ts';
import type { DiskIndex } from './disk-index.ts';
import type { DiskFiles } from './files.ts';
import {
  bodyAt,
  HEAD_BYTES,
  headIsWhole,
  Kind,
  type Row,
  readFooter,
  readHead,
  readTrailer,
  recordBytes,
  TRAILER_BYTES,
} from './format.ts';
import type { SegmentLog } from './log.ts';
import { SEGMENT_NAME, Segment } from './segment.ts';

/** Longest key and head-lines together: both are counted in 16 bits. */
const LABELS_BYTES_MAX = 2 * 0xffff;
/** Rows that are taken in before others get a turn: about 10 ms. */
const SLICE = 16_384;

/** What a start finds. */
interface Found {
  readonly segment: Segment;
  /** Route names as the segment numbers them. */
  readonly routes: readonly string[];
  readonly rows: AsyncIterable<Row>;
  /** It had no footer: it was being appended to when its process ended. */
  readonly cut: boolean;
}

/** The segments of a directory, from the oldest to the youngest. What cannot be opened is told and left alone. */
async function openSegments(files: DiskFiles, onTrouble: (error: unknown) => void): Promise<Segment[]> {
  const names = (await files.list()).filter((name) => SEGMENT_NAME.test(name)).sort();
  const segments: Segment[] = [];
  for (const name of names) {
    try {
      segments.push(new Segment(Number(SEGMENT_NAME.exec(name)![1]), await files.open(name)));
    } catch (error) {
      onTrouble(error);
    }
  }
  return segments;
}

/**
 * Reads what a segment holds: its footer, or, where it has none or a damaged one, the heads of its records up to the first that
 * is not whole. Bodies are not read: they are verified when they are asked for.
 *
 * @param routes names for a segment without a footer.
 * @param turn lets others run between slices.
 */
async function readSegment(
  segment: Segment,
  routes: readonly string[],
  turn: () => Promise<void>,
): Promise<Found> {
  const sizeBytes = await segment.file.size();
  segment.sealed = true;
  segment.fileBytes = sizeBytes;
  const footer = await footerOf(segment, sizeBytes);
  if (footer !== undefined) {
    segment.endBytes = footer.startsAt;
    return { segment, routes: footer.routes, rows: slices(footer, turn), cut: false };
  }
  return { segment, routes, rows: scan(segment, sizeBytes), cut: true };
}

async function footerOf(
  segment: Segment,
  sizeBytes: number,
): Promise<(NonNullable<ReturnType<typeof readFooter>> & { startsAt: number }) | undefined> {
  if (sizeBytes < TRAILER_BYTES) return undefined;
  const end = Buffer.alloc(TRAILER_BYTES);
  await segment.file.read(end, sizeBytes - TRAILER_BYTES);
  const trailer = readTrailer(end);
  if (trailer === undefined || trailer.startsAt >= sizeBytes) return undefined;
  const whole = Buffer.alloc(sizeBytes - trailer.startsAt);
  await segment.file.read(whole, trailer.startsAt);
  const footer = readFooter(whole);
  return footer === undefined ? undefined : { ...footer, startsAt: trailer.startsAt };
}

async function* slices(
  footer: { readonly count: number; row(index: number): Row },
  turn: () => Promise<void>,
): AsyncGenerator<Row> {
  for (let index = 0; index < footer.count; index += 1) {
    if (index % SLICE === SLICE - 1) await turn();
    yield footer.row(index);
  }
}

/** Walks from record to record. What lies behind the first damaged one is cut off. */
async function* scan(segment: Segment, sizeBytes: number): AsyncGenerator<Row> {
  let at = 0;
  while (at + HEAD_BYTES <= sizeBytes) {
    const row = await recordAt(segment, at, sizeBytes);
    if (row === undefined) break;
    yield { ...row, offset: at };
    at += lengthOf(row);
  }
  segment.endBytes = at;
  segment.fileBytes = at;
  await segment.file.truncate(at);
}

async function recordAt(segment: Segment, at: number, sizeBytes: number): Promise<Row | undefined> {
  const head = Buffer.alloc(HEAD_BYTES);
  await segment.file.read(head, at);
  const row = readHead(head);
  if (row === undefined || row.keyBytes + row.headBytes > LABELS_BYTES_MAX) return undefined;
  if (at + lengthOf(row) > sizeBytes) return undefined;
  const labelled = Buffer.alloc(bodyAt(row));
  await segment.file.read(labelled, at);
  return headIsWhole(labelled, row) ? row : undefined;
}

/** Renewals and removals are a head alone. */
function lengthOf(row: Row): number {
  return row.kind === Kind.RENEWAL || row.kind === Kind.REMOVAL ? HEAD_BYTES : recordBytes(row);
}

interface LoadParts {
  readonly files: DiskFiles;
  readonly routes: readonly string[];
  readonly log: SegmentLog;
  readonly index: DiskIndex;
  readonly segments: Map<number, Segment>;
  /** Removed since the start, before it was known. */
  readonly isRemoved: (hash: Hash64) => boolean;
  readonly onTrouble: (error: unknown) => void;
  readonly turn: () => Promise<void>;
}

/** Rebuilds the index from what is on disk, segment by segment; others run in between, and see what is known so far. */
export async function loadSegments(parts: LoadParts): Promise<void> {
  const { files, routes, log, segments, onTrouble, turn } = parts;
  const found = await openSegments(files, onTrouble);
  for (const segment of found) {
    segment.sealed = true;
    segments.set(segment.id, segment);
    log.adopt(segment);
  }
  log.prepare();
  for (const segment of found) {
    try {
      const { rows, routes: names } = await readSegment(segment, routes, turn);
      const ids = names.map((name) => routes.indexOf(name));
      for await (const row of rows) replay(parts, segment, row, ids[row.route] ?? NONE);
      if (segment.endBytes === 0) {
        segments.delete(segment.id);
        await log.drop(segment);
      }
    } catch (error) {
      onTrouble(error);
    }
  }
}

/** One record of the time before this start. What was written since then is newer. */
function replay({ index, isRemoved }: LoadParts, segment: Segment, row: Row, route: number): void {
  segment.youngestS = Math.max(segment.youngestS, row.storedS);
  const hash = { lo: row.hashLo, hi: row.hashHi };
  const old = index.find(hash);
  if (old !== NONE && index.segment(old) > segment.id) return;
  if (row.kind === Kind.RENEWAL) {
    if (old !== NONE) index.renew(old, row);
    return;
  }
  if (row.kind === Kind.RESERVED) return;
  if (old !== NONE) index.remove(old);
  if (row.kind !== Kind.RESPONSE || route === NONE || index.isFull || isRemoved(hash)) return;
  const slot = index.take({ ...row, route }, segment.id);
  index.link(slot);
  segment.slots.push(slot);
}
