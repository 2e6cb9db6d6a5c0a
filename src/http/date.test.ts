import { describe, expect, test } from 'bun:test';
import { seededRandom } from '../base/random.ts';
import { formatHttpDate, parseHttpDate } from './date.ts';

describe('parseHttpDate', () => {
  test.each([
    // The three of RFC 9110 section 5.6.7.
    ['Sun, 06 Nov 1994 08:49:37 GMT', 784_111_777],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 784_111_777],
    ['Sun Nov  6 08:49:37 1994', 784_111_777],
    ['Sun Nov 16 08:49:37 1994', 784_975_777],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
    ['Wed, 31 Dec 1969 23:59:59 GMT', -1],
    ['Thu, 29 Feb 2024 12:00:00 GMT', 1_709_208_000],
    ['Tue, 29 Feb 2000 00:00:00 GMT', 951_782_400],
    ['Fri, 31 Dec 9999 23:59:59 GMT', 253_402_300_799],
    ['Sat, 31 Dec 2016 23:59:60 GMT', 1_483_228_800],
    ['Tuesday, 01-Jan-69 00:00:00 GMT', 3_124_224_000],
    ['Thursday, 01-Jan-70 00:00:00 GMT', 0],
    // A wrong day name is tolerated.
    ['Mon, 06 Nov 1994 08:49:37 GMT', 784_111_777],
  ])('%p', (text, epochS) => {
    expect(parseHttpDate(text)).toBe(epochS);
  });

  test.each([
    undefined,
    '',
    '0',
    '-1',
    '784111777',
    'sun, 06 Nov 1994 08:49:37 GMT',
    'Sun, 06 nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 08:49:37 gmt',
    'Sun, 06 Nov 1994 08:49:37 UTC',
    'Sun, 06 Nov 1994 08:49:37 +0000',
    'Sun, 06 Nov 1994 08:49:37',
    'Sun, 6 Nov 1994 08:49:37 GMT',
    'Sun,  06 Nov 1994 08:49:37 GMT',
    'Sun 06 Nov 1994 08:49:37 GMT',
    'Sun, 06-Nov-1994 08:49:37 GMT',
    'Sun, 06 Nov 94 08:49:37 GMT',
    'Sun, 06 Nov 1994 8:49:37 GMT',
    'Sun, 06 Nov 1994 08.49.37 GMT',
    'Xyz, 06 Nov 1994 08:49:37 GMT',
    'Sun, 06 Xyz 1994 08:49:37 GMT',
    'Sun, 00 Nov 1994 08:49:37 GMT',
    'Sun, 31 Nov 1994 08:49:37 GMT',
    'Wed, 29 Feb 2023 08:49:37 GMT',
    'Wed, 29 Feb 1900 08:49:37 GMT',
    'Sun, 06 Nov 1994 24:00:00 GMT',
    'Sun, 06 Nov 1994 08:60:00 GMT',
    'Sun, 06 Nov 1994 08:49:61 GMT',
    'Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT',
    ' Sun, 06 Nov 1994 08:49:37 GMT',
  ])('refuses %p', (text) => {
    expect(parseHttpDate(text)).toBeUndefined();
  });
});

describe('formatHttpDate', () => {
  test('writes the RFC example', () => {
    expect(formatHttpDate(784_111_777)).toBe('Sun, 06 Nov 1994 08:49:37 GMT');
  });

  test('agrees with the platform and with parseHttpDate on any second of the years 0000 to 9999', () => {
    const random = seededRandom(2);
    for (let i = 0; i < 20_000; i++) {
      const epochS = Math.floor(-62_167_219_200 + random.next() * 315_569_520_000);
      const text = formatHttpDate(epochS);
      expect(text).toBe(new Date(epochS * 1000).toUTCString());
      expect(parseHttpDate(text)).toBe(epochS);
    }
  });

  test('rounds down and clamps', () => {
    expect(formatHttpDate(784_111_777.9)).toBe('Sun, 06 Nov 1994 08:49:37 GMT');
    expect(formatHttpDate(-0.5)).toBe('Wed, 31 Dec 1969 23:59:59 GMT');
    expect(formatHttpDate(1e15)).toBe('Fri, 31 Dec 9999 23:59:59 GMT');
    expect(formatHttpDate(-1e15)).toBe('Sat, 01 Jan 0000 00:00:00 GMT');
  });
});
