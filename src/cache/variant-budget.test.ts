import { describe, expect, test } from 'bun:test';
import { type Random, seededRandom } from '../base/random.ts';
import { VariantBudget, type VariantLimits } from './variant-budget.ts';

interface Kept {
  readonly original: string;
  readonly spec: string;
  readonly bytes: number;
}

const TRACKING = { maxOriginals: 6, maxTracked: 25, maxTextLength: 62 };

/** Tiers that nothing is asked of. */
const NOWHERE = { remove: () => undefined, takeUsed: () => false };

/** The same with one list that is looked through, the variant stored first at the front. */
class Naive {
  limits: VariantLimits;
  /** Served since they were last looked at. */
  readonly used = new Set<string>();
  kept: Kept[] = [];
  /** The original stored to longest ago at the front. */
  recent: string[] = [];

  constructor(limits: VariantLimits) {
    this.limits = limits;
  }

  of(original: string): { count: number; bytes: number } {
    const its = this.kept.filter((one) => one.original === original);
    return { count: its.length, bytes: its.reduce((sum, one) => sum + one.bytes, 0) };
  }

  stored(original: string, spec: string, bytes: number): Kept[] {
    this.removed(original, spec);
    this.kept.push({ original, spec, bytes });
    this.recent = [...this.recent.filter((one) => one !== original), original];
    const left: Kept[] = [];
    for (;;) {
      const { count, bytes: sum } = this.of(original);
      if (count <= this.limits.maxVariants && sum <= this.limits.maxVariantBytes) break;
      const first = this.kept.find((one) => one.original === original && one.spec !== spec);
      if (first === undefined) break;
      if (this.used.delete(`${original} ${first.spec}`)) {
        this.kept = [...this.kept.filter((one) => one !== first), first];
        continue;
      }
      left.push(first);
      this.removed(original, first.spec);
    }
    while (
      this.recent.length > TRACKING.maxOriginals ||
      this.kept.length > TRACKING.maxTracked ||
      [...this.recent, ...this.kept.map((one) => one.spec)].join('').length > TRACKING.maxTextLength
    ) {
      const [oldest] = this.recent;
      if (oldest === original) break;
      this.recent.shift();
      this.kept = this.kept.filter((one) => one.original !== oldest);
    }
    return left;
  }

  removed(original: string, spec: string): void {
    this.kept = this.kept.filter((one) => one.original !== original || one.spec !== spec);
    if (this.of(original).count === 0) this.recent = this.recent.filter((one) => one !== original);
  }
}

function trial(random: Random): void {
  const below = (limit: number): number => Math.floor(random.next() * limit);
  const limits = (): VariantLimits => ({ maxVariants: 1 + below(8), maxVariantBytes: 1 + below(2_000) });
  const naive = new Naive(limits());
  const left: { original: string; spec: string }[] = [];
  const used = new Set<string>();
  const budget = new VariantBudget(
    {
      remove: (original, spec) => void left.push({ original, spec }),
      takeUsed: (original, spec) => used.delete(`${original} ${spec}`),
    },
    TRACKING,
  );
  for (let i = 0; i < 500; i += 1) {
    const [original, spec] = [`o${below(9)}`, `s${below(12)}`];
    const dice = random.next();
    if (dice < 0.65) {
      const bytes = below(600);
      left.length = 0;
      budget.stored(original, spec, bytes, naive.limits);
      const expected = naive.stored(original, spec, bytes);
      expect(left).toEqual(expected.map((one) => ({ original: one.original, spec: one.spec })));
      const { count, bytes: sum } = budget.of(original);
      const { maxVariants, maxVariantBytes } = naive.limits;
      expect(count === 1 || (count <= maxVariants && sum <= maxVariantBytes)).toBe(true);
      expect(left.every((one) => one.original === original && one.spec !== spec)).toBe(true);
    } else if (dice < 0.9) {
      used.add(`${original} ${spec}`);
      naive.used.add(`${original} ${spec}`);
    } else if (dice < 0.97) {
      budget.removed(original, spec);
      naive.removed(original, spec);
    } else naive.limits = limits();
    for (let o = 0; o < 9; o += 1) expect(budget.of(`o${o}`)).toEqual(naive.of(`o${o}`));
    expect(budget.tracked).toEqual({ originals: naive.recent.length, variants: naive.kept.length });
  }
}

describe('the budget of variants for each original', () => {
  test('equals its naive form under any use', () => {
    for (let seed = 1; seed <= 40; seed += 1) trial(seededRandom(seed));
  });

  test('one that is stored again is the youngest, and counts with its new size', () => {
    const left: string[] = [];
    const budget = new VariantBudget({ remove: (_, spec) => void left.push(spec), takeUsed: () => false });
    const limits = { maxVariants: 2, maxVariantBytes: 1_000 };
    budget.stored('o', 'w=1', 100, limits);
    budget.stored('o', 'w=2', 100, limits);
    budget.stored('o', 'w=1', 300, limits);
    expect(budget.of('o')).toEqual({ count: 2, bytes: 400 });
    budget.stored('o', 'w=3', 100, limits);
    expect(left).toEqual(['w=2']);
  });

  test('one that is too large by itself stays, alone', () => {
    const left: string[] = [];
    const budget = new VariantBudget({ remove: (_, spec) => void left.push(spec), takeUsed: () => false });
    const limits = { maxVariants: 9, maxVariantBytes: 1_000 };
    budget.stored('o', 'small', 100, limits);
    budget.stored('other', 'small', 100, limits);
    budget.stored('o', 'large', 5_000, limits);
    expect([left, budget.of('o')]).toEqual([['small'], { count: 1, bytes: 5_000 }]);
    expect(budget.of('other').count).toBe(1);
  });

  test('a million originals are not remembered', () => {
    const budget = new VariantBudget(NOWHERE);
    const limits = { maxVariants: 50, maxVariantBytes: 1_000_000 };
    for (let i = 0; i < 300_000; i += 1) budget.stored(`o${i >> 4}`, `w=${i % 16}`, 10, limits);
    const { originals, variants } = budget.tracked;
    expect([originals <= 20_000, variants <= 200_000]).toEqual([true, true]);
    expect(variants).toBeGreaterThan(199_900);
    expect(budget.of('o0').count).toBe(0);
    expect(budget.of(`o${299_999 >> 4}`).count).toBe(16);
  });

  test('long addresses are fewer', () => {
    const budget = new VariantBudget(NOWHERE);
    const limits = { maxVariants: 50, maxVariantBytes: 1_000_000 };
    for (let i = 0; i < 20_000; i += 1) budget.stored(`${'o'.repeat(8_000)}${i}`, 'w=1', 10, limits);
    expect(budget.tracked.originals).toBeLessThan(2_100);
    expect(budget.tracked.originals).toBeGreaterThan(2_000);
  });

  test('removing what is not known changes nothing', () => {
    const budget = new VariantBudget(NOWHERE);
    const limits = { maxVariants: 2, maxVariantBytes: 10 };
    budget.removed('o', 's');
    budget.stored('o', 's', 3, limits);
    budget.removed('o', 'other');
    expect(budget.of('o')).toEqual({ count: 1, bytes: 3 });
    budget.removed('o', 's');
    expect(budget.tracked).toEqual({ originals: 0, variants: 0 });
  });
});
