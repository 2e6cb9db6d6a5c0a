import {
  closeSync,
  createReadStream,
  fstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

/** Bytes of a file that are read at a time. */
const PIECE_BYTES = 256 * 1024;

/** The bytes of a file from its beginning; `-` is standard input. @throws the system's error, when they are asked for. */
export function readPieces(path: string): AsyncIterable<Uint8Array> {
  const options = { highWaterMark: PIECE_BYTES };
  return path === '-'
    ? createReadStream('', { ...options, fd: 0, autoClose: false })
    : createReadStream(path, options);
}

/** Size of a file in bytes; 0 where that says nothing (a pipe). @throws Error with a sentence, for what is no file. */
export function fileBytes(path: string): number {
  if (path === '-') return fstatSync(0).size;
  const found = statSync(path);
  if (found.isDirectory())
    throw new Error(`${path} is a directory; name the files in it: ${join(path, '*')}`);
  return found.size;
}

/** Whether there is a file at a path. */
export function pathIsFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** Names in a directory with that ending, in order; none where it cannot be read. */
export function namesIn(path: string, ending: string): string[] {
  try {
    return readdirSync(path)
      .filter((name) => name.endsWith(ending))
      .sort();
  } catch {
    return [];
  }
}

/** A file that is written from its beginning, and only where there was none. */
export interface Output {
  /** @throws the system's error. */
  write(bytes: Uint8Array): void;
  close(): void;
}

/** Makes a file. @throws the system's error, `EEXIST` where there is one. */
export function createOutput(path: string): Output {
  const file = openSync(path, 'wx', 0o600);
  return {
    write: (bytes) => {
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    },
    close: () => closeSync(file),
  };
}

/** A directory for one command, in TMPDIR or /tmp, that only its user can read. Remove it with {@link removeAll}. */
export function temporaryDirectory(env: Readonly<Record<string, string | undefined>>): string {
  return mkdtempSync(join(env['TMPDIR'] || '/tmp', 'holdfast-traffic-'));
}

/** Removes a file or a directory with all that is in it; also where there is none. */
export function removeAll(path: string): void {
  rmSync(path, { recursive: true, force: true });
}
