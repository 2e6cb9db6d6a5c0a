import { type Random, seededRandom } from '../base/random.ts';
import { NOT_STORED_REASONS, OUTCOMES, type Outcome, RETRIEVAL_FAILURES } from '../cache/outcome.ts';
import { composeSnapshot, type NodeFacts } from './compose.ts';
import { Recorder } from './recorder.ts';
import type {
  AutoSnapshot,
  CurveSnapshot,
  DiskSnapshot,
  ImagesSnapshot,
  Snapshot,
  TrafficSnapshot,
} from './snapshot.ts';

/** A node that exists only in tests: a recorder fed with seeded traffic, and the facts beside it. */
export interface FakeNode {
  readonly recorder: Recorder;
  /** One second of the node's life with about `requests` requests; `evictions` of which 1 in 4 premature. */
  second(requests: number, evictions?: number): Snapshot;
  facts: NodeFacts;
}

export const FIXTURE_CAUSES = ['refused', 'connect-timeout', 'truncated'] as const;

const MIX: readonly (readonly [Outcome, number])[] = [
  ['hit', 0.9],
  ['collapsed', 0.92],
  ['stale', 0.925],
  ['miss', 0.995],
  ['refused', 0.999],
  ['failed', 1],
];

/** Deterministic: same seed and calls, same snapshots. */
export function fakeNode(seed: number, routes: readonly string[] = ['images', 'avatars']): FakeNode {
  const random = seededRandom(seed);
  const recorder = new Recorder({ routes, origins: ['shop'], causes: FIXTURE_CAUSES });
  const node: FakeNode = {
    recorder,
    facts: firstFacts(routes),
    second(requests, evictions = 0) {
      for (let i = 0; i < requests; i += 1) oneRequest(recorder, random, routes.length);
      node.facts = nextFacts(node.facts, evictions);
      return composeSnapshot(recorder, node.facts);
    },
  };
  return node;
}

function oneRequest(recorder: Recorder, random: Random, routes: number): void {
  const dice = random.next();
  const outcome = MIX.find(([, upTo]) => dice < upTo)![0];
  const route = outcome === 'refused' ? -1 : Math.floor(random.next() ** 2 * routes);
  const asksOrigin = outcome === 'miss' || outcome === 'failed';
  const status = outcome === 'failed' ? 504 : outcome === 'refused' ? 404 : 200;
  const durationMs =
    asksOrigin || outcome === 'collapsed' ? 30 + random.next() ** 8 * 400 : 0.03 + random.next() ** 6;
  const sentBytes = status === 200 ? 2_000 + Math.floor(random.next() ** 3 * 90_000) : 200;
  recorder.request(route, OUTCOMES.indexOf(outcome), status, sentBytes, durationMs, status !== 504);
  if (outcome === 'failed') {
    recorder.originFetch(0, 0, 0, 0);
    recorder.originFailure(0, 1);
    recorder.retrievalFailure(route, RETRIEVAL_FAILURES.indexOf('origin-connect-timeout'));
  } else if (asksOrigin) {
    recorder.originFetch(0, 200, sentBytes, durationMs / 2);
    recorder.flightEnding(0);
    if (random.next() < 0.1) recorder.notStored(NOT_STORED_REASONS.indexOf('no-store'));
  }
}

function firstFacts(routes: readonly string[]): NodeFacts {
  const none = {
    entries: 0,
    usedBytes: 0,
    evictions: 0,
    earlyEvictions: 0,
    prematureEvictions: 0,
    refetchedBytes: 0,
  };
  return {
    holdfast: '0.1.0',
    startedAtMs: Date.UTC(2026, 10, 23, 17, 0, 0),
    nowMs: Date.UTC(2026, 10, 23, 17, 0, 0),
    listen: 'http://127.0.0.1:8080',
    draining: false,
    connections: 32,
    transport: { refused: 0, refusedPerClient: 0, malformed: { 'bare-lf': 0 }, timeouts: { head: 0 } },
    workers: { serving: 1, deaths: 0, droppedHits: 0 },
    memory: {
      policy: 's3-fifo',
      budgetBytes: 64 * 1024 ** 2,
      usedBytes: 0,
      heldBytes: 0,
      entries: 0,
      originals: { entries: 0, usedBytes: 0 },
      variants: { entries: 0, usedBytes: 0 },
      insertions: 0,
      removals: { room: 0, expired: 0, purged: 0, invalidated: 0, replaced: 0, tainted: 0, crowded: 0 },
      earlyEvictions: 0,
      prematureEvictions: 0,
      refetchedBytes: 0,
      evictionAgeS: undefined,
      youngBytes: 0,
      pinnedBytes: 0,
      pinnedOverflows: 0,
    },
    routes: routes.map(() => none),
    fetches: 3,
    origins: [
      {
        active: 3,
        connections: 8,
        waiting: 0,
        circuit: 'closed',
        healthy: true,
        retries: 0,
        hedges: 0,
        failovers: 0,
      },
    ],
    process: { residentBytes: 120 * 1024 ** 2, cpuSeconds: 0.5 },
    config: {
      file: 'holdfast.yaml',
      hash: '0123456789ab',
      loadedAtMs: Date.UTC(2026, 10, 23, 17, 0, 0),
      lastReloadOk: true,
      problems: 0,
      needsRestart: [],
    },
    purges: { active: 0, total: 0 },
  };
}

function nextFacts(facts: NodeFacts, evictions: number): NodeFacts {
  const { memory } = facts;
  const premature = Math.floor(evictions / 4);
  const early = Math.floor(evictions / 2);
  const refetchedBytes = premature * 31_000;
  const [first, ...others] = facts.routes;
  return {
    ...facts,
    nowMs: facts.nowMs + 1000,
    memory: {
      ...memory,
      usedBytes: Math.min(memory.budgetBytes - 100_000, memory.usedBytes + 4_000_000),
      heldBytes: memory.budgetBytes,
      entries: Math.min(1_843, memory.entries + 120),
      insertions: memory.insertions + 120,
      removals: { ...memory.removals, room: memory.removals.room + evictions },
      earlyEvictions: memory.earlyEvictions + early,
      prematureEvictions: memory.prematureEvictions + premature,
      refetchedBytes: memory.refetchedBytes + refetchedBytes,
      evictionAgeS: evictions > 0 ? 34 : memory.evictionAgeS,
    },
    routes: [
      {
        entries: 1_500,
        usedBytes: 50_000_000,
        evictions: first!.evictions + evictions,
        earlyEvictions: first!.earlyEvictions + early,
        prematureEvictions: first!.prematureEvictions + premature,
        refetchedBytes: first!.refetchedBytes + refetchedBytes,
      },
      ...others,
    ],
    process: { ...facts.process, cpuSeconds: facts.process.cpuSeconds + 0.05 },
  };
}

/** A disk tier that is at work. */
export const FIXTURE_DISK: DiskSnapshot = {
  state: 'ready',
  budgetBytes: 1024 ** 3,
  usedBytes: 300 * 1024 ** 2,
  backlogBytes: 5,
  unsyncedBytes: 6,
  entries: 12_345,
  segments: 7,
  originals: { entries: 12_000, usedBytes: 200 * 1024 ** 2 },
  variants: { entries: 345, usedBytes: 100 * 1024 ** 2 },
  indexBytes: 8,
  insertions: 9,
  writtenBytes: 10,
  loads: 11,
  evictions: 12,
  earlyEvictions: 13,
  reinsertions: 14,
  removals: 15,
  lost: 16,
  refused: { 'too-large': 17, busy: 18 },
  damaged: 19,
  readErrors: 20,
  writeErrors: 21,
  promoted: 30,
  lent: 10,
  failed: 2,
};

/** A node that records what it is asked for. */
export const FIXTURE_TRAFFIC: TrafficSnapshot = {
  path: '/var/lib/holdfast/traffic',
  isPaused: false,
  rows: 1_234_567,
  droppedRows: 3,
  rate: 0.5,
  storedBytes: 200 * 1024 ** 2,
  sizeBytes: 1024 ** 3,
  oldestMs: 1_800_000_000_000,
  writeErrors: 1,
};

/** What a live curve says once it has settled. */
export const FIXTURE_CURVE: CurveSnapshot = {
  observedS: 200_000,
  windowS: 86_400,
  requests: 1_000_000,
  sizes: [
    { factor: 0.5, sizeBytes: 32 * 1024 ** 2, objectHitRatio: 0.8, byteHitRatio: 0.7 },
    { factor: 1, sizeBytes: 64 * 1024 ** 2, objectHitRatio: 0.9, byteHitRatio: 0.8 },
    { factor: 2, sizeBytes: 128 * 1024 ** 2, objectHitRatio: 0.95, byteHitRatio: 0.9 },
  ],
};

/** A policy that the node has chosen by itself. */
export const FIXTURE_AUTO: AutoSnapshot = {
  serving: 's3-fifo',
  favour: 'balanced',
  rate: 0.25,
  capacityBytes: 16 * 1024 ** 2,
  entries: 12_000,
  windows: 128,
  requests: 40_000,
  policies: [
    { policy: 's3-fifo', missRatio: 0.1, byteMissRatio: 0.2, lead: 0, error: 0 },
    { policy: 'lru', missRatio: 0.15, byteMissRatio: 0.24, lead: -0.045, error: 0.003 },
    { policy: 'sieve', missRatio: 0.11, byteMissRatio: 0.2, lead: -0.005, error: 0.001 },
  ],
  switches: 1,
  decisions: [
    {
      atMs: 1_800_000_000_000,
      from: 'lru',
      to: 's3-fifo',
      lead: 0.031,
      error: 0.004,
      windows: 8,
      requests: 2_400,
      rate: 0.25,
      reason: 's3-fifo instead of lru: its hit ratio was 3.10 points higher',
    },
  ],
};

/** Variants that are being made. */
export const FIXTURE_IMAGES: ImagesSnapshot = {
  active: 2,
  waiting: 3,
  heldBytes: 4_000_000,
  residentBytes: 95 * 1024 ** 2,
  restarts: 1,
  results: { made: 120, confirmed: 7, truncated: 1 },
};
