import type { HashKey } from '../../base/hash.ts';
import type { Log } from '../../monitor/log.ts';
import type { DiskFiles } from '../../store/disk/files.ts';
import { KEY_FILE } from '../../traffic/record/names.ts';

/** The directory of a record, for this process alone. */
export interface RecordHome {
  readonly files: DiskFiles;
  readonly hashKey: HashKey;
  /** Gives the directory back. */
  readonly release: () => void;
}

/** Which directory, and who is told. */
export interface HomeOptions {
  /** For people. */
  readonly path: string;
  /** Makes the directory when it is not there. */
  readonly open: () => Promise<DiskFiles>;
  readonly log: Pick<Log, 'warn'>;
}

/**
 * Opens a directory for a record.
 *
 * @param fresh the key of a directory that has none.
 * @throws Error when another node has it, or the system's error.
 */
export async function openHome({ path, open, log }: HomeOptions, fresh: HashKey): Promise<RecordHome> {
  const files = await open();
  const release = await files.lock();
  if (release === undefined)
    throw new Error(`another node records in ${path}; give each node a traffic.path of its own`);
  try {
    return { files, release, hashKey: await readKey(files, fresh, path, log) };
  } catch (error) {
    release();
    throw error;
  }
}

/**
 * The secret that keys are hashed with; made at the first start. Whoever has it can find out whether a path he guesses was
 * asked for, and can aim for one bucket of the index: it is not part of any export.
 */
async function readKey(
  files: DiskFiles,
  fresh: HashKey,
  path: string,
  log: Pick<Log, 'warn'>,
): Promise<HashKey> {
  const file = await files.open(KEY_FILE);
  try {
    const bytes = Buffer.alloc(Math.min(64, await file.size()));
    await file.read(bytes, 0);
    const known = /^([0-9a-f]{8})([0-9a-f]{8})\n$/.exec(bytes.toString('latin1'));
    if (known !== null) {
      if (!(await file.isPrivate()))
        log.warn('other users can read the key of the traffic record, and try out what was asked for', {
          file: `${path}/${KEY_FILE}`,
          remedy: 'take the right away (chmod 600), or remove the file for a new key at the next start',
        });
      return { k0: Number.parseInt(known[1]!, 16), k1: Number.parseInt(known[2]!, 16) };
    }
    if (bytes.length > 0)
      log.warn('the key of the traffic record is damaged; a new one is made', {
        file: `${path}/${KEY_FILE}`,
        remedy: 'hashes from now on have nothing to do with those before: read the two parts one by one',
      });
    const text = [fresh.k0, fresh.k1].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
    await file.makePrivate();
    await file.truncate(0);
    await file.write([Buffer.from(`${text}\n`)], 0);
    await file.sync();
    return { k0: fresh.k0 >>> 0, k1: fresh.k1 >>> 0 };
  } finally {
    await file.close();
  }
}
