import { expect, test } from 'bun:test';
import { type ComparedRow, changeText, compare, isWorse, valueText } from './comparison.ts';
import { figureText } from './figures.ts';
import { madeRecord, naiveReplay, plainNode, uniformRequests } from './naive.fixture.ts';

const row = (values: (number | undefined)[], rest: Partial<ComparedRow> = {}): ComparedRow => ({
  label: 'x',
  unit: 'count',
  better: 'less',
  values,
  ...rest,
});

test('an age below a second is said to be one', () => {
  expect([0, 999, 1000].map((ms) => figureText(ms, 'age'))).toEqual(['<1 s', '<1 s', '1 s']);
});

test('values have units, and only what is whole says so', () => {
  const share = (value: number) => valueText(row([value], { unit: 'share' }), 0);
  expect([0, 0.00001, 0.9341, 0.99999, 1].map(share)).toEqual([
    '0.00 %',
    '<0.01 %',
    '93.41 %',
    '>99.99 %',
    '100.00 %',
  ]);
  expect(valueText(row([undefined]), 0)).toBe('-');
  expect(valueText(row([0.3]), 0)).toBe('<1');
  expect(valueText(row([1234.5], { unit: 'per-s' }), 0)).toBe('1,235/s');
  expect(valueText(row([0.456], { unit: 'per-s' }), 0)).toBe('0.46/s');
  expect(valueText(row([2 ** 30], { unit: 'size-per-s' }), 0)).toBe('1 GiB/s');
  expect(valueText(row([90_000], { unit: 'ms' }), 0)).toBe('1 min 30 s');
});

test('changes are points of shares, percent of others, and what came out of nothing is named', () => {
  const change = (before: number, after: number, unit: ComparedRow['unit'] = 'count') =>
    changeText(row([before, after], { unit }), 1);
  expect(change(0.9341, 0.9502, 'share')).toBe('+1.61 points');
  expect(change(0.5, 0.500001, 'share')).toBe('');
  expect(change(200, 150)).toBe('-25 %');
  expect(change(1000, 1004)).toBe('+0.4 %');
  expect(change(0, 12)).toBe('+12');
  expect(change(10, 4000)).toBe('x 400');
  expect(change(7, 7)).toBe('');
});

test('worse is more than one part in a hundred, to the side that matters', () => {
  expect(isWorse(row([100, 101]), 1)).toBe(false);
  expect(isWorse(row([100, 102]), 1)).toBe(true);
  expect(isWorse(row([0, 1]), 1)).toBe(true);
  expect(isWorse(row([100, 50]), 1)).toBe(false);
  expect(isWorse(row([0.95, 0.93], { better: 'more' }), 1)).toBe(true);
  expect(isWorse(row([0.95, 0.945], { better: 'more' }), 1)).toBe(false);
  expect(isWorse(row([1, 100], { better: 'neither' }), 1)).toBe(false);
  expect(isWorse(row([1, undefined]), 1)).toBe(false);
});

test('what is nothing everywhere is left out, but for what should be nothing', () => {
  const requests = uniformRequests({
    objects: 50,
    bodyBytes: 1000,
    minutes: 5,
    perMinute: () => 100,
    seed: 1,
  });
  const reports = naiveReplay(madeRecord(requests), [plainNode(60_000, 'large'), plainNode(10_000, 'small')]);
  const sections = compare(reports);
  expect(sections.map(({ title }) => title)).toEqual([
    'Served',
    'Requests that were no hits',
    'Memory',
    'Origins',
  ]);
  const labels = sections.flatMap(({ rows }) => rows.map(({ label }) => label));
  expect(labels).toContain('premature evictions');
  expect(labels).not.toContain('expired before');
  expect(labels).not.toContain('stale hits');
  const hits = sections[0]!.rows.find(({ label }) => label === 'hit ratio')!;
  expect(isWorse(hits, 1)).toBe(true);
});
