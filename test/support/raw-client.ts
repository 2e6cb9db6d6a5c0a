/** What is asked, and what a whole answer must be. */
export interface RawJob {
  readonly method: 'GET' | 'HEAD';
  readonly target: string;
  /** Further field lines, each with its CRLF. */
  readonly lines: string;
  /** Told of the head; returns the bytes that the body must be, or undefined when any will do. */
  readonly expect: (answer: RawHead) => Uint8Array | undefined;
  /** Goes away after that many body bytes; -1: as soon as the request is sent. Undefined: stays. */
  readonly leaveAfterBytes: number | undefined;
  /** Stops reading for so long, once, in the middle of the body. 0: never. */
  readonly napMs: number;
}

export interface RawHead {
  readonly status: number;
  readonly fields: ReadonlyMap<string, string>;
}

export interface RawResult {
  /** `cut`: the connection ended before the answer was whole. */
  readonly ending: 'whole' | 'cut' | 'left';
  readonly head: RawHead | undefined;
  readonly bodyBytes: number;
  /** Every byte so far was the expected one, and a whole body had the expected length. */
  readonly matches: boolean;
}

type Framing = { readonly kind: 'length'; left: number } | Chunks | { readonly kind: 'close' };
interface Chunks {
  readonly kind: 'chunked';
  /** Bytes of the current chunk still to come, its CRLF included; -1 while a size line is due. */
  left: number;
  line: string;
  last: boolean;
}

/**
 * A kept-alive HTTP/1.1 client connection that compares bodies byte for byte as they arrive, without collecting them. One
 * request at a time; connects again when the connection was closed.
 */
export class RawClient {
  readonly #port: number;
  #socket: Bun.Socket | undefined;
  #generation = 0;
  #job: RawJob | undefined;
  #done: ((result: RawResult) => void) | undefined;
  #text = '';
  #head: RawHead | undefined;
  #framing: Framing = { kind: 'close' };
  #expected: Uint8Array | undefined;
  #bodyBytes = 0;
  #matches = true;
  #napped = false;
  #keeps = true;

  constructor(port: number) {
    this.#port = port;
  }

  ask(job: RawJob): Promise<RawResult> {
    const { promise, resolve } = Promise.withResolvers<RawResult>();
    this.#job = job;
    this.#done = resolve;
    this.#text = '';
    this.#head = undefined;
    this.#bodyBytes = 0;
    this.#matches = true;
    this.#napped = false;
    const text = `${job.method} ${job.target} HTTP/1.1\r\nHost: 127.0.0.1\r\n${job.lines}\r\n`;
    if (this.#socket === undefined) this.#connect(text);
    else this.#send(text);
    return promise;
  }

  close(): void {
    this.#drop();
  }

  #send(text: string): void {
    this.#socket!.write(text);
    if (this.#job?.leaveAfterBytes === -1) this.#end('left');
  }

  #connect(text: string): void {
    this.#generation += 1;
    const generation = this.#generation;
    const current = (): boolean => generation === this.#generation;
    void Bun.connect({
      hostname: '127.0.0.1',
      port: this.#port,
      socket: {
        open: (socket) => {
          this.#socket = socket;
          this.#send(text);
        },
        data: (_, bytes) => {
          if (current()) this.#read(bytes);
        },
        end: (socket) => void socket.end(),
        close: () => {
          if (current()) this.#closed();
        },
        error: () => {
          if (current()) this.#closed();
        },
        connectError: () => {
          if (current()) this.#closed();
        },
      },
    }).catch(() => undefined); // told by connectError
  }

  #drop(): void {
    this.#generation += 1;
    this.#socket?.terminate();
    this.#socket = undefined;
  }

  #closed(): void {
    this.#socket = undefined;
    this.#generation += 1;
    if (this.#job === undefined) return;
    this.#end(this.#head !== undefined && this.#framing.kind === 'close' ? 'whole' : 'cut');
  }

  #end(ending: RawResult['ending']): void {
    const done = this.#done!;
    this.#job = undefined;
    this.#done = undefined;
    if (ending === 'left' || (ending === 'whole' && !this.#keeps)) this.#drop();
    const lengthIsRight = this.#expected === undefined || this.#bodyBytes === this.#expected.length;
    const matches = this.#matches && (ending !== 'whole' || lengthIsRight);
    done({ ending, head: this.#head, bodyBytes: this.#bodyBytes, matches });
  }

  #read(bytes: Buffer): void {
    if (this.#job === undefined) {
      this.#drop(); // nothing was asked: whatever this is, it must not be taken for the next answer
      return;
    }
    if (this.#head !== undefined) {
      this.#body(bytes);
      return;
    }
    const before = this.#text.length;
    this.#text += bytes.toString('latin1');
    const end = this.#text.indexOf('\r\n\r\n', Math.max(0, before - 3));
    if (end < 0) return;
    this.#begin(this.#text.slice(0, end));
    if (this.#job !== undefined) this.#body(bytes.subarray(end + 4 - before));
  }

  #begin(text: string): void {
    const [statusLine = '', ...lines] = text.split('\r\n');
    const fields = new Map<string, string>();
    for (const line of lines) {
      const colon = line.indexOf(':');
      fields.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
    }
    const head = { status: Number(statusLine.split(' ')[1]), fields };
    this.#head = head;
    this.#keeps = fields.get('connection') !== 'close';
    const bodiless = this.#job!.method === 'HEAD' || head.status === 204 || head.status === 304;
    this.#expected = bodiless ? new Uint8Array() : this.#job!.expect(head);
    if (bodiless) this.#framing = { kind: 'length', left: 0 };
    else if (fields.get('transfer-encoding') === 'chunked')
      this.#framing = { kind: 'chunked', left: -1, line: '', last: false };
    else if (fields.has('content-length'))
      this.#framing = { kind: 'length', left: Number(fields.get('content-length')) };
    else this.#framing = { kind: 'close' };
  }

  #body(bytes: Buffer): void {
    const framing = this.#framing;
    if (framing.kind === 'close') this.#take(bytes);
    else if (framing.kind === 'chunked') this.#chunked(framing, bytes);
    else {
      const part = bytes.subarray(0, framing.left);
      framing.left -= part.length;
      this.#take(part);
      if (this.#job !== undefined && framing.left === 0) this.#end('whole');
    }
  }

  #chunked(chunks: Chunks, bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length && this.#job !== undefined) {
      if (chunks.left === -1) {
        chunks.line += String.fromCharCode(bytes[at]!);
        at += 1;
        if (!chunks.line.endsWith('\r\n')) continue;
        const size = Number.parseInt(chunks.line, 16);
        chunks.line = '';
        chunks.last = size === 0;
        chunks.left = size + 2;
        continue;
      }
      const part = bytes.subarray(at, at + chunks.left);
      at += part.length;
      const data = part.subarray(0, Math.max(0, chunks.left - 2));
      chunks.left -= part.length;
      this.#take(data);
      if (chunks.left > 0 || this.#job === undefined) continue;
      chunks.left = -1;
      if (chunks.last) this.#end('whole');
    }
  }

  #take(part: Buffer): void {
    const from = this.#bodyBytes;
    this.#bodyBytes += part.length;
    const expected = this.#expected;
    if (expected !== undefined && part.length > 0)
      this.#matches &&= part.equals(expected.subarray(from, from + part.length));
    const { leaveAfterBytes, napMs } = this.#job!;
    if (leaveAfterBytes !== undefined && this.#bodyBytes > leaveAfterBytes) this.#end('left');
    else if (napMs > 0 && !this.#napped) this.#nap(napMs);
  }

  #nap(napMs: number): void {
    const socket = this.#socket!;
    this.#napped = true;
    socket.pause();
    setTimeout(() => socket.resume(), napMs);
  }
}
