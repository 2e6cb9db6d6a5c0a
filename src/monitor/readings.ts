import {
  FLIGHT_ENDINGS,
  NOT_STORED_REASONS,
  OUTCOMES,
  REMOVAL_REASONS,
  RETRIEVAL_FAILURES,
} from '../cache/outcome.ts';
import type { HistogramName, ScalarName } from './catalog.ts';
import type { LatencyHistogram } from './histogram.ts';
import { DISK_READINGS } from './readings-disk.ts';
import { IMAGE_READINGS } from './readings-images.ts';
import { TRAFFIC_READINGS } from './readings-traffic.ts';
import { ADMIN_DENIALS, type Recorder } from './recorder.ts';
import type { OriginSnapshot, RouteSnapshot, Snapshot } from './snapshot.ts';

/** What the values of all metrics are read from. */
export interface MetricSource {
  readonly snapshot: Snapshot;
  readonly recorder: Recorder;
  /** Undefined when there is no access log. */
  readonly accessLog: { readonly lines: number; readonly dropped: number } | undefined;
  /** Its lost lines are undefined when none is written. */
  readonly auditLog?: { readonly lostLines: number | undefined };
}

/** Label of requests that no route matched. */
const NO_ROUTE_LABEL = '-';
const MEMORY = 'memory';
const STATUS_CLASSES = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'] as const;

/** Takes one sample; `labels` are values in the order in which the catalogue names them. */
export type Emit<Value> = (value: Value, ...labels: string[]) => void;

/** Where each counter and gauge of the catalogue comes from. A metric without a reading is a type error. */
export const READINGS: { readonly [N in ScalarName]: (source: MetricSource, emit: Emit<number>) => void } = {
  holdfast_build_info: ({ snapshot }, emit) => emit(1, snapshot.holdfast, snapshot.memory.policy),
  holdfast_start_time_seconds: ({ snapshot }, emit) => emit(snapshot.startedAtMs / 1000),
  holdfast_resident_memory_bytes: ({ snapshot }, emit) => emit(snapshot.process.residentBytes),
  holdfast_cpu_seconds_total: ({ snapshot }, emit) => emit(snapshot.process.cpuSeconds),
  holdfast_connections: ({ snapshot }, emit) => emit(snapshot.connections),
  holdfast_connections_refused_total: ({ snapshot }, emit) => emit(snapshot.transport.refused),
  holdfast_client_connections_refused_total: ({ snapshot }, emit) =>
    emit(snapshot.transport.refusedPerClient),
  holdfast_malformed_requests_total: ({ snapshot }, emit) => {
    for (const [problem, count] of Object.entries(snapshot.transport.malformed)) emit(count, problem);
  },
  holdfast_connection_timeouts_total: ({ snapshot }, emit) => {
    for (const [wait, count] of Object.entries(snapshot.transport.timeouts)) emit(count, wait);
  },
  holdfast_draining: ({ snapshot }, emit) => emit(snapshot.draining ? 1 : 0),
  holdfast_workers: ({ snapshot }, emit) => emit(snapshot.workers.serving),
  holdfast_worker_deaths_total: ({ snapshot }, emit) => emit(snapshot.workers.deaths),
  holdfast_worker_dropped_hits_total: ({ snapshot }, emit) => emit(snapshot.workers.droppedHits),
  holdfast_internal_faults_total: ({ recorder }, emit) => emit(recorder.internalFaults),

  holdfast_requests_total: ({ recorder }, emit) => {
    for (const [id, route] of routeLabels(recorder)) {
      OUTCOMES.forEach((outcome, i) => {
        emit(recorder.requests[id * OUTCOMES.length + i]!, route, outcome);
      });
    }
  },
  holdfast_responses_total: ({ recorder }, emit) => {
    recorder.statuses.forEach((count, code) => {
      if (count > 0) emit(count, String(code));
    });
  },
  holdfast_incomplete_responses_total: ({ recorder }, emit) => emit(recorder.incomplete),
  holdfast_sent_bytes_total: ({ recorder }, emit) => {
    for (const [id, route] of routeLabels(recorder)) emit(recorder.sentBytes[id]!, route);
  },
  holdfast_not_stored_total: ({ recorder }, emit) => each(NOT_STORED_REASONS, recorder.notStoredCounts, emit),
  holdfast_retrieval_failures_total: ({ recorder }, emit) => {
    for (const [id, route] of routeLabels(recorder)) {
      RETRIEVAL_FAILURES.forEach((cause, i) => {
        const count = recorder.retrievalFailures[id * RETRIEVAL_FAILURES.length + i]!;
        // Routes times causes are many, and nearly all of them never happen.
        if (count > 0) emit(count, route, cause);
      });
    }
  },
  holdfast_fetches: ({ snapshot }, emit) => emit(snapshot.fetches),
  holdfast_flights_total: ({ recorder }, emit) => each(FLIGHT_ENDINGS, recorder.flights, emit),

  holdfast_cache_budget_bytes: ({ snapshot }, emit) => emit(snapshot.memory.budgetBytes, MEMORY),
  holdfast_cache_used_bytes: ({ snapshot }, emit) => emit(snapshot.memory.usedBytes, MEMORY),
  holdfast_cache_held_bytes: ({ snapshot }, emit) => emit(snapshot.memory.heldBytes, MEMORY),
  holdfast_cache_entries: ({ snapshot }, emit) => emit(snapshot.memory.entries, MEMORY),
  holdfast_cache_share_entries: ({ snapshot }, emit) => {
    emit(snapshot.memory.originals.entries, MEMORY, 'original');
    emit(snapshot.memory.variants.entries, MEMORY, 'variant');
  },
  holdfast_cache_share_bytes: ({ snapshot }, emit) => {
    emit(snapshot.memory.originals.usedBytes, MEMORY, 'original');
    emit(snapshot.memory.variants.usedBytes, MEMORY, 'variant');
  },
  holdfast_cache_insertions_total: ({ snapshot }, emit) => emit(snapshot.memory.insertions, MEMORY),
  holdfast_cache_removals_total: ({ snapshot }, emit) => {
    for (const reason of REMOVAL_REASONS) emit(snapshot.memory.removals[reason], MEMORY, reason);
  },
  holdfast_cache_early_evictions_total: ({ snapshot }, emit) => emit(snapshot.memory.earlyEvictions, MEMORY),
  holdfast_cache_premature_evictions_total: ({ snapshot }, emit) =>
    emit(snapshot.memory.prematureEvictions, MEMORY),
  holdfast_cache_refetched_bytes_total: ({ snapshot }, emit) => emit(snapshot.memory.refetchedBytes, MEMORY),
  holdfast_cache_eviction_age_seconds: ({ snapshot }, emit) => {
    if (snapshot.memory.evictionAgeS !== undefined) emit(snapshot.memory.evictionAgeS, MEMORY);
  },
  holdfast_cache_young_bytes: ({ snapshot }, emit) => emit(snapshot.memory.youngBytes, MEMORY),
  holdfast_cache_pinned_bytes: ({ snapshot }, emit) => emit(snapshot.memory.pinnedBytes, MEMORY),
  holdfast_cache_pinned_overflows_total: ({ snapshot }, emit) =>
    emit(snapshot.memory.pinnedOverflows, MEMORY),
  holdfast_route_entries: perRoute('entries'),
  holdfast_route_used_bytes: perRoute('usedBytes'),
  holdfast_route_evictions_total: perRoute('evictions'),
  holdfast_route_early_evictions_total: perRoute('earlyEvictions'),
  holdfast_route_premature_evictions_total: perRoute('prematureEvictions'),
  holdfast_route_refetched_bytes_total: perRoute('refetchedBytes'),

  ...DISK_READINGS,
  ...TRAFFIC_READINGS,

  holdfast_origin_requests_total: ({ recorder }, emit) =>
    each(recorder.origins, recorder.originRequests, emit),
  holdfast_origin_responses_total: ({ recorder }, emit) => {
    recorder.origins.forEach((origin, id) => {
      STATUS_CLASSES.forEach((name, i) => {
        emit(recorder.originStatuses[id * STATUS_CLASSES.length + i]!, origin, name);
      });
    });
  },
  holdfast_origin_received_bytes_total: ({ recorder }, emit) =>
    each(recorder.origins, recorder.originReceivedBytes, emit),
  holdfast_origin_failures_total: ({ recorder }, emit) => {
    recorder.origins.forEach((origin, id) => {
      recorder.causes.forEach((cause, i) => {
        emit(recorder.originFailures[id * recorder.causes.length + i]!, origin, cause);
      });
    });
  },
  holdfast_origin_active_requests: perOrigin((origin) => origin.active),
  holdfast_origin_connections: perOrigin((origin) => origin.connections),
  holdfast_origin_waiting_requests: perOrigin((origin) => origin.waiting),
  holdfast_origin_circuit_state: perOrigin((origin) => CIRCUIT_CODES[origin.circuit]),
  holdfast_origin_healthy: perOrigin((origin) => (origin.healthy ? 1 : 0)),
  holdfast_origin_retries_total: perOrigin((origin) => origin.retries),
  holdfast_origin_hedges_total: perOrigin((origin) => origin.hedges),
  holdfast_origin_failovers_total: perOrigin((origin) => origin.failovers),

  ...IMAGE_READINGS,

  holdfast_config_info: ({ snapshot }, emit) => {
    if (snapshot.config?.hash !== undefined) emit(1, snapshot.config.hash);
  },
  holdfast_config_last_reload_successful: ({ snapshot }, emit) => {
    if (snapshot.config !== undefined) emit(snapshot.config.lastReloadOk ? 1 : 0);
  },
  holdfast_config_loaded_time_seconds: ({ snapshot }, emit) => {
    if (snapshot.config !== undefined) emit(snapshot.config.loadedAtMs / 1000);
  },
  holdfast_config_restart_pending: ({ snapshot }, emit) => {
    if (snapshot.config !== undefined) emit(snapshot.config.needsRestart.length);
  },
  holdfast_purges_total: ({ snapshot }, emit) => {
    if (snapshot.purges !== undefined) emit(snapshot.purges.total);
  },
  holdfast_purge_rules: ({ snapshot }, emit) => {
    if (snapshot.purges !== undefined) emit(snapshot.purges.active);
  },
  holdfast_audit_log_lost_total: ({ auditLog }, emit) => {
    if (auditLog?.lostLines !== undefined) emit(auditLog.lostLines);
  },
  holdfast_access_log_lines_total: ({ accessLog }, emit) => {
    if (accessLog !== undefined) emit(accessLog.lines);
  },
  holdfast_access_log_dropped_total: ({ accessLog }, emit) => {
    if (accessLog !== undefined) emit(accessLog.dropped);
  },
  holdfast_admin_denials_total: ({ recorder }, emit) => each(ADMIN_DENIALS, recorder.adminDenials, emit),
};

/** Where each histogram of the catalogue comes from. */
export const HISTOGRAM_READINGS: {
  readonly [N in HistogramName]: (source: MetricSource, emit: Emit<LatencyHistogram>) => void;
} = {
  holdfast_request_duration_seconds: ({ recorder }, emit) => {
    OUTCOMES.forEach((outcome, i) => {
      emit(recorder.durations[i]!, outcome);
    });
  },
  holdfast_origin_first_byte_seconds: ({ recorder }, emit) => {
    recorder.origins.forEach((origin, id) => {
      emit(recorder.originDurations[id]!, origin);
    });
  },
  holdfast_origin_queue_seconds: ({ recorder }, emit) => {
    recorder.origins.forEach((origin, id) => {
      emit(recorder.originQueueTimes[id]!, origin);
    });
  },
  holdfast_transform_duration_seconds: ({ snapshot, recorder }, emit) => {
    if (snapshot.images !== undefined) emit(recorder.transforms.durations);
  },
};

function each(words: readonly string[], counts: Float64Array, emit: Emit<number>): void {
  words.forEach((word, i) => {
    emit(counts[i]!, word);
  });
}

function perRoute(field: Exclude<keyof RouteSnapshot, 'name' | 'requests'>) {
  return ({ snapshot }: MetricSource, emit: Emit<number>): void => {
    for (const route of snapshot.routes) emit(route[field], route.name);
  };
}

const CIRCUIT_CODES = { closed: 0, 'half-open': 1, open: 2 } as const;

function perOrigin(value: (origin: OriginSnapshot) => number) {
  return ({ snapshot }: MetricSource, emit: Emit<number>): void => {
    for (const origin of snapshot.origins) emit(value(origin), origin.name);
  };
}

function* routeLabels(recorder: Recorder): Generator<[id: number, label: string]> {
  for (let id = 0; id < recorder.routes.length; id += 1) yield [id, recorder.routes[id]!];
  yield [recorder.routes.length, NO_ROUTE_LABEL];
}
