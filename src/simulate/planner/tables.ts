import { formatSize } from '../../base/units.ts';
import { byteHitRatioOf, figureText, hitRatioOf, type Unit } from '../figures.ts';
import type { SimulationReport } from '../report.ts';
import type { TierSizes } from '../sized.ts';
import type { Plan } from './planner.ts';
import { moneyText } from './prices.ts';

/** A table as it is read, for text and pages alike. The first column names the rows. */
export interface PlanTable {
  readonly columns: readonly string[];
  readonly rows: readonly PlanRow[];
}

export interface PlanRow {
  readonly cells: readonly string[];
  /** What the plan chose. */
  readonly chosen: boolean;
  /** Whether it meets all targets, as they were given. */
  readonly meets: boolean;
}

const FIGURES = ['hits', 'byte hits', 'origin peak', 'premature'] as const;

/** The chosen sizes and others around them: what less would do, and what more would bring. */
export function sizesTable({ sensitivity }: Plan): PlanTable {
  const priced = sensitivity.some(({ cost }) => cost !== undefined);
  const disk = sensitivity.some(({ sizes }) => typeof sizes.diskBytes === 'number');
  const columns = ['', 'memory', ...(disk ? ['disk'] : []), ...FIGURES, ...(priced ? ['a month'] : [])];
  const chosen = sensitivity.find(({ factor }) => factor === 1);
  // Memory that is at its smallest stays there.
  const onlyDisk = ({ memoryBytes }: TierSizes): boolean => memoryBytes === chosen?.sizes.memoryBytes;
  const rows = sensitivity.map(
    ({ factor, sizes, report, meets, cost }): PlanRow => ({
      cells: [
        factor === 1
          ? 'chosen'
          : `${factor > 1 ? '+' : ''}${Math.round((factor - 1) * 100)} %${onlyDisk(sizes) ? ' of disk' : ''}`,
        ...sizeCells(sizes, disk),
        ...figuresOf(report),
        ...(priced ? [cost === undefined ? '-' : moneyText(cost)] : []),
      ],
      chosen: factor === 1,
      meets,
    }),
  );
  return { columns, rows };
}

/** All policies at the chosen sizes. */
export function policiesTable({ policies, policy }: Plan): PlanTable {
  const rows = policies.map(
    ({ name, report, meets }): PlanRow => ({
      cells: [name, ...figuresOf(report)],
      chosen: name === policy,
      meets,
    }),
  );
  return { columns: ['', ...FIGURES], rows };
}

function sizeCells({ memoryBytes, diskBytes }: TierSizes, disk: boolean): string[] {
  const second = typeof diskBytes === 'number' ? formatSize(diskBytes) : '-';
  return [formatSize(memoryBytes), ...(disk ? [second] : [])];
}

function figuresOf({ all, origin, memory, disk }: SimulationReport): string[] {
  const text = (value: number | undefined, unit: Unit): string =>
    value === undefined ? '-' : figureText(value, unit);
  return [
    text(hitRatioOf(all), 'share'),
    text(byteHitRatioOf(all), 'share'),
    text(origin.requestsPerS.peakMinute, 'per-s'),
    text((disk ?? memory).prematureEvictions, 'count'),
  ];
}
