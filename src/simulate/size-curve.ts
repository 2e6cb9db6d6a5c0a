import type { TrafficRecord } from '../traffic/record.ts';
import { byteHitRatioOf, hitRatioOf } from './figures.ts';
import type { ReplayOptions, SimulatedNode, SimulatedRoute } from './plan.ts';
import type { Replay } from './replay.ts';
import type { SimulationReport } from './report.ts';

/** What a node would come to at several sizes of its memory. */
export interface SizeCurve {
  readonly name: string;
  /** One to three characters, for the end of a line. */
  readonly short: string;
  /** From the smallest to the largest. */
  readonly points: readonly SizePoint[];
  /** Share of the keys that were replayed. */
  readonly rate: number;
}

/** One size, and what came of it. */
export interface SizePoint {
  readonly sizeBytes: number;
  readonly hitRatio: number;
  readonly byteHitRatio: number;
  readonly report: SimulationReport;
}

/**
 * The curve of a node by replays at each of these sizes in one pass: with its lifetimes, its policy and its disk, and so not only
 * for LRU (miniature simulation: Waldspurger, Saemundsson, Ahmad, Park: "Cache Modeling and Optimization using Miniature
 * Simulations", USENIX ATC 2017, where the rate is below 1).
 *
 * @param sizesBytes of memory, ascending. The time it takes is that of as many replays.
 */
export function sizeCurve(
  record: TrafficRecord,
  node: SimulatedNode,
  sizesBytes: readonly number[],
  replay: Replay,
  options: ReplayOptions & { readonly short?: string } = {},
): SizeCurve {
  const { short = '', ...rest } = options;
  const reports = replay(
    record,
    sizesBytes.map((sizeBytes) => withMemory(node, sizeBytes)),
    rest,
  );
  const points = reports.map((report, at) => ({
    sizeBytes: sizesBytes[at]!,
    hitRatio: hitRatioOf(report.all) ?? 0,
    byteHitRatio: byteHitRatioOf(report.all) ?? 0,
    report,
  }));
  return { name: node.name, short, points, rate: reports[0]?.rate ?? 1 };
}

/** From one size to another in equal factors, both included, ascending; whole bytes. */
export function sizesBetween(fromBytes: number, toBytes: number, count: number): number[] {
  const factor = (toBytes / fromBytes) ** (1 / Math.max(1, count - 1));
  return Array.from({ length: count }, (_, i) => Math.round(fromBytes * factor ** i));
}

/** Largest response that memory keeps where the configuration does not say it: as `cache.memory.maxObject` has it. */
const OBJECT_BYTES_MAX = 32 * 1024 ** 2;

/**
 * The node with another size of memory. Largest objects follow as they do in a configuration that does not name them; those that
 * it names stay, but for the half of the tier that is the most.
 */
export function withMemory(node: SimulatedNode, sizeBytes: number): SimulatedNode {
  const { memory, disk } = node;
  const isDefault = memory.objectBytesMax === defaultObjectBytes(memory.sizeBytes);
  const objectBytesMax = isDefault
    ? defaultObjectBytes(sizeBytes)
    : Math.min(memory.objectBytesMax, Math.floor(sizeBytes / 2));
  const largest = (memoryBytes: number): number => Math.max(memoryBytes, disk?.objectBytesMax ?? 0);
  const before = largest(memory.objectBytesMax);
  const routeOf = (route: SimulatedRoute): SimulatedRoute =>
    route.objectBytesMax >= before ? { ...route, objectBytesMax: largest(objectBytesMax) } : route;
  return {
    ...node,
    memory: { ...memory, sizeBytes, objectBytesMax },
    routes: new Map([...node.routes].map(([name, route]) => [name, routeOf(route)])),
    otherRoute: routeOf(node.otherRoute),
  };
}

function defaultObjectBytes(sizeBytes: number): number {
  return Math.min(OBJECT_BYTES_MAX, Math.floor(sizeBytes / 4));
}
