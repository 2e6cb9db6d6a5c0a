import { expect, test } from 'bun:test';
import { seededRandom } from '../../base/random.ts';
import { servedKind, type TrafficBatch, UNKNOWN_LIFE } from '../batch.ts';
import { rowsOf } from '../rows.fixture.ts';
import { ReorderBuffer, WINDOW_MS } from './reorder.ts';

const KIND = servedKind('all');

/** Puts times in, as a reader does; gives their order by number, and the times. */
function ordered(times: readonly number[], rowsMax?: number) {
  const batches: TrafficBatch[] = [];
  const buffer = new ReorderBuffer((batch) => batches.push(batch), 1, rowsMax);
  for (const [at, atMs] of times.entries()) {
    if (buffer.isFull) buffer.release(Math.min(atMs, times[at - 1]!));
    buffer.add({
      atMs,
      keyLo: at,
      keyHi: 0,
      bodyBytes: 0,
      besideBytes: 0,
      originMs: undefined,
      kind: KIND,
      life: UNKNOWN_LIFE,
    });
  }
  buffer.flush();
  const rows = rowsOf(batches);
  return {
    order: rows.map(({ keyLo }) => keyLo),
    times: rows.map(({ atMs }) => atMs),
    late: buffer.lateRows,
    buffer,
  };
}

test('rows that are out of order by less than the window come out as a stable sort would have them', () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const random = seededRandom(seed);
    const startMs = seed === 1 ? 0 : 1.7e12;
    const times = Array.from(
      { length: 3000 },
      (_, i) => startMs + i * 10_000 + Math.floor(random.next() ** 4 * (WINDOW_MS - 10_000)) + 0.5,
    );
    const { order, late } = ordered(times, 200);
    const expected = times.map((_, i) => i).sort((a, b) => times[a]! - times[b]! || a - b);
    expect(order).toEqual(expected);
    expect(late).toBe(0);
  }
});

test('what comes later than the window is counted and takes the time of those before; nothing is lost', () => {
  const random = seededRandom(9);
  const times = Array.from(
    { length: 5000 },
    (_, i) => 1e12 + i * 1000 - (random.next() < 0.01 ? 3e6 : 0) + 0.5,
  );
  const { order, times: out, late } = ordered(times, 500);
  expect([...order].sort((a, b) => a - b)).toEqual(times.map((_, i) => i));
  expect(late).toBeGreaterThan(10);
  for (let i = 1; i < out.length; i += 1) expect(out[i]!).toBeGreaterThanOrEqual(out[i - 1]!);
});

test('one wrong time, far ahead, moves no other', () => {
  const times = Array.from({ length: 2000 }, (_, i) => 1e12 + i * 1000 + 0.5);
  times[70] = 4e12 + 0.5;
  times[500] = 4e12 + 0.5;
  const { order, late } = ordered(times, 100);
  expect(late).toBe(0);
  expect(order.slice(-2)).toEqual([70, 500]);
});

test('memory is bounded: more rows of one window than there is room for go in the order that is known', () => {
  const times = Array.from({ length: 10_000 }, (_, i) => 1e12 + i + 0.5);
  expect(ordered(times, 100).times).toEqual(times);
});

test('whole seconds are spread in the order of the lines; times with fractions stay', () => {
  expect(ordered([5000, 5000, 6000, 5000, 5000]).times).toEqual([5000, 5250, 5500, 5750, 6000]);
  expect(ordered([5000, 5000, 6000, 5000, 5000]).order).toEqual([0, 1, 3, 4, 2]);
  expect(ordered([5000, 5000, 6000.5]).times).toEqual([5000, 5000, 6000.5]);
  // A second that is longer than the buffer, and one that is cut in two by it.
  const many = Array.from({ length: 1000 }, (_, i) => 1000 * Math.floor(i / 300));
  const { times } = ordered(many, 128);
  for (let i = 0; i < many.length; i += 1) {
    expect(Math.floor(times[i]! / 1000) * 1000).toBe(many[i]!);
    if (i > 0) expect(times[i]!).toBeGreaterThanOrEqual(times[i - 1]!);
  }
});

test('first and last time are those of the rows', () => {
  const { buffer } = ordered([7000.5, 3000.5, 9000.5]);
  expect([buffer.fromMs, buffer.toMs]).toEqual([3000.5, 9000.5]);
});
