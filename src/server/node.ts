import { type Clock, epochS, every } from '../base/clock.ts';
import type { HashKey } from '../base/hash.ts';
import type { ValidConfig } from '../config/config.ts';
import { AccessLog } from '../monitor/access-log.ts';
import { exposition } from '../monitor/exposition.ts';
import type { Log } from '../monitor/log.ts';
import { Recorder } from '../monitor/recorder.ts';
import type { LineSink } from '../monitor/sink.ts';
import type { Snapshot } from '../monitor/snapshot.ts';
import { ORIGIN_FAILURES } from '../origin/origin.ts';
import type { PolicyName } from '../policy/policy.ts';
import { Routes } from '../serve/1-route.ts';
import { Ledger } from '../serve/ledger.ts';
import { purge } from '../serve/purge.ts';
import { RequestPath } from '../serve/request.ts';
import { viaPseudonym } from '../serve/upstream.ts';
import type { LogDiskTier } from '../store/disk/tier.ts';
import { MemoryTier } from '../store/memory/tier.ts';
import { type AdminServer, startAdminServer } from './admin.ts';
import { createGuards } from './guards.ts';
import { type PublicServer, startPublicServer } from './listener.ts';
import { MemoryGuard } from './memory-guard.ts';
import { memorySnapshot, snapshots } from './snapshots.ts';
import { rarely } from './warnings.ts';

/** Largest share of the memory budget that responses on their way (not yet stored) may take besides. */
const SPOOL_SHARE = 1 / 8;
const SPOOL_BYTES_MAX = 64 * 1024 * 1024;
const MAINTENANCE_MS = 100;
const MEMORY_CHECK_MS = 1_000;

export interface NodeOptions {
  readonly config: ValidConfig;
  /** What operators must present; the configuration's, or one made for this run. */
  readonly adminToken: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  /** 64 random bits of this process, for the index of the cache. */
  readonly hashKey: HashKey;
  /** Reads the certificates of a private authority. @throws the system's error. */
  readonly readCertificates: (path: string) => string;
  /** Reads a whole UTF-8 file: keys of S3 origins. Rejects with the system's error. */
  readonly readFile: (path: string) => Promise<string>;
  /** Variables of the environment: keys of S3 origins. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Memory that there is: the budget is never set above it. */
  readonly memoryBytesMax: number;
  /** Where access log lines go; undefined for none. */
  readonly accessLog: LineSink | undefined;
  /** The tier below memory, opened; the node closes it when it stops. Undefined without one. */
  readonly disk?: LogDiskTier | undefined;
  /** Collects all garbage of the process, now. */
  readonly collectGarbage: () => void;
  /** Resident memory and processor time of this process. */
  readonly processUsage: () => Snapshot['process'];
}

/** A running node: one public server, one admin server, one memory tier. */
export interface Node {
  /** Where images are served. */
  readonly url: string;
  readonly adminUrl: string;
  snapshot(): Snapshot;
  /** Sets the memory budget, live: nothing is lost but what no longer fits, by the policy's choice. */
  resizeMemory(budgetBytes: number): void;
  /** Sets the budget of the disk tier, live: a shrink drains its oldest segments, one a second. Nothing without one. */
  resizeDisk(budgetBytes: number): void;
  /** Changes the eviction policy, live and without losing content. */
  switchPolicy(name: PolicyName): void;
  /** Stops accepting, lets running answers finish until the deadline, then ends. Safe to call twice. */
  stop(deadlineMs?: number): Promise<void>;
  /** The tier, for tests and for what inspects a node. */
  readonly tier: MemoryTier;
}

/**
 * Builds a node from a valid configuration and starts it.
 *
 * @throws Error that says what to do when a port cannot be listened on or a file of the configuration cannot be read.
 */
export function startNode(options: NodeOptions): Node {
  const { config, clock, log } = options;
  const { memory } = config.cache;
  const nowS = (): number => epochS(clock);
  const tier = new MemoryTier({
    budgetBytes: memory.sizeBytes,
    policy: memory.policy,
    routes: config.routes.length,
    ghosts: config.cache.ghosts,
    hashKey: options.hashKey,
    objectBytesMax: memory.maxObjectBytes,
    below: options.disk,
  });
  const recorder = new Recorder({
    routes: config.routes.map((route) => route.name),
    origins: Object.keys(config.origins),
    causes: ORIGIN_FAILURES,
  });
  const { guards, byRoute } = createGuards(options, recorder);
  const origins = guards.map((guard) => guard.origin);
  const routes = new Routes(config, origins, byRoute);
  const warn = rarely(clock, (message, facts) => log.warn(message, facts));
  const accessLog = createAccessLog(options);
  const handler = new RequestPath({
    routes,
    tier,
    ledger: new Ledger(recorder, clock, accessLog),
    clock,
    spoolBytesMax: Math.min(SPOOL_BYTES_MAX, memory.sizeBytes * SPOOL_SHARE),
    pseudonym: viaPseudonym(options.hashKey),
    fetchesMax: config.server.maxFetches,
    onFault: (error) => log.error('an origin fetch failed inside the node', { error: String(error) }),
  });
  const server = startServer(options, handler, recorder);
  const snapshot = snapshots({ options, recorder, tier, guards, path: handler, server });
  const admin = startAdmin(options, server, {
    snapshot,
    metrics: () => exposition({ snapshot: snapshot(), recorder, accessLog }),
    purge: (target) => purge(tier, routes, target, handler.flights),
    budgetBytesMax: Math.min(options.memoryBytesMax, tier.budgetBytesMax),
    changeMemory: (change) => {
      const { budgetBytes, policy } = change;
      if (policy !== undefined) tier.cache.switchPolicy(policy, nowS());
      if (budgetBytes !== undefined) tier.resize(budgetBytes, nowS());
      log.warn('the memory tier was changed by an operator', { size: budgetBytes, policy });
      return memorySnapshot(tier);
    },
    onDenied: (denial, client) => {
      recorder.adminDenial(denial);
      warn(`admin ${denial} ${client}`, 'a request to the admin port was refused', {
        reason: denial,
        client,
      });
    },
  });
  const stopUpkeep = startUpkeep(options, tier);
  const stopOnce = async (deadlineMs: number): Promise<void> => {
    await server.drain(deadlineMs);
    for (const guard of guards) guard.close();
    stopUpkeep();
    accessLog?.close();
    await admin.stop();
    await closeDisk(options);
  };
  let stopping: Promise<void> | undefined;
  return {
    url: server.url,
    adminUrl: admin.url,
    tier,
    snapshot,
    resizeMemory: (budgetBytes) => tier.resize(budgetBytes, nowS()),
    resizeDisk: (budgetBytes) => options.disk?.resize(budgetBytes),
    switchPolicy: (name) => tier.cache.switchPolicy(name, nowS()),
    stop: (deadlineMs = config.server.drainTimeoutMs) => {
      if (stopping === undefined) stopping = stopOnce(deadlineMs);
      else void server.drain(deadlineMs);
      return stopping;
    },
  };
}

/** What has to be done from time to time, whether there are requests or not. */
function startUpkeep({ clock, processUsage, collectGarbage }: NodeOptions, tier: MemoryTier): () => void {
  const guard = new MemoryGuard({
    tier,
    residentBytes: () => processUsage().residentBytes,
    collectGarbage,
  });
  const stops = [
    every(clock, MAINTENANCE_MS, () => tier.maintain(epochS(clock))),
    every(clock, MEMORY_CHECK_MS, () => guard.check()),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

/** What waits to be written gets this long; a disk that hangs does not hold up the end of the process. */
const DISK_CLOSE_MS = 5_000;

async function closeDisk({ disk, clock, log }: NodeOptions): Promise<void> {
  if (disk === undefined) return;
  const { promise: late, resolve } = Promise.withResolvers<'late'>();
  const timer = clock.after(DISK_CLOSE_MS, () => resolve('late'));
  if ((await Promise.race([disk.close(), late])) === 'late')
    log.warn('the disk did not take all that was to be written; the next start reads a little longer');
  clock.cancel(timer);
}

function createAccessLog({ config, clock, accessLog: sink }: NodeOptions): AccessLog | undefined {
  if (sink === undefined) return undefined;
  return new AccessLog({ sink, clock, sample: config.log.access.sample });
}

function startServer(
  { config, clock, log }: NodeOptions,
  handler: RequestPath,
  recorder: Recorder,
): PublicServer {
  const { server } = config;
  return startPublicServer({
    listen: { hostname: server.listen.host, port: server.listen.port },
    handler,
    clock,
    limits: {
      connectionsMax: server.maxConnections,
      headTimeoutMs: server.headTimeoutMs,
      idleTimeoutMs: server.idleTimeoutMs,
      writeTimeoutMs: server.stallTimeoutMs,
      sendRateMin: server.minSendRateBytes,
      requestBodyBytesMax: server.maxRequestBodyBytes,
    },
    onFault: (error) => {
      recorder.internalFault();
      log.error('a request failed inside the node; the node goes on', { error: String(error) });
    },
  });
}

type AdminParts = Pick<
  Parameters<typeof startAdminServer>[0],
  'snapshot' | 'metrics' | 'purge' | 'budgetBytesMax' | 'changeMemory' | 'onDenied'
>;

/** A node without its admin server is not a node: the public one is taken down again. */
function startAdmin(options: NodeOptions, server: PublicServer, parts: AdminParts): AdminServer {
  const { listen } = options.config.admin;
  try {
    return startAdminServer({
      ...parts,
      ready: () => (server.draining ? { ready: false, reason: 'draining' } : { ready: true }),
      listen: { host: listen.host, port: listen.port },
      token: options.adminToken,
      clock: options.clock,
      onFault: (path, error) => options.log.error('the admin server failed', { path, error: String(error) }),
    });
  } catch (error) {
    void server.drain(0);
    throw error;
  }
}
