import type { S3OriginConfig } from '../config/config.ts';
import { missingVariables, readCredentials } from '../origin/s3-credentials.ts';
import type { CliIo } from './io.ts';

/** What the machine must have for an S3 origin to be able to sign, and does not: one line, or undefined. */
export async function unmetKeys(
  name: string,
  { credentials }: S3OriginConfig,
  io: Pick<CliIo, 'env' | 'readFile'>,
): Promise<string | undefined> {
  const { from, file, profile } = credentials;
  const where = `origins.${name}.credentials`;
  if (from === 'environment') {
    const missing = missingVariables(io.env);
    if (missing.length === 0) return undefined;
    const what = `${missing.join(' and ')} ${missing.length > 1 ? 'are' : 'is'} not set`;
    return `${where}: ${what}; set it before the start, or write credentials: { from: file, file: ... }, or { from: anonymous } for a public bucket`;
  }
  if (file === undefined) return undefined;
  try {
    const found = readCredentials(await io.readFile(file), profile);
    return typeof found === 'string' ? `${where}.file: ${file}: ${found}` : undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return `${where}.file: ${file} cannot be read (${code}); correct the path or its rights`;
  }
}
