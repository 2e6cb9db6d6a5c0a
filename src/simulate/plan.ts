import type { RoomRules } from '../cache/residency.ts';
import type { VariantLimits } from '../cache/variant-budget.ts';
import type { FreshnessRules, StaleRules } from '../http/freshness.ts';
import type { Favour, PolicyName } from '../policy/policy.ts';

/** A node as far as it decides what recorded requests come to. Made of a configuration, or by hand for what-ifs. */
export interface SimulatedNode {
  readonly name: string;
  /** What of the configuration is simulated otherwise than it says, each a sentence for the report. Default: nothing. */
  readonly departures?: readonly string[];
  readonly memory: {
    readonly sizeBytes: number;
    readonly policy: PolicyName;
    /** Which side the policy takes, where it can take one. Default: both. */
    readonly favour?: Favour;
    readonly objectBytesMax: number;
  };
  readonly disk:
    | {
        readonly sizeBytes: number;
        readonly objectBytesMax: number;
        readonly minResidencyS: number;
        /** 0 to 1. */
        readonly variantsShare: number;
      }
    | undefined;
  /** By name of the route, also those that only the record knows. */
  readonly routes: ReadonlyMap<string, SimulatedRoute>;
  /** For requests of routes that are not among {@link routes}. */
  readonly otherRoute: SimulatedRoute;
  readonly room: Omit<RoomRules, 'pinnedRoutes'>;
  readonly ghosts: number;
  readonly origins: ReadonlyMap<string, SimulatedOrigin>;
}

export interface SimulatedRoute extends FreshnessRules, StaleRules {
  readonly caches: boolean;
  readonly pinned: boolean;
  readonly objectBytesMax: number;
  /** What the variants of one original may take; undefined where a route has none, or for no limit. */
  readonly variants?: VariantLimits | undefined;
  /** Name of its origin. */
  readonly origin: string;
}

/** How much an origin can do at a time; undefined for no limit. */
export interface SimulatedOrigin {
  readonly connections: number | undefined;
  /** Most requests that wait for a connection, and for how long; further ones are refused. */
  readonly queueMax: number;
  readonly queueTimeoutMs: number;
}

/** How a record is replayed. */
export interface ReplayOptions {
  /** Share of the record's keys that is replayed, with sizes scaled alike; at most the record's own rate. Default: that. */
  readonly rate?: number;
  /** What the cache holds at the beginning. Default: nothing. */
  readonly warm?: WarmIndex;
  /** Only requests of this time count, milliseconds since the epoch; earlier ones are replayed to fill the cache. Default: all. */
  readonly countFromMs?: number;
  /** Told after each batch how many rows are done; for progress. */
  readonly onProgress?: (rows: number) => void;
}

/** What a live index holds, without bytes: from the coldest to the hottest. */
export interface WarmIndex {
  readonly takenAtMs: number;
  readonly entries: readonly WarmEntry[];
}

export interface WarmEntry {
  readonly keyLo: number;
  readonly keyHi: number;
  readonly route: string;
  readonly status: number;
  readonly recordBytes: number;
  readonly bodyBytes: number;
  readonly bornS: number;
  readonly freshUntilS: number;
  readonly revalidateUntilS: number;
  readonly errorUntilS: number;
  readonly storedS: number;
  /** Bits of `Flag` (cache/entries.ts). */
  readonly flags: number;
  readonly tier: 'memory' | 'disk';
}
