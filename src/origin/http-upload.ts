import type { BodySink, MessageBody } from './origin.ts';

/** The connection that a body is sent over. */
export interface UploadCarrier {
  /** Writes, or keeps what the kernel does not take; false when something is kept. */
  send(bytes: Uint8Array): boolean;
  /** Something was delivered, so the client is alive. */
  onUploadMoved(): void;
  /** The body broke off: nothing can make the request whole. */
  onUploadFailed(): void;
}

const CRLF = Buffer.from('\r\n', 'latin1');
const LAST_CHUNK = Buffer.from('0\r\n\r\n', 'latin1');

/**
 * The body of a request on its way to the origin, with its length or in chunks (RFC 9112 section 7.1). Holds the client
 * back while the origin does not take it: what is kept then is at most what the client's connection had read already.
 */
export class Upload implements BodySink {
  readonly #body: MessageBody;
  readonly #carrier: UploadCarrier;
  #state: 'new' | 'sending' | 'over' = 'new';
  #held = false;

  constructor(body: MessageBody, carrier: UploadCarrier) {
    this.#body = body;
    this.#carrier = carrier;
  }

  /** All of it was handed to the connection. */
  get whole(): boolean {
    return this.#state === 'over';
  }

  /** It is the client that the next byte is awaited from. */
  get starved(): boolean {
    return this.#state === 'sending' && !this.#held;
  }

  /** To be called once the head was written, and whenever what was kept is gone. */
  goOn(): void {
    if (this.#state === 'new') {
      this.#state = 'sending';
      this.#body.receive(this);
    } else if (this.#held) {
      this.#held = false;
      this.#body.resume();
    }
  }

  /** The response is there, or the connection gone: what still comes is not sent. */
  stop(): void {
    this.#state = 'over';
    if (!this.#held) return;
    this.#held = false;
    this.#body.resume(); // a client that reads its answer only once it has sent everything must not wait for ever
  }

  onData(chunk: Uint8Array): void {
    if (this.#state !== 'sending') return;
    this.#carrier.onUploadMoved();
    if (this.#body.bytes !== undefined) {
      this.#send(chunk);
      return;
    }
    this.#send(Buffer.from(`${chunk.length.toString(16)}\r\n`, 'latin1'));
    this.#send(chunk);
    this.#send(CRLF);
  }

  onEnd(): void {
    if (this.#state !== 'sending') return;
    this.#state = 'over';
    if (this.#body.bytes === undefined) this.#carrier.send(LAST_CHUNK);
  }

  onFail(): void {
    if (this.#state !== 'sending') return;
    this.#state = 'over';
    this.#carrier.onUploadFailed();
  }

  #send(bytes: Uint8Array): void {
    if (this.#carrier.send(bytes) || this.#held) return;
    this.#held = true;
    this.#body.pause();
  }
}
