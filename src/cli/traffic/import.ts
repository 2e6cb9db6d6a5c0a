import { dirname, resolve } from 'node:path';
import type { HashKey } from '../../base/hash.ts';
import { formatCount, formatSize } from '../../base/units.ts';
import { formatProblems } from '../../config/problem.ts';
import { validateConfig } from '../../config/validate.ts';
import type { QueryRule } from '../../http/target.ts';
import { IMPORT_FORMATS, type ImportFormat } from '../../traffic/import/detect.ts';
import { type FieldMap, parseFieldMap } from '../../traffic/import/field-map.ts';
import { importLogs } from '../../traffic/import/import.ts';
import { type ImportInput, NoLog } from '../../traffic/import/input.ts';
import { IMPORT_HASH_KEY, type Namer, PlainNamer } from '../../traffic/import/naming.ts';
import type { ImportReport } from '../../traffic/import/report.ts';
import { openRecord } from '../../traffic/record/files.ts';
import { UsageError } from '../admin-command.ts';
import { systemReason } from '../arguments.ts';
import { cannotRead } from '../config-file.ts';
import { EXIT } from '../io.ts';
import { durationGiven, type Given, Refused, type TrafficIo, trafficCommand, Unusable } from './command.ts';
import { ConfigNamer } from './config-namer.ts';
import { fileBytes, readPieces } from './files.ts';
import { reportText } from './import-text.ts';
import { checkDestination, closeRecord, recordWriter, writeBatch, writtenText } from './write.ts';

const HELP = `holdfast traffic import: make a record of logs

  holdfast traffic import <file>... --to DIR      adds to the record in a directory, or begins one
  holdfast traffic import <file>... --to X.hft    makes a record of one file
  zcat access.log.*.gz | holdfast traffic import - --to DIR

  --to PATH           where the record goes
  --format NAME       instead of what the files look like: ${IMPORT_FORMATS.join(', ')}
  --fields LIST       what fields are called: time=ts,path=url,cache=x_cache; behind the user agent of a combined log, and in a
                      table without a header, they are numbered from 1: cache=1,origin_s=3
  -c, --config FILE   routes and keys of that configuration; without it there is one route, and path and query are the key
  --route NAME        what that one route is called (default all)
  --query RULE        what of a query is in the key: all (default), none, or names, parted by commas
  --host              the host is in the key
  --key FILE          the file "key" of a node's own record: with -c, keys are then those of the node, and the records can be merged
  --lifetime TIME     how long every response is good for (1d, 12h); without it, that is unknown
  --only images       leaves out what is no image (default: all)

Files may be packed by gzip or zstd, and be given in any order; those of several servers are joined by time. Lines that cannot be
read are counted, and shown, and left out. Exit codes: 0 imported, 1 nothing could be written, or no line could be read; 2 a file is no log
that is known, or unusable arguments: then nothing is written.
`;

const OPTIONS = {
  to: { type: 'string' },
  format: { type: 'string' },
  fields: { type: 'string' },
  config: { type: 'string', short: 'c' },
  route: { type: 'string' },
  query: { type: 'string' },
  host: { type: 'boolean', default: false },
  key: { type: 'string' },
  lifetime: { type: 'string' },
  only: { type: 'string' },
} as const;

type Values = Given<typeof OPTIONS>['values'];

/** `holdfast traffic import`. */
export function trafficImport(args: readonly string[], io: TrafficIo): Promise<number> {
  const command = { name: 'import', help: HELP, options: OPTIONS } as const;
  return trafficCommand(command, args, io, async ({ values, positionals }) => {
    if (positionals.length === 0) throw new UsageError('name the logs, or - for standard input');
    if (values.to === undefined)
      throw new UsageError('say where the record goes: --to DIR, or --to FILE.hft');
    const path = resolve(io.cwd, values.to);
    checkDestination(path);
    const options = {
      namer: await namerOf(values, io),
      format: formatOf(values.format),
      fields: fieldsOf(values.fields),
      lifetimeS: secondsOf(durationGiven('lifetime', values.lifetime)),
      onlyImages: onlyImagesOf(values.only),
      nowMs: io.clock.nowMs(),
    };
    const inputs = inputsOf(positionals, io);
    const progress = new Progress(io, inputs.totalBytes);
    let writer: ReturnType<typeof recordWriter> | undefined;
    let report: ImportReport;
    // What is being read when a signal comes is read to the end of its piece.
    let isOver = false;
    try {
      const work = importLogs(
        inputs.all,
        options,
        (batch) => {
          if (isOver) return;
          writer ??= recordWriter(path);
          writeBatch(writer, batch, path);
        },
        (soFar) => progress.show(soFar),
      );
      report = await Promise.race([work, interruption(io)]);
      if (writer !== undefined) closeRecord(writer);
    } catch (error) {
      throw error instanceof NoLog ? new Unusable(error.message) : unreadable(error);
    } finally {
      isOver = true;
      progress.clear();
      writer?.discard();
    }
    io.out(`${reportText(report)}${writtenText(path, report.rows)}\n`);
    return report.rows === 0 ? EXIT.refused : EXIT.ok;
  });
}

/** Rejects when the command is to end before its work is done. */
function interruption({ onSignal }: TrafficIo): Promise<never> {
  return new Promise((_, reject) => {
    onSignal?.(['SIGINT', 'SIGTERM'], (signal) =>
      reject(new Refused(`ended by ${signal}; nothing was imported`)),
    );
  });
}

function inputsOf(
  names: readonly string[],
  io: TrafficIo,
): { readonly all: ImportInput[]; readonly totalBytes: number } {
  if (names.filter((name) => name === '-').length > 1)
    throw new UsageError('standard input can be read once');
  let totalBytes = 0;
  const all = names.map((name): ImportInput => {
    const path = name === '-' ? name : resolve(io.cwd, name);
    try {
      totalBytes += fileBytes(path);
    } catch (error) {
      throw unreadable(error);
    }
    const once = name === '-';
    return {
      name: once ? 'standard input' : name,
      once,
      open: () => readPieces(path),
      record: () => {
        if (once) throw new NoLog('standard input is a record; name it as a file');
        try {
          return openRecord(path);
        } catch (error) {
          throw new NoLog((error as Error).message);
        }
      },
    };
  });
  return { all, totalBytes };
}

/** A file that cannot be read is unusable input; anything else is our own fault, and goes on. */
function unreadable(error: unknown): unknown {
  const { code, message, path } = error as NodeJS.ErrnoException;
  const isSystem = typeof code === 'string' && /^E[A-Z]+$/.test(code);
  if (isSystem) return new Unusable(`cannot read ${path ?? 'a log'}: ${systemReason(error)}`);
  if (/is a directory; name/.test(message)) return new Unusable(`cannot read: ${message}`);
  return error;
}

async function namerOf(values: Values, io: TrafficIo): Promise<Namer> {
  const { config: file, query = 'all', route = 'all', host } = values;
  const hashKey = values.key === undefined ? IMPORT_HASH_KEY : await keyIn(values.key, io);
  if (file === undefined) {
    if (!/^[\w.-]{1,64}$/.test(route)) throw new UsageError(`--route ${route} is no name of a route`);
    return new PlainNamer({ route, keyHost: host, query: queryOf(query), hashKey });
  }
  if (values.query !== undefined || host || values.route !== undefined)
    throw new UsageError(
      '--query, --host and --route are for logs without a configuration; -c says all that',
    );
  const path = resolve(io.cwd, file);
  let text: string;
  try {
    text = await io.readFile(path);
  } catch (error) {
    throw new Unusable(cannotRead(file, error));
  }
  const result = validateConfig(text, { file, env: io.env, baseDir: dirname(path) });
  if (result.ok) return new ConfigNamer(result.config, hashKey, '');
  throw new Unusable(
    `the configuration is not valid\n${formatProblems(result.problems, { color: false })}`.trimEnd(),
  );
}

/** The secret that a node hashes its keys with: 16 hexadecimal digits. */
async function keyIn(file: string, io: TrafficIo): Promise<HashKey> {
  let text: string;
  try {
    text = await io.readFile(resolve(io.cwd, file));
  } catch (error) {
    throw new Unusable(`cannot read the key ${file}: ${systemReason(error)}`);
  }
  const match = /^([0-9a-f]{8})([0-9a-f]{8})\s*$/.exec(text);
  if (match === null)
    throw new Unusable(`${file} is not the key of a record: that is a line of 16 hexadecimal digits`);
  return { k0: Number.parseInt(match[1]!, 16), k1: Number.parseInt(match[2]!, 16) };
}

function queryOf(text: string): QueryRule {
  return text === 'all' || text === 'none' ? text : { allow: text.split(',').map((name) => name.trim()) };
}

function formatOf(text: string | undefined): ImportFormat | undefined {
  const found = IMPORT_FORMATS.find((format) => format.toLowerCase() === text?.toLowerCase());
  if (text !== undefined && found === undefined)
    throw new UsageError(`there is no format "${text}"; there are ${IMPORT_FORMATS.join(', ')}`);
  return found;
}

function fieldsOf(text: string | undefined): FieldMap | undefined {
  if (text === undefined) return undefined;
  const fields = parseFieldMap(text);
  if (typeof fields === 'string') throw new UsageError(`--fields: ${fields}`);
  return fields;
}

function onlyImagesOf(text: string | undefined): boolean {
  if (text !== undefined && text !== 'all' && text !== 'images')
    throw new UsageError(`--only ${text}: there is --only images and --only all`);
  return text === 'images';
}

function secondsOf(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.floor(ms / 1000);
}

/** Between two looks at the progress. */
const SHOWN_EVERY_MS = 250;

/** How far it is, on a terminal. */
class Progress {
  readonly #io: TrafficIo;
  readonly #totalBytes: number;
  readonly #startedMs: number;
  #shownMs: number;

  constructor(io: TrafficIo, totalBytes: number) {
    this.#io = io;
    this.#totalBytes = totalBytes;
    this.#startedMs = io.clock.monotonicMs();
    this.#shownMs = this.#startedMs;
  }

  show({ bytesRead, rows, lines }: ImportReport): void {
    const nowMs = this.#io.clock.monotonicMs();
    if (!this.#io.isTty || nowMs - this.#shownMs < SHOWN_EVERY_MS) return;
    this.#shownMs = nowMs;
    const share = this.#totalBytes > 0 ? ` (${Math.floor((bytesRead / this.#totalBytes) * 100)} %)` : '';
    const rate = formatSize((bytesRead / (nowMs - this.#startedMs)) * 1000);
    const counts = `${formatCount(rows)} requests in ${formatCount(lines)} lines`;
    this.#io.err(`\r\x1b[K${formatSize(bytesRead)}${share}, ${rate}/s: ${counts}`);
  }

  clear(): void {
    if (this.#io.isTty) this.#io.err('\r\x1b[K');
  }
}
