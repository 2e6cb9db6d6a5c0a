import { ERRORS, type ErrorCode, errorBody } from '../base/errors.ts';
import { keepAlive, requestFraming } from '../http/wire/framing.ts';
import { parseRequestHead, type RequestHead } from '../http/wire/head.ts';
import type { Malformed } from '../http/wire/problem.ts';
import type { Abandon, Answer, CacheRequest, Responder } from '../serve/answer.ts';
import type { ConnectionHost, ServerSocket } from './host.ts';
import { plainAnswer } from './plain.ts';
import type { ReplyFraming } from './reply.ts';
import { Sender, type SenderEvents } from './sender.ts';
import { statusLine } from './status.ts';

type Phase =
  | 'handshake' // TLS only
  | 'reading' // between requests, or inside a head or a body that is dropped
  | 'handling' // a request was handed over and not answered yet
  | 'sending'
  | 'lingering' // the last answer is out and our side is shut; input is dropped until the client closes
  | 'closed';

/** Requests served before other connections get a turn. */
const REQUESTS_PER_TURN = 32;
/** Far above what fields are allowed to be; the scratch buffer must hold the head and then some payload. */
const ANSWER_HEAD_BYTES_MAX = 64 * 1024;

/**
 * One client connection: requests one after the other (RFC 9112 section 9.3.2), each handed to the handler and
 * answered before the next one is looked at. Memory per connection is bounded: the socket is not read while input is
 * left behind a request under way, so that is at most what the runtime reads at once (512 KiB, mostly far less: what
 * the kernel had); output is read from the payload only as the client takes it.
 *
 * Whatever happens, every answer is settled exactly once, and `abandon` is called at most once, and only for a
 * request that was not answered.
 */
export class Connection implements Responder, SenderEvents {
  readonly #host: ConnectionHost;
  readonly #socket: ServerSocket;
  readonly #sender: Sender;
  #phase: Phase;
  /** When the present wait began: for a handshake, a head, the next request, or the client's close. */
  #sinceMs: number;
  #client: string | undefined;

  #input: Buffer | undefined;
  #inputAt = 0;
  /** Bytes of the last request's body still to be dropped. */
  #bodyBytesLeft = 0;
  #headStarted = false;
  #inReadLoop = false;
  /** Requests are left for a later turn. */
  #turnDue = false;
  #paused = false;
  #peerEnded = false;
  #lingeredBytes = 0;

  #method = '';
  #version: 0 | 1 = 1;
  /** No request is read after the present one. */
  #last = false;
  #abandon: Abandon | undefined;

  constructor(host: ConnectionHost, socket: ServerSocket, handshake: boolean) {
    this.#host = host;
    this.#socket = socket;
    this.#sender = new Sender(host, socket, this);
    this.#phase = handshake ? 'handshake' : 'reading';
    this.#sinceMs = host.clock.monotonicMs();
  }

  // -- what the socket tells --

  onHandshake(ok: boolean): void {
    if (!ok) {
      this.cut();
    } else if (this.#phase === 'handshake') {
      this.#phase = 'reading';
      this.#sinceMs = this.#host.clock.monotonicMs();
    }
  }

  /** `chunk` is kept: the runtime makes a new buffer for each call. */
  onData(chunk: Buffer): void {
    if (this.#phase === 'lingering') {
      this.#lingeredBytes += chunk.length;
      if (this.#lingeredBytes > this.#host.limits.lingerBytes) this.#hangUp();
    } else {
      const rest = this.#input?.subarray(this.#inputAt);
      this.#input = rest === undefined ? chunk : Buffer.concat([rest, chunk]);
      this.#inputAt = 0;
      if (this.#phase === 'reading' && !this.#turnDue) this.#read();
      else this.#pause();
    }
  }

  /** The client shut its sending side; it may still wait for answers (as `printf ... | nc` does). */
  onPeerEnd(): void {
    this.#peerEnded = true;
    const busy = this.#phase === 'handling' || this.#phase === 'sending';
    if (!busy && !this.#turnDue) this.#hangUp(); // all input was tried: no whole request is left
  }

  onDrain(): void {
    this.#sender.onDrain();
  }

  onClosed(): void {
    if (this.#phase === 'closed') return;
    if (this.#phase === 'handling' || this.#phase === 'sending') this.#host.stats.unfinished += 1;
    this.#phase = 'closed';
    this.#input = undefined;
    this.#host.onClosed(this);
    this.#sender.abort();
    const abandon = this.#abandon;
    this.#abandon = undefined;
    try {
      abandon?.();
    } catch (error) {
      this.#host.fault(error);
    }
  }

  // -- what the server asks for --

  /** Closes what has waited too long. Called every second or so. */
  sweep(nowMs: number): void {
    const { limits, stats } = this.#host;
    const waitedMs = nowMs - this.#sinceMs;
    if (this.#phase === 'reading') {
      this.#sweepReading(waitedMs);
    } else if (this.#phase === 'sending' && this.#sender.stalledFor(limits.writeTimeoutMs, nowMs)) {
      stats.timeouts.write += 1;
      this.cut();
    } else if (this.#phase === 'lingering' && waitedMs >= limits.lingerMs) {
      this.#hangUp();
    } else if (this.#phase === 'handshake' && waitedMs >= limits.headTimeoutMs) {
      stats.timeouts.handshake += 1;
      this.cut();
    }
  }

  #sweepReading(waitedMs: number): void {
    const { limits, stats } = this.#host;
    if (this.#headStarted && waitedMs >= limits.headTimeoutMs) {
      stats.timeouts.head += 1;
      this.#method = '';
      this.refuse('request-timeout');
    } else if (this.#bodyBytesLeft > 0 && waitedMs >= limits.headTimeoutMs) {
      stats.timeouts.body += 1;
      this.#close(); // it was answered already
    } else if (waitedMs >= limits.idleTimeoutMs) {
      stats.timeouts.idle += 1;
      this.#hangUp();
    }
  }

  /** An idle connection closes at once, any other one after the answer that is under way. */
  beginDrain(): void {
    if (this.#phase === 'handshake') this.cut();
    else if (this.#phase !== 'reading' || this.#input !== undefined) return;
    else if (this.#bodyBytesLeft > 0) this.#close();
    else this.#hangUp();
  }

  /** Ends the connection with a reset, so that a client cannot take a part for the whole. */
  cut(): void {
    this.onClosed();
    this.#socket.terminate();
  }

  /** Answers with an error of the server's own, as the last answer of this connection. */
  refuse(code: ErrorCode, extraFields = ''): void {
    this.#refuse(ERRORS[code].status, code, errorBody(code), extraFields);
  }

  #refuse(status: number, detail: string, body: string, extraFields: string): void {
    this.#phase = 'handling';
    this.#last = true;
    this.respond(plainAnswer(status, detail, body, this.#host.clock.nowMs(), extraFields));
  }

  // -- requests --

  /** Serves the requests that are there, in order; returns when one is not answered yet, or input ran out. */
  #read(): void {
    this.#inReadLoop = true;
    let requests = 0;
    let starved = true;
    while (this.#phase === 'reading' && this.#input !== undefined && this.#dropBody(this.#input)) {
      if (requests === REQUESTS_PER_TURN) {
        this.#turnDue = true;
        this.#host.clock.after(0, () => {
          this.#turnDue = false;
          if (this.#phase === 'reading') this.#read();
        });
        starved = false;
        break;
      }
      requests += 1;
      if (!this.#readOne(this.#input)) break;
    }
    this.#inReadLoop = false;
    if (starved && this.#phase === 'reading') this.#awaitInput();
    else if (this.#input !== undefined) this.#pause();
    else if (this.#phase !== 'closed') this.#resume();
  }

  /** False when the head is not complete. */
  #readOne(input: Buffer): boolean {
    const head = parseRequestHead(input, this.#inputAt, input.length, this.#host.limits.head);
    if (head.kind === 'incomplete') return false;
    this.#headStarted = false;
    if (head.kind === 'malformed') {
      this.#method = '';
      this.#refuseMalformed(head);
      return true;
    }
    this.#inputAt += head.headBytes;
    if (this.#inputAt === input.length) this.#input = undefined;
    this.#dispatch(head);
    return true;
  }

  #awaitInput(): void {
    if (this.#peerEnded) {
      this.#hangUp();
      return;
    }
    if (this.#input !== undefined) {
      // Part of a head. A copy, so that a few bytes do not keep a large buffer alive.
      if (this.#inputAt > 0) this.#input = Buffer.from(this.#input.subarray(this.#inputAt));
      this.#inputAt = 0;
      if (!this.#headStarted) this.#sinceMs = this.#host.clock.monotonicMs();
      this.#headStarted = true;
    }
    this.#resume();
  }

  /** Drops what is there of the last request's body; false when that was all of the input. */
  #dropBody(input: Buffer): boolean {
    const drop = Math.min(this.#bodyBytesLeft, input.length - this.#inputAt);
    this.#bodyBytesLeft -= drop;
    this.#inputAt += drop;
    if (this.#inputAt < input.length) return true;
    this.#input = undefined;
    return false;
  }

  #dispatch(head: RequestHead): void {
    const { version, fields } = head;
    this.#method = head.method;
    this.#version = version;
    this.#last = !keepAlive(version, fields);
    const framing = requestFraming(head);
    if (framing.kind === 'malformed') {
      this.#refuseMalformed(framing);
      return;
    }
    const bodyBytes = framing.bodyBytes ?? Number.POSITIVE_INFINITY;
    if (bodyBytes > this.#host.limits.discardedBodyBytesMax) this.#last = true;
    else this.#bodyBytesLeft = bodyBytes;
    const expect = version === 1 ? fields.get('expect')?.toLowerCase() : undefined;
    if (expect !== undefined) this.#last = true; // the body was not asked for, so whether it follows is unknown
    if (expect !== undefined && expect !== '100-continue') {
      this.refuse('expectation-failed');
      return;
    }
    this.#phase = 'handling';
    if (head.target === '*') {
      this.respond(plainAnswer(204, 'options', '', this.#host.clock.nowMs(), 'Allow: GET, HEAD\r\n'));
    } else {
      this.#handle(head);
    }
  }

  #handle(head: RequestHead): void {
    const { handler, clock, defaultAuthority, stats } = this.#host;
    stats.requests += 1;
    this.#client ??= this.#socket.remoteAddress;
    const request: CacheRequest = {
      method: head.method,
      target: head.target,
      host: head.authority === '' ? defaultAuthority : head.authority,
      fields: head.fields,
      client: this.#client,
      receivedMs: clock.monotonicMs(),
    };
    try {
      const abandon = handler.handle(request, this);
      if (this.#phase === 'handling') this.#abandon = abandon;
    } catch (error) {
      this.#host.fault(error);
      if (this.#phase === 'handling') this.refuse('internal');
    }
  }

  #refuseMalformed(what: Malformed): void {
    this.#host.stats.malformed[what.problem] += 1;
    this.#refuse(what.status, what.problem, `${what.sentence}\n`, '');
  }

  // -- answers --

  respond(answer: Answer): void {
    if (this.#phase !== 'handling') {
      if (this.#phase !== 'closed') this.#host.fault(new Error('a request was answered twice'));
      this.#sender.discard(answer);
      return;
    }
    this.#abandon = undefined;
    const { status, head } = answer;
    if (head.length > ANSWER_HEAD_BYTES_MAX || !(status >= 200 && status <= 599)) {
      this.#host.fault(new Error(`an answer has status ${status} and ${head.length} bytes of head`));
      this.#sender.discard(answer);
      this.refuse('internal');
      return;
    }
    const framing = this.#framingOf(answer);
    if (framing === 'close' || this.#host.draining) this.#last = true;
    let lead = statusLine(status);
    if (this.#last) lead += 'Connection: close\r\n';
    else if (this.#version === 0) lead += 'Connection: keep-alive\r\n';
    if (framing === 'chunked') lead += 'Transfer-Encoding: chunked\r\n';
    this.#phase = 'sending';
    this.#sender.start(answer, lead, framing);
  }

  #framingOf({ status, payload, headInPayload }: Answer): ReplyFraming {
    if (payload === undefined) return 'none';
    // RFC 9110 section 6.4.1: no content to HEAD, nor with 204 and 304. Only the head's own rest may follow.
    const bodyless = this.#method === 'HEAD' || status === 204 || status === 304;
    if (bodyless && !headInPayload) return 'none';
    if (payload.bytes !== undefined) return 'length';
    return this.#version === 1 ? 'chunked' : 'close';
  }

  sent(): void {
    if (this.#phase !== 'sending') return; // settling the answer closed it
    if (this.#last || this.#host.draining) {
      this.#close();
      return;
    }
    this.#phase = 'reading';
    this.#sinceMs = this.#host.clock.monotonicMs();
    if (!this.#inReadLoop) this.#read();
  }

  broken(): void {
    this.cut();
  }

  // -- the end --

  /**
   * Closes behind an answer. Closing while input is unread would send a reset, which can destroy the answer on its
   * way (RFC 9112 section 9.6): so our side is shut first, and input dropped until the client closes.
   */
  #close(): void {
    if (this.#peerEnded) {
      this.#hangUp();
      return;
    }
    this.#phase = 'lingering';
    this.#sinceMs = this.#host.clock.monotonicMs();
    this.#input = undefined;
    this.#socket.shutdown();
    this.#resume();
  }

  #hangUp(): void {
    this.onClosed();
    this.#socket.end();
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#socket.pause();
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#socket.resume();
  }
}
