import { formatCount, formatDuration, formatSize } from '../../base/units.ts';
import { OUTCOMES } from '../../cache/outcome.ts';
import { type Busiest, PERCENTILES, summarise, type TrafficSummary } from '../../traffic/summary.ts';
import { UsageError } from '../admin-command.ts';
import { shown } from '../arguments.ts';
import { EXIT } from '../io.ts';
import { momentText, RECORD_HELP, type TrafficIo, trafficCommand } from './command.ts';

const HELP = `holdfast traffic info: what a record says

  holdfast traffic info [record]

  --json           as JSON
${RECORD_HELP}
Reads the record once. Up to 8,192 keys are counted, more are estimated (0.8 %); sizes are exact to 9 %. Exit codes: 0 read, 1 the node cannot be asked, 2 no record there.
`;

const OPTIONS = { json: { type: 'boolean', default: false } } as const;

/** `holdfast traffic info`. */
export function trafficInfo(args: readonly string[], io: TrafficIo): Promise<number> {
  const command = { name: 'info', help: HELP, options: OPTIONS } as const;
  return trafficCommand(command, args, io, async ({ values, positionals, record }) => {
    const [path, ...more] = positionals;
    if (more.length > 0)
      throw new UsageError('name one record; several become one with: holdfast traffic merge');
    const summary = summarise(await record(path));
    io.out(values.json ? `${JSON.stringify(summary)}\n` : `${summaryLines(summary).map(shown).join('\n')}\n`);
    return EXIT.ok;
  });
}

const ROUTES_SHOWN = 12;
/** In a shorter record a rate says nothing. */
const RATE_SPAN_MS = 5_000;

function summaryLines(summary: TrafficSummary): string[] {
  const { info, requests, keys, bodyBytes, internal, variants } = summary;
  const lines = [info.name, ''];
  if (info.rows === 0) return [...lines, 'no request is in it', ...damageLines(summary)];
  const spanMs = info.toMs - info.fromMs;
  lines.push(
    row('time', `${momentText(info.fromMs)} to ${momentText(info.toMs)}: ${formatDuration(spanMs)}`),
    row(
      'requests',
      `${formatCount(requests)}${spanMs >= RATE_SPAN_MS ? `, ${rateText((requests / spanMs) * 1000)}` : ''}`,
    ),
    row('keys', `about ${formatCount(keys)}, ${(requests / Math.max(1, keys)).toFixed(1)} requests each`),
    row(
      'bodies',
      `${formatSize(bodyBytes)} asked for, ${formatSize(bodyBytes / Math.max(1, requests))} each on average`,
    ),
  );
  const told = rowsOf(summary);
  if (variants > 0) lines.push(row('variants', `${percent(variants, told)} of the requests`));
  if (internal > 0) lines.push(row('internal', `${formatCount(internal)} look-ups for originals, besides`));
  lines.push(row('recorded', recordedText(summary)));
  lines.push(row('lifetimes', `known of ${percent(summary.withLifetime, told)} of the requests`));
  lines.push(row('served', servedText(summary)));
  lines.push(busiestLine('busiest minute', summary.busiestMinute, 60));
  if (summary.busiestHour !== undefined) lines.push(busiestLine('busiest hour', summary.busiestHour, 3600));
  lines.push(
    row(
      'on disk',
      `${formatSize(info.storedBytes)}, ${(info.storedBytes / info.rows).toFixed(1)} bytes a request`,
    ),
  );
  lines.push('', 'sizes of what was asked for');
  lines.push(
    `  ${PERCENTILES.map((at) => (at === 100 ? 'largest' : `${at} %`).padStart(9)).join('')}`,
    `  ${summary.sizes.map((bytes) => formatSize(bytes).padStart(9)).join('')}`,
    '',
    'routes',
  );
  for (const { name, requests: own, bodyBytes: bytes } of summary.routes.slice(0, ROUTES_SHOWN))
    lines.push(
      `  ${name.padEnd(24)} ${formatCount(own).padStart(13)}  ${percent(own, requests).padStart(7)}  ${formatSize(bytes)}`,
    );
  if (summary.routes.length > ROUTES_SHOWN)
    lines.push(`  and ${formatCount(summary.routes.length - ROUTES_SHOWN)} more`);
  if (summary.paths.length > 0) lines.push('', 'most asked for');
  for (const { path, requests: own } of summary.paths)
    lines.push(`  ${formatCount(own).padStart(13)}  ${printable(path)}`);
  return [...lines, ...damageLines(summary)];
}

/** A path may have been anything, and this goes to a terminal. */
function printable(path: string): string {
  return path.replace(/[^ -~]/g, '?').slice(0, 200);
}

function recordedText({ info: { rows, rateMin, rateMax }, lost }: TrafficSummary): string {
  if (lost > 0 && rateMin === 1)
    return `${formatCount(rows)} rows; ${formatCount(lost)} requests were LOST: the record could not be written for a time`;
  if (rateMin === 1) return `all of it (${formatCount(rows)} rows)`;
  const rate = rateMin === rateMax ? percent(rateMin, 1) : `${percent(rateMin, 1)} to ${percent(rateMax, 1)}`;
  return `a sample of ${rate} of the keys (${formatCount(rows)} rows); the figures here are estimates${lost > 0 ? `; ${formatCount(lost)} requests were LOST besides` : ''}`;
}

/** Requests of clients that rows stand for: all, but for those at times when none of their keys was in the sample. */
function rowsOf({ outcomes }: TrafficSummary): number {
  return OUTCOMES.reduce((sum, outcome) => sum + outcomes[outcome], 0);
}

function servedText(summary: TrafficSummary): string {
  const { outcomes } = summary;
  const all = rowsOf(summary);
  if (all === outcomes.miss) return 'nothing says what was a hit';
  const hits = outcomes.hit + outcomes.stale + outcomes.revalidated + outcomes.collapsed;
  const parts = OUTCOMES.filter((outcome) => outcomes[outcome] > 0).map(
    (outcome) => `${outcome} ${percent(outcomes[outcome], all)}`,
  );
  return `${percent(hits, all)} without asking the origin for all of it (${parts.join(', ')})`;
}

function busiestLine(name: string, busiest: Busiest | undefined, seconds: number): string {
  if (busiest === undefined) return row(name, 'none');
  const { fromMs, requests } = busiest;
  return row(name, `${momentText(fromMs)}: ${formatCount(requests)}, ${rateText(requests / seconds)}`);
}

function damageLines({ info: { damage } }: TrafficSummary): string[] {
  return damage.length === 0 ? [] : ['', 'damage', ...damage.map((one) => `  ${one}`)];
}

function rateText(perSecond: number): string {
  return perSecond >= 1000
    ? `${formatCount(perSecond)} a second`
    : perSecond >= 0.1
      ? `${perSecond.toFixed(1)} a second`
      : `${(perSecond * 3600).toFixed(1)} an hour`;
}

function percent(part: number, whole: number): string {
  const share = whole === 0 ? 0 : (part / whole) * 100;
  if (share > 99.95 && share < 100) return '>99.9 %';
  // Two digits of what is small: a sample of 0.024 % is one.
  return `${share < 1 ? Number(share.toPrecision(2)) : share.toFixed(1)} %`;
}

function row(name: string, text: string): string {
  return `${name.padEnd(16)}${text}`;
}
