import { ChunkedDecoder } from '../http/wire/chunked.ts';
import { keepAlive, responseFraming, withoutHopByHop } from '../http/wire/framing.ts';
import { type HeadLimits, parseResponseHead, type ResponseHead } from '../http/wire/head.ts';
import type { OriginFailureCause, OriginHead } from './origin.ts';

/** What a {@link ResponseReader} finds in the bytes of a connection, in the order of {@link OriginSink}. */
export interface ResponseEvents {
  onHead(head: OriginHead): void;
  onBody(chunk: Uint8Array): void;
  /** The response is whole and nothing came behind it. {@link ResponseReader.reusable} is settled. */
  onDone(): void;
  /** The response is unusable from here on; nothing follows. */
  onProblem(cause: OriginFailureCause, detail: string, arrived: Arrived): void;
}

/** What of a response had arrived when it failed: no byte, bytes that are none of it, some of its head, or its whole head. */
export type Arrived = 'nothing' | 'stray' | 'some-head' | 'head';

/** Bounds of a response; one that exceeds them fails with the cause of the bound that it broke. */
export interface ResponseLimits extends HeadLimits {
  /** Of the body as it arrives, without the framing of chunks, in bytes. */
  readonly maxBodyBytes: number;
}

const HTTP_NAME = 'HTTP/1.';
const END_OF_HEAD = Buffer.from('\r\n\r\n', 'latin1');

/**
 * `ended` also means "nobody reads": the state before {@link ResponseReader.begin} and after {@link
 * ResponseReader.stop}.
 */
type State = 'ended' | 'head' | 'length' | 'chunked' | 'close';

/**
 * Reads the responses of one connection, one at a time (RFC 9112 sections 4 to 8). Pure: bytes in, events out; how the
 * bytes are split never changes the events but for the boundaries of `onBody`. Interim responses (1xx) are consumed;
 * their bytes count against the limit of the head, so that they are bounded as well.
 *
 * Body bytes are passed on as views of what was pushed, without a copy.
 */
export class ResponseReader {
  readonly #limits: ResponseLimits;
  readonly #events: ResponseEvents;
  #state: State = 'ended';
  #method: string = 'GET';
  /** Bytes of a head that is not complete yet. */
  #partial: Buffer | undefined;
  #touched = false;
  #headBytesLeft = 0;
  #bodyBytesLeft = 0;
  #bodyBytes = 0;
  #chunked: ChunkedDecoder | undefined;
  #reusable = false;
  #keepAliveMs: number | undefined;
  readonly #onChunkData = (view: Uint8Array): void => this.#bounded(view);

  constructor(limits: ResponseLimits, events: ResponseEvents) {
    this.#limits = limits;
    this.#events = events;
  }

  /** Whether the connection may carry another exchange (RFC 9112 section 9.3). Settled by `onDone`. */
  get reusable(): boolean {
    return this.#reusable;
  }

  /** How long the server promises to keep the idle connection (`Keep-Alive: timeout=`), in milliseconds. */
  get keepAliveMs(): number | undefined {
    return this.#keepAliveMs;
  }

  /** Expects the response to a request of that method. */
  begin(method: string): void {
    this.#state = 'head';
    this.#method = method;
    this.#touched = false;
    this.#headBytesLeft = this.#limits.maxBytes;
    this.#bodyBytes = 0;
    this.#reusable = false;
    this.#keepAliveMs = undefined;
  }

  /** Reports nothing any more. */
  stop(): void {
    this.#state = 'ended';
    this.#partial = undefined;
    this.#chunked = undefined;
  }

  push(chunk: Buffer): void {
    this.#touched = true;
    if (this.#state === 'head') this.#pushHead(chunk);
    else this.#pushBody(chunk, 0);
  }

  /**
   * The connection is gone.
   *
   * @param broken what the transport says of it; undefined after an orderly end (FIN).
   */
  finish(broken: string | undefined): void {
    const how = broken ?? 'closed by the origin';
    switch (this.#state) {
      case 'head':
        this.#fail('reset', `connection ${how} before the response head was complete`);
        return;
      case 'length':
        this.#fail(
          'truncated',
          `connection ${how} with ${this.#bodyBytesLeft} of ${this.#bodyBytesLeft + this.#bodyBytes} body bytes missing`,
        );
        return;
      case 'chunked':
        this.#fail(
          'truncated',
          `connection ${how} after ${this.#bodyBytes} body bytes, before the last chunk`,
        );
        return;
      case 'close':
        if (broken !== undefined) {
          this.#fail('truncated', `connection ${how} after ${this.#bodyBytes} body bytes of unknown length`);
          return;
        }
        this.#done();
        return;
      case 'ended':
    }
  }

  #pushHead(chunk: Buffer): void {
    const buf = this.#partial === undefined ? chunk : Buffer.concat([this.#partial, chunk]);
    let at = 0;
    for (;;) {
      // The parser is handed the head alone: it would look at all of the body's bytes in this read otherwise.
      const endAt = buf.indexOf(END_OF_HEAD, at);
      const end = endAt < 0 ? buf.length : endAt + END_OF_HEAD.length;
      const limits = { maxBytes: this.#headBytesLeft, maxFields: this.#limits.maxFields };
      const head = parseResponseHead(buf, at, end, limits);
      if (head.kind === 'malformed') {
        this.#fail('malformed', `response head: ${head.sentence}`, !startsAsResponse(buf, at));
        return;
      }
      if (head.kind === 'incomplete') {
        if (!startsAsResponse(buf, at)) {
          this.#fail('malformed', 'what arrived does not start like an HTTP response', true);
          return;
        }
        this.#partial = at === 0 ? buf : buf.subarray(at);
        return;
      }
      at += head.headBytes;
      this.#headBytesLeft -= head.headBytes;
      if (head.status >= 200) {
        this.#finalHead(head, buf, at);
        return;
      }
      if (head.status === 101) {
        this.#fail('malformed', 'the origin switched protocols (101) unasked');
        return;
      }
      if (at === buf.length) {
        this.#partial = undefined;
        return;
      }
    }
  }

  #finalHead(head: ResponseHead, buf: Buffer, at: number): void {
    this.#partial = undefined;
    const framed = responseFraming(head, this.#method);
    if (framed.kind === 'malformed') {
      this.#fail('malformed', `response framing: ${framed.sentence}`);
      return;
    }
    const { framing, bodyBytes } = framed;
    const { maxBodyBytes } = this.#limits;
    if (bodyBytes !== undefined && bodyBytes > maxBodyBytes) {
      this.#fail('too-large', `body of ${bodyBytes} bytes is above the limit of ${maxBodyBytes}`);
      return;
    }
    // Bytes behind the body in the same read: the length is a lie, so not even its head is worth anything.
    if (bodyBytes !== undefined && buf.length - at > bodyBytes) {
      this.#fail('overrun', `${buf.length - at - bodyBytes} bytes behind a body of ${bodyBytes}`);
      return;
    }
    this.#reusable = framing !== 'close' && keepAlive(head.version, head.fields);
    this.#keepAliveMs = this.#reusable ? promisedKeepAliveMs(head.fields.get('keep-alive')) : undefined;
    this.#state = framing === 'none' ? 'length' : framing;
    this.#bodyBytesLeft = bodyBytes ?? 0;
    this.#chunked = framing === 'chunked' ? new ChunkedDecoder() : undefined;
    this.#events.onHead({ status: head.status, fields: withoutHopByHop(head.fields), framing, bodyBytes });
    if (bodyBytes === 0 && this.#state === 'length') {
      this.#done();
      return;
    }
    if (at < buf.length) this.#pushBody(buf, at);
  }

  #pushBody(buf: Buffer, at: number): void {
    switch (this.#state) {
      case 'length':
        this.#pushLength(at === 0 ? buf : buf.subarray(at));
        return;
      case 'chunked':
        this.#pushChunked(at === 0 ? buf : buf.subarray(at));
        return;
      case 'close':
        this.#bounded(at === 0 ? buf : buf.subarray(at));
        return;
      case 'head':
      case 'ended':
    }
  }

  #pushLength(chunk: Buffer): void {
    const extraBytes = chunk.length - this.#bodyBytesLeft;
    if (extraBytes > 0) {
      this.#fail('overrun', `${extraBytes} bytes behind a body of ${this.#bodyBytes + this.#bodyBytesLeft}`);
      return;
    }
    this.#bodyBytes += chunk.length;
    this.#bodyBytesLeft -= chunk.length;
    this.#events.onBody(chunk);
    if (extraBytes === 0 && this.#state === 'length') this.#done();
  }

  #pushChunked(chunk: Buffer): void {
    const decoder = this.#chunked!;
    const usedBytes = decoder.push(chunk, this.#onChunkData);
    if (this.#state !== 'chunked') return; // stopped or failed by what was in it
    const problem = decoder.malformed;
    if (problem !== undefined) {
      this.#fail('malformed', `chunked body: ${problem.sentence}`);
      return;
    }
    if (!decoder.done) return;
    const extraBytes = chunk.length - usedBytes;
    if (extraBytes > 0) {
      this.#fail('overrun', `${extraBytes} bytes behind the last chunk`);
      return;
    }
    this.#done();
  }

  /** Body bytes of a body whose length was not announced. */
  #bounded(view: Uint8Array): void {
    if (this.#state === 'ended') return;
    this.#bodyBytes += view.length;
    const { maxBodyBytes } = this.#limits;
    if (this.#bodyBytes > maxBodyBytes) {
      this.#fail('too-large', `body is above the limit of ${maxBodyBytes} bytes`);
      return;
    }
    this.#events.onBody(view);
  }

  #done(): void {
    this.stop();
    this.#events.onDone();
  }

  #fail(cause: OriginFailureCause, detail: string, stray = false): void {
    const arrived =
      this.#state !== 'head' ? 'head' : !this.#touched ? 'nothing' : stray ? 'stray' : 'some-head';
    this.stop();
    this.#reusable = false;
    this.#events.onProblem(cause, detail, arrived);
  }
}

/** Told early, so that stray bytes in front of a response do not look like a server that hangs. */
function startsAsResponse(buf: Buffer, at: number): boolean {
  const start = buf.toString('latin1', at, at + HTTP_NAME.length);
  return HTTP_NAME.startsWith(start);
}

/** The `timeout` parameter of `Keep-Alive` (RFC 2068 section 19.7.1.1, still what servers send), in milliseconds. */
function promisedKeepAliveMs(value: string | undefined): number | undefined {
  const seconds =
    value === undefined ? undefined : /(?:^|[\s,])timeout=([0-9]{1,6})(?:$|[\s,])/i.exec(value)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}
