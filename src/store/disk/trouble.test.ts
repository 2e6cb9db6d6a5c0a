import { expect, test } from 'bun:test';
import { type VirtualClock, virtualClock } from '../../../test/support/virtual-clock.ts';
import { VirtualDisk } from '../../../test/support/virtual-disk.ts';
import { seededRandom } from '../../base/random.ts';
import { NONE } from '../../cache/entries.ts';
import { eventually, find, openVirtual, put, recordOf, SMALL, settle, versionOf } from './disk.fixture.ts';
import type { LogDiskTier } from './tier.ts';

interface Bench {
  readonly clock: VirtualClock;
  readonly disk: VirtualDisk;
  readonly tier: LogDiskTier;
  /** What was told: a trouble, or that it works again. */
  readonly told: (string | undefined)[];
}

async function bench(options: Parameters<typeof openVirtual>[2] = {}): Promise<Bench> {
  const clock = virtualClock();
  const disk = new VirtualDisk(clock, seededRandom(3));
  const told: (string | undefined)[] = [];
  const tier = await openVirtual(disk, clock, {
    onTrouble: (trouble) => void told.push(trouble),
    ...options,
  });
  await eventually(clock, tier.ready);
  return { clock, disk, tier, told };
}

async function pass(clock: VirtualClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 250) {
    clock.advance(250);
    await settle();
  }
}

/** Writes until every segment has been used, letting the disk keep up. */
async function turnOver({ clock, tier }: Bench, from: number, records: number): Promise<void> {
  for (let i = 0; i < records; i += 1) {
    put(tier, `b /turn/${from + i}`, from + i, 60_000);
    await settle();
    clock.advance(10);
    await settle();
  }
}

test('a disk that fails is told once, is tried again ever more seldom, and told when it works again', async () => {
  const { clock, disk, tier, told } = await bench();
  expect(put(tier, 'b /old', 1)).toBe(true);
  await eventually(clock, tier.flush());
  disk.temper.failWrite = 1;
  expect(put(tier, 'b /1', 2)).toBe(true);
  await pass(clock, 120_000);
  expect(told).toEqual(['writing failed: EIO']);
  expect(tier.snapshot()).toMatchObject({ state: 'degraded', backlogBytes: 0, lost: 1 });
  // One failed write, and tries after 1, 3, 7, 15, 31 and 63 s.
  expect(tier.snapshot().writeErrors).toBeGreaterThanOrEqual(6);
  expect(tier.snapshot().writeErrors).toBeLessThanOrEqual(8);
  expect(find(tier, 'b /1')).toBe(NONE);
  expect(put(tier, 'b /2', 3)).toBe(false);
  expect(tier.begin(recordOf('b /2', 3, 10).record)).toBeUndefined();
  expect(await versionOf(tier, 'b /old')).toBe(1);

  disk.temper.failWrite = 0;
  await pass(clock, 61_000);
  expect(told).toEqual(['writing failed: EIO', undefined]);
  expect(tier.snapshot()).toMatchObject({ state: 'ready', refused: { trouble: 2 } });
  expect(put(tier, 'b /2', 4)).toBe(true);
  await eventually(clock, tier.flush());
  expect(await versionOf(tier, 'b /2')).toBe(4);
});

test('what was removed while the disk failed stays removed after a restart', async () => {
  const { clock, disk, tier } = await bench();
  put(tier, 'b /1', 1);
  put(tier, 'b /2', 1);
  await eventually(clock, tier.flush());
  disk.temper.failWrite = 1;
  put(tier, 'b /3', 1);
  await pass(clock, 500);
  tier.remove(find(tier, 'b /1'));
  expect(tier.snapshot().owedRemovals).toBe(2);
  disk.temper.failWrite = 0;
  await pass(clock, 5_000);
  expect(tier.snapshot().owedRemovals).toBe(0);
  await eventually(clock, tier.flush());
  disk.crash();
  const again = await openVirtual(disk, clock);
  await eventually(clock, again.ready);
  expect(await versionOf(again, 'b /1')).toBeUndefined();
  expect(await versionOf(again, 'b /2')).toBe(1);
});

test('a disk that hangs is trouble after three seconds, lets go of who writes to it, and works again', async () => {
  const { clock, disk, tier, told } = await bench({ objectBytesMax: 2 ** 17 });
  const { record, body } = recordOf('b /1', 1, 100_000);
  const writer = tier.begin(record)!;
  disk.temper.hangs = true;
  let resumed = false;
  writer.append(body.subarray(0, 50_000));
  writer.drained(() => {
    resumed = true;
  });
  await pass(clock, 2_000);
  expect([resumed, told]).toEqual([false, []]);
  await pass(clock, 4_000);
  expect([resumed, told]).toEqual([true, ['a write takes longer than 3 s']]);
  expect(writer.failed).toBe(true);
  expect(put(tier, 'b /2', 1)).toBe(false);
  disk.temper.hangs = false;
  await pass(clock, 10_000);
  expect(told).toEqual(['a write takes longer than 3 s', undefined]);
  expect(writer.finish()).toBe(false);
  expect(put(tier, 'b /2', 2)).toBe(true);
  await eventually(clock, tier.close());
});

test('a full disk: the oldest makes room, and nothing fails', async () => {
  const one = await bench();
  one.disk.temper.capacityBytes = 5 * SMALL.segmentBytes;
  await turnOver(one, 0, 60);
  await eventually(one.clock, one.tier.flush());
  expect(one.told.filter((trouble) => trouble?.startsWith('writing'))).toEqual([]);
  expect(await versionOf(one.tier, 'b /turn/59')).toBe(59);
  expect(one.tier.snapshot().evictions).toBeGreaterThan(0);
  one.tier.check();
});

test('minFree leaves room to others: segments leave, then nothing is written, until there is room again', async () => {
  const one = await bench({ minFreeBytes: 2 ** 20 });
  await turnOver(one, 0, 20);
  const full = one.tier.snapshot().usedBytes;
  one.disk.temper.foreignBytes = one.disk.temper.capacityBytes - full - 2 ** 19;
  await turnOver(one, 100, 60);
  await pass(one.clock, 20_000);
  const { refused, usedBytes, state } = one.tier.snapshot();
  expect([refused.floor > 0, usedBytes < full, state]).toEqual([true, true, 'degraded']);
  expect(one.told).toHaveLength(1);
  expect(one.told[0]).toContain('nothing is written');
  one.disk.temper.foreignBytes = 0;
  await pass(one.clock, 3_000);
  expect(one.told.slice(1)).toEqual([undefined]);
  expect(put(one.tier, 'b /1', 1)).toBe(true);
});

test('minResidency: the young do not leave, the newcomer is refused; a clock that was set back stops nothing', async () => {
  const one = await bench({ minResidencyS: 600 });
  await turnOver(one, 0, 60);
  expect(one.tier.snapshot()).toMatchObject({ evictions: 0 });
  expect(one.tier.snapshot().refused.young).toBeGreaterThan(0);
  expect(await versionOf(one.tier, 'b /turn/0')).toBe(0);
  await pass(one.clock, 600_000);
  await turnOver(one, 100, 10);
  expect(one.tier.snapshot().evictions).toBeGreaterThan(0);

  const other = await bench({ minResidencyS: 600 });
  await turnOver(other, 0, 60);
  other.clock.jumpWall(-86_400_000);
  await pass(other.clock, 2_000);
  await turnOver(other, 100, 10);
  expect(await versionOf(other.tier, 'b /turn/109')).toBe(109);
});

test('what was asked for is written again when its segment leaves', async () => {
  const one = await bench();
  put(one.tier, 'b /loved', 1, 1000);
  put(one.tier, 'b /unloved', 1, 1000);
  for (let i = 0; i < 10; i += 1) {
    one.tier.hit(find(one.tier, 'b /loved'));
    await turnOver(one, i * 10, 10);
  }
  expect(await versionOf(one.tier, 'b /loved')).toBe(1);
  expect(find(one.tier, 'b /unloved')).toBe(NONE);
  expect(one.tier.snapshot().reinsertions).toBeGreaterThan(0);
});

test('a body that is being read stays readable when its segment leaves, is accounted, and its file goes with its last reader', async () => {
  const one = await bench();
  put(one.tier, 'b /1', 1, 90_000);
  await eventually(one.clock, one.tier.flush());
  const reader = (await one.tier.open(find(one.tier, 'b /1'), Buffer.from('b /1')))!;
  const openBefore = one.disk.openFiles;
  await turnOver(one, 0, 60);
  expect(find(one.tier, 'b /1')).toBe(NONE);
  const { body } = recordOf('b /1', 1, 90_000);
  expect(Buffer.compare((await reader.read(70_000, 90_000))!, body.subarray(70_000))).toBe(0);
  const held = one.tier.snapshot().usedBytes;
  const files = one.disk.openFiles;
  reader.close();
  reader.close();
  await settle();
  expect(one.tier.snapshot().usedBytes).toBeLessThan(held);
  expect(one.tier.snapshot().usedBytes).toBe(one.disk.usedBytes - one.disk.fileOf('holdfast.json').length);
  expect(one.disk.openFiles).toBe(files - 1);
  expect(openBefore).toBeGreaterThan(0);
});

test('more is refused than the backlog may hold', async () => {
  const one = await bench();
  one.disk.temper.hangs = true;
  for (let i = 0; i < 10; i += 1) put(one.tier, `b /${i}`, i, 90_000);
  const { refused, backlogBytes } = one.tier.snapshot();
  expect(refused.busy).toBeGreaterThan(0);
  expect(backlogBytes).toBeLessThanOrEqual(one.tier.backlogBytesMax + 100_000);
  expect(put(one.tier, 'b /large', 1, 2 ** 18)).toBe(false);
  expect(one.tier.snapshot().refused['too-large']).toBe(1);
  // What waits is found all the same.
  expect(await versionOf(one.tier, 'b /0')).toBe(0);
});
