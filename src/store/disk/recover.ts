import { NONE } from '../../cache/entries.ts';
import type { DiskIndex } from './disk-index.ts';
import {
  bodyAt,
  HEAD_BYTES,
  headIsWhole,
  Kind,
  lengthOf,
  type Row,
  readFooter,
  readHead,
  readTrailer,
  seedAt,
  TRAILER_BYTES,
  writeFooter,
} from './format.ts';
import type { SegmentLog } from './log.ts';
import { SEGMENT_NAME, type Segment } from './segment.ts';

/** Read at a time where there is no footer. Longer than the longest key and head-lines. */
const WINDOW_BYTES = 1024 * 1024;
/** Longest key and head-lines together: both are counted in 16 bits. */
const LABELS_BYTES_MAX = 2 * 0xffff;
/** Rows that are taken in before others get a turn: some milliseconds. */
const SLICE = 16_384;

/** What the start of a tier needs of it. */
export interface LoadParts {
  /** Of all files in the directory. */
  readonly names: readonly string[];
  readonly secret: number;
  readonly routes: readonly string[];
  readonly log: SegmentLog;
  readonly index: DiskIndex;
  readonly segments: Map<number, Segment>;
  readonly onTrouble: (error: unknown) => void;
  /** Lets others run. */
  readonly turn: () => Promise<void>;
}

/** What a segment says of itself. */
interface Contents {
  readonly routes: readonly string[];
  readonly count: number;
  row(index: number): Row;
}

/** Opens what is there and takes it over; nothing of it is read yet. */
export async function adoptSegments(parts: LoadParts): Promise<Segment[]> {
  const { log, segments } = parts;
  const found = await openSegments(parts);
  for (const [segment, sizeBytes] of found) {
    segments.set(segment.id, segment);
    log.adopt(segment, sizeBytes);
  }
  await log.start();
  return found.map(([segment]) => segment);
}

/**
 * Rebuilds the index from what is on disk, from the youngest record to the oldest: so what is found while others run in between is
 * never of the past. Bodies are not read: they are verified when they are asked for. Some 100 ns for each response.
 */
export async function readSegments(parts: LoadParts, found: readonly Segment[]): Promise<void> {
  const { log, segments, onTrouble } = parts;
  for (const segment of [...found].reverse()) {
    try {
      const contents = await contentsOf(parts, segment, segment.fileBytes);
      // A full disk: it had to make room meanwhile, as the oldest, and nothing older is left either.
      if (segment.leaving) continue;
      if (contents !== undefined) await takeIn(parts, segment, contents);
      // Commits in younger segments may be about what lies here.
      if ((contents?.count ?? 0) > 0 || segment.slots.length > 0) continue;
      segments.delete(segment.id);
      await log.drop(segment);
    } catch (error) {
      onTrouble(error);
    }
  }
}

/** What cannot be opened is told and left alone. */
async function openSegments({ names, log, onTrouble }: LoadParts): Promise<[Segment, sizeBytes: number][]> {
  const segments: [Segment, number][] = [];
  for (const name of names.filter((each) => SEGMENT_NAME.test(each)).sort()) {
    try {
      const segment = await log.open(Number(SEGMENT_NAME.exec(name)![1]));
      segments.push([segment, await segment.file.size()]);
    } catch (error) {
      onTrouble(error);
    }
  }
  return segments;
}

async function takeIn(parts: LoadParts, segment: Segment, contents: Contents): Promise<void> {
  const ids = contents.routes.map((name) => parts.routes.indexOf(name));
  for (let index = contents.count - 1; index >= 0; index -= 1) {
    if (index % SLICE === SLICE - 1) await parts.turn();
    if (segment.leaving) return;
    const row = contents.row(index);
    replay(parts, { ...row, route: ids[row.route] ?? -1 }, segment);
  }
}

/** One record of the time before this start. */
function replay({ index, segments }: LoadParts, row: Row, where: Segment): void {
  // A commit may be about a record whose segment has left.
  const segment = row.kind === Kind.COMMIT ? segments.get(row.segment) : where;
  const isThere = row.kind !== Kind.REMOVAL && row.route >= 0;
  const slot = index.recall(row, isThere ? segment?.id : undefined);
  if (slot === NONE) return;
  segment!.date(row.storedS);
  segment!.slots.push(slot);
}

/** Undefined for what is no segment of this version and directory. */
async function contentsOf(
  parts: LoadParts,
  segment: Segment,
  sizeBytes: number,
): Promise<Contents | undefined> {
  const window = await readAt(segment, 0, Math.min(LABELS_BYTES_MAX + HEAD_BYTES, sizeBytes));
  const names = wholeRecord(window, 0, segment.id, parts.secret);
  if (names?.kind !== Kind.NAMES) return undefined;
  const startsAt = lengthOf(names);
  const routes = JSON.parse(window.toString('utf8', HEAD_BYTES, startsAt)) as string[];
  const footer = await footerOf(segment, sizeBytes, parts.secret);
  if (footer !== undefined) return { routes, ...footer };
  const rows = await scan(parts, segment, startsAt, sizeBytes);
  return { routes, count: rows.length, row: (index) => rows[index]! };
}

async function footerOf(segment: Segment, sizeBytes: number, secret: number) {
  if (sizeBytes < TRAILER_BYTES) return undefined;
  const startsAt = readTrailer(await readAt(segment, sizeBytes - TRAILER_BYTES, TRAILER_BYTES));
  if (startsAt === undefined || startsAt > sizeBytes - TRAILER_BYTES) return undefined;
  const footer = readFooter(await readAt(segment, startsAt, sizeBytes - startsAt), segment.id, secret);
  if (footer !== undefined) segment.endBytes = startsAt;
  return footer;
}

/**
 * A segment without a whole footer was being written to when its process ended: walks from record to record. What lies behind
 * the first damaged one is cut off, and a footer is written, so that this is done once.
 */
async function scan(
  { log, secret, turn, onTrouble }: LoadParts,
  segment: Segment,
  startsAt: number,
  sizeBytes: number,
): Promise<Row[]> {
  const rows: Row[] = [];
  let at = startsAt;
  for (let more = true; more; ) {
    const window = await readAt(segment, at, Math.min(WINDOW_BYTES, sizeBytes - at));
    let inside = 0;
    let row = wholeRecord(window, inside, segment.id, secret, at);
    while (row !== undefined && at + inside + lengthOf(row) <= sizeBytes) {
      if (row.kind !== Kind.RESERVED) rows.push(row);
      inside += lengthOf(row);
      row = wholeRecord(window, inside, segment.id, secret, at);
    }
    more = inside > 0;
    at += inside;
    await turn();
  }
  const footer = writeFooter(rows, segment.id, at, secret);
  segment.endBytes = at;
  log.recut(segment, at + footer.length);
  try {
    await segment.file.truncate(at);
    await segment.file.write([footer], at);
    await segment.file.sync();
  } catch (error) {
    onTrouble(error);
  }
  return rows;
}

/** The record at `at` of a window that starts at `base` of its segment; undefined when it is damaged or not all inside. */
function wholeRecord(window: Buffer, at: number, segment: number, secret: number, base = 0): Row | undefined {
  const bytes = window.subarray(at);
  const row = readHead(bytes);
  if (row === undefined || (row.kind !== Kind.COMMIT && bodyAt(row) > LABELS_BYTES_MAX + HEAD_BYTES))
    return undefined;
  return headIsWhole(bytes, row, seedAt(secret, segment, base + at)) ? row : undefined;
}

async function readAt(segment: Segment, from: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(Math.max(0, length));
  return bytes.subarray(0, await segment.file.read(bytes, from));
}
