/**
 * Messages over a pipe: two lengths of 32 bits (little-endian), a head in JSON, a body of bytes. Both ends are this program, so what is
 * malformed is a fault: the pipe is of no use afterwards.
 */
export interface Frame {
  /** The head's JSON, parsed; whoever reads it knows its type. */
  readonly head: unknown;
  readonly body: Uint8Array;
}

/** Takes chunks as they come, however they were cut, and hands out whole messages. */
export interface FrameReader {
  /** @returns the messages that this chunk completes. Throws RangeError for lengths above the limits, SyntaxError for no JSON. */
  push(chunk: Uint8Array): Frame[];
  /** True between two messages: nothing is missing. */
  readonly isBetween: boolean;
}

/** Makes a buffer of exactly so many bytes. */
type MakeRoom = (bytes: number) => Uint8Array;
const zeroed: MakeRoom = (bytes) => new Uint8Array(bytes);

const PREFIX_BYTES = 8;
const HEAD_BYTES_MAX = 1024 * 1024;
const NOTHING = new Uint8Array(0);

/**
 * A message as the chunks to write, in order. The bodies are not copied; together they are the body.
 *
 * @param head anything that JSON can write; at most 1 MiB of it.
 */
export function writeFrame(head: unknown, ...bodies: readonly Uint8Array[]): Uint8Array[] {
  const text = new TextEncoder().encode(JSON.stringify(head));
  const bodyBytes = bodies.reduce((sum, { length }) => sum + length, 0);
  checkLengths(text.length, bodyBytes, 0xffff_ffff);
  const start = new Uint8Array(PREFIX_BYTES + text.length);
  const view = new DataView(start.buffer);
  view.setUint32(0, text.length, true);
  view.setUint32(4, bodyBytes, true);
  start.set(text, PREFIX_BYTES);
  return [start, ...bodies];
}

/**
 * @param bodyBytesMax what a body may have; room is made for it as soon as its length is read.
 * @param room makes it.
 */
export function frameReader(bodyBytesMax: number, room: MakeRoom = zeroed): FrameReader {
  let prefix = new Part(PREFIX_BYTES);
  let head: Part | undefined;
  let body: Part | undefined;

  /** Takes what it can of a chunk; the message, when that was the end of it. */
  const take = (rest: { chunk: Uint8Array }): Frame | undefined => {
    if (head === undefined || body === undefined) {
      if (!prefix.fill(rest)) return undefined;
      const view = new DataView(prefix.bytes.buffer as ArrayBuffer);
      const [headBytes, bodyBytes] = [view.getUint32(0, true), view.getUint32(4, true)];
      checkLengths(headBytes, bodyBytes, bodyBytesMax);
      [head, body] = [new Part(headBytes), new Part(bodyBytes, room)];
    }
    if (!head.fill(rest) || !body.fill(rest)) return undefined;
    const frame = { head: JSON.parse(new TextDecoder().decode(head.bytes)) as unknown, body: body.bytes };
    prefix = new Part(PREFIX_BYTES);
    [head, body] = [undefined, undefined];
    return frame;
  };
  return {
    push(chunk) {
      const frames: Frame[] = [];
      const rest = { chunk };
      // A message may have neither head nor body left to come: what is complete is handed out before more is awaited.
      for (let frame = take(rest); frame !== undefined; frame = take(rest)) frames.push(frame);
      return frames;
    },
    get isBetween() {
      return prefix.isEmpty;
    },
  };
}

/** So many bytes, filled piece by piece. */
class Part {
  readonly bytes: Uint8Array;
  #at = 0;
  constructor(length: number, room: MakeRoom = zeroed) {
    this.bytes = length === 0 ? NOTHING : room(length);
  }
  get isEmpty(): boolean {
    return this.#at === 0;
  }
  /** Takes from `rest` what is missing, and leaves what is beyond; true when nothing is missing any more. */
  fill(rest: { chunk: Uint8Array }): boolean {
    const taken = rest.chunk.subarray(0, this.bytes.length - this.#at);
    this.bytes.set(taken, this.#at);
    this.#at += taken.length;
    rest.chunk = rest.chunk.subarray(taken.length);
    return this.#at === this.bytes.length;
  }
}

function checkLengths(headBytes: number, bodyBytes: number, bodyBytesMax: number): void {
  if (headBytes > HEAD_BYTES_MAX)
    throw new RangeError(`a head of ${headBytes} bytes; ${HEAD_BYTES_MAX} are allowed`);
  if (bodyBytes > bodyBytesMax)
    throw new RangeError(`a body of ${bodyBytes} bytes; ${bodyBytesMax} are allowed`);
}
