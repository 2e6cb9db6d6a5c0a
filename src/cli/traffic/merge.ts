import { resolve } from 'node:path';
import { evenRates } from '../../traffic/made/overlap.ts';
import { openRecord } from '../../traffic/record/files.ts';
import type { RecordInfo } from '../../traffic/record.ts';
import { UsageError } from '../admin-command.ts';
import { EXIT } from '../io.ts';
import { type TrafficIo, trafficCommand, Unusable } from './command.ts';
import { writeRecord } from './write.ts';

const HELP = `holdfast traffic merge: join records

  holdfast traffic merge <record> <record>... --to X.hft|DIR

  --to PATH        where it goes: a file (.hft) that is not there yet, or a directory, to whose record it adds

Requests of all of them are put in order by their times: records of several nodes become that of the site, those of several days one.
Keys agree where all were imported alike, or recorded with the same key file. Of samples the lowest rate holds wherever they overlap.
Exit codes: 0 written, 1 it cannot be written, 2 one of them is no record, or unusable arguments.
`;

const OPTIONS = { to: { type: 'string' } } as const;

/** `holdfast traffic merge`. */
export function trafficMerge(args: readonly string[], io: TrafficIo): Promise<number> {
  const command = { name: 'merge', help: HELP, options: OPTIONS } as const;
  return trafficCommand(command, args, io, async ({ values, positionals }) => {
    if (positionals.length < 2) throw new UsageError('name at least two records');
    if (values.to === undefined) throw new UsageError('say where it goes: --to FILE.hft');
    const to = resolve(io.cwd, values.to);
    const paths = positionals.map((path) => resolve(io.cwd, path));
    if (paths.includes(to)) throw new UsageError('--to is one of the records; name another place');
    let record: ReturnType<typeof openRecord>;
    let joined: RecordInfo[];
    try {
      joined = paths.map((path) => openRecord(path).info);
      record = openRecord(paths);
    } catch (error) {
      throw new Unusable((error as Error).message);
    }
    io.out(`${writeRecord(to, evenRates(record.batches(), joined))}\n`);
    return EXIT.ok;
  });
}
