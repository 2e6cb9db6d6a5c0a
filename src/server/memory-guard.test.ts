import { expect, test } from 'bun:test';
import { MemoryTier } from '../store/memory/tier.ts';
import { MemoryGuard } from './memory-guard.ts';

const MIB = 2 ** 20;

function guarded(budgetBytes: number) {
  const tier = new MemoryTier({
    budgetBytes,
    policy: 'lru',
    routes: 1,
    ghosts: 0,
    hashKey: { k0: 1, k1: 2 },
  });
  const process = { liveBytes: 80 * MIB, garbageBytes: 0, collections: 0 };
  const guard = new MemoryGuard({
    tier,
    residentBytes: () => process.liveBytes + process.garbageBytes,
    collectGarbage: () => {
      process.garbageBytes = 0;
      process.collections += 1;
    },
  });
  return { process, guard };
}

test('garbage never grows far beyond the allowance, and is left alone below it', () => {
  const { process, guard } = guarded(64 * MIB);
  let mostBytes = 0;
  for (let second = 0; second < 100; second += 1) {
    process.garbageBytes += 10 * MIB;
    guard.check();
    mostBytes = Math.max(mostBytes, process.garbageBytes);
  }
  expect(mostBytes).toBeLessThanOrEqual(48 * MIB);
  expect(process.collections).toBeGreaterThanOrEqual(15);
  expect(process.collections).toBeLessThanOrEqual(25);
});

test('memory that is no garbage is not collected for again and again', () => {
  const { process, guard } = guarded(64 * MIB);
  process.liveBytes += 200 * MIB;
  for (let second = 0; second < 100; second += 1) guard.check();
  expect(process.collections).toBe(1);
});

test('a larger budget allows more', () => {
  const { process, guard } = guarded(4096 * MIB);
  process.garbageBytes = 150 * MIB;
  guard.check();
  expect(process.collections).toBe(0);
  process.garbageBytes = 170 * MIB;
  guard.check();
  expect(process.collections).toBe(1);
});

test('collections keep their distance, however fast garbage is made', () => {
  const { process, guard } = guarded(64 * MIB);
  for (let second = 0; second < 40; second += 1) {
    process.garbageBytes += 500 * MIB;
    guard.check();
  }
  expect(process.collections).toBe(10);
});
