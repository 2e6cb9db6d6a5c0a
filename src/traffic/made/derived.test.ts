import { expect, test } from 'bun:test';
import { seededRandom } from '../../base/random.ts';
import { batchesOf, type TrafficBatch } from '../batch.ts';
import { madeRows, memoryRecord } from '../rows.fixture.ts';
import { cut, stressed } from './derived.ts';
import { growth, peak } from './stress.ts';

const START_MS = 1_700_000_000_000;
const ROWS = madeRows(seededRandom(4), 4_000, START_MS);

function timesOf(batches: Iterable<TrafficBatch>): number[] {
  return [...batches].flatMap(({ baseMs, timeUs, count }) =>
    [...timeUs.subarray(0, count)].map((us) => Math.round((baseMs + us / 1000) * 1000) / 1000),
  );
}

const whole = memoryRecord(batchesOf(ROWS), 'made');
const middleMs = (whole.info.fromMs + whole.info.toMs) / 2;

test('a part has the requests of its time, and a part of it those of both', () => {
  const all = timesOf(whole.batches());
  const part = cut(whole, { fromMs: middleMs });
  expect(timesOf(part.batches())).toEqual(all.filter((atMs) => atMs >= middleMs));
  expect(part.info).toMatchObject({ fromMs: middleMs, toMs: whole.info.toMs });
  const inner = timesOf(part.batches({ fromMs: 0, toMs: middleMs + 1000 }));
  expect(inner).toEqual(all.filter((atMs) => atMs >= middleMs && atMs < middleMs + 1000));
  expect(timesOf(cut(whole, {}).batches())).toEqual(all);
});

test('forms that look ahead do so over what the forms before them made', () => {
  const grown = stressed(whole, [peak(2), growth(1.5), growth(1.5)]);
  const times = timesOf(grown.batches());
  expect(times.length / 9_000).toBeCloseTo(1, 2);
  expect(timesOf(grown.batches())).toEqual(times);
  expect(grown.info.rows).toBe(times.length);
});

test('a stressed record says what comes out of it, and can be cut', () => {
  expect(stressed(whole, [])).toBe(whole);
  const twice = stressed(whole, [peak(2), growth(2)]);
  const times = timesOf(twice.batches());
  expect(twice.info.rows).toBe(times.length);
  expect(twice.info.rows).toBe(8_000);
  expect(twice.info.fromMs).toBe(times[0]!);
  expect(twice.info.toMs).toBeCloseTo(times.at(-1)!, 3);
  expect(twice.info.toMs - twice.info.fromMs).toBeLessThanOrEqual(
    (whole.info.toMs - whole.info.fromMs) / 2 + 1,
  );
  const toMs = (twice.info.fromMs + twice.info.toMs) / 2;
  const early = timesOf(cut(twice, { toMs }).batches());
  expect(early.length).toBe(times.filter((atMs) => atMs < toMs).length);
});
