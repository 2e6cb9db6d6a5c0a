import { dirname, resolve } from 'node:path';
import type { ValidConfig } from '../config/config.ts';
import { formatProblems } from '../config/problem.ts';
import { type Validation, validateConfig } from '../config/validate.ts';
import { shown, systemReason } from './arguments.ts';
import type { CliIo } from './io.ts';

type Reads = Pick<CliIo, 'cwd' | 'env' | 'readFile' | 'err' | 'isTty'>;

/** Reads and judges a configuration file; says why on standard error, and is undefined, when it cannot be read. */
export async function judgedFile(
  file: string,
  io: Reads,
): Promise<{ readonly text: string; readonly result: Validation } | undefined> {
  const path = resolve(io.cwd, file);
  let text: string;
  try {
    text = await io.readFile(path);
  } catch (error) {
    io.err(`${cannotRead(file, error)}\n`);
    return undefined;
  }
  return { text, result: validateConfig(text, { file: shown(file), env: io.env, baseDir: dirname(path) }) };
}

/** A valid configuration from a file; without one, everything that is wrong is on standard error. Warnings are not shown. */
export async function validFile(file: string, io: Reads): Promise<ValidConfig | undefined> {
  const judged = await judgedFile(file, io);
  if (judged === undefined) return undefined;
  if (judged.result.ok) return judged.result.config;
  io.err(formatProblems(judged.result.problems, { color: io.isTty }));
  return undefined;
}

/** Why a configuration file cannot be read, and what to do. One line, no line break. */
export function cannotRead(file: string, error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file. Write one with: holdfast init <origin>',
    EACCES: 'permission denied. Let the user that runs holdfast read it',
    EISDIR: 'this is a directory. Name the file in it',
  };
  return `Cannot read ${shown(file)}: ${reasons[String(code)] ?? systemReason(error)}.`;
}
