import { type ParseArgsConfig, parseArgs } from 'node:util';
import { AdminClient, AdminError, DEFAULT_ADMIN_URL } from '../server/admin-client.ts';
import { argumentMistake } from './arguments.ts';
import { EXIT } from './io.ts';
import type { TopIo } from './top.ts';

/** What commands that ask a running node need of the outside world. */
export type AdminIo = Pick<TopIo, 'out' | 'err' | 'readFile' | 'env' | 'fetch' | 'clock'>;

/** The options that all of them share, for their help. */
export const ADMIN_HELP = `  --admin URL      the node's admin port (default ${DEFAULT_ADMIN_URL})
  --token TOKEN    its admin token; better in HOLDFAST_ADMIN_TOKEN, since other users can see arguments.
                   Not needed on the node's own machine by the user that runs it.
  --ca FILE        certificate of a private authority, for https (or HOLDFAST_ADMIN_CA)
  --json           print the answer of the node as it is
`;

const SHARED = {
  admin: { type: 'string' },
  token: { type: 'string' },
  ca: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

/** Arguments that make no sense: what is wrong with them. */
export class UsageError extends Error {}

/** What a command was given. */
export interface Given<O extends NonNullable<ParseArgsConfig['options']>> {
  readonly values: ReturnType<typeof parseArgs<{ options: O & typeof SHARED }>>['values'];
  readonly positionals: readonly string[];
  readonly client: AdminClient;
  readonly io: AdminIo;
}

/**
 * Runs a command that talks to a node: reads its arguments, and says what is wrong with them or with the node.
 *
 * @param work the command itself; it throws UsageError for arguments that make no sense together.
 * @returns 0; 1 when the node cannot be asked or refuses; 2 when the arguments make no sense.
 */
export async function adminCommand<const O extends NonNullable<ParseArgsConfig['options']>>(
  command: { readonly name: string; readonly help: string; readonly options: O },
  args: readonly string[],
  io: AdminIo,
  work: (given: Given<O>) => Promise<number>,
): Promise<number> {
  const { name, help, options } = command;
  if (args.includes('--help') || args.includes('-h')) {
    io.out(help);
    return EXIT.ok;
  }
  try {
    const { values, positionals } = readArguments(args, options);
    const { admin, token, ca } = values as { admin?: string; token?: string; ca?: string };
    const { env, fetch } = io;
    const readFile = (path: string): Promise<string> => io.readFile(path);
    const client = orUnusable(() => new AdminClient({ url: admin, token, ca, env, fetch, readFile }));
    return await work({ values, positionals, client, io });
  } catch (error) {
    if (error instanceof UsageError) {
      io.err(`holdfast ${name}: ${error.message}\nRun "holdfast ${name} --help" for what it takes.\n`);
      return EXIT.unusable;
    }
    if (!(error instanceof AdminError)) throw error;
    io.err(`holdfast ${name}: ${error.message}\n${error.remedy}\n`);
    return EXIT.refused;
  }
}

/** A client whose address makes sense. @throws UsageError when it makes none. */
export function orUnusable(make: () => AdminClient): AdminClient {
  try {
    return make();
  } catch (error) {
    if (error instanceof AdminError) throw new UsageError(`${error.message}. ${error.remedy}`);
    throw error;
  }
}

function readArguments<const O extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: O,
): Pick<Given<O>, 'values' | 'positionals'> {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options: { ...SHARED, ...options } });
  } catch (error) {
    throw new UsageError(argumentMistake(error));
  }
}
