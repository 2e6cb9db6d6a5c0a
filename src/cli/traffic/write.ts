import { dirname, join } from 'node:path';
import { formatCount, formatSize } from '../../base/units.ts';
import type { TrafficBatch } from '../../traffic/batch.ts';
import { createRecord, openRecord } from '../../traffic/record/files.ts';
import { EXTENSION, firstMsOf, KEY_FILE } from '../../traffic/record/names.ts';
import type { RecordWriter } from '../../traffic/record.ts';
import { shown, systemReason } from '../arguments.ts';
import { momentText, Refused } from './command.ts';
import { namesIn, pathIsFile } from './files.ts';

/**
 * Looks before long work whether a record can go there at all.
 *
 * @throws Refused when it would be written over a file, or among those of a node.
 */
export function checkDestination(path: string): void {
  const directory = path.endsWith(EXTENSION) ? dirname(path) : path;
  // Beside a file of that name alone there may also lie a key that somebody keeps for himself.
  const isOfNode =
    directory === path || namesIn(directory, EXTENSION).some((name) => firstMsOf(name) !== undefined);
  if (isOfNode && pathIsFile(join(directory, KEY_FILE)))
    throw new Refused(
      `${shown(directory)} is where a node records (it has a file "${KEY_FILE}"): what is added there would count as its own traffic; name another place`,
    );
  if (pathIsFile(path))
    throw new Refused(
      `${shown(path)} exists; a record is not written over another file: name another, or a directory`,
    );
}

/** Begins a record, or adds to the one in a directory. @throws Refused with a sentence. */
export function recordWriter(path: string): RecordWriter {
  try {
    return createRecord(path);
  } catch (error) {
    throw new Refused(shown((error as Error).message));
  }
}

/** Writes batches as a record. @returns a line that says what was written. @throws Refused when that cannot be done. */
export function writeRecord(path: string, batches: Iterable<TrafficBatch>): string {
  checkDestination(path);
  const writer = recordWriter(path);
  let rows = 0;
  try {
    for (const batch of batches) {
      rows += batch.count;
      writeBatch(writer, batch, path);
    }
    closeRecord(writer);
  } finally {
    writer.discard();
  }
  return writtenText(path, rows);
}

/** Writes one batch. @throws Refused when it cannot be written. */
export function writeBatch(writer: RecordWriter, batch: TrafficBatch, path: string): void {
  try {
    writer.write(batch);
  } catch (error) {
    throw new Refused(`cannot write to ${shown(path)}: ${systemReason(error)}`);
  }
}

/** Makes a record of what was written. @throws Refused when that cannot be done. */
export function closeRecord(writer: RecordWriter): void {
  try {
    writer.close();
  } catch (error) {
    throw new Refused((error as Error).message);
  }
}

/** What stands in a record that has just been written. */
export function writtenText(path: string, rows: number): string {
  if (rows === 0) return `${shown(path)}: no request was written`;
  const { info } = openRecord(path);
  const span = `${momentText(info.fromMs)} to ${momentText(info.toMs)}`;
  const requests = `${formatCount(rows)} request${rows === 1 ? '' : 's'} written`;
  return `${shown(path)}: ${requests}; it has ${formatCount(info.rows)} now, ${span}, ${formatSize(info.storedBytes)}`;
}
