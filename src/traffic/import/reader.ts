import { emptyLine, type Line, type LineParser, type UnreadableReason } from './line.ts';

/** Longest line of a log: objects of JSON with all their fields have a few KiB. */
export const LINE_BYTES_MAX = 256 * 1024;

/** What is told about each line. */
export interface LineSink {
  /** @param bytes where the line is, `from` to `to`; nothing for binary formats. */
  take(line: Line, lineNumber: number, bytes: Uint8Array, from: number, to: number): void;
  /** @param bytes as for {@link take}. */
  unreadable(reason: UnreadableReason, lineNumber: number, bytes: Uint8Array, from: number, to: number): void;
  /** A line that counts, readable or not. */
  counted(): void;
}

/** Reads a log piece by piece, wherever pieces end. */
export interface PieceReader {
  feed(piece: Uint8Array): void;
  /**
   * The log is at its end.
   *
   * @param isCut it goes on, but cannot be read any further: a line without its end is not whole.
   */
  end(isCut: boolean): void;
}

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** Logs of lines. Memory: one line. */
export class LineReader implements PieceReader {
  readonly #parser: LineParser;
  readonly #sink: LineSink;
  readonly #line = emptyLine();
  /** The beginning of a line whose end is in another piece. */
  #held = new Uint8Array(0);
  /** The line is too long: the rest of it is passed over. */
  #tooLong = false;
  #lineNumber = 0;

  constructor(parser: LineParser, sink: LineSink) {
    this.#parser = parser;
    this.#sink = sink;
  }

  feed(piece: Uint8Array): void {
    let at = 0;
    if (this.#held.length > 0 || this.#tooLong) {
      const end = piece.indexOf(NEWLINE);
      if (end < 0) {
        this.#hold(piece, 0);
        return;
      }
      this.#hold(piece.subarray(0, end), 0);
      this.#endHeld();
      at = end + 1;
    }
    for (;;) {
      const end = piece.indexOf(NEWLINE, at);
      if (end < 0) break;
      this.#read(piece, at, end, false);
      at = end + 1;
    }
    if (at < piece.length) this.#hold(piece, at);
  }

  end(isCut: boolean): void {
    if (this.#tooLong) this.#endHeld();
    else if (isCut && this.#held.length > 0) {
      this.#lineNumber += 1;
      this.#sink.counted();
      this.#sink.unreadable('cut', this.#lineNumber, this.#held, 0, this.#held.length);
    } else if (this.#held.length > 0) this.#read(this.#held, 0, this.#held.length, true);
    this.#held = new Uint8Array(0);
  }

  #hold(piece: Uint8Array, from: number): void {
    if (this.#tooLong) return;
    const length = this.#held.length + piece.length - from;
    const joined = new Uint8Array(Math.min(length, LINE_BYTES_MAX));
    joined.set(this.#held.subarray(0, joined.length));
    joined.set(piece.subarray(from, from + joined.length - this.#held.length), this.#held.length);
    this.#held = joined;
    this.#tooLong = length > LINE_BYTES_MAX;
  }

  #endHeld(): void {
    const held = this.#held;
    this.#held = new Uint8Array(0);
    if (this.#tooLong) {
      this.#tooLong = false;
      this.#lineNumber += 1;
      this.#sink.counted();
      this.#sink.unreadable('long', this.#lineNumber, held, 0, held.length);
    } else this.#read(held, 0, held.length, false);
  }

  #read(bytes: Uint8Array, from: number, end: number, isLast: boolean): void {
    this.#lineNumber += 1;
    const to = end > from && bytes[end - 1] === RETURN ? end - 1 : end;
    if (to === from) return;
    if (to - from > LINE_BYTES_MAX) {
      this.#sink.counted();
      this.#sink.unreadable('long', this.#lineNumber, bytes, from, to);
      return;
    }
    const trouble = this.#parser.parse(bytes, from, to, this.#line);
    if (trouble === 'skip') return;
    this.#sink.counted();
    if (trouble === undefined) this.#sink.take(this.#line, this.#lineNumber, bytes, from, to);
    // A last line without its end that makes no sense was being written.
    else this.#sink.unreadable(isLast ? 'cut' : trouble, this.#lineNumber, bytes, from, to);
  }
}
