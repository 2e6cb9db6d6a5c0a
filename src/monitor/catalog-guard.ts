import type { MetricSpec } from './catalog.ts';

/** What protects origins, as metrics: a part of the catalogue. */
export const GUARD_METRICS = [
  {
    name: 'holdfast_origin_waiting_requests',
    type: 'gauge',
    unit: 'requests',
    labels: ['origin'],
    group: 'Origins',
    prose:
      'Requests in the queue for an exchange. Above 0 for long: the origin does not keep up with the misses.',
  },
  {
    name: 'holdfast_origin_queue_seconds',
    type: 'histogram',
    unit: 'seconds',
    labels: ['origin'],
    group: 'Origins',
    prose: 'Time in that queue of the exchanges that came to their turn; nearly 0 when all is well.',
  },
  {
    name: 'holdfast_origin_circuit_state',
    type: 'gauge',
    unit: 'state',
    labels: ['origin'],
    group: 'Origins',
    prose:
      '0 closed (normal), 1 half-open (a few requests are tried), 2 open (not asked). The log has the reason of each change.',
  },
  {
    name: 'holdfast_origin_healthy',
    type: 'gauge',
    unit: 'flag',
    labels: ['origin'],
    group: 'Origins',
    prose: 'Whether its health checks succeed; 1 without checks.',
  },
  {
    name: 'holdfast_origin_retries_total',
    type: 'counter',
    unit: 'requests',
    labels: ['origin'],
    group: 'Origins',
    prose: 'Second tries at the origin. Never more than retry.budget allows.',
  },
  {
    name: 'holdfast_origin_hedges_total',
    type: 'counter',
    unit: 'requests',
    labels: ['origin'],
    group: 'Origins',
    prose:
      'Requests that another origin was asked for as well, because this one was slow (hedgeAfter of the route).',
  },
  {
    name: 'holdfast_origin_failovers_total',
    type: 'counter',
    unit: 'requests',
    labels: ['origin'],
    group: 'Origins',
    prose:
      'Requests that another origin was asked for, because this one had failed or was skipped (failover of the route).',
  },
] as const satisfies readonly MetricSpec[];
