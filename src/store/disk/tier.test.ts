import { expect, test } from 'bun:test';
import { seededRandom } from '../../base/random.ts';
import { DiskModel } from './disk.fixture.ts';

const SEEDS = Number(process.env['SEEDS'] ?? 250);
const FIRST = Number(process.env['SEED'] ?? 1);

test(`whatever is found is whole and of its time, over ${SEEDS} seeds`, async () => {
  const seen: Record<string, number> = {};
  for (let seed = FIRST; seed < FIRST + SEEDS; seed += 1) {
    const model = new DiskModel(seededRandom(seed));
    try {
      await model.run(150);
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
    }
    for (const [name, count] of Object.entries(model.seen)) seen[name] = (seen[name] ?? 0) + count;
  }
  // The runs were what they set out to be.
  if (SEEDS >= 100)
    for (const [name, count] of Object.entries(seen)) expect([name, count]).not.toEqual([name, 0]);
}, 3_600_000);
