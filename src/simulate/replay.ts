import type { TrafficRecord } from '../traffic/record.ts';
import type { ReplayOptions, SimulatedNode } from './plan.ts';
import type { SimulationReport } from './report.ts';

/** The simulator, as what asks it questions sees it: one report for each node, in their order. */
export type Replay = (
  record: TrafficRecord,
  nodes: readonly SimulatedNode[],
  options?: ReplayOptions,
) => SimulationReport[];
