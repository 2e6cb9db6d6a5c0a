import { describe, expect, test } from 'bun:test';
import { type VirtualClock, virtualClock } from '../../../test/support/virtual-clock.ts';
import { EVEN_TEMPER, VirtualDisk } from '../../../test/support/virtual-disk.ts';
import { type Random, seededRandom } from '../../base/random.ts';
import { Flag, NONE } from '../../cache/entries.ts';
import { eventually, find, openVirtual, recordOf, SMALL, settle, versionOf } from './disk.fixture.ts';
import type { LogDiskTier } from './tier.ts';

/** Usable until that second. */
const VERSION = 4_000_000_000;
const SEGMENTS = 16;
const BUDGET_BYTES = SMALL.segmentBytes * SEGMENTS;

interface Bench {
  readonly clock: VirtualClock;
  readonly disk: VirtualDisk;
  readonly random: Random;
  /** All that was ever written. */
  readonly keys: string[];
  tier: LogDiskTier;
}

async function bench(variantsShare: number | undefined, seed = 1): Promise<Bench> {
  const clock = virtualClock();
  const random = seededRandom(seed);
  const disk = new VirtualDisk(clock, random);
  Object.assign(disk.temper, EVEN_TEMPER);
  const made = { clock, disk, random, keys: [] };
  return { ...made, tier: await opened(made, variantsShare) };
}

async function opened({ clock, disk }: Omit<Bench, 'tier'>, variantsShare?: number): Promise<LogDiskTier> {
  const shares = variantsShare === undefined ? {} : { variantsShare };
  const tier = await eventually(clock, openVirtual(disk, clock, { budgetBytes: BUDGET_BYTES, ...shares }));
  await eventually(clock, tier.ready);
  return tier;
}

/** Writes so many bytes of new responses that stay usable. */
async function write(
  { tier, random, keys }: Bench,
  kind: 'o' | 'v',
  bytes: number,
  bodyBytesMax = 12_000,
  version = VERSION,
): Promise<void> {
  for (let written = 0, i = 0; written < bytes; i += 1) {
    const key = `b /${kind}${random.u32()}`;
    const { record, body } = recordOf(key, version, 1 + (random.u32() % bodyBytesMax));
    const flags = kind === 'v' ? Flag.VARIANT : 0;
    const { facts } = record;
    if (tier.put({ ...record, facts: { ...facts, flags } }, (into, at) => into.set(body, at))) {
      written += body.length;
      keys.push(key);
    }
    if (i % 8 === 7) await settle();
  }
  await settle();
}

/** Everything that is found is what was written, and its class is known. */
async function allIsWhole({ tier, clock, keys }: Bench): Promise<void> {
  tier.check();
  const seen = { o: 0, v: 0 };
  for (const key of keys) {
    const slot = find(tier, key);
    if (slot === NONE) continue;
    const isVariant = (tier.facts(slot).flags & Flag.VARIANT) !== 0;
    expect(key.startsWith('b /v')).toBe(isVariant);
    seen[isVariant ? 'v' : 'o'] += 1;
    if (slot % 20 === 0) expect(await eventually(clock, versionOf(tier, key))).toBe(VERSION);
  }
  const { originals, variants } = tier.snapshot();
  expect([originals.entries, variants.entries]).toEqual([seen.o, seen.v]);
}

describe.each([
  [0.25, 12_000],
  [0.5, 12_000],
  [0.5, 60_000],
  [0.9, 12_000],
])('variants have %p of the disk, bodies up to %p bytes', (variantsShare, bodyBytesMax) => {
  test('a flood of them leaves originals their share, within a segment or two, and what is written again is bounded', async () => {
    // Where a record may be a quarter of a segment, not all that should be written again has room.
    const slackBytes = SMALL.segmentBytes * (bodyBytesMax > SMALL.segmentBytes / 8 ? 2 : 1);
    for (const seed of [1, 2, 3, 4]) {
      const one = await bench(variantsShare, seed);
      await write(one, 'o', BUDGET_BYTES * 1.5, bodyBytesMax);
      const before = one.tier.snapshot();
      expect(before.reinsertions).toBe(0);
      for (let turn = 0; turn < 40; turn += 1) {
        await write(one, 'v', BUDGET_BYTES / 8, bodyBytesMax);
        // Some of them are hot, and that helps them against each other only.
        for (const key of one.keys.slice(-100)) {
          const slot = seed % 2 === 0 && one.random.next() < 0.2 ? find(one.tier, key) : NONE;
          if (slot !== NONE) one.tier.hit(slot);
        }
        const { originals, variants } = one.tier.snapshot();
        const heldBytes = originals.usedBytes + variants.usedBytes;
        expect(originals.usedBytes).toBeGreaterThan(heldBytes * (1 - variantsShare) - slackBytes);
      }
      await allIsWhole(one);
      const writtenBytes = one.tier.snapshot().writtenBytes - before.writtenBytes;
      const most = 1 / (1 - Math.max(1 / 4, 1 - variantsShare + 1 / 16));
      expect(writtenBytes / (BUDGET_BYTES * 5)).toBeLessThan(most);
      await eventually(one.clock, one.tier.close());
    }
  });
});

test('with one class alone nothing is written again that was not asked for, and all of the disk is its', async () => {
  for (const kind of ['o', 'v'] as const) {
    const one = await bench(0.5);
    await write(one, kind, BUDGET_BYTES * 3);
    const { reinsertions, originals, variants } = one.tier.snapshot();
    expect(reinsertions).toBe(0);
    expect(originals.usedBytes + variants.usedBytes).toBeGreaterThan(BUDGET_BYTES - 3 * SMALL.segmentBytes);
    for (let turn = 0; turn < 20; turn += 1) {
      // Every tenth is hot.
      for (const [i, key] of one.keys.entries()) {
        const slot = i % 10 === 0 ? find(one.tier, key) : NONE;
        if (slot !== NONE) one.tier.hit(slot);
      }
      await write(one, kind, BUDGET_BYTES / 10);
    }
    expect(one.tier.snapshot().reinsertions).toBeGreaterThan(100);
    await allIsWhole(one);
    await eventually(one.clock, one.tier.close());
  }
});

test('originals and variants that come in their shares do not make each other be written again', async () => {
  const one = await bench(0.5);
  for (let i = 0; i < 200; i += 1) {
    await write(one, 'o', 2 ** 15);
    await write(one, 'v', 2 ** 15);
  }
  const { writtenBytes, reinsertions, insertions } = one.tier.snapshot();
  expect(writtenBytes).toBeGreaterThan(3 * BUDGET_BYTES);
  expect(reinsertions).toBeLessThan(insertions / 20);
  await eventually(one.clock, one.tier.close());
});

test('originals that are no longer usable are not kept', async () => {
  const one = await bench(0.5);
  await write(one, 'o', BUDGET_BYTES * 1.5, 12_000, 1);
  await write(one, 'v', BUDGET_BYTES * 1.5);
  expect(one.tier.snapshot()).toMatchObject({ originals: { entries: 0, usedBytes: 0 }, reinsertions: 0 });
  await eventually(one.clock, one.tier.close());
});

test('a restart knows the classes, a renewal leaves them, and the share changes live', async () => {
  const one = await bench(0.5);
  await write(one, 'o', BUDGET_BYTES);
  await write(one, 'v', BUDGET_BYTES * 2);
  const key = one.keys.at(-1)!;
  one.tier.renew(find(one.tier, key), { ...one.tier.facts(find(one.tier, key)), flags: 0 });
  const { originals, variants } = one.tier.snapshot();
  expect(originals.usedBytes).toBeGreaterThan(BUDGET_BYTES * 0.35);
  await eventually(one.clock, one.tier.close());
  one.tier = await opened(one, 0.5);
  expect(one.tier.snapshot()).toMatchObject({ originals, variants });
  await allIsWhole(one);
  one.tier.balance.reshare(0.9);
  await write(one, 'v', BUDGET_BYTES * 2);
  expect(one.tier.snapshot().originals.usedBytes).toBeLessThan(BUDGET_BYTES * 0.2);
  await allIsWhole(one);
  await eventually(one.clock, one.tier.close());
});

test('records of the time before there were variants are originals', async () => {
  const one = await bench(0.5);
  await write(one, 'o', BUDGET_BYTES / 2);
  // Their flags have no bit for it: what is on disk has not changed.
  const slots = one.keys.map((key) => find(one.tier, key));
  expect(slots.every((slot) => one.tier.facts(slot).flags === 0)).toBe(true);
  await eventually(one.clock, one.tier.close());
  one.tier = await opened(one);
  expect(one.tier.snapshot().originals.entries).toBe(one.keys.length);
  await eventually(one.clock, one.tier.close());
});
