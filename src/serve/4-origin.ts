import type { ErrorCode } from '../base/errors.ts';
import { NONE } from '../cache/entries.ts';
import type { FlightEnding, NotStoredReason, RetrievalFailure } from '../cache/outcome.ts';
import type { Fields } from '../http/fields.ts';
import type {
  MessageBody,
  OriginExchange,
  OriginFailure,
  OriginHead,
  OriginRequest,
  OriginSink,
} from '../origin/origin.ts';
import type { ResponseFacts } from '../store/memory/tier.ts';
import type { ResponseLife } from '../traffic/batch.ts';
import type { Route } from './1-route.ts';
import type { FlightBody } from './flight-body.ts';
import type { Place } from './place.ts';

/**
 * Step 4: the origin is asked once, however many clients wait for the answer (collapsed forwarding, RFC 9111 section 4).
 *
 * A flight is one origin fetch. Nobody owns it: the request that led it and those that follow are waiters alike, told when
 * the head is there, and from then on readers of its body, from the first byte that has arrived. Nothing polls.
 */

/** How a fetch failed: an origin's doing, or, with its name in the books, that of what was made of the origin's answer. */
export type FlightFailure = OriginFailure | SourceFailure;

/** A failure that is not an origin's own. */
export interface SourceFailure {
  /** What is booked and answered. */
  readonly code: RetrievalFailure & ErrorCode;
  /** One sentence for the operator's log. */
  readonly detail: string;
  readonly retryAfterS?: number;
}

/** The head of what did not come as it is from an origin. */
export interface SourceHead extends OriginHead {
  /** Longest time for which it is fresh, whatever its fields and the route say; it is then served stale while a new one is made. */
  readonly lifetimeS?: number | undefined;
  /** With a lifetime: longest time for which it is served stale. Default: none. */
  readonly usableS?: number | undefined;
  /** Set on what stands in for something better that failed so: it is for those who wait, and not stored. */
  readonly standsInFor?: RetrievalFailure;
}

/** What a flight is to the one that brings the response. */
export interface FlightSink extends Omit<OriginSink, 'onHead' | 'onFail'> {
  onHead(head: SourceHead): void;
  onFail(failure: FlightFailure): void;
}

/** Where a flight's response comes from, other than the origin of its route: it is made. */
export interface Source {
  /** As {@link Origin.fetch}. */
  fetch(request: OriginRequest, sink: FlightSink): OriginExchange;
  /** It has been stored, with so many bytes of body. */
  stored?(bodyBytes: number, head: SourceHead): void;
}

/** A request that waits for a flight's head. Exactly one of the two is called, once; `failed` again where that threw. */
export interface Waiter {
  /** The head is there and dealt with: read {@link Flight.body}, {@link Flight.renewed}, {@link Flight.shared}. */
  landed(flight: Flight): void;
  /** No head came; without a failure of the origin's, the fault is ours. */
  failed(flight: Flight, failure: FlightFailure | undefined): void;
}

/** What the later steps do with a flight; the request path knows them. */
export interface FlightSteps {
  /**
   * Decides what becomes of the response and sets `body`, or `renewed` after a 304.
   *
   * @returns a failure when the head is no answer to what was asked: it is then treated like any other of the origin's.
   */
  onHead(flight: Flight, head: SourceHead): OriginFailure | undefined;
  /** The body is whole. Stores or forgets it. */
  onWhole(flight: Flight): FlightEnding;
  /** The body broke, or nobody wants it. Gives back what was taken for it. */
  onBroken(flight: Flight): void;
  /** The stored response turned out to be a lie. */
  onTaint(flight: Flight): void;
  /** It takes no more passengers. */
  onClosed(flight: Flight): void;
  /** The flight is over, whatever way: what was held for it is given back. */
  onEnded(flight: Flight, ending: FlightEnding): void;
  /** A fault of our own. It has been dealt with, and is to be counted and logged. */
  onFault(error: unknown): void;
}

/** What a flight is to fetch, and for what. */
export interface FlightRequest {
  readonly route: Route;
  readonly primary: string;
  /** Key under which others may join; undefined for a fetch that serves one request alone. */
  readonly key: string | undefined;
  readonly method: string;
  readonly target: string;
  readonly fields: Fields;
  /** Stored response to validate, or NONE. */
  readonly stale: number;
  /** Key under which that one is stored. */
  readonly staleKey: string;
  /** False to ask for the whole response, although one is stored. */
  readonly conditional: boolean;
  /** No client waits for it: what is stale was served already. */
  readonly background?: boolean;
  /** The stored response may answer if the origin fails. */
  readonly staleOnError: boolean;
  /** Set for a bypass: the origin is asked what the client asked, conditions and ranges included. */
  readonly neverStore: NotStoredReason | undefined;
  /** Of a method that has one. */
  readonly body?: MessageBody | undefined;
  /** Told of the head first, whether anybody still waits for it or not. */
  readonly onHead?: ((head: OriginHead) => void) | undefined;
  /** Asked instead of the route's origin, for what is made here: its response is selected by its key alone. */
  readonly source?: Source | undefined;
}

export interface FlightPlan {
  /** The key under which others may join; undefined for a flight that serves one request alone. */
  readonly key: string | undefined;
  /** Primary key of the resource. */
  readonly primary: string;
  readonly route: Route;
  readonly request: OriginRequest;
  /** Fields of the client's request: what `Vary` selects by, and what storing depends on. */
  readonly fields: Fields;
  /** The stored response that is being validated, pinned by the flight; or NONE. */
  readonly stale: number;
  /** Key under which that one is stored. */
  readonly staleKey: string;
  /** The request has conditions of ours: only then a 304 is an answer to it. */
  readonly conditional: boolean;
  /** The stored response may answer if this fetch fails. */
  readonly staleOnError: boolean;
  /** Why it is not to be stored, known beforehand (a bypass); undefined when the response decides. */
  readonly neverStore: NotStoredReason | undefined;
  readonly onHead?: ((head: OriginHead) => void) | undefined;
  /** As of {@link FlightRequest}. */
  readonly source?: Source | undefined;
  /** Wall clock at the start, for the age of the response (RFC 9111 section 4.2.3). */
  readonly requestedS: number;
  /** The latest purge at the start: a later one may be meant for what it brings. */
  readonly lastPurge: number;
}

/** A longer body goes to the clients as it arrives, although a good copy could stand in for it if it broke. */
export const HELD_BYTES_MAX: number = 8 * 1024 * 1024;

/**
 * One origin fetch, from take-off to its ending, which it reports exactly once. A fault of our own inside it (InternalFault)
 * ends it as failed, so that nobody waits for ever; one in answering a waiter concerns that waiter alone.
 */
export class Flight implements FlightSink {
  readonly plan: FlightPlan;
  head: SourceHead | undefined;
  /** Set by onHead, unless the stored response was renewed. */
  body: FlightBody | undefined;
  /** The stored response that a 304 renewed; pinned by the flight until it ended. */
  renewed: number = NONE;
  /** A 304 came that is not about the stored response: ask again, without conditions. */
  unconfirmed = false;
  /** Where the response is, or will be, stored. */
  place: Place | undefined;
  /** Lifetime and marks it will be stored with. */
  facts: ResponseFacts | undefined;
  /** What it fetches was purged after it took off. */
  purged = false;
  /** Keys of its resource that a fetch which took off later has stored or renewed meanwhile. */
  readonly overtaken = new Set<string>();
  /** May answer requests that joined it. */
  shared = false;
  /** One of those who wait for it has a good copy to fall back on. */
  hasStandIn: boolean;
  /** Its head is kept back until the body is whole, or too long to wait for: should it break, a good copy answers. */
  held = false;
  /** Its waiters have been told of the head. */
  landed = false;
  notStored: NotStoredReason | undefined;
  /** What the response said of its lifetime; only where traffic is recorded. */
  said: ResponseLife | undefined;
  /** Called when it is over. */
  readonly whenEnded: (() => void)[] = [];
  ending: FlightEnding | undefined;
  /** How the origin failed, if it did. */
  failure: FlightFailure | undefined;
  /** It will not be whole: the origin failed, or we did. */
  failed = false;
  /** Body bytes that arrived. */
  receivedBytes = 0;
  /** The last byte or the failure is there: what happens from then on no longer ends it early. */
  #closing = false;
  readonly #steps: FlightSteps;
  #waiters: Waiter[] = [];
  #exchange: OriginExchange | undefined;

  constructor(plan: FlightPlan, steps: FlightSteps) {
    this.plan = plan;
    this.hasStandIn = plan.staleOnError && plan.stale !== NONE;
    this.#steps = steps;
  }

  /** Asks the origin. */
  start(): void {
    this.#exchange = (this.plan.source ?? this.plan.route.origin).fetch(this.plan.request, this);
  }

  join(waiter: Waiter): void {
    this.#waiters.push(waiter);
  }

  /** A waiter's client is gone. The fetch goes on: what it brings may be kept. */
  leave(waiter: Waiter): void {
    this.#waiters = this.#waiters.filter((other) => other !== waiter);
  }

  pause(): void {
    this.#exchange?.pause();
  }

  resume(): void {
    this.#exchange?.resume();
  }

  onHead(head: SourceHead): void {
    this.head = head;
    try {
      const failure = this.#steps.onHead(this, head);
      if (failure === undefined) {
        if (!this.held || (head.bodyBytes ?? 0) > HELD_BYTES_MAX) this.land();
        return;
      }
      this.#exchange?.abort();
      this.onFail(failure);
    } catch (error) {
      this.#crash(error);
    }
  }

  /** Lets the waiters have the response; once. */
  land(): void {
    if (this.landed) return;
    this.landed = true;
    this.#tell((waiter) => waiter.landed(this));
    this.abandonIfUseless();
  }

  onData(chunk: Uint8Array): void {
    this.receivedBytes += chunk.length;
    try {
      this.body?.append(chunk);
      if (this.held && this.receivedBytes > HELD_BYTES_MAX) this.land();
    } catch (error) {
      this.#crash(error);
    }
  }

  onEnd(): void {
    if (this.ending !== undefined) return;
    this.#closing = true;
    try {
      this.body?.end();
      this.land();
      this.#end(this.#steps.onWhole(this));
    } catch (error) {
      this.#crash(error);
    }
  }

  onFail(failure: FlightFailure): void {
    if (this.ending !== undefined) return;
    this.failure = failure;
    this.#fail(failure);
  }

  #fail(failure: FlightFailure | undefined): void {
    this.#closing = true;
    this.failed = true;
    // Each on its own: after a fault the next of these may meet the same one, and those behind it count on theirs.
    this.#guard(() => this.body?.break());
    this.#guard(() => this.#steps.onBroken(this));
    this.#guard(() => this.#steps.onClosed(this));
    // Before the end: the stored response they may fall back on is held until then.
    this.#tell((waiter) => waiter.failed(this, failure));
    this.#guard(() => this.#end('failed'));
  }

  /** A fault of our own: whoever waits is told, and nobody joins a flight that will never end. */
  #crash(error: unknown): void {
    this.#exchange?.abort();
    if (this.ending === undefined) this.#fail(undefined);
    this.#steps.onFault(error);
  }

  /** Each waiter in turn; one that throws is told that it failed, and does not keep the others from being told. */
  #tell(news: (waiter: Waiter) => void): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      const told = this.#guard(() => news(waiter)) || this.#guard(() => waiter.failed(this, undefined));
      // Its second try at an answer failed as well: the last is an error.
      if (!told) this.#guard(() => waiter.failed(this, undefined));
    }
  }

  /** @returns false when it threw. */
  #guard(fn: () => void): boolean {
    try {
      fn();
      return true;
    } catch (error) {
      this.#steps.onFault(error);
      return false;
    }
  }

  onTaint(): void {
    this.#steps.onTaint(this);
  }

  /** Ends a flight that nobody waits for or reads, and whose body is not being kept. */
  abandonIfUseless(): void {
    if (this.#closing || this.ending !== undefined || this.head === undefined || this.shared) return;
    if (this.renewed !== NONE || (this.body !== undefined && this.body.readers > 0)) return;
    // Nothing is left to come but the end: aborting would only cost the origin's connection.
    if (this.receivedBytes === this.head.bodyBytes) return;
    this.#closing = true;
    this.#exchange?.abort();
    this.body?.break();
    this.#steps.onBroken(this);
    this.#end('abandoned');
  }

  #end(ending: FlightEnding): void {
    this.ending = ending;
    this.#steps.onClosed(this);
    this.#steps.onEnded(this, ending);
    for (const tell of this.whenEnded) this.#guard(tell);
  }
}
