import { formatCount, formatDuration, formatSize } from '../../base/units.ts';
import { OUTCOMES } from '../../cache/outcome.ts';
import { quantileMs } from '../../monitor/quantile.ts';
import { ratesBetween } from '../../monitor/rates.ts';
import type { Snapshot } from '../../monitor/snapshot.ts';
import { latencyText, percent } from '../live-draw.ts';
import { variantText } from '../live-variants.ts';
import { type LatencySummary, TRAFFIC_ERRORS, type TrafficReport } from './tally.ts';

/** What a run of the demo comes to. */
export interface DemoResult {
  readonly snapshot: Snapshot;
  /** What the load generator saw; undefined when there was none. */
  readonly traffic: TrafficReport | undefined;
  readonly imagesBytes: number;
  readonly images: number;
  /** What all that the traffic asks for takes in memory, about: images and variants. */
  readonly neededBytes: number;
}

/** Errors that clients saw: the reason for a non-zero exit code. */
export function errorCount(traffic: TrafficReport | undefined): number {
  return traffic === undefined ? 0 : TRAFFIC_ERRORS.reduce((sum, kind) => sum + traffic.errors[kind], 0);
}

/** The last words of the demo: what happened, what to notice, what to type next. */
export function summaryText(result: DemoResult): string {
  const { snapshot, traffic } = result;
  const { memory } = snapshot;
  const total = ratesBetween(undefined, snapshot);
  const requests = OUTCOMES.reduce((sum, outcome) => sum + snapshot.requests[outcome], 0);
  const served = OUTCOMES.filter((outcome) => snapshot.requests[outcome] > 0)
    .map((outcome) => `${outcome} ${percent(snapshot.requests[outcome] / requests)}`)
    .join(', ');
  const origin = snapshot.origins.reduce(
    (sum, one) => ({ requests: sum.requests + one.requests, bytes: sum.bytes + one.receivedBytes }),
    { requests: 0, bytes: 0 },
  );
  const latency = [0.5, 0.9, 0.99]
    .map((q) => `p${q * 100} ${latencyText(quantileMs(snapshot.latency, q))}`)
    .join(', ');
  const rows: (readonly [string, string])[] = [
    ['ran for', formatDuration(snapshot.nowMs - snapshot.startedAtMs)],
    ['requests', `${formatCount(requests)} (${requests === 0 ? 'none' : served})`],
    ['hit ratio', percent(total.hitRatio)],
    ['sent', `${formatSize(snapshot.sentBytes)} to clients, ${formatSize(origin.bytes)} from the origin`],
    ['origin', `${formatCount(origin.requests)} requests; offload ${percent(total.offload)}`],
    [
      'memory',
      `${formatSize(memory.usedBytes)} of ${formatSize(memory.budgetBytes)} for ${formatCount(result.images)} images of ${formatSize(result.imagesBytes)}; policy ${memory.policy}`,
    ],
    [
      'evictions',
      `${formatCount(memory.removals.room)}, of which premature ${formatCount(memory.prematureEvictions)} (${formatSize(memory.refetchedBytes)} fetched again)`,
    ],
    ...(snapshot.images === undefined ? [] : [['variants', variantText(snapshot.images)] as const]),
    ['latency', `${latency} in the node`],
  ];
  if (traffic !== undefined) {
    rows.push([
      'at clients',
      `${clientText('hits', traffic.hits)}; ${clientText('others', traffic.forwarded)}`,
    ]);
    rows.push(['errors', errorText(traffic)]);
  }
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  const table = rows.map(([name, value]) => `  ${name.padEnd(width)}${value}`).join('\n');
  return `\nHoldfast demo\n\n${table}\n\n${lesson(result)}\n`;
}

function clientText(name: string, { count, p50Ms, p99Ms }: LatencySummary): string {
  return count === 0 ? `no ${name}` : `${name} p50 ${latencyText(p50Ms)}, p99 ${latencyText(p99Ms)}`;
}

function errorText(traffic: TrafficReport): string {
  const skipped =
    traffic.skipped === 0 ? '' : `; ${formatCount(traffic.skipped)} requests not sent, all connections busy`;
  const seen = TRAFFIC_ERRORS.filter((kind) => traffic.errors[kind] > 0);
  if (seen.length === 0) return `none: ${formatCount(traffic.good)} responses, each whole${skipped}`;
  return `${seen.map((kind) => `${kind} ${formatCount(traffic.errors[kind])}`).join(', ')} (last: ${traffic.lastError})${skipped}`;
}

/** One thing to notice, and the next command. */
function lesson({ snapshot, traffic, neededBytes }: DemoResult): string {
  const { memory } = snapshot;
  const errors = errorCount(traffic);
  if (errors > 0)
    return `${formatCount(errors)} responses were not what they should be. That is a bug: please report it with the line above.`;
  const next = 'Your own images: holdfast serve <address or directory>';
  if (memory.prematureEvictions > 0) {
    return [
      `What to notice: ${formatCount(memory.prematureEvictions)} images were evicted and then asked for again while they were still usable.`,
      'Each was an origin request that a larger cache would not have made. See them go:',
      `  holdfast demo --memory ${Math.ceil((neededBytes * 1.2) / 1024 ** 2)}MiB`,
      next,
    ].join('\n');
  }
  return [
    'What to notice: nothing that was evicted was missed; this budget is enough for this traffic. Make it too small:',
    `  holdfast demo --memory ${Math.max(4, Math.floor((neededBytes * 0.2) / 1024 ** 2))}MiB`,
    next,
  ].join('\n');
}
