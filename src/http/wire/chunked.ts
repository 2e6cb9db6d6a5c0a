import { type Malformed, malformed, type Problem } from './problem.ts';

/** A chunk's size line: hexadecimal digits; 13 of them stay below 2^52. */
const SIZE_DIGITS_MAX = 13;
/** All extensions of one body together: nobody uses them, so many are an attack on the framing overhead. */
const EXTENSION_BYTES_MAX = 16 * 1024;
const TRAILER_BYTES_MAX = 16 * 1024;

const CR = 13;
const LF = 10;
const SPACE = 32;
const TAB = 9;
const COLON = 58;
const SEMICOLON = 59;

type State =
  | 'size' // digits of a chunk's size
  | 'blank' // white space between the size and an extension
  | 'extension'
  | 'size-lf'
  | 'data'
  | 'data-cr'
  | 'data-lf'
  | 'trailer-start' // first byte of a trailer line, or of the final empty line
  | 'trailer-name'
  | 'trailer-value'
  | 'trailer-lf'
  | 'final-lf'
  | 'done'
  | 'malformed';

/**
 * Incremental decoder of the chunked transfer coding (RFC 9112 section 7.1), strict: lines end with CR LF, sizes are
 * bare hexadecimal digits. Extensions and trailers are checked, bounded and dropped. Copies nothing; data is passed
 * on as views of what was pushed. How the input is split never changes what comes out.
 */
export class ChunkedDecoder {
  #state: State = 'size';
  #problem: Problem | undefined;
  #chunkBytesLeft = 0;
  #sizeDigits = 0;
  #extensionBytes = 0;
  #trailerBytes = 0;

  /** The body is whole, its last CR LF included. */
  get done(): boolean {
    return this.#state === 'done';
  }

  /** Set once what was pushed cannot be a chunked body; nothing is decoded after that. */
  get malformed(): Malformed | undefined {
    return this.#problem === undefined ? undefined : malformed(this.#problem);
  }

  /**
   * Decodes as much of `chunk` as belongs to the body. `onData` gets non-empty views, valid as long as `chunk` is.
   *
   * @returns bytes consumed: all of `chunk`, unless the body is {@link done} (the rest is the next message, or bytes
   *   nobody asked for) or {@link malformed}.
   */
  push(chunk: Uint8Array, onData: (view: Uint8Array) => void): number {
    let at = 0;
    while (at < chunk.length) {
      if (this.#state === 'data') {
        const take = Math.min(this.#chunkBytesLeft, chunk.length - at);
        this.#chunkBytesLeft -= take;
        if (this.#chunkBytesLeft === 0) this.#state = 'data-cr';
        onData(take === chunk.length ? chunk : chunk.subarray(at, at + take));
        at += take;
      } else if (this.#state === 'done' || this.#state === 'malformed') {
        return at;
      } else {
        this.#state = this.#next(chunk[at]!);
        if (this.#problem !== undefined) return at;
        at += 1;
      }
    }
    return at;
  }

  /** The state behind a byte that is framing, not data. */
  #next(byte: number): State {
    switch (this.#state) {
      case 'size':
        return this.#nextInSize(byte);
      case 'blank':
      case 'extension':
        return this.#nextInExtension(byte);
      case 'size-lf':
        if (byte !== LF) return this.#fail('chunk-size');
        return this.#chunkBytesLeft === 0 ? 'trailer-start' : 'data';
      case 'data-cr':
        return byte === CR ? 'data-lf' : this.#fail('chunk-end');
      case 'data-lf':
        this.#sizeDigits = 0;
        return byte === LF ? 'size' : this.#fail('chunk-end');
      default:
        return this.#nextInTrailer(byte);
    }
  }

  #nextInSize(byte: number): State {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      this.#sizeDigits += 1;
      if (this.#sizeDigits > SIZE_DIGITS_MAX) return this.#fail('chunk-size');
      this.#chunkBytesLeft = this.#chunkBytesLeft * 16 + digit;
      return 'size';
    }
    if (this.#sizeDigits === 0) return this.#fail('chunk-size');
    if (byte === CR) return 'size-lf';
    if (byte === SEMICOLON) return 'extension';
    return byte === SPACE || byte === TAB ? 'blank' : this.#fail('chunk-size');
  }

  #nextInExtension(byte: number): State {
    this.#extensionBytes += 1;
    if (this.#extensionBytes > EXTENSION_BYTES_MAX) return this.#fail('chunk-extension');
    if (this.#state === 'blank') {
      if (byte === SEMICOLON) return 'extension';
      return byte === SPACE || byte === TAB ? 'blank' : this.#fail('chunk-extension');
    }
    if (byte === CR) return 'size-lf';
    return isControl(byte) ? this.#fail('chunk-extension') : 'extension';
  }

  #nextInTrailer(byte: number): State {
    this.#trailerBytes += 1;
    if (this.#trailerBytes > TRAILER_BYTES_MAX) return this.#fail('trailer');
    switch (this.#state) {
      case 'trailer-start':
        if (byte === CR) return 'final-lf';
        return isTokenByte(byte) ? 'trailer-name' : this.#fail('trailer');
      case 'trailer-name':
        if (byte === COLON) return 'trailer-value';
        return isTokenByte(byte) ? 'trailer-name' : this.#fail('trailer');
      case 'trailer-value':
        if (byte === CR) return 'trailer-lf';
        return isControl(byte) ? this.#fail('trailer') : 'trailer-value';
      case 'trailer-lf':
        return byte === LF ? 'trailer-start' : this.#fail('trailer');
      default:
        return byte === LF ? 'done' : this.#fail('trailer');
    }
  }

  #fail(problem: Problem): State {
    this.#problem = problem;
    return 'malformed';
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

function isControl(byte: number): boolean {
  return (byte < SPACE && byte !== TAB) || byte === 0x7f;
}

const TOKEN_BYTES = new Set(
  Buffer.from("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", 'latin1'),
);

/** RFC 9110 section 5.6.2. */
function isTokenByte(byte: number): boolean {
  return TOKEN_BYTES.has(byte);
}
