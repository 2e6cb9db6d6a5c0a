import { startingPolicy } from '../config/complete.ts';
import type { OriginConfig, RouteConfig, ValidConfig } from '../config/config.ts';
import { lifetimeRulesOf } from '../config/route-rules.ts';
import type { SimulatedNode, SimulatedOrigin, SimulatedRoute } from './plan.ts';

const AUTO =
  'cache.memory.policy: auto is replayed as the policy that it begins with: what a running node would change to is not simulated.';

/** The node that a configuration makes, as far as it decides what recorded requests come to. @param name what reports call it. */
export function nodeOf(name: string, config: ValidConfig): SimulatedNode {
  const { memory, disk, ghosts } = config.cache;
  const routes = new Map(config.routes.map((route) => [route.name, routeOf(route)]));
  return {
    name,
    departures: memory.policy === 'auto' ? [AUTO] : [],
    memory: {
      sizeBytes: memory.sizeBytes,
      policy: startingPolicy(memory),
      favour: memory.favour,
      objectBytesMax: memory.maxObjectBytes,
    },
    disk: disk && {
      sizeBytes: disk.sizeBytes,
      objectBytesMax: disk.maxObjectBytes,
      minResidencyS: disk.minResidencyS,
      variantsShare: disk.variantsShare / 100,
    },
    routes,
    // The last route is usually the one for all that no other is for.
    otherRoute: { ...routeOf(config.routes.at(-1)!), pinned: false },
    room: {
      minResidencyS: memory.minResidencyS,
      pinnedShare: memory.pinnedShare / 100,
      variantsShare: memory.variantsShare / 100,
    },
    ghosts,
    origins: new Map(Object.entries(config.origins).map(([origin, rules]) => [origin, originOf(rules)])),
  };
}

function routeOf(route: RouteConfig): SimulatedRoute {
  return {
    ...lifetimeRulesOf(route),
    caches: route.cache,
    pinned: route.pinned,
    objectBytesMax: route.maxObjectBytes,
    variants: route.images,
    origin: route.origin,
  };
}

function originOf(origin: OriginConfig): SimulatedOrigin {
  if (origin.type === 'files') return { connections: undefined, queueMax: 0, queueTimeoutMs: 0 };
  const { connections, queue } = origin;
  return { connections, queueMax: queue.max, queueTimeoutMs: queue.timeoutMs };
}
