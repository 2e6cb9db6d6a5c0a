import type { ErrorCode } from '../base/errors.ts';
import { ChunkedDecoder } from '../http/wire/chunked.ts';
import { expectation, requestFraming } from '../http/wire/framing.ts';
import type { RequestHead } from '../http/wire/head.ts';
import { type Malformed, malformed } from '../http/wire/problem.ts';
import type { BodySink, MessageBody } from '../origin/origin.ts';
import type { ConnectionHost } from './host.ts';
import type { Input } from './input.ts';
import { Pace } from './pace.ts';

/** The connection that a body arrives on. */
export interface BodyOwner {
  /** The client shut its sending side: what the input holds is all there is. */
  readonly peerEnded: boolean;
  /** Tells the client to send what it holds back (RFC 9110 section 10.1.1), unless it is too late for that. */
  invite(): void;
  /** Input was used up: there may be room for more, or the next request. Not called within {@link RequestBody.feed}. */
  onBodyMoved(): void;
  /** The rest will not be had. */
  onBodyFailed(why: Refused): void;
}

/** Why a request is refused: it is malformed, or more than is taken. */
export type Refused = Malformed | ErrorCode;

/**
 * The body that a request's head announces.
 *
 * @returns undefined when there is none, or why the request is refused.
 */
export function requestBody(
  owner: BodyOwner,
  input: Input,
  head: RequestHead,
  host: ConnectionHost,
): RequestBody | Refused | undefined {
  const framing = requestFraming(head);
  if (framing.kind === 'malformed') return framing;
  const expected = expectation(head.version, head.fields);
  if (expected === 'unknown') return 'expectation-failed';
  const { bodyBytes: bytes } = framing;
  if (bytes === 0) return undefined;
  const bytesMax = host.limits.requestBodyBytesMax;
  if (bytes !== undefined && bytes > bytesMax) return 'body-too-large';
  return new RequestBody(owner, input, host, { bytes, bytesMax, expected: expected === '100-continue' });
}

interface RequestBodyOptions {
  /** Content-Length; undefined for chunked. */
  readonly bytes: number | undefined;
  /** Most bytes of content that a chunked body may have. */
  readonly bytesMax: number;
  /** The client waits for 100 (Continue) before it sends. */
  readonly expected: boolean;
}

/** `asked`: somebody receives, but is not given anything before it returned from asking. */
type State = 'unasked' | 'asked' | 'flowing' | 'dropping' | 'over';

/**
 * The body of one request (RFC 9112 section 6), delivered to whoever receives it, or dropped. Holds nothing: what is not
 * taken stays in the connection's input. The receiver is told its end exactly once, whatever happens.
 */
export class RequestBody implements MessageBody {
  readonly bytes: number | undefined;
  readonly #owner: BodyOwner;
  readonly #input: Input;
  /** Told of what a receiver throws: it is told nothing more then. */
  readonly #host: Pick<ConnectionHost, 'fault'>;
  readonly #bytesMax: number;
  readonly #chunked: ChunkedDecoder | undefined;
  readonly #onContent = (content: Uint8Array): void => this.#deliver(content);
  #expected: boolean;
  #bytesLeft: number;
  #contentBytes = 0;
  #takenBytes = 0;
  #state: State = 'unasked';
  #held = false;
  #feeding = false;
  /** The connection has nothing to do with it any more. */
  #gone = false;
  #pace: Pace | undefined;
  #sink: BodySink | undefined;
  #problem: Refused | undefined;

  constructor(
    owner: BodyOwner,
    input: Input,
    host: Pick<ConnectionHost, 'fault'>,
    { bytes, bytesMax, expected }: RequestBodyOptions,
  ) {
    this.#owner = owner;
    this.#input = input;
    this.#host = host;
    this.bytes = bytes;
    this.#bytesMax = bytesMax;
    this.#expected = expected;
    this.#bytesLeft = bytes ?? 0;
    this.#chunked = bytes === undefined ? new ChunkedDecoder() : undefined;
  }

  // -- what the receiver asks for --

  receive(sink: BodySink): void {
    if (this.#state !== 'unasked') {
      if (this.#sink === undefined) queueMicrotask(() => sink.onFail());
      return;
    }
    this.#sink = sink;
    this.#state = 'asked';
    queueMicrotask(() => {
      if (this.#state !== 'asked') return;
      this.#state = 'flowing';
      if (this.#expected && this.#input.buffer === undefined) this.#owner.invite();
      this.#expected = false;
      this.onInput();
    });
  }

  pause(): void {
    this.#held = true;
  }

  resume(): void {
    if (!this.#held) return;
    this.#held = false;
    if (this.#state === 'flowing') this.onInput();
  }

  // -- what the connection asks for --

  /** Takes bytes now: delivers or drops them. */
  get taking(): boolean {
    if (this.#problem !== undefined) return false;
    return this.#state === 'dropping' || (this.#state === 'flowing' && !this.#held);
  }

  /** Within {@link feed}: what it took is not yet off the input. */
  get feeding(): boolean {
    return this.#feeding;
  }

  /** It is whole, or given up. */
  get over(): boolean {
    return this.#state === 'over';
  }

  /**
   * Whether somebody receives it and the client sends too slowly, over a window of time. While the receiver holds it
   * back, it is not the client that is slow. To be asked from time to time.
   */
  tooSlow(nowMs: number, windowMs: number, bytesPerS: number): boolean {
    if (this.#state !== 'flowing') return false;
    if (this.#pace === undefined || this.#held) {
      this.#pace ??= new Pace();
      this.#pace.restart(nowMs, this.#takenBytes);
      return false;
    }
    return this.#pace.due(nowMs, windowMs) && this.#pace.tooSlow(nowMs, this.#takenBytes, bytesPerS);
  }

  /** The rest is known to come and short enough to be read for nothing. */
  droppable(bytesMax: number): boolean {
    return this.over || (this.#chunked === undefined && !this.#expected && this.#bytesLeft <= bytesMax);
  }

  /** There is input, or the client has no more: deals with it, and tells the connection what came of it. */
  onInput(): void {
    if (this.#feeding) return;
    this.feed();
    if (this.#gone) return;
    if (this.#problem !== undefined) this.#owner.onBodyFailed(this.#problem);
    else if (this.#owner.peerEnded && this.taking) this.#owner.onBodyFailed(malformed('body'));
    else this.#owner.onBodyMoved();
  }

  /** Delivers or drops what the input holds of the body, unless it is held back. */
  feed(): void {
    this.#feeding = true;
    for (let { buffer } = this.#input; buffer !== undefined && this.taking; { buffer } = this.#input)
      this.#input.advance(this.#take(this.#input.at === 0 ? buffer : buffer.subarray(this.#input.at)));
    this.#feeding = false;
  }

  /** Takes what belongs to the body from the start of `input`; returns how many bytes. */
  #take(input: Buffer): number {
    let count: number;
    if (this.#chunked === undefined) {
      count = Math.min(this.#bytesLeft, input.length);
      this.#bytesLeft -= count;
      this.#deliver(count === input.length ? input : input.subarray(0, count));
      if (this.#bytesLeft === 0) this.#finish();
    } else {
      count = this.#chunked.push(input, this.#onContent);
      this.#problem ??= this.#chunked.malformed;
      if (this.#chunked.done && this.#problem === undefined) this.#finish();
    }
    this.#takenBytes += count;
    return count;
  }

  /** The rest is of no use to anybody. */
  drop(): void {
    if (this.over) return;
    this.#tellFailure();
    this.#state = 'dropping';
  }

  /** The rest will never come, or is not wanted. */
  giveUp(): void {
    this.#gone = true;
    if (this.over) return;
    this.#tellFailure();
    this.#state = 'over';
  }

  #deliver(content: Uint8Array): void {
    this.#contentBytes += content.length;
    if (this.#contentBytes > this.#bytesMax && this.#chunked !== undefined)
      this.#problem ??= 'body-too-large';
    if (this.#state !== 'flowing' || this.#problem !== undefined) return;
    this.#tell((sink) => sink.onData(content));
  }

  #finish(): void {
    if (this.over) return;
    const flowing = this.#state === 'flowing';
    this.#state = 'over';
    if (flowing) this.#tell((sink) => sink.onEnd());
  }

  #tellFailure(): void {
    if (this.#state === 'asked' || this.#state === 'flowing') this.#tell((sink) => sink.onFail());
  }

  #tell(news: (sink: BodySink) => void): void {
    try {
      news(this.#sink!);
    } catch (error) {
      if (!this.over) this.#state = 'dropping';
      this.#host.fault(error);
    }
  }
}
