import { formatCount } from '../../base/units.ts';
import { type BlockHead, HEAD_BYTES, MAGIC, payloadIsWhole, readHead } from './format.ts';

/** Bytes that blocks stand in: a file, or memory. */
export interface BlockSource {
  /** For people: a file's path, `memory`. */
  readonly name: string;
  readonly sizeBytes: number;
  /** At most `length` bytes from `position` on; fewer only where it ends. Valid until the next call. @throws the system's error. */
  read(position: number, length: number): Uint8Array;
}

/** Where a block stands, and what its head says. */
export interface Block extends BlockHead {
  readonly source: BlockSource;
  readonly position: number;
  /** Time of its last row; {@link BlockHead.baseMs} is that of its first. */
  readonly toMs: number;
}

/** What there is in a source. */
export interface Found {
  readonly blocks: readonly Block[];
  /** What could not be read, in words. */
  readonly damage: readonly string[];
}

/** Looked through at once for the next block behind damage. */
const SEARCH_BYTES = 1024 * 1024;
/** Most damaged places that are told one by one. */
const TOLD_MAX = 20;

/**
 * Finds the blocks of a source, in the order in which they stand there. Reads all of it once (about 1 s a GB), and needs memory
 * for one block and 150 bytes for each.
 *
 * @throws Error that says what to do when it was written by a newer version, or is something else altogether.
 */
export function findBlocks(source: BlockSource): Found {
  const blocks: Block[] = [];
  const damage: string[] = [];
  let at = 0;
  let lost = 0;
  while (at < source.sizeBytes) {
    const block = blockAt(source, at);
    if (block !== undefined) {
      blocks.push(block);
      at += HEAD_BYTES + block.storedBytes;
      continue;
    }
    const next = nextMagic(source, at + 1);
    if (next === source.sizeBytes && blocks.length === 0 && lost === 0) refuseForeign(source);
    lost += 1;
    const torn = next === source.sizeBytes ? 'torn at its end' : 'damaged';
    if (lost <= TOLD_MAX)
      damage.push(
        `${source.name}: ${torn}, ${formatCount(next - at)} bytes from ${formatCount(at)} on are lost`,
      );
    at = next;
  }
  if (lost > TOLD_MAX) damage.push(`${source.name}: ${formatCount(lost - TOLD_MAX)} further damaged places`);
  return { blocks, damage };
}

/** The whole block that starts there, or undefined. @throws Error when it is of a newer version. */
function blockAt(source: BlockSource, position: number): Block | undefined {
  const head = readHead(source.read(position, HEAD_BYTES));
  if (typeof head === 'number')
    throw new Error(
      `${source.name} is a traffic record of version ${head}; this Holdfast reads version 1. Use a newer Holdfast.`,
    );
  if (head === undefined || position + HEAD_BYTES + head.storedBytes > source.sizeBytes) return undefined;
  if (!payloadIsWhole(head, source.read(position + HEAD_BYTES, head.storedBytes))) return undefined;
  return { ...head, source, position, toMs: head.baseMs + head.spanUs / 1000 };
}

/** Where the next magic stands, at `from` or behind it; the source's end when there is none. */
function nextMagic(source: BlockSource, from: number): number {
  for (let at = from; at < source.sizeBytes; at += SEARCH_BYTES) {
    // Also one that stands across the border.
    const piece = source.read(at, SEARCH_BYTES + MAGIC.length - 1);
    const found = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength).indexOf(MAGIC);
    if (found >= 0) return at + found;
  }
  return source.sizeBytes;
}

/** A file that begins as a record and is torn in its first block is one; any other is not. */
function refuseForeign(source: BlockSource): void {
  const start = source.read(0, MAGIC.length);
  if (start.every((byte, index) => byte === MAGIC[index])) return;
  throw new Error(
    `${source.name} is not a traffic record. Logs of other servers become one by \`holdfast traffic import\`.`,
  );
}
