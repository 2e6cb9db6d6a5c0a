import { ERRORS, errorBody } from '../base/errors.ts';
import { keepAlive } from '../http/wire/framing.ts';
import { parseRequestHead, type RequestHead } from '../http/wire/head.ts';
import type { Abandon, Answer, CacheRequest, Responder } from '../serve/answer.ts';
import type { ConnectionHost, ServerSocket } from './host.ts';
import { Input } from './input.ts';
import { plainAnswer } from './plain.ts';
import { replyFraming } from './reply.ts';
import { type BodyOwner, type Refused, RequestBody, requestBody } from './request-body.ts';
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
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';

/**
 * One client connection: requests one after the other (RFC 9112 section 9.3.2), each handed to the handler and
 * answered before the next one is looked at. Memory per connection is bounded: the socket is not read while input is
 * left behind a request under way, so that is at most what the runtime reads at once (512 KiB, mostly far less: what
 * the kernel had); output is read from the payload only as the client takes it.
 *
 * Whatever happens, every answer is settled exactly once, and `abandon` is called at most once, and only for a
 * request that was not answered.
 */
export class Connection implements Responder, SenderEvents, BodyOwner {
  readonly #host: ConnectionHost;
  readonly #socket: ServerSocket;
  readonly #sender: Sender;
  #phase: Phase;
  /** When the present wait began: for a handshake, a head, the next request, or the client's close. */
  #sinceMs: number;
  #client: string | undefined;

  readonly #input: Input;
  /** Of the last request, until it is whole. */
  #body: RequestBody | undefined;
  #headStarted = false;
  #inReadLoop = false;
  /** Requests are left for a later turn. */
  #turnDue = false;
  #peerEnded = false;
  #lingeredBytes = 0;

  #method = '';
  #version: 0 | 1 = 1;
  /** No request is read after the present one. */
  #last = false;
  #abandon: Abandon | undefined;
  /** The last request was refused after the handler had it: an answer of the handler's comes too late. */
  #givenUp = false;

  constructor(host: ConnectionHost, socket: ServerSocket, handshake: boolean) {
    this.#host = host;
    this.#socket = socket;
    this.#input = new Input(socket);
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
      this.#input.add(chunk);
      if (this.#phase === 'reading' && !this.#turnDue) this.#read();
      else if (this.#body?.taking === true) this.#body.onInput();
      else this.#input.pause();
    }
  }

  /** The client shut its sending side; it may still wait for answers (as `printf ... | nc` does). */
  onPeerEnd(): void {
    this.#peerEnded = true;
    const busy = this.#phase === 'handling' || this.#phase === 'sending';
    if (busy) this.#body?.onInput();
    else if (!this.#turnDue) this.#hangUp(); // all input was tried: no whole request is left
  }

  onDrain(): void {
    this.#sender.onDrain();
  }

  onClosed(): void {
    if (this.#phase === 'closed') return;
    if (this.#phase === 'handling' || this.#phase === 'sending') this.#host.stats.unfinished += 1;
    this.#phase = 'closed';
    this.#input.clear();
    this.#host.onClosed(this);
    this.#sender.abort();
    this.#abandonRequest();
    this.#endBody();
  }

  #abandonRequest(): void {
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
    if (this.#body?.tooSlow(nowMs, limits.headTimeoutMs, limits.receiveRateMin) === true) {
      stats.timeouts.body += 1;
      this.onBodyFailed('request-timeout');
    } else if (this.#phase === 'reading') {
      this.#sweepReading(waitedMs);
    } else if (this.#phase === 'sending' && this.#sender.tooSlow(nowMs)) {
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
    } else if (this.#body !== undefined && waitedMs >= limits.headTimeoutMs) {
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
    else if (this.#phase !== 'reading' || this.#input.buffer !== undefined) return;
    else if (this.#body !== undefined) this.#close();
    else this.#hangUp();
  }

  /** Ends the connection with a reset, so that a client cannot take a part for the whole. */
  cut(): void {
    this.onClosed();
    this.#socket.terminate();
  }

  /** Answers with an error of the server's own, as the last answer of this connection. */
  refuse(why: Refused, extraFields = ''): void {
    this.#phase = 'handling';
    this.#last = true;
    const nowMs = this.#host.clock.nowMs();
    if (typeof why === 'string') {
      this.respond(plainAnswer(ERRORS[why].status, why, errorBody(why), nowMs, extraFields));
      return;
    }
    this.#host.stats.malformed[why.problem] += 1;
    this.respond(plainAnswer(why.status, why.problem, `${why.sentence}\n`, nowMs, extraFields));
  }

  // -- requests --

  /** Serves the requests that are there, in order; returns when one is not answered yet, or input ran out. */
  #read(): void {
    this.#inReadLoop = true;
    let requests = 0;
    let starved = true;
    while (this.#phase === 'reading' && this.#dropBody()) {
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
      if (!this.#readOne(this.#input.buffer!)) break;
    }
    this.#inReadLoop = false;
    if (starved && this.#phase === 'reading') this.#awaitInput();
    else if (this.#input.buffer !== undefined) this.#input.pause();
    else if (this.#phase !== 'closed') this.#input.resume();
  }

  /** False when the head is not complete. */
  #readOne(input: Buffer): boolean {
    const head = parseRequestHead(input, this.#input.at, input.length, this.#host.limits.head);
    if (head.kind === 'incomplete') return false;
    this.#headStarted = false;
    if (head.kind === 'malformed') {
      this.#method = '';
      this.refuse(head);
      return true;
    }
    this.#input.advance(head.headBytes);
    this.#dispatch(head);
    return true;
  }

  #awaitInput(): void {
    if (this.#peerEnded) {
      this.#hangUp();
      return;
    }
    if (this.#input.buffer !== undefined) {
      this.#input.compact(); // part of a head
      if (!this.#headStarted) this.#sinceMs = this.#host.clock.monotonicMs();
      this.#headStarted = true;
    }
    this.#input.resume();
  }

  /** Drops what is there of the last request's body; false when that was all of the input. */
  #dropBody(): boolean {
    if (this.#input.buffer === undefined) return false;
    if (this.#body === undefined) return true;
    this.#body.feed();
    if (this.#body.over) this.#body = undefined;
    return this.#input.buffer !== undefined;
  }

  #dispatch(head: RequestHead): void {
    const { version, fields } = head;
    this.#method = head.method;
    this.#version = version;
    this.#last = !keepAlive(version, fields);
    const body = requestBody(this, this.#input, head, this.#host);
    if (body instanceof RequestBody) {
      this.#body = body;
    } else if (body !== undefined) {
      this.refuse(body);
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
      const body = this.#body;
      const abandon = handler.handle(body === undefined ? request : { ...request, body }, this);
      if (this.#phase === 'handling') this.#abandon = abandon;
    } catch (error) {
      this.#host.fault(error);
      if (this.#phase === 'handling') this.refuse('internal');
    }
  }

  // -- answers --

  respond(answer: Answer): void {
    if (this.#phase !== 'handling') {
      const late = this.#phase === 'closed' || this.#givenUp;
      if (!late) this.#host.fault(new Error('a request was answered twice'));
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
    const framing = replyFraming(answer, this.#method, this.#version);
    if (framing === 'close' || this.#host.draining) this.#last = true;
    if (this.#body?.droppable(this.#host.limits.discardedBodyBytesMax) === false) this.#last = true;
    let lead = statusLine(status);
    if (this.#last) lead += 'Connection: close\r\n';
    else if (this.#version === 0) lead += 'Connection: keep-alive\r\n';
    if (framing === 'chunked') lead += 'Transfer-Encoding: chunked\r\n';
    this.#phase = 'sending';
    this.#sender.start(answer, lead, framing);
  }

  sent(): void {
    if (this.#phase !== 'sending') return; // settling the answer closed it
    if (this.#last || this.#host.draining) {
      this.#close();
      return;
    }
    this.#phase = 'reading';
    this.#sinceMs = this.#host.clock.monotonicMs();
    this.#body?.drop();
    if (!this.#inReadLoop && this.#body?.feeding !== true) this.#read();
  }

  broken(): void {
    this.cut();
  }

  // -- a request's body --

  get peerEnded(): boolean {
    return this.#peerEnded;
  }

  invite(): void {
    if (this.#phase !== 'handling') return;
    const sentBytes = this.#socket.write(CONTINUE);
    // When nothing was taken, answers before this one wait to be read; a client may go on without this one.
    if (sentBytes !== CONTINUE.length && sentBytes !== 0) this.cut();
  }

  onBodyMoved(): void {
    if (this.#body?.over === true) this.#body = undefined;
    if (this.#phase === 'reading') this.#read();
    else if (this.#input.buffer !== undefined) this.#input.pause();
    else if (this.#phase === 'handling' || this.#phase === 'sending') this.#input.resume();
  }

  /** The request is given up, and refused if its answer has not begun. */
  onBodyFailed(why: Refused): void {
    const refusing = this.#phase === 'handling';
    this.#last = true;
    this.#givenUp ||= refusing;
    if (refusing) this.#abandonRequest();
    this.#endBody();
    if (refusing && this.#phase === 'handling') this.refuse(why);
  }

  #endBody(): void {
    this.#body?.giveUp();
    this.#body = undefined;
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
    this.#input.clear();
    this.#endBody();
    this.#socket.shutdown();
    this.#input.resume();
  }

  #hangUp(): void {
    this.onClosed();
    this.#socket.end();
  }
}
