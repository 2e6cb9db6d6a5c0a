import type { HashKey } from '../../base/hash.ts';
import { sizeText } from '../../base/units.ts';
import type { DiskFiles, DiskSpace } from './files.ts';
import { FORMAT_VERSION } from './format.ts';
import { type DiskTierOptions, LogDiskTier } from './tier.ts';

/** What an operator says of the directory, and what the node knows. */
export interface OpenOptions extends Omit<DiskTierOptions, 'hashKey' | 'segmentBytes' | 'floor'> {
  /** How messages call the directory. */
  readonly path: string;
  readonly segmentBytes?: number;
  readonly minFreeBytes: number;
  readonly minFreeInodes: number;
  /** The directory must be a file system of its own: refuse it when nothing is mounted there. */
  readonly requireMount: boolean;
  /** For a directory that is new. */
  readonly newHashKey: HashKey;
}

/** Says who made the directory: version, the key of its index, and the file system it lay on. */
const META = 'holdfast.json';
const MIB = 2 ** 20;
const SEGMENT_BYTES_MAX = 64 * MIB;
/** Fewer, and an eviction would be too large a part of everything. */
const SEGMENTS_MIN = 8;

/** Segments are 64 MiB, smaller in a small budget: at least eight of them. */
export function segmentBytesFor(budgetBytes: number): number {
  return Math.min(SEGMENT_BYTES_MAX, Math.floor(budgetBytes / SEGMENTS_MIN));
}

/**
 * Opens a directory as a disk tier. It serves at once, with what is known so far; `ready` tells when that is all.
 *
 * @throws Error that says what is wrong with the directory and what to do; nothing was written then.
 */
export async function openDiskTier(options: OpenOptions): Promise<LogDiskTier> {
  const { files, path, budgetBytes } = options;
  const space = await files.space();
  checkSpace(space, options);
  const unlock = await files.lock();
  if (unlock === undefined) {
    throw new Error(`${path} is in use by another process; give each node a directory of its own`);
  }
  try {
    const hashKey = await readMeta(files, path, space, options.newHashKey);
    const tier = new LogDiskTier({
      ...options,
      hashKey,
      segmentBytes: options.segmentBytes ?? segmentBytesFor(budgetBytes),
      floor: { freeBytes: options.minFreeBytes, freeInodes: options.minFreeInodes },
    });
    tier.onClosed = unlock;
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
      `${path} lies on a file system of ${sizeText(space.totalBytes)}: a size of ${sizeText(budgetBytes)} and minFree of ${sizeText(minFreeBytes)} do not fit; choose less, or a larger disk`,
    );
  }
}

async function readMeta(
  files: DiskFiles,
  path: string,
  space: DiskSpace,
  newHashKey: HashKey,
): Promise<HashKey> {
  const isNew = !(await files.list()).includes(META);
  const file = await files.open(META);
  try {
    if (isNew) {
      const text = JSON.stringify({ format: FORMAT_VERSION, hashKey: newHashKey, device: space.device });
      await file.write([Buffer.from(`${text}\n`)], 0);
      await file.sync();
      await files.syncNames();
      return newHashKey;
    }
    const bytes = Buffer.alloc(await file.size());
    await file.read(bytes, 0);
    return checkMeta(bytes.toString(), path, space);
  } finally {
    await file.close();
  }
}

function checkMeta(text: string, path: string, space: DiskSpace): HashKey {
  let meta: { format?: unknown; hashKey?: Partial<HashKey>; device?: unknown };
  try {
    meta = JSON.parse(text) as typeof meta;
  } catch {
    throw new Error(
      `${path}/${META} cannot be read; remove the directory's content to start with an empty cache`,
    );
  }
  if (meta.format !== FORMAT_VERSION) {
    throw new Error(
      `${path} was written in format ${String(meta.format)}, and this version knows ${FORMAT_VERSION}; use the newer version, or another directory`,
    );
  }
  if (meta.device !== space.device) {
    throw new Error(
      `${path} was made on another file system: its disk may not be mounted, or was copied; mount it, or remove ${META} there to begin anew`,
    );
  }
  const { k0, k1 } = meta.hashKey ?? {};
  if (!Number.isInteger(k0) || !Number.isInteger(k1)) {
    throw new Error(
      `${path}/${META} is damaged; remove the directory's content to start with an empty cache`,
    );
  }
  return { k0: k0!, k1: k1! };
}
