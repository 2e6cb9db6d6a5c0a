import type { DISK_METRICS } from './catalog-disk.ts';
import type { Emit, MetricSource } from './readings.ts';
import type { DiskSnapshot } from './snapshot.ts';

type Reading = (source: MetricSource, emit: Emit<number>) => void;

/** Where the metrics of the disk tier come from. */
export const DISK_READINGS: { readonly [N in (typeof DISK_METRICS)[number]['name']]: Reading } = {
  holdfast_disk_state: ofDisk((disk, emit) => {
    for (const state of ['loading', 'ready', 'degraded', 'closed']) emit(disk.state === state ? 1 : 0, state);
  }),
  holdfast_disk_budget_bytes: level('budgetBytes'),
  holdfast_disk_used_bytes: level('usedBytes'),
  holdfast_disk_backlog_bytes: level('backlogBytes'),
  holdfast_disk_unsynced_bytes: level('unsyncedBytes'),
  holdfast_disk_entries: level('entries'),
  holdfast_disk_share_entries: ofDisk((disk, emit) => {
    emit(disk.originals.entries, 'original');
    emit(disk.variants.entries, 'variant');
  }),
  holdfast_disk_share_bytes: ofDisk((disk, emit) => {
    emit(disk.originals.usedBytes, 'original');
    emit(disk.variants.usedBytes, 'variant');
  }),
  holdfast_disk_index_bytes: level('indexBytes'),
  holdfast_disk_insertions_total: level('insertions'),
  holdfast_disk_written_bytes_total: level('writtenBytes'),
  holdfast_disk_refused_total: ofDisk((disk, emit) => {
    for (const [reason, count] of Object.entries(disk.refused)) emit(count, reason);
  }),
  holdfast_disk_evictions_total: level('evictions'),
  holdfast_disk_early_evictions_total: level('earlyEvictions'),
  holdfast_disk_reinsertions_total: level('reinsertions'),
  holdfast_disk_removals_total: level('removals'),
  holdfast_disk_lost_total: level('lost'),
  holdfast_disk_damaged_total: level('damaged'),
  holdfast_disk_errors_total: ofDisk((disk, emit) => {
    emit(disk.readErrors, 'read');
    emit(disk.writeErrors, 'write');
  }),
  holdfast_disk_promotions_total: ofDisk((disk, emit) => {
    emit(disk.promoted - disk.lent, 'kept');
    emit(disk.lent, 'lent');
    emit(disk.failed, 'failed');
  }),
};

function ofDisk(read: (disk: DiskSnapshot, emit: Emit<number>) => void): Reading {
  return ({ snapshot }, emit) => {
    if (snapshot.disk !== undefined) read(snapshot.disk, emit);
  };
}

type Level = { [K in keyof DiskSnapshot]: DiskSnapshot[K] extends number ? K : never }[keyof DiskSnapshot];

function level(field: Level): Reading {
  return ofDisk((disk, emit) => emit(disk[field]));
}
