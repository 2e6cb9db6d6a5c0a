import type { BreakerOptions } from '../../src/origin/guard/breaker.ts';
import type { GuardOptions } from '../../src/origin/guard/guard.ts';
import type { HealthOptions } from '../../src/origin/guard/health.ts';

/** What a test wants of a guard; what it leaves out does nothing. */
export interface GuardScript {
  readonly connections?: number;
  readonly queueMax?: number;
  readonly queueMs?: number;
  readonly breaker?: Partial<BreakerOptions>;
  readonly retries?: number;
  readonly retryShare?: number;
  readonly health?: Partial<HealthOptions>;
  readonly deadlineMs?: number;
}

/** A circuit breaker with small numbers. */
export const BREAKER: BreakerOptions = {
  failureShare: 0.5,
  minRequests: 10,
  windowMs: 10_000,
  consecutive: 5,
  openMs: 1_000,
  maxOpenMs: 8_000,
  probes: 2,
  statuses: [429, 503],
};

export function guardOptions(script: GuardScript): GuardOptions {
  const { breaker, health } = script;
  return {
    connections: script.connections ?? Number.POSITIVE_INFINITY,
    queue: { max: script.queueMax ?? 1000, timeoutMs: script.queueMs ?? 1_000_000 },
    breaker: breaker && { ...BREAKER, ...breaker },
    retry: { max: script.retries ?? 0, share: script.retryShare ?? 0.1, statuses: [502, 503, 504] },
    health: health && {
      path: '/healthz',
      intervalMs: 10_000,
      timeoutMs: 2_000,
      unhealthyAfter: 3,
      healthyAfter: 2,
      status: 200,
      ...health,
    },
  };
}
