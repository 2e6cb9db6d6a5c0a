import { expect, test } from 'bun:test';
import { seededRandom } from '../../base/random.ts';
import { RetryBudget } from './retry-budget.ts';

test('second tries are a share of the first ones, beside a reserve of ten', () => {
  for (let seed = 1; seed <= 30; seed += 1) {
    const random = seededRandom(seed);
    const share = random.next();
    const eager = random.next();
    const budget = new RetryBudget(share);
    let [first, second] = [0, 0];
    for (let i = 0; i < 2_000; i += 1) {
      if (random.next() < eager) second += budget.take() ? 1 : 0;
      else {
        budget.deposit();
        first += 1;
      }
      expect(second).toBeLessThanOrEqual(share * first + 10 + 1e-6);
    }
  }
});

test('a quiet time saves up no more than the reserve; a share of 0 allows none', () => {
  const budget = new RetryBudget(1);
  for (let i = 0; i < 1_000; i += 1) budget.deposit();
  expect(Array.from({ length: 12 }, () => budget.take()).filter(Boolean).length).toBe(10);
  expect(new RetryBudget(0).take()).toBe(false);
});
