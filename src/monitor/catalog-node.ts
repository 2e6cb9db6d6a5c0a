import type { MetricSpec } from './catalog.ts';

const group = 'The node';

/** The part of the catalogue that is about the process: its memory, threads and connections. */
export const NODE_METRICS = [
  {
    name: 'holdfast_build_info',
    type: 'gauge',
    unit: 'info',
    labels: ['version', 'policy'],
    group,
    prose: 'Always 1; the labels say what runs.',
  },
  {
    name: 'holdfast_start_time_seconds',
    type: 'gauge',
    unit: 'seconds',
    labels: [],
    group,
    prose: 'When the node started, in seconds since the Unix epoch.',
  },
  {
    name: 'holdfast_resident_memory_bytes',
    type: 'gauge',
    unit: 'bytes',
    labels: [],
    group,
    prose: 'Resident memory of the process.',
  },
  {
    name: 'holdfast_cpu_seconds_total',
    type: 'counter',
    unit: 'seconds',
    labels: [],
    group,
    prose: 'CPU time of the process, user and system.',
  },
  {
    name: 'holdfast_connections',
    type: 'gauge',
    unit: 'connections',
    labels: [],
    group,
    prose: 'Client connections open now.',
  },
  {
    name: 'holdfast_connections_refused_total',
    type: 'counter',
    unit: 'connections',
    labels: [],
    group,
    prose:
      'Client connections above server.maxConnections, answered 503 or reset. Not in the access log. Above 0: raise the limit, or look who opens them.',
  },
  {
    name: 'holdfast_client_connections_refused_total',
    type: 'counter',
    unit: 'connections',
    labels: [],
    group,
    prose:
      'Client connections above server.maxConnectionsPerClient, reset. Above 0: one address opens very many, or it is a proxy that stands for very many.',
  },
  {
    name: 'holdfast_malformed_requests_total',
    type: 'counter',
    unit: 'requests',
    labels: ['problem'],
    group,
    prose:
      'Requests that are not valid HTTP, answered with an error and closed. Not in the access log. Scanners, mostly.',
  },
  {
    name: 'holdfast_connection_timeouts_total',
    type: 'counter',
    unit: 'connections',
    labels: ['wait'],
    group,
    prose: 'Client connections closed because a time limit of `server` was reached. `idle` is normal.',
  },
  {
    name: 'holdfast_draining',
    type: 'gauge',
    unit: 'flag',
    labels: [],
    group,
    prose:
      '1 while the node is going away: it is not ready any more, and takes no new connections once server.drainDelay is over.',
  },
  {
    name: 'holdfast_workers',
    type: 'gauge',
    unit: 'threads',
    labels: [],
    group,
    prose: 'Threads that serve now. Below server.workers: one is being started, or cannot be.',
  },
  {
    name: 'holdfast_worker_deaths_total',
    type: 'counter',
    unit: 'threads',
    labels: [],
    group,
    prose:
      'Worker threads that ended by themselves and were started anew. Their connections were lost. Above 0 is a fault of the node: its log says more.',
  },
  {
    name: 'holdfast_worker_dropped_hits_total',
    type: 'counter',
    unit: 'hits',
    labels: [],
    group,
    prose:
      'Hits served by workers that the eviction policy was not told of, because too many came at once. It then knows a little less of what is popular.',
  },
  {
    name: 'holdfast_internal_faults_total',
    type: 'counter',
    unit: 'requests',
    labels: [],
    group,
    prose:
      'Requests that were answered past the cache because the node failed inside. Should be 0; the log has the details.',
  },
] as const satisfies readonly MetricSpec[];
