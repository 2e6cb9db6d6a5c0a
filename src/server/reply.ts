import { assert } from '../base/assert.ts';
import { type Answer, BROKEN, END, type Payload, WAIT } from '../serve/answer.ts';

/** How an answer's payload is delimited; `close` is for HTTP/1.0 clients and unknown lengths. */
export type ReplyFraming = 'none' | 'length' | 'chunked' | 'close';

/**
 * How the answer to a request of that method and minor version is framed. RFC 9110 section 6.4.1: no content to HEAD, nor
 * with 204 and 304; only the head's own rest may follow there.
 */
export function replyFraming(
  { status, payload, headInPayload }: Answer,
  method: string,
  version: 0 | 1,
): ReplyFraming {
  if (payload === undefined) return 'none';
  const bodyless = method === 'HEAD' || status === 204 || status === 304;
  if (bodyless && !headInPayload) return 'none';
  if (payload.bytes !== undefined) return 'length';
  return version === 1 ? 'chunked' : 'close';
}

/** Room kept before a chunk's data for `CRLF size CRLF`. */
const CHUNK_PREFIX_BYTES = 16;

/**
 * One answer on its way out, as a cursor: {@link fill} lays the next bytes into a scratch buffer, {@link advance} says
 * how many of them the kernel took. What it did not take is read again from the payload, so a slow client costs a
 * position and not a copy. Knows nothing of sockets.
 */
export class Reply {
  #framing: ReplyFraming = 'none';
  #payload: Payload | undefined;
  /** Text before the next payload bytes: the head, a chunk's size line, or the end of the body. */
  #text = '';
  #textTaken = 0;
  /** Payload bytes taken by the kernel. */
  #position = 0;
  /** Payload bytes that may still follow the text: the rest of the body, or of the current chunk. */
  #span = 0;
  #chunkOpen = false;
  #ended = true;
  #from = 0;

  /** Where in the scratch buffer the bytes of the last {@link fill} start. */
  get from(): number {
    return this.#from;
  }

  /** Everything was taken. */
  get complete(): boolean {
    return this.#ended && this.#span === 0 && this.#textTaken === this.#text.length;
  }

  /**
   * Starts over with another answer.
   *
   * @param head in latin1, the status line included.
   * @param payload sent behind it, unless `framing` is `none`.
   */
  begin(head: string, framing: ReplyFraming, payload: Payload | undefined): void {
    this.#framing = framing;
    this.#payload = payload;
    this.#text = head;
    this.#textTaken = 0;
    this.#position = 0;
    this.#span = framing === 'length' ? payload!.bytes! : framing === 'close' ? Number.MAX_SAFE_INTEGER : 0;
    this.#chunkOpen = false;
    this.#ended = framing === 'none' || framing === 'length';
    this.#from = 0;
  }

  /**
   * Lays out the next bytes, reading the payload once. One call, one {@link advance}.
   *
   * @returns how many bytes, from {@link from} on; 0 (with {@link complete} true) when there was nothing left; WAIT
   *   when the payload has nothing yet and all text is out; BROKEN when it never will.
   */
  fill(scratch: Buffer): number {
    if (this.#framing === 'chunked' && this.#span === 0 && !this.#ended) return this.#fillChunk(scratch);
    this.#from = 0;
    const textBytes = this.#writeText(scratch, this.#text);
    if (this.#span === 0) return textBytes;
    // Only an interrupted chunk has an end that the payload does not know of.
    const into = this.#framing === 'chunked' ? scratch.subarray(0, textBytes + this.#span) : scratch;
    const count = this.#payload!.read(this.#position, into, textBytes);
    if (count > 0) {
      assert(count <= this.#span && textBytes + count <= into.length, 'a payload gives what was asked for');
      return textBytes + count;
    }
    if (count === WAIT) return textBytes > 0 ? textBytes : WAIT;
    if (count === END && this.#framing === 'close') {
      this.#ended = true;
      this.#span = 0;
      return textBytes;
    }
    return BROKEN;
  }

  /** The kernel took `count` of the bytes that were laid out last. */
  advance(count: number): void {
    const ofText = Math.min(count, this.#text.length - this.#textTaken);
    this.#textTaken += ofText;
    this.#position += count - ofText;
    this.#span -= count - ofText;
  }

  /** A chunk's size is only known when its data is there, so the data comes first and the text is put before it. */
  #fillChunk(scratch: Buffer): number {
    const unsent = this.#text.slice(this.#textTaken);
    const dataAt = unsent.length + CHUNK_PREFIX_BYTES;
    const count = this.#payload!.read(this.#position, scratch, dataAt);
    if (count === BROKEN) return BROKEN;
    if (count === WAIT) {
      this.#from = 0;
      return unsent === '' ? WAIT : this.#writeText(scratch, this.#text);
    }
    const lastEnd = this.#chunkOpen ? '\r\n' : '';
    this.#textTaken = 0;
    if (count === END) {
      this.#ended = true;
      this.#from = 0;
      this.#text = `${unsent}${lastEnd}0\r\n\r\n`;
      return this.#writeText(scratch, this.#text);
    }
    assert(count > 0 && dataAt + count <= scratch.length, 'a payload gives what was asked for');
    this.#chunkOpen = true;
    this.#span = count;
    this.#text = `${unsent}${lastEnd}${count.toString(16)}\r\n`;
    this.#from = dataAt - this.#text.length;
    scratch.write(this.#text, this.#from, 'latin1');
    return this.#text.length + count;
  }

  #writeText(scratch: Buffer, text: string): number {
    if (this.#textTaken === text.length) return 0;
    return scratch.write(this.#textTaken === 0 ? text : text.slice(this.#textTaken), 0, 'latin1');
  }
}
