import type { HashKey } from '../../base/hash.ts';
import { formatSize } from '../../base/units.ts';
import type { DiskTierOptions } from './disk-options.ts';
import { DiskPurges } from './disk-purges.ts';
import type { DiskSpace } from './files.ts';
import { FORMAT_VERSION } from './format.ts';
import { SEGMENT_NAME } from './segment.ts';
import { LogDiskTier } from './tier.ts';

/** What an operator says of the directory, and what the node knows. */
export interface OpenOptions extends Omit<DiskTierOptions, 'hashKey' | 'floor' | 'names' | 'purges'> {
  /** How messages call the directory. */
  readonly path: string;
  readonly minFreeBytes: number;
  readonly minFreeInodes: number;
  /** The directory must be a file system of its own: refuse it when nothing is mounted there. */
  readonly requireMount: boolean;
  /** For a directory that is new. */
  readonly newHashKey: HashKey;
}

/** Says in which version the directory was made, and the key of its index. */
const META = 'holdfast.json';
/** What may be in a new directory: what an interrupted start leaves, and what file systems put there. */
const OWN_NAMES = /^(?:holdfast\.json|lock(?:-journal)?|purges-[0-9]{10}\.jsonl|lost\+found)$/;

/**
 * Opens a directory as a disk tier. It serves at once, with what is known so far; `ready` tells when that is all.
 *
 * @throws Error that says what is wrong with the directory and what to do; nothing was written then.
 */
export async function openDiskTier(options: OpenOptions): Promise<LogDiskTier> {
  const { files, path } = options;
  const space = await files.space();
  checkSpace(space, options);
  const unlock = await files.lock();
  if (unlock === undefined) {
    throw new Error(`${path} is in use by another process; give each node a directory of its own`);
  }
  try {
    const hashKey = await readMeta(options);
    const purges = await DiskPurges.open(files, (error) =>
      options.onTrouble?.(`purges cannot be written, a restart may undo them: ${String(error)}`),
    );
    const tier = new LogDiskTier({
      ...options,
      hashKey,
      purges,
      names: await files.list(),
      floor: { freeBytes: options.minFreeBytes, freeInodes: options.minFreeInodes },
    });
    tier.onClosed = unlock;
    await tier.opened;
    return tier;
  } catch (error) {
    unlock();
    throw error;
  }
}

function checkSpace(space: DiskSpace, { path, requireMount, budgetBytes, minFreeBytes }: OpenOptions): void {
  if (space.isMemory) {
    throw new Error(
      `${path} lies in memory (tmpfs): nothing there outlives a restart, and it takes the memory that images need; choose a directory on a disk`,
    );
  }
  if (requireMount && space.device === space.parentDevice) {
    throw new Error(
      `${path} is not a file system of its own: its disk is not mounted; mount it, or set requireMount: false`,
    );
  }
  if (budgetBytes + minFreeBytes > space.totalBytes) {
    throw new Error(
      `${path} lies on a file system of ${formatSize(space.totalBytes)}: a size of ${formatSize(budgetBytes)} and minFree of ${formatSize(minFreeBytes)} do not fit; choose less, or a larger disk`,
    );
  }
}

async function readMeta({ files, path, newHashKey }: OpenOptions): Promise<HashKey> {
  const names = await files.list();
  if (!names.includes(META)) checkEmpty(names, path);
  const file = await files.open(META);
  try {
    const bytes = Buffer.alloc(await file.size());
    await file.read(bytes, 0);
    const known = checkMeta(bytes.toString(), path);
    if (known !== undefined) return known;
    checkEmpty(names, path);
    await file.truncate(0);
    await file.write(
      [Buffer.from(`${JSON.stringify({ format: FORMAT_VERSION, hashKey: newHashKey })}\n`)],
      0,
    );
    await file.sync();
    await files.syncNames();
    return newHashKey;
  } finally {
    await file.close();
  }
}

/** Without its description a directory is new: nothing of ours, or of anybody else's, may be in it. @throws Error otherwise. */
function checkEmpty(names: readonly string[], path: string): void {
  if (names.some((name) => SEGMENT_NAME.test(name))) {
    throw new Error(
      `${path}/${META} is missing or damaged, and without it the segments there cannot be read; bring it back, or remove the *.seg files to begin with an empty cache`,
    );
  }
  const other = names.find((name) => !OWN_NAMES.test(name));
  if (other !== undefined) {
    throw new Error(
      `${path} is not a directory of a disk tier, for "${other}" is in it; choose one that is empty or does not exist yet`,
    );
  }
}

/** @returns undefined for what says nothing. @throws Error for what another version wrote. */
function checkMeta(text: string, path: string): HashKey | undefined {
  let meta: { format?: unknown; hashKey?: Partial<HashKey> };
  try {
    meta = JSON.parse(text) as typeof meta;
  } catch {
    return undefined;
  }
  if (Number.isInteger(meta?.format) && meta.format !== FORMAT_VERSION) {
    throw new Error(
      `${path} was written in format ${String(meta.format)}, and this version knows ${FORMAT_VERSION}; use the newer version, or another directory`,
    );
  }
  const { k0, k1 } = meta?.hashKey ?? {};
  return meta?.format === FORMAT_VERSION && isWord(k0) && isWord(k1) ? { k0, k1 } : undefined;
}

function isWord(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32;
}
