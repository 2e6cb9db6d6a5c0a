import { expect, test } from 'bun:test';
import { closingLine, readCounts } from './junit.ts';

const report = (attributes: string): string =>
  `<?xml version="1.0"?>\n<testsuites name="bun test" ${attributes}>\n`;

test('passed is what neither failed nor was skipped', () => {
  const counts = readCounts(report('tests="10" assertions="99" failures="2" skipped="3" time="1"'), 1);
  expect(counts).toEqual({ passed: 5, failed: 2, skipped: 3 });
  expect(closingLine(counts)).toBe('5 passed, 2 failed, 3 skipped');
});

test('a run without skipped tests does not speak of them', () => {
  expect(closingLine(readCounts(report('tests="4" failures="0" skipped="0"'), 0))).toBe('4 passed, 0 failed');
});

test('a run that failed is never reported as one that did not', () => {
  expect(readCounts(report('tests="4" failures="0" skipped="0"'), 1)).toEqual({
    passed: 4,
    failed: 1,
    skipped: 0,
  });
  expect(readCounts('', 134)).toEqual({ passed: 0, failed: 1, skipped: 0 });
});
