import { expect, test } from 'bun:test';
import { emptyTally, Life } from '../../test/support/simulation/life.ts';
import { revision } from '../../test/support/simulation/revision.ts';

/**
 * Whole lives of a node in virtual time, each with its own temper: see `test/support/simulation/life.ts` for what happens in
 * them, and `judge.ts` for what is promised. `SEEDS=n` runs more; `SEED=n` runs one.
 */
const SEEDS = Number(process.env['SEEDS'] ?? 2_000);
/** Lives of one test. */
const CHUNK = 500;

const only = process.env['SEED'];
const tally = emptyTally();

function live(seed: number): void {
  try {
    new Life(seed, tally).run();
  } catch (error) {
    const again = `SEED=${seed} bun test src/serve/simulation.test.ts, of revision ${revision()}`;
    throw new Error(`seed ${seed}: ${(error as Error).message} (again: ${again})`, { cause: error });
  }
}

if (only !== undefined) test(`life ${only}`, () => live(Number(only)), 120_000);
else {
  for (let first = 1; first <= SEEDS; first += CHUNK) {
    const last = Math.min(SEEDS, first + CHUNK - 1);
    test(
      `lives ${first} to ${last}`,
      () => {
        for (let seed = first; seed <= last; seed += 1) live(seed);
      },
      // Far more than it takes on a slow machine.
      CHUNK * 1_000,
    );
  }

  test('the lives are worth living', () => {
    const { requests } = tally;
    expect(requests).toBeGreaterThan(SEEDS * 100);
    const share = (count: number): number => count / requests;
    expect(share(tally.hits)).toBeWithin(0.1, 0.8);
    expect(share(tally.promoted)).toBeGreaterThan(0.02);
    expect(share(tally.lent)).toBeGreaterThan(0.01);
    expect(share(tally.owedMemory)).toBeGreaterThan(0.1);
    expect(share(tally.owedDisk)).toBeGreaterThan(0.001);
    const { purges, restarts, crashes, degraded, threads, threadDeaths, diskEvictions } = tally;
    for (const count of [purges, restarts]) expect(count).toBeGreaterThan(SEEDS / 2);
    for (const count of [crashes, degraded, threads, threadDeaths, diskEvictions])
      expect(count).toBeGreaterThan(SEEDS / 20);
    const expected = 'refused truncated queue-full queue-timeout circuit-open deadline status';
    const missing = expected.split(' ').filter((cause) => !tally.causes.has(`origin-${cause}` as never));
    expect([missing, tally.causes.has('shed'), tally.causes.has('disk')]).toEqual([[], true, true]);
  });
}
