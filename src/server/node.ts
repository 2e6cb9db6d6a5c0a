import { type Clock, epochS, every } from '../base/clock.ts';
import type { HashKey } from '../base/hash.ts';
import { NOT_STORED_REASONS } from '../cache/outcome.ts';
import { startingPolicy } from '../config/complete.ts';
import type { ValidConfig } from '../config/config.ts';
import type { Log, LogLevel } from '../monitor/log.ts';
import { Recorder } from '../monitor/recorder.ts';
import type { LineSink } from '../monitor/sink.ts';
import type { Snapshot } from '../monitor/snapshot.ts';
import { ORIGIN_FAILURES } from '../origin/origin.ts';
import type { PolicyName } from '../policy/policy.ts';
import { Ledger } from '../serve/ledger.ts';
import { RequestPath } from '../serve/request.ts';
import type { RequestPathOptions } from '../serve/request-options.ts';
import { TrafficRows } from '../serve/traffic-rows.ts';
import { viaPseudonym } from '../serve/upstream.ts';
import type { LogDiskTier } from '../store/disk/tier.ts';
import { MemoryTier } from '../store/memory/tier.ts';
import type { TierLayout } from '../store/memory/tier-reader.ts';
import { type AdminOperations, type AdminServer, startAdminServer } from './admin.ts';
import type { AdminToken } from './admin-guard.ts';
import { AuditLog } from './audit-log.ts';
import { AutoPolicy } from './auto-policy.ts';
import { NodeCurve } from './curve.ts';
import { type Front, hasWorkers, startFront } from './front.ts';
import { createImages, type TransformMeans } from './images.ts';
import type { PublicServer } from './listener.ts';
import { type AccessLogs, Live } from './live.ts';
import { MemoryGuard } from './memory-guard.ts';
import { operationsOf } from './operations.ts';
import { type ConfigSource, Reloader, type ReloadReport } from './reload.ts';
import { RoomWatch, roomRules } from './room.ts';
import { snapshots } from './snapshots.ts';
import { stopping } from './stopping.ts';
import { Traffic, type TrafficPlace } from './traffic/traffic.ts';
import { rarely } from './warnings.ts';
import type { Crew } from './workers/crew.ts';

/** Largest share of the memory budget that responses on their way (not yet stored) may take besides. */
const SPOOL_SHARE = 1 / 8;
const SPOOL_BYTES_MAX = 64 * 1024 * 1024;
const MAINTENANCE_MS = 100;
const MEMORY_CHECK_MS = 1_000;
const ROOM_CHECK_MS = 1_000;

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
  /** Opens what access log lines go to. */
  readonly accessLogs: AccessLogs;
  /** Where the audit log goes; undefined for none. */
  readonly auditLog?: LineSink;
  /** The file that the configuration is from; a node without one cannot reload. */
  readonly configSource?: ConfigSource;
  /** From now on lines below it are left out of the log. */
  readonly setLogLevel?: (level: LogLevel) => void;
  /** What transforms images; without it, routes with images have no variants. */
  readonly transforms?: TransformMeans;
  /** Where traffic is recorded; undefined for nowhere. Keys are hashed with {@link hashKey}. */
  readonly traffic?: TrafficPlace | undefined;
  /** Threads that serve, this one included; 1 by default. */
  readonly workers?: number;
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
  /** Changes the eviction policy, live and without losing content. */
  switchPolicy(name: PolicyName): void;
  /** Reads the configuration file again and applies what can change live. Never rejects. */
  reload(): Promise<ReloadReport>;
  /**
   * Says that it is not ready any more, goes on for the drain delay, then stops accepting, lets running answers finish until
   * the deadline, and ends. Safe to call twice; the second time there is no more delay, as there is none with a deadline of 0.
   */
  stop(deadlineMs?: number): Promise<void>;
  /** The tier, for tests and for what inspects a node. */
  readonly tier: MemoryTier;
  /** The threads beside this one; undefined when there are none. */
  readonly crew: Crew | undefined;
}

/**
 * Builds a node from a valid configuration and starts it.
 *
 * @throws Error that says what to do when a port cannot be listened on or a file of the configuration cannot be read.
 */
export function startNode(options: NodeOptions): Node {
  const { config, clock, log } = options;
  const nowS = (): number => epochS(clock);
  const live = new Live({
    ...options,
    setLogLevel: options.setLogLevel ?? (() => undefined),
    recorder: () => recorder,
  });
  let front: Front | undefined;
  const tier = createTier(options, live, (layout) => front?.crew?.announce(layout));
  const recorder: Recorder = new Recorder({
    routes: [...live.routeNames],
    origins: live.guards.map((guard) => guard.name),
    causes: ORIGIN_FAILURES,
  });
  const ledger = new Ledger(recorder, clock, live.accessLog);
  const images = createImages(options);
  const traffic = createTraffic(options, live, recorder);
  const { curve, auto } = watchers(options, traffic, tier);
  const rows = traffic && new TrafficRows(traffic.recorder, tier, options.hashKey);
  const handler = createPath(options, live, { tier, ledger, images: images?.options, rows });
  front = startFront(options, { tier, handler, recorder, live, traffic: traffic?.recorder });
  const { server, crew } = front;
  const reloader = new Reloader({
    config,
    source: options.configSource,
    tier,
    clock,
    log,
    apply: (next, running) => {
      live.apply(next, running, { tier, recorder, path: handler, ledger, disk: options.disk });
      crew?.configure(next, live.routeNames);
      curve?.configure(next);
      if (auto !== undefined) auto.configure(next);
      else warnOfAuto(next, tier, log);
      admin.setTokens(tokensOf(next, options.adminToken));
    },
  });
  const { transformer } = images?.options ?? {};
  const parts = { options, recorder, live, server, reloader, crew, transformer, traffic, curve, auto };
  const snapshot = snapshots({ ...parts, tier, path: handler });
  const audit = new AuditLog(log, clock, options.auditLog);
  const operations = operationsOf({
    ...options,
    ...parts,
    handler,
    audit,
    snapshot,
    isLoading: loading(options),
  });
  const admin = startAdmin(options, { server, operations, audit, recorder });
  const stopUpkeep = startUpkeep(options, tier, recorder, crew);
  const stop = stopping({
    server,
    clock,
    drainDelayMs: config.server.drainDelayMs,
    release: async () => {
      operations.warmer.stop();
      stopUpkeep();
      live.close();
      await admin.stop();
      await images?.close();
      await traffic?.close();
      await closeDisk(options);
    },
  });
  return {
    url: server.url,
    adminUrl: admin.url,
    tier,
    snapshot,
    reload: () => reloader.reload(false),
    resizeMemory: (budgetBytes) => tier.resize(budgetBytes, nowS()),
    switchPolicy: (name) => tier.cache.switchPolicy(name, nowS()),
    crew,
    stop: (deadlineMs = config.server.drainTimeoutMs) => stop(deadlineMs),
  };
}

function createTier(options: NodeOptions, live: Live, onLayout: (layout: TierLayout) => void): MemoryTier {
  const { config } = options;
  const { memory, ghosts } = config.cache;
  return new MemoryTier({
    budgetBytes: memory.sizeBytes,
    objectBytesMax: memory.maxObjectBytes,
    policy: startingPolicy(memory),
    favour: memory.favour,
    routes: config.routes.length,
    ghosts,
    hashKey: options.hashKey,
    below: options.disk,
    room: roomRules(config, live.routeNames),
    onLayout: hasWorkers(options) ? onLayout : undefined,
  });
}

function createPath(
  { config, clock, log, hashKey }: NodeOptions,
  live: Live,
  parts: Pick<RequestPathOptions, 'tier' | 'ledger' | 'images' | 'rows'>,
): RequestPath {
  return new RequestPath({
    ...parts,
    routes: live.routes,
    clock,
    spoolBytesMax: Math.min(SPOOL_BYTES_MAX, config.cache.memory.sizeBytes * SPOOL_SHARE),
    pseudonym: viaPseudonym(hashKey),
    fetchesMax: config.server.maxFetches,
    onFault: (error) => log.error('an origin fetch failed inside the node', { error: String(error) }),
  });
}

function createTraffic(
  { traffic, clock, log }: NodeOptions,
  live: Live,
  recorder: Recorder,
): Traffic | undefined {
  if (traffic === undefined) return undefined;
  return new Traffic({
    ...traffic,
    clock,
    log,
    routeNames: () => live.routeNames,
    onFault: (error) => {
      recorder.internalFault();
      log.error('what looks at the recorded traffic failed', { error: String(error) });
    },
  });
}

/** What looks at the recorded requests as they come. */
interface Watchers {
  readonly curve: NodeCurve | undefined;
  readonly auto: AutoPolicy | undefined;
}

function watchers(
  { config, clock, log }: NodeOptions,
  traffic: Traffic | undefined,
  tier: MemoryTier,
): Watchers {
  if (traffic === undefined) {
    warnOfAuto(config, tier, log);
    return { curve: undefined, auto: undefined };
  }
  const curve = new NodeCurve(config);
  const auto = new AutoPolicy({ config, cache: tier.cache, log, nowS: () => epochS(clock) });
  traffic.recorder.listen(curve);
  traffic.recorder.listen(auto);
  return { curve, auto };
}

/** Recording begins with a restart, and so does what needs it. */
function warnOfAuto({ cache: { memory } }: ValidConfig, { cache }: MemoryTier, log: Log): void {
  if (memory.policy !== 'auto') return;
  log.warn('the policy stays as it is: auto needs recorded requests, and recording begins with a restart', {
    policy: cache.policy,
  });
}

/** What has to be done from time to time, whether there are requests or not. */
function startUpkeep(
  options: NodeOptions,
  tier: MemoryTier,
  recorder: Recorder,
  crew: Crew | undefined,
): () => void {
  const { clock, log, processUsage, collectGarbage } = options;
  const guard = new MemoryGuard({
    tier,
    residentBytes: () => processUsage().residentBytes,
    collectGarbage: () => {
      collectGarbage();
      crew?.collectGarbage();
    },
  });
  const residency = NOT_STORED_REASONS.indexOf('residency');
  const room = new RoomWatch({
    cache: tier.cache,
    residencyRefusals: () => recorder.notStoredCounts[residency]!,
    log,
    monotonicMs: () => clock.monotonicMs(),
  });
  const stops = [
    every(clock, MAINTENANCE_MS, () => tier.maintain(epochS(clock))),
    every(clock, MEMORY_CHECK_MS, () => guard.check()),
    every(clock, ROOM_CHECK_MS, () => room.check()),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

/** A start waits so long at most for what is on disk to be known, before it says that it is ready. */
const LOADING_MS_MAX = 30_000;

function loading({ disk, clock }: NodeOptions): () => boolean {
  const untilMs = clock.monotonicMs() + LOADING_MS_MAX;
  return () => disk?.snapshot().state === 'loading' && clock.monotonicMs() < untilMs;
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

/** The one that may do everything, and those that the configuration names. */
function tokensOf(config: ValidConfig, adminToken: string): AdminToken[] {
  return [{ name: 'admin', token: adminToken, role: 'operate' }, ...config.admin.tokens];
}

interface AdminParts {
  readonly server: PublicServer;
  readonly operations: AdminOperations;
  readonly audit: AuditLog;
  readonly recorder: Recorder;
}

/** A node without its admin server is not a node: the public one is taken down again. */
function startAdmin(options: NodeOptions, { server, operations, audit, recorder }: AdminParts): AdminServer {
  const { config, clock, log } = options;
  const { host, port } = config.admin.listen;
  const warn = rarely(clock, (message, facts) => log.warn(message, facts));
  try {
    return startAdminServer({
      ...operations,
      onChange: (call) => audit.write(call),
      onDenied: (denial, client) => {
        recorder.adminDenial(denial);
        const facts = { reason: denial, client };
        warn(`admin ${denial} ${client}`, 'a request to the admin port was refused', facts);
      },
      ...adminTls(options),
      listen: { host, port },
      tokens: tokensOf(config, options.adminToken),
      clock,
      onFault: (path, error) => log.error('the admin server failed', { path, error: String(error) }),
    });
  } catch (error) {
    void server.drain(0);
    throw error;
  }
}

function adminTls({ config, readCertificates }: NodeOptions): { tls?: { cert: string; key: string } } {
  const { cert, key } = config.admin.tls;
  if (cert === undefined || key === undefined) return {};
  try {
    return { tls: { cert: readCertificates(cert), key: readCertificates(key) } };
  } catch (error) {
    throw new Error(`admin.tls: cannot read ${cert} or ${key}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
