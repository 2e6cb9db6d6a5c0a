import type { TrafficError } from './tally.ts';

const HEAD_BYTES_MAX = 16 * 1024;

/** A request, and what it must be answered with: 200, a whole body, and in a format that its client can show. */
export interface Expected {
  readonly target: string;
  /** What the client says that it takes; JPEG, PNG and GIF every client does. */
  readonly accept: string;
  /** Exact length of the body; undefined where nobody knows it beforehand: of a variant. */
  readonly sizeBytes: number | undefined;
}

const SHOWN_BY_ALL: ReadonlySet<string> = new Set(['image/jpeg', 'image/png', 'image/gif']);

/** How one request ended. */
export type Ending =
  | { readonly ok: true; readonly isHit: boolean; readonly bodyBytes: number }
  | { readonly ok: false; readonly kind: TrafficError; readonly detail: string };

/**
 * One kept-alive HTTP/1.1 connection that measures: bodies are counted and dropped, never collected, so that a
 * load generator of hundreds of megabytes per second costs its machine little.
 */
export class LoadConnection {
  readonly #host: string;
  readonly #port: number;
  #socket: Bun.Socket | undefined;
  #unsent = '';
  #head = '';
  /** Body bytes still to come; -1 while the head is not complete. */
  #left = -1;
  #bodyBytes = 0;
  #isHit = false;
  #closes = false;
  /** Counts connects: one that was given up must not come back as the current one. */
  #attempt = 0;
  #running: { readonly expected: Expected; readonly done: (ending: Ending) => void } | undefined;

  constructor(host: string, port: number) {
    this.#host = host;
    this.#port = port;
  }

  /** Sends a GET and calls `done` once. One at a time. Connects first when there is no connection. */
  get(expected: Expected, done: (ending: Ending) => void): void {
    this.#running = { expected, done };
    this.#head = '';
    this.#left = -1;
    const text = `GET ${expected.target} HTTP/1.1\r\nhost: ${this.#host}:${this.#port}\r\naccept: ${expected.accept}\r\n\r\n`;
    if (this.#socket !== undefined) this.#send(this.#socket, text);
    else this.#connect(text);
  }

  /** Ends the connection; a running request fails with `kind`. */
  close(kind: TrafficError = 'cut', detail = 'closed'): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#attempt += 1;
    socket?.terminate();
    this.#fail(kind, detail);
  }

  #connect(text: string): void {
    this.#attempt += 1;
    const attempt = this.#attempt;
    const mine = (socket: Bun.Socket): boolean => socket === this.#socket;
    Bun.connect({
      hostname: this.#host,
      port: this.#port,
      socket: {
        open: (socket) => {
          if (attempt !== this.#attempt || this.#running === undefined) return void socket.terminate();
          this.#socket = socket;
          this.#send(socket, text);
        },
        data: (socket, chunk) => {
          if (mine(socket)) this.#read(chunk);
        },
        drain: (socket) => this.#send(socket, ''),
        close: (socket) => {
          if (mine(socket)) this.close('cut', 'the connection was closed before the response was whole');
        },
        error: (socket, error) => {
          if (mine(socket)) this.close('cut', error.message);
        },
        connectError: (_, error) => {
          if (attempt === this.#attempt) this.close('connect', error.message);
        },
      },
    }).catch(() => undefined); // told by connectError
  }

  #send(socket: Bun.Socket, text: string): void {
    const all = this.#unsent + text;
    if (all !== '') this.#unsent = all.slice(Math.max(0, socket.write(all))); // ASCII: bytes are characters
  }

  #read(chunk: Buffer): void {
    if (this.#running === undefined) {
      this.close(); // bytes that nobody asked for
      return;
    }
    let bodyAt = 0;
    if (this.#left < 0) {
      const before = this.#head.length;
      this.#head += chunk.toString('latin1', 0, HEAD_BYTES_MAX);
      const end = this.#head.indexOf('\r\n\r\n', Math.max(0, before - 3));
      if (end < 0) {
        if (this.#head.length >= HEAD_BYTES_MAX) this.close('malformed', 'no end of the head');
        return;
      }
      bodyAt = end + 4 - before;
      if (!this.#readHead(this.#head.slice(0, end))) return;
    }
    this.#left -= chunk.length - bodyAt;
    if (this.#left < 0) this.close('length', `${-this.#left} bytes more than Content-Length`);
    else if (this.#left === 0) this.#finish();
  }

  #readHead(head: string): boolean {
    const { expected } = this.#running!;
    const [first, ...lines] = head.split('\r\n');
    const status = /^HTTP\/1\.1 ([0-9]{3})/.exec(first!)?.[1];
    if (status === undefined) return this.#reject('malformed', `status line ${JSON.stringify(first)}`);
    const fields = new Map(
      lines.map((line) => [line.split(':', 1)[0]!.toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
    );
    if (status !== '200') return this.#reject('status', `${status} for ${expected.target}`);
    const length = fields.get('content-length') ?? 'none';
    const wanted = expected.sizeBytes ?? 'more than 0';
    const isRight = typeof wanted === 'number' ? length === String(wanted) : /^[1-9][0-9]*$/.test(length);
    if (!isRight)
      return this.#reject('length', `${length} instead of ${wanted} bytes for ${expected.target}`);
    const type = fields.get('content-type') ?? 'none';
    if (expected.sizeBytes === undefined && !SHOWN_BY_ALL.has(type) && !expected.accept.includes(type))
      return this.#reject(
        'type',
        `${type} for ${expected.target} and a client that takes ${expected.accept}`,
      );
    this.#bodyBytes = Number(length);
    this.#left = this.#bodyBytes;
    this.#isHit = /;\s*hit\b/.test(fields.get('cache-status') ?? '');
    this.#closes = fields.get('connection')?.toLowerCase() === 'close';
    return true;
  }

  #reject(kind: TrafficError, detail: string): false {
    this.close(kind, detail);
    return false;
  }

  #finish(): void {
    const { done } = this.#running!;
    this.#running = undefined;
    if (this.#closes) this.close();
    done({ ok: true, isHit: this.#isHit, bodyBytes: this.#bodyBytes });
  }

  #fail(kind: TrafficError, detail: string): void {
    const running = this.#running;
    this.#running = undefined;
    this.#unsent = '';
    running?.done({ ok: false, kind, detail });
  }
}
