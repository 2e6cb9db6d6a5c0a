import { constants } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { evaluateConditional } from '../http/conditional.ts';
import { formatHttpDate } from '../http/date.ts';
import { Fields } from '../http/fields.ts';
import { filePathSegments, isHidden, mediaType } from './files-path.ts';
import type {
  Origin,
  OriginExchange,
  OriginFailureCause,
  OriginHead,
  OriginRequest,
  OriginSink,
} from './origin.ts';

export interface FilesOriginOptions {
  readonly name: string;
  /** Directory whose files are served. May be a symlink that is moved to another release while running. */
  readonly root: string;
  /** Larger files fail as `too-large`. */
  readonly maxBodyBytes: number;
  /** Files open at a time; further requests wait in order. Default 64. */
  readonly maxOpenFiles?: number;
}

export interface FilesOriginDeps {
  /** Default: that of `node:fs/promises`. */
  readonly open?: typeof open;
  /** Told of errors that a sink threw; its exchange is over then. Default: thrown again, from a microtask. */
  readonly onFault?: (error: unknown) => void;
}

const CHUNK_BYTES = 64 * 1024;
const MAX_OPEN_FILES_DEFAULT = 64;
/** A file name that leads to nothing: a plain 404, not a failure. */
const NOT_FOUND_CODES = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP', 'ENXIO']);

/**
 * An origin that serves the files below a directory.
 *
 * What is not a visible regular file below the root is a 404: directories, devices, names that start with a dot,
 * targets with `..`, encoded separators or NUL, and symlinks that lead out of the root. A root that is missing is a
 * failure (`unreadable`), not a lot of 404s: a volume that is not mounted must not look like deleted images.
 *
 * The entity tag is made of size and modification time and is strong, since a file that changes while it is read
 * fails as `truncated`. No Cache-Control: the route decides. Costs about six system calls per small file, on the
 * runtime's thread pool; bodies are read in chunks of 64 KiB, and nothing is read ahead while paused.
 */
export function createFilesOrigin(options: FilesOriginOptions, deps: FilesOriginDeps = {}): Origin {
  return new FilesOrigin(options, deps);
}

class FilesOrigin implements Origin {
  readonly name: string;
  readonly options: FilesOriginOptions;
  readonly open: typeof open;
  readonly onFault: (error: unknown) => void;
  readonly #maxOpenFiles: number;
  readonly #waiting = new Set<FileExchange>();
  #active = 0;
  #running = 0;

  constructor(options: FilesOriginOptions, deps: FilesOriginDeps) {
    this.name = options.name;
    this.options = options;
    this.open = deps.open ?? open;
    this.onFault = deps.onFault ?? rethrowLater;
    this.#maxOpenFiles = options.maxOpenFiles ?? MAX_OPEN_FILES_DEFAULT;
  }

  fetch(request: OriginRequest, sink: OriginSink): OriginExchange {
    const exchange = new FileExchange(this, request, sink);
    this.#active += 1;
    this.#waiting.add(exchange);
    queueMicrotask(() => this.#startNext());
    return exchange;
  }

  close(): void {
    // Files are only open during an exchange.
  }

  gauges(): { active: number; connections: number } {
    return { active: this.#active, connections: this.#running };
  }

  /** The exchange will call its sink no more. */
  ended(exchange: FileExchange): void {
    this.#active -= 1;
    this.#waiting.delete(exchange);
  }

  #startNext(): void {
    const next: FileExchange | undefined = this.#waiting.values().next().value;
    if (next === undefined || this.#running >= this.#maxOpenFiles) return;
    this.#waiting.delete(next);
    this.#running += 1;
    void next.run().finally(() => {
      this.#running -= 1;
      this.#startNext();
    });
  }
}

class FileExchange implements OriginExchange {
  readonly #origin: FilesOrigin;
  readonly #request: OriginRequest;
  readonly #sink: OriginSink;
  #over = false;
  #paused = false;
  #wake: (() => void) | undefined;
  #fileName = '';

  constructor(origin: FilesOrigin, request: OriginRequest, sink: OriginSink) {
    this.#origin = origin;
    this.#request = request;
    this.#sink = sink;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#wake?.();
  }

  abort(): void {
    if (this.#over) return;
    this.#over = true;
    this.#origin.ended(this);
    this.#wake?.();
  }

  /** Never rejects. */
  async run(): Promise<void> {
    let file: FileHandle | undefined;
    try {
      file = await this.#open();
      if (this.#over) return;
      if (file === undefined) this.#answer(404, new Fields(['content-length', '0']));
      else await this.#serve(file);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      this.#fail('unreadable', `${code ?? message}; check the permissions and the disk`);
    } finally {
      await file?.close().catch(() => undefined); // nothing was written: nothing can be lost
    }
  }

  /** The regular file that the target names; undefined when there is none. */
  async #open(): Promise<FileHandle | undefined> {
    const segments = filePathSegments(this.#request.target);
    const root = await this.#realRoot();
    if (segments === undefined || root === undefined) return undefined;
    this.#fileName = segments.at(-1)!;
    try {
      const path = await realpath(join(root, ...segments));
      const prefix = root.endsWith(sep) ? root : root + sep;
      if (!path.startsWith(prefix) || path.slice(prefix.length).split(sep).some(isHidden)) return undefined;
      // Not blocking: opening a named pipe would wait for a writer otherwise.
      const file = await this.#origin.open(
        path,
        constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
      );
      if ((await file.stat()).isFile()) return file;
      await file.close();
      return undefined;
    } catch (error) {
      if (NOT_FOUND_CODES.has((error as NodeJS.ErrnoException).code ?? '')) return undefined;
      throw error;
    }
  }

  /** Looked up each time, because the root may be a symlink that a deployment moves. */
  async #realRoot(): Promise<string | undefined> {
    const { root } = this.#origin.options;
    try {
      return await realpath(root);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      this.#fail('unreadable', `root ${root}: ${code ?? message}; is the volume mounted?`);
      return undefined;
    }
  }

  async #serve(file: FileHandle): Promise<void> {
    const { size, mtimeNs } = await file.stat({ bigint: true });
    const sizeBytes = Number(size);
    const { maxBodyBytes } = this.#origin.options;
    if (sizeBytes > maxBodyBytes) {
      this.#fail('too-large', `file of ${sizeBytes} bytes is above the limit of ${maxBodyBytes}`);
      return;
    }
    const etag = `"${size.toString(16)}-${mtimeNs.toString(16)}"`;
    const lastModifiedS = Number(mtimeNs / 1_000_000_000n);
    const validators = ['etag', etag, 'last-modified', formatHttpDate(lastModifiedS)];
    const { method, fields } = this.#request;
    const verdict = evaluateConditional(method, fields, { etag, lastModifiedS, status: 200 });
    if (verdict !== 'proceed') {
      const length = verdict === 'not-modified' ? [] : ['content-length', '0'];
      this.#answer(verdict === 'not-modified' ? 304 : 412, new Fields([...validators, ...length]));
      return;
    }
    const type = mediaType(this.#fileName);
    const head = new Fields(['content-type', type, 'content-length', String(sizeBytes), ...validators]);
    if (method === 'HEAD' || sizeBytes === 0) {
      this.#answer(200, head);
      return;
    }
    this.#tell(() =>
      this.#sink.onHead({ status: 200, fields: head, framing: 'length', bodyBytes: sizeBytes }),
    );
    await this.#send(file, sizeBytes);
    if (this.#over) return;
    const now = await file.stat({ bigint: true });
    if (now.size !== size || now.mtimeNs !== mtimeNs)
      this.#fail('truncated', 'file changed while it was read');
    else this.#end();
  }

  async #send(file: FileHandle, sizeBytes: number): Promise<void> {
    const buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, sizeBytes));
    for (let at = 0; at < sizeBytes && !this.#over; ) {
      if (this.#paused) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, sizeBytes - at), at);
      if (this.#over) return;
      if (bytesRead === 0) {
        this.#fail('truncated', `file ended after ${at} of ${sizeBytes} bytes while it was read`);
        return;
      }
      at += bytesRead;
      this.#tell(() => this.#sink.onData(buffer.subarray(0, bytesRead)));
    }
  }

  /** A whole response without a body. */
  #answer(status: number, fields: Fields): void {
    const none = status === 304 || this.#request.method === 'HEAD';
    const head: OriginHead = { status, fields, framing: none ? 'none' : 'length', bodyBytes: 0 };
    this.#tell(() => this.#sink.onHead(head));
    this.#end();
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#origin.ended(this);
    this.#guarded(() => this.#sink.onEnd());
  }

  #fail(cause: OriginFailureCause, what: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#origin.ended(this);
    this.#guarded(() => this.#sink.onFail({ cause, detail: `origin ${this.#origin.name} (files): ${what}` }));
  }

  #tell(call: () => void): void {
    if (!this.#over) this.#guarded(call);
  }

  #guarded(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.abort();
      this.#origin.onFault(error);
    }
  }
}

function rethrowLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
