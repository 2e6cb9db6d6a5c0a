import { resolve } from 'node:path';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { parseDuration } from '../../base/units.ts';
import { AdminClient, AdminError } from '../../server/admin-client.ts';
import { openRecord } from '../../traffic/record/files.ts';
import { recordFrom } from '../../traffic/record/reading.ts';
import type { TrafficRecord } from '../../traffic/record.ts';
import { orUnusable, UsageError } from '../admin-command.ts';
import { argumentMistake, shownLines, systemReason } from '../arguments.ts';
import { EXIT } from '../io.ts';
import type { World } from '../world.ts';
import { type NamelessFile, namelessFile } from './files.ts';

/** What the commands of `holdfast traffic` need of the outside world. */
export type TrafficIo = Pick<
  World,
  'out' | 'err' | 'readFile' | 'env' | 'fetch' | 'clock' | 'cwd' | 'isTty'
> &
  Partial<Pick<World, 'onSignal'>>;

/** Something that cannot be done, as a sentence: the command was understood, and ends with 1. */
export class Refused extends Error {}

/** Something that was named and cannot be used, as a sentence: the command ends with 2. */
export class Unusable extends Error {}

/** Where the record is that a command reads; for the help of commands. */
export const RECORD_HELP = `A record is a directory or a file (.hft). Without one, that of a running node is read:
  --admin URL      its admin port (default http://127.0.0.1:9090); with --token or --ca as for "holdfast status"
`;

const ADMIN = {
  admin: { type: 'string' },
  token: { type: 'string' },
  ca: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

type Options = NonNullable<ParseArgsConfig['options']>;

/** What a command was given. */
export interface Given<O extends Options> {
  readonly values: ReturnType<typeof parseArgs<{ options: O & typeof ADMIN }>>['values'];
  readonly positionals: readonly string[];
  /**
   * The record at a path; without one that of a running node, which is kept in a nameless file until the command ends.
   *
   * @throws Unusable when it is none; AdminError when the node cannot be asked.
   */
  record(path: string | undefined): Promise<TrafficRecord>;
  /** The running node that was named, or the one on this machine. */
  client(): AdminClient;
}

/** One command of `holdfast traffic`; see {@link recordCommand}. */
export function trafficCommand<const O extends Options>(
  command: { readonly name: string; readonly help: string; readonly options: O },
  args: readonly string[],
  io: TrafficIo,
  work: (given: Given<O>) => Promise<number>,
): Promise<number> {
  return recordCommand({ ...command, name: `traffic ${command.name}` }, args, io, work);
}

/**
 * Runs one command that reads a record, and says what is wrong in one sentence.
 *
 * @param command its name is what follows `holdfast`.
 * @returns 0; 1 when it was refused; 2 when arguments or files are of no use.
 */
export async function recordCommand<const O extends Options>(
  command: { readonly name: string; readonly help: string; readonly options: O },
  args: readonly string[],
  io: TrafficIo,
  work: (given: Given<O>) => Promise<number>,
): Promise<number> {
  const cleanUps: (() => void)[] = [];
  const say = (why: string): void => io.err(`holdfast ${command.name}: ${shownLines(why)}\n`);
  try {
    const { values, positionals } = readArguments(args, command.options);
    if ((values as { help?: boolean }).help === true) {
      io.out(command.help);
      return EXIT.ok;
    }
    const client = (): AdminClient => clientFor(values, io);
    const record = (path: string | undefined): Promise<TrafficRecord> =>
      path === undefined
        ? nodeRecord(client(), io, cleanUps)
        : Promise.resolve(named(recordAt(resolve(io.cwd, path)), path));
    return await work({ values, positionals, record, client });
  } catch (error) {
    if (error instanceof UsageError) {
      say(`${error.message}\nRun "holdfast ${command.name} --help" for what it takes.`);
      return EXIT.unusable;
    }
    if (error instanceof AdminError) {
      say(`${error.message}\n${error.remedy}`);
      return EXIT.refused;
    }
    if (!(error instanceof Refused) && !(error instanceof Unusable)) throw error;
    say(error.message);
    return error instanceof Unusable ? EXIT.unusable : EXIT.refused;
  } finally {
    for (const cleanUp of cleanUps) cleanUp();
  }
}

function readArguments<const O extends Options>(
  args: readonly string[],
  options: O,
): Pick<Given<O>, 'values' | 'positionals'> {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options: { ...ADMIN, ...options } });
  } catch (error) {
    throw new UsageError(argumentMistake(error));
  }
}

/** The record at a path. @throws Unusable when there is none that can be read. */
function recordAt(path: string): TrafficRecord {
  let record: TrafficRecord;
  try {
    record = openRecord(path);
  } catch (error) {
    throw new Unusable((error as Error).message);
  }
  const { rows, damage } = record.info;
  if (rows === 0 && damage.length > 0)
    throw new Unusable(`nothing of ${path} can be read: ${damage.join('; ')}`);
  return record;
}

function clientFor(values: object, io: TrafficIo): AdminClient {
  const { admin, token, ca } = values as { admin?: string; token?: string; ca?: string };
  const { env, fetch } = io;
  const readFile = (path: string): Promise<string> => io.readFile(path);
  return orUnusable(() => new AdminClient({ url: admin, token, ca, env, fetch, readFile }));
}

async function nodeRecord(
  client: AdminClient,
  { env }: TrafficIo,
  cleanUps: (() => void)[],
): Promise<TrafficRecord> {
  const pieces = await client.download('/api/traffic/record');
  const file = kept(() => namelessFile(env));
  cleanUps.push(() => file.close());
  const sizeBytes = await fill(file, pieces);
  if (sizeBytes === 0) throw new Refused(`the node at ${client.url} has not recorded a request yet`);
  try {
    const read: NamelessFile['read'] = (position, length) =>
      file.read(position, Math.min(length, sizeBytes - position));
    return recordFrom(client.url, [{ name: client.url, sizeBytes, read }]);
  } catch (error) {
    throw new Unusable((error as Error).message);
  }
}

async function fill(file: NamelessFile, pieces: AsyncIterable<Uint8Array>): Promise<number> {
  let sizeBytes = 0;
  for await (const piece of pieces) {
    kept(() => file.write(piece));
    sizeBytes += piece.length;
  }
  return sizeBytes;
}

/** @throws Refused when there is no room for the record of a node. */
function kept<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw new Refused(
      `the record of the node cannot be kept while it is read: ${systemReason(error)}; name a directory with room in TMPDIR`,
    );
  }
}

/** The record under the name that it was asked for by. */
function named(record: TrafficRecord, name: string): TrafficRecord {
  return { info: { ...record.info, name }, batches: (range) => record.batches(range) };
}

/** A number that was given. @throws UsageError when it is none, or outside of its bounds. */
export function numberGiven(
  name: string,
  text: string | undefined,
  bounds: { readonly min: number; readonly max: number; readonly whole?: boolean },
): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  const fits = Number.isFinite(value) && value >= bounds.min && value <= bounds.max;
  if (text.trim() === '' || !fits || (bounds.whole === true && !Number.isInteger(value))) {
    const what = bounds.whole === true ? 'a whole number' : 'a number';
    throw new UsageError(`--${name} ${text} is not ${what} from ${bounds.min} to ${bounds.max}`);
  }
  return value;
}

/** A duration that was given, in milliseconds. @throws UsageError when it is none. */
export function durationGiven(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const parsed = parseDuration(text);
  if (!parsed.ok) throw new UsageError(`--${name} ${text}: ${parsed.reason}; ${parsed.remedy}`);
  return parsed.value;
}

/**
 * A moment that was given: `2026-11-24T10:00`, with seconds, fractions and a zone or without (UTC), a day, or seconds since the epoch.
 *
 * @returns milliseconds since the epoch. @throws UsageError when it is none.
 */
export function momentGiven(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:\d\d)?)?$/.exec(text);
  const ms = match === null ? Number.NaN : Date.parse(`${match[1]}T${match[2] ?? '00:00'}${match[3] ?? 'Z'}`);
  if (Number.isNaN(ms)) throw new UsageError(`--${name} ${text} is no time; write it like 2026-11-24T10:00`);
  return ms;
}

/** A moment for people, in UTC and whole seconds. */
export function momentText(ms: number): string {
  return `${new Date(Math.floor(ms)).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
