import { afterEach, describe, expect, test } from 'bun:test';
import { seededRandom } from '../../base/random.ts';
import { Flag, NONE } from '../../cache/entries.ts';
import { POLICY_NAMES } from '../../policy/policy.ts';
import { MemoryTier } from './tier.ts';
import { nameOf, purge, readWhole, refresh, store } from './tier-reader.fixture.ts';
import { type TierLayout, TierReader } from './tier-reader.ts';

const KEYS = 40;
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
const STEPS = 20_000;

/** A tier and readers of it, whose news of its memory come late. */
function shared(readers: number, budgetBytes: number, seed: number) {
  const news: TierLayout[][] = [];
  const tier = new MemoryTier({
    budgetBytes,
    policy: POLICY_NAMES[seed % POLICY_NAMES.length]!,
    routes: 1,
    ghosts: 10,
    hashKey: { k0: seed, k1: 77 },
    segmentBytes: 4096,
    onLayout: (layout) => {
      for (const queue of news) queue.push(layout);
    },
  });
  const all = Array.from({ length: readers }, () => {
    const queue: TierLayout[] = [];
    const own = tier.readers!.add();
    const reader = new TierReader(tier.share(), own);
    news.push(queue);
    return { reader, own, hear: (): void => void (queue.length > 0 && reader.renew(queue.shift()!)) };
  });
  return { tier, all };
}

const original = { add: Atomics.add, load: Atomics.load, store: Atomics.store };
afterEach(() => void Object.assign(Atomics, original));

/** Calls `interrupt` before each atomic access: what another thread may do in between happens there. */
function interruptible(interrupt: () => void): void {
  for (const name of ['add', 'load', 'store'] as const) {
    const real = original[name] as (...args: unknown[]) => unknown;
    Object.assign(Atomics, {
      [name]: (...args: unknown[]) => {
        interrupt();
        return real(...args);
      },
    });
  }
}

/**
 * Owner and readers in one thread, with a whole step of the other side at random atomic accesses of one: every order in which
 * the two sides of the protocol can meet, and a model of what a reader may see.
 */
describe('whatever the owner does meanwhile, a reader reads what it was told', () => {
  test.each(SEEDS)('seed %i', (seed) => {
    const random = seededRandom(seed);
    const below = (n: number): number => random.u32() % n;
    const { tier, all } = shared(2, 14_000, seed);
    /** The version that lookups of a key may find: it was published last, and not purged. */
    const live = new Map<number, number>();
    const held: { reader: TierReader; slot: number; key: number; was: object }[] = [];
    let versions = 0;
    let found = 0;
    let busy = false;
    /** The key that was looked up last: half of all changes are to it. */
    let focus = 0;
    /** What the owner is about to publish or forget: both sides of it are right while it does. */
    let pending: { key: number; version: number | undefined } | undefined;

    const may = (key: number, version: number, before: number | undefined): boolean =>
      version === before ||
      version === live.get(key) ||
      (pending?.key === key && pending.version === version);
    const read = (): void => {
      const { reader, hear } = all[below(2)]!;
      if (below(4) === 0) hear();
      const key = below(KEYS);
      focus = key;
      reader.key.set(nameOf(key));
      const before = live.get(key);
      const slot = reader.find();
      if (slot === NONE) return;
      found += 1;
      const was = readWhole(reader, slot, key);
      expect(may(key, was.version, before)).toBe(true);
      reader.hit(slot);
      held.push({ reader, slot, key, was });
    };
    const letGo = (): void => {
      const [one] = held.splice(below(Math.max(1, held.length)), 1);
      if (one === undefined) return;
      expect(readWhole(one.reader, one.slot, one.key)).toEqual(one.was as never);
      one.reader.unpin(one.slot);
    };
    const change = (): void => {
      const key = below(2) === 0 ? focus : below(KEYS);
      const kind = below(20);
      if (kind < 10) {
        versions += 1;
        pending = { key, version: versions };
        const version = versions;
        if (store(tier, key, version, 1 + below(below(10) === 0 ? 9_000 : 1_500))) live.set(key, version);
      } else if (kind < 13) {
        pending = { key, version: undefined };
        purge(tier, key);
        live.delete(key);
      } else if (kind < 16) refresh(tier, key);
      else if (kind === 16) tier.resize(5_000 + below(below(2) === 0 ? 10_000 : 30_000), 0);
      else if (kind === 17) tier.cache.switchPolicy(POLICY_NAMES[below(POLICY_NAMES.length)]!, 0);
      else if (kind === 18) tier.cache.catchUp();
      else tier.maintain(0);
      pending = undefined;
    };
    const step = (): void => {
      const kind = below(10);
      if (kind < 5) read();
      else if (kind < 8 || held.length > 12) letGo();
      else change();
    };
    /** While one side acts, the other may act in between: the owner in a reader's step, a reader in the owner's. */
    const act = (own: () => void, others: () => void): void => {
      interruptible(() => {
        if (busy || below(6) !== 0) return;
        busy = true;
        others();
        busy = false;
      });
      own();
      Object.assign(Atomics, original);
    };
    for (let i = 0; i < STEPS; i += 1) {
      const turn = below(3);
      if (turn === 0) act(change, below(2) === 0 ? read : letGo);
      else if (turn === 1) act(read, change);
      else step();
      if (held.length > 12) letGo();
      if (i % 100 === 0) tier.check();
    }
    while (held.length > 0) letGo();
    expect(tier.readers!.pins).toBe(0);
    tier.cache.catchUp();
    while (tier.maintain(0));
    tier.check();
    expect(tier.cache.usedBytes).toBeLessThanOrEqual(tier.cache.budgetBytes);
    for (const slot of tier.cache.entries.slots()) {
      expect(tier.cache.visible(slot)).toBe(true);
      expect(tier.cache.entries.flags(slot) & Flag.CLAIMED).toBe(0);
    }
    expect(found).toBeGreaterThan(STEPS / 20);
  });
});

test('what a reader has pinned is not evicted for anybody, and what a dead one had pinned is', () => {
  const { tier, all } = shared(1, 10_000, 1);
  const { reader, own } = all[0]!;
  expect(store(tier, 1, 1, 6_000)).toBe(true);
  reader.renew(tier.share());
  reader.key.set(nameOf(1));
  const slot = reader.find();
  expect(slot).not.toBe(NONE);
  expect(store(tier, 2, 1, 6_000)).toBe(false);
  expect(readWhole(reader, slot, 1).version).toBe(1);
  tier.readers!.remove(own);
  expect(store(tier, 2, 1, 6_000)).toBe(true);
  tier.check();
});

test('a removed entry keeps its bytes, charged, until its reader is done', () => {
  const { tier, all } = shared(1, 20_000, 1);
  const { reader } = all[0]!;
  store(tier, 1, 1, 3_000);
  reader.renew(tier.share());
  reader.key.set(nameOf(1));
  const slot = reader.find();
  const usedBytes = tier.cache.usedBytes;
  purge(tier, 1);
  tier.cache.catchUp();
  expect([tier.cache.usedBytes, reader.find(), readWhole(reader, slot, 1).version]).toEqual([
    usedBytes,
    NONE,
    1,
  ]);
  reader.unpin(slot);
  tier.cache.catchUp();
  expect([tier.cache.usedBytes, tier.cache.count]).toEqual([0, 0]);
  tier.check();
});

test('a reader with a share that is void finds nothing, and everything again with the new one', () => {
  const { tier, all } = shared(1, 20_000, 1);
  const { reader, hear } = all[0]!;
  store(tier, 1, 1, 100);
  reader.key.set(nameOf(1));
  expect(reader.find()).toBe(NONE); // its segment is not known there yet
  hear();
  const slot = reader.find();
  expect(slot).not.toBe(NONE);
  tier.resize(2 ** 20, 0);
  expect(reader.find()).toBe(NONE);
  expect(readWhole(reader, slot, 1).version).toBe(1);
  hear();
  expect(reader.find()).toBe(slot);
  reader.unpin(slot);
  reader.unpin(slot);
  expect(tier.readers!.pins).toBe(0);
});

test('a segment that took the place of another one is not mistaken for it', () => {
  const { tier, all } = shared(1, 4_500, 1);
  const { reader, hear } = all[0]!;
  store(tier, 1, 1, 3_000);
  hear();
  purge(tier, 1);
  tier.resize(0, 0); // the segment is given back
  tier.resize(4_500, 0);
  store(tier, 1, 2, 3_000); // in the same place of another one
  reader.key.set(nameOf(1));
  expect(reader.find()).toBe(NONE);
  for (let i = 0; i < 5; i += 1) hear();
  const slot = reader.find();
  expect(readWhole(reader, slot, 1).version).toBe(2);
  reader.unpin(slot);
});

test('hits of readers count for the policy as those of the owner do', () => {
  const { tier, all } = shared(1, 10_000, 2);
  tier.cache.switchPolicy('lru', 0);
  const { reader } = all[0]!;
  for (const key of [1, 2, 3]) store(tier, key, 1, 2_000);
  reader.renew(tier.share());
  reader.key.set(nameOf(1));
  const slot = reader.find();
  reader.hit(slot);
  reader.unpin(slot);
  store(tier, 4, 1, 2_000);
  store(tier, 5, 1, 2_000);
  const kept = [1, 2, 3].filter((key) => {
    tier.key.set(nameOf(key));
    return tier.find() !== NONE;
  });
  expect(kept).toEqual([1, 3]);
});

test('a full ring drops hits, and says how many', () => {
  const { tier, all } = shared(1, 10_000, 1);
  const { reader, own } = all[0]!;
  store(tier, 1, 1, 100);
  reader.renew(tier.share());
  reader.key.set(nameOf(1));
  const slot = reader.find();
  for (let i = 0; i < 10_000; i += 1) reader.hit(slot);
  expect(tier.readers!.droppedHits).toBe(10_000 - 8_192);
  tier.cache.catchUp();
  reader.hit(slot);
  expect(tier.readers!.droppedHits).toBe(10_000 - 8_192);
  tier.readers!.remove(own);
  expect(tier.readers!.droppedHits).toBe(10_000 - 8_192);
});
