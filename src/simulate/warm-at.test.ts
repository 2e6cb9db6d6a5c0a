import { expect, test } from 'bun:test';
import { warmAt } from './warm-at.ts';

const ENTRY = {
  keyLo: 1,
  keyHi: 2,
  route: 'r',
  status: 200,
  recordBytes: 1400,
  bodyBytes: 1000,
  bornS: 900,
  freshUntilS: 1100,
  revalidateUntilS: 1200,
  errorUntilS: 1300,
  storedS: 950,
  flags: 0,
  tier: 'memory',
} as const;

test('what is held now meets earlier traffic with as much of its lifetime left', () => {
  const warm = warmAt({ takenAtMs: 1_000_000, entries: [ENTRY] }, 400_000);
  expect(warm.takenAtMs).toBe(400_000);
  expect(warm.entries).toEqual([
    { ...ENTRY, bornS: 300, freshUntilS: 500, revalidateUntilS: 600, errorUntilS: 700, storedS: 350 },
  ]);
});

test('an index of an earlier time has aged, and is left alone', () => {
  const warm = { takenAtMs: 1_000_000, entries: [ENTRY] };
  expect(warmAt(warm, 1_000_000)).toBe(warm);
  expect(warmAt(warm, 5_000_000)).toBe(warm);
});
