import type { Socket, SocketHandler } from 'bun';
import { type Arrived, type ResponseEvents, type ResponseLimits, ResponseReader } from './http-response.ts';
import type { Authority } from './http-target.ts';
import { Upload, type UploadCarrier } from './http-upload.ts';
import type { MessageBody, OriginFailure, OriginFailureCause, OriginHead } from './origin.ts';

/** Opens TCP and TLS connections: `Bun.connect`, or what a test puts in its place. */
export type Connect = typeof Bun.connect<HttpConnection>;

/** How the certificate of an https server is judged. */
export interface TlsOptions {
  /** False accepts any certificate, an attacker's as well. */
  readonly verify: boolean;
  /** PEM text of the authorities to trust *instead of* the well-known ones. */
  readonly ca?: string;
  /** Name to ask for (SNI) and to find in the certificate; the host of the URL when left out. */
  readonly serverName?: string;
}

/** The exchange that a connection carries. Its methods do not throw. */
export interface Passenger {
  onHead(head: OriginHead): void;
  onBody(chunk: Uint8Array): void;
  /** Some of the request's body came from the client. */
  onUploadMoved(): void;
  onDone(): void;
  /**
   * @param unanswered the connection had been used before and broke first: a GET may be sent again (RFC 9112 section
   * 9.3.1).
   */
  onBroken(cause: OriginFailureCause, detail: string, unanswered: boolean): void;
  /** After `onDone`: bytes came that nobody asked for. */
  onTaint(): void;
}

/** The pool that a connection belongs to. Each call is made from the event loop, never from within `new` or `carry`. */
export interface ConnectionKeeper {
  /** Connected (and verified): may carry its first exchange. */
  opened(connection: HttpConnection): void;
  /** The response was whole and the connection may carry another. */
  released(connection: HttpConnection): void;
  /** Closed, or never opened: then with the reason. Called exactly once per connection. */
  gone(connection: HttpConnection, notOpened: OriginFailure | undefined): void;
}

/** Request heads up to this size are written without an allocation. */
const scratch = Buffer.allocUnsafeSlow(16 * 1024);

/**
 * One connection to a server, for one exchange at a time: connects, verifies, writes the request, hands the response's
 * bytes to a {@link ResponseReader} and tells the passenger what came of it.
 *
 * What the runtime reports (measured on Bun 1.4.5): a reset arrives as `close` with an error, an orderly end as
 * `close` without one; each `data` call has a buffer of its own, of at most 512 KiB; after `pause()` no `data` call is
 * made, but a close hands over what the kernel still held. A connect under way cannot be cancelled.
 */
export class HttpConnection implements ResponseEvents, UploadCarrier {
  readonly authority: Authority;
  /** Where the keeper has it in its books; the keeper's field alone. */
  place: 'connecting' | 'overdue' | 'busy' | 'idle' = 'connecting';
  /** When the keeper put it there, monotonic milliseconds; NaN until its next look. The keeper's field alone. */
  placedMs = Number.NaN;
  readonly #keeper: ConnectionKeeper;
  readonly #reader: ResponseReader;
  #state: 'connecting' | 'open' | 'gone' = 'connecting';
  #socket: Socket<HttpConnection> | undefined;
  #passenger: Passenger | undefined;
  /** Who learns of bytes that come while nobody is carried. */
  #previous: Passenger | undefined;
  #uses = 0;
  /** What of the request the kernel has not taken yet. */
  #unsent: Buffer | undefined;
  #upload: Upload | undefined;
  #paused = false;
  #verify = true;

  constructor(authority: Authority, limits: ResponseLimits, keeper: ConnectionKeeper) {
    this.authority = authority;
    this.#keeper = keeper;
    this.#reader = new ResponseReader(limits, this);
  }

  /** How long the server promises to keep the connection when idle, in milliseconds; undefined if it did not say. */
  get keepAliveMs(): number | undefined {
    return this.#reader.keepAliveMs;
  }

  /** Connected, but perhaps not verified yet: then {@link drop} really ends it. */
  get hasSocket(): boolean {
    return this.#socket !== undefined;
  }

  /** Starts to connect. Never throws; the keeper hears of the outcome later. */
  open(connect: Connect, tls: TlsOptions): void {
    const { hostname, port, secure } = this.authority;
    this.#verify = tls.verify;
    const serverName = tls.serverName ?? (isAddress(hostname) ? undefined : hostname);
    const options = {
      hostname,
      port,
      data: this as HttpConnection,
      socket: secure ? TLS_HANDLER : TCP_HANDLER,
      ...(secure && {
        tls: {
          rejectUnauthorized: tls.verify,
          ...(tls.ca !== undefined && { ca: tls.ca }),
          ...(serverName !== undefined && { serverName }),
        },
      }),
    };
    // A rejection may come with or without the handler's connectError; a throw may come before either.
    new Promise((resolve) => resolve(connect(options))).catch((error: unknown) => this.onConnectError(error));
  }

  /** The client is slow with the request's body: what does not come is not the server's fault. */
  get awaitsClient(): boolean {
    return this.#upload?.starved === true;
  }

  /** Sends a request and expects its response. Only when open and idle. */
  carry(passenger: Passenger, method: string, head: string, body: MessageBody | undefined): void {
    this.#upload = body && new Upload(body, this);
    this.#passenger = passenger;
    this.#uses += 1;
    this.#reader.begin(method);
    const bytes = head.length <= scratch.length ? scratch : Buffer.from(head, 'latin1');
    if (bytes === scratch) scratch.write(head, 0, 'latin1');
    const sentBytes = this.#socket!.write(bytes, 0, head.length);
    if (sentBytes < 0) queueMicrotask(() => this.onClose(undefined));
    else if (sentBytes < head.length) this.#unsent = Buffer.from(bytes.subarray(sentBytes, head.length));
    else this.#upload?.goOn();
  }

  send(bytes: Uint8Array): boolean {
    if (this.#unsent !== undefined) {
      this.#unsent = Buffer.concat([this.#unsent, bytes]);
      return false;
    }
    const sentBytes = this.#socket?.write(bytes) ?? -1;
    // The server may have answered before it closed: what it said is still to come.
    if (sentBytes < 0) this.#upload?.stop();
    if (sentBytes < 0 || sentBytes === bytes.length) return true;
    this.#unsent = Buffer.from(bytes.subarray(sentBytes));
    return false;
  }

  onUploadMoved(): void {
    this.#passenger?.onUploadMoved();
  }

  onUploadFailed(): void {
    const passenger = this.#passenger;
    this.#close(undefined, true);
    passenger?.onBroken('request-body', 'the body of the request broke off', false);
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#socket?.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#socket?.resume();
  }

  /** Closes at once; the passenger hears nothing of it. Idempotent. */
  drop(): void {
    this.#close(undefined, true);
  }

  /** Ends an idle connection in good order. */
  end(): void {
    this.#close(undefined, false);
  }

  // What the response reader finds.

  onHead(head: OriginHead): void {
    this.#passenger!.onHead(head);
  }

  onBody(chunk: Uint8Array): void {
    this.#passenger!.onBody(chunk);
  }

  onDone(): void {
    const passenger = this.#passenger!;
    this.#passenger = undefined;
    this.#previous = passenger;
    this.resume();
    const uploaded = this.#upload?.whole !== false;
    this.#endUpload();
    if (this.#reader.reusable && this.#unsent === undefined && uploaded) this.#keeper.released(this);
    else this.#close(undefined, false);
    passenger.onDone();
  }

  onProblem(cause: OriginFailureCause, detail: string, arrived: Arrived): void {
    const passenger = this.#passenger!;
    const again = this.#uses > 1 && (arrived === 'nothing' || arrived === 'stray');
    // What does not even look like a response may be the rest of the previous one, with a body longer than it said. A
    // response that is malformed is this one's own fault.
    if (again && arrived === 'stray') this.#previous?.onTaint();
    this.#close(undefined, true);
    passenger.onBroken(cause, detail, again);
  }

  // What the socket reports.

  onOpen(socket: Socket<HttpConnection>): void {
    if (this.#state === 'gone') {
      socket.terminate();
      return;
    }
    this.#socket = socket;
    if (!this.authority.secure) this.#ready();
  }

  onHandshake(accepted: boolean, error: Error | null): void {
    if (this.#state !== 'connecting') return;
    // "Not accepted" is a verdict on the certificate's name as well; without verification only a broken handshake
    // counts.
    const established = this.#verify ? accepted && error === null : accepted || !isHandshakeFailure(error);
    if (established) {
      this.#ready();
      return;
    }
    const why = error === null ? 'handshake failed' : describe(error);
    this.#close({ cause: 'tls', detail: `TLS: ${why}` }, true);
  }

  onData(chunk: Buffer): void {
    if (this.#passenger !== undefined) {
      this.#reader.push(chunk);
      return;
    }
    if (this.#state === 'gone') return;
    this.drop();
    this.#previous?.onTaint();
  }

  onDrain(): void {
    const unsent = this.#unsent;
    if (unsent === undefined || this.#state !== 'open') return;
    const sentBytes = this.#socket!.write(unsent);
    if (sentBytes < 0) return; // the close handler follows
    this.#unsent = sentBytes < unsent.length ? unsent.subarray(sentBytes) : undefined;
    if (this.#unsent === undefined) this.#upload?.goOn();
  }

  /** @param error undefined after an orderly end; a reset, a TLS failure, or what one of these handlers threw. */
  onClose(error: Error | undefined): void {
    if (this.#state === 'connecting') {
      const why = describe(error ?? new Error('closed during the handshake'));
      this.#close({ cause: 'tls', detail: `TLS: ${why}` }, true);
    } else if (this.#passenger === undefined) {
      this.#close(undefined, true);
    } else {
      this.#reader.finish(error && `broke (${describe(error)})`);
    }
  }

  onConnectError(error: unknown): void {
    if (this.#state !== 'connecting') return;
    this.#close(connectFailure(error, this.authority), true);
  }

  #endUpload(): void {
    this.#upload?.stop();
    this.#upload = undefined;
  }

  #ready(): void {
    this.#state = 'open';
    this.#keeper.opened(this);
  }

  #close(notOpened: OriginFailure | undefined, abruptly: boolean): void {
    if (this.#state === 'gone') return;
    this.#state = 'gone';
    this.#passenger = undefined;
    this.#unsent = undefined;
    this.#endUpload();
    this.#reader.stop();
    if (abruptly) this.#socket?.terminate();
    else this.#socket?.end();
    this.#socket = undefined;
    this.#keeper.gone(this, notOpened);
  }
}

const TCP_HANDLER: SocketHandler<HttpConnection> = {
  open: (socket) => socket.data.onOpen(socket),
  data: (socket, chunk) => socket.data.onData(chunk),
  drain: (socket) => socket.data.onDrain(),
  close: (socket, error) => socket.data.onClose(error),
  error: (socket, error) => socket.data.onClose(error),
  connectError: (socket, error) => socket.data.onConnectError(error),
};

const TLS_HANDLER: SocketHandler<HttpConnection> = {
  ...TCP_HANDLER,
  handshake: (socket, accepted, error) => socket.data.onHandshake(accepted, error),
};

/** The session was not established; other errors are about the certificate. */
function isHandshakeFailure(error: (Error & { code?: unknown }) | null): boolean {
  return error === null || error.code === 'EPROTO' || String(error.code).startsWith('ECONN');
}

function isAddress(hostname: string): boolean {
  return hostname.includes(':') || /^[0-9.]+$/.test(hostname);
}

function describe(error: Error & { code?: unknown }): string {
  const { code, message } = error;
  return typeof code === 'string' && !message.includes(code) ? `${code}: ${message}` : message;
}

const UNREACHABLE =
  'nothing listens there, or the network is unreachable; check the address and the firewall';

/** Sorts the runtime's connect errors into causes. */
function connectFailure(error: unknown, authority: Authority): OriginFailure {
  const { code, syscall, message } = error as { code?: unknown; syscall?: unknown; message?: unknown };
  const name = typeof code === 'string' ? code : '';
  const { hostname } = authority;
  if (
    syscall === 'getaddrinfo' ||
    name === 'ENOTFOUND' ||
    name.startsWith('EAI_') ||
    name.startsWith('DNS_')
  ) {
    return { cause: 'dns', detail: `the name ${hostname} does not resolve (${name || String(message)})` };
  }
  if (name === 'ETIMEDOUT') return { cause: 'connect-timeout', detail: 'connecting timed out in the kernel' };
  if (name === 'EMFILE' || name === 'ENFILE') {
    return { cause: 'refused', detail: `no file descriptor left to connect with (${name}); raise the limit` };
  }
  return { cause: 'refused', detail: `connecting failed (${name || String(message)}): ${UNREACHABLE}` };
}
