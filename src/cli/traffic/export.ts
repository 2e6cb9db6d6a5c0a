import { resolve } from 'node:path';
import { formatCount, formatSize } from '../../base/units.ts';
import { CSV_HEADER, csvLines, nextRequests, oracleRows } from '../../traffic/export.ts';
import type { TrafficRecord } from '../../traffic/record.ts';
import { UsageError } from '../admin-command.ts';
import { shown, systemReason } from '../arguments.ts';
import { EXIT } from '../io.ts';
import { RECORD_HELP, Refused, type TrafficIo, trafficCommand } from './command.ts';
import { createOutput, type Output } from './files.ts';
import { writeRecord } from './write.ts';

const FORMATS = ['csv', 'oracleGeneral', 'hft'] as const;

const HELP = `holdfast traffic export: write a record for others

  holdfast traffic export [record] --as csv [--to FILE]
  holdfast traffic export [record] --as oracleGeneral --to FILE
  holdfast traffic export [record] --as hft --to FILE.hft|DIR

  --as FORMAT      csv: a table (default), to standard output unless --to names a file
                   oracleGeneral: 24 bytes a request, for libCacheSim; 4 bytes of memory a request and 43 a key are needed
                   hft: a record, such as that of a running node, in a file or directory
  --to PATH        where it goes; a file that is there is not written over; hft into a directory adds to the record in it
${RECORD_HELP}
Keys are hashes: paths are in no export, and neither is what hashes them. Exit codes: 0 written, 1 it cannot be written, or the node cannot be asked,
2 no record there, or unusable arguments.
`;

const OPTIONS = { as: { type: 'string' }, to: { type: 'string' } } as const;

/** `holdfast traffic export`. */
export function trafficExport(args: readonly string[], io: TrafficIo): Promise<number> {
  const command = { name: 'export', help: HELP, options: OPTIONS } as const;
  return trafficCommand(command, args, io, async ({ values, positionals, record }) => {
    const [path, ...more] = positionals;
    if (more.length > 0)
      throw new UsageError('name one record; several become one with: holdfast traffic merge');
    const format = FORMATS.find((name) => name.toLowerCase() === (values.as ?? 'csv').toLowerCase());
    if (format === undefined)
      throw new UsageError(`there is no --as ${values.as}; there are ${FORMATS.join(', ')}`);
    if (format !== 'csv' && values.to === undefined)
      throw new UsageError(`${format} is no text: say where it goes with --to`);
    const to = values.to === undefined ? undefined : resolve(io.cwd, values.to);
    const source = await record(path);
    warnOfSample(source, io);
    if (format === 'hft') io.out(`${writeRecord(to!, source.batches())}\n`);
    else if (to !== undefined) io.out(toFile(to, source, format));
    else {
      io.out(CSV_HEADER);
      for (const batch of source.batches()) io.out(csvLines(batch));
    }
    return EXIT.ok;
  });
}

function warnOfSample({ info: { rateMin } }: TrafficRecord, io: TrafficIo): void {
  if (rateMin < 1)
    io.err(
      'The record is a sample of the keys. Tables and traces cannot say so: keep that in mind, or export it as hft.\n',
    );
}

function toFile(path: string, source: TrafficRecord, format: 'csv' | 'oracleGeneral'): string {
  let output: Output;
  try {
    output = createOutput(path);
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === 'EEXIST';
    throw new Refused(
      isThere ? `${path} exists; name another file` : `cannot write ${path}: ${systemReason(error)}`,
    );
  }
  let bytes = 0;
  let rows = 0;
  const write = (part: Uint8Array): void => {
    output.write(part);
    bytes += part.length;
  };
  try {
    if (format === 'csv') write(Buffer.from(CSV_HEADER));
    const next = format === 'csv' ? undefined : nextRequests(source.batches(), source.info.rows);
    for (const batch of source.batches()) {
      if (next === undefined) write(Buffer.from(csvLines(batch)));
      else {
        const part = oracleRows(batch, next, rows);
        write(part);
        rows += part.length / 24;
        continue;
      }
      rows += batch.count;
    }
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).code !== 'string') throw error;
    throw new Refused(`cannot write ${path}: ${systemReason(error)}`);
  } finally {
    output.close();
  }
  return `${shown(path)}: ${formatCount(rows)} requests, ${formatSize(bytes)}\n`;
}
