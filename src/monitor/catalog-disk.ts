import type { MetricSpec } from './catalog.ts';

const GROUP = 'The disk tier';

/** The disk tier as metrics: a part of the catalogue. All are absent without one. */
export const DISK_METRICS = [
  {
    name: 'holdfast_disk_state',
    type: 'gauge',
    unit: 'flag',
    labels: ['state'],
    group: GROUP,
    prose:
      '1 for the state it is in: `loading` (what is on disk is still being read), `ready`, `degraded` (nothing is written; the log says why), `closed`.',
  },
  {
    name: 'holdfast_disk_budget_bytes',
    type: 'gauge',
    unit: 'bytes',
    labels: [],
    group: GROUP,
    prose: 'What its files may take.',
  },
  {
    name: 'holdfast_disk_used_bytes',
    type: 'gauge',
    unit: 'bytes',
    labels: [],
    group: GROUP,
    prose: 'What they take, those included that only running answers still read.',
  },
  {
    name: 'holdfast_disk_backlog_bytes',
    type: 'gauge',
    unit: 'bytes',
    labels: [],
    group: GROUP,
    prose: 'Waits in memory to be written. Near 64 MiB for long: the disk is too slow for what is stored.',
  },
  {
    name: 'holdfast_disk_unsynced_bytes',
    type: 'gauge',
    unit: 'bytes',
    labels: [],
    group: GROUP,
    prose:
      'What would be lost with the machine now: the backlog, and what was written since the last sync, a second ago at most.',
  },
  {
    name: 'holdfast_disk_entries',
    type: 'gauge',
    unit: 'entries',
    labels: [],
    group: GROUP,
    prose: 'Responses on disk.',
  },
  {
    name: 'holdfast_disk_share_entries',
    type: 'gauge',
    unit: 'entries',
    labels: ['kind'],
    group: GROUP,
    prose: 'Responses on disk, originals and variants apart.',
  },
  {
    name: 'holdfast_disk_share_bytes',
    type: 'gauge',
    unit: 'bytes',
    labels: ['kind'],
    group: GROUP,
    prose:
      'Bytes of their records, of those that can still be found. The shares are those of cache.disk.variantsShare.',
  },
  {
    name: 'holdfast_disk_index_bytes',
    type: 'gauge',
    unit: 'bytes',
    labels: [],
    group: GROUP,
    prose: 'Memory of their index, beside the budget of the memory tier.',
  },
  {
    name: 'holdfast_disk_insertions_total',
    type: 'counter',
    unit: 'entries',
    labels: [],
    group: GROUP,
    prose: 'Responses written.',
  },
  {
    name: 'holdfast_disk_written_bytes_total',
    type: 'counter',
    unit: 'bytes',
    labels: [],
    group: GROUP,
    prose: 'Bytes written, re-insertions and bookkeeping included. What wears a flash disk.',
  },
  {
    name: 'holdfast_disk_refused_total',
    type: 'counter',
    unit: 'entries',
    labels: ['reason'],
    group: GROUP,
    prose:
      'Responses that were not written: `too-large`, `busy` (the backlog is full), `young` (nothing may leave yet: minResidency), `floor` (minFree, minFreeInodes), `trouble` (the disk fails).',
  },
  {
    name: 'holdfast_disk_evictions_total',
    type: 'counter',
    unit: 'entries',
    labels: [],
    group: GROUP,
    prose: 'Responses that left the disk for want of room.',
  },
  {
    name: 'holdfast_disk_early_evictions_total',
    type: 'counter',
    unit: 'entries',
    labels: [],
    group: GROUP,
    prose: 'Those that were still usable. Many: the disk tier is too small.',
  },
  {
    name: 'holdfast_disk_reinsertions_total',
    type: 'counter',
    unit: 'entries',
    labels: [],
    group: GROUP,
    prose:
      'Responses that were written again instead of leaving: they had been asked for, or were originals that variants would have pushed out.',
  },
  {
    name: 'holdfast_disk_removals_total',
    type: 'counter',
    unit: 'entries',
    labels: [],
    group: GROUP,
    prose: 'Responses that were removed for another reason than room: purged, replaced by an error, damaged.',
  },
  {
    name: 'holdfast_disk_lost_total',
    type: 'counter',
    unit: 'entries',
    labels: [],
    group: GROUP,
    prose: 'Responses that were lost because their file could not be written. Should be 0.',
  },
  {
    name: 'holdfast_disk_damaged_total',
    type: 'counter',
    unit: 'entries',
    labels: [],
    group: GROUP,
    prose:
      'Responses whose checksums did not agree when they were read: never served, and fetched anew. More than a few after a crash: the disk is failing.',
  },
  {
    name: 'holdfast_disk_errors_total',
    type: 'counter',
    unit: 'operations',
    labels: ['operation'],
    group: GROUP,
    prose: 'Reads and writes that the system failed. Should be 0.',
  },
  {
    name: 'holdfast_disk_promotions_total',
    type: 'counter',
    unit: 'requests',
    labels: ['result'],
    group: GROUP,
    prose:
      'Requests whose response was found on disk: `kept` in memory from then on, `lent` (sent from the disk: too large for memory, or no room there), `failed` (damaged, or not read in time: the origin was asked).',
  },
] as const satisfies readonly MetricSpec[];
