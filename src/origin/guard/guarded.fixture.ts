import { type GuardScript, guardOptions } from '../../../test/support/guard-script.ts';
import { type OriginCall, ScriptedOrigin } from '../../../test/support/scripted-origin.ts';
import { type VirtualClock, virtualClock } from '../../../test/support/virtual-clock.ts';
import { seededRandom } from '../../base/random.ts';
import { type Recorder, start } from '../origin.fixture.ts';
import type { Origin, OriginFailureCause } from '../origin.ts';
import { OriginGuard } from './guard.ts';
import { createGuardedOrigin } from './guarded-origin.ts';

/** Some scripted origins behind their guards, as one, under virtual time. */
export interface Guarded {
  readonly clock: VirtualClock;
  readonly origin: Origin;
  readonly origins: readonly ScriptedOrigin[];
  readonly guards: readonly OriginGuard[];
  /** What the guards told, by origin: `a failed refused`, `a circuit open`, `a ended 200`. */
  readonly told: string[];
  ask(target: string, options?: Parameters<typeof start>[2] & { background?: boolean }): Recorder;
  /** The latest exchange with the origin of that index. */
  call(index?: number): OriginCall;
}

export interface GuardedScript extends GuardScript {
  /** How many origins; default 1. */
  readonly origins?: number;
  readonly hedgeAfterMs?: number;
}

export function guarded(script: GuardedScript = {}): Guarded {
  const clock = virtualClock();
  const random = seededRandom(1);
  const told: string[] = [];
  const names = ['a', 'b', 'c'].slice(0, script.origins ?? 1);
  const origins = names.map((name) => new ScriptedOrigin((fn) => void clock.after(0, fn), name));
  const guards = origins.map(
    (origin) =>
      new OriginGuard(origin, guardOptions(script), {
        clock,
        random,
        events: {
          exchanged: (status) => void told.push(`${origin.name} ended ${status}`),
          failed: ({ cause }) => void told.push(`${origin.name} failed ${cause}`),
          queued: () => undefined,
          circuit: (state) => void told.push(`${origin.name} circuit ${state}`),
          health: (healthy) => void told.push(`${origin.name} healthy ${healthy}`),
        },
      }),
  );
  const { deadlineMs = Number.POSITIVE_INFINITY, hedgeAfterMs } = script;
  const origin = createGuardedOrigin({ name: 'a', guards, deadlineMs, hedgeAfterMs }, { clock, random });
  return {
    clock,
    origin,
    origins,
    guards,
    told,
    ask(target, { background = false, ...options } = {}) {
      const asked: Origin = {
        ...origin,
        fetch: (request, sink) => origin.fetch({ ...request, background }, sink),
      };
      return start(asked, target, options);
    },
    call: (index = 0) => origins[index]!.last,
  };
}

/** Lets that many requests of their own fail. */
export function failTimes(g: Guarded, times: number, cause: OriginFailureCause = 'refused'): void {
  for (let i = 0; i < times; i += 1) {
    g.ask(`/failing-${i}`);
    g.call().fail(cause);
  }
}
