import { OUTCOMES, type Outcome } from '../cache/outcome.ts';
import { latencySince } from './quantile.ts';
import type { LatencySnapshot, OriginSnapshot, RouteSnapshot, Snapshot } from './snapshot.ts';
import { TRANSFORM_RESULTS, type TransformResultWord } from './transform-books.ts';

/** What happened between two snapshots of one node. Rates are per second. */
export interface Rates {
  /** Seconds between the two; 0 when there was no earlier one. */
  readonly seconds: number;
  /** The node was started anew in between; everything is then counted since that start. */
  readonly restarted: boolean;
  /** Requests that ended in this time, by outcome: counts, not rates. */
  readonly outcomes: Readonly<Record<Outcome, number>>;
  readonly requestsPerS: number;
  /** See {@link hitRatio}. */
  readonly hitRatio: number | undefined;
  readonly sentBytesPerS: number;
  /** What ended in this time, for quantiles. */
  readonly latency: LatencySnapshot;
  readonly serverErrors: number;
  readonly evictionsPerS: number;
  readonly earlyEvictionsPerS: number;
  readonly prematureEvictionsPerS: number;
  readonly refetchedBytesPerS: number;
  readonly originRequestsPerS: number;
  readonly originReceivedBytesPerS: number;
  /** Share of requests that caused no origin request; undefined without requests, below 0 when the origin was asked more often. */
  readonly offload: number | undefined;
  /** Origin failures by cause, counts; causes that did not occur are left out. */
  readonly originFailures: Readonly<Record<string, number>>;
  /** Variants by how they came about or failed: counts; results that did not occur are left out. */
  readonly transforms: Readonly<Partial<Record<TransformResultWord, number>>>;
  readonly routes: readonly RouteRates[];
  readonly origins: readonly OriginRates[];
}

/** The same for one route; its hit ratio as {@link hitRatio} has it. */
export interface RouteRates {
  readonly name: string;
  readonly requestsPerS: number;
  readonly hitRatio: number | undefined;
  readonly sentBytesPerS: number;
  readonly evictionsPerS: number;
  readonly prematureEvictionsPerS: number;
}

export interface OriginRates {
  readonly name: string;
  readonly requestsPerS: number;
  readonly receivedBytesPerS: number;
  /** Count in this time. */
  readonly failures: number;
}

/**
 * Differences of two snapshots of one node, `earlier` first. Without an earlier one, and after a restart, counters
 * are taken since the start of the node. O(routes + origins + buckets).
 */
export function ratesBetween(earlier: Snapshot | undefined, later: Snapshot): Rates {
  const restarted = earlier !== undefined && earlier.startedAtMs !== later.startedAtMs;
  const before = restarted ? undefined : earlier;
  const seconds = Math.max(0, (later.nowMs - (before?.nowMs ?? later.startedAtMs)) / 1000);
  const perS = (growth: number): number => (seconds > 0 ? growth / seconds : 0);
  const outcomes = outcomesSince(before?.requests, later.requests);
  const requests = sumOf(outcomes);
  const originRequests = grown(sumBy(before?.origins, 'requests'), sumBy(later.origins, 'requests'));
  const memory = (field: NumericMemoryField): number =>
    perS(grown(before?.memory[field], later.memory[field]));
  return {
    seconds,
    restarted,
    outcomes,
    requestsPerS: perS(requests),
    hitRatio: hitRatio(outcomes),
    sentBytesPerS: perS(grown(before?.sentBytes, later.sentBytes)),
    latency: latencySince(before?.latency, later.latency),
    serverErrors: grown(before?.statuses['5xx'], later.statuses['5xx']),
    evictionsPerS: perS(grown(before?.memory.removals.room, later.memory.removals.room)),
    earlyEvictionsPerS: memory('earlyEvictions'),
    prematureEvictionsPerS: memory('prematureEvictions'),
    refetchedBytesPerS: memory('refetchedBytes'),
    originRequestsPerS: perS(originRequests),
    originReceivedBytesPerS: perS(
      grown(sumBy(before?.origins, 'receivedBytes'), sumBy(later.origins, 'receivedBytes')),
    ),
    offload: requests > 0 ? 1 - originRequests / requests : undefined,
    originFailures: failuresSince(before, later),
    transforms: transformsSince(before, later),
    routes: later.routes.map((route) => routeRates(named(before?.routes, route.name), route, perS)),
    origins: later.origins.map((origin) => originRates(named(before?.origins, origin.name), origin, perS)),
  };
}

type NumericMemoryField = 'earlyEvictions' | 'prematureEvictions' | 'refetchedBytes';

/**
 * The object hit ratio: the share of cacheable requests that needed no origin body of their own. Hits are `hit`,
 * `revalidated`, `stale` and `collapsed` (a delayed hit); `miss` and `failed` are not; `bypass` and `refused` do not
 * count at all. Undefined when nothing counted.
 */
export function hitRatio(outcomes: Readonly<Record<Outcome, number>>): number | undefined {
  const hits = outcomes.hit + outcomes.revalidated + outcomes.stale + outcomes.collapsed;
  const all = hits + outcomes.miss + outcomes.failed;
  return all > 0 ? hits / all : undefined;
}

function routeRates(
  before: RouteSnapshot | undefined,
  route: RouteSnapshot,
  perS: (growth: number) => number,
): RouteRates {
  const outcomes = outcomesSince(before?.requests, route.requests);
  return {
    name: route.name,
    requestsPerS: perS(sumOf(outcomes)),
    hitRatio: hitRatio(outcomes),
    sentBytesPerS: perS(grown(before?.sentBytes, route.sentBytes)),
    evictionsPerS: perS(grown(before?.evictions, route.evictions)),
    prematureEvictionsPerS: perS(grown(before?.prematureEvictions, route.prematureEvictions)),
  };
}

function originRates(
  before: OriginSnapshot | undefined,
  origin: OriginSnapshot,
  perS: (growth: number) => number,
): OriginRates {
  return {
    name: origin.name,
    requestsPerS: perS(grown(before?.requests, origin.requests)),
    receivedBytesPerS: perS(grown(before?.receivedBytes, origin.receivedBytes)),
    failures: grown(before === undefined ? 0 : sumOf(before.failures), sumOf(origin.failures)),
  };
}

function failuresSince(before: Snapshot | undefined, later: Snapshot): Record<string, number> {
  const failures: Record<string, number> = {};
  for (const origin of later.origins) {
    const earlier = named(before?.origins, origin.name)?.failures;
    for (const [cause, count] of Object.entries(origin.failures)) {
      const growth = grown(earlier?.[cause], count);
      if (growth > 0) failures[cause] = (failures[cause] ?? 0) + growth;
    }
  }
  return failures;
}

function transformsSince(
  before: Snapshot | undefined,
  later: Snapshot,
): Partial<Record<TransformResultWord, number>> {
  const counts: Partial<Record<TransformResultWord, number>> = {};
  for (const word of TRANSFORM_RESULTS) {
    const growth = grown(before?.images?.results[word], later.images?.results[word] ?? 0);
    if (growth > 0) counts[word] = growth;
  }
  return counts;
}

function outcomesSince(
  before: Readonly<Record<Outcome, number>> | undefined,
  later: Readonly<Record<Outcome, number>>,
): Record<Outcome, number> {
  const growth = {} as Record<Outcome, number>;
  for (const outcome of OUTCOMES) growth[outcome] = grown(before?.[outcome], later[outcome]);
  return growth;
}

/** A counter that fell was started anew (a route or origin replaced by a reload): all of it is growth. */
function grown(before: number | undefined, later: number): number {
  return before === undefined || later < before ? later : later - before;
}

function sumOf(record: Readonly<Record<string, number>>): number {
  let sum = 0;
  for (const n of Object.values(record)) sum += n;
  return sum;
}

function sumBy(origins: readonly OriginSnapshot[] | undefined, field: 'requests' | 'receivedBytes'): number {
  return origins?.reduce((sum, origin) => sum + origin[field], 0) ?? 0;
}

function named<T extends { readonly name: string }>(
  list: readonly T[] | undefined,
  name: string,
): T | undefined {
  return list?.find((item) => item.name === name);
}
