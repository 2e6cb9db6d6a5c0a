import { describe, expect, test } from 'bun:test';
import { type VirtualClock, virtualClock } from '../../../test/support/virtual-clock.ts';
import { type Random, seededRandom } from '../../base/random.ts';
import { servedKind, type TrafficBatch, UNKNOWN_LIFE } from '../batch.ts';
import { rowsOf } from '../rows.fixture.ts';
import { placeOf, thresholdOf } from '../sample.ts';
import { totalsOf } from '../totals.ts';
import { TrafficRecorder } from './recorder.ts';
import { emptyRow, RingWriter } from './row-ring.ts';

const START_MS = Date.UTC(2026, 10, 23, 17, 0, 0);

interface Parts {
  readonly clock: VirtualClock;
  readonly recorder: TrafficRecorder;
  readonly batches: TrafficBatch[];
}

function recording(paths = false): Parts {
  const clock = virtualClock();
  const batches: TrafficBatch[] = [];
  const recorder = new TrafficRecorder({
    clock,
    routeNames: () => ['a', 'b'],
    paths,
    onFault: (error) => {
      throw error;
    },
  });
  recorder.listen({ onBatch: (batch) => batches.push(batch) });
  return { clock, recorder, batches };
}

const MISS = servedKind('b');

/** A hit of the recorder's own thread, or of a worker. */
function hit(writer: RingWriter | TrafficRecorder, receivedMs: number, key: number): void {
  const row = emptyRow();
  const atMs = writer.stamp(receivedMs);
  const life = { bornS: 100, freshUntilS: 200 + key, revalidateUntilS: 300 + key, errorUntilS: 200 + key };
  const sizes = { bodyBytes: key * 1000, besideBytes: 300 };
  Object.assign(row, { atMs, keyLo: key, keyHi: hash(key), status: 200, ...life, ...sizes });
  if (writer instanceof RingWriter) writer.add(row);
  else writer.hit(row);
}

function miss(recorder: TrafficRecorder, seenMs: number, key: number): void {
  recorder.add({
    atMs: seenMs,
    keyLo: key,
    keyHi: hash(key),
    bodyBytes: key * 1000,
    besideBytes: 0,
    originMs: 5,
    kind: MISS,
    life: UNKNOWN_LIFE,
    path: () => `/${key}`,
  });
}

function hash(key: number): number {
  return Math.imul(key, 0x9e37_79b1) >>> 0;
}

const keysOf = (batches: readonly TrafficBatch[]) => rowsOf(batches).map(({ keyLo }) => keyLo);

describe('the recorder', () => {
  test('hands out rows in the order of the look-ups, whoever ended first', () => {
    const { clock, recorder, batches } = recording();
    const waiting: [seenMs: number, key: number][] = [];
    const random = seededRandom(1);
    for (let key = 1; key <= 2000; key += 1) {
      if (random.next() < 0.3) clock.advance(random.next() * 3);
      // Many come in the same moment: their order is that of the look-ups all the same.
      if (random.next() < 0.7) hit(recorder, clock.monotonicMs(), key);
      else waiting.push([recorder.stamp(clock.monotonicMs()), key]);
    }
    for (const [seenMs, key] of waiting.reverse()) miss(recorder, seenMs, key);
    recorder.drain();
    expect(keysOf(batches)).toEqual(Array.from({ length: 2000 }, (_, i) => i + 1));
    expect(batches).toHaveLength(1);
    expect(recorder.rows).toBe(2000);
    const [first] = rowsOf(batches);
    expect(first!.atMs).toBeGreaterThanOrEqual(START_MS);
  });

  test('says what a hit was', () => {
    const { clock, recorder, batches } = recording();
    clock.advance(1500);
    hit(recorder, clock.monotonicMs(), 7);
    recorder.drain();
    expect(rowsOf(batches)).toEqual([
      {
        atMs: START_MS + 1500,
        keyLo: 7,
        keyHi: hash(7),
        bodyBytes: 7000,
        besideBytes: 300,
        originMs: undefined,
        kind: { ...MISS, route: 'a', outcome: 'hit', tier: 'memory' },
        life: { known: 'applied', lifetimeS: 107, whileRevalidateS: 100, ifErrorS: 0, flags: 0 },
      },
    ]);
  });

  test('merges the hits of several threads by their times', () => {
    const { recorder, batches } = recording();
    const rings = [recorder.join(2), recorder.join(2)];
    const writers = [recorder, ...rings.map((ring) => new RingWriter(ring, () => undefined))];
    const random = seededRandom(2);
    for (let key = 1; key <= 3000; key += 1) hit(writers[Math.floor(random.next() * 3)]!, key, key);
    recorder.leave(rings[0]!);
    recorder.drain();
    expect(keysOf(batches)).toEqual(Array.from({ length: 3000 }, (_, i) => i + 1));
  });

  test('does not wait for its timer when there is much to hand out', () => {
    const { clock, recorder, batches } = recording();
    for (let key = 1; key <= 50_000; key += 1) hit(recorder, key, key);
    expect(recorder.rows).toBe(0);
    clock.advance(0);
    expect(recorder.rows).toBeGreaterThan(45_000);
    for (let key = 1; key <= 10_000; key += 1) miss(recorder, key, key);
    clock.advance(0);
    expect([recorder.rows, recorder.dropped]).toEqual([60_000, 0]);
    expect(batches.reduce((sum, { count }) => sum + count, 0)).toBe(60_000);
  });

  test('drops what nobody takes in time, and counts it', () => {
    const { clock, recorder } = recording();
    let asked = 0;
    const worker = new RingWriter(recorder.join(2), () => {
      asked += 1;
    });
    for (let key = 1; key <= 40_000; key += 1) hit(worker, key, key);
    for (let key = 1; key <= 20_000; key += 1) miss(recorder, key, key);
    expect([asked, recorder.dropped]).toEqual([1, 40_000 - 16_384 + 20_000 - 16_384]);
    recorder.collectSoon();
    recorder.collectSoon();
    clock.advance(0);
    recorder.drain();
    expect(recorder.rows).toBe(2 * 16_384);
    hit(worker, 50_000, 1);
    recorder.drain();
    expect(recorder.rows).toBe(2 * 16_384 + 1);
  });

  test('follows a wall clock that jumps', () => {
    const { clock, recorder, batches } = recording();
    hit(recorder, clock.monotonicMs(), 1);
    recorder.drain();
    clock.jumpWall(3_600_000);
    // Noticed by the next drain, a second later at most.
    recorder.drain();
    hit(recorder, clock.monotonicMs(), 2);
    recorder.drain();
    expect(rowsOf(batches).map(({ atMs }) => Math.round(atMs))).toEqual([START_MS, START_MS + 3_600_000]);
  });

  test('tells each path once', () => {
    const { recorder, batches } = recording(true);
    for (const key of [1, 2, 1, 1]) miss(recorder, key, key);
    recorder.drain();
    miss(recorder, 9, 2);
    recorder.drain();
    expect(batches.map(({ paths = [] }) => paths.map(({ path }) => path))).toEqual([['/1', '/2'], []]);
  });

  test('a listener that throws keeps nothing from the others', () => {
    const faults: unknown[] = [];
    const clock = virtualClock();
    const recorder = new TrafficRecorder({
      clock,
      routeNames: () => ['a'],
      paths: false,
      onFault: (error) => faults.push(error),
    });
    const seen: number[] = [];
    recorder.listen({
      onBatch: () => {
        throw new Error('mine');
      },
    });
    recorder.listen({ onBatch: ({ count }) => seen.push(count) });
    hit(recorder, 1, 1);
    recorder.drain();
    expect([faults.length, seen]).toEqual([1, [1]]);
  });
});

describe('below a rate of 1', () => {
  /** Hits and misses on two threads. @returns the keys that were asked for. */
  function traffic(
    random: Random,
    { recorder, clock }: Parts,
    writers: readonly (RingWriter | TrafficRecorder)[],
  ): number[] {
    return Array.from({ length: 500 }, () => {
      const key = Math.ceil(random.next() ** 2 * 300);
      clock.advance(1);
      const writer = writers[Math.floor(random.next() * 3)];
      if (writer === undefined) miss(recorder, recorder.stamp(clock.monotonicMs()), key);
      else hit(writer, clock.monotonicMs(), key);
      return key;
    });
  }

  test('all requests of the sampled keys are there and none of others; totals are of all', () => {
    const parts = recording();
    const { recorder, batches } = parts;
    const random = seededRandom(3);
    const writers = [recorder, new RingWriter(recorder.join(2), () => undefined)];
    for (const rate of [1, 0.5, 0.125, 0.25, 1, 0.01]) {
      recorder.rate = rate;
      // What was noted by the former rate, which may be the lower one, is out.
      recorder.drain();
      batches.length = 0;
      const asked = traffic(random, parts, writers);
      recorder.drain();
      const isIn = (key: number) => placeOf(hash(key)) < thresholdOf(rate);
      expect(keysOf(batches).sort()).toEqual(asked.filter(isIn).sort());
      const totals = batches.flatMap((batch) => (rate === 1 ? totalsOf(batch) : batch.totals));
      expect(totals.reduce((sum, { requests }) => sum + requests, 0)).toBe(500);
      expect(totals.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0)).toBe(
        asked.reduce((sum, key) => sum + key * 1000, 0),
      );
      for (const batch of batches) expect(batch.rate).toBeCloseTo(rate, 6);
    }
  });

  test('a change in the midst loses no count, and keeps to what both rates have', () => {
    const parts = recording();
    const { recorder, batches } = parts;
    const writers = [recorder, new RingWriter(recorder.join(2), () => undefined)];
    const random = seededRandom(4);
    let asked = 0;
    for (const rate of [0.5, 0.25, 0.5, 0.03, 1, 0.5]) {
      asked += traffic(random, parts, writers).length;
      recorder.rate = rate;
    }
    recorder.drain();
    const requests = batches.flatMap((batch) => (batch.rate === 1 ? totalsOf(batch) : batch.totals));
    expect(requests.reduce((sum, total) => sum + total.requests, 0)).toBe(asked);
    for (const batch of batches) {
      const threshold = thresholdOf(batch.rate);
      for (const { keyHi } of rowsOf([batch])) expect(placeOf(keyHi)).toBeLessThan(threshold);
    }
  });
});
