import { closeSync, openSync, write, writeSync } from 'node:fs';

/** Where lines of text go. */
export interface LineSink {
  /** Lines that were taken and then lost, because writing failed. */
  readonly lostLines: number;
  /** False while earlier lines are still on their way. What can wait should; what cannot is kept by the sink. */
  ready(): boolean;
  /** Takes whole lines in UTF-8; the bytes are the sink's until it is ready again. May throw when they are lost. */
  write(lines: Uint8Array): void;
}

export interface FileSinkOptions {
  /** A path to append to (created with mode 0640), or an open descriptor such as 1 for stdout. */
  readonly to: string | number;
  /** Told why when writing begins to fail, and `undefined` when it works again. */
  readonly onTrouble: (message: string | undefined) => void;
}

/**
 * Appends to a file, one asynchronous write at a time, so that a slow disk or a blocked pipe holds up no request:
 * an edge to the file system. When a write fails its text is lost, `onTrouble` is told, and the next is tried as usual.
 */
export class FileSink implements LineSink {
  lostLines = 0;
  readonly #to: string | number;
  readonly #onTrouble: (message: string | undefined) => void;
  #fd: number;
  #pending: Uint8Array[] = [];
  #writing = false;
  #reopening = false;
  #failing = false;
  #waiters: (() => void)[] = [];

  /** @throws the system's error when the file cannot be opened. */
  constructor(options: FileSinkOptions) {
    this.#to = options.to;
    this.#onTrouble = options.onTrouble;
    this.#fd = this.#open();
  }

  ready(): boolean {
    return !this.#writing;
  }

  write(lines: Uint8Array): void {
    this.#pending.push(lines);
    if (!this.#writing) this.#start();
  }

  /** Resolves when everything written so far is with the kernel or lost. */
  drained(): Promise<void> {
    return this.#writing ? new Promise((resolve) => this.#waiters.push(resolve)) : Promise.resolve();
  }

  /** Opens the path anew, after a log rotation moved the file away. No effect on stdout and stderr. */
  reopen(): void {
    if (typeof this.#to === 'number') return;
    if (this.#writing) this.#reopening = true;
    else this.#swap();
  }

  /** Waits for what is under way, then closes the file. Nothing may be written afterwards. */
  async close(): Promise<void> {
    await this.drained();
    if (typeof this.#to === 'string') closeSync(this.#fd);
  }

  #open(): number {
    return typeof this.#to === 'number' ? this.#to : openSync(this.#to, 'a', 0o640);
  }

  #start(): void {
    this.#writing = true;
    this.#step(this.#pending.shift()!, 0);
  }

  #step(bytes: Uint8Array, at: number): void {
    write(this.#fd, bytes, at, bytes.length - at, null, (error, written) => {
      if (error === null && written > 0 && at + written < bytes.length) {
        this.#step(bytes, at + written);
        return;
      }
      if (error !== null) this.lostLines += linesIn(bytes.subarray(at));
      this.#report(error === null ? undefined : `cannot write to ${name(this.#to)}: ${error.message}`);
      this.#settle();
    });
  }

  #settle(): void {
    this.#writing = false;
    if (this.#reopening) this.#swap();
    if (this.#pending.length > 0) {
      this.#start();
      return;
    }
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }

  #swap(): void {
    this.#reopening = false;
    try {
      const next = this.#open();
      closeSync(this.#fd);
      this.#fd = next;
    } catch (error) {
      this.#report(`cannot reopen ${this.#to}: ${(error as Error).message}; still writing to the old file`);
    }
  }

  #report(problem: string | undefined): void {
    if (this.#failing === (problem !== undefined)) return;
    this.#failing = problem !== undefined;
    this.#onTrouble(problem);
  }
}

function linesIn(bytes: Uint8Array): number {
  let lines = 0;
  for (const byte of bytes) if (byte === 0x0a) lines += 1;
  return lines;
}

/** How often a full pipe is tried again, a millisecond apart, before the rest of the text is given up. */
const RETRIES = 100;

/** What becomes of text that cannot be written. */
export interface WriteFailures {
  /** The reader of the pipe is gone (EPIPE), as after `| head -1`. */
  readonly onClosed?: () => void;
  /** The disk is full or broken (ENOSPC, EDQUOT, EFBIG, EIO), or a pipe stays full: the rest of the text is lost. Told why, as a sentence without its end; may throw. */
  readonly onLost?: (why: string) => void;
}

/** What a write ends with where what was printed is then not all there. */
const LOSSES: Readonly<Record<string, string>> = {
  ENOSPC: 'there is no space left',
  EDQUOT: 'the quota of this user is used up',
  EFBIG: 'the file has become too large',
  EIO: 'the device reports an error',
};

/**
 * Writes to a descriptor and waits for it, up to 100 ms: for the output of commands. Throws only what `onLost` does. The log of a
 * node must not wait: {@link logWriter}.
 */
export function descriptorWriter(fd: number, failures: WriteFailures = {}): (text: string) => void {
  return (text) => {
    const bytes = Buffer.from(text);
    let at = 0;
    let retries = 0;
    while (at < bytes.length) {
      try {
        at += writeSync(fd, bytes, at);
        retries = 0;
      } catch (error) {
        const { code = '' } = error as { code?: string };
        if (code === 'EPIPE') failures.onClosed?.();
        if (Object.hasOwn(LOSSES, code)) failures.onLost?.(`cannot write to ${name(fd)}: ${LOSSES[code]}`);
        // Only a full pipe with a slow reader gets better by waiting.
        if (code !== 'EAGAIN') return;
        if (retries === RETRIES) {
          failures.onLost?.(`cannot write to ${name(fd)}: whoever reads it takes nothing`);
          return;
        }
        retries += 1;
        Bun.sleepSync(1);
      }
    }
  };
}

/** Writes to a descriptor without ever waiting: what a full pipe does not take is lost. For the node's own log. */
export function logWriter(fd: number): (text: string) => void {
  return (text) => {
    try {
      writeSync(fd, text);
    } catch {
      // Nobody reads: images are served all the same.
    }
  };
}

function name(to: string | number): string {
  if (to === 1) return 'standard output';
  return to === 2 ? 'standard error' : String(to);
}
