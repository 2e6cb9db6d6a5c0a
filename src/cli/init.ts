import { dirname, join, relative, resolve } from 'node:path';
import { configForOrigin } from '../config/defaults.ts';
import { endpointFrom } from '../config/s3.ts';
import { jsonSchemaText } from '../config/schema.ts';
import { type CliIo, EXIT } from './io.ts';

const USAGE = `holdfast init: write a configuration to start from

  holdfast init https://images.example.com    in front of a server
  holdfast init s3://bucket/prefix            in front of a bucket
  holdfast init ./images                      in front of a directory

  -o, --output <file>    where to (default: holdfast.yaml)
  --listen <address>     public address and port (default: 127.0.0.1:8080)
  -f, --force            overwrite an existing file

A schema is written beside it, with which editors complete and check the file.
`;
const SCHEMA_FILE = 'holdfast.schema.json';

interface Arguments {
  origin: string | undefined;
  output: string;
  listen: string | undefined;
  force: boolean;
  help: boolean;
}

/**
 * `holdfast init`: writes a configuration for one origin.
 *
 * @param args what follows `init`.
 * @returns 0, 1 when a file would be overwritten or the origin is refused, 2 for unusable arguments or a failed write.
 */
export async function init(args: readonly string[], io: CliIo): Promise<number> {
  const read = readArguments(args);
  if (typeof read === 'string') {
    io.err(`holdfast init: ${read}\n\n${USAGE}`);
    return EXIT.unusable;
  }
  if (read.help) {
    io.out(USAGE);
    return EXIT.ok;
  }
  const output = resolve(io.cwd, read.output);
  const origin = await readOrigin(read.origin!, output, io);
  if (!origin.ok) {
    io.err(`${origin.message}\n`);
    return EXIT.refused;
  }
  const listen = read.listen === undefined ? {} : { listen: read.listen };
  const starter = configForOrigin(origin.value, {
    schema: SCHEMA_FILE,
    ...listen,
    endpoint: endpointFrom(io.env),
  });
  if (!starter.ok) {
    io.err(`Cannot write a configuration for ${origin.shown}: ${starter.reason}.\nFix: ${starter.remedy}\n`);
    return EXIT.refused;
  }
  try {
    await io.writeFile(output, starter.text, { overwrite: read.force });
    // The schema belongs to this version of the program: an older one is always replaced.
    await io.writeFile(join(dirname(output), SCHEMA_FILE), jsonSchemaText(), { overwrite: true });
  } catch (error) {
    return failed(read.output, error, io);
  }
  io.out(`Wrote ${read.output} (and ${SCHEMA_FILE} for your editor).\n\nNext:\n`);
  io.out(`  holdfast serve -c ${shellWord(read.output)}          runs it\n`);
  io.out(`  holdfast config check ${shellWord(read.output)}      after each change\n`);
  return EXIT.ok;
}

function readArguments(args: readonly string[]): Arguments | string {
  const read: Arguments = {
    origin: undefined,
    output: 'holdfast.yaml',
    listen: undefined,
    force: false,
    help: false,
  };
  for (let i = 0; i < args.length; i += 1) {
    const arg = args[i]!;
    if (arg === '--force' || arg === '-f') read.force = true;
    else if (arg === '--help' || arg === '-h') read.help = true;
    else if (arg === '--output' || arg === '-o' || arg === '--listen') {
      i += 1;
      const value = args[i];
      if (value === undefined || value === '') return `${arg} needs a value.`;
      if (arg === '--listen') read.listen = value;
      else read.output = value;
    } else if (arg.startsWith('-') && arg !== '-') return `there is no option ${arg}.`;
    else if (read.origin !== undefined)
      return `one origin at a time: ${read.origin} or ${arg}. Add others to the file.`;
    else read.origin = arg;
  }
  if (read.origin === undefined && !read.help)
    return 'where are the images? Give an address, a bucket or a directory.';
  return read;
}

type Origin = { ok: true; value: string; shown: string } | { ok: false; message: string };

/** An address as it is; a directory, which must exist, as seen from the directory of the file. */
async function readOrigin(origin: string, output: string, io: CliIo): Promise<Origin> {
  if (/^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(origin)) {
    return { ok: true, value: origin, shown: origin.replace(/\/\/[^/]*@/, '//***@') };
  }
  const path = resolve(io.cwd, origin);
  const kind = await io.pathKind(path);
  if (kind === 'directory') {
    const seen = relative(dirname(output), path);
    const value = seen.startsWith('..') || seen.startsWith('/') ? path : `./${seen}`;
    return { ok: true, value, shown: origin };
  }
  // `images.example.com` is more often a forgotten scheme than a forgotten directory.
  const scheme = /^[\w-]+(\.[\w-]+)+(:[0-9]+)?(\/.*)?$/.test(origin)
    ? ` For a server, write https://${origin}.`
    : '';
  const what = kind === 'absent' ? 'there is no such directory' : 'this is not a directory';
  return { ok: false, message: `Cannot use ${origin} as an origin: ${what}.${scheme}` };
}

function failed(output: string, error: unknown, io: CliIo): number {
  const code = (error as { code?: unknown } | undefined)?.code;
  if (code === 'EEXIST') {
    io.err(
      `${output} exists and was left as it is.\nFix: choose another name with --output, or overwrite it with --force\n`,
    );
    return EXIT.refused;
  }
  const reason =
    code === 'ENOENT'
      ? 'its directory does not exist'
      : error instanceof Error
        ? error.message
        : String(error);
  io.err(`Cannot write ${output}: ${reason}.\n`);
  return EXIT.unusable;
}

/** A word that can be pasted into a shell. */
function shellWord(word: string): string {
  return /^[\w./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
