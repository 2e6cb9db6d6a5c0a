import { composeSnapshot } from '../monitor/compose.ts';
import type { Recorder } from '../monitor/recorder.ts';
import type { Snapshot } from '../monitor/snapshot.ts';
import type { Origin } from '../origin/origin.ts';
import type { MemoryTier } from '../store/memory/tier.ts';
import type { PublicServer } from './listener.ts';
import type { NodeOptions } from './node.ts';
import type { Crew } from './workers/crew.ts';

/** Where a snapshot reads. */
export interface Parts {
  readonly options: NodeOptions;
  readonly recorder: Recorder;
  readonly tier: MemoryTier;
  readonly origins: readonly Origin[];
  readonly server: PublicServer;
  readonly crew: Crew | undefined;
}

/** What the node says of itself, read anew at each call. */
export function snapshots({ options, recorder, tier, origins, server, crew }: Parts): () => Snapshot {
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
      transport: {
        refused: stats.refused,
        malformed: { ...stats.malformed },
        timeouts: { ...stats.timeouts },
      },
      workers: {
        serving: 1 + (crew?.alive ?? 0),
        deaths: crew?.deaths ?? 0,
        droppedHits: tier.readers?.droppedHits ?? 0,
      },
      memory: memorySnapshot(tier),
      routes: tier.cache.account.routes,
      origins: origins.map((origin) => origin.gauges()),
      process: options.processUsage(),
    });
  };
}

/** The memory tier's part of it. */
export function memorySnapshot({ cache, arena }: MemoryTier): Snapshot['memory'] {
  const { account } = cache;
  const sum = (pick: (route: (typeof account.routes)[number]) => number): number =>
    account.routes.reduce((total, route) => total + pick(route), 0);
  return {
    policy: cache.policy,
    budgetBytes: cache.budgetBytes,
    usedBytes: cache.usedBytes,
    heldBytes: arena.heldBytes,
    entries: cache.count,
    insertions: account.insertions,
    removals: { ...account.removals },
    earlyEvictions: sum((route) => route.earlyEvictions),
    prematureEvictions: sum((route) => route.prematureEvictions),
    refetchedBytes: sum((route) => route.refetchedBytes),
    evictionAgeS: account.evictionAgeS(),
  };
}
