import type { TRAFFIC_METRICS } from './catalog-traffic.ts';
import type { Emit, MetricSource } from './readings.ts';
import type { SizeRatios, TrafficSnapshot } from './snapshot.ts';

type Reading = (source: MetricSource, emit: Emit<number>) => void;

/** Where the metrics of the traffic record come from. */
export const TRAFFIC_READINGS: { readonly [N in (typeof TRAFFIC_METRICS)[number]['name']]: Reading } = {
  holdfast_traffic_rows_total: read(({ rows }) => rows),
  holdfast_traffic_dropped_total: read(({ droppedRows }) => droppedRows),
  holdfast_traffic_rate: read(({ rate }) => rate),
  holdfast_traffic_stored_bytes: read(({ storedBytes }) => storedBytes),
  holdfast_traffic_oldest_time_seconds: read(({ oldestMs }) => oldestMs && oldestMs / 1000),
  holdfast_traffic_paused: read(({ isPaused }) => (isPaused ? 1 : 0)),
  holdfast_traffic_write_errors_total: read(({ writeErrors }) => writeErrors),
  holdfast_curve_hit_ratio: readCurve(({ objectHitRatio }) => objectHitRatio),
  holdfast_curve_byte_hit_ratio: readCurve(({ byteHitRatio }) => byteHitRatio),
};

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
