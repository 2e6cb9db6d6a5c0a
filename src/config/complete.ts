import { join } from 'node:path/posix';
import type { PolicyName } from '../policy/policy.ts';
import type { Config, OriginConfig, ParsedConfig, RouteConfig } from './config.ts';
import { largestOnDisk, wouldServe } from './disk.ts';
import { completeImages } from './images.ts';
import { DEFAULT_POLICY } from './options.ts';

/** Largest stored response unless the file says otherwise: above the largest photographs, below what crowds out others. */
const MAX_OBJECT_BYTES = 32 * 1024 ** 2;

/** The largest response that the memory tier stores: as configured, else 32 MiB but at most a quarter of the tier. */
export function largestObject(memory: ParsedConfig['cache']['memory']): number {
  return memory.maxObjectBytes ?? largestObjectUnsaid(memory.sizeBytes);
}

/** The largest response that a memory tier of that size stores where the file does not say it. */
export function largestObjectUnsaid(sizeBytes: number): number {
  return Math.min(MAX_OBJECT_BYTES, Math.floor(sizeBytes / 4));
}

/** The policy that a node begins with: as configured, or what `auto` begins with. */
export function startingPolicy({ policy }: ParsedConfig['cache']['memory']): PolicyName {
  return policy === 'auto' ? DEFAULT_POLICY : policy;
}

/** Percentage of memory that variants are guaranteed unless the file says otherwise. */
const VARIANTS_SHARE = 50;

/** The percentage of memory that variants are guaranteed: as configured, else a half, but at most what pinned routes leave. */
function variantsShare({ cache: { memory }, routes }: ParsedConfig): number {
  const isPinned = routes.some((route) => route.pinned && route.cache);
  const leftShare = isPinned ? 100 - memory.pinnedShare : 100;
  return memory.variantsShare ?? Math.min(VARIANTS_SHARE, leftShare);
}

/** The largest response that any tier stores. */
export function largestStored({ memory, disk }: ParsedConfig['cache']): number {
  return Math.max(largestObject(memory), disk === undefined ? 0 : largestOnDisk(disk));
}

/** A directory cannot read a query, and S3 is not sent any: every spelling of one would be another copy of the same file. */
function queryOf(origin: OriginConfig | undefined): 'all' | 'none' {
  return origin?.type === 'files' || origin?.type === 's3' ? 'none' : 'all';
}

/** What an origin is sent with credentials of ours, not everybody may send. */
function unsafeMethodsOf(origin: OriginConfig | undefined): 'forward' | 'refuse' {
  return origin?.type === 'http' && Object.keys(origin.headers).length === 0 ? 'forward' : 'refuse';
}

/** Where traffic is recorded unless the file says it: never where a files origin would serve it. */
function recordDirectory({ origins }: ParsedConfig, absolute: (path: string) => string): string {
  const isServed = Object.values(origins).some(
    (origin) => origin.type === 'files' && wouldServe(absolute(origin.root), absolute(RECORD_DIRECTORY)),
  );
  return isServed ? `.${RECORD_DIRECTORY}` : RECORD_DIRECTORY;
}

const RECORD_DIRECTORY = 'holdfast-traffic';

/** Fills in the limits that follow from others, and makes paths absolute if `baseDir` (an absolute path) is given. */
export function complete(parsed: ParsedConfig, baseDir: string | undefined): Config {
  const absolute = (path: string): string =>
    baseDir === undefined || path.startsWith('/') ? path : join(baseDir, path);
  const { memory, disk } = parsed.cache;
  const storedBytes = largestStored(parsed.cache);
  const { access, audit } = parsed.log;
  const target = (to: string): string => (['off', 'stdout', 'stderr'].includes(to) ? to : absolute(to));
  const { cert, key } = parsed.admin.tls;
  const tls = { cert: cert && absolute(cert), key: key && absolute(key) };
  const origins = Object.entries(parsed.origins).map(([name, origin]): [string, OriginConfig] => {
    if (origin.type === 'files') return [name, { ...origin, root: absolute(origin.root) }];
    const ca = origin.tls.ca === undefined ? undefined : absolute(origin.tls.ca);
    const tls = { ...origin.tls, ca };
    if (origin.type === 'http') return [name, { ...origin, tls }];
    const file = origin.credentials.file === undefined ? undefined : absolute(origin.credentials.file);
    return [name, { ...origin, tls, credentials: { ...origin.credentials, file } }];
  });
  return {
    ...parsed,
    cache: {
      ...parsed.cache,
      memory: {
        ...memory,
        maxObjectBytes: largestObject(memory),
        variantsShare: variantsShare(parsed),
      },
      disk: disk && { ...disk, path: absolute(disk.path), maxObjectBytes: largestOnDisk(disk) },
    },
    origins: Object.fromEntries(origins),
    routes: parsed.routes.map((route) => completeRoute(route, parsed, storedBytes)),
    admin: { ...parsed.admin, tls },
    traffic: { ...parsed.traffic, path: absolute(parsed.traffic.path ?? recordDirectory(parsed, absolute)) },
    log: {
      ...parsed.log,
      access: { ...access, to: target(access.to) },
      audit: { ...audit, to: target(audit.to) },
    },
  };
}

function completeRoute(
  route: ParsedConfig['routes'][number],
  { origins }: ParsedConfig,
  storedBytes: number,
): RouteConfig {
  const query = route.key.query ?? (route.images === undefined ? queryOf(origins[route.origin]) : 'none');
  return {
    ...route,
    key: { ...route.key, query },
    unsafeMethods: route.unsafeMethods ?? unsafeMethodsOf(origins[route.origin]),
    bypass: route.bypass && {
      ...route.bypass,
      fields: route.bypass.fields.map((name) => name.toLowerCase()),
    },
    images: completeImages(route, query),
    maxObjectBytes: route.maxObjectBytes ?? storedBytes,
  };
}
