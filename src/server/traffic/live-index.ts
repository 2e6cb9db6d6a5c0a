import type { HashKey } from '../../base/hash.ts';
import { FACTS, Flag } from '../../cache/entries.ts';
import { KeyBuffer } from '../../cache/key.ts';
import type { WarmEntry } from '../../simulate/plan.ts';
import { warmHead, warmLine } from '../../simulate/warm-index.ts';
import type { LogDiskTier } from '../../store/disk/tier.ts';
import type { MemoryTier } from '../../store/memory/tier.ts';

/** Responses that are told in one turn of the event loop: some 3 ms. */
const SLICE = 1_000;

/** What the index of a node is read from. */
export interface IndexParts {
  readonly tier: MemoryTier;
  readonly disk: LogDiskTier | undefined;
  readonly hashKey: HashKey;
  readonly nowMs: () => number;
  /** Resolves in a later turn of the event loop. */
  readonly turn: () => Promise<void>;
  /** By id. */
  readonly routeNames: readonly string[];
  /** Whether the keys of a route have a host in them. */
  readonly keyHost: (route: string) => boolean;
}

/**
 * What a node holds, as text, a piece for each turn: the disk tier's responses from the oldest to the youngest, then those in
 * memory from the coldest to the hottest. What leaves meanwhile is left out. The order takes 50 ms for a million of them, at once.
 *
 * On disk the hashes are the disk tier's: where it was made before the record was, they are others, and it is left out. A
 * variant there is told with its own hash in the place of its original's.
 */
export async function* liveIndex(parts: IndexParts): AsyncGenerator<string> {
  yield warmHead(parts.nowMs());
  const key = new KeyBuffer(parts.hashKey);
  if (parts.disk !== undefined && hashesAlike(parts.disk, key)) yield* onDisk(parts, parts.disk);
  yield* inMemory(parts, key);
}

async function* inMemory(
  { tier, routeNames, keyHost, turn }: IndexParts,
  key: KeyBuffer,
): AsyncGenerator<string> {
  const { entries } = tier.cache;
  const slots = [...tier.cache.coldestFirst()];
  for (let from = 0; from < slots.length; from += SLICE) {
    let text = '';
    for (const slot of slots.slice(from, from + SLICE)) {
      const flags = entries.flags(slot);
      if (!entries.visible(slot) || (flags & (Flag.VARY | Flag.GUEST)) !== 0) continue;
      const primary = primaryOf(tier.keyText(slot), keyHost);
      const recordBytes = entries.recordBytes(slot);
      text += warmLine({
        keyLo: entries.hashLo(slot),
        keyHi: key.set(primary).hi,
        route: routeNames[entries.route(slot)] ?? '',
        status: entries.status(slot),
        recordBytes,
        bodyBytes: recordBytes - entries.keyBytes(slot) - entries.headBytes(slot),
        bornS: entries.bornS(slot),
        freshUntilS: entries.freshUntilS(slot),
        revalidateUntilS: entries.revalidateUntilS(slot),
        errorUntilS: entries.errorUntilS(slot),
        storedS: entries.storedS(slot),
        flags: flags & FACTS,
        tier: 'memory',
      });
    }
    yield text;
    await turn();
  }
}

async function* onDisk({ routeNames, turn }: IndexParts, disk: LogDiskTier): AsyncGenerator<string> {
  const { index } = disk;
  const slots = [...index.responses()].sort(
    (a, b) => index.segment(a) - index.segment(b) || index.offset(a) - index.offset(b),
  );
  for (let from = 0; from < slots.length; from += SLICE) {
    let text = '';
    for (const slot of slots.slice(from, from + SLICE)) {
      if (!index.used(slot)) continue;
      const { hashLo, hashHi, keyBytes, headBytes, route, ...row } = index.row(slot, 0);
      if ((row.flags & Flag.VARY) !== 0) continue;
      const recordBytes = keyBytes + headBytes + row.bodyBytes;
      const entry: WarmEntry = {
        ...row,
        keyLo: hashLo,
        keyHi: hashHi,
        route: routeNames[route] ?? '',
        recordBytes,
        tier: 'disk',
      };
      text += warmLine(entry);
    }
    yield text;
    await turn();
  }
}

/** A key without what chooses a variant: route, host where that is in it, and the resource, none of which has a space. */
function primaryOf(key: string, keyHost: (route: string) => boolean): string {
  const parts = key.split(' ');
  return parts.slice(0, keyHost(parts[0]!) ? 3 : 2).join(' ');
}

function hashesAlike(disk: LogDiskTier, key: KeyBuffer): boolean {
  const { lo, hi } = key.set('the same?');
  const other = disk.hash(key.bytes, key.length);
  return other.lo === lo && other.hi === hi;
}
