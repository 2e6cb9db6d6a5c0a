import {
  closeSync,
  createReadStream,
  fstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
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
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
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

/** A file without a name: it is gone when it is closed, or the process ends in whatever way. */
export interface NamelessFile extends Output {
  /** Reads from a position; fewer bytes only at its end. @throws the system's error. */
  read(position: number, length: number): Uint8Array;
}

/** Makes a nameless file in TMPDIR or /tmp. @throws the system's error. */
export function namelessFile(env: Readonly<Record<string, string | undefined>>): NamelessFile {
  const directory = mkdtempSync(join(env['TMPDIR'] || '/tmp', 'holdfast-traffic-'));
  let file: number;
  try {
    file = openSync(join(directory, 'record'), 'wx+', 0o600);
  } finally {
    rmSync(directory, { recursive: true });
  }
  return {
    write: (bytes) => {
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    },
    read: (position, length) => {
      const bytes = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        const count = readSync(file, bytes, done, length - done, position + done);
        if (count === 0) break;
        done += count;
      }
      return bytes.subarray(0, done);
    },
    close: () => closeSync(file),
  };
}
