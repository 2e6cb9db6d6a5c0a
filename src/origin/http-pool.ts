import {
  type Connect,
  type ConnectionKeeper,
  HttpConnection,
  type Passenger,
  type TlsOptions,
} from './http-connection.ts';
import type { ResponseLimits } from './http-response.ts';
import type { Authority } from './http-target.ts';
import type { OriginFailure } from './origin.ts';

/** An exchange that needs a connection. */
export interface Waiter extends Passenger {
  /** Only a connection that has carried nothing before will do. */
  readonly freshOnly: boolean;
  board(connection: HttpConnection): void;
  /** No connection came of it. Never called from within {@link HttpPool.acquire}. */
  onNotConnected(failure: OriginFailure): void;
}

export interface PoolOptions {
  readonly connect: Connect;
  readonly tls: TlsOptions;
  readonly limits: ResponseLimits;
  readonly maxConnections: number;
  /** Exchanges that may wait for a connection; one more fails at once. */
  readonly maxQueue: number;
  readonly connectMs: number;
  /** How long an unused connection is kept, unless the server promised less. */
  readonly idleConnectionMs: number;
}

/** A connect attempt older than this (and than the connect timeout) is no longer counted on. */
const OVERDUE_MS = 1000;
/** A server's promise is used up to this much before its end, for the request's way there. */
const PROMISE_MARGIN_MS = 1000;

/**
 * The connections to one server: at most `maxConnections`, reused last in, first out (so that what a quiet time does
 * not need can close), with a first in, first out queue of exchanges that wait for one.
 *
 * Attempts belong to the queue, not to the exchange that caused them: whatever connection is ready first carries
 * whoever waits longest. The runtime cannot cancel a connect under way, so attempts that got no answer are set aside
 * as overdue until the kernel gives them up, after about two minutes. Once there are `maxConnections` of these, only
 * one attempt at a time is made, a new one each second (or connect timeout, if longer): they cannot pile up until
 * file descriptors run out, and a server that comes back is still noticed within that time. O(1) per exchange.
 */
export class HttpPool implements ConnectionKeeper {
  readonly #authority: Authority;
  readonly #options: PoolOptions;
  readonly #idle: HttpConnection[] = [];
  readonly #waiting = new Set<Waiter>();
  readonly #connecting = new Set<HttpConnection>();
  readonly #overdue = new Set<HttpConnection>();
  /** Open connections, busy and idle. */
  #open = 0;
  #closed = false;

  constructor(authority: Authority, options: PoolOptions) {
    this.#authority = authority;
    this.#options = options;
  }

  /** Sockets held: open, connecting and overdue. */
  get connections(): number {
    return this.#open + this.#connecting.size + this.#overdue.size;
  }

  /** Nobody waits and no socket is held. */
  get empty(): boolean {
    return this.connections === 0 && this.#waiting.size === 0;
  }

  /** Puts the waiter on an idle connection before it returns, or later on the first that is ready. */
  acquire(waiter: Waiter): void {
    const connection = waiter.freshOnly ? undefined : this.#idle.pop();
    if (connection !== undefined) {
      connection.place = 'busy';
      waiter.board(connection);
      return;
    }
    const { maxConnections, maxQueue } = this.#options;
    // Idle ones are no use to it, but may take all the room that there is.
    if (this.#open + this.#connecting.size >= maxConnections) this.#idle[0]?.end();
    if (this.#waiting.size >= maxQueue) {
      const detail = `all ${maxConnections} connections are busy and ${maxQueue} requests already wait for one`;
      queueMicrotask(() => waiter.onNotConnected({ cause: 'overloaded', detail }));
      return;
    }
    this.#waiting.add(waiter);
    this.#dial();
  }

  /** The waiter needs no connection any more. */
  cancel(waiter: Waiter): void {
    this.#waiting.delete(waiter);
  }

  /** Every connection that there may be is open and in use: waiting says nothing about connecting. */
  get saturated(): boolean {
    return this.#open >= this.#options.maxConnections;
  }

  /** Somebody waits only because every connection is taken. */
  get crowded(): boolean {
    const wanting = this.#waiting.size > this.#connecting.size;
    return wanting && this.#open + this.#connecting.size >= this.#options.maxConnections;
  }

  /** Why a waiter has no connection yet, for its failure's detail. */
  explainWait(): string {
    const { maxConnections } = this.#options;
    if (this.#open >= maxConnections) return `all ${maxConnections} connections (maxConnections) stayed busy`;
    return `${this.#connecting.size + this.#overdue.size} connection attempts without an answer`;
  }

  /** Ends idle connections, and every other after its exchange. */
  close(): void {
    this.#closed = true;
    for (const connection of this.#idle.slice()) connection.end();
  }

  /** Ends connections that were idle too long, sets attempts aside that take too long. To be called periodically. */
  sweep(nowMs: number): void {
    const { connectMs, idleConnectionMs } = this.#options;
    for (const connection of this.#idle.slice()) {
      const promisedMs = (connection.keepAliveMs ?? Infinity) - PROMISE_MARGIN_MS;
      if (this.#placedForMs(connection, nowMs) >= Math.min(idleConnectionMs, promisedMs)) connection.end();
    }
    for (const attempt of [...this.#connecting, ...this.#overdue]) {
      if (this.#placedForMs(attempt, nowMs) < Math.max(connectMs, OVERDUE_MS)) continue;
      if (attempt.hasSocket) {
        attempt.drop(); // connected, but stuck in its handshake
      } else if (this.#connecting.delete(attempt)) {
        this.#overdue.add(attempt);
        attempt.place = 'overdue';
      }
    }
    this.#dial();
  }

  opened(connection: HttpConnection): void {
    this.#connecting.delete(connection);
    this.#overdue.delete(connection);
    this.#open += 1;
    connection.place = 'busy';
    const unneeded = this.#closed && this.#waiting.size === 0;
    if (unneeded || this.#open + this.#connecting.size > this.#options.maxConnections) {
      connection.end();
      return;
    }
    this.#serve(connection, this.#waiting.values().next().value);
    this.#dial();
  }

  released(connection: HttpConnection): void {
    let next: Waiter | undefined;
    for (const waiter of this.#waiting) {
      if (waiter.freshOnly) continue;
      next = waiter;
      break;
    }
    // Whoever still waits wants a fresh connection: this one makes room for it.
    if (next === undefined && (this.#closed || this.#waiting.size > 0)) {
      connection.end();
      return;
    }
    this.#serve(connection, next);
  }

  gone(connection: HttpConnection, notOpened: OriginFailure | undefined): void {
    this.#overdue.delete(connection);
    if (this.#connecting.delete(connection)) {
      const first: Waiter | undefined = notOpened && this.#waiting.values().next().value;
      if (first !== undefined) {
        this.#waiting.delete(first);
        first.onNotConnected(notOpened!);
      }
    } else if (connection.place !== 'overdue') {
      this.#open -= 1;
      if (connection.place === 'idle') this.#idle.splice(this.#idle.indexOf(connection), 1);
    }
    this.#dial();
  }

  #serve(connection: HttpConnection, waiter: Waiter | undefined): void {
    if (waiter === undefined) {
      connection.place = 'idle';
      connection.placedMs = Number.NaN;
      this.#idle.push(connection);
      return;
    }
    connection.place = 'busy';
    this.#waiting.delete(waiter);
    waiter.board(connection);
  }

  /** Makes as many attempts as there are waiters without one, within the bounds. */
  #dial(): void {
    const { maxConnections, connect, tls, limits } = this.#options;
    while (this.#waiting.size > this.#connecting.size) {
      const probing = this.#overdue.size >= maxConnections;
      if (probing && this.#connecting.size > 0) return;
      if (this.#open + this.#connecting.size >= maxConnections) return;
      const connection = new HttpConnection(this.#authority, limits, this);
      this.#connecting.add(connection);
      connection.open(connect, tls);
    }
  }

  /** How long it has been where it is; stamped at the first look, so that the hot path reads no clock. */
  #placedForMs(connection: HttpConnection, nowMs: number): number {
    if (Number.isNaN(connection.placedMs)) connection.placedMs = nowMs;
    return nowMs - connection.placedMs;
  }
}
