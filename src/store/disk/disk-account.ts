import type { ClassLevels } from '../../cache/division.ts';
import type { DiskIndex } from './disk-index.ts';
import type { NoRoom, SegmentLog } from './log.ts';
import type { OwedRemovals } from './owed.ts';

/** How the tier is: `degraded` reads what it can and writes nothing. */
export type DiskState = 'loading' | 'ready' | 'degraded' | 'closed';

/** What a disk tier says of itself. Counters only grow; the rest are levels. Sizes in bytes. */
export interface DiskSnapshot {
  readonly state: DiskState;
  readonly budgetBytes: number;
  /** Length of all files, footers included, and also of those that only running answers still read. */
  readonly usedBytes: number;
  /** Appended and not in the files yet. */
  readonly backlogBytes: number;
  /** Would be lost with the machine now: the backlog, and what was written since the last sync. */
  readonly unsyncedBytes: number;
  /** Removals that are not written down yet: what they are about could be found again after a crash. */
  readonly owedRemovals: number;
  readonly entries: number;
  readonly segments: number;
  /** Of the entries: how many each class has, with the bytes of their records. */
  readonly originals: ClassLevels;
  readonly variants: ClassLevels;
  /** Memory of the index, beside the budget of the memory tier. */
  readonly indexBytes: number;
  readonly insertions: number;
  readonly writtenBytes: number;
  readonly loads: number;
  /** Entries that left for want of room, and those of them that were still usable. */
  readonly evictions: number;
  readonly earlyEvictions: number;
  readonly reinsertions: number;
  readonly removals: number;
  /** Entries whose file could not be written. */
  readonly lost: number;
  readonly refused: Readonly<Record<NoRoom, number>>;
  /** Records whose checksums did not agree: dropped, never served. */
  readonly damaged: number;
  readonly readErrors: number;
  readonly writeErrors: number;
}

/** The counters of a disk tier. */
export class DiskAccount {
  insertions = 0;
  loads = 0;
  evictions = 0;
  earlyEvictions = 0;
  reinsertions = 0;
  removals = 0;
  lost = 0;
  damaged = 0;
  readErrors = 0;
  writeErrors = 0;
  readonly refused: Record<NoRoom, number> = { 'too-large': 0, busy: 0, young: 0, floor: 0, trouble: 0 };
}

/** Where a snapshot reads. */
export interface Observed {
  readonly state: DiskState;
  readonly log: SegmentLog;
  readonly owed: OwedRemovals;
  readonly index: DiskIndex;
  readonly account: DiskAccount;
  readonly arePurgesSaved: boolean;
}

/** What the tier says of itself, as of now. */
export function snapshotOf({ state, log, owed, index, account, arePurgesSaved }: Observed): DiskSnapshot {
  return {
    state,
    budgetBytes: log.budgetBytes,
    usedBytes: log.usedBytes,
    backlogBytes: log.queue.backlogBytes,
    unsyncedBytes: log.queue.unsyncedBytes,
    owedRemovals: owed.count + (arePurgesSaved ? 0 : 1),
    entries: index.count,
    segments: log.segments.length,
    originals: { ...index.levels.originals },
    variants: { ...index.levels.variants },
    indexBytes: index.heldBytes,
    writtenBytes: log.queue.writtenBytes,
    ...account,
    refused: { ...account.refused },
  };
}
