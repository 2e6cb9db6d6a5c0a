import { table } from '../support/markdown.ts';
import { median, quantile, roundRatios, type Spread, spread } from '../support/stats.ts';
import type { Measured, OperationResult, Round } from './measure.ts';
import { type Operation, TARGET_NAMES, type TargetName } from './operations.ts';

/** Least share of the throughput of sharp called directly; and of the throughput of each peer, at no more memory. */
const FLOOR_SHARP = 0.9;
const FLOOR_PEERS = 1;

export interface Verdict {
  readonly markdown: string;
  readonly floorsMet: boolean;
}

/** The tables, and whether Holdfast held what it is to hold. */
export function report(results: ReadonlyMap<Operation, OperationResult>): Verdict {
  const verdicts = [...results].flatMap(([operation, result]) => verdictOf(operation, result));
  const markdown = [
    table(
      [
        ...['operation, by', 'images/s', 'x sharp', 'CPU ms each', 'p50 ms', 'p99 ms'],
        ...['peak MiB', 'KB each', 'error', 'others'],
      ],
      [...results].flatMap(([operation, result]) => rowsOf(operation, result)),
    ),
    '',
    'Holdfast against each, throughput by round, then the median; memory by the largest sum that was seen:',
    '',
    table(
      ['operation, against', 'throughput', 'floor', 'memory', 'limit', 'verdict'],
      verdicts.map(({ cells }) => cells),
    ),
  ].join('\n');
  return { markdown, floorsMet: verdicts.every(({ isMet }) => isMet) };
}

function rowsOf(operation: Operation, result: OperationResult): string[][] {
  const sharp = result.get('sharp');
  return TARGET_NAMES.flatMap((name) => {
    const measured = result.get(name);
    if (measured === undefined) return [];
    const { rounds, distance } = measured;
    const latenciesMs = rounds.flatMap((round) => round.latenciesMs);
    const toSharp = sharp === undefined ? undefined : median(ratiosOf(measured, sharp));
    return [
      [
        `${operation.name}, ${name}`,
        withRange(spread(rounds.map((round) => round.perSecond))),
        toSharp?.toFixed(2) ?? '-',
        median(rounds.map((round) => round.cpuMsEach)).toFixed(1),
        quantile(latenciesMs, 0.5).toFixed(0),
        quantile(latenciesMs, 0.99).toFixed(0),
        mib(peakOf(rounds)),
        (distance.bytes / 1000).toFixed(1),
        distance.error.toFixed(2),
        median(rounds.map((round) => round.others)).toFixed(2),
      ],
    ];
  });
}

function verdictOf(operation: Operation, result: OperationResult): { cells: string[]; isMet: boolean }[] {
  const holdfast = result.get('Holdfast');
  if (holdfast === undefined) return [];
  return TARGET_NAMES.flatMap((name: TargetName) => {
    const other = result.get(name);
    if (other === undefined || name === 'Holdfast') return [];
    const isLoop = name === 'sharp';
    const floor = isLoop ? FLOOR_SHARP : FLOOR_PEERS;
    const throughput = median(ratiosOf(holdfast, other));
    const memory = peakOf(holdfast.rounds) / peakOf(other.rounds);
    const misses = [
      ...(throughput < floor ? ['SLOWER'] : []),
      ...(!isLoop && memory > 1 ? ['MORE MEMORY'] : []),
    ];
    const cells = [
      `${operation.name}, ${name}`,
      throughput.toFixed(2),
      floor.toFixed(1),
      memory.toFixed(2),
      isLoop ? '' : '1.0',
      misses.length === 0 ? 'met' : misses.join(', '),
    ];
    return [{ cells, isMet: misses.length === 0 }];
  });
}

function ratiosOf(above: Measured, below: Measured): number[] {
  const perSecond = ({ rounds }: Measured): number[] => rounds.map((round) => round.perSecond);
  return roundRatios(perSecond(above), perSecond(below));
}

const peakOf = (rounds: readonly Round[]): number => Math.max(...rounds.map((round) => round.peakBytes));
const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
const withRange = (of: Spread): string =>
  `${of.median.toFixed(1)} (${of.min.toFixed(1)}-${of.max.toFixed(1)})`;
