import { describe, expect, test } from 'bun:test';
import { seededRandom } from '../base/random.ts';
import {
  bar,
  compact,
  type Line,
  latencyText,
  paint,
  percent,
  safe,
  sparkline,
  widthOf,
} from './live-draw.ts';

describe('small graphs', () => {
  test('show now at the right, scaled to the largest value', () => {
    expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8)).toBe('▁▂▃▄▅▆▇█');
    expect(sparkline([7, 0, 7], 2)).toBe('▁█');
    expect(sparkline([1, undefined, 1], 5)).toBe('  █ █');
    expect(sparkline([0, 0], 2)).toBe('▁▁');
    expect(sparkline([0.5], 1, 1)).toBe('▅');
    expect(sparkline([], 3)).toBe('   ');
    expect(sparkline([1], 0)).toBe('');
  });

  test('fill a bar to the eighth, and always to the same width', () => {
    expect(bar(0, 4)).toEqual(['', '····']);
    expect(bar(0.5, 4)).toEqual(['██', '··']);
    expect(bar(1 / 32, 4)).toEqual(['▏', '···']);
    expect(bar(7, 4)).toEqual(['████', '']);
    const random = seededRandom(1);
    for (let i = 0; i < 500; i += 1) {
      const [filled, empty] = bar(random.next() * 1.2 - 0.1, 23);
      expect(filled.length + empty.length).toBe(23);
    }
  });
});

describe('a painted line', () => {
  const line: Line = [['requests', 'dim'], '  ', ['1,842', 'bold'], '   '];

  test('is coloured on request only', () => {
    expect(paint(line, 80, true)).toBe('\x1b[2mrequests\x1b[0m  \x1b[1m1,842\x1b[0m   ');
    expect(paint(line, 80, false)).toBe('requests  1,842');
    expect(widthOf(line)).toBe(18);
  });

  test('is cut by what is seen, not by what is sent', () => {
    expect(paint(line, 11, true)).toBe('\x1b[2mrequests\x1b[0m  \x1b[1m1\x1b[0m');
    expect(paint(line, 3, false)).toBe('req');
  });

  test('lets no control characters of others through', () => {
    expect(safe('a\x1b[2Jb\u009bc\nd\u202e', 20)).toBe('a?[2Jb?c?d?');
    expect(safe('0123456789', 5)).toBe('0123…');
  });
});

describe('numbers', () => {
  test.each([
    [0, '0'],
    [-1, '0'],
    [0.01, '<0.1'],
    [0.3, '0.3'],
    [4, '4'],
    [9.96, '10'],
    [42.4, '42'],
    [1842, '1,842'],
    [9_999, '9,999'],
    [12_345, '12.3k'],
    [999_400, '999k'],
    [999_600, '1M'],
    [1.5e9, '1.5G'],
  ])('rate %p is %s', (value, text) => {
    expect(compact(value)).toBe(text);
  });

  test.each([
    [undefined, '-'],
    [0.0823, '82.3 µs'],
    [0.9996, '1 ms'],
    [1.234, '1.23 ms'],
    [430, '430 ms'],
    [999.6, '1 s'],
    [2_100, '2.1 s'],
  ])('latency %p is %s', (value, text) => {
    expect(latencyText(value)).toBe(text);
  });

  test.each([
    [undefined, '-'],
    [0, '0 %'],
    [0.00001, '<0.1 %'],
    [0.9244, '92.4 %'],
    [0.99999, '>99.9 %'],
    [1, '100 %'],
  ])('share %p is %s', (value, text) => {
    expect(percent(value)).toBe(text);
  });
});
