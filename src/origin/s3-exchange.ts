import { Fields } from '../http/fields.ts';
import type {
  Origin,
  OriginExchange,
  OriginFailure,
  OriginFailureCause,
  OriginHead,
  OriginRequest,
  OriginSink,
} from './origin.ts';
import type { S3Credentials } from './s3-credentials.ts';
import type { S3Keys } from './s3-sign.ts';
import { judge, needsExplanation, objectHead, plainHead, type S3Error, type S3Place } from './s3-verdict.ts';

/** What exchanges share: the origin that they belong to. */
export interface S3ExchangeHost {
  readonly name: string;
  readonly place: S3Place;
  readonly credentials: S3Credentials;
  /** Signs and sends. */
  readonly http: Origin;
  nowMs(): number;
  /** A sink threw; its exchange is over. */
  onFault(error: unknown): void;
}

/** The error of S3 that is being received. */
interface Collected {
  readonly head: OriginHead;
  body: string;
}

/** The XML of an error is read up to here; it is a few hundred bytes. */
const ERROR_BYTES_MAX = 16 * 1024;

/**
 * One request to S3 through to its end: waits for keys, passes an object on as it comes, and finds out what an error means before
 * it says anything. Sends the request once more when the keys were refused and there are others by now; and asks by GET
 * when HEAD was answered by an error: an answer to HEAD has no place for the reason.
 */
export class S3Exchange implements OriginExchange, OriginSink {
  readonly #host: S3ExchangeHost;
  readonly #method: string;
  readonly #path: string;
  readonly #fields: Fields;
  readonly #sink: OriginSink;
  #phase: 'head' | 'body' | 'done' | 'over' = 'head';
  #inner: OriginExchange | undefined;
  #paused = false;
  #error: Collected | undefined;
  /** The request under way only asks for the reason of an answer to HEAD. */
  #isProbe = false;
  #isSecond = false;
  #signedWith: S3Keys | undefined;

  constructor(
    host: S3ExchangeHost,
    { method }: OriginRequest,
    path: string,
    fields: Fields,
    sink: OriginSink,
  ) {
    this.#host = host;
    this.#method = method;
    this.#path = path;
    this.#fields = fields;
    this.#sink = sink;
  }

  /** Called once, by the origin. */
  start(): void {
    const waiting = this.#host.credentials.ready();
    if (waiting === undefined && this.#host.credentials.trouble === undefined)
      this.#send(this.#method, this.#fields);
    else void (waiting ?? Promise.resolve()).then(() => this.#send(this.#method, this.#fields));
  }

  pause(): void {
    this.#paused = true;
    this.#inner?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#inner?.resume();
  }

  abort(): void {
    this.#phase = 'over';
    this.#inner?.abort();
  }

  onHead(head: OriginHead): void {
    const { status } = head;
    if (status >= 400 || needsExplanation(status)) {
      this.#error = { head, body: '' };
      return;
    }
    if (this.#isProbe) {
      this.#inner?.abort();
      if (this.#isSecond) this.#fail('denied', 'refused HEAD, and answered GET; does a proxy stand between?');
      else this.#again();
      return;
    }
    this.#phase = 'body';
    this.#sink.onHead(objectHead(head));
  }

  onData(chunk: Uint8Array): void {
    const error = this.#error;
    if (error === undefined) {
      this.#sink.onData(chunk);
      return;
    }
    error.body += Buffer.from(chunk).toString('latin1', 0, ERROR_BYTES_MAX - error.body.length);
    if (error.body.length < ERROR_BYTES_MAX) return;
    this.#inner?.abort();
    this.#explain(error);
  }

  onEnd(): void {
    if (this.#error !== undefined) {
      this.#explain(this.#error);
      return;
    }
    this.#phase = 'done';
    this.#sink.onEnd();
  }

  onFail(failure: OriginFailure): void {
    this.#phase = 'over';
    this.#sink.onFail(failure);
  }

  onTaint(): void {
    if (this.#phase === 'done') this.#sink.onTaint();
  }

  #send(method: string, fields: Fields): void {
    if (this.#phase === 'over') return;
    const { credentials, http } = this.#host;
    if (credentials.trouble !== undefined) {
      this.#fail('credentials', credentials.trouble);
      return;
    }
    this.#error = undefined;
    this.#signedWith = credentials.keys;
    this.#inner = http.fetch({ method, target: this.#path, fields }, this);
    if (this.#paused) this.#inner.pause();
  }

  #explain({ head, body }: Collected): void {
    const { status, fields } = head;
    if (this.#method === 'HEAD' && !this.#isProbe && needsExplanation(status)) {
      this.#isProbe = true;
      this.#send('GET', new Fields());
      return;
    }
    const error: S3Error = { status, fields, body };
    const verdict = judge(this.#host.place, error, this.#host.nowMs());
    if ('status' in verdict) this.#answer(plainHead(verdict.status, fields));
    else if (!verdict.keysRefused || this.#isSecond) this.#fail(verdict.cause, verdict.detail);
    else void this.#renew(verdict);
  }

  async #renew({ cause, detail }: OriginFailure): Promise<void> {
    if (await this.#host.credentials.renew(this.#signedWith)) this.#again();
    else this.#fail(cause, detail);
  }

  /** From the start, once: the keys are others by now. */
  #again(): void {
    this.#isSecond = true;
    this.#isProbe = false;
    this.#send(this.#method, this.#fields);
  }

  #answer(head: OriginHead): void {
    if (this.#phase === 'over') return;
    const framed: OriginHead = this.#method === 'HEAD' ? { ...head, framing: 'none' } : head;
    this.#guard(() => {
      this.#phase = 'body';
      this.#sink.onHead(framed);
      // The sink may have aborted.
      if ((this.#phase as string) === 'over') return;
      this.#phase = 'done';
      this.#sink.onEnd();
    });
  }

  #fail(cause: OriginFailureCause, detail: string): void {
    if (this.#phase === 'over') return;
    this.#phase = 'over';
    const where = `origin ${this.#host.name} (s3://${this.#host.place.bucket})`;
    this.#guard(() => this.#sink.onFail({ cause, detail: `${where}: ${detail}` }));
  }

  /** What the connection's own exchange does for a sink that throws, where none is under way. */
  #guard(fn: () => void): void {
    try {
      fn();
    } catch (error) {
      this.abort();
      this.#host.onFault(error);
    }
  }
}
