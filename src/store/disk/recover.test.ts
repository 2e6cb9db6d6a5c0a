import { describe, expect, test } from 'bun:test';
import { virtualClock } from '../../../test/support/virtual-clock.ts';
import { VirtualDisk } from '../../../test/support/virtual-disk.ts';
import { seededRandom } from '../../base/random.ts';
import { NONE } from '../../cache/entries.ts';
import { eventually, find, openVirtual, put, recordOf, versionOf } from './disk.fixture.ts';
import type { LogDiskTier } from './tier.ts';

/** Of the tier that was opened last: those of killed ones go on ticking. */
let clock = virtualClock();
const SEGMENT = '0000000001.seg';

async function open(
  disk: VirtualDisk,
  options: Parameters<typeof openVirtual>[2] = {},
): Promise<LogDiskTier> {
  clock = virtualClock();
  const tier = await openVirtual(disk, clock, options);
  await eventually(clock, tier.ready);
  return tier;
}

/** Five images, one of them removed, one renewed, one that came in pieces; with or without a footer. */
async function filled(sealed: boolean): Promise<VirtualDisk> {
  const disk = new VirtualDisk(clock, seededRandom(1));
  const tier = await open(disk);
  for (let i = 1; i <= 4; i += 1) put(tier, `b /${i}`, i, 100 * i);
  tier.remove(find(tier, 'b /2'));
  tier.renew(find(tier, 'b /3'), { ...tier.facts(find(tier, 'b /3')), freshUntilS: 77 });
  const { record, body } = recordOf('b /5', 5, 900);
  const writer = tier.begin(record)!;
  writer.append(body.subarray(0, 400));
  writer.append(body.subarray(400));
  expect(writer.finish()).toBe(true);
  await eventually(clock, sealed ? tier.close() : tier.flush());
  disk.kill();
  return disk;
}

/** Segments that a start has made. */
function removeOthers(disk: VirtualDisk): void {
  for (const name of disk.names) if (name.endsWith('.seg') && name !== SEGMENT) disk.removeFile(name);
}

async function versions(tier: LogDiskTier): Promise<(number | undefined)[]> {
  const found: (number | undefined)[] = [];
  for (let i = 1; i <= 5; i += 1) found.push(await versionOf(tier, `b /${i}`));
  return found;
}

describe.each([true, false])('sealed: %p', (sealed) => {
  test('all of it is found again, renewed and without what was removed', async () => {
    const tier = await open(await filled(sealed));
    expect(await versions(tier)).toEqual([1, undefined, 3, 4, 5]);
    expect(tier.facts(find(tier, 'b /3')).freshUntilS).toBe(77);
    tier.check();
    await eventually(clock, tier.close());
  });

  test('cut at any byte, what is found is whole, and in the order in which it was written', async () => {
    const disk = await filled(sealed);
    const whole = Buffer.from(disk.fileOf(SEGMENT));
    for (let length = 0; length < whole.length; length += 1) {
      disk.setFile(SEGMENT, whole.subarray(0, length));
      const tier = await open(disk);
      const found = await versions(tier);
      // The removal stands behind all of the first four.
      const first = found.slice(0, 4).filter((version) => version !== undefined);
      expect(first).toEqual([1, 2, 3, 4].filter((version) => first.includes(version)));
      expect(tier.snapshot().damaged).toBe(0);
      if (found[4] !== undefined) expect(found).toEqual([1, undefined, 3, 4, 5]);
      disk.kill();
      removeOthers(disk);
    }
  });

  test('with any byte damaged, nothing damaged is ever found', async () => {
    const disk = await filled(sealed);
    const whole = Buffer.from(disk.fileOf(SEGMENT));
    for (let at = 0; at < whole.length; at += 1) {
      const damaged = Buffer.from(whole);
      damaged[at]! ^= 0x10;
      disk.setFile(SEGMENT, damaged);
      const tier = await open(disk);
      // Verified byte for byte on the way.
      const found = await versions(tier);
      for (const [i, version] of found.entries()) expect([undefined, i + 1]).toContain(version);
      disk.kill();
      removeOthers(disk);
    }
  });
});

test('a segment without a footer gets one at the start', async () => {
  const disk = await filled(false);
  const before = disk.fileOf(SEGMENT).length;
  await open(disk);
  expect(disk.fileOf(SEGMENT).length).toBeGreaterThan(before);
  disk.crash();
  const tier = await open(disk);
  expect(await versions(tier)).toEqual([1, undefined, 3, 4, 5]);
});

test('a segment of another version, of another directory or of another number is not used', async () => {
  const whole = Buffer.from((await filled(true)).fileOf(SEGMENT));
  const other = Buffer.from(whole);
  other.writeUInt32LE(2, 8);
  for (const [name, bytes, options] of [
    [SEGMENT, other, {}],
    ['0000000007.seg', whole, {}],
    [SEGMENT, whole, { newHashKey: { k0: 5, k1: 6 } }],
  ] as const) {
    const disk = new VirtualDisk(clock, seededRandom(2));
    disk.setFile('holdfast.json', Buffer.from(''));
    const made = await open(disk, options);
    await eventually(clock, made.close());
    disk.setFile(name, bytes);
    const tier = await open(disk);
    expect(tier.snapshot().entries).toBe(0);
    expect(disk.names).not.toContain(name === SEGMENT ? 'none' : name);
    await eventually(clock, tier.close());
  }
});

test('routes are known by their names; what belongs to none of them is forgotten', async () => {
  const disk = await filled(false);
  const other = await open(disk, { routes: ['x', 'y', 'b'] });
  expect(await versions(other)).toEqual([1, undefined, 3, 4, 5]);
  expect(other.facts(find(other, 'b /1')).route).toBe(2);
  await eventually(clock, other.close());
  const none = await open(disk, { routes: ['a'] });
  expect(none.snapshot().entries).toBe(0);
  await eventually(clock, none.close());
});

test('what looks like a record inside an image is none', async () => {
  const disk = await filled(false);
  const records = Buffer.from(disk.fileOf(SEGMENT));
  const tier = await open(disk);
  const { record } = recordOf('b /9', 9, records.length);
  tier.put(record, (into, at) => into.set(records, at));
  await eventually(clock, tier.flush());
  disk.kill();
  // The record's own head is gone: the walk must not go on with what it holds.
  const name = disk.names.filter((each) => each.endsWith('.seg')).at(-2)!;
  const bytes = Buffer.from(disk.fileOf(name));
  bytes.fill(0, bytes.indexOf('HFR1', 80), bytes.indexOf('HFR1', 80) + 4);
  disk.setFile(name, bytes);
  const again = await open(disk);
  expect(await versions(again)).toEqual([1, undefined, 3, 4, 5]);
  expect(find(again, 'b /9')).toBe(NONE);
});
