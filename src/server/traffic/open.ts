import type { HashKey } from '../../base/hash.ts';
import type { Config } from '../../config/config.ts';
import type { DiskFiles } from '../../store/disk/files.ts';
import { KEY_FILE } from '../../traffic/record/names.ts';
import { DiskRing } from './disk-ring.ts';
import { MemoryRing } from './memory-ring.ts';
import type { TrafficPlace } from './traffic.ts';

/** What a node begins its record with. */
export interface OpenTraffic {
  /** Undefined where traffic is not recorded. */
  readonly place: TrafficPlace | undefined;
  /** With which keys are hashed: that of the record, so that the records of several runs agree. */
  readonly hashKey: HashKey;
  /** Why it is kept in memory, where it is. */
  readonly note: string | undefined;
}

/**
 * Opens the record that the configuration asks for; where that is not possible, one in memory. Never rejects.
 *
 * @param openDirectory undefined for a node that has no place of its own.
 * @param fresh 64 random bits.
 */
export async function openTraffic(
  { traffic }: Pick<Config, 'traffic'>,
  openDirectory: ((path: string) => Promise<DiskFiles>) | undefined,
  fresh: HashKey,
): Promise<OpenTraffic> {
  if (!traffic.record) return { place: undefined, hashKey: fresh, note: undefined };
  const { path, paths, sizeBytes, keepS } = traffic;
  const inMemory = (note: string): OpenTraffic => ({
    place: { ring: new MemoryRing(sizeBytes, keepS * 1000), path: undefined, paths },
    hashKey: fresh,
    note,
  });
  if (openDirectory === undefined)
    return inMemory('a node without a configuration file has no directory for it');
  try {
    const files = await openDirectory(path);
    const hashKey = await readKey(files, fresh);
    const ring = await DiskRing.open(files, sizeBytes, keepS * 1000);
    return { place: { ring, path, paths }, hashKey, note: undefined };
  } catch (error) {
    return inMemory((error as Error).message);
  }
}

/**
 * The secret that keys are hashed with; made at the first start. Whoever has it can find out whether a path he guesses was
 * asked for, and can aim for one bucket of the index: it is not part of any export.
 */
async function readKey(files: DiskFiles, fresh: HashKey): Promise<HashKey> {
  const file = await files.open(KEY_FILE);
  try {
    const bytes = Buffer.alloc(Math.min(64, await file.size()));
    await file.read(bytes, 0);
    const known = /^([0-9a-f]{8})([0-9a-f]{8})\n$/.exec(bytes.toString('latin1'));
    if (known !== null) return { k0: Number.parseInt(known[1]!, 16), k1: Number.parseInt(known[2]!, 16) };
    const text = [fresh.k0, fresh.k1].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
    await file.truncate(0);
    await file.write([Buffer.from(`${text}\n`)], 0);
    await file.sync();
    return { k0: fresh.k0 >>> 0, k1: fresh.k1 >>> 0 };
  } finally {
    await file.close();
  }
}
