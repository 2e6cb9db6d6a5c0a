import { dirname, relative } from 'node:path';
import { formatSize } from '../base/units.ts';
import type { ValidConfig } from '../config/config.ts';
import { wouldServe } from '../config/disk.ts';
import type { CliIo } from './io.ts';
import { unmetKeys } from './preflight-s3.ts';

/** What the machine must have for a configuration to work, and does not: one line each, with what to do. */
export type Unmet = readonly string[];

/**
 * Holds a valid configuration against the machine: directories and files that it names, and memory. The text of a
 * configuration cannot tell; a node that started without them would serve 404s or be ended by the kernel.
 */
export async function preflight(
  config: ValidConfig,
  io: Pick<CliIo, 'pathKind' | 'readFile' | 'totalMemoryBytes' | 'env'>,
): Promise<Unmet> {
  const unmet: string[] = [];
  for (const [name, origin] of Object.entries(config.origins)) {
    if (origin.type === 'files') {
      const kind = await io.pathKind(origin.root);
      if (kind !== 'directory') {
        const what = kind === 'absent' ? 'there is no such directory' : 'this is not a directory';
        unmet.push(`origins.${name}.root: ${origin.root}: ${what}; create or mount it, or correct the path`);
      }
    } else if (origin.tls.ca !== undefined) {
      await io.readFile(origin.tls.ca).catch((error: NodeJS.ErrnoException) => {
        unmet.push(
          `origins.${name}.tls.ca: ${origin.tls.ca} cannot be read (${error.code}); correct the path or its rights`,
        );
      });
    }
  }
  for (const [name, origin] of Object.entries(config.origins)) {
    const keys = origin.type === 's3' ? await unmetKeys(name, origin, io) : undefined;
    if (keys !== undefined) unmet.push(keys);
  }
  unmet.push(
    ...(await unmetDisk(config, io)),
    ...(await unmetTraffic(config, io)),
    ...(await unreadable(config, io)),
    ...(await unwritable('log.access.to', config.log.access.to, io)),
    ...(await unwritable('log.audit.to', config.log.audit.to, io)),
  );
  const { sizeBytes } = config.cache.memory;
  if (sizeBytes > io.totalMemoryBytes) {
    unmet.push(
      `cache.memory.size: ${formatSize(sizeBytes)} is more than the ${formatSize(io.totalMemoryBytes)} of this machine; the system would end the node: choose less`,
    );
  }
  return unmet;
}

async function unmetDisk(
  { cache: { disk }, origins }: ValidConfig,
  io: Pick<CliIo, 'pathKind'>,
): Promise<Unmet> {
  if (disk === undefined) return [];
  const { path } = disk;
  const kind = await io.pathKind(path);
  if (kind !== 'absent' && kind !== 'directory')
    return [`cache.disk.path: ${path} is not a directory; name one, or a path where there is nothing yet`];
  // A relative and an absolute path can be told to be the same only here.
  return Object.entries(origins).flatMap(([name, origin]) =>
    origin.type === 'files' && !relative(origin.root, path).startsWith('..')
      ? [
          `cache.disk.path: ${path} lies in the root of the origin "${name}"; choose a directory outside of it`,
        ]
      : [],
  );
}

/** Where the record of the traffic goes. */
async function unmetTraffic(
  { traffic: { record, path }, origins }: ValidConfig,
  io: Pick<CliIo, 'pathKind'>,
): Promise<Unmet> {
  if (!record) return [];
  const kind = await io.pathKind(path);
  if (kind !== 'absent' && kind !== 'directory')
    return [`traffic.path: ${path} is not a directory; name one, or a path where there is nothing yet`];
  return Object.entries(origins).flatMap(([name, origin]) =>
    origin.type === 'files' && wouldServe(origin.root, path)
      ? [
          `traffic.path: ${path} would be served by the origin "${name}"; choose a directory outside of its root`,
        ]
      : [],
  );
}

/** The certificate of the admin port and its key. */
async function unreadable({ admin }: ValidConfig, io: Pick<CliIo, 'readFile'>): Promise<string[]> {
  const unmet: string[] = [];
  for (const [name, path] of Object.entries(admin.tls)) {
    if (path === undefined) continue;
    await io.readFile(path).catch((error: NodeJS.ErrnoException) => {
      unmet.push(`admin.tls.${name}: ${path} cannot be read (${error.code}); correct the path or its rights`);
    });
  }
  return unmet;
}

/** Where a log goes. */
async function unwritable(option: string, to: string, io: Pick<CliIo, 'pathKind'>): Promise<string[]> {
  if (to === 'off' || to === 'stdout' || to === 'stderr') return [];
  if ((await io.pathKind(to)) === 'directory') return [`${option}: ${to} is a directory; name a file in it`];
  if ((await io.pathKind(dirname(to))) === 'directory') return [];
  return [`${option}: there is no directory ${dirname(to)}; create it, or write somewhere else`];
}
