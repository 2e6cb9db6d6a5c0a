import { formatDuration, formatSize } from '../base/units.ts';
import { METADATA_BYTES } from '../cache/contract.ts';
import { GHOST_BYTES } from '../cache/ghosts.ts';
import type { ValidConfig } from '../config/config.ts';
import {
  formatLimits,
  limits,
  type MachineFacts,
  MEAN_IMAGE_BYTES,
  type StoreFacts,
} from '../config/limits.ts';
import type { Node } from '../server/node.ts';
import { INDEX_BYTES } from '../store/disk/disk-index.ts';
import { BACKLOG_BYTES_MAX } from '../store/disk/tier.ts';
import type { World } from './world.ts';

/**
 * Resident memory of a node at work beside its cache: program, buffers, and what the memory guard leaves uncollected.
 * Held against a running node by `npm run bench:memory`.
 */
export const BASE_RESIDENT_BYTES = 160 * 1024 * 1024;
/** The same for each worker thread beside the first. */
const WORKER_RESIDENT_BYTES = 40 * 1024 * 1024;

/**
 * What a node says when it starts: where it is, what each limit works out to, and which one will bind first.
 *
 * @param said `tokenFile`: where the admin token was left, if anywhere; `trafficNote`: why traffic is recorded in memory, if it is.
 */
export async function startupSummary(
  config: ValidConfig,
  node: Node,
  said: { readonly tokenFile: string | undefined; readonly trafficNote: string | undefined },
  world: World,
): Promise<string> {
  const machine = await machineFacts(world);
  const summary = formatLimits(limits(config, machine, storeFacts(node, config)));
  const routes = config.routes.map((route) => `${route.name} -> ${originText(config, route.origin)}`);
  return [
    `Holdfast ${world.version}`,
    `images   ${node.url}`,
    `admin    ${node.adminUrl}  (${tokenText(config, said.tokenFile)})`,
    `routes   ${routes.join('; ')}`,
    `policy   ${config.cache.memory.policy}`,
    `workers  ${threadsOf(node)}`,
    ...diskLines(config, node),
    `traffic  ${trafficText(config, node, said.trafficNote)}`,
    summary,
  ].join('\n');
}

function diskLines({ cache }: ValidConfig, node: Node): string[] {
  const { disk } = node.snapshot();
  if (cache.disk === undefined || disk === undefined) return [];
  const memory = formatSize(diskMemoryBytes(cache.disk.sizeBytes));
  return [
    `disk     ${cache.disk.path}: ${formatSize(disk.usedBytes)} of ${formatSize(disk.budgetBytes)} are there and being read; takes up to ${memory} of memory`,
  ];
}

function trafficText({ traffic }: ValidConfig, node: Node, note: string | undefined): string {
  const recorded = node.snapshot().traffic;
  if (recorded === undefined) return 'not recorded (traffic.record: false)';
  const { path, sizeBytes, storedBytes } = recorded;
  if (path === undefined) return `recorded in memory, at most ${formatSize(sizeBytes)}: ${note}`;
  const reach = formatDuration(traffic.keepS * 1000);
  return `recorded in ${path}: ${formatSize(storedBytes)} of ${formatSize(sizeBytes)}, up to ${reach}`;
}

/** What a full disk tier takes of memory: its index, with images of 30 KB; what waits to be written, and what is read for clients. */
function diskMemoryBytes(sizeBytes: number): number {
  return Math.ceil(sizeBytes / MEAN_IMAGE_BYTES[1]) * INDEX_BYTES + 2 * BACKLOG_BYTES_MAX;
}

function tokenText(config: ValidConfig, tokenFile: string | undefined): string {
  if (config.admin.token !== undefined) return 'token: admin.token of the configuration';
  if (tokenFile !== undefined) return `token in ${tokenFile}`;
  return 'no token that anybody knows: set admin.token, or HOME or HOLDFAST_STATE for a place to leave one';
}

function originText(config: ValidConfig, name: string): string {
  const origin = config.origins[name]!;
  if (origin.type === 's3') return `s3://${origin.bucket}/${origin.prefix ?? ''}`;
  return origin.type === 'files'
    ? origin.root
    : `${origin.url.scheme}://${origin.url.authority}${origin.url.basePath}`;
}

function threadsOf({ crew }: Node): number {
  return 1 + (crew?.options.count ?? 0);
}

function storeFacts(node: Node, config: ValidConfig): StoreFacts {
  const { disk } = config.cache;
  const { arena, cache } = node.tier;
  return {
    segmentBytes: arena.segmentBytes,
    blockBytes: arena.costBytes(1),
    metadataBytesPerEntry: METADATA_BYTES,
    baseResidentBytes:
      BASE_RESIDENT_BYTES +
      (threadsOf(node) - 1) * WORKER_RESIDENT_BYTES +
      (disk === undefined ? 0 : diskMemoryBytes(disk.sizeBytes)),
    bytesPerGhost: GHOST_BYTES,
    entriesMax: cache.entries.capacity,
  };
}

/** Reads what Linux says of memory and files; elsewhere what is not there is unknown. */
async function machineFacts(world: World): Promise<MachineFacts> {
  const [cgroup, limitsFile] = await Promise.all([
    firstOf(world, ['/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes']),
    firstOf(world, ['/proc/self/limits']),
  ]);
  const openFiles = /^Max open files\s+(\d+)/m.exec(limitsFile ?? '')?.[1];
  return {
    totalMemoryBytes: world.totalMemoryBytes,
    cgroupLimitBytes: cgroup !== undefined && /^\d+/.test(cgroup) ? Number.parseInt(cgroup, 10) : undefined,
    openFilesLimit: openFiles === undefined ? undefined : Number(openFiles),
  };
}

async function firstOf(world: World, paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    try {
      return await world.readFile(path);
    } catch {
      // Not on this system: the next one.
    }
  }
  return undefined;
}
