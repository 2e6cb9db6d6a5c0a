import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import type { TrafficBatch } from '../batch.ts';
import type { RecordWriter, TrafficRecord } from '../record.ts';
import type { BlockSource } from './blocks.ts';
import { encodeBlock } from './format.ts';
import { EXTENSION, fileName } from './names.ts';
import { recordFrom } from './reading.ts';

/** A file of a directory is full with so many bytes: one is removed at a time, and can be sent on its own. */
const FILE_BYTES = 256 * 1024 * 1024;

/**
 * Opens a record: a directory with `*.hft` files, one file, or several of both, which are read as one in the order of time.
 * Reads all of it once, to know what is whole.
 *
 * @throws Error that says what to do when there is none, it cannot be read, is no record, or of a newer version.
 */
export function openRecord(paths: string | readonly string[]): TrafficRecord {
  const given = typeof paths === 'string' ? [paths] : paths;
  const files = given.flatMap(filesOf);
  const window = new Window();
  return recordFrom(
    given.join(', '),
    files.map((file) => window.source(file)),
  );
}

/**
 * Begins a record, or adds to one: in a directory, which is made if need be, files of at most 256 MiB each; or, where the path
 * ends in `.hft`, one new file. Until it is closed, its files have names that end in `.part`.
 *
 * @throws Error that says what to do when it cannot be written there, or the file exists.
 */
export function createRecord(path: string): RecordWriter {
  if (!path.endsWith(EXTENSION)) {
    orSay(`the directory ${path} cannot be made`, () => mkdirSync(path, { recursive: true, mode: 0o700 }));
    const named = ({ baseMs }: TrafficBatch, again: number): string => join(path, fileName(baseMs, again));
    return new Writer(named, FILE_BYTES);
  }
  const writer = new Writer((_, again) => (again === 0 ? path : undefined), Number.POSITIVE_INFINITY);
  if (existsSync(path))
    throw new Error(`${path} cannot be made; a record is not written over another file: it exists`);
  return writer;
}

/** A file that is no record yet. */
interface Part {
  readonly path: string;
  /** The name that it gets: the first that is free. Undefined when there is none. */
  readonly named: (again: number) => string | undefined;
}

class Writer implements RecordWriter {
  readonly #named: (batch: TrafficBatch, again: number) => string | undefined;
  readonly #fileBytesMax: number;
  #file: number | undefined;
  #bytes = 0;
  #parts: Part[] = [];

  constructor(named: (batch: TrafficBatch, again: number) => string | undefined, fileBytesMax: number) {
    this.#named = named;
    this.#fileBytesMax = fileBytesMax;
  }

  write(batch: TrafficBatch): void {
    const block = encodeBlock(batch);
    if (this.#file !== undefined && this.#bytes + block.length > this.#fileBytesMax) this.#endFile();
    this.#file ??= this.#open(batch);
    for (let at = 0; at < block.length; ) at += writeSync(this.#file, block, at);
    this.#bytes += block.length;
  }

  close(): void {
    this.#endFile();
    for (;;) {
      const part = this.#parts[0];
      if (part === undefined) return;
      const path = firstFree(part.named);
      if (path === undefined)
        throw new Error(`${part.named(0)} was made in the meantime; what was written is in ${part.path}`);
      orSay(`${path} cannot be made`, () => renameSync(part.path, path));
      this.#parts.shift();
    }
  }

  discard(): void {
    this.#endFile();
    for (const { path } of this.#parts) rmSync(path, { force: true });
    this.#parts = [];
  }

  #open(batch: TrafficBatch): number {
    const named = (again: number): string | undefined => this.#named(batch, again);
    const final = named(0)!;
    // One that is there already is being written, or was left by a command that was killed.
    for (let again = 0; ; again += 1) {
      const path = `${final}${again === 0 ? '' : `.${again}`}.part`;
      try {
        const file = openSync(path, 'wx', 0o600);
        this.#parts.push({ path, named });
        return file;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
        throw new Error(`${path} cannot be made: ${said(error)}`, { cause: error });
      }
    }
  }

  #endFile(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
    this.#bytes = 0;
  }
}

function firstFree(named: Part['named']): string | undefined {
  for (let again = 0; ; again += 1) {
    const path = named(again);
    if (path === undefined || !existsSync(path)) return path;
  }
}

function filesOf(path: string): string[] {
  const found = orSay(`${path} is no traffic record`, () => statSync(path));
  if (found.isFile()) {
    if (found.size === 0) throw new Error(`${path} is no traffic record: it is empty`);
    return [path];
  }
  if (!found.isDirectory())
    throw new Error(`${path} is no traffic record: it is neither a file nor a directory`);
  const names = orSay(`${path} cannot be read`, () => readdirSync(path)).filter((name) =>
    name.endsWith(EXTENSION),
  );
  if (names.length === 0) throw new Error(`${path} is no traffic record: it has no ${EXTENSION} files`);
  return names.sort().map((name) => join(path, name));
}

/** Read at once, so that small blocks cost no call each. */
const WINDOW_BYTES = 1024 * 1024;

/** Reads files piece by piece: one is open at a time, and one piece in memory, however many files a record has. */
class Window {
  #buffer = new Uint8Array(WINDOW_BYTES);
  #path = '';
  #from = 0;
  #length = 0;

  source(path: string): BlockSource {
    const sizeBytes = opened(path, (file) => fstatSync(file).size);
    return {
      name: basename(path),
      sizeBytes,
      read: (position, length) => this.#read(path, position, Math.min(length, sizeBytes - position)),
    };
  }

  #read(path: string, position: number, length: number): Uint8Array {
    const isHere =
      path === this.#path && position >= this.#from && position + length <= this.#from + this.#length;
    if (!isHere) {
      if (this.#buffer.length < length) this.#buffer = new Uint8Array(length);
      this.#path = path;
      this.#from = position;
      this.#length = opened(path, (file) => fill(this.#buffer, file, position));
    }
    const at = position - this.#from;
    return this.#buffer.subarray(at, Math.min(at + length, this.#length));
  }
}

/** @returns bytes read; fewer than fit only at the end. */
function fill(into: Uint8Array, file: number, position: number): number {
  let done = 0;
  while (done < into.length) {
    const count = readSync(file, into, done, into.length - done, position + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

function opened<T>(path: string, use: (file: number) => T): T {
  return orSay(`${path} cannot be read`, () => {
    const file = openSync(path, 'r');
    try {
      return use(file);
    } finally {
      closeSync(file);
    }
  });
}

function orSay<T>(what: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw new Error(`${what}: ${said(error)}`, { cause: error });
  }
}

function said(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'there is no such file or directory';
  if (code === 'EACCES' || code === 'EPERM') return 'this user may not (permission denied)';
  if (code === 'EEXIST') return 'it exists';
  return code ?? message;
}
