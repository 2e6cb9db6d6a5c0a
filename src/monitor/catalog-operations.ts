import type { MetricSpec } from './catalog.ts';

const group = 'Configuration and purges';

/** The part of the catalogue that is about what operators do: configuration, purges, the audit log. */
export const OPERATION_METRICS = [
  {
    name: 'holdfast_config_info',
    type: 'gauge',
    unit: 'info',
    labels: ['hash'],
    group,
    prose:
      'Always 1; the label says which configuration file is in force. Absent for a node that was started without one.',
  },
  {
    name: 'holdfast_config_last_reload_successful',
    type: 'gauge',
    unit: 'flag',
    labels: [],
    group,
    prose:
      '0 after a reload that was refused: the node goes on with the last good configuration, and the file is not what runs. The log names every mistake.',
  },
  {
    name: 'holdfast_config_loaded_time_seconds',
    type: 'gauge',
    unit: 'seconds',
    labels: [],
    group,
    prose: 'When the configuration that is in force was read, in seconds since the Unix epoch.',
  },
  {
    name: 'holdfast_config_restart_pending',
    type: 'gauge',
    unit: 'options',
    labels: [],
    group,
    prose: 'Options of the file that differ from what runs and take a restart.',
  },
  {
    name: 'holdfast_purges_total',
    type: 'counter',
    unit: 'purges',
    labels: [],
    group,
    prose: 'Purges so far. Each takes effect at once.',
  },
  {
    name: 'holdfast_purge_rules',
    type: 'gauge',
    unit: 'purges',
    labels: [],
    group,
    prose:
      'Purges whose sweep has not come round: look-ups ask each of them. Above 0 for more than some seconds: very many purges.',
  },
  {
    name: 'holdfast_audit_log_lost_total',
    type: 'counter',
    unit: 'lines',
    labels: [],
    group,
    prose: 'Lines of the audit log that could not be written; absent when it is off.',
  },
] as const satisfies readonly MetricSpec[];
