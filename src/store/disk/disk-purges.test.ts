import { expect, test } from 'bun:test';
import { virtualClock } from '../../../test/support/virtual-clock.ts';
import { VirtualDisk } from '../../../test/support/virtual-disk.ts';
import { seededRandom } from '../../base/random.ts';
import type { PurgeRule } from '../../cache/purge-rules.ts';
import { eventually, openVirtual, put, versionOf } from './disk.fixture.ts';
import type { LogDiskTier } from './tier.ts';

const clock = virtualClock();

async function open(disk: VirtualDisk): Promise<LogDiskTier> {
  const tier = await openVirtual(disk, clock);
  await eventually(clock, tier.ready);
  return tier;
}

function purge(tier: LogDiskTier, id: number, soft = false): void {
  const pattern: PurgeRule['pattern'] = { kind: 'prefix', routes: ['b'], host: undefined, path: '/' };
  tier.purge({ id, atS: 0, soft, pattern });
}

test.each([false, true])(
  'a purge after a restart counts, though its number is one of before; softly before: %p',
  async (soft) => {
    const disk = new VirtualDisk(clock, seededRandom(1));
    const first = await open(disk);
    put(first, 'b /old', 1);
    for (let id = 1; id <= 3; id += 1) purge(first, id, soft);
    put(first, 'b /new', 1);
    expect(await versionOf(first, 'b /new')).toBe(1);
    await eventually(clock, first.purged());
    await eventually(clock, first.close());

    const second = await open(disk);
    expect(await versionOf(second, 'b /old')).toBe(soft ? 1 : undefined);
    expect(await versionOf(second, 'b /new')).toBe(1);
    purge(second, 1);
    expect(await versionOf(second, 'b /new')).toBeUndefined();
    await eventually(clock, second.purged());
    await eventually(clock, second.close());

    const third = await open(disk);
    expect(await versionOf(third, 'b /new')).toBeUndefined();
    put(third, 'b /new', 2);
    expect(await versionOf(third, 'b /new')).toBe(2);
    await eventually(clock, third.close());
  },
);

test.each(['segments', 'segments and key'])(
  'a directory that lost its %s does not hold old purges against what is new',
  async (lost) => {
    const disk = new VirtualDisk(clock, seededRandom(1));
    const first = await open(disk);
    for (let i = 0; i < 30; i += 1) {
      put(first, `b /${i}`, 1, 50_000);
      await eventually(clock, first.flush());
    }
    purge(first, 1);
    await eventually(clock, first.purged());
    await eventually(clock, first.close());
    for (const name of disk.names) if (name.endsWith('.seg')) disk.removeFile(name);
    if (lost !== 'segments') disk.setFile('holdfast.json', Buffer.from('{'));

    const second = await openVirtual(disk, clock);
    put(second, 'b /1', 2);
    expect(await versionOf(second, 'b /1')).toBe(2);
    await eventually(clock, second.close());
  },
);
