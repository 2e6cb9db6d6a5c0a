import { type Clock, epochS, turnOf } from '../base/clock.ts';
import type { HashKey } from '../base/hash.ts';
import { exposition } from '../monitor/exposition.ts';
import type { Log } from '../monitor/log.ts';
import type { Recorder } from '../monitor/recorder.ts';
import type { Snapshot } from '../monitor/snapshot.ts';
import { explain } from '../serve/explain.ts';
import type { RequestPath } from '../serve/request.ts';
import { Warmer } from '../serve/warm.ts';
import type { LogDiskTier } from '../store/disk/tier.ts';
import type { AdminOperations } from './admin.ts';
import type { AuditLog } from './audit-log.ts';
import type { AutoPolicy } from './auto-policy.ts';
import type { NodeCurve } from './curve.ts';
import { loggedBy } from './front.ts';
import type { PublicServer } from './listener.ts';
import type { Live } from './live.ts';
import type { Reloader } from './reload.ts';
import { memorySnapshot } from './snapshots.ts';
import { liveIndex } from './traffic/live-index.ts';
import type { Traffic } from './traffic/traffic.ts';
import type { Crew } from './workers/crew.ts';

/** What the operations of the admin port work on. */
export interface OperatedParts {
  readonly handler: RequestPath;
  readonly recorder: Recorder;
  readonly live: Live;
  readonly reloader: Reloader;
  readonly audit: AuditLog;
  readonly snapshot: () => Snapshot;
  readonly server: Pick<PublicServer, 'draining'>;
  readonly crew: Crew | undefined;
  readonly curve: NodeCurve | undefined;
  /** Undefined where traffic is not recorded. */
  readonly auto: AutoPolicy | undefined;
  /** What is on disk is still being read; false once that has taken so long that waiting makes no sense. */
  readonly isLoading: () => boolean;
  /** Undefined where traffic is not recorded. */
  readonly traffic: Traffic | undefined;
  readonly hashKey: HashKey;
  readonly disk?: LogDiskTier | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** Memory that there is. */
  readonly memoryBytesMax: number;
}

/** Everything that the admin port can do to a node. */
export function operationsOf(parts: OperatedParts): AdminOperations {
  const { handler, recorder, live, reloader, audit, snapshot, crew, curve, auto, clock, log } = parts;
  const { tier, flights } = handler;
  const routes = (): typeof handler.routes => handler.routes;
  const { purger } = handler;
  return {
    snapshot,
    metrics: () =>
      exposition({
        snapshot: snapshot(),
        recorder,
        accessLog: loggedBy(live.accessLog, crew),
        auditLog: audit,
      }),
    ready: () => {
      if (parts.server.draining) return { ready: false, reason: 'draining' };
      if (crew?.ready === false) return { ready: false, reason: 'starting workers' };
      if (parts.isLoading()) return { ready: false, reason: 'reading the index of the disk' };
      return { ready: true };
    },
    purge: (target, soft) => purger.purge(target, soft),
    swept: (purge) => purger.swept(purge),
    hasDisk: tier.below !== undefined,
    explain: (question) =>
      explain({ routes: routes(), tier, flights, clock, variants: handler.variants }, question),
    policy: () => {
      const chosen = auto?.snapshot();
      return { policy: tier.cache.policy, ...(chosen === undefined ? {} : { auto: chosen }) };
    },
    hasAuto: auto !== undefined,
    curve: () => curve?.report(tier.cache.budgetBytes),
    traffic: () => parts.traffic?.snapshot(),
    trafficRecord: (range) => parts.traffic!.blocks(range),
    liveIndex: () =>
      liveIndex({
        tier,
        disk: parts.disk,
        hashKey: parts.hashKey,
        nowMs: () => clock.nowMs(),
        turn: turnOf(clock),
        routeNames: live.routeNames,
        keyHost: (name) => routes().all.some((route) => route.name === name && route.keyHost),
      }),
    warmer: new Warmer({ handler, clock, routes }),
    reload: (dryRun) => reloader.reload(dryRun),
    budgetBytesMax: Math.min(parts.memoryBytesMax, tier.budgetBytesMax),
    changeMemory: ({ budgetBytes, policy, favour }) => {
      const nowS = epochS(clock);
      if (policy !== undefined) auto?.choose(policy === 'auto');
      if (policy !== undefined && policy !== 'auto') tier.cache.switchPolicy(policy, nowS);
      if (favour !== undefined) {
        tier.cache.changeFavour(favour);
        auto?.favour(favour);
      }
      if (budgetBytes !== undefined) tier.resize(budgetBytes, nowS);
      log.warn('the memory tier was changed by an operator', { size: budgetBytes, policy, favour });
      return memorySnapshot(tier);
    },
  };
}
