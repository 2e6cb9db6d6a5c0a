import type { ByteRange } from '../http/range.ts';
import type { Payload } from './answer.ts';

/** Parts the bodies. Fixed, for nothing here is random; a body that has it inside is told apart by its Content-Length. */
const BOUNDARY = 'holdfast-7d1f3b9c2e5a4860';

/** Content-Type of {@link Multipart}. */
export const MULTIPART_TYPE = `multipart/byteranges; boundary=${BOUNDARY}`;

/** Several ranges of one stored body, each with the fields that say which (RFC 9110 section 14.6). */
export class Multipart implements Payload {
  readonly bytes: number;
  readonly #whole: Payload;
  /** In their order, without gaps: text of the node's own, or bytes of the body from a position on. */
  readonly #pieces: readonly Piece[];

  /**
   * @param whole all of the body, readable at any position; released with this.
   * @param contentType of the body, if it has one.
   */
  constructor(whole: Payload, ranges: readonly ByteRange[], contentType: string | undefined) {
    const pieces: Piece[] = [];
    let bytes = 0;
    const add = (length: number, source: Buffer | number): void => {
      pieces.push({ start: bytes, end: bytes + length, source });
      bytes += length;
    };
    const type = contentType === undefined ? '' : `Content-Type: ${contentType}\r\n`;
    for (const [index, { from, to }] of ranges.entries()) {
      const line = `${index === 0 ? '' : '\r\n'}--${BOUNDARY}\r\n`;
      const head = Buffer.from(
        `${line}${type}Content-Range: bytes ${from}-${to}/${whole.bytes}\r\n\r\n`,
        'latin1',
      );
      add(head.length, head);
      add(to + 1 - from, from);
    }
    const last = Buffer.from(`\r\n--${BOUNDARY}--\r\n`, 'latin1');
    add(last.length, last);
    this.#whole = whole;
    this.#pieces = pieces;
    this.bytes = bytes;
  }

  read(position: number, into: Uint8Array, at: number): number {
    const piece = this.#pieces.find(({ end }) => position < end)!;
    const room = into.subarray(at, at + Math.min(into.length - at, piece.end - position));
    const skip = position - piece.start;
    if (typeof piece.source === 'number') return this.#whole.read(piece.source + skip, room, 0);
    room.set(piece.source.subarray(skip, skip + room.length));
    return room.length;
  }

  /** Only the body makes readers wait. */
  whenReadable(fn: () => void): void {
    this.#whole.whenReadable(fn);
  }

  release(): void {
    this.#whole.release();
  }
}

interface Piece {
  readonly start: number;
  readonly end: number;
  readonly source: Buffer | number;
}
