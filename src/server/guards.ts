import type { Clock } from '../base/clock.ts';
import { type Random, seededRandom } from '../base/random.ts';
import type { HttpOriginConfig, OriginConfig, ValidConfig } from '../config/config.ts';
import type { Log } from '../monitor/log.ts';
import type { Recorder } from '../monitor/recorder.ts';
import { type GuardEvents, type GuardOptions, OriginGuard } from '../origin/guard/guard.ts';
import { createGuardedOrigin } from '../origin/guard/guarded-origin.ts';
import { ORIGIN_FAILURES, type Origin } from '../origin/origin.ts';
import type { NodeOptions } from './node.ts';
import { createOrigin, type OriginParts } from './origins.ts';
import { rarely } from './warnings.ts';

/** What guards are made of. */
export type GuardParts = OriginParts &
  Pick<NodeOptions, 'hashKey'> & {
    /** Read at each event: it is made when the origins' names are known. */
    readonly recorder: () => Recorder;
  };

/** For jitter only: seeded by what is different in each process. */
export function jitter({ hashKey }: Pick<NodeOptions, 'hashKey'>): Random {
  return seededRandom(hashKey.k0 ^ hashKey.k1);
}

/** What every route asks, in the order of the configuration: its origin, with those to fall back on. */
export function originsByRoute(
  config: ValidConfig,
  guards: readonly OriginGuard[],
  clock: Clock,
  random: Random,
): Origin[] {
  const byName = new Map(guards.map((guard) => [guard.name, guard]));
  return config.routes.map((route) =>
    createGuardedOrigin(
      {
        name: route.origin,
        guards: [route.origin, ...(route.failover ?? [])].map((name) => byName.get(name)!),
        deadlineMs: route.deadlineMs,
        hedgeAfterMs: route.hedgeAfterMs,
      },
      { clock, random },
    ),
  );
}

/** An origin as the configuration says it, to be guarded. */
export interface Guarded {
  readonly name: string;
  readonly id: number;
  readonly origin: OriginConfig;
  readonly random: Random;
}

/** @throws Error that says what to do, when a file of the configuration cannot be read. */
export function createGuard(guarded: Guarded, options: GuardParts): OriginGuard {
  const { name, id, origin, random } = guarded;
  const { clock, log } = options;
  // The guard is there before anything is fetched.
  const crowded = (): boolean => guard.queue.waiting > 0;
  const guard: OriginGuard = new OriginGuard(
    createOrigin(name, origin, options, crowded),
    guardOptions(origin),
    {
      clock,
      random,
      events: guardEvents(
        name,
        id,
        options.recorder,
        log,
        rarely(clock, (message, facts) => log.warn(message, facts)),
      ),
    },
  );
  return guard;
}

function guardEvents(
  origin: string,
  id: number,
  recorder: () => Recorder,
  log: Log,
  warn: ReturnType<typeof rarely>,
): GuardEvents {
  return {
    exchanged: (status, receivedBytes, firstByteMs) =>
      recorder().originFetch(id, status, receivedBytes, firstByteMs),
    failed: ({ cause, detail }) => {
      recorder().originFailure(id, ORIGIN_FAILURES.indexOf(cause));
      warn(cause, 'an origin failed', { origin, cause, detail });
    },
    queued: (waitedMs) => recorder().originQueued(id, waitedMs),
    circuit: (state, reason) => {
      const level = state === 'open' ? 'warn' : 'info';
      log[level](`the circuit of an origin is ${state}`, { origin, reason });
    },
    health: (healthy, reason) => {
      const level = healthy ? 'info' : 'warn';
      log[level](`an origin is ${healthy ? 'healthy again' : 'unhealthy'}`, { origin, reason });
    },
  };
}

/** A directory has limits of its own, and nothing that a circuit breaker or a second try would help against. */
const UNGUARDED: GuardOptions = {
  connections: Number.POSITIVE_INFINITY,
  queue: { max: 0, timeoutMs: 0 },
  breaker: undefined,
  retry: { max: 0, share: 0, statuses: [] },
  health: undefined,
};

function guardOptions(origin: OriginConfig): GuardOptions {
  return origin.type === 'files' ? UNGUARDED : networkGuard(origin);
}

/** For an origin that has `GUARD_OPTIONS` and `connections`. */
export function networkGuard(
  origin: Pick<HttpOriginConfig, 'connections' | 'queue' | 'retry' | 'breaker' | 'health'>,
): GuardOptions {
  const { breaker, retry } = origin;
  return {
    connections: origin.connections,
    queue: origin.queue,
    retry: { max: retry.max, share: retry.budget / 100, statuses: retry.status },
    breaker: !breaker.enabled
      ? undefined
      : {
          failureShare: breaker.failureShare / 100,
          minRequests: breaker.minRequests,
          windowMs: breaker.windowMs,
          consecutive: breaker.consecutive,
          openMs: breaker.openForMs,
          maxOpenMs: breaker.maxOpenForMs,
          probes: breaker.probes,
          statuses: breaker.status,
        },
    health: origin.health,
  };
}
