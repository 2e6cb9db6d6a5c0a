import type { TrafficRecord } from '../traffic/record.ts';
import { byteHitRatioOf, hitRatioOf } from './figures.ts';
import type { ReplayOptions, SimulatedNode } from './plan.ts';
import type { Replay } from './replay.ts';
import type { SimulationReport } from './report.ts';

/** What a node would come to at several sizes of one of its tiers. */
export interface SizeCurve {
  readonly name: string;
  /** One to three characters, for the end of a line. */
  readonly short: string;
  /** From the smallest to the largest. */
  readonly points: readonly SizePoint[];
}

/** One size, and what came of it. */
export interface SizePoint {
  readonly sizeBytes: number;
  readonly hitRatio: number;
  readonly byteHitRatio: number;
  readonly report: SimulationReport;
}

/** Replays a part of a record, always the same, at whatever sizes are asked for. */
export interface Trials {
  readonly record: TrafficRecord;
  readonly options?: ReplayOptions;
  readonly replay: Replay;
  /** The node with that size of the tier that is looked at. */
  readonly node: (sizeBytes: number) => SimulatedNode;
}

/**
 * Replays at each of these sizes in one pass: with lifetimes, policy and disk of the node, and so not only for LRU. With a rate below
 * 1 this is miniature simulation (Waldspurger, Saemundsson, Ahmad, Park: "Cache Modeling and Optimization using Miniature
 * Simulations", USENIX ATC 2017). Takes the time of as many replays.
 */
export function pointsAt(
  { record, options, replay, node }: Trials,
  sizesBytes: readonly number[],
): SizePoint[] {
  if (sizesBytes.length === 0) return [];
  const reports = replay(record, sizesBytes.map(node), options);
  return reports.map((report, at) => ({
    sizeBytes: sizesBytes[at]!,
    hitRatio: hitRatioOf(report.all) ?? 0,
    byteHitRatio: byteHitRatioOf(report.all) ?? 0,
    report,
  }));
}

/** From one size to another in equal factors, both included, ascending; whole bytes. */
export function sizesBetween(fromBytes: number, toBytes: number, count: number): number[] {
  const factor = (toBytes / fromBytes) ** (1 / Math.max(1, count - 1));
  return Array.from({ length: count }, (_, i) => Math.round(fromBytes * factor ** i));
}
