import { describe, expect, test } from 'bun:test';
import { OUTCOMES, type Outcome } from '../cache/outcome.ts';
import { hitRatio, ratesBetween } from './rates.ts';
import { fakeNode } from './snapshot.fixture.ts';

const outcomes = (counts: Partial<Record<Outcome, number>>): Record<Outcome, number> => ({
  ...(Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Record<Outcome, number>),
  ...counts,
});

describe('the hit ratio', () => {
  test('counts what needed no origin body of its own, among what the cache was asked for', () => {
    expect(hitRatio(outcomes({ hit: 6, revalidated: 1, stale: 1, collapsed: 1, miss: 2, failed: 1 }))).toBe(
      0.75,
    );
    expect(hitRatio(outcomes({ hit: 1, bypass: 50, refused: 50 }))).toBe(1);
    expect(hitRatio(outcomes({ bypass: 1 }))).toBeUndefined();
  });
});

describe('rates between two snapshots', () => {
  test('are growth per second of that time alone', () => {
    const node = fakeNode(3);
    node.second(1_000, 40);
    const earlier = node.second(500, 8);
    node.second(100, 8);
    const later = node.second(300, 8);
    const rates = ratesBetween(earlier, later);
    expect(rates.seconds).toBe(2);
    expect(rates.requestsPerS).toBe(200);
    expect(Object.values(rates.outcomes).reduce((sum, n) => sum + n, 0)).toBe(400);
    expect(rates.latency.counts.at(-1)).toBe(400);
    expect(rates.evictionsPerS).toBe(8);
    expect(rates.earlyEvictionsPerS).toBe(4);
    expect(rates.prematureEvictionsPerS).toBe(2);
    expect(rates.refetchedBytesPerS).toBe(2 * 31_000);
    expect(rates.routes.reduce((sum, route) => sum + route.requestsPerS, 0)).toBeLessThanOrEqual(200);
    expect(rates.routes[0]!.prematureEvictionsPerS).toBe(2);
    const asked = rates.outcomes.miss + rates.outcomes.failed;
    expect(rates.originRequestsPerS).toBe(asked / 2);
    expect(rates.offload).toBeCloseTo(1 - asked / 400, 10);
    expect(rates.serverErrors).toBe(rates.outcomes.failed);
    expect(rates.originFailures).toEqual(
      rates.outcomes.failed > 0 ? { 'connect-timeout': rates.outcomes.failed } : {},
    );
  });

  test('count since the start of the node when there is no earlier one, or the node was restarted', () => {
    const old = fakeNode(4);
    const before = old.second(5_000, 100);
    const node = fakeNode(5);
    node.facts = { ...node.facts, startedAtMs: before.nowMs + 1, nowMs: before.nowMs + 1 };
    const after = node.second(200, 4);
    expect(ratesBetween(before, after)).toEqual({ ...ratesBetween(undefined, after), restarted: true });
    expect(ratesBetween(undefined, after).requestsPerS).toBe(200);
  });

  test('are 0, not infinite, for two snapshots of the same moment', () => {
    const snapshot = fakeNode(6).second(10);
    const rates = ratesBetween(snapshot, snapshot);
    expect(rates.requestsPerS).toBe(0);
    expect(rates.hitRatio).toBeUndefined();
    expect(rates.offload).toBeUndefined();
  });

  test('find routes and origins by name, so a changed order or a new one does not show as traffic', () => {
    const node = fakeNode(7);
    const earlier = node.second(1_000);
    const [first, second] = earlier.routes;
    const later = { ...earlier, nowMs: earlier.nowMs + 1_000, routes: [second!, first!] };
    expect(ratesBetween(earlier, later).routes.map((route) => route.requestsPerS)).toEqual([0, 0]);
  });
});
