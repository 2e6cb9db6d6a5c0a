import type { NotStoredReason, Outcome, RemovalReason, RetrievalFailure } from '../cache/outcome.ts';
import type { Favour, PolicyName } from '../policy/policy.ts';
import type { TransformResultWord } from './transform-books.ts';

/**
 * What a running node says of itself: the body of `GET /api/status` on the admin port, and the source of
 * `holdfast top` and the demo's live view. Counters only grow; a reader takes differences.
 */
export interface Snapshot {
  readonly holdfast: string; // version
  readonly startedAtMs: number; // wall clock
  readonly nowMs: number; // wall clock
  readonly listen: string; // public URL
  readonly draining: boolean;
  readonly connections: number;
  /** What the transport turned away or cut, and so never became a request. */
  readonly transport: {
    /** Connections above the limit. */
    readonly refused: number;
    /** Connections above the limit of one client address. */
    readonly refusedPerClient: number;
    /** Requests that were not valid HTTP, by problem. */
    readonly malformed: Readonly<Record<string, number>>;
    /** Connections closed because a client took too long, by what was waited for. */
    readonly timeouts: Readonly<Record<string, number>>;
  };
  readonly workers: {
    /** Threads that serve now: one, or server.workers. */
    readonly serving: number;
    /** Those that ended without being asked to, and were started anew. */
    readonly deaths: number;
    /** Hits that the eviction policy was not told of, because a worker was too far ahead. */
    readonly droppedHits: number;
  };
  readonly requests: Readonly<Record<Outcome, number>>;
  readonly statuses: Readonly<Record<'2xx' | '3xx' | '4xx' | '5xx', number>>;
  readonly sentBytes: number;
  /** Time from head received to last byte handed to the kernel, of all requests. */
  readonly latency: LatencySnapshot;
  /** Requests for an image that did not get it whole, by cause; causes that never happened are left out. */
  readonly retrievalFailures: Readonly<Partial<Record<RetrievalFailure, number>>>;
  /** Fetches from origins under way. */
  readonly fetches: number;
  readonly notStored: Readonly<Record<NotStoredReason, number>>;
  readonly memory: MemorySnapshot;
  /** Absent without a disk tier. */
  readonly disk?: DiskSnapshot;
  /** Absent on nodes whose routes have no images. */
  readonly images?: ImagesSnapshot;
  /** Absent where traffic is not recorded. */
  readonly traffic?: TrafficSnapshot;
  /** Absent where traffic is not recorded, and before the first request. */
  readonly curve?: CurveSnapshot;
  /** Absent unless the policy is chosen by the node itself (`cache.memory.policy: auto`). */
  readonly auto?: AutoSnapshot;
  readonly routes: readonly RouteSnapshot[];
  readonly origins: readonly OriginSnapshot[];
  readonly process: { readonly residentBytes: number; readonly cpuSeconds: number };
  /** What the node runs, and how the last reload went. */
  readonly config?: ConfigSnapshot;
  /** Purges whose sweep has not come round, and all so far. */
  readonly purges?: { readonly active: number; readonly total: number };
}

/** The making of variants. Sizes in bytes. */
export interface ImagesSnapshot {
  /** Being made now, and waiting for their turn. */
  readonly active: number;
  readonly waiting: number;
  /** Of originals that are held for them. */
  readonly heldBytes: number;
  /** Of the process that makes them; 0 while there is none. */
  readonly residentBytes: number;
  readonly restarts: number;
  /** By how they ended; what never happened is left out. */
  readonly results: Readonly<Partial<Record<TransformResultWord, number>>>;
}

/** What a node records of its traffic, since it was started. */
export interface TrafficSnapshot {
  /** The directory; absent for a record in memory. */
  readonly path?: string;
  /** It cannot be written for the moment. */
  readonly isPaused: boolean;
  /** Requests recorded and written; those of the last seconds are not yet. */
  readonly rows: number;
  /** Requests that were to be recorded, and were lost. */
  readonly droppedRows: number;
  /** Share of the keys whose requests are recorded. */
  readonly rate: number;
  /** Bytes that the record takes, and may take. */
  readonly storedBytes: number;
  readonly sizeBytes: number;
  /** Time of the oldest request, wall clock; absent for an empty record. */
  readonly oldestMs?: number;
  readonly writeErrors: number;
}

/** What other sizes of the memory tier would come to, by the node's live miss-ratio curve. */
export interface CurveSnapshot {
  /** Seconds of traffic that it has seen; it has settled once this is `windowS`. */
  readonly observedS: number;
  readonly windowS: number;
  /** Client requests that it stands for, faded: the latest weigh most. */
  readonly requests: number;
  /** Half of what there is, what there is, and twice as much. */
  readonly sizes: readonly SizeRatios[];
}

/** Hit ratios of a least-recently-used cache of one size, 0 to 1. */
export interface SizeRatios {
  /** Of the size that the memory tier has. */
  readonly factor: number;
  readonly sizeBytes: number;
  readonly objectHitRatio: number;
  readonly byteHitRatio: number;
}

/** All policies in miniature beside the one that serves. Ratios are shares, 0 to 1. */
export interface AutoSnapshot {
  readonly serving: PolicyName;
  /** Share of the keys that are watched; what each miniature may hold, and entries of the one that holds the most. */
  readonly rate: number;
  readonly capacityBytes: number;
  readonly entries: number;
  /** What policies are judged by (`cache.memory.favour`). */
  readonly favour: Favour;
  /** Windows and sampled requests that are compared now. */
  readonly windows: number;
  readonly requests: number;
  /** Empty before the first window: nobody has had to evict yet. */
  readonly policies: readonly PolicyStanding[];
  readonly switches: number;
  /** The latest, newest first. */
  readonly decisions: readonly PolicyDecision[];
}

/** How one policy stands, over the windows that are compared. */
export interface PolicyStanding {
  readonly policy: PolicyName;
  readonly missRatio: number;
  readonly byteMissRatio: number;
  /** Mean lead over the one that serves in what is favoured, and its standard error; 0 for that one. */
  readonly lead: number;
  readonly error: number;
}

/** One switch of policy, with the figures that it follows from. */
export interface PolicyDecision {
  /** Time of the request that decided, wall clock. */
  readonly atMs: number;
  readonly from: PolicyName;
  readonly to: PolicyName;
  /** Mean lead over the one that served, and its standard error, over so many windows with so many sampled requests. */
  readonly lead: number;
  readonly error: number;
  readonly windows: number;
  readonly requests: number;
  /** Share of the keys that were watched. */
  readonly rate: number;
  /** All of it in one sentence. */
  readonly reason: string;
}

/** The configuration of a node. */
export interface ConfigSnapshot {
  /** Absent for a node that was started without a file. */
  readonly file?: string;
  /** The first digits of the SHA-256 of the file that is in force. */
  readonly hash?: string;
  /** When that was read. */
  readonly loadedAtMs: number;
  /** False after a reload that was refused: the file is not what runs. */
  readonly lastReloadOk: boolean;
  readonly lastReloadAtMs?: number;
  /** Mistakes that the last reload was refused for. */
  readonly problems: number;
  /** Options of the file that differ from what runs, and take a restart. */
  readonly needsRestart: readonly string[];
}

/** A latency histogram as Prometheus has it: each count includes all smaller ones. */
export interface LatencySnapshot {
  /** Upper bounds in milliseconds, inclusive, rising. */
  readonly boundsMs: readonly number[];
  /** One per bound and a last one for +Inf, which counts everything. */
  readonly counts: readonly number[];
  readonly sumMs: number;
}

/** What one kind of responses holds of a tier: what transforms made, or everything else. */
export interface ShareSnapshot {
  readonly entries: number;
  readonly usedBytes: number;
}

export interface MemorySnapshot {
  readonly policy: PolicyName;
  readonly budgetBytes: number;
  /** Charged: body, headers, key and metadata of what is resident. Never above the budget. */
  readonly usedBytes: number;
  /** Segments allocated from the system. */
  readonly heldBytes: number;
  readonly entries: number;
  readonly originals: ShareSnapshot;
  readonly variants: ShareSnapshot;
  readonly insertions: number;
  readonly removals: Readonly<Record<RemovalReason, number>>;
  readonly earlyEvictions: number;
  readonly prematureEvictions: number;
  readonly refetchedBytes: number;
  /** Age of the latest evictions when they left, in seconds: median of the last 1,000; undefined before the first. */
  readonly evictionAgeS: number | undefined;
  /** Of the used bytes: what may not leave for want of room, because it is younger than the floor, or pinned. */
  readonly youngBytes: number;
  readonly pinnedBytes: number;
  /** Newcomers of pinned routes that did not fit into the pinned share. */
  readonly pinnedOverflows: number;
}

/** The disk tier. Sizes in bytes; counters only grow. */
export interface DiskSnapshot {
  /** `loading`: what is on disk is still being read, and serves as far as it is known. `degraded`: nothing is written. */
  readonly state: 'loading' | 'ready' | 'degraded' | 'closed';
  readonly budgetBytes: number;
  /** Length of all files, also of those that only running answers still read. */
  readonly usedBytes: number;
  /** Waits in memory to be written. */
  readonly backlogBytes: number;
  /** Would be lost with the machine now: the backlog, and what was written since the last sync. */
  readonly unsyncedBytes: number;
  readonly entries: number;
  readonly segments: number;
  /** By the records that can still be found. */
  readonly originals: ShareSnapshot;
  readonly variants: ShareSnapshot;
  /** Memory of the index, beside the budget of the memory tier. */
  readonly indexBytes: number;
  readonly insertions: number;
  readonly writtenBytes: number;
  readonly loads: number;
  readonly evictions: number;
  readonly earlyEvictions: number;
  readonly reinsertions: number;
  readonly removals: number;
  /** Responses that were lost because their file could not be written. */
  readonly lost: number;
  /** What was not written, by reason. */
  readonly refused: Readonly<Record<string, number>>;
  readonly damaged: number;
  readonly readErrors: number;
  readonly writeErrors: number;
  /** Requests whose response came up from disk; those of them that were sent from there; and those that it failed. */
  readonly promoted: number;
  readonly lent: number;
  readonly failed: number;
}

/** One route: counters since the start, but `entries` and `usedBytes`, which are of now. */
export interface RouteSnapshot {
  readonly name: string;
  readonly requests: Readonly<Record<Outcome, number>>;
  readonly sentBytes: number;
  readonly entries: number;
  readonly usedBytes: number;
  readonly evictions: number;
  readonly earlyEvictions: number;
  readonly prematureEvictions: number;
  readonly refetchedBytes: number;
}

export interface OriginSnapshot {
  readonly name: string;
  readonly requests: number;
  readonly receivedBytes: number;
  /** Per cause, spelled as the origin contract's closed list. */
  readonly failures: Readonly<Record<string, number>>;
  /** Exchanges under way. */
  readonly active: number;
  readonly connections: number;
  /** Requests in the queue for an exchange. */
  readonly waiting: number;
  readonly circuit: 'closed' | 'half-open' | 'open';
  /** As far as its health checks know. */
  readonly healthy: boolean;
  readonly retries: number;
  readonly hedges: number;
  readonly failovers: number;
}
