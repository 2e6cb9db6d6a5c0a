import { describe, expect, test } from 'bun:test';
import { seededRandom } from './random.ts';
import {
  DURATION_PATTERN,
  durationText,
  formatCount,
  formatDuration,
  formatSize,
  parseDuration,
  parseSize,
  SIZE_PATTERN,
  sizeText,
} from './units.ts';

describe('sizes', () => {
  test.each([
    ['0B', 0],
    ['900B', 900],
    ['1kB', 1000],
    ['500MB', 500_000_000],
    ['1.1GB', 1_100_000_000],
    ['1KiB', 1024],
    ['512MiB', 536_870_912],
    ['512 MiB', 536_870_912],
    [' 2GiB ', 2_147_483_648],
    ['1.5GiB', 1_610_612_736],
    ['1TiB', 1_099_511_627_776],
  ])('%s is %d bytes', (text, bytes) => {
    expect(parseSize(text)).toEqual({ ok: true, value: bytes as never });
  });

  test.each([
    ['512', 'no unit', '512MiB'],
    ['0', 'no unit', '0MiB'],
    ['512M', 'not a size', '512MiB (powers of 1024) or 512MB'],
    ['512mib', 'not a size', 'write 512MiB'],
    ['4g', 'not a size', '4GiB'],
    ['', 'not a size', 'written like'],
    ['MiB', 'not a size', 'written like'],
    ['-1MiB', 'not a size', 'written like'],
    ['1e3MiB', 'not a size', 'written like'],
    ['0.5B', 'whole number', 'smaller unit'],
    ['99999999999TiB', 'too large', 'written like'],
  ])('%s is refused', (text, reason, remedy) => {
    const parsed = parseSize(text);
    if (parsed.ok) throw new Error(`accepted as ${parsed.value}`);
    expect(parsed.reason).toContain(reason);
    expect(parsed.remedy).toContain(remedy);
  });
});

describe('durations', () => {
  test.each([
    ['0s', 0],
    ['250ms', 250],
    ['90s', 90_000],
    ['1.1s', 1_100],
    ['15m', 900_000],
    ['1h30m', 5_400_000],
    ['30d', 2_592_000_000],
    ['2w', 1_209_600_000],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDuration(text)).toEqual({ ok: true, value: ms as never });
  });

  test.each([
    ['30', 'no unit', '30s, 30m or 30h'],
    ['1y', 'not a duration', '365d'],
    ['1M', 'not a duration', '30d'],
    ['5 minutes', 'not a duration', 'write 5m'],
    ['10sec', 'not a duration', 'write 10s'],
    ['10S', 'not a duration', 'write 10s'],
    ['', 'not a duration', 'written like'],
    ['-5s', 'not a duration', 'written like'],
    ['0.1ms', 'finer than a millisecond', 'written like'],
    ['99999999999999d', 'too long', 'written like'],
  ])('%s is refused', (text, reason, remedy) => {
    const parsed = parseDuration(text);
    if (parsed.ok) throw new Error(`accepted as ${parsed.value}`);
    expect(parsed.reason).toContain(reason);
    expect(parsed.remedy).toContain(remedy);
  });
});

test('what is written exactly is read back, and is what editors accept', () => {
  const random = seededRandom(1);
  const [size, duration] = [new RegExp(SIZE_PATTERN), new RegExp(DURATION_PATTERN)];
  for (let i = 0; i < 2000; i += 1) {
    const value =
      Math.floor(random.next() * 2 ** (random.u32() % 30)) * (random.u32() % 3 === 0 ? 3_600_000 : 1);
    expect(parseSize(sizeText(value))).toEqual({ ok: true, value: value as never });
    expect(sizeText(value)).toMatch(size);
    expect(parseDuration(durationText(value))).toEqual({ ok: true, value: value as never });
    expect(durationText(value)).toMatch(duration);
  }
});

test('figures for people', () => {
  expect([0, 900, 1023.6, 1024, 1536, 1_572_864, 10 * 1024 ** 3, 3 * 1024 ** 5].map(formatSize)).toEqual([
    '0 B',
    '900 B',
    '1 KiB',
    '1 KiB',
    '1.5 KiB',
    '1.5 MiB',
    '10 GiB',
    '3072 TiB',
  ]);
  expect(
    [0, 3.456, 350, 999.6, 12_500, 59_960, 60_000, 90_000, 5_400_000, 3_599_999, 273_600_000].map(
      formatDuration,
    ),
  ).toEqual([
    '0 ms',
    '3.46 ms',
    '350 ms',
    '1 s',
    '12.5 s',
    '1 min',
    '1 min',
    '1 min 30 s',
    '1 h 30 min',
    '1 h',
    '3 d 4 h',
  ]);
  expect([0, 999, 1000, 262_144, 12_345_678, -4321].map(formatCount)).toEqual([
    '0',
    '999',
    '1,000',
    '262,144',
    '12,345,678',
    '-4,321',
  ]);
});

test('figures for people stay within half a percent of the truth', () => {
  const random = seededRandom(2);
  const factors: Record<string, number> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 };
  for (let i = 0; i < 2000; i += 1) {
    const bytes = 1 + Math.floor(random.next() * 2 ** (random.u32() % 49));
    const [value, unit] = formatSize(bytes).split(' ');
    expect(Math.abs((Number(value) * factors[unit!]!) / bytes - 1)).toBeLessThanOrEqual(0.0051);
  }
});
