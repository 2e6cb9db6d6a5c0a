import { configurationDocs, errorDocs } from '../config/docs.ts';
import { formatProblems } from '../config/problem.ts';
import { jsonSchemaText } from '../config/schema.ts';
import { judgedFile } from './config-file.ts';
import { type CliIo, EXIT } from './io.ts';
import { preflight } from './preflight.ts';

const USAGE = `holdfast config: look at a configuration without running it

  holdfast config check <file>      says everything that is wrong with a configuration
  holdfast config schema            prints the JSON Schema for editors
  holdfast config docs [errors]     prints the reference of the options, or of the errors

check looks at this machine too: directories, files of certificates and keys, memory. Exit codes: 0 valid, 1 refused,
2 no such file or unusable arguments.
`;

/**
 * `holdfast config ...`: looks at configurations without running anything.
 *
 * @param args what follows `config`.
 * @returns 0, 1 for a configuration that is refused, 2 for unusable arguments or an unreadable file.
 */
export async function config(args: readonly string[], io: CliIo): Promise<number> {
  const [command, ...rest] = args;
  if (command === 'check' && rest.length === 1 && !rest[0]!.startsWith('-')) return check(rest[0]!, io);
  if (command === 'schema' && rest.length === 0) {
    io.out(jsonSchemaText());
    return EXIT.ok;
  }
  if (command === 'docs' && rest.length === 0) {
    io.out(configurationDocs());
    return EXIT.ok;
  }
  if (command === 'docs' && rest.length === 1 && rest[0] === 'errors') {
    io.out(errorDocs());
    return EXIT.ok;
  }
  if (command === '--help' || command === '-h') {
    io.out(USAGE);
    return EXIT.ok;
  }
  io.err(`holdfast config: ${mistake(args)}\n\n${USAGE}`);
  return EXIT.unusable;
}

function mistake([command, ...rest]: readonly string[]): string {
  if (command === 'check') return rest.length > 1 ? 'check takes one file' : 'check what? Name a file';
  if (command === 'schema' || command === 'docs') return `${command} does not take ${rest.join(' ')}`;
  return command === undefined ? 'say what to do' : `there is no "config ${command}"`;
}

async function check(file: string, io: CliIo): Promise<number> {
  const judged = await judgedFile(file, io);
  if (judged === undefined) return EXIT.unusable;
  const { result } = judged;
  const problems = result.ok ? result.warnings : result.problems;
  io.err(formatProblems(problems, { color: io.isTty }));
  if (!result.ok) return EXIT.refused;
  const unmet = await preflight(result.config, io);
  if (unmet.length > 0) {
    for (const line of unmet) io.err(`${file}: on this machine: ${line}\n`);
    return EXIT.refused;
  }
  const { origins, routes } = result.config;
  const count = (n: number, word: string): string => `${n} ${word}${n === 1 ? '' : 's'}`;
  io.out(
    `${file} is valid: ${count(Object.keys(origins).length, 'origin')}, ${count(routes.length, 'route')}.\n`,
  );
  return EXIT.ok;
}
