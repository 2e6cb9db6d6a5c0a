import { seededRandom } from '../base/random.ts';
import { batchesOf, servedKind, type TrafficRow, UNKNOWN_LIFE } from '../traffic/batch.ts';
import type { TrafficRecord } from '../traffic/record.ts';
import { memoryRecord } from '../traffic/rows.fixture.ts';
import type { SimulatedNode } from './plan.ts';
import { minuteColumns } from './replay/tally.ts';
import type { Replay } from './replay.ts';
import type { OriginReport, SimulationReport, TierReport } from './report.ts';

/** Made records, and a simulator that is as simple as can be: LRU, sizes of bodies alone, no lifetimes, no disk. */

const KIND = servedKind('all');

/** Noon of some day. */
export const START_MS = Date.UTC(2026, 10, 2, 12);

export interface MadeRequest {
  readonly atMs: number;
  readonly key: number;
  readonly bodyBytes: number;
}

/** Made requests as rows; the order is that of their times. */
export function rowsOf(requests: readonly MadeRequest[]): TrafficRow[] {
  return requests.map(({ atMs, key, bodyBytes }) => ({
    atMs,
    keyLo: Math.imul(key + 1, 0x9e37_79b1) >>> 0,
    keyHi: Math.imul(key + 1, 0x85eb_ca6b) >>> 0,
    bodyBytes,
    besideBytes: 400,
    originMs: 20,
    kind: KIND,
    life: UNKNOWN_LIFE,
  }));
}

/** A record in memory. */
export function madeRecord(requests: readonly MadeRequest[], name = 'made'): TrafficRecord {
  return memoryRecord(batchesOf(rowsOf(requests)), name);
}

/** Objects of one size, asked for alike: `perMinute` requests a minute, in an order that a seed decides. */
export function uniformRequests(want: {
  readonly objects: number;
  readonly bodyBytes: number;
  readonly minutes: number;
  readonly perMinute: (minute: number) => number;
  readonly seed: number;
}): MadeRequest[] {
  const random = seededRandom(want.seed);
  return Array.from({ length: want.minutes }, (_, minute) => {
    const count = want.perMinute(minute);
    return Array.from({ length: count }, (_, i) => ({
      atMs: START_MS + minute * 60_000 + Math.floor((i * 60_000) / count),
      key: Math.floor(random.next() * want.objects),
      bodyBytes: want.bodyBytes,
    }));
  }).flat();
}

/** A node that has nothing but memory. */
export function plainNode(sizeBytes: number, name = 'made'): SimulatedNode {
  const route = {
    caches: true,
    pinned: false,
    objectBytesMax: 2 ** 40,
    origin: 'o',
    negativeTtlS: 10,
  };
  return {
    name,
    memory: { sizeBytes, policy: 'lru', objectBytesMax: Math.min(2 ** 25, Math.floor(sizeBytes / 4)) },
    disk: undefined,
    routes: new Map(),
    otherRoute: route,
    room: { minResidencyS: 0, pinnedShare: 0.5, variantsShare: 0.5 },
    ghosts: 1000,
    origins: new Map(),
  };
}

/** {@link Replay} by the simplest means: a `Map` in the order of use. */
export const naiveReplay: Replay = (record, nodes, options = {}) =>
  nodes.map((node) => naiveReport(record, node, options.countFromMs ?? 0));

function naiveReport(record: TrafficRecord, node: SimulatedNode, countFromMs: number): SimulationReport {
  const budget = node.memory.sizeBytes + (node.disk?.sizeBytes ?? 0);
  const held = new Map<number, number>();
  const seen = new Set<number>();
  const evicted = new Set<number>();
  const counts = { requests: 0, bytes: 0, hits: 0, hitBytes: 0, first: 0, again: 0, premature: 0 };
  const { fromMs, toMs } = record.info;
  const minutes = Math.floor((toMs - fromMs) / 60_000) + 1;
  const series = minuteColumns(() => new Float64Array(minutes));
  let used = 0;
  let evictions = 0;
  for (const batch of record.batches()) {
    for (let i = 0; i < batch.count; i += 1) {
      const atMs = batch.baseMs + batch.timeUs[i]! / 1000;
      const minute = Math.floor((atMs - fromMs) / 60_000);
      series.memoryUsedBytes[minute] = used;
      const key = batch.keyLo[i]!;
      const size = batch.bodyBytes[i]!;
      const counted = atMs >= countFromMs ? 1 : 0;
      counts.requests += counted;
      counts.bytes += counted * size;
      series.requests[minute]! += 1;
      series.bytes[minute]! += size;
      if (held.delete(key)) {
        held.set(key, size);
        counts.hits += counted;
        counts.hitBytes += counted * size;
        series.hits[minute]! += 1;
        series.hitBytes[minute]! += size;
        continue;
      }
      series.originRequests[minute]! += 1;
      series.originBytes[minute]! += size;
      counts[seen.has(key) ? 'again' : 'first'] += counted;
      if (evicted.has(key)) {
        counts.premature += counted;
        series.prematureEvictions[minute]! += 1;
      }
      seen.add(key);
      if (size > budget) continue;
      for (const [coldest, itsSize] of held) {
        if (used + size <= budget) break;
        held.delete(coldest);
        evicted.add(coldest);
        used -= itsSize;
        evictions += 1;
        series.evictions[minute]! += 1;
      }
      held.set(key, size);
      used += size;
      series.memoryUsedBytes[minute] = used;
    }
  }
  const missed = counts.requests - counts.hits;
  const tier: TierReport = {
    budgetBytes: node.memory.sizeBytes,
    usedBytes: used,
    usedBytesMax: used,
    entries: held.size,
    insertions: held.size + evictions,
    evictions,
    earlyEvictions: evictions,
    prematureEvictions: counts.premature,
    refetchedBytes: 0,
    refusals: {},
    evictionAgeS: undefined,
    usableS: undefined,
    firstEvictionMs: undefined,
    filledMs: undefined,
    limit: evictions > 0 ? 'bytes' : 'none',
  };
  const peak = Math.max(
    0,
    ...series.originRequests.subarray(Math.max(0, Math.floor((countFromMs - fromMs) / 60_000))),
  );
  const load = { mean: missed / (minutes * 60), p99: 0, peakMinute: peak / 60 };
  const origin: OriginReport = {
    requests: missed,
    bytes: counts.bytes - counts.hitBytes,
    validations: 0,
    requestsPerS: load,
    bytesPerS: load,
    queue: undefined,
  };
  const all = {
    requests: counts.requests,
    bytes: counts.bytes,
    hits: counts.hits,
    hitBytes: counts.hitBytes,
    memoryHits: counts.hits,
    diskHits: 0,
    staleHits: 0,
    revalidated: 0,
    collapsed: 0,
    misses: missed,
    bypasses: 0,
    failed: 0,
    missReasons: { first: counts.first, evicted: counts.again, expired: 0, refused: 0, 'not-storable': 0 },
  };
  return {
    name: node.name,
    record: record.info,
    start: 'cold',
    rate: 1,
    keys: seen.size,
    all,
    routes: { all },
    memory: tier,
    disk: undefined,
    origins: { o: origin },
    origin,
    minutes: { fromMs, stepMs: 60_000, ...series },
    assumptions: ['What is asked for stays good for ever.'],
  };
}
