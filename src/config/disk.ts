const MIB = 1024 ** 2;
const SEGMENT_BYTES_MAX = 64 * MIB;
/** Offsets in a segment have 32 bits, and a longer one would take too long to read after a crash. */
const LARGE_SEGMENT_BYTES_MAX = 1024 * MIB;
/** Fewer, and an eviction would be too large a part of everything. */
const SEGMENTS_MIN = 8;
/** Each is an open file. */
const SEGMENTS_WANTED_MAX = 1024;
/** Key, field lines, checksums and the footer, beside the body. */
const BESIDE_BODY_BYTES = MIB / 4;
const MAX_OBJECT_BYTES = 64 * MIB;

/** Length of the files that a disk tier of that size writes: 64 MiB; less below 512 MiB, more above 64 GiB. */
export function diskSegmentBytes(sizeBytes: number): number {
  const common = Math.min(SEGMENT_BYTES_MAX, Math.floor(sizeBytes / SEGMENTS_MIN));
  const large = Math.min(LARGE_SEGMENT_BYTES_MAX, Math.floor(sizeBytes / SEGMENTS_WANTED_MAX));
  return Math.max(common, large);
}

/** The largest body that fits one of them. */
export function diskObjectBytesMax(sizeBytes: number): number {
  return diskSegmentBytes(sizeBytes) - BESIDE_BODY_BYTES;
}

/** The largest response that the disk tier stores: as configured, else 64 MiB, but at most what fits. */
export function largestOnDisk(disk: {
  readonly sizeBytes: number;
  readonly maxObjectBytes: number | undefined;
}): number {
  return disk.maxObjectBytes ?? Math.min(MAX_OBJECT_BYTES, diskObjectBytesMax(disk.sizeBytes));
}

/** Whether a path lies in a directory, or is it. As they are written: relative ones are relative to the same directory. */
export function isWithin(path: string, root: string): boolean {
  const [inner, outer] = [parts(path), parts(root)];
  return path.startsWith('/') === root.startsWith('/') && outer.every((part, i) => part === inner[i]);
}

/** Whether a files origin with that root would serve files of a directory: hidden ones it never does. */
export function wouldServe(root: string, directory: string): boolean {
  const below = parts(directory).slice(parts(root).length);
  return isWithin(directory, root) && !below.some((part) => part.startsWith('.'));
}

function parts(path: string): string[] {
  const kept: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..' && kept.length > 0 && kept.at(-1) !== '..') kept.pop();
    else if (part !== '' && part !== '.') kept.push(part);
  }
  return kept;
}
