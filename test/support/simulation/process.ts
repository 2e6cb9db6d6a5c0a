import { drainMicrotasks } from 'bun:jsc';
import { assert } from '../../../src/base/assert.ts';
import type { Random } from '../../../src/base/random.ts';
import { openDiskTier } from '../../../src/store/disk/open.ts';
import type { LogDiskTier } from '../../../src/store/disk/tier.ts';
import type { TierReader } from '../../../src/store/memory/tier-reader.ts';
import { checkFailures } from '../failures.ts';
import { Harness } from '../harness.ts';
import type { OriginCall } from '../scripted-origin.ts';
import { mortalClock, type VirtualClock, virtualClock } from '../virtual-clock.ts';
import type { VirtualDisk } from '../virtual-disk.ts';
import type { Plan } from './plan.ts';

/** Virtual time in which whatever was promised happens before it moves on. */
export function settledClock(): VirtualClock {
  return virtualClock(undefined, drainMicrotasks);
}

/** Moves the clock until a promise is settled. @throws what it was rejected with; InternalFault when it never is. */
export function awaited<T>(clock: VirtualClock, promise: Promise<T>): T {
  let over: { readonly value: T } | { readonly error: unknown } | undefined;
  promise.then(
    (value) => {
      over = { value };
    },
    (error: unknown) => {
      over = { error };
    },
  );
  drainMicrotasks();
  for (let steps = 0; over === undefined; steps += 1) {
    assert(steps < 20_000 && clock.step(), 'what is waited for happens');
    drainMicrotasks();
  }
  if ('error' in over) throw over.error;
  return over.value;
}

export interface ProcessParts {
  readonly plan: Plan;
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly disk: VirtualDisk | undefined;
  readonly onCall: (call: OriginCall) => void;
}

/** One run of the node: its own memory, on a disk that outlives it. */
export class Process {
  readonly h: Harness;
  readonly disk: LogDiskTier | undefined;
  /** Readers of its memory in other threads, told of every change of it. */
  readonly threads = new Set<TierReader>();
  readonly #end: () => void;

  constructor({ plan, clock, random, disk, onCall }: ProcessParts) {
    const mortal = mortalClock(clock);
    this.#end = mortal.end;
    this.disk =
      disk === undefined || plan.disk === undefined
        ? undefined
        : awaited(
            clock,
            openDiskTier({
              files: disk.mount(),
              path: '/disk',
              clock: mortal.clock,
              newHashKey: { k0: 1, k1: 2 },
              budgetBytes: plan.disk.budgetBytes,
              segmentBytes: plan.disk.segmentBytes,
              objectBytesMax: 2 ** 20,
              minFreeBytes: 0,
              minFreeInodes: 0,
              minResidencyS: plan.disk.minResidencyS,
              requireMount: false,
              routes: ['r'],
            }),
          );
    this.h = new Harness({
      ...plan.harness,
      clock: mortal.clock,
      random,
      below: this.disk,
      onLayout: plan.hasReaders
        ? (layout) => {
            for (const thread of this.threads) thread.renew(layout);
          }
        : undefined,
    });
    this.h.origin.onCall = onCall;
  }

  /** It is gone in this instant: nobody gets another byte, and nothing of it happens any more. */
  kill(): void {
    this.#end();
    const { h } = this;
    if (h.faults.length > 0) throw h.faults[0];
    for (const call of h.origin.calls) call.abort();
    h.readers.splice(0, h.readers.length, ...h.readers.filter((reader) => reader.done));
    checkFailures(h);
  }
}
