import { largestObjectUnsaid } from '../config/complete.ts';
import { diskObjectBytesMax, largestOnDisk } from '../config/disk.ts';
import type { PolicyName } from '../policy/policy.ts';
import type { SimulatedNode, SimulatedRoute } from './plan.ts';

/** Sizes of the tiers of a node, in bytes. */
export interface TierSizes {
  readonly memoryBytes: number;
  /** Undefined leaves the disk as it is; `none` takes it away. */
  readonly diskBytes?: number | 'none' | undefined;
}

/**
 * The node with tiers of other sizes. Largest objects follow as they do in a configuration that does not name them; those that it
 * names stay as far as they fit. A node without a disk gets one with all defaults.
 */
export function withSizes(node: SimulatedNode, { memoryBytes, diskBytes }: TierSizes): SimulatedNode {
  const memory = {
    ...node.memory,
    sizeBytes: memoryBytes,
    objectBytesMax: objectIn(node.memory, memoryBytes),
  };
  const disk =
    diskBytes === undefined ? node.disk : diskBytes === 'none' ? undefined : diskOf(node.disk, diskBytes);
  const before = Math.max(node.memory.objectBytesMax, node.disk?.objectBytesMax ?? 0);
  const after = Math.max(memory.objectBytesMax, disk?.objectBytesMax ?? 0);
  // A route that takes whatever its tiers take goes on to do so.
  const routeOf = (route: SimulatedRoute): SimulatedRoute =>
    route.objectBytesMax >= before ? { ...route, objectBytesMax: after } : route;
  return {
    ...node,
    memory,
    disk,
    routes: new Map([...node.routes].map(([name, route]) => [name, routeOf(route)])),
    otherRoute: routeOf(node.otherRoute),
  };
}

function objectIn({ sizeBytes, objectBytesMax }: SimulatedNode['memory'], nowBytes: number): number {
  return objectBytesMax === largestObjectUnsaid(sizeBytes)
    ? largestObjectUnsaid(nowBytes)
    : Math.min(objectBytesMax, Math.floor(nowBytes / 2));
}

function diskOf(disk: SimulatedNode['disk'], sizeBytes: number): NonNullable<SimulatedNode['disk']> {
  const unsaid = (bytes: number): number => largestOnDisk({ sizeBytes: bytes, maxObjectBytes: undefined });
  if (disk === undefined)
    return { sizeBytes, objectBytesMax: unsaid(sizeBytes), minResidencyS: 0, variantsShare: 0.5 };
  const objectBytesMax =
    disk.objectBytesMax === unsaid(disk.sizeBytes)
      ? unsaid(sizeBytes)
      : Math.min(disk.objectBytesMax, diskObjectBytesMax(sizeBytes));
  return { ...disk, sizeBytes, objectBytesMax };
}

/** The node with another policy. */
export function withPolicy(node: SimulatedNode, policy: PolicyName): SimulatedNode {
  return { ...node, memory: { ...node.memory, policy } };
}
