import { DISK_METRICS } from './catalog-disk.ts';
import { GUARD_METRICS } from './catalog-guard.ts';
import { IMAGE_METRICS } from './catalog-images.ts';
import { OPERATION_METRICS } from './catalog-operations.ts';
import { REQUEST_METRICS } from './catalog-requests.ts';
import { TRAFFIC_METRICS } from './catalog-traffic.ts';

/**
 * The one table of metrics. Exposition, reference documentation, panels and alerts come from it.
 *
 * Names follow Prometheus: base units (seconds, bytes), `_total` for counters. A name or a label, once released, is
 * only ever added to: dashboards and alerts of operators depend on it.
 */
export interface MetricSpec {
  readonly name: `holdfast_${string}`;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** What one unit of the value is. `info` and `flag` metrics are 1 or 0. */
  readonly unit: string;
  readonly labels: readonly LabelName[];
  /** Section of the reference. */
  readonly group: string;
  /** One or two sentences. What an operator reads at three in the morning. */
  readonly prose: string;
}

/** Every label and what its values are. */
export const LABELS = {
  route: 'Name of the route; `-` for requests that no route matched.',
  outcome: 'How the request was served.',
  code: 'HTTP status code.',
  class: 'First digit of the HTTP status: `1xx` to `5xx`; `none` when no response head arrived.',
  reason: 'Why it was not stored, why it was removed, or why it was refused.',
  ending: 'How the shared fetch ended.',
  tier: 'Where it is cached: `memory`.',
  kind: '`variant` for what transforms made, `original` for everything else: each has its share of the tier.',
  origin: 'Name of the origin.',
  cause:
    'Why the origin did not deliver, as in the log; why a client did not get its image, spelled as in the access log and in `Cache-Status`.',
  state: 'The state it may be in.',
  operation: '`read` or `write`.',
  result: 'What became of it.',
  version: 'Version of Holdfast.',
  factor: 'Size that it is about, as a multiple of what the memory tier has: `0.5`, `1` or `2`.',
  policy: 'Eviction policy of the memory tier.',
  hash: 'First digits of the SHA-256 of the configuration file that is in force.',
  problem: 'What was wrong with the message, as in `Cache-Status`.',
  wait: 'What was waited for: the handshake, the head or body of a request, the next request, or the client taking its answer.',
} as const;
export type LabelName = keyof typeof LABELS;

const node = 'The node';
const cache = 'The cache';
const origins = 'Origins';
const upkeep = 'Logs and administration';

/** Every metric, in the order of the exposition and of the reference. */
export const METRICS = [
  metric(
    'holdfast_build_info',
    'gauge',
    'info',
    ['version', 'policy'],
    node,
    'Always 1; the labels say what runs.',
  ),
  metric(
    'holdfast_start_time_seconds',
    'gauge',
    'seconds',
    [],
    node,
    'When the node started, in seconds since the Unix epoch.',
  ),
  metric('holdfast_resident_memory_bytes', 'gauge', 'bytes', [], node, 'Resident memory of the process.'),
  metric(
    'holdfast_cpu_seconds_total',
    'counter',
    'seconds',
    [],
    node,
    'CPU time of the process, user and system.',
  ),
  metric('holdfast_connections', 'gauge', 'connections', [], node, 'Client connections open now.'),
  metric(
    'holdfast_connections_refused_total',
    'counter',
    'connections',
    [],
    node,
    'Client connections above server.maxConnections, answered 503 or reset. Not in the access log. Above 0: raise the limit, or look who opens them.',
  ),
  metric(
    'holdfast_client_connections_refused_total',
    'counter',
    'connections',
    [],
    node,
    'Client connections above server.maxConnectionsPerClient, reset. Above 0: one address opens very many, or it is a proxy that stands for very many.',
  ),
  metric(
    'holdfast_malformed_requests_total',
    'counter',
    'requests',
    ['problem'],
    node,
    'Requests that are not valid HTTP, answered with an error and closed. Not in the access log. Scanners, mostly.',
  ),
  metric(
    'holdfast_connection_timeouts_total',
    'counter',
    'connections',
    ['wait'],
    node,
    'Client connections closed because a time limit of `server` was reached. `idle` is normal.',
  ),
  metric(
    'holdfast_draining',
    'gauge',
    'flag',
    [],
    node,
    '1 while the node is going away: it is not ready any more, and takes no new connections once server.drainDelay is over.',
  ),
  metric(
    'holdfast_workers',
    'gauge',
    'threads',
    [],
    node,
    'Threads that serve now. Below server.workers: one is being started, or cannot be.',
  ),
  metric(
    'holdfast_worker_deaths_total',
    'counter',
    'threads',
    [],
    node,
    'Worker threads that ended by themselves and were started anew. Their connections were lost. Above 0 is a fault of the node: its log says more.',
  ),
  metric(
    'holdfast_worker_dropped_hits_total',
    'counter',
    'hits',
    [],
    node,
    'Hits served by workers that the eviction policy was not told of, because too many came at once. It then knows a little less of what is popular.',
  ),
  metric(
    'holdfast_internal_faults_total',
    'counter',
    'requests',
    [],
    node,
    'Requests that were answered past the cache because the node failed inside. Should be 0; the log has the details.',
  ),

  ...REQUEST_METRICS,

  metric('holdfast_cache_budget_bytes', 'gauge', 'bytes', ['tier'], cache, 'What the tier may hold.'),
  metric(
    'holdfast_cache_used_bytes',
    'gauge',
    'bytes',
    ['tier'],
    cache,
    'What it holds: body, headers, key and metadata of all entries. Never above the budget.',
  ),
  metric(
    'holdfast_cache_held_bytes',
    'gauge',
    'bytes',
    ['tier'],
    cache,
    'Segments allocated from the system for heads and bodies. The index is beside them, so it can be a little below what is used.',
  ),
  metric('holdfast_cache_entries', 'gauge', 'entries', ['tier'], cache, 'Responses held.'),
  metric(
    'holdfast_cache_share_entries',
    'gauge',
    'entries',
    ['tier', 'kind'],
    cache,
    'Responses held, originals and variants apart.',
  ),
  metric(
    'holdfast_cache_share_bytes',
    'gauge',
    'bytes',
    ['tier', 'kind'],
    cache,
    'What is used, originals and variants apart. Above its share (cache.memory.variantsShare) a kind has borrowed what the other leaves.',
  ),
  metric('holdfast_cache_insertions_total', 'counter', 'entries', ['tier'], cache, 'Responses stored.'),
  metric(
    'holdfast_cache_removals_total',
    'counter',
    'entries',
    ['tier', 'reason'],
    cache,
    'Responses that left, by reason. Only `room` is an eviction.',
  ),
  metric(
    'holdfast_cache_early_evictions_total',
    'counter',
    'entries',
    ['tier'],
    cache,
    'Evictions of responses that were still usable.',
  ),
  metric(
    'holdfast_cache_premature_evictions_total',
    'counter',
    'entries',
    ['tier'],
    cache,
    'Early evictions whose key was asked for again before the response would have stopped being usable. Above a trickle: the cache is too small for its traffic.',
  ),
  metric(
    'holdfast_cache_refetched_bytes_total',
    'counter',
    'bytes',
    ['tier'],
    cache,
    'Origin bytes spent because of premature evictions.',
  ),
  metric(
    'holdfast_cache_eviction_age_seconds',
    'gauge',
    'seconds',
    ['tier'],
    cache,
    'Median age of the latest 1,000 evictions when they left; absent before the first.',
  ),
  metric(
    'holdfast_cache_young_bytes',
    'gauge',
    'bytes',
    ['tier'],
    cache,
    'Part of what is used that may not leave for want of room yet (cache.memory.minResidency). Near the budget: newcomers are not stored, see holdfast_not_stored_total with the reason residency. Raise the size.',
  ),
  metric(
    'holdfast_cache_pinned_bytes',
    'gauge',
    'bytes',
    ['tier'],
    cache,
    'Part of what is used that never leaves for want of room: pinned routes, within cache.memory.pinnedShare.',
  ),
  metric(
    'holdfast_cache_pinned_overflows_total',
    'counter',
    'entries',
    ['tier'],
    cache,
    'Responses of pinned routes that did not fit into the pinned share and are treated as any other. Above 0: raise the share, or pin less.',
  ),
  metric('holdfast_route_entries', 'gauge', 'entries', ['route'], cache, 'Responses of the route in memory.'),
  metric('holdfast_route_used_bytes', 'gauge', 'bytes', ['route'], cache, 'Bytes they are charged.'),
  metric(
    'holdfast_route_evictions_total',
    'counter',
    'entries',
    ['route'],
    cache,
    'Evictions of responses of the route.',
  ),
  metric(
    'holdfast_route_early_evictions_total',
    'counter',
    'entries',
    ['route'],
    cache,
    'Those that were still usable.',
  ),
  metric(
    'holdfast_route_premature_evictions_total',
    'counter',
    'entries',
    ['route'],
    cache,
    'Those asked for again while they would still have been usable.',
  ),
  metric(
    'holdfast_route_refetched_bytes_total',
    'counter',
    'bytes',
    ['route'],
    cache,
    'Origin bytes spent because of premature evictions of the route.',
  ),
  ...DISK_METRICS,

  metric(
    'holdfast_origin_requests_total',
    'counter',
    'requests',
    ['origin'],
    origins,
    'Exchanges with the origin that ended, well or not.',
  ),
  metric(
    'holdfast_origin_responses_total',
    'counter',
    'responses',
    ['origin', 'class'],
    origins,
    'The same by class of status.',
  ),
  metric(
    'holdfast_origin_received_bytes_total',
    'counter',
    'bytes',
    ['origin'],
    origins,
    'Body bytes received.',
  ),
  metric(
    'holdfast_origin_failures_total',
    'counter',
    'requests',
    ['origin', 'cause'],
    origins,
    'Exchanges in which the origin did not deliver, by cause.',
  ),
  metric(
    'holdfast_origin_first_byte_seconds',
    'histogram',
    'seconds',
    ['origin'],
    origins,
    'From the start of an exchange to the head of its response.',
  ),
  metric('holdfast_origin_active_requests', 'gauge', 'requests', ['origin'], origins, 'Exchanges under way.'),
  metric(
    'holdfast_origin_connections',
    'gauge',
    'connections',
    ['origin'],
    origins,
    'Connections to the origin, idle ones included.',
  ),
  ...GUARD_METRICS,

  ...IMAGE_METRICS,

  ...OPERATION_METRICS,
  ...TRAFFIC_METRICS,
  metric(
    'holdfast_access_log_lines_total',
    'counter',
    'lines',
    [],
    upkeep,
    'Lines handed to the access log; absent when it is off.',
  ),
  metric(
    'holdfast_access_log_dropped_total',
    'counter',
    'lines',
    [],
    upkeep,
    'Lines lost because the log could not be written fast enough, or at all.',
  ),
  metric(
    'holdfast_admin_denials_total',
    'counter',
    'requests',
    ['reason'],
    upkeep,
    'Requests to the admin port that were turned away.',
  ),
] as const satisfies readonly MetricSpec[];

export type MetricName = (typeof METRICS)[number]['name'];
/** Metrics that are several lines of an exposition each: buckets, sum and count. */
export type HistogramName = Extract<(typeof METRICS)[number], { type: 'histogram' }>['name'];
/** Metrics of one value for each combination of their labels: counters and gauges. */
export type ScalarName = Exclude<MetricName, HistogramName>;

function metric<
  const Name extends MetricSpec['name'],
  const Type extends MetricSpec['type'],
  const Labels extends readonly LabelName[],
>(name: Name, type: Type, unit: string, labels: Labels, group: string, prose: string) {
  return { name, type, unit, labels, group, prose };
}
