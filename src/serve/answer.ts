import type { Outcome, ServedCause } from '../cache/outcome.ts';
import type { Fields } from '../http/fields.ts';
import type { MessageBody } from '../origin/origin.ts';

/**
 * The seam between the request path (`serve/`) and the transport (`server/`).
 * The transport parses a request, hands it over, and is handed exactly one {@link Answer}.
 */

/** One parsed request. The transport has already refused what is not well-formed HTTP. */
export interface CacheRequest {
  /** As sent: methods are case-sensitive. */
  readonly method: string;
  /** Request target in origin-form, as sent (`/a%20b?x=1`); an absolute-form target was split into host and this. */
  readonly target: string;
  /** Authority, lower-case, with its port if one was sent; never empty. */
  readonly host: string;
  readonly fields: Fields;
  /** Textual address of the peer. */
  readonly client: string;
  /** Monotonic time at which the head was complete, in milliseconds. */
  readonly receivedMs: number;
  /** The node itself asks, for what it makes. Not booked as a client's. */
  readonly internal?: 'original' | 'overlay';
  /** Set when the request has a body (RFC 9110 section 6.4). The transport discards it unless it is received. */
  readonly body?: MessageBody;
}

/** {@link Payload.read}: nothing to copy yet; {@link Payload.whenReadable} tells when to ask again. */
export const WAIT = 0;
/** {@link Payload.read}: all has been read. Only from payloads of unknown length. */
export const END = -1;
/** {@link Payload.read}: the rest will never come. The transport must cut the connection, so that the client notices. */
export const BROKEN = -2;

/** Bytes to send. Read by position, so the transport never keeps a copy of what a slow client has not taken yet. */
export interface Payload {
  /** Total length in bytes; undefined when it is not known beforehand (the transport then frames it). */
  readonly bytes: number | undefined;
  /**
   * Copies what is available at `position` into `into` from `at` on, as much as fits.
   * Positions only grow: asking for one says that everything before it has been handed to the kernel.
   *
   * @returns bytes copied (> 0), or WAIT, END or BROKEN.
   */
  read(position: number, into: Uint8Array, at: number): number;
  /** Calls `fn` once when a `read` that said WAIT is worth repeating. At most one waiter. */
  whenReadable(fn: () => void): void;
  /** The transport needs it no more: sent whole, or the client is gone. Called exactly once. */
  release(): void;
  /** For a payload that lies in the memory tier: where, so that another thread can read it there until {@link release}. */
  stored?(): StoredPart;
}

/** A part of an entry of the memory tier that is pinned as long as its payload is not released. */
export interface StoredPart {
  readonly slot: number;
  /** Where the payload starts, counted from behind the key. Its length is that of the payload. */
  readonly from: number;
  /** Bytes of the payload that may be read by now; BROKEN when the rest will never come. */
  readonly available: number;
}

export interface Answer {
  /** 200 to 599. The transport writes the status line. */
  readonly status: number;
  /**
   * Field lines, each ending in CRLF, in latin1. Complete (then it ends with the empty line), or continued by the
   * first bytes of the payload when {@link headInPayload} is true. Carries Content-Length when the length is known;
   * never Connection, Keep-Alive or Transfer-Encoding: those are the transport's.
   */
  readonly head: string;
  /** The payload starts with the rest of the head, the empty line included. Then `payload.bytes` is known. */
  readonly headInPayload: boolean;
  readonly payload: Payload | undefined;
  /** How the request was served, where the request path answers. */
  readonly outcome?: Outcome;
  /** Why nothing better could be served, as {@link Served} has it; where the request path answers. */
  readonly cause?: ServedCause;
  /**
   * Called exactly once, after `payload.release()`.
   *
   * @param sentBytes head and body bytes handed to the kernel.
   * @param whole false when the client went away, stalled, or the payload broke.
   */
  done(sentBytes: number, whole: boolean): void;
}

/** What the transport gives the request path to answer with. */
export interface Responder {
  /** Must be called exactly once per request, now or later; ignored when the client is already gone. */
  respond(answer: Answer): void;
}

/** Called by the transport when the client went away before `respond`. */
export type Abandon = () => void;

export interface RequestHandler {
  /**
   * Answers one request. A hit calls `responder.respond` before this returns.
   *
   * @returns what to call if the client goes away before it was answered; undefined when it already is.
   */
  handle(request: CacheRequest, responder: Responder): Abandon | undefined;
}
