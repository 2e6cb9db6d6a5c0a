import { type Clock, every } from '../base/clock.ts';
import type { Connect, TlsOptions } from './http-connection.ts';
import { type ExchangeHost, HttpExchange, type HttpTimeouts } from './http-exchange.ts';
import { HttpPool, type PoolOptions } from './http-pool.ts';
import { type Authority, authorityOf, type RedirectPolicy, type RequestExtras } from './http-target.ts';
import type { Origin, OriginExchange, OriginRequest, OriginSink } from './origin.ts';

export interface HttpOriginOptions {
  readonly name: string;
  /** `http://` or `https://`, host, port and a path that is put before each target. No query, no credentials. */
  readonly url: string;
  readonly timeouts: HttpTimeouts;
  /** Bodies above are refused: by Content-Length before onHead, else as soon as they exceed it. */
  readonly maxBodyBytes: number;
  /** Response head, interim responses included. */
  readonly maxHeadBytes: number;
  readonly redirects: RedirectPolicy;
  /** For the origin's own host; a host that a redirect leads to is verified against the well-known authorities. */
  readonly tls: TlsOptions;
  /** To one host and port. */
  readonly maxConnections: number;
  /** Requests that may wait for a connection; the next one fails at once with `overloaded`. Default 1024. */
  readonly maxQueue?: number;
  /** How long an unused connection is kept, unless the server promises less. Default 4000. */
  readonly idleConnectionMs?: number;
  /** Host field to send instead of the host of the URL. */
  readonly hostHeader?: string;
  /**
   * Fields to add to each request, replacing those of the same name. Secrets are fine: never logged, never sent to
   * another host.
   */
  readonly extraFields: Readonly<Record<string, string>>;
}

export interface HttpOriginDeps {
  readonly clock: Clock;
  /** Default `Bun.connect`. */
  readonly connect?: Connect;
  /** Told of errors that a sink threw; its exchange is over then. Default: thrown again, from a microtask. */
  readonly onFault?: (error: unknown) => void;
}

const MAX_FIELDS = 128;
const MAX_QUEUE_DEFAULT = 1024;
const IDLE_CONNECTION_MS_DEFAULT = 4000;
/** One sweep serves all deadlines of an origin: a quarter of the shortest timeout, within these bounds. */
const SWEEP_MS_MIN = 5;
const SWEEP_MS_MAX = 50;

/**
 * An origin that speaks HTTP/1.1 (RFC 9112), over http or https.
 *
 * - Connections are kept and reused. A request whose *reused* connection breaks before any byte of the response is sent
 *   once more on a fresh one, if it only asks (GET, HEAD and OPTIONS without a body; RFC 9112 section 9.3.1). Any other
 *   request takes a fresh connection, so that it does not meet one that is just being closed.
 * - A response that is whole before the request's body was sent ends the exchange, and its connection.
 * - Timeouts are never early, and up to two sweeps (100 ms, or half of the shortest timeout) late.
 * - With `redirects.follow` 0, redirects are passed on as they are; else a redirect that may not be followed fails
 *   as `redirect`.
 * - A response is refused as `overrun` when bytes come behind its body in the same read; when they come later, the
 *   sink hears `onTaint`, up to the connection's next use. What comes after that and looks like a response
 *   cannot be told from one.
 * - A body without Content-Length or chunks ends with the connection: a reset counts as `truncated`, an orderly
 *   close as its end (over TLS also one without close_notify: the runtime does not tell). Such a body can never be proven whole.
 * - After `pause()`, at most what the runtime had read already (512 KiB) still arrives, or what the kernel holds if the
 *   connection closes meanwhile.
 *
 * @throws Error naming the option, when an option is not usable.
 */
export function createHttpOrigin(options: HttpOriginOptions, deps: HttpOriginDeps): Origin {
  return new HttpOrigin(options, deps);
}

class HttpOrigin implements Origin, ExchangeHost {
  readonly name: string;
  readonly timeouts: HttpTimeouts;
  readonly redirects: RedirectPolicy;
  readonly authority: Authority;
  readonly hostHeader: string;
  readonly extras: RequestExtras;
  readonly onFault: (error: unknown) => void;
  readonly #clock: Clock;
  readonly #basePath: string;
  readonly #poolOptions: PoolOptions;
  readonly #ownPool: HttpPool;
  /** Pools of hosts that redirects led to, while they are in use. */
  readonly #otherPools = new Map<string, HttpPool>();
  readonly #active = new Set<HttpExchange>();
  readonly #sweepMs: number;
  #stopSweep: (() => void) | undefined;
  #closed = false;

  constructor(options: HttpOriginOptions, deps: HttpOriginDeps) {
    const { authority, basePath } = parseUrl(options.name, options.url);
    checkNumbers(options);
    this.name = options.name;
    this.timeouts = options.timeouts;
    this.redirects = options.redirects;
    this.authority = authority;
    this.hostHeader = parseHostHeader(options) ?? authority.host;
    this.extras = parseExtras(options);
    this.onFault = deps.onFault ?? rethrowLater;
    this.#clock = deps.clock;
    this.#basePath = basePath;
    const { connectMs, firstByteMs, idleMs, totalMs } = options.timeouts;
    const shortestMs = Math.min(connectMs, firstByteMs, idleMs, totalMs);
    this.#sweepMs = Math.min(SWEEP_MS_MAX, Math.max(SWEEP_MS_MIN, shortestMs / 4));
    this.#poolOptions = {
      connect: deps.connect ?? Bun.connect,
      tls: options.tls,
      limits: { maxBytes: options.maxHeadBytes, maxFields: MAX_FIELDS, maxBodyBytes: options.maxBodyBytes },
      maxConnections: options.maxConnections,
      maxQueue: options.maxQueue ?? MAX_QUEUE_DEFAULT,
      connectMs,
      idleConnectionMs: options.idleConnectionMs ?? IDLE_CONNECTION_MS_DEFAULT,
    };
    this.#ownPool = new HttpPool(authority, this.#poolOptions);
  }

  fetch(request: OriginRequest, sink: OriginSink): OriginExchange {
    const exchange = new HttpExchange(this, request, this.#basePath + request.target, sink);
    this.#active.add(exchange);
    this.#stopSweep ??= every(this.#clock, this.#sweepMs, () => this.#sweep());
    exchange.start();
    return exchange;
  }

  close(): void {
    this.#closed = true;
    for (const pool of this.#pools()) pool.close();
  }

  gauges(): { active: number; connections: number } {
    let connections = 0;
    for (const pool of this.#pools()) connections += pool.connections;
    return { active: this.#active.size, connections };
  }

  poolFor(authority: Authority): HttpPool {
    if (authority.key === this.authority.key) return this.#ownPool;
    let pool = this.#otherPools.get(authority.key);
    if (pool === undefined) {
      const sameHost = authority.hostname === this.authority.hostname;
      pool = new HttpPool(
        authority,
        sameHost ? this.#poolOptions : { ...this.#poolOptions, tls: { verify: true } },
      );
      if (this.#closed) pool.close();
      this.#otherPools.set(authority.key, pool);
    }
    return pool;
  }

  ended(exchange: HttpExchange): void {
    this.#active.delete(exchange);
  }

  *#pools(): Iterable<HttpPool> {
    yield this.#ownPool;
    yield* this.#otherPools.values();
  }

  #sweep(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const exchange of this.#active) exchange.check(nowMs);
    for (const pool of this.#pools()) pool.sweep(nowMs);
    for (const [key, pool] of this.#otherPools) if (pool.empty) this.#otherPools.delete(key);
    if (this.#active.size > 0 || !this.#ownPool.empty || this.#otherPools.size > 0) return;
    this.#stopSweep?.();
    this.#stopSweep = undefined;
  }
}

function parseUrl(name: string, text: string): { authority: Authority; basePath: string } {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const authority = url && authorityOf(url);
  if (url === undefined || authority === undefined) {
    throw new Error(`origin ${name}: url must be an http:// or https:// URL`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new Error(`origin ${name}: url must not contain credentials; send an Authorization field instead`);
  }
  if (url.search !== '' || url.hash !== '')
    throw new Error(`origin ${name}: url must not have a query or fragment`);
  return { authority, basePath: url.pathname.replace(/\/+$/, '') };
}

function checkNumbers(options: HttpOriginOptions): void {
  const { name, timeouts, maxBodyBytes, maxHeadBytes, maxConnections, maxQueue, idleConnectionMs } = options;
  const positive = { ...timeouts, maxBodyBytes, maxHeadBytes, maxConnections, maxQueue, idleConnectionMs };
  for (const [option, value] of Object.entries(positive)) {
    if (value === undefined || value > 0) continue;
    throw new Error(`origin ${name}: ${option} must be above 0, not ${value}`);
  }
  const { follow } = options.redirects;
  if (!(follow >= 0)) throw new Error(`origin ${name}: redirects.follow must be 0 or more, not ${follow}`);
}

const FIELD_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** Set by the client itself, by the request, or only right if the body is known. */
const RESERVED_FIELDS = new Set([
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'expect',
  'upgrade',
  'te',
]);

function parseHostHeader({ name, hostHeader }: HttpOriginOptions): string | undefined {
  if (hostHeader !== undefined && !/^[\x21-\x7e]+$/.test(hostHeader)) {
    throw new Error(`origin ${name}: hostHeader must be a host name with an optional port`);
  }
  return hostHeader;
}

function parseExtras({ name, extraFields }: HttpOriginOptions): RequestExtras {
  const names = new Set<string>();
  let lines = '';
  for (const [rawName, rawValue] of Object.entries(extraFields)) {
    const field = rawName.toLowerCase();
    const value = rawValue.trim();
    if (!FIELD_NAME.test(field))
      throw new Error(`origin ${name}: extra field ${JSON.stringify(rawName)} is not a field name`);
    if (RESERVED_FIELDS.has(field))
      throw new Error(`origin ${name}: the field ${field} cannot be set (for Host there is hostHeader)`);
    // The value may be a secret: it is not repeated here.
    if (!FIELD_VALUE.test(value))
      throw new Error(
        `origin ${name}: the value of the field ${field} has characters that HTTP does not allow`,
      );
    names.add(field);
    lines += `${field}: ${value}\r\n`;
  }
  return { names, lines };
}

function rethrowLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
