import type { Clock } from '../base/clock.ts';
import { EXPOSITION_TYPE } from '../monitor/exposition.ts';
import type { AdminDenial } from '../monitor/recorder.ts';
import type { Snapshot } from '../monitor/snapshot.ts';
import type { Explanation } from '../serve/explain.ts';
import type { Warmer } from '../serve/warm.ts';
import { type ExplainQuestion, explainUrl } from './admin-explain.ts';
import { AdminGuard, type AdminToken } from './admin-guard.ts';
import { type MemoryChange, memory } from './admin-memory.ts';
import { type PurgeOperations, purge } from './admin-purge.ts';
import {
  type AdminCall,
  denied,
  type Endpoint,
  ok,
  plain,
  problem,
  type Reply,
  toResponse,
} from './admin-replies.ts';
import { type TrafficOperations, trafficIndex, trafficInfo, trafficRecord } from './admin-traffic.ts';
import { cancelWarm, showWarm, startWarm } from './admin-warm.ts';
import type { AuditedCall } from './audit-log.ts';
import type { PolicyReport } from './auto-policy.ts';
import type { CurveReport } from './curve.ts';
import type { ReloadReport } from './reload.ts';

/** Whether the node should get traffic. */
export interface Readiness {
  readonly ready: boolean;
  /** Why not; shown to anybody who asks, so without secrets. */
  readonly reason?: string;
}

/** What the admin port can do to a node. */
export interface AdminOperations extends PurgeOperations, TrafficOperations {
  readonly snapshot: () => Snapshot;
  /** The Prometheus exposition. */
  readonly metrics: () => string;
  readonly ready: () => Readiness;
  /** Changes the memory tier, live. */
  readonly changeMemory: (change: MemoryChange) => Snapshot['memory'];
  /** The largest budget that may be set. */
  readonly budgetBytesMax: number;
  /** Undefined when the question is no URL that a client can ask for. */
  readonly explain: (question: ExplainQuestion) => Explanation | undefined;
  /** Undefined where traffic is not recorded, and before the first request. */
  readonly curve: () => CurveReport | undefined;
  readonly policy: () => PolicyReport;
  /** Whether the node can choose the policy by itself. */
  readonly hasAuto: boolean;
  readonly warmer: Warmer;
  /** Reads the configuration file again; with `dryRun`, only says what that would do. */
  readonly reload: (dryRun: boolean) => Promise<ReloadReport>;
}

export interface AdminOptions extends AdminOperations {
  readonly listen: { readonly host: string; readonly port: number };
  /** Who may do what. At least one. */
  readonly tokens: readonly AdminToken[];
  /** PEM texts: speaks HTTPS. */
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly clock: Clock;
  /** A request was turned away: for metric and log. */
  readonly onDenied: (denial: AdminDenial, client: string) => void;
  /** Somebody changed something, or tried to. */
  readonly onChange: (call: AuditedCall) => void;
  /** Something of the node's own failed while answering: for the log. */
  readonly onFault: (path: string, error: unknown) => void;
}

export interface AdminServer {
  /** `http://host:port` or `https://`, with the port really taken. */
  readonly url: string;
  readonly port: number;
  /** From now on these are let in, and no others. */
  setTokens(tokens: readonly AdminToken[]): void;
  /** Ends all connections. */
  stop(): Promise<void>;
}

/** Largest body of an admin request; only lists of URLs may be larger than 64 KiB. */
const BODY_BYTES = 64 * 1024;
const LIST_BYTES = 16 * 1024 * 1024;
/** A purge that is waited for, or a reload, may take that long without a byte. */
const IDLE_S = 120;

/**
 * Starts the admin server: `/healthz` and `/readyz` for probes, open to all who reach the port; everything else for holders of
 * a token (see {@link AdminGuard}): GET for all of them, what changes something for the role `operate`.
 *
 * Errors are JSON, `{"error": {"code", "message", "remedy"}}`; internals are never shown.
 *
 * @throws Error that says what to do when the address cannot be listened on.
 */
export function startAdminServer(options: AdminOptions): AdminServer {
  const { host, port } = options.listen;
  const guard = new AdminGuard({ tokens: options.tokens, clock: options.clock, listenHost: host });
  const handle = adminHandler(options, guard);
  let server: Bun.Server<undefined>;
  try {
    server = Bun.serve({
      hostname: host,
      port,
      development: false,
      reusePort: false, // said aloud, or a second server of this process would share the port in silence
      idleTimeout: IDLE_S,
      maxRequestBodySize: LIST_BYTES,
      ...(options.tls === undefined ? {} : { tls: options.tls }),
      fetch: (request, self) => handle(request, self.requestIP(request)?.address ?? 'unknown'),
    });
  } catch (error) {
    throw listenError(host, port, error);
  }
  const taken = server.port ?? port;
  const scheme = options.tls === undefined ? 'http' : 'https';
  return {
    url: `${scheme}://${host.includes(':') ? `[${host}]` : host}:${taken}`,
    port: taken,
    setTokens: (tokens) => guard.setTokens(tokens),
    stop: () => server.stop(true),
  };
}

/** The admin server as a function, without a socket. Never rejects. */
export function adminHandler(
  options: AdminOptions,
  guard: AdminGuard = new AdminGuard({ ...options, listenHost: options.listen.host }),
): (request: Request, client: string) => Promise<Response> {
  const probes = probesOf(options);
  const endpoints = endpointsOf(options);
  const remedy = `Paths are ${[...Object.keys(probes), ...Object.keys(endpoints)].join(', ')}.`;
  return async (request, client) => {
    const url = URL.parse(request.url, 'http://localhost');
    const path = url?.pathname ?? '/';
    try {
      const probe = probes[path];
      if (probe !== undefined) return toResponse(probe(request.method));
      const who = guard.check({ headers: request.headers, client });
      const turnAway = (denial: AdminDenial): Response => {
        options.onDenied(denial, client);
        return toResponse(denied(denial));
      };
      if (typeof who === 'string') return turnAway(who);
      const [methods, rest] = find(endpoints, path);
      if (methods === undefined)
        return toResponse(problem(404, 'not-found', `There is no ${path} here.`, remedy));
      const looks = request.method === 'GET' || request.method === 'HEAD';
      const endpoint = looks ? methods['GET'] : methods[request.method];
      if (endpoint === undefined) return toResponse(notAllowed(request.method, Object.keys(methods)));
      const call = { who, rest, query: url?.searchParams ?? new URLSearchParams() };
      if (looks) {
        const reply = await endpoint({ ...call, body: undefined });
        if (reply.status === 403) options.onDenied('role', client);
        return toResponse(reply);
      }
      const body = await readBody(request, path === '/api/warm' ? LIST_BYTES : BODY_BYTES);
      const mayChange = who.role === 'operate';
      const reply = !mayChange
        ? denied('role')
        : body === TOO_LARGE
          ? tooLarge(path)
          : await endpoint({ ...call, body });
      if (!mayChange) options.onDenied('role', client);
      audit(options, { who, client, method: request.method, path, body }, reply);
      return toResponse(reply);
    } catch (error) {
      options.onFault(path, error);
      const hint = 'Its log has the details. Images are served by another port and are not affected.';
      return toResponse(problem(500, 'internal', `The node failed while answering ${path}.`, hint));
    }
  };
}

type Methods = Readonly<Record<string, Endpoint | undefined>>;

/** Open to all. Not even the Host is looked at: a probe that fails over a name takes a healthy node out. */
function probesOf(options: AdminOptions): Readonly<Record<string, (method: string) => Reply>> {
  const looking = (answer: () => Reply) => (method: string) =>
    method === 'GET' || method === 'HEAD' ? answer() : notAllowed(method, ['GET']);
  return {
    '/healthz': looking(() => plain(200, 'ok\n')),
    '/readyz': looking(() => {
      const { ready, reason } = options.ready();
      return plain(ready ? 200 : 503, ready ? 'ready\n' : `not ready: ${reason ?? 'starting'}\n`);
    }),
  };
}

/** By path, or by its beginning where it ends in `/<id>`. */
function endpointsOf(options: AdminOptions): Readonly<Record<string, Methods>> {
  return {
    '/metrics': { GET: () => plain(200, options.metrics(), EXPOSITION_TYPE) },
    '/api/status': { GET: () => ok(options.snapshot()) },
    '/api/explain': { GET: (call) => explainUrl(call, options.explain) },
    '/api/curve': { GET: () => showCurve(options.curve()) },
    '/api/policy': { GET: () => ok(options.policy()) },
    '/api/purge': { POST: (call) => purge(call, options) },
    '/api/warm': {
      GET: (call) => showWarm(call, options.warmer),
      POST: (call) => startWarm(call, options.warmer),
    },
    '/api/warm/<id>': {
      GET: (call) => showWarm(call, options.warmer),
      DELETE: (call) => cancelWarm(call, options.warmer),
    },
    '/api/traffic': { GET: (call) => trafficInfo(call, options) },
    '/api/traffic/record': { GET: (call) => trafficRecord(call, options) },
    '/api/traffic/index': { GET: (call) => trafficIndex(call, options) },
    '/api/memory': { POST: (call) => memory(call, options) },
    '/api/reload': {
      POST: async ({ body }) => {
        const report = await options.reload((body as { dryRun?: unknown } | undefined)?.dryRun === true);
        return { status: report.ok ? 200 : 422, value: report };
      },
    },
  };
}

function showCurve(report: CurveReport | undefined): Reply {
  if (report !== undefined) return ok(report);
  const remedy = 'It needs traffic.record, which is on by default, and requests of some seconds ago.';
  return problem(404, 'no-curve', 'There is no miss-ratio curve yet.', remedy);
}

function find(
  endpoints: Readonly<Record<string, Methods>>,
  path: string,
): [Methods | undefined, rest: string] {
  if (Object.hasOwn(endpoints, path)) return [endpoints[path], ''];
  const slash = path.lastIndexOf('/');
  const rest = path.slice(slash + 1);
  return rest === '' ? [undefined, ''] : [endpoints[`${path.slice(0, slash)}/<id>`], rest];
}

const TOO_LARGE = Symbol('too large');

/** The body as JSON; undefined when it is none. */
async function readBody(request: Request, bytesMax: number): Promise<unknown> {
  const text = await request.text().catch(() => '');
  if (Buffer.byteLength(text) > bytesMax) return TOO_LARGE;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function tooLarge(path: string): Reply {
  const most = path === '/api/warm' ? '16 MiB' : '64 KiB';
  return problem(413, 'too-large', `The body is above ${most}.`, 'Send it in parts.');
}

function audit(
  options: AdminOptions,
  call: Pick<AdminCall, 'who' | 'body'> & Pick<AuditedCall, 'client' | 'method' | 'path'>,
  reply: Reply,
): void {
  const { who, body, ...rest } = call;
  options.onChange({
    ...rest,
    who: who.name,
    role: who.role,
    what: body === TOO_LARGE ? undefined : body,
    status: reply.status,
    result: 'value' in reply ? reply.value : undefined,
  });
}

function notAllowed(method: string, methods: readonly string[]): Reply {
  const allow = methods.flatMap((one) => (one === 'GET' ? ['GET', 'HEAD'] : [one])).join(', ');
  const message = `${method} is not served here.`;
  return problem(405, 'method-not-allowed', message, `Use ${methods.join(' or ')}.`, { allow });
}

function listenError(host: string, port: number, error: unknown): Error {
  const code = (error as { code?: string }).code ?? '';
  const why =
    code === 'EADDRINUSE'
      ? 'another process listens there. Stop it, or set admin.listen to another port (0 takes any free one)'
      : code === 'EACCES'
        ? 'the system does not allow it. Ports below 1024 need privileges: choose a higher one in admin.listen'
        : `${(error as Error).message}. Check admin.listen, and admin.tls if it is set`;
  return new Error(`the admin server cannot listen on ${host}:${port}: ${why}`, { cause: error });
}
