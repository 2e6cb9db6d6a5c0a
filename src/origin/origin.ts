import type { OriginFailureCause } from '../cache/outcome.ts';
import type { Fields } from '../http/fields.ts';

export { ORIGIN_FAILURES, type OriginFailureCause } from '../cache/outcome.ts';

/**
 * The origin contract: where images come from. Every implementation runs `origin.suite.ts`.
 *
 * Push-style on purpose: bytes go from the socket into the cache's memory without a promise or a copy in between.
 */
export interface Origin {
  /** The name the configuration gave it. */
  readonly name: string;
  /** Starts one exchange. Never throws and never calls the sink before it returned. */
  fetch(request: OriginRequest, sink: OriginSink): OriginExchange;
  /** Ends idle connections; running exchanges go on until they end. */
  close(): void;
  /**
   * Why nobody who has a copy to fall back on should wait for it now: it is left alone, or overloaded. Undefined when nothing
   * speaks against it, and of origins that do not know.
   */
  trouble?(): OriginFailureCause | undefined;
  /** Requests under way and connections held, for the metrics. */
  gauges(): { readonly active: number; readonly connections: number };
}

/**
 * The body of a message on its way, for methods that have one. Nothing is delivered before {@link MessageBody.receive}, so a body
 * that nobody receives costs nothing; whoever made it discards it.
 */
export interface MessageBody {
  /** Content-Length; undefined when it is chunked. */
  readonly bytes: number | undefined;
  /** Starts delivery: onData any number of times, then exactly one of onEnd or onFail. Called at most once. */
  receive(sink: BodySink): void;
  /** Holds the sender back; idempotent. Data already read may still arrive. */
  pause(): void;
  resume(): void;
}

/** Takes a {@link MessageBody}. */
export interface BodySink {
  /** `chunk` is only valid during the call. */
  onData(chunk: Uint8Array): void;
  onEnd(): void;
  /** The sender went away, stalled, or sent what is no body. */
  onFail(): void;
}

export interface OriginRequest {
  /** GET and HEAD everywhere; any other method only where the origin takes it (http). */
  readonly method: string;
  /** Path and query in origin-form, already normalised: starts with `/`. */
  readonly target: string;
  /** End-to-end fields only, without Host, Content-Length and Transfer-Encoding. */
  readonly fields: Fields;
  /** For methods other than GET and HEAD. */
  readonly body?: MessageBody;
  /** No client waits for it: it yields to those that one waits for. */
  readonly background?: boolean;
}

/** How the end of a body is known (RFC 9112 section 6). `close` cannot be told from a cut connection. */
export type Framing = 'none' | 'length' | 'chunked' | 'close';

export interface OriginHead {
  /** 200 to 599; interim responses are consumed by the origin. */
  readonly status: number;
  /** Hop-by-hop fields, and those that `Connection` names, are already gone; Content-Length stays when it is valid. */
  readonly fields: Fields;
  readonly framing: Framing;
  /** Bytes of body to come when framing is `length` or `none`, else undefined. */
  readonly bodyBytes: number | undefined;
}

/**
 * Receives one exchange: onHead, then onData any number of times, then exactly one of onEnd or onFail.
 * onFail may come at any time before onEnd, also without onHead. After `abort()` nothing is called.
 */
export interface OriginSink {
  onHead(head: OriginHead): void;
  /** `chunk` is only valid during the call: copy what you keep. */
  onData(chunk: Uint8Array): void;
  /** The body arrived whole according to its framing. */
  onEnd(): void;
  onFail(failure: OriginFailure): void;
  /** After onEnd: the connection then delivered bytes nobody asked for, so the body's length was a lie. Forget the response. */
  onTaint(): void;
}

export interface OriginExchange {
  /** Stops reading from the origin (backpressure); idempotent. Data already read may still arrive. */
  pause(): void;
  resume(): void;
  /** Ends the exchange without further calls to the sink; idempotent. */
  abort(): void;
}

export interface OriginFailure {
  readonly cause: OriginFailureCause;
  /** One sentence for the operator's log: what and where, without secrets. Never shown to a client. */
  readonly detail: string;
  /** When asking again may be worth it, in seconds, at least 1; for failures of our own limits. */
  readonly retryAfterS?: number;
}
