import { type Clock, every } from '../base/clock.ts';
import type { RequestHandler } from '../serve/answer.ts';
import { Clients } from './clients.ts';
import { Connection } from './connection.ts';
import type { ConnectionHost, ServerSocket } from './host.ts';
import { DEFAULT_SERVER_LIMITS, newServerStats, type ServerLimits, type ServerStats } from './limits.ts';

/** How often timeouts are looked at: they are exact to this. */
const SWEEP_PERIOD_MS = 1_000;
/** Bodies up to about this size leave in one write, head included, which measures cheaper than two. */
const SCRATCH_BYTES = 256 * 1024;
/** So many connections above the limit are told 503; those above them are reset, so that refusing stays cheap. */
const REFUSALS_AT_ONCE = 256;

export interface ListenAddress {
  /** An address of this machine, or a name of it; `0.0.0.0` or `::` for all. */
  readonly hostname: string;
  /** 0 to 65535; 0 picks a free port. */
  readonly port: number;
}

export interface PublicServerOptions {
  readonly listen: ListenAddress;
  readonly handler: RequestHandler;
  readonly clock: Clock;
  readonly limits?: Partial<ServerLimits>;
  /** Certificate chain and private key, in PEM. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Told of every exception that the handler, an answer or a payload threw. Must not throw. */
  readonly onFault: (error: unknown) => void;
  /** Set when other threads of this process listen on the same port; the kernel then deals connections out to all. */
  readonly shared?: PortShare;
}

/** What servers of one node on one port know of each other. */
export interface PortShare {
  /** Nobody else should be listening there yet: one who does is another process. */
  readonly first: boolean;
  /** Connections that the others have open: the limit is for all of them together. */
  others(): number;
  /** Told of the own ones, whenever they change. */
  changed(connections: number): void;
}

export interface PublicServer {
  readonly port: number;
  /** As a local client would reach it, without a path. */
  readonly url: string;
  readonly stats: Readonly<ServerStats>;
  /** It is going away: {@link announceEnd} or {@link drain} was called. */
  readonly draining: boolean;
  /** Says that it is going away, and goes on as before. */
  announceEnd(): void;
  /** Open connections. */
  connections(): number;
  /**
   * Stops accepting, closes idle connections, lets answers under way finish as the last ones of their connections,
   * and cuts what is left after `deadlineMs`. Calling it again only shortens the deadline.
   *
   * @returns how many connections had to be cut, once none is left.
   */
  drain(deadlineMs: number): Promise<number>;
}

/**
 * Holdfast's public edge: HTTP/1.1 and HTTP/1.0 over TCP or TLS.
 *
 * @throws Error with the address and what to do when it cannot listen there.
 */
export function startPublicServer(options: PublicServerOptions): PublicServer {
  const { clock, listen, tls } = options;
  const connections = new Set<Connection>();
  const limits: ServerLimits = { ...DEFAULT_SERVER_LIMITS, ...options.limits };
  const clients = new Clients<Connection>(limits.connectionsPerClientMax);
  let leaving = false;
  let onEmpty: (() => void) | undefined;
  const host: { -readonly [K in keyof ConnectionHost]: ConnectionHost[K] } = {
    handler: options.handler,
    clock,
    limits,
    stats: newServerStats(),
    scratch: Buffer.allocUnsafeSlow(SCRATCH_BYTES),
    scratchBusy: false,
    draining: false,
    defaultAuthority: '',
    fault(error) {
      host.stats.faults += 1;
      options.onFault(error);
    },
    onClosed(connection) {
      connections.delete(connection);
      clients.leave(connection);
      options.shared?.changed(connections.size);
      if (connections.size === 0) onEmpty?.();
    },
  };
  const listener = openListener(options, host, connections, clients);
  const scheme = tls === undefined ? 'http' : 'https';
  host.defaultAuthority = `${reachableHost(listen.hostname)}:${listener.port}`;
  const stopSweeping = every(clock, SWEEP_PERIOD_MS, () => {
    const nowMs = clock.monotonicMs();
    for (const connection of connections) connection.sweep(nowMs);
  });

  return {
    port: listener.port,
    url: `${scheme}://${host.defaultAuthority}`,
    stats: host.stats,
    get draining() {
      return leaving || host.draining;
    },
    announceEnd() {
      leaving = true;
    },
    connections: () => connections.size,
    async drain(deadlineMs) {
      host.draining = true;
      listener.stop();
      for (const connection of connections) connection.beginDrain();
      const cut = await emptied(deadlineMs);
      stopSweeping();
      return cut;
    },
  };

  function emptied(deadlineMs: number): Promise<number> {
    if (connections.size === 0) return Promise.resolve(0);
    return new Promise((resolve) => {
      const before = onEmpty;
      let cut = 0;
      const deadline = clock.after(deadlineMs, () => {
        cut = connections.size;
        for (const connection of connections) connection.cut();
      });
      onEmpty = () => {
        before?.();
        clock.cancel(deadline);
        resolve(cut);
      };
    });
  }
}

function openListener(
  options: PublicServerOptions,
  host: ConnectionHost,
  connections: Set<Connection>,
  clients: Clients<Connection>,
): Bun.TCPSocketListener<Connection> {
  const { listen, tls, shared } = options;
  try {
    // A shared port can be had while another process has it, too. One that is not shared cannot.
    if (shared?.first === true && listen.port !== 0)
      Bun.listen({ ...listen, exclusive: true, socket: { data: () => undefined } }).stop(true);
    return Bun.listen<Connection>({
      hostname: listen.hostname,
      port: listen.port,
      // Never share the port with a second process unnoticed.
      ...(shared === undefined ? { exclusive: true } : { reusePort: true }),
      allowHalfOpen: true,
      ...(tls === undefined ? {} : { tls: { cert: tls.cert, key: tls.key } }),
      socket: {
        open: (socket) => accept(socket as ServerSocket, host, { connections, clients }, options),
        ...(tls === undefined ? {} : { handshake: (socket, ok) => socket.data.onHandshake(ok) }),
        data: (socket, chunk) => socket.data.onData(chunk),
        drain: (socket) => socket.data.onDrain(),
        end: (socket) => socket.data.onPeerEnd(),
        close: (socket) => socket.data?.onClosed(),
        // Only an error of our own gets here. What state it left is unknown, so the connection ends.
        error(socket, error) {
          host.fault(error);
          socket.data.cut();
        },
      },
    });
  } catch (error) {
    throw new Error(listenSentence(listen, error), { cause: error });
  }
}

function accept(
  socket: ServerSocket,
  host: ConnectionHost,
  { connections, clients }: { connections: Set<Connection>; clients: Clients<Connection> },
  { tls, shared }: PublicServerOptions,
): void {
  const { limits, stats } = host;
  stats.accepted += 1;
  const excess = connections.size + (shared?.others() ?? 0) - limits.connectionsMax;
  const connection = new Connection(host, socket, tls !== undefined);
  socket.data = connection;
  connections.add(connection);
  shared?.changed(connections.size);
  if (!clients.enter(connection, socket.remoteAddress)) {
    stats.refusedPerClient += 1;
    connection.cut();
    return;
  }
  if (excess < 0) return;
  stats.refused += 1;
  if (tls !== undefined || excess >= REFUSALS_AT_ONCE) connection.cut();
  else connection.refuse('overloaded', 'Retry-After: 1\r\n');
}

function reachableHost(hostname: string): string {
  if (hostname === '0.0.0.0') return '127.0.0.1';
  if (hostname === '::') return '[::1]';
  return hostname.includes(':') ? `[${hostname}]` : hostname;
}

function listenSentence({ hostname, port }: ListenAddress, error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  const why: Readonly<Record<string, string>> = {
    EADDRINUSE: 'another process listens there; stop it, or choose another port',
    EADDRNOTAVAIL: 'this machine does not have that address; choose one it has, or 0.0.0.0 for all',
    EACCES: 'this user may not use that port; choose one from 1024 on, or grant the right',
    ERR_OUT_OF_RANGE: 'the port must be between 0 and 65535',
  };
  return `cannot listen on ${hostname}:${port}: ${why[code] ?? code}`;
}
