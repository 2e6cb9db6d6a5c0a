import {
  FLIGHT_ENDINGS,
  NOT_STORED_REASONS,
  OUTCOMES,
  REMOVAL_REASONS,
  RETRIEVAL_FAILURES,
} from '../cache/outcome.ts';
import { POLICY_NAMES } from '../policy/policy.ts';
import { LABELS, type LabelName, METRICS, type MetricSpec } from './catalog.ts';
import { LATENCY_BOUNDS_MS } from './histogram.ts';
import { ADMIN_DENIALS } from './recorder.ts';

/**
 * The text of docs/reference/metrics.md, from the catalogue.
 *
 * @param causes the closed list of origin failure causes.
 */
export function metricsDoc(causes: readonly string[]): string {
  const groups = new Map<string, MetricSpec[]>();
  for (const spec of METRICS) {
    const group = groups.get(spec.group) ?? [];
    group.push(spec);
    groups.set(spec.group, group);
  }
  const parts = [
    '# Metrics',
    '<!-- Generated from src/monitor/catalog.ts; edit there. -->',
    'A node serves its metrics at `/metrics` on the admin port, in the Prometheus text format. The request needs ' +
      '`Authorization: Bearer <admin token>`. Counters start at 0 with the node; use `rate()` or `increase()`.',
  ];
  for (const [group, specs] of groups) {
    parts.push(
      `## ${group}`,
      ['| Metric | Type | Unit | Labels | Meaning |', '|---|---|---|---|---|', ...specs.map(row)].join('\n'),
    );
  }
  parts.push('## Labels', labelTable(causes), '## Histogram buckets', buckets(), USEFUL);
  return `${parts.join('\n\n')}\n`;
}

function row(spec: MetricSpec): string {
  const labels = spec.labels.map((label) => `\`${label}\``).join(', ');
  return `| \`${spec.name}\` | ${spec.type} | ${spec.unit} | ${labels} | ${spec.prose} |`;
}

function labelTable(causes: readonly string[]): string {
  const values: Partial<Record<LabelName, string>> = {
    outcome: words(OUTCOMES),
    reason: [
      `\`holdfast_not_stored_total\`: ${words(NOT_STORED_REASONS)}`,
      `\`holdfast_cache_removals_total\`: ${words(REMOVAL_REASONS)}`,
      `\`holdfast_admin_denials_total\`: ${words(ADMIN_DENIALS)}`,
    ].join('<br>'),
    ending: words(FLIGHT_ENDINGS),
    cause: [
      `\`holdfast_origin_failures_total\`: ${words(causes)}`,
      `\`holdfast_retrieval_failures_total\`: ${words(RETRIEVAL_FAILURES)}`,
    ].join('<br>'),
    policy: words(POLICY_NAMES),
  };
  const rows = Object.entries(LABELS).map(
    ([label, prose]) => `| \`${label}\` | ${prose} | ${values[label as LabelName] ?? ''} |`,
  );
  return ['| Label | Meaning | Values |', '|---|---|---|', ...rows].join('\n');
}

function words(list: readonly string[]): string {
  return list.map((word) => `\`${word}\``).join(', ');
}

function buckets(): string {
  const bounds = LATENCY_BOUNDS_MS.map((ms) =>
    ms < 1 ? `${ms * 1000} us` : ms < 1000 ? `${ms} ms` : `${ms / 1000} s`,
  );
  return `All histograms have the same upper bounds: ${bounds.join(', ')}, and infinity.`;
}

const USEFUL = `## Useful queries

Hit ratio, as \`holdfast top\` shows it (a collapsed request is a delayed hit; bypassed and refused ones do not count):

\`\`\`promql
sum(rate(holdfast_requests_total{outcome=~"hit|revalidated|stale|collapsed"}[5m]))
/ sum(rate(holdfast_requests_total{outcome!~"bypass|refused"}[5m]))
\`\`\`

Premature evictions per second: how often the cache threw away what it needed again.

\`\`\`promql
sum(rate(holdfast_cache_premature_evictions_total[5m]))
\`\`\`

99th percentile of the time a hit takes:

\`\`\`promql
histogram_quantile(0.99, sum by (le) (rate(holdfast_request_duration_seconds_bucket{outcome="hit"}[5m])))
\`\`\``;
