import type { TRAFFIC_METRICS } from './catalog-traffic.ts';
import type { Emit, MetricSource } from './readings.ts';
import type { PolicyStanding, SizeRatios, TrafficSnapshot } from './snapshot.ts';

type Reading = (source: MetricSource, emit: Emit<number>) => void;

/** Where the metrics of the traffic record come from. */
export const TRAFFIC_READINGS: { readonly [N in (typeof TRAFFIC_METRICS)[number]['name']]: Reading } = {
  holdfast_traffic_rows_total: read(({ rows }) => rows),
  holdfast_traffic_dropped_total: read(({ droppedRows }) => droppedRows),
  holdfast_traffic_rate: read(({ rate }) => rate),
  holdfast_traffic_on_disk: read(({ path }) => (path === undefined ? 0 : 1)),
  holdfast_traffic_stored_bytes: read(({ storedBytes }) => storedBytes),
  holdfast_traffic_oldest_time_seconds: read(({ oldestMs }) => oldestMs && oldestMs / 1000),
  holdfast_traffic_paused: read(({ isPaused }) => (isPaused ? 1 : 0)),
  holdfast_traffic_write_errors_total: read(({ writeErrors }) => writeErrors),
  holdfast_curve_hit_ratio: readCurve(({ objectHitRatio }) => objectHitRatio),
  holdfast_curve_byte_hit_ratio: readCurve(({ byteHitRatio }) => byteHitRatio),
  holdfast_policy_miss_ratio: readStandings(({ missRatio }) => missRatio),
  holdfast_policy_byte_miss_ratio: readStandings(({ byteMissRatio }) => byteMissRatio),
  holdfast_policy_switches_total: ({ snapshot: { auto } }, emit) => {
    if (auto !== undefined) emit(auto.switches);
  },
};

function readStandings(value: (standing: PolicyStanding) => number): Reading {
  return ({ snapshot: { auto } }, emit) => {
    for (const standing of auto?.policies ?? []) emit(value(standing), standing.policy);
  };
}

function readCurve(value: (ratios: SizeRatios) => number): Reading {
  return ({ snapshot: { curve } }, emit) => {
    for (const ratios of curve?.sizes ?? []) emit(value(ratios), String(ratios.factor));
  };
}

function read(value: (traffic: TrafficSnapshot) => number | undefined): Reading {
  return ({ snapshot: { traffic } }, emit) => {
    const known = traffic && value(traffic);
    if (known !== undefined) emit(known);
  };
}
