import { expect, test } from 'bun:test';
import { emptyTally, Life } from '../../test/support/simulation/life.ts';
import { planOf } from '../../test/support/simulation/plan.ts';

/** Whole lives of a node in virtual time. `SEEDS=n` runs more; `SEED=n` runs one. */
const SEEDS = Number(process.env['SEEDS'] ?? 2_000);

test(`${SEEDS} lives of a node`, () => {
  const only = process.env['SEED'];
  const first = only === undefined ? 1 : Number(only);
  const last = only === undefined ? SEEDS : first;
  const tally = emptyTally();
  const failures = new Map<string, number[]>();
  const t0 = performance.now();
  for (let seed = first; seed <= last; seed += 1) {
    try {
      new Life(seed, tally).run();
    } catch (error) {
      if (only !== undefined) throw error;
      const m = (error as Error).message
        .replace(/\d+/g, 'N')
        .replace(/after N ms of N.*/, '')
        .slice(0, 200);
      failures.set(m, [...(failures.get(m) ?? []), seed]);
    }
  }
  console.log((performance.now() - t0) / (last - first + 1), 'ms per life', tally);
  for (const [m, seeds] of failures)
    console.log(
      seeds.length,
      m,
      seeds
        .slice(0, 6)
        .map((s) => {
          const p = planOf(s);
          return `${s}${p.disk ? (p.disk.isBad ? 'D' : 'd') : ''}${p.hasReaders ? 'r' : ''}${p.clockJumps ? 'j' : ''}${p.guard ? 'g' : ''}`;
        })
        .join(),
    );
  expect(failures.size).toBe(0);
}, 600_000);
