import { type HistogramName, METRICS, type MetricSpec, type ScalarName } from './catalog.ts';
import { cumulative, LATENCY_BOUNDS_MS, type LatencyHistogram } from './histogram.ts';
import { HISTOGRAM_READINGS, type MetricSource, READINGS } from './readings.ts';

/** The Content-Type of {@link exposition}. */
export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** `le` of each bucket: bounds in seconds, free of binary rounding. */
const LE = [...LATENCY_BOUNDS_MS.map((ms) => String(Number((ms / 1000).toPrecision(12)))), '+Inf'];

/**
 * All metrics in the Prometheus text format 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/). Some hundred microseconds; not for the hot path.
 */
export function exposition(source: MetricSource): string {
  const lines: string[] = [];
  for (const spec of METRICS) {
    lines.push(`# HELP ${spec.name} ${escapeHelp(spec.prose)}`, `# TYPE ${spec.name} ${spec.type}`);
    if (spec.type === 'histogram') pushHistogram(lines, spec, source);
    else pushScalar(lines, spec, source);
  }
  return `${lines.join('\n')}\n`;
}

function pushScalar(lines: string[], spec: MetricSpec & { name: ScalarName }, source: MetricSource): void {
  READINGS[spec.name](source, (value, ...labels) => {
    lines.push(`${spec.name}${labelSet(spec, labels)} ${number(value)}`);
  });
}

function pushHistogram(
  lines: string[],
  spec: MetricSpec & { name: HistogramName },
  source: MetricSource,
): void {
  HISTOGRAM_READINGS[spec.name](source, (histogram: LatencyHistogram, ...labels) => {
    const { counts, sumMs } = cumulative([histogram]);
    const inner = labelPairs(spec, labels).join(',');
    const comma = inner === '' ? '' : ',';
    counts.forEach((count, i) => {
      lines.push(`${spec.name}_bucket{${inner}${comma}le="${LE[i]}"} ${number(count)}`);
    });
    lines.push(`${spec.name}_sum${labelSet(spec, labels)} ${number(sumMs / 1000)}`);
    lines.push(`${spec.name}_count${labelSet(spec, labels)} ${number(counts[counts.length - 1]!)}`);
  });
}

function labelSet(spec: MetricSpec, values: readonly string[]): string {
  const pairs = labelPairs(spec, values);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function labelPairs(spec: MetricSpec, values: readonly string[]): string[] {
  return spec.labels.map((label, i) => `${label}="${escapeLabel(values[i] ?? '')}"`);
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function escapeLabel(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

/** Go's ParseFloat reads what JavaScript prints, but for the infinities. */
function number(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  return String(value);
}
