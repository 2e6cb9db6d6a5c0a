import { composeSnapshot } from '../monitor/compose.ts';
import type { Recorder } from '../monitor/recorder.ts';
import type { Snapshot } from '../monitor/snapshot.ts';
import type { RequestPath } from '../serve/request.ts';
import type { LogDiskTier } from '../store/disk/tier.ts';
import type { MemoryTier } from '../store/memory/tier.ts';
import type { Transformer } from '../transform/transform.ts';
import type { AutoPolicy } from './auto-policy.ts';
import type { NodeCurve } from './curve.ts';
import type { PublicServer } from './listener.ts';
import type { Live } from './live.ts';
import type { NodeOptions } from './node.ts';
import type { Reloader } from './reload.ts';
import type { Traffic } from './traffic/traffic.ts';
import type { Crew } from './workers/crew.ts';

/** Where a snapshot reads. */
export interface Parts {
  readonly options: NodeOptions;
  readonly recorder: Recorder;
  readonly tier: MemoryTier;
  readonly live: Live;
  readonly path: RequestPath;
  readonly server: PublicServer;
  readonly reloader: Reloader;
  readonly crew: Crew | undefined;
  readonly transformer: Transformer | undefined;
  readonly traffic: Traffic | undefined;
  readonly curve: NodeCurve | undefined;
  readonly auto: AutoPolicy | undefined;
}

/** What the node says of itself, read anew at each call. */
export function snapshots({
  options,
  recorder,
  tier,
  live,
  path,
  server,
  reloader,
  crew,
  transformer,
  traffic,
  curve,
  auto,
}: Parts): () => Snapshot {
  const startedAtMs = options.clock.nowMs();
  return () => {
    crew?.tick();
    const { stats } = server;
    return composeSnapshot(recorder, {
      holdfast: options.version,
      startedAtMs,
      nowMs: options.clock.nowMs(),
      listen: server.url,
      draining: server.draining,
      connections: server.connections(),
      fetches: path.flights.count,
      transport: {
        refused: stats.refused,
        refusedPerClient: stats.refusedPerClient,
        malformed: { ...stats.malformed },
        timeouts: { ...stats.timeouts },
      },
      workers: {
        serving: 1 + (crew?.alive ?? 0),
        deaths: crew?.deaths ?? 0,
        droppedHits: tier.readers?.droppedHits ?? 0,
      },
      memory: memorySnapshot(tier),
      ...(options.disk === undefined ? {} : { disk: diskSnapshot(options.disk, path) }),
      images: path.routes.all.some(({ images }) => images !== undefined) ? transformer?.gauges() : undefined,
      ...(traffic === undefined ? {} : { traffic: traffic.snapshot() }),
      curve: curve?.snapshot(tier.cache.budgetBytes),
      auto: auto?.snapshot(),
      routes: tier.cache.account.routes,
      origins: live.guards.map((guard) => guard.gauges()),
      process: options.processUsage(),
      config: reloader.snapshot(),
      purges: { active: tier.purges.active, total: tier.purges.total },
    });
  };
}

/** The memory tier's part of it. */
export function memorySnapshot({ cache, arena }: MemoryTier): Snapshot['memory'] {
  const { account, variants } = cache;
  const sum = (pick: (route: (typeof account.routes)[number]) => number): number =>
    account.routes.reduce((total, route) => total + pick(route), 0);
  return {
    policy: cache.policy,
    budgetBytes: cache.budgetBytes,
    usedBytes: cache.usedBytes,
    heldBytes: arena.heldBytes,
    entries: cache.count,
    originals: { entries: cache.count - variants.entries, usedBytes: cache.usedBytes - variants.usedBytes },
    variants,
    insertions: account.insertions,
    removals: { ...account.removals },
    earlyEvictions: sum((route) => route.earlyEvictions),
    prematureEvictions: sum((route) => route.prematureEvictions),
    refetchedBytes: sum((route) => route.refetchedBytes),
    evictionAgeS: account.evictionAgeS(),
    youngBytes: cache.youngBytes,
    pinnedBytes: cache.pinnedBytes,
    pinnedOverflows: cache.pinnedOverflows,
  };
}

/** The disk tier's part: what it holds, and what came up from it. */
function diskSnapshot(disk: LogDiskTier, { promotions }: RequestPath): NonNullable<Snapshot['disk']> {
  const { promoted = 0, lent = 0, failed = 0 } = promotions ?? {};
  return { ...disk.snapshot(), promoted, lent, failed };
}
