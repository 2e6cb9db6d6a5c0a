import type { Clock } from '../base/clock.ts';
import { EXPOSITION_TYPE } from '../monitor/exposition.ts';
import type { AdminDenial } from '../monitor/recorder.ts';
import type { Snapshot } from '../monitor/snapshot.ts';
import type { PurgeTarget } from '../serve/purge.ts';
import { AdminGuard } from './admin-guard.ts';
import { type MemoryChange, readMemoryChange } from './admin-memory.ts';

/** Whether the node should get traffic. */
export interface Readiness {
  readonly ready: boolean;
  /** Why not; shown to anybody who asks, so without secrets. */
  readonly reason?: string;
}

export interface AdminOptions {
  readonly listen: { readonly host: string; readonly port: number };
  /** What operators must present. At least 16 characters. */
  readonly token: string;
  readonly clock: Clock;
  readonly snapshot: () => Snapshot;
  /** The Prometheus exposition. */
  readonly metrics: () => string;
  readonly ready: () => Readiness;
  /** Removes what matches from every tier and says how many responses that were; undefined for an unknown route. */
  readonly purge: (target: PurgeTarget) => number | undefined;
  /** Changes the memory tier, live. */
  readonly changeMemory: (change: MemoryChange) => Snapshot['memory'];
  /** The largest budget that may be set. */
  readonly budgetBytesMax: number;
  /** A request was turned away: for metric and log. */
  readonly onDenied: (denial: AdminDenial, client: string) => void;
  /** Something of the node's own failed while answering: for the log. */
  readonly onFault: (path: string, error: unknown) => void;
}

export interface AdminServer {
  /** `http://host:port`, with the port really taken. */
  readonly url: string;
  readonly port: number;
  /** Ends all connections. */
  stop(): Promise<void>;
}

/** Largest body of an admin request. */
const BODY_BYTES = 64 * 1024;
const IDLE_S = 30;

/**
 * Starts the admin server: `/healthz` and `/readyz` for probes, open to all who reach the port; `/metrics`,
 * `/api/status`, `POST /api/purge` and `POST /api/memory` for holders of the token (see {@link AdminGuard}).
 *
 * Errors are JSON, `{"error": {"code", "message", "remedy"}}`; internals are never shown.
 *
 * @throws Error that says what to do when the address cannot be listened on.
 */
export function startAdminServer(options: AdminOptions): AdminServer {
  const { host, port } = options.listen;
  const handle = adminHandler(options);
  let server: Bun.Server<undefined>;
  try {
    server = Bun.serve({
      hostname: host,
      port,
      development: false,
      reusePort: false, // said aloud, or a second server of this process would share the port in silence
      idleTimeout: IDLE_S,
      maxRequestBodySize: BODY_BYTES,
      fetch: (request, self) => handle(request, self.requestIP(request)?.address ?? 'unknown'),
    });
  } catch (error) {
    throw listenError(host, port, error);
  }
  const taken = server.port ?? port;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${taken}`,
    port: taken,
    stop: () => server.stop(true),
  };
}

/** The admin server as a function, without a socket. Never rejects. */
export function adminHandler(options: AdminOptions): (request: Request, client: string) => Promise<Response> {
  const guard = new AdminGuard({
    token: options.token,
    clock: options.clock,
    listenHost: options.listen.host,
  });
  return async (request, client) => {
    const path = pathOf(request.url);
    try {
      const probe = PROBES[path];
      if (probe !== undefined) return probe(request, options);
      const denial = guard.check({ headers: request.headers, client });
      if (denial !== undefined) {
        options.onDenied(denial, client);
        return denied(denial);
      }
      const endpoint = ENDPOINTS[path];
      if (endpoint === undefined) return problem(404, 'not-found', `There is no ${path} here.`, PATHS_REMEDY);
      return await endpoint(request, options);
    } catch (error) {
      options.onFault(path, error);
      return problem(
        500,
        'internal',
        `The node failed while answering ${path}.`,
        'Its log has the details. Images are served by another port and are not affected.',
      );
    }
  };
}

type Endpoint = (request: Request, options: AdminOptions) => Response | Promise<Response>;

/** Open to all. Not even the Host is looked at: a probe that fails over a name takes a healthy node out. */
const PROBES: Readonly<Record<string, Endpoint>> = {
  '/healthz': (request) => onlyGet(request) ?? plain(200, 'ok\n'),
  '/readyz': (request, options) => {
    const { ready, reason } = options.ready();
    return (
      onlyGet(request) ?? plain(ready ? 200 : 503, ready ? 'ready\n' : `not ready: ${reason ?? 'starting'}\n`)
    );
  },
};

const ENDPOINTS: Readonly<Record<string, Endpoint>> = {
  '/metrics': (request, options) => onlyGet(request) ?? plain(200, options.metrics(), EXPOSITION_TYPE),
  '/api/status': (request, options) => onlyGet(request) ?? json(200, options.snapshot()),
  '/api/purge': purge,
  '/api/memory': memory,
};
const PATHS_REMEDY = `Paths are ${[...Object.keys(PROBES), ...Object.keys(ENDPOINTS)].join(', ')}.`;

const MEMORY_REMEDY =
  'Send JSON: {"size": "2GiB"}, {"policy": "sieve"}, or both. It lasts until the node stops.';

async function memory(request: Request, options: AdminOptions): Promise<Response> {
  const refused = onlyPost(request);
  if (refused !== undefined) return refused;
  const change = readMemoryChange(await request.json().catch(() => undefined), options.budgetBytesMax);
  if (typeof change === 'string') {
    return problem(400, 'bad-memory-change', `Nothing was changed: ${change}.`, MEMORY_REMEDY);
  }
  return json(200, options.changeMemory(change));
}

const PURGE_REMEDY =
  'Send JSON: {"url": "http://host/path?query"} for one image, or {"route": "name"} for a route.';

async function purge(request: Request, options: AdminOptions): Promise<Response> {
  const refused = onlyPost(request);
  if (refused !== undefined) return refused;
  const target = purgeTarget(await request.json().catch(() => undefined));
  if (target === undefined) {
    return problem(400, 'bad-purge', 'The body does not say what to purge.', PURGE_REMEDY);
  }
  const purged = options.purge(target);
  if (purged === undefined) {
    const what = 'route' in target ? `route ${JSON.stringify(target.route)}` : `route for ${target.url}`;
    return problem(404, 'unknown-route', `There is no ${what}.`, 'GET /api/status lists the routes by name.');
  }
  return json(200, { purged });
}

function purgeTarget(body: unknown): PurgeTarget | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const { url, route } = body as { url?: unknown; route?: unknown };
  if ((url === undefined) === (route === undefined)) return undefined;
  if (typeof route === 'string') return { route };
  return typeof url === 'string' && URL.canParse(url) ? { url } : undefined;
}

const DENIALS: Readonly<
  Record<AdminDenial, readonly [status: number, code: string, message: string, remedy: string]>
> = {
  'token-missing': [
    401,
    'admin-unauthorized',
    'This needs the admin token.',
    'Send "Authorization: Bearer <token>" with the value of admin.token, or the token in the file named at start.',
  ],
  'token-wrong': [
    401,
    'admin-unauthorized',
    'This is not the admin token.',
    'Without admin.token in the configuration a new token is made at each start: read its file again.',
  ],
  'too-many-guesses': [
    429,
    'too-many-guesses',
    'Too many different wrong tokens came from this address.',
    'Send the right one: it is never refused. Wrong ones are told so again after a few quiet seconds.',
  ],
  host: [
    421,
    'host-not-served',
    'The Host field names a site that the admin port does not serve.',
    'Use the IP address, localhost, or the name in admin.listen.',
  ],
  'cross-origin': [
    403,
    'cross-origin',
    'Requests made by pages of other sites are refused.',
    'Call the admin port from a program, or from a page that it serves itself.',
  ],
};

function denied(denial: AdminDenial): Response {
  const [status, code, message, remedy] = DENIALS[denial];
  const extra: Record<string, string> = {};
  if (status === 401) extra['www-authenticate'] = 'Bearer realm="holdfast admin"';
  if (status === 429) extra['retry-after'] = '10';
  return problem(status, code, message, remedy, extra);
}

function onlyGet(request: Request): Response | undefined {
  if (request.method === 'GET' || request.method === 'HEAD') return undefined;
  return problem(405, 'method-not-allowed', `${request.method} is not served here.`, 'Use GET.', {
    allow: 'GET, HEAD',
  });
}

function onlyPost(request: Request): Response | undefined {
  if (request.method === 'POST') return undefined;
  return problem(405, 'method-not-allowed', `${request.method} changes nothing here.`, 'Use POST.', {
    allow: 'POST',
  });
}

const COMMON = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
} as const;

function plain(status: number, text: string, type = 'text/plain; charset=utf-8'): Response {
  return new Response(text, { status, headers: { ...COMMON, 'content-type': type } });
}

function json(status: number, value: unknown, extra: Readonly<Record<string, string>> = {}): Response {
  const headers = { ...COMMON, ...extra, 'content-type': 'application/json; charset=utf-8' };
  return new Response(`${JSON.stringify(value)}\n`, { status, headers });
}

function problem(
  status: number,
  code: string,
  message: string,
  remedy: string,
  extra?: Readonly<Record<string, string>>,
): Response {
  return json(status, { error: { code, message, remedy } }, extra);
}

/** The URL may be relative when the Host field is missing or malformed. */
function pathOf(url: string): string {
  return URL.parse(url, 'http://localhost')?.pathname ?? '/';
}

function listenError(host: string, port: number, error: unknown): Error {
  const code = (error as { code?: string }).code ?? '';
  const why =
    code === 'EADDRINUSE'
      ? 'another process listens there. Stop it, or set admin.listen to another port (0 takes any free one)'
      : code === 'EACCES'
        ? 'the system does not allow it. Ports below 1024 need privileges: choose a higher one in admin.listen'
        : `${(error as Error).message}. Check admin.listen`;
  return new Error(`the admin server cannot listen on ${host}:${port}: ${why}`, { cause: error });
}
