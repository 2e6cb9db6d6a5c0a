import { formatCount, formatSize } from '../base/units.ts';
import type { OriginRates, RouteRates } from '../monitor/rates.ts';
import type { Snapshot } from '../monitor/snapshot.ts';
import { compact, type Line, percent, safe } from './live-draw.ts';

const NAME = 18;

/** One line per route, busiest first, at most `rows` with the heading; empty when there is no room for one. */
export function routeTable(now: Snapshot, rates: readonly RouteRates[], rows: number): Line[] {
  const entries = rates.map((rate, i) => ({ rate, held: now.routes[i]! }));
  entries.sort((a, b) => b.rate.requestsPerS - a.rate.requestsPerS);
  const heading = head('route', ['req/s', 'hits', 'sent/s', 'entries', 'used', 'evict/s', 'premature']);
  const lines = entries.map(({ rate, held }): Line => {
    const premature = column(`${compact(rate.prematureEvictionsPerS)} /s`, 6);
    return [
      safe(rate.name, NAME - 1).padEnd(NAME),
      column(compact(rate.requestsPerS), 0),
      column(percent(rate.hitRatio), 1),
      column(formatSize(rate.sentBytesPerS), 2),
      column(formatCount(held.entries), 3),
      column(formatSize(held.usedBytes), 4),
      column(compact(rate.evictionsPerS), 5),
      rate.prematureEvictionsPerS > 0 ? [premature, 'bad'] : premature,
    ];
  });
  return table(heading, lines, rows);
}

/** One line per origin, at most `rows` with the heading. */
export function originTable(now: Snapshot, rates: readonly OriginRates[], rows: number): Line[] {
  const heading = head('origin', ['req/s', '', 'recv/s', 'active', '', 'conns', 'failures']);
  const lines = rates.map((rate, i): Line => {
    const { active, connections, failures } = now.origins[i]!;
    const total = Object.values(failures).reduce((sum, count) => sum + count, 0);
    const failed = column(formatCount(total), 6);
    return [
      safe(rate.name, NAME - 1).padEnd(NAME),
      column(compact(rate.requestsPerS), 0),
      column('', 1),
      column(formatSize(rate.receivedBytesPerS), 2),
      column(formatCount(active), 3),
      column('', 4),
      column(formatCount(connections), 5),
      rate.failures > 0 ? [failed, 'bad'] : failed,
    ];
  });
  return table(heading, lines, rows);
}

const WIDTHS = [7, 8, 10, 9, 9, 8, 10] as const;

function column(text: string, at: number): string {
  return text.padStart(WIDTHS[at]!);
}

function head(name: string, titles: readonly string[]): Line {
  return [[name.padEnd(NAME) + titles.map((title, i) => column(title, i)).join(''), 'dim']];
}

function table(heading: Line, lines: readonly Line[], rows: number): Line[] {
  if (rows < 2 || lines.length === 0) return [];
  if (lines.length <= rows - 1) return [heading, ...lines];
  const shown = rows - 2;
  if (shown < 1) return [];
  return [heading, ...lines.slice(0, shown), [[`and ${formatCount(lines.length - shown)} more`, 'dim']]];
}
