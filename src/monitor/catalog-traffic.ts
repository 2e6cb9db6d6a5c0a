import type { MetricSpec } from './catalog.ts';

const group = 'The traffic record';

/** The part of the catalogue that is about what a node records of its traffic. Absent where it does not. */
export const TRAFFIC_METRICS = [
  {
    name: 'holdfast_traffic_rows_total',
    type: 'counter',
    unit: 'requests',
    labels: [],
    group,
    prose:
      'Requests recorded and written, some seconds late; those among them that the node made itself for originals. What was lost is not among them.',
  },
  {
    name: 'holdfast_traffic_dropped_total',
    type: 'counter',
    unit: 'requests',
    labels: [],
    group,
    prose:
      'Requests that were to be recorded and were lost: a buffer was full, or the record could not be written. What is simulated on that time is less exact.',
  },
  {
    name: 'holdfast_traffic_rate',
    type: 'gauge',
    unit: 'ratio',
    labels: [],
    group,
    prose:
      'Share of the keys whose requests are recorded. Below 1: with all of them, traffic.size would not hold traffic.keep.',
  },
  {
    name: 'holdfast_traffic_on_disk',
    type: 'gauge',
    unit: 'flag',
    labels: [],
    group,
    prose:
      '1 while the record lies in its directory, 0 while it lies in memory: without a configuration file, or because the directory cannot be used, which the log says.',
  },
  {
    name: 'holdfast_traffic_stored_bytes',
    type: 'gauge',
    unit: 'bytes',
    labels: [],
    group,
    prose: 'Bytes that the record takes, on disk or in memory.',
  },
  {
    name: 'holdfast_traffic_oldest_time_seconds',
    type: 'gauge',
    unit: 'seconds',
    labels: [],
    group,
    prose:
      'When the oldest request of the record came, in seconds since the Unix epoch; absent while it is empty.',
  },
  {
    name: 'holdfast_traffic_paused',
    type: 'gauge',
    unit: 'flag',
    labels: [],
    group,
    prose: '1 while the record cannot be written: the disk is full, or read-only. Requests are not affected.',
  },
  {
    name: 'holdfast_traffic_write_errors_total',
    type: 'counter',
    unit: 'writes',
    labels: [],
    group,
    prose: 'Writes of the record that failed. The log says why.',
  },
  {
    name: 'holdfast_curve_hit_ratio',
    type: 'gauge',
    unit: 'ratio',
    labels: ['factor'],
    group,
    prose:
      'Share of the requests of about the last day that a least-recently-used memory tier of that size would answer. What twice the size gains is what more memory is worth.',
  },
  {
    name: 'holdfast_curve_byte_hit_ratio',
    type: 'gauge',
    unit: 'ratio',
    labels: ['factor'],
    group,
    prose: 'The same as a share of the bytes.',
  },
  {
    name: 'holdfast_policy_miss_ratio',
    type: 'gauge',
    unit: 'ratio',
    labels: ['policy'],
    group,
    prose:
      'Share of the latest sampled requests that each policy would have missed, in miniature. Only with cache.memory.policy: auto, and once it has something to compare.',
  },
  {
    name: 'holdfast_policy_byte_miss_ratio',
    type: 'gauge',
    unit: 'ratio',
    labels: ['policy'],
    group,
    prose: 'The same as a share of the bytes.',
  },
  {
    name: 'holdfast_policy_switches_total',
    type: 'counter',
    unit: 'switches',
    labels: [],
    group,
    prose:
      'Times that policy auto has changed the policy. The log says why; many in an hour: two policies are alike, and any of them may be named instead.',
  },
] as const satisfies readonly MetricSpec[];
