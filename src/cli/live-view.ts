import { formatCount, formatDuration, formatSize } from '../base/units.ts';
import { OUTCOMES } from '../cache/outcome.ts';
import { quantileMs } from '../monitor/quantile.ts';
import { type Rates, ratesBetween } from '../monitor/rates.ts';
import type { Snapshot } from '../monitor/snapshot.ts';
import {
  bar,
  compact,
  type Line,
  latencyText,
  paint,
  percent,
  type Span,
  type Style,
  safe,
  sparkline,
  widthOf,
} from './live-draw.ts';
import { originTable, routeTable } from './live-tables.ts';
import { variantLines, variantRate } from './live-variants.ts';

/** Intervals over which percentiles, outcomes and failures are taken: one alone holds too few. */
const RECENT = 10;
const LABEL = 11;
const VALUE = 12;
const SPARK_MAX = 60;

/** Of the terminal, in character cells. */
export interface ViewSize {
  readonly columns: number;
  readonly rows: number;
}

export interface ViewOptions {
  readonly color: boolean;
  /** Shown at the bottom: what keys do, where the gallery is. The last ones win when there is little room. */
  readonly notes: readonly string[];
  /** Trouble that the user should see, such as a node that stopped answering. */
  readonly alert?: string | undefined;
}

/**
 * The live view as lines of text, at most `size.rows` of them and each narrower than `size.columns`. Pure.
 *
 * @param window snapshots of one node, oldest first, at least one. With a single one, rates are since its start.
 */
export function renderLive(window: readonly Snapshot[], size: ViewSize, options: ViewOptions): string[] {
  const now = window[window.length - 1];
  // A terminal that prints in its last column may wrap, and clearing the line would then erase that character.
  const columns = Math.max(20, size.columns - 1);
  const footer: Line[] = options.notes.map((note) => [[safe(note, columns), 'dim']]);
  if (options.alert !== undefined) footer.unshift([[safe(options.alert, columns), 'bad']]);
  const body: Line[] =
    now === undefined
      ? [['waiting for the node']]
      : bodyLines(window, now, columns, size.rows - footer.length);
  const lines = fit(body, size.rows - footer.length).concat(footer.slice(-size.rows));
  return lines.map((line) => paint(line, columns, options.color));
}

/** One line that says the most important, for output that is not a terminal. Without line break. */
export function plainLine(previous: Snapshot | undefined, current: Snapshot): string {
  const rates = ratesBetween(previous, current);
  const { memory } = current;
  const failures = sum(Object.values(rates.originFailures));
  return [
    `${new Date(current.nowMs).toISOString().slice(11, 19)}Z`,
    `${compact(rates.requestsPerS)} req/s`,
    `hit ${percent(rates.hitRatio)}`,
    `out ${formatSize(rates.sentBytesPerS)}/s`,
    `origin ${compact(rates.originRequestsPerS)}/s`,
    `mem ${formatSize(memory.usedBytes)}/${formatSize(memory.budgetBytes)}`,
    `evict ${compact(rates.evictionsPerS)}/s`,
    `premature ${compact(rates.prematureEvictionsPerS)}/s`,
    ...(current.images === undefined ? [] : [`variants ${compact(variantRate(rates))}/s`]),
    `p50 ${latencyText(quantileMs(rates.latency, 0.5))}`,
    `p99 ${latencyText(quantileMs(rates.latency, 0.99))}`,
    `5xx ${formatCount(rates.serverErrors)}`,
    `origin failures ${formatCount(failures)}`,
    ...(current.traffic?.isPaused === true ? ['traffic NOT RECORDED'] : []),
  ].join('  ');
}

function bodyLines(window: readonly Snapshot[], now: Snapshot, columns: number, rows: number): Line[] {
  const steps = window.slice(1).map((later, i) => ratesBetween(window[i], later));
  const last = steps[steps.length - 1] ?? ratesBetween(undefined, now);
  const recent = ratesBetween(
    window.length > 1 ? window[Math.max(0, window.length - 1 - RECENT)] : undefined,
    now,
  );
  const head: Line[] = [
    titleLine(now, columns),
    [],
    ...graphLines(steps, last, columns),
    [],
    latencyLine(recent),
    ...servedLines(recent, columns),
    failuresLine(recent),
    ...variantLines(now, last, recent),
    [],
    ...memoryLines(now, last, columns),
    [],
  ];
  // Where it is tight, blank lines make room for the tables.
  const blank = head.filter((line) => line.length === 0).length + 1;
  const spare = rows - head.length - 1;
  const room = spare < 6 ? spare + blank : spare;
  const origins = originTable(now, last.origins, Math.floor(room / 2));
  const lines = head.concat(routeTable(now, last.routes, room - origins.length), [[]], origins);
  while (lines.at(-1)?.length === 0) lines.pop();
  return lines;
}

/** Blank lines go first, then what stands last. */
function fit(lines: readonly Line[], rows: number): Line[] {
  let excess = lines.length - Math.max(0, rows);
  const kept = lines.filter((line) => {
    if (excess <= 0 || line.length > 0) return true;
    excess -= 1;
    return false;
  });
  return kept.slice(0, Math.max(0, rows));
}

function titleLine(now: Snapshot, columns: number): Line {
  const left: Span[] = [
    ['holdfast', 'bold'],
    ` ${safe(now.holdfast, 20)}  `,
    [safe(now.listen, 60), 'accent'],
  ];
  if (now.draining) left.push('  ', ['draining', 'warn']);
  if (now.traffic?.isPaused === true) left.push('  ', ['traffic NOT RECORDED', 'bad']);
  const up = `up ${formatDuration(now.nowMs - now.startedAtMs)}`;
  const full = `${up}  ${formatCount(now.connections)} connections`;
  const right = widthOf(left) + 2 + full.length <= columns ? full : up;
  const gap = Math.max(2, columns - widthOf(left) - right.length);
  return [...left, ' '.repeat(gap), [right, 'dim']];
}

function graphLines(steps: readonly Rates[], last: Rates, columns: number): Line[] {
  const premature: Style = last.prematureEvictionsPerS > 0 ? 'bad' : 'dim';
  const spark = Math.max(0, Math.min(SPARK_MAX, columns - LABEL - VALUE - 2 - 16));
  const graph = (
    label: string,
    value: string,
    pick: (rates: Rates) => number | undefined,
    style: Style,
    more: { max?: number; note?: Span } = {},
  ): Line => [
    [label.padEnd(LABEL), 'dim'],
    [value.padStart(VALUE), 'bold'],
    '  ',
    [sparkline(steps.map(pick), spark, more.max), style],
    '  ',
    more.note ?? '',
  ];
  return [
    graph('requests', `${compact(last.requestsPerS)} /s`, (r) => r.requestsPerS, 'accent'),
    graph('hit ratio', percent(last.hitRatio), (r) => r.hitRatio, 'good', { max: 1 }),
    graph('sent', `${formatSize(last.sentBytesPerS)}/s`, (r) => r.sentBytesPerS, 'accent'),
    graph('origin', `${compact(last.originRequestsPerS)} /s`, (r) => r.originRequestsPerS, 'warn', {
      note: `offload ${percent(last.offload)}`,
    }),
    graph(
      'premature',
      `${compact(last.prematureEvictionsPerS)} /s`,
      (r) => r.prematureEvictionsPerS,
      premature,
      {
        note: ['evictions', premature],
      },
    ),
  ];
}

function latencyLine(recent: Rates): Line {
  const spans: Span[] = [['latency'.padEnd(LABEL), 'dim']];
  for (const [name, q] of [
    ['p50', 0.5],
    ['p90', 0.9],
    ['p99', 0.99],
    ['p99.9', 0.999],
  ] as const) {
    spans.push([`${name} `, 'dim'], latencyText(quantileMs(recent.latency, q)).padEnd(10));
  }
  spans.push([recent.seconds < 1 ? '' : `last ${formatDuration(Math.round(recent.seconds) * 1000)}`, 'dim']);
  return spans;
}

const OUTCOME_STYLE: Readonly<Partial<Record<string, Style>>> = { hit: 'good', stale: 'warn', failed: 'bad' };

/** One line, or two when many outcomes occur: none of them may fall off the edge. */
function servedLines(recent: Rates, columns: number): Line[] {
  const total = sum(Object.values(recent.outcomes));
  let line: Span[] = [['served'.padEnd(LABEL), 'dim']];
  if (total === 0) return [[...line, 'nothing yet']];
  const lines: Line[] = [];
  for (const outcome of OUTCOMES) {
    const count = recent.outcomes[outcome];
    if (count === 0) continue;
    const style = OUTCOME_STYLE[outcome];
    const value = ` ${percent(count / total)}   `;
    if (widthOf(line) + outcome.length + value.trimEnd().length > columns) {
      lines.push(line);
      line = [' '.repeat(LABEL)];
    }
    line.push(style === undefined ? outcome : [outcome, style], value);
  }
  return [...lines, line];
}

function failuresLine(recent: Rates): Line {
  const spans: Span[] = [['failures'.padEnd(LABEL), 'dim']];
  const causes = Object.entries(recent.originFailures).sort((a, b) => b[1] - a[1]);
  if (recent.serverErrors > 0)
    spans.push([`${formatCount(recent.serverErrors)} answers with 5xx`, 'bad'], '   ');
  if (causes.length > 0) {
    spans.push(
      ['origin: ', 'warn'],
      causes.map(([cause, n]) => `${safe(cause, 20)} ${formatCount(n)}`).join(', '),
    );
  }
  if (spans.length === 1) spans.push(['none', 'good']);
  return spans;
}

function memoryLines(now: Snapshot, last: Rates, columns: number): Line[] {
  const { memory } = now;
  const share = memory.budgetBytes > 0 ? memory.usedBytes / memory.budgetBytes : 0;
  const [filled, empty] = bar(share, Math.max(8, Math.min(40, columns - 57)));
  const held = `${formatSize(memory.usedBytes)} of ${formatSize(memory.budgetBytes)}`;
  const age =
    memory.evictionAgeS === undefined
      ? 'none so far'
      : `${compact(last.evictionsPerS)} /s   at age ${ageText(memory.evictionAgeS)} (median)   ` +
        `early ${compact(last.earlyEvictionsPerS)} /s`;
  return [
    [
      ['memory'.padEnd(LABEL), 'dim'],
      [filled, 'accent'],
      [empty, 'dim'],
      ` ${held}`,
      `   ${formatCount(memory.entries)} entries`,
      [`   ${memory.policy}`, 'dim'],
    ],
    ...shareLines(memory),
    ...diskLines(now),
    [['evictions'.padEnd(LABEL), 'dim'], age],
    [['premature'.padEnd(LABEL), 'dim'], ...prematureSpans(now, last)],
  ];
}

/** One line, where there are variants. */
function shareLines({ originals, variants }: Pick<Snapshot['memory'], 'originals' | 'variants'>): Line[] {
  if (variants.entries === 0) return [];
  return [
    [
      ' '.repeat(LABEL),
      `originals ${formatSize(originals.usedBytes)} in ${formatCount(originals.entries)}`,
      `   variants ${formatSize(variants.usedBytes)} in ${formatCount(variants.entries)}`,
    ],
  ];
}

/** One line, where there is a disk tier; two with variants. */
function diskLines({ disk }: Snapshot): Line[] {
  if (disk === undefined) return [];
  const { state, usedBytes, budgetBytes, entries, promoted, failed } = disk;
  return [
    [
      ['disk'.padEnd(LABEL), 'dim'],
      [state, state === 'ready' ? 'good' : 'warn'],
      `   ${formatSize(usedBytes)} of ${formatSize(budgetBytes)}   ${formatCount(entries)} entries`,
      `   served ${formatCount(promoted)}`,
      failed > 0 ? [`   failed ${formatCount(failed)}`, 'bad'] : '',
    ],
    ...shareLines(disk),
  ];
}

/** Ages are whole seconds. */
function ageText(ageS: number): string {
  return ageS < 1 ? 'below 1 s' : formatDuration(ageS * 1000);
}

/** The central number: what was thrown away and then needed. */
function prematureSpans(now: Snapshot, last: Rates): Span[] {
  const { prematureEvictions, refetchedBytes } = now.memory;
  if (prematureEvictions === 0) return [['none: nothing evicted was asked for again in its time', 'good']];
  const since = `${formatCount(prematureEvictions)} evicted and asked for again, ${formatSize(refetchedBytes)} refetched`;
  const rate = ` (${formatSize(last.refetchedBytesPerS)}/s)`;
  return last.prematureEvictionsPerS > 0 ? [[`${since}${rate}`, 'bad']] : [[since, 'warn']];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
