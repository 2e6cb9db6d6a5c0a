import { formatCount, formatSize } from '../base/units.ts';
import type { ValidConfig } from './config.ts';
import { diskSegmentBytes } from './disk.ts';

/**
 * What each limit works out to, on this machine and with this store, and which one binds first. No cache should
 * surprise its operator with a limit that he did not know of. Pure: the facts are handed in.
 */

/** What the machine has. */
export interface MachineFacts {
  readonly totalMemoryBytes: number;
  /** Limit of the control group (container), if there is one. */
  readonly cgroupLimitBytes?: number | undefined;
  /** RLIMIT_NOFILE, if known. */
  readonly openFilesLimit?: number | undefined;
}

/** What the store and the cache cost, as they say themselves. */
export interface StoreFacts {
  /** Unit in which memory is taken from the system. */
  readonly segmentBytes: number;
  /** Unit in which a response occupies a segment. */
  readonly blockBytes: number;
  /** Charged for each response beside its record. */
  readonly metadataBytesPerEntry: number;
  /** Of the process itself, with an empty cache. */
  readonly baseResidentBytes: number;
  /** Beside the budget, for each ghost. */
  readonly bytesPerGhost: number;
  /** Most responses that the entry table can hold; undefined when it grows with the budget. */
  readonly entriesMax?: number | undefined;
}

/** Mean sizes for which the capacity is worked out, in bytes: thumbnails, pictures in pages, photographs. */
export const MEAN_IMAGE_BYTES = [10_000, 30_000, 100_000] as const;
/** Key, header fields and so on of a stored response, in bytes: a common value. */
const RECORD_OVERHEAD_BYTES = 500;
/** Share of the memory of a container above which the kernel's killer is near: spikes and caches need the rest. */
const MEMORY_SHARE_MAX = 0.8;
/** Files and sockets beside those of clients and origins: logs, the admin port, the runtime. */
const OTHER_FILES = 64;

/** What fits, for one mean size. */
export interface Capacity {
  readonly meanBytes: number;
  /** Responses of that mean size that fit. */
  readonly objects: number;
  /** Ghosts as a share of them: 1 remembers as many evictions as the full cache holds. */
  readonly ghostShare: number;
}

/** A limit that is dangerous on this machine. */
export interface LimitWarning {
  readonly reason: string;
  readonly remedy: string;
}

/** What every limit works out to. */
export interface Limits {
  readonly sizeBytes: number;
  /** For each of {@link MEAN_IMAGE_BYTES}. */
  readonly capacities: readonly Capacity[];
  readonly largestObjectBytes: number;
  readonly ghosts: number;
  readonly memory: {
    /** With a full cache: the budget rounded up to segments, ghosts, the process itself, and the one that makes variants. */
    readonly neededBytes: number;
    /** Of that, what the process that makes variants may take; 0 where no route has images. */
    readonly imagesBytes: number;
    readonly availableBytes: number;
    readonly share: number;
    readonly source: 'machine' | 'container';
  };
  readonly files: {
    /** With all connections in use. */
    readonly needed: number;
    readonly limit: number | undefined;
  };
  /** Which limit ends the growth of the cache first: the bytes, the entries, or the memory that is really there. */
  readonly binding: { readonly limit: 'bytes' | 'entries' | 'memory'; readonly sentence: string };
  readonly warnings: readonly LimitWarning[];
}

/** Works out every limit. Never throws; facts of 0 or less count as unknown memory and give no warnings about it. */
export function limits(config: ValidConfig, machine: MachineFacts, store: StoreFacts): Limits {
  const { sizeBytes, maxObjectBytes } = config.cache.memory;
  const { ghosts } = config.cache;
  const capacities = MEAN_IMAGE_BYTES.map((meanBytes): Capacity => {
    const objects = objectsThatFit(sizeBytes, meanBytes, store);
    return { meanBytes, objects, ghostShare: objects === 0 ? 0 : ghosts / objects };
  });
  const memory = memoryOf(config, machine, store);
  const files = { needed: filesNeeded(config), limit: machine.openFilesLimit };
  return {
    sizeBytes,
    capacities,
    largestObjectBytes: maxObjectBytes,
    ghosts,
    memory,
    files,
    binding: bindingOf(sizeBytes, capacities, memory, store),
    warnings: [...memoryWarnings(sizeBytes, memory), ...fileWarnings(config, files)],
  };
}

function chargeOf(meanBytes: number, store: StoreFacts): number {
  const record = meanBytes + RECORD_OVERHEAD_BYTES;
  return Math.ceil(record / store.blockBytes) * store.blockBytes + store.metadataBytesPerEntry;
}

function objectsThatFit(sizeBytes: number, meanBytes: number, store: StoreFacts): number {
  const byBytes = Math.floor(sizeBytes / chargeOf(meanBytes, store));
  return Math.min(byBytes, store.entriesMax ?? byBytes);
}

function memoryOf(config: ValidConfig, machine: MachineFacts, store: StoreFacts): Limits['memory'] {
  const segments = Math.ceil(config.cache.memory.sizeBytes / store.segmentBytes);
  const ghostBytes = config.cache.ghosts * store.bytesPerGhost;
  const hasImages = config.routes.some(({ images }) => images !== undefined);
  const imagesBytes = hasImages ? config.images.memoryBytes : 0;
  const neededBytes = segments * store.segmentBytes + ghostBytes + store.baseResidentBytes + imagesBytes;
  const cgroup = machine.cgroupLimitBytes;
  // A group without a limit reports a huge number or none.
  const isContainer = cgroup !== undefined && cgroup > 0 && cgroup < machine.totalMemoryBytes;
  const availableBytes = isContainer ? cgroup : machine.totalMemoryBytes;
  const share = availableBytes > 0 ? neededBytes / availableBytes : 0;
  return { neededBytes, imagesBytes, availableBytes, share, source: isContainer ? 'container' : 'machine' };
}

function filesNeeded(config: ValidConfig): number {
  const origins = Object.values(config.origins).map((origin) =>
    origin.type === 'files' ? 0 : origin.connections,
  );
  const { disk } = config.cache;
  // One for each segment, and one that is ready.
  const segments = disk === undefined ? 0 : Math.ceil(disk.sizeBytes / diskSegmentBytes(disk.sizeBytes)) + 1;
  return (
    config.server.maxConnections + origins.reduce((sum, count) => sum + count, 0) + segments + OTHER_FILES
  );
}

function bindingOf(
  sizeBytes: number,
  capacities: readonly Capacity[],
  memory: Limits['memory'],
  store: StoreFacts,
): Limits['binding'] {
  if (memory.share > 1) {
    const sentence = `The memory of the ${memory.source} binds first: a full cache needs ${formatSize(memory.neededBytes)}, and there are ${formatSize(memory.availableBytes)}.`;
    return { limit: 'memory', sentence };
  }
  const middle = capacities[1]!;
  const byBytes = Math.floor(sizeBytes / chargeOf(middle.meanBytes, store));
  if (store.entriesMax !== undefined && store.entriesMax < byBytes) {
    const fill = Math.round((100 * store.entriesMax) / byBytes);
    const sentence = `The entry table binds first: ${formatCount(store.entriesMax)} images of ${kilobytes(middle.meanBytes)} fill only ${fill} % of ${formatSize(sizeBytes)}.`;
    return { limit: 'entries', sentence };
  }
  const sentence = `The bytes bind first: ${formatSize(sizeBytes)} are full with about ${formatCount(byBytes)} images of ${kilobytes(middle.meanBytes)}.`;
  return { limit: 'bytes', sentence };
}

function memoryWarnings(sizeBytes: number, memory: Limits['memory']): LimitWarning[] {
  if (memory.share <= MEMORY_SHARE_MAX) return [];
  const otherBytes = memory.neededBytes - sizeBytes;
  const safeBytes = Math.floor((memory.availableBytes * MEMORY_SHARE_MAX - otherBytes) / 1024 ** 2);
  const reason = `a full cache needs ${formatSize(memory.neededBytes)}, ${Math.round(memory.share * 100)} % of the memory of this ${memory.source} (${formatSize(memory.availableBytes)}): the kernel may end the process`;
  const lower = safeBytes >= 4 ? `set cache.memory.size to at most ${safeBytes}MiB, or ` : '';
  return [{ reason, remedy: `${lower}give the ${memory.source} more memory` }];
}

function fileWarnings(config: ValidConfig, files: Limits['files']): LimitWarning[] {
  if (files.limit === undefined || files.needed <= files.limit) return [];
  const others = files.needed - config.server.maxConnections;
  const possible = Math.max(0, files.limit - others);
  const reason = `${formatCount(files.needed)} open files may be needed (clients, origins, others), and ${formatCount(files.limit)} are allowed: connections would be refused`;
  const lower = possible >= 1 ? `, or set server.maxConnections to at most ${possible}` : '';
  return [
    { reason, remedy: `raise the limit (ulimit -n ${files.needed}, LimitNOFILE=, --ulimit nofile=)${lower}` },
  ];
}

const kilobytes = (bytes: number): string => `${bytes / 1000} KB`;

/** The start-up summary: a few lines of text, warnings last. Ends in a line break. */
export function formatLimits(result: Limits): string {
  const { memory, files } = result;
  const fit = result.capacities.map(
    ({ meanBytes, objects }) => `${formatCount(objects)} of ${kilobytes(meanBytes)}`,
  );
  const least = Math.min(...result.capacities.map((capacity) => capacity.ghostShare));
  const most = Math.max(...result.capacities.map((capacity) => capacity.ghostShare));
  const remembered =
    result.ghosts === 0
      ? 'off'
      : `${formatCount(result.ghosts)}, ${times(least)} to ${times(most)} the images of a full cache`;
  const limit = files.limit === undefined ? 'limit unknown' : `of ${formatCount(files.limit)}`;
  const lines = [
    `memory   ${formatSize(result.sizeBytes)}; images that fit: ${fit.join(', ')}`,
    `largest  ${formatSize(result.largestObjectBytes)} for one response`,
    `ghosts   ${remembered}`,
    `process  ${formatSize(memory.neededBytes)} with a full cache, ${Math.round(memory.share * 100)} % of the ${memory.source}'s ${formatSize(memory.availableBytes)}`,
    ...(memory.imagesBytes === 0
      ? []
      : [`variants ${formatSize(memory.imagesBytes)} of that, for the process that makes them`]),
    `files    ${formatCount(files.needed)} with all connections in use, ${limit}`,
    result.binding.sentence,
    ...result.warnings.map(({ reason, remedy }) => `warning: ${reason}. Fix: ${remedy}`),
  ];
  return `${lines.join('\n')}\n`;
}

function times(share: number): string {
  return share >= 10 ? `${Math.round(share)}x` : `${share.toFixed(1)}x`;
}
