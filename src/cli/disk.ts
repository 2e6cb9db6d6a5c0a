import type { DiskConfig, ValidConfig } from '../config/config.ts';
import { diskSegmentBytes } from '../config/disk.ts';
import type { Log } from '../monitor/log.ts';
import { rarely } from '../server/warnings.ts';
import { openDiskTier } from '../store/disk/open.ts';
import type { LogDiskTier } from '../store/disk/tier.ts';
import type { World } from './world.ts';

/**
 * Opens the disk tier that a configuration asks for. It serves at once, and goes on reading what is there.
 *
 * @throws Error that says what is wrong with the directory, and what to do.
 */
export async function openDisk(
  disk: DiskConfig,
  { routes }: ValidConfig,
  log: Log,
  world: Pick<World, 'openDirectory' | 'clock' | 'hashKey'>,
): Promise<LogDiskTier> {
  const warn = rarely(world.clock, (message, facts) => log.warn(message, facts));
  const tier = await openDiskTier({
    files: await world.openDirectory(disk.path),
    path: disk.path,
    clock: world.clock,
    newHashKey: world.hashKey,
    budgetBytes: disk.sizeBytes,
    segmentBytes: diskSegmentBytes(disk.sizeBytes),
    objectBytesMax: disk.maxObjectBytes,
    variantsShare: disk.variantsShare / 100,
    minResidencyS: disk.minResidencyS,
    minFreeBytes: disk.minFreeBytes,
    minFreeInodes: disk.minFreeInodes,
    requireMount: disk.requireMount,
    routes: routes.map(({ name }) => name),
    onReadError: (trouble) =>
      warn(trouble, 'an image could not be read from the disk tier', { path: disk.path, trouble }),
    onTrouble: (trouble) => {
      if (trouble === undefined) log.info('the disk tier works again', { path: disk.path });
      else
        log.warn('the disk tier is in trouble; images are served without it', { path: disk.path, trouble });
    },
  });
  const startedMs = world.clock.monotonicMs();
  void tier.ready.then(() => {
    const { entries, usedBytes } = tier.snapshot();
    const seconds = ((world.clock.monotonicMs() - startedMs) / 1000).toFixed(1);
    log.info('the disk tier is ready', { path: disk.path, responses: entries, bytes: usedBytes, seconds });
  });
  return tier;
}
