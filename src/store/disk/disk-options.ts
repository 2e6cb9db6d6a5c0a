import type { Clock } from '../../base/clock.ts';
import type { HashKey } from '../../base/hash.ts';
import type { DiskPurges } from './disk-purges.ts';
import type { DiskFiles } from './files.ts';
import type { Floor } from './log.ts';

/** What a disk tier is made of. Sizes in bytes. */
export interface DiskTierOptions {
  readonly files: DiskFiles;
  /** What the directory holds at the start. */
  readonly names: readonly string[];
  readonly clock: Clock;
  readonly hashKey: HashKey;
  /** Most bytes of all files. */
  readonly budgetBytes: number;
  readonly segmentBytes: number;
  readonly objectBytesMax: number;
  readonly floor: Floor;
  /** The purges that what is on disk has to obey. */
  readonly purges: DiskPurges;
  /** Nothing younger leaves for want of room: the newcomer is refused. */
  readonly minResidencyS: number;
  /** Part of the disk that is the variants', 0.25 to 0.9, a half by default; originals are kept within the rest. */
  readonly variantsShare?: number;
  /** Names of the routes, in the order of their ids. Records of other routes are forgotten. */
  readonly routes: readonly string[];
  /** Told when the disk begins to fail, with the error, and when it works again. */
  readonly onTrouble?: (trouble: string | undefined) => void;
  /** Told of each read that failed; what was to be read is fetched from the origin. */
  readonly onReadError?: (trouble: string) => void;
}
