import type { Fields } from '../http/fields.ts';
import type { HttpConnection } from './http-connection.ts';
import type { HttpPool, Waiter } from './http-pool.ts';
import {
  type Authority,
  isMethod,
  isOriginForm,
  isRedirect,
  isRepeatable,
  type RedirectPolicy,
  type RequestExtras,
  redirectStep,
  requestHead,
} from './http-target.ts';
import type {
  MessageBody,
  OriginExchange,
  OriginFailure,
  OriginFailureCause,
  OriginHead,
  OriginRequest,
  OriginSink,
} from './origin.ts';

/** All in milliseconds. */
export interface HttpTimeouts {
  /** From the request until a connection carries it: resolving, connecting, TLS. Stands still while all are busy. */
  readonly connectMs: number;
  /** From then until the whole response head is there; not while the client is slow with the request's body. */
  readonly firstByteMs: number;
  /**
   * Longest time between two parts of the body. Does not run while the exchange is paused; but one that stays paused
   * for so long loses its connection when another exchange waits for it.
   */
  readonly idleMs: number;
  /**
   * From the request to the end of the body, redirects, retries and the wait for a free connection included. Pauses, and
   * waits for the request's own body, are the client's fault: they count only while others wait for a connection.
   */
  readonly totalMs: number;
}

/** What exchanges share: the origin that they belong to. */
export interface ExchangeHost {
  readonly name: string;
  readonly timeouts: HttpTimeouts;
  readonly redirects: RedirectPolicy;
  readonly authority: Authority;
  readonly hostHeader: string;
  readonly extras: RequestExtras;
  poolFor(authority: Authority): HttpPool;
  ended(exchange: HttpExchange): void;
  /** A sink threw; its exchange is over. */
  onFault(error: unknown): void;
}

/** The body of a redirect is read up to here to keep the connection; a longer one costs the connection. */
const REDIRECT_BODY_BYTES_MAX = 64 * 1024;

/**
 * One request through to its end: a second try when a reused connection turns out to be dead, redirects, timeouts, and
 * the order of the calls to the sink.
 */
export class HttpExchange implements OriginExchange, Waiter {
  readonly #host: ExchangeHost;
  readonly #method: OriginRequest['method'];
  readonly #fields: Fields;
  readonly #body: MessageBody | undefined;
  readonly #sink: OriginSink;
  #authority: Authority;
  #target: string;
  #phase: 'waiting' | 'head' | 'body' | 'done' | 'over' = 'waiting';
  #connection: HttpConnection | undefined;
  #pool: HttpPool;
  #paused = false;
  #freshOnly = false;
  #redirectsLeft: number;
  /** Where the redirect leads whose body is being discarded. */
  #redirect: { readonly authority: Authority; readonly target: string } | undefined;
  #discardedBytes = 0;
  /** Stamped by {@link check}, so that nothing on the way of the bytes reads a clock. */
  #startedMs = Number.NaN;
  #movedMs = Number.NaN;
  #pausedSinceMs = Number.NaN;
  #checkedMs = Number.NaN;
  #moved = true;

  constructor(host: ExchangeHost, request: OriginRequest, target: string, sink: OriginSink) {
    this.#host = host;
    this.#method = request.method;
    this.#fields = request.fields;
    this.#body = request.body;
    // A connection that was used before may be closing just now, and then nobody knows whether the request was heeded.
    this.#freshOnly = !isRepeatable(request.method, request.body);
    this.#sink = sink;
    this.#authority = host.authority;
    this.#target = target;
    this.#redirectsLeft = host.redirects.follow;
    this.#pool = host.poolFor(host.authority);
  }

  get freshOnly(): boolean {
    return this.#freshOnly;
  }

  /** Called once, by the origin. */
  start(): void {
    if (!isOriginForm(this.#target)) {
      queueMicrotask(() => this.#fail('malformed', 'the request target is not a path in visible ASCII'));
    } else if (!isMethod(this.#method)) {
      queueMicrotask(() => this.#fail('malformed', 'the request method is CONNECT, TRACE or no token'));
    } else {
      this.#pool.acquire(this);
    }
  }

  pause(): void {
    this.#paused = true;
    this.#connection?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#moved = true;
    this.#connection?.resume();
  }

  abort(): void {
    this.#leave('over');
  }

  /** Ends the exchange if it is late. Deadlines pass up to two periods of this call late, never early. */
  check(nowMs: number): void {
    const { connectMs, firstByteMs, idleMs, totalMs } = this.#host.timeouts;
    if (Number.isNaN(this.#startedMs)) this.#startedMs = this.#checkedMs = nowMs;
    const queued = this.#phase === 'waiting' && this.#pool.saturated;
    const held = this.#paused && this.#phase !== 'waiting';
    const uploading = this.#connection?.awaitsClient === true;
    if ((held || uploading) && !this.#pool.crowded) this.#startedMs += nowMs - this.#checkedMs;
    this.#checkedMs = nowMs;
    if (this.#moved || !held) this.#pausedSinceMs = nowMs;
    if (this.#moved || held || queued || uploading) this.#movedMs = nowMs;
    this.#moved = false;
    const stillMs = nowMs - this.#movedMs;
    if (this.#phase === 'waiting' && stillMs >= connectMs) {
      this.#fail('connect-timeout', `no connection within ${connectMs} ms: ${this.#pool.explainWait()}`);
    } else if (this.#phase === 'head' && stillMs >= firstByteMs) {
      this.#fail('first-byte-timeout', `connected, but no complete response head within ${firstByteMs} ms`);
    } else if (this.#phase === 'body' && stillMs >= idleMs) {
      this.#fail('idle-timeout', `no part of the body for ${idleMs} ms`);
    } else if (held && nowMs - this.#pausedSinceMs >= idleMs && this.#pool.crowded) {
      this.#fail(
        'idle-timeout',
        `its readers took nothing for ${idleMs} ms while others waited for a connection`,
      );
    } else if (nowMs - this.#startedMs >= totalMs) {
      if (queued) this.#fail('overloaded', `no connection within ${totalMs} ms: ${this.#pool.explainWait()}`);
      else this.#fail('total-timeout', `not whole within ${totalMs} ms`);
    }
  }

  board(connection: HttpConnection): void {
    const { authority, hostHeader, extras } = this.#host;
    const own = this.#authority.key === authority.key;
    const host = own ? hostHeader : this.#authority.host;
    this.#connection = connection;
    this.#enter('head');
    const head = requestHead(
      { method: this.#method, target: this.#target, fields: this.#fields },
      host,
      own ? extras : undefined,
      this.#body,
    );
    connection.carry(this, this.#method, head, this.#body);
    if (this.#paused) connection.pause();
  }

  onNotConnected(failure: OriginFailure): void {
    this.#fail(failure.cause, failure.detail);
  }

  onHead(head: OriginHead): void {
    this.#enter('body');
    const location = this.#redirectsOn(head) ? head.fields.get('location') : undefined;
    if (location === undefined) {
      try {
        this.#sink.onHead(head);
      } catch (error) {
        this.#fault(error);
      }
      return;
    }
    if (this.#redirectsLeft === 0) {
      this.#fail(
        'redirect',
        `more than ${this.#host.redirects.follow} redirects in a row (redirects.follow)`,
      );
      return;
    }
    const step = redirectStep(this.#authority, this.#target, location, this.#host.redirects);
    if ('refused' in step) {
      this.#fail('redirect', step.refused);
      return;
    }
    this.#redirect = step;
    this.#discardedBytes = 0;
    if (head.framing === 'close' || (head.bodyBytes ?? 0) > REDIRECT_BODY_BYTES_MAX) this.#cutAndFollow();
  }

  onBody(chunk: Uint8Array): void {
    this.#moved = true;
    if (this.#redirect === undefined) {
      try {
        this.#sink.onData(chunk);
      } catch (error) {
        this.#fault(error);
      }
      return;
    }
    this.#discardedBytes += chunk.length;
    if (this.#discardedBytes > REDIRECT_BODY_BYTES_MAX) this.#cutAndFollow();
  }

  onUploadMoved(): void {
    this.#moved = true;
  }

  onDone(): void {
    this.#connection = undefined;
    if (this.#redirect !== undefined) {
      this.#follow();
      return;
    }
    this.#leave('done');
    try {
      this.#sink.onEnd();
    } catch (error) {
      this.#fault(error);
    }
  }

  onBroken(cause: OriginFailureCause, detail: string, unanswered: boolean): void {
    this.#connection = undefined;
    if (this.#redirect !== undefined) {
      this.#follow(); // its body does not matter
      return;
    }
    if (!unanswered) {
      this.#fail(cause, detail);
      return;
    }
    this.#freshOnly = true;
    this.#enter('waiting');
    this.#pool.acquire(this);
  }

  onTaint(): void {
    if (this.#phase !== 'done') return;
    try {
      this.#sink.onTaint();
    } catch (error) {
      this.#fault(error);
    }
  }

  #redirectsOn(head: OriginHead): boolean {
    if (this.#method !== 'GET' && this.#method !== 'HEAD') return false; // for the client to decide
    return this.#host.redirects.follow > 0 && isRedirect(head.status);
  }

  #cutAndFollow(): void {
    this.#connection?.drop();
    this.#connection = undefined;
    this.#follow();
  }

  #follow(): void {
    const { authority, target } = this.#redirect!;
    this.#redirect = undefined;
    this.#redirectsLeft -= 1;
    this.#authority = authority;
    this.#target = target;
    this.#freshOnly = false;
    this.#pool = this.#host.poolFor(authority);
    this.#enter('waiting');
    this.start();
  }

  #enter(phase: 'waiting' | 'head' | 'body'): void {
    this.#phase = phase;
    this.#moved = true;
  }

  #fail(cause: OriginFailureCause, detail: string): void {
    if (!this.#leave('over')) return;
    const where = `origin ${this.#host.name} (${this.#authority.key})`;
    try {
      this.#sink.onFail({ cause, detail: `${where}: ${detail}` });
    } catch (error) {
      this.#fault(error);
    }
  }

  #fault(error: unknown): void {
    this.abort();
    this.#host.onFault(error);
  }

  /** Lets go of everything; false when that had been done before. */
  #leave(phase: 'done' | 'over'): boolean {
    const before = this.#phase;
    if (before === 'done') this.#phase = phase; // aborted after its end: no taint either
    if (before === 'done' || before === 'over') return false;
    this.#phase = phase;
    if (before === 'waiting') this.#pool.cancel(this);
    this.#connection?.drop();
    this.#connection = undefined;
    this.#host.ended(this);
    return true;
  }
}
