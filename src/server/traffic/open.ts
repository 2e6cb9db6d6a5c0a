import type { HashKey } from '../../base/hash.ts';
import type { Config } from '../../config/config.ts';
import type { Log } from '../../monitor/log.ts';
import type { DiskFiles } from '../../store/disk/files.ts';
import { DiskRing } from './disk-ring.ts';
import { openHome } from './home.ts';
import { MemoryRing } from './memory-ring.ts';
import type { TrafficPlace } from './traffic.ts';
import { troubleText } from './trouble.ts';

/** What a node begins its record with. */
export interface OpenTraffic {
  /** Undefined where traffic is not recorded. */
  readonly place: TrafficPlace | undefined;
  /** With which keys are hashed: that of the record, so that the records of several runs agree. */
  readonly hashKey: HashKey;
  /** Why it is kept in memory, where it is. */
  readonly note: string | undefined;
}

/**
 * Opens the record that the configuration asks for; where that is not possible, one in memory. Never rejects.
 *
 * @param openDirectory undefined for a node that has no place of its own.
 * @param fresh 64 random bits.
 * @param log is told when there is a directory, and it cannot be used.
 */
export async function openTraffic(
  { traffic }: Pick<Config, 'traffic'>,
  openDirectory: ((path: string) => Promise<DiskFiles>) | undefined,
  fresh: HashKey,
  log: Pick<Log, 'warn'>,
): Promise<OpenTraffic> {
  if (!traffic.record) return { place: undefined, hashKey: fresh, note: undefined };
  const { path, paths, sizeBytes, keepS } = traffic;
  const inMemory = (note: string): OpenTraffic => ({
    place: { ring: new MemoryRing(sizeBytes, keepS * 1000), path: undefined, paths },
    hashKey: fresh,
    note,
  });
  if (openDirectory === undefined)
    return inMemory('a node without a configuration file has no directory for it');
  const options = { path, open: () => openDirectory(path), log };
  try {
    const home = await openHome(options, fresh);
    const ring = await DiskRing.open(home, options, sizeBytes, keepS * 1000);
    return { place: { ring, path, paths }, hashKey: home.hashKey, note: undefined };
  } catch (error) {
    const why = troubleText(error);
    log.warn('traffic is recorded in memory: its directory cannot be used', {
      path,
      why,
      remedy: 'name a directory in traffic.path that this user can write, and start the node again',
    });
    return inMemory(why);
  }
}
