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

/** Most that others may use of the machine, in cores, for a round to count; and how many may be left out, for each that is to. */
const OTHERS_MAX = 0.25;
const LEFT_OUT_MAX = 3;

/**
 * Measures an operation: all targets are started, asked for a few variants that do not count, and then take turns. No variant
 * is asked for twice of one target: when all have been, all are started anew. Rounds that other work on the machine disturbed are
 * left out, but for the last when there were too many of them; the report says so.
 *
 * @throws Error when there are too few pictures for a round, or when an answer is not what was asked for.
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
  if (measured.length < requests) {
    throw new Error(
      `${operation.name}: there are ${measured.length} variants, too few for a round of ${requests}`,
    );
  }
  const able = TARGET_NAMES.filter((name) => names.includes(name) && does(name, operation));
  const results = new Map<TargetName, { rounds: Round[]; distance: Distance }>();
  let targets = await startAll(setting, able, warmUp);
  for (const target of targets) {
    results.set(target.name, { rounds: [], distance: await distanceOf(target, setting.folder, warmUp) });
  }
  let at = 0;
  let leftOut = 0;
  for (let counted = 0; counted < rounds; ) {
    if (at + requests > measured.length) {
      await stopAll(setting, targets);
      targets = await startAll(setting, able, warmUp);
      at = 0;
    }
    const wanted = measured.slice(at, at + requests);
    at += requests;
    const round: Round[] = [];
    for (const target of targets) {
      round.push(await measureRound(target, wanted));
      console.error(
        `images ${operation.name}, round ${counted + 1}: ${target.name.padEnd(8)} ${say(round.at(-1)!)}`,
      );
    }
    if (round.some(({ others }) => others > OTHERS_MAX) && leftOut < LEFT_OUT_MAX * rounds) {
      leftOut += 1;
      continue;
    }
    counted += 1;
    for (const [i, { name }] of targets.entries()) results.get(name)!.rounds.push(round[i]!);
  }
  await stopAll(setting, targets);
  return results;
}

async function startAll(
  setting: Setting,
  names: readonly TargetName[],
  warmUp: readonly Wanted[],
): Promise<Target[]> {
  const targets: Target[] = [];
  for (const name of names) targets.push(await startTarget(name, setting));
  for (const target of targets) await target.make(warmUp);
  return targets;
}

async function stopAll({ bench }: Setting, targets: readonly Target[]): Promise<void> {
  for (const { child } of targets) await bench.stop(child);
}

const say = ({ perSecond, cpuMsEach, peakBytes, others }: Round): string =>
  `${perSecond.toFixed(1)}/s, ${cpuMsEach.toFixed(1)} ms CPU each, ${(peakBytes / 2 ** 20).toFixed(0)} MiB, others ${others.toFixed(2)} cores`;

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
