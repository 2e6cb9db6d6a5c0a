import { type Random, seededRandom } from '../../../src/base/random.ts';
import { POLICY_NAMES } from '../../../src/policy/policy.ts';
import type { GuardScript } from '../guard-script.ts';
import type { HarnessOptions } from '../harness.ts';
import type { Temper } from '../random-origin.ts';

/** What one seed's node is like, and its world. */
export interface Plan {
  readonly seed: number;
  /** Things that happen. */
  readonly steps: number;
  /** Different paths that are asked for. */
  readonly paths: number;
  readonly temper: Temper;
  /** Of a request: that its client goes away. */
  readonly leaveShare: number;
  /** The wall clock is set now and then. */
  readonly clockJumps: boolean;
  /** Other threads read the memory tier. */
  readonly hasReaders: boolean;
  /** Undefined for a node without a disk. */
  readonly disk: DiskPlan | undefined;
  readonly guard: GuardScript | undefined;
  readonly harness: HarnessOptions;
}

export interface DiskPlan {
  readonly budgetBytes: number;
  readonly segmentBytes: number;
  readonly minResidencyS: number;
  /** Reads and writes fail at times, bits flip, it fills up, stands still. */
  readonly isBad: boolean;
  readonly latencyMs: number;
  /** Of a step: that the process ends, and a new one starts on the same disk. */
  readonly restartShare: number;
}

/** Most bytes of a memory tier. */
const MEMORY_BYTES_MAX = 300_000;

export function memoryBytes(random: Random): number {
  return 20_000 + Math.floor(random.next() ** 2 * MEMORY_BYTES_MAX);
}

/** Each seed has its own temper, so that some run long without an error and others hardly ever see a success. */
export function planOf(seed: number): Plan {
  const random = seededRandom(seed);
  const share = (most: number): number => (random.next() < 0.4 ? 0 : random.next() * most);
  const below = (limit: number): number => Math.floor(random.next() * limit);
  const temper: Temper = {
    failShare: share(0.5),
    breakShare: share(0.4),
    errorShare: share(0.5),
    personalShare: share(0.4),
    chunkedShare: share(0.8),
    taintShare: share(0.2),
    changeShare: share(0.5),
    delayMsMax: 1 + below(2_000),
    bodyBytesMax: 1 + Math.floor(random.next() ** 2 * 40_000),
    ttlSMax: 1 + below(30),
  };
  const guard = random.next() < 0.5 ? guardOf(random) : undefined;
  const disk = random.next() < 0.6 ? diskOf(random) : undefined;
  const hasReaders = random.next() < 0.3;
  return {
    seed,
    steps: 30 + below(90),
    paths: 1 + below(20),
    temper,
    leaveShare: share(0.5),
    clockJumps: random.next() < 0.2,
    hasReaders,
    disk,
    guard,
    harness: {
      route: [
        `stale: { whileRevalidate: ${below(10)}s, ifError: ${below(60)}s, lastKnownGood: ${['images', 'always', 'never'][below(3)]} }`,
        `ttl: { default: ${below(10)}s, negative: ${below(3)}s }`,
        `maxObject: ${10 + below(90)}KiB`,
      ].join('\n'),
      memoryBytes: memoryBytes(random),
      segmentBytes: 2 ** 14,
      spoolBytes: below(200_000),
      policy: POLICY_NAMES[random.u32() % POLICY_NAMES.length]!,
      ...(guard === undefined ? {} : { guard, fetchesMax: 1 + below(40) }),
      ...(disk !== undefined && random.next() < 0.5 ? { objectBytesMax: 1_000 + below(20_000) } : {}),
      room: {
        minResidencyS: random.next() < 0.5 ? 0 : below(20),
        pinnedRoutes: [random.next() < 0.3],
        pinnedShare: random.next() * 0.9,
      },
    },
  };
}

function guardOf(random: Random): GuardScript {
  return {
    connections: 1 + (random.u32() % 20),
    queueMax: random.u32() % 10,
    queueMs: 100 + (random.u32() % 2_000),
    retries: random.u32() % 3,
    deadlineMs: 500 + (random.u32() % 3_000),
    ...(random.next() < 0.7 ? { breaker: {} } : {}),
  };
}

function diskOf(random: Random): DiskPlan {
  const segmentBytes = 150_000 + (random.u32() % 100_000);
  return {
    segmentBytes,
    budgetBytes: segmentBytes * (3 + (random.u32() % 3)),
    minResidencyS: random.next() < 0.7 ? 0 : random.u32() % 60,
    isBad: random.next() < 0.5,
    latencyMs: random.next() < 0.5 ? 0 : random.u32() % 100,
    restartShare: random.next() < 0.3 ? 0 : random.next() * 0.06,
  };
}
