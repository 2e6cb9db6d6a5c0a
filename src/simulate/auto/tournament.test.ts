import { describe, expect, test } from 'bun:test';
import { seededRandom } from '../../base/random.ts';
import type { PolicyDecision } from '../../monitor/snapshot.ts';
import type { PolicyName } from '../../policy/policy.ts';
import { batches, CHARGE_BYTES, hashOf, KIND, popular, twice } from './auto.fixture.ts';
import { Tournament, type TournamentOptions } from './tournament.ts';

function tournament(
  serving: PolicyName,
  entries: number,
  options: Partial<TournamentOptions> = {},
): { readonly auto: Tournament; readonly decisions: PolicyDecision[] } {
  const decisions: PolicyDecision[] = [];
  const auto = new Tournament({
    budgetBytes: entries * CHARGE_BYTES,
    variantsShare: 0.5,
    serving,
    favour: 'requests',
    onDecision: (decision) => decisions.push(decision),
    ...options,
  });
  return { auto, decisions };
}

function feed(auto: Tournament, keys: readonly number[], fromS = 0, kind = KIND): void {
  for (const batch of batches(keys, fromS, kind)) auto.onBatch(batch);
}

describe('a tournament', () => {
  test('changes from LRU to S3-FIFO where a crawler asks for everything once, and stays', () => {
    const { auto, decisions } = tournament('lru', 300, { names: ['s3-fifo', 'lru'] });
    feed(auto, popular(60_000, 2_000, 0.4, 1));
    expect(decisions.map(({ from, to }) => [from, to])).toEqual([['lru', 's3-fifo']]);
    const { lead, error, windows, requests, atMs } = decisions[0]!;
    expect(atMs).toBeLessThan(100_000);
    expect(lead).toBeGreaterThan(0.02);
    expect(lead).toBeGreaterThan(3 * error);
    expect(requests).toBeGreaterThanOrEqual(windows * 250);
    const standings = auto.standings();
    expect(standings.serving).toBe('s3-fifo');
    const [s3, lru] = standings.policies;
    expect(s3!.missRatio).toBeLessThan(lru!.missRatio);
    expect([s3!.lead, lru!.lead < -0.02]).toEqual([0, true]);
  });

  test('and back, when that is over and things are asked for twice', () => {
    const { auto, decisions } = tournament('lru', 300, { names: ['s3-fifo', 'lru'] });
    feed(auto, popular(30_000, 2_000, 0.4, 1));
    feed(auto, twice(90_000, 100), 300);
    expect(decisions.map(({ to }) => to)).toEqual(['s3-fifo', 'lru']);
  });

  test.each([1, 2, 3, 4])('does not change between equals (seed %d)', (seed) => {
    const random = seededRandom(seed);
    // Asked for by chance alone, LRU and FIFO are equally good.
    const keys = Array.from({ length: 100_000 }, () => Math.floor(random.next() * 600));
    const { auto, decisions } = tournament('lru', 300, { names: ['fifo', 'lru'] });
    feed(auto, keys);
    expect(decisions).toEqual([]);
    expect(auto.standings().windows).toBe(128);
    expect(Math.abs(auto.standings().policies[0]!.lead)).toBeLessThan(0.01);
  });

  test('says why in one sentence', () => {
    const { auto, decisions } = tournament('lru', 300);
    feed(auto, popular(20_000, 2_000, 0.4, 1));
    expect(decisions[0]!.reason).toMatch(
      /^\S+ instead of lru: its hit ratio was \d+\.\d %, not \d+\.\d %; \d+\.\d\d points more \(standard error \d\.\d\d\) over 4 windows, [\d,]+ requests for all keys$/,
    );
  });

  test('is the same each time', () => {
    const reasons = [1, 2].map(() => {
      const { auto, decisions } = tournament('fifo', 300);
      feed(auto, popular(30_000, 2_000, 0.2, 9));
      return [decisions, auto.standings()];
    });
    expect(reasons[0]).toEqual(reasons[1]!);
  });

  test('watches a part of the keys where the cache is large, and finds nearly the same', () => {
    const keys = popular(120_000, 20_000, 0.2, 3);
    const whole = tournament('lru', 4_000, { names: ['s3-fifo', 'lru'] });
    const small = tournament('lru', 4_000, { names: ['s3-fifo', 'lru'], entriesMax: 1_200 });
    feed(whole.auto, keys);
    feed(small.auto, keys);
    const [all, some] = [whole.auto.standings(), small.auto.standings()];
    expect([all.rate, some.rate]).toEqual([1, 0.25]);
    expect(some.entries).toBeLessThanOrEqual(1_200);
    expect([all.serving, some.serving]).toEqual(['s3-fifo', 's3-fifo']);
    expect(whole.decisions[0]!.reason).toContain('all keys');
    expect(small.decisions[0]!.reason).toContain('25 % of the keys');
  });

  test('measures anew when the cache is of another size', () => {
    const { auto } = tournament('s3-fifo', 300);
    feed(auto, popular(20_000, 2_000, 0.2, 5));
    expect(auto.standings().windows).toBeGreaterThan(10);
    auto.resize(600 * CHARGE_BYTES);
    expect(auto.standings()).toMatchObject({ windows: 0, requests: 0, policies: [] });
    feed(auto, popular(20_000, 2_000, 0.2, 6), 300);
    const { windows, capacityBytes } = auto.standings();
    expect(windows).toBeGreaterThan(10);
    expect(capacityBytes).toBe(600 * CHARGE_BYTES);
  });

  test('knows how often keys were asked for, while it sees all of them', () => {
    const told: (number | undefined)[][] = [];
    const { auto } = tournament('lru', 300, {
      names: ['gdsf', 'lru'],
      onDecision: (_, known) => told.push([0, 900].map((key) => known?.(hashOf(key)))),
    });
    feed(auto, popular(20_000, 2_000, 0.4, 1));
    expect(told[0]![0]).toBeGreaterThan(50);
    expect(told[0]![1] ?? 0).toBeLessThan(20);
  });

  test('counts only what clients asked for and a cache could have stored', () => {
    const { auto } = tournament('lru', 10);
    const keys = Array.from({ length: 3_000 }, (_, key) => key);
    feed(auto, keys, 0, { ...KIND, internal: true });
    feed(auto, keys, 100, { ...KIND, outcome: 'bypass', notStored: 'rule' });
    feed(auto, keys, 200, { ...KIND, head: true });
    expect(auto.standings().windows).toBe(0);
    feed(auto, keys, 300);
    expect(auto.standings().windows).toBeGreaterThan(4);
  });

  test.each([
    ['requests', 'its hit ratio was'],
    ['balanced', 'its mean of hit ratio and byte hit ratio was'],
    ['bytes', 'its byte hit ratio was'],
  ] as const)('judges by what is favoured: %s', (favour, words) => {
    const { auto, decisions } = tournament('lru', 300, { favour });
    feed(auto, popular(20_000, 2_000, 0.4, 1));
    expect(decisions[0]!.reason).toContain(words);
  });
});
