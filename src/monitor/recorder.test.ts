import { describe, expect, test } from 'bun:test';
import { seededRandom } from '../base/random.ts';
import { FLIGHT_ENDINGS, NOT_STORED_REASONS, OUTCOMES } from '../cache/outcome.ts';
import { composeSnapshot } from './compose.ts';
import { LATENCY_BOUNDS_MS } from './histogram.ts';
import { NO_ROUTE, Recorder } from './recorder.ts';
import { fakeNode } from './snapshot.fixture.ts';

/** An origin with which nothing is wrong. */
const WELL = { waiting: 0, circuit: 'closed', healthy: true, retries: 0, hedges: 0, failovers: 0 } as const;

const CAUSES = ['refused', 'truncated'];
const newRecorder = () => new Recorder({ routes: ['a', 'b'], origins: ['x', 'y'], causes: CAUSES });
const facts = () => fakeNode(1, ['a', 'b']).facts;
const twoOrigins = [
  { active: 1, connections: 2, ...WELL },
  { active: 3, connections: 4, ...WELL },
];

describe('the recorder', () => {
  test('grows by further routes and origins, and no count moves', () => {
    const recorder = newRecorder();
    const word = OUTCOMES.indexOf('miss');
    recorder.request(1, word, 200, 10, 1, true);
    recorder.request(NO_ROUTE, word, 404, 5, 1, true);
    recorder.originFetch(1, 200, 7, 1);
    recorder.originFailure(1, 1);
    recorder.grow(['a', 'b', 'c'], ['x', 'y', 'z']);
    recorder.request(2, word, 200, 20, 1, true);
    recorder.originFetch(2, 200, 9, 1);
    const route = {
      entries: 0,
      usedBytes: 0,
      evictions: 0,
      earlyEvictions: 0,
      prematureEvictions: 0,
      refetchedBytes: 0,
    };
    const origins = [...twoOrigins, twoOrigins[0]!];
    const snapshot = composeSnapshot(recorder, { ...facts(), routes: [route, route, route], origins });
    expect(snapshot.routes.map(({ name, requests, sentBytes }) => [name, requests.miss, sentBytes])).toEqual([
      ['a', 0, 0],
      ['b', 1, 10],
      ['c', 1, 20],
    ]);
    expect(snapshot.requests.miss).toBe(3);
    expect(recorder.requests[3 * OUTCOMES.length + word]).toBe(1);
    expect(
      snapshot.origins.map(({ requests, receivedBytes, failures }) => [
        requests,
        receivedBytes,
        failures['truncated'],
      ]),
    ).toEqual([
      [0, 0, 0],
      [1, 7, 1],
      [1, 9, 0],
    ]);
  });

  test('says what a plain list of the same events says', () => {
    const random = seededRandom(11);
    const recorder = newRecorder();
    const events: { route: number; outcome: number; status: number; bytes: number; ms: number }[] = [];
    for (let i = 0; i < 5_000; i += 1) {
      const event = {
        route: Math.floor(random.next() * 3) - 1,
        outcome: random.u32() % OUTCOMES.length,
        status: 200 + (random.u32() % 400),
        bytes: random.u32() % 100_000,
        ms: 10 ** (random.next() * 8 - 3),
      };
      events.push(event);
      recorder.request(event.route, event.outcome, event.status, event.bytes, event.ms, i % 10 !== 0);
    }
    const snapshot = composeSnapshot(recorder, { ...facts(), origins: twoOrigins });
    const count = (keep: (event: (typeof events)[number]) => boolean): number => events.filter(keep).length;
    for (const [i, outcome] of OUTCOMES.entries()) {
      expect(snapshot.requests[outcome]).toBe(count((e) => e.outcome === i));
      expect(snapshot.routes[1]!.requests[outcome]).toBe(count((e) => e.outcome === i && e.route === 1));
    }
    expect(snapshot.statuses['4xx']).toBe(count((e) => e.status >= 400 && e.status < 500));
    expect(snapshot.sentBytes).toBe(events.reduce((sum, e) => sum + e.bytes, 0));
    expect(snapshot.routes[0]!.sentBytes).toBe(
      events.filter((e) => e.route === 0).reduce((sum, e) => sum + e.bytes, 0),
    );
    expect(recorder.incomplete).toBe(500);
    for (const [i, boundMs] of LATENCY_BOUNDS_MS.entries()) {
      expect(snapshot.latency.counts[i]).toBe(count((e) => e.ms <= boundMs));
    }
    expect(snapshot.latency.counts.at(-1)).toBe(events.length);
    expect(snapshot.latency.sumMs).toBeCloseTo(
      events.reduce((sum, e) => sum + e.ms, 0),
      1,
    );
  });

  test('keeps origins apart, with their failures by cause', () => {
    const recorder = newRecorder();
    recorder.originFetch(0, 200, 1_000, 20);
    recorder.originFetch(1, 0, 0, 0);
    recorder.originFailure(1, 0);
    recorder.originFetch(1, 200, 300, 5);
    recorder.originFailure(1, 1);
    const { origins } = composeSnapshot(recorder, { ...facts(), origins: twoOrigins });
    expect(origins).toEqual([
      {
        name: 'x',
        requests: 1,
        receivedBytes: 1_000,
        failures: { refused: 0, truncated: 0 },
        active: 1,
        connections: 2,
        ...WELL,
      },
      {
        name: 'y',
        requests: 2,
        receivedBytes: 300,
        failures: { refused: 1, truncated: 1 },
        active: 3,
        connections: 4,
        ...WELL,
      },
    ]);
    // No head, no time to it.
    expect(recorder.originDurations.map((histogram) => histogram.count)).toEqual([1, 1]);
  });

  test('counts reasons and endings by their words', () => {
    const recorder = newRecorder();
    recorder.notStored(NOT_STORED_REASONS.indexOf('private'));
    recorder.flightEnding(FLIGHT_ENDINGS.indexOf('abandoned'));
    const { notStored } = composeSnapshot(recorder, { ...facts(), origins: twoOrigins });
    expect(notStored.private).toBe(1);
    expect(Object.values(notStored).reduce((sum, n) => sum + n, 0)).toBe(1);
    expect(recorder.flights[FLIGHT_ENDINGS.indexOf('abandoned')]).toBe(1);
  });

  test('cannot be made to throw or to count nonsense by what the request path hands it', () => {
    const recorder = newRecorder();
    recorder.request(99, 0, 200, 10, 1, true); // a route that is gone counts as none
    recorder.request(NO_ROUTE, 0, 999, Number.NaN, Number.NaN, true);
    recorder.request(0, 99, 200, 10, 1, true);
    recorder.request(0, 0, 200, -5, -5, true);
    recorder.notStored(-1);
    recorder.flightEnding(99);
    recorder.originFetch(7, 200, 1, 1);
    recorder.originFailure(0, 9);
    recorder.originFailure(0, -1);
    recorder.originQueued(7, 1);
    recorder.retrievalFailure(0, 99);
    recorder.retrievalFailure(0, -1);
    const snapshot = composeSnapshot(recorder, { ...facts(), origins: twoOrigins });
    expect(snapshot.requests.hit).toBe(3);
    expect(snapshot.routes.map((route) => route.requests.hit)).toEqual([1, 0]);
    expect(snapshot.sentBytes).toBe(10);
    expect(snapshot.latency.sumMs).toBe(1);
    expect(snapshot.latency.counts[0]).toBe(2);
    expect(JSON.stringify(snapshot)).not.toContain('null');
    expect(recorder.originFailures.every((n) => n === 0)).toBe(true);
  });
});
