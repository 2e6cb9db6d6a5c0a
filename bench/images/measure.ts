import { treeCpuMs, watchOthers, watchTreeResident } from '../support/proc.ts';
import { type Distance, distanceOf } from './distance.ts';
import {
  does,
  type Operation,
  type Picture,
  TARGET_NAMES,
  type TargetName,
  variantsOf,
  type Wanted,
} from './operations.ts';
import { type Setting, startTarget, type Target } from './targets.ts';

/** One target's share of a round. */
export interface Round {
  readonly perSecond: number;
  readonly latenciesMs: readonly number[];
  readonly cpuMsEach: number;
  readonly peakBytes: number;
  /** What others used of the machine meanwhile, in cores. */
  readonly others: number;
}

/** All that was measured of one target in one operation. */
export interface Measured {
  readonly rounds: readonly Round[];
  readonly distance: Distance;
}

export type OperationResult = ReadonlyMap<TargetName, Measured>;

export interface Bounds {
  readonly rounds: number;
  /** In each round, of each target. */
  readonly requests: number;
  readonly targets: readonly TargetName[];
}

/**
 * Measures an operation: all targets are started, asked for a few variants that do not count, and then take turns. No variant
 * is asked for twice of one target.
 *
 * @throws Error when there are too few pictures for as many rounds, or when an answer is not what was asked for.
 */
export async function measureOperation(
  setting: Setting,
  operation: Operation,
  pictures: readonly Picture[],
  { rounds, requests, targets: names }: Bounds,
): Promise<OperationResult> {
  const all = variantsOf(operation, pictures);
  const fitting = pictures.filter(({ kind }) => kind === operation.of).length;
  // Every picture once, at the last width: to warm up.
  const [measured, warmUp] = [all.slice(0, -fitting), all.slice(-fitting)];
  if (measured.length < rounds * requests) {
    throw new Error(
      `${operation.name}: ${rounds} rounds of ${requests} are more than the ${measured.length} variants`,
    );
  }
  const targets: Target[] = [];
  for (const name of TARGET_NAMES) {
    if (names.includes(name) && does(name, operation)) targets.push(await startTarget(name, setting));
  }
  const results = new Map<TargetName, { rounds: Round[]; distance: Distance }>();
  for (const target of targets) {
    await target.make(warmUp);
    results.set(target.name, { rounds: [], distance: await distanceOf(target, setting.folder, warmUp) });
  }
  for (let round = 0; round < rounds; round += 1) {
    const wanted = measured.slice(round * requests, (round + 1) * requests);
    for (const target of targets) {
      const result = await measureRound(target, wanted);
      results.get(target.name)!.rounds.push(result);
      console.error(
        `images ${operation.name} round ${round + 1} ${target.name.padEnd(8)} ${result.perSecond.toFixed(1)}/s, ` +
          `${result.cpuMsEach.toFixed(1)} ms CPU each, ${(result.peakBytes / 2 ** 20).toFixed(0)} MiB, others ${result.others.toFixed(2)} cores`,
      );
    }
  }
  for (const target of targets) await setting.bench.stop(target.child);
  return results;
}

async function measureRound(target: Target, wanted: readonly Wanted[]): Promise<Round> {
  const { pid } = target.child;
  const beforeMs = treeCpuMs(pid);
  const endWatch = watchTreeResident(pid);
  const endOthers = watchOthers();
  const { seconds, latenciesMs } = await target.make(wanted);
  const others = endOthers();
  const peakBytes = endWatch();
  const cpuMsEach = (treeCpuMs(pid) - beforeMs) / wanted.length;
  return { perSecond: wanted.length / seconds, latenciesMs, cpuMsEach, peakBytes, others };
}
