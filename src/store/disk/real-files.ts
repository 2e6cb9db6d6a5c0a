import { Database } from 'bun:sqlite';
import { constants } from 'node:fs';
import { access, type FileHandle, mkdir, open, readdir, stat, statfs, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DiskFile, DiskFiles, DiskSpace } from './files.ts';

/** `f_type` of tmpfs and ramfs (statfs(2)). */
const MEMORY_FILE_SYSTEMS = [0x0102_1994, 0x8584_58f6];

/**
 * A directory of the machine; made, with those above it, when it is not there.
 *
 * @throws Error that says what the directory is not: a directory, readable, writable.
 */
export async function openDirectory(path: string): Promise<DiskFiles> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' || code === 'ENOTDIR')
      throw new Error(`${path} is not a directory`, { cause: error });
    throw new Error(`${path} cannot be made: ${code}`, { cause: error });
  }
  try {
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code;
    throw new Error(`${path} cannot be read and written by this user: ${why}`, { cause: error });
  }
  return {
    list: () => readdir(path),
    open: async (name) => {
      const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
      return new RealFile(await open(join(path, name), flags, 0o600));
    },
    unlink: (name) => unlink(join(path, name)),
    syncNames: async () => {
      const handle = await open(path, 'r');
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    },
    space: () => spaceOf(path),
    lock: async () => lock(join(path, 'lock')),
  };
}

async function spaceOf(path: string): Promise<DiskSpace> {
  const [fs, own, above] = await Promise.all([statfs(path), stat(path), stat(dirname(path))]);
  return {
    freeBytes: fs.bavail * fs.bsize,
    totalBytes: fs.blocks * fs.bsize,
    freeInodes: fs.files === 0 ? Number.POSITIVE_INFINITY : fs.ffree,
    isMemory: MEMORY_FILE_SYSTEMS.includes(fs.type >>> 0),
    device: own.dev,
    parentDevice: above.dev,
  };
}

/** SQLite's file lock: the kernel gives it back when its process ends, even by `kill -9`, so there are no stale ones. */
function lock(path: string): (() => void) | undefined {
  const database = new Database(path, { create: true });
  try {
    database.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
    return () => database.close();
  } catch (error) {
    database.close();
    if ((error as { code?: string }).code === 'SQLITE_BUSY') return undefined;
    throw new Error(`${path} cannot be locked: ${(error as Error).message}`, { cause: error });
  }
}

class RealFile implements DiskFile {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    let done = 0;
    while (done < into.length) {
      const { bytesRead } = await this.#handle.read(into, done, into.length - done, position + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return done;
  }

  async write(pieces: readonly Uint8Array[], position: number): Promise<void> {
    let rest = [...pieces];
    let at = position;
    while (rest.length > 0) {
      const { bytesWritten } = await this.#handle.writev(rest, at);
      at += bytesWritten;
      rest = behind(rest, bytesWritten);
    }
  }

  sync(): Promise<void> {
    return this.#handle.datasync();
  }

  async size(): Promise<number> {
    return (await this.#handle.stat()).size;
  }

  truncate(sizeBytes: number): Promise<void> {
    return this.#handle.truncate(sizeBytes);
  }

  async isPrivate(): Promise<boolean> {
    return ((await this.#handle.stat()).mode & 0o044) === 0;
  }

  makePrivate(): Promise<void> {
    return this.#handle.chmod(0o600);
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** What is left of the pieces behind the first `count` bytes. */
function behind(pieces: readonly Uint8Array[], count: number): Uint8Array[] {
  const left: Uint8Array[] = [];
  let skip = count;
  for (const piece of pieces) {
    if (skip < piece.length) left.push(skip === 0 ? piece : piece.subarray(skip));
    skip = Math.max(0, skip - piece.length);
  }
  return left;
}
