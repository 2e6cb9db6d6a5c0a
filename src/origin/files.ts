import { constants } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { Clock, Timer } from '../base/clock.ts';
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
  /** Files open at a time; further exchanges wait in order. Default 64. */
  readonly maxOpenFiles?: number;
  /** An exchange that waited so long for its turn fails as `connect-timeout`. Default 10,000. */
  readonly maxWaitMs?: number;
}

export interface FilesOriginDeps {
  /** For `maxWaitMs`. Without a clock, exchanges wait without limit. */
  readonly clock?: Clock;
  /** Default: that of `node:fs/promises`. */
  readonly open?: typeof open;
  /** Told of errors that a sink threw; its exchange is over then. Default: thrown again, from a microtask. */
  readonly onFault?: (error: unknown) => void;
}

const CHUNK_BYTES = 64 * 1024;
const MAX_OPEN_FILES_DEFAULT = 64;
const MAX_WAIT_MS_DEFAULT = 10_000;
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
 * runtime's thread pool; bodies are read in chunks of 64 KiB, and nothing is read ahead while paused. A paused exchange
 * holds no open file, so readers that are slow do not keep others waiting; it goes on if size and modification time are
 * still the same, and else fails as `truncated`.
 */
export function createFilesOrigin(options: FilesOriginOptions, deps: FilesOriginDeps = {}): Origin {
  return new FilesOrigin(options, deps);
}

class FilesOrigin implements Origin {
  readonly name: string;
  readonly options: FilesOriginOptions;
  readonly open: typeof open;
  readonly onFault: (error: unknown) => void;
  readonly #clock: Clock | undefined;
  readonly #maxOpenFiles: number;
  readonly #maxWaitMs: number;
  readonly #waiting = new Map<FileExchange, Timer | undefined>();
  #active = 0;
  #running = 0;

  constructor(options: FilesOriginOptions, deps: FilesOriginDeps) {
    this.name = options.name;
    this.options = options;
    this.open = deps.open ?? open;
    this.onFault = deps.onFault ?? rethrowLater;
    this.#clock = deps.clock;
    this.#maxOpenFiles = options.maxOpenFiles ?? MAX_OPEN_FILES_DEFAULT;
    this.#maxWaitMs = options.maxWaitMs ?? MAX_WAIT_MS_DEFAULT;
  }

  fetch(request: OriginRequest, sink: OriginSink): OriginExchange {
    const exchange = new FileExchange(this, request, sink);
    this.#active += 1;
    this.admit(exchange);
    return exchange;
  }

  /** Runs it, or lets it wait for its turn. */
  admit(exchange: FileExchange): void {
    this.#waiting.set(exchange, undefined);
    queueMicrotask(() => {
      this.#startNext();
      if (!this.#waiting.has(exchange)) return;
      const timer = this.#clock?.after(this.#maxWaitMs, () => {
        exchange.waitedTooLong(`${this.#maxOpenFiles} files stayed open for ${this.#maxWaitMs} ms`);
      });
      this.#waiting.set(exchange, timer);
    });
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
    this.#leaveQueue(exchange);
  }

  #leaveQueue(exchange: FileExchange): void {
    this.#clock?.cancel(this.#waiting.get(exchange));
    this.#waiting.delete(exchange);
  }

  #startNext(): void {
    const next: FileExchange | undefined = this.#waiting.keys().next().value;
    if (next === undefined || this.#running >= this.#maxOpenFiles) return;
    this.#leaveQueue(next);
    this.#running += 1;
    void next.run().finally(() => {
      this.#running -= 1;
      this.#startNext();
    });
  }
}

/** The file that is being sent, and how far. */
interface Progress {
  readonly path: string;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly sizeBytes: number;
  at: number;
}

const CHANGED = 'file changed while it was read';

class FileExchange implements OriginExchange {
  readonly #origin: FilesOrigin;
  readonly #request: OriginRequest;
  readonly #sink: OriginSink;
  #over = false;
  #paused = false;
  /** Paused, and so without a file; {@link resume} lets it wait for its turn. */
  #parked = false;
  #fileName = '';
  #path = '';
  #progress: Progress | undefined;

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
    if (!this.#parked || this.#over) return;
    this.#parked = false;
    this.#origin.admit(this);
  }

  abort(): void {
    if (this.#over) return;
    this.#over = true;
    this.#origin.ended(this);
  }

  waitedTooLong(what: string): void {
    this.#fail('overloaded', `${what}, and none was free; does the disk or the volume hang?`);
  }

  /** Goes on to the end, or to a pause. Never rejects. */
  async run(): Promise<void> {
    const { method } = this.#request;
    if (method !== 'GET' && method !== 'HEAD') {
      this.#answer(405, new Fields(['allow', 'GET, HEAD', 'content-length', '0']));
      return;
    }
    let file: FileHandle | undefined;
    try {
      const progress = this.#progress;
      file = progress === undefined ? await this.#open() : await this.#openPath(progress.path);
      if (this.#over) return;
      if (progress !== undefined) await this.#goOn(file, progress);
      else if (file === undefined) this.#answer(404, new Fields(['content-length', '0']));
      else await this.#serve(file);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      this.#fail('unreadable', `${code ?? message}; check the permissions and the disk`);
    } finally {
      await file?.close().catch(() => undefined); // nothing was written: nothing can be lost
      this.#park();
    }
  }

  /** Between two runs; a resume that came while the file was closed counts too. */
  #park(): void {
    if (this.#over) return;
    if (this.#paused) this.#parked = true;
    else this.#origin.admit(this);
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
      this.#path = path;
    } catch (error) {
      if (NOT_FOUND_CODES.has((error as NodeJS.ErrnoException).code ?? '')) return undefined;
      throw error;
    }
    return this.#openPath(this.#path);
  }

  /** Undefined unless a regular file is there. */
  async #openPath(path: string): Promise<FileHandle | undefined> {
    try {
      // Not blocking: opening a named pipe would wait for a writer otherwise.
      const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
      const file = await this.#origin.open(path, flags);
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
    this.#progress = { path: this.#path, size, mtimeNs, sizeBytes, at: 0 };
    await this.#send(file, this.#progress);
  }

  /** After a pause, with the file opened anew. */
  async #goOn(file: FileHandle | undefined, progress: Progress): Promise<void> {
    if (file !== undefined && (await isSame(file, progress))) await this.#send(file, progress);
    else this.#fail('truncated', CHANGED);
  }

  async #send(file: FileHandle, progress: Progress): Promise<void> {
    const { sizeBytes } = progress;
    const buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, sizeBytes - progress.at));
    while (progress.at < sizeBytes && !this.#over) {
      if (this.#paused) return;
      const { at } = progress;
      const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, sizeBytes - at), at);
      if (this.#over) return;
      if (bytesRead === 0) {
        this.#fail('truncated', `file ended after ${at} of ${sizeBytes} bytes while it was read`);
        return;
      }
      progress.at += bytesRead;
      this.#tell(() => this.#sink.onData(buffer.subarray(0, bytesRead)));
    }
    if (this.#over) return;
    if (await isSame(file, progress)) this.#end();
    else this.#fail('truncated', CHANGED);
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

async function isSame(file: FileHandle, { size, mtimeNs }: Progress): Promise<boolean> {
  const now = await file.stat({ bigint: true });
  return now.size === size && now.mtimeNs === mtimeNs;
}

function rethrowLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
