import type { Cache } from '../cache/cache.ts';
import type { RoomRules } from '../cache/residency.ts';
import type { ValidConfig } from '../config/config.ts';
import type { Log } from '../monitor/log.ts';

/** For how long the log is quiet about newcomers that are refused, after it spoke of them. */
const QUIET_MS = 600_000;

/**
 * Who may not leave the memory tier for want of room, by the configuration.
 *
 * @param names of routes, by their ids.
 */
export function roomRules(
  { cache, routes }: Pick<ValidConfig, 'cache' | 'routes'>,
  names: readonly string[],
): RoomRules {
  const pinned = new Set(routes.filter((route) => route.pinned && route.cache).map((route) => route.name));
  return {
    minResidencyS: cache.memory.minResidencyS,
    pinnedShare: cache.memory.pinnedShare / 100,
    variantsShare: cache.memory.variantsShare / 100,
    pinnedRoutes: names.map((name) => pinned.has(name)),
  };
}

export interface RoomWatchOptions {
  readonly cache: Pick<Cache, 'pinnedOverflows' | 'pinnedBytes' | 'youngBytes' | 'budgetBytes'>;
  /** Responses that were not stored because all the rest was too young to leave. Only grows. */
  readonly residencyRefusals: () => number;
  readonly log: Pick<Log, 'warn'>;
  /** Milliseconds of a clock that only goes forward. */
  readonly monotonicMs: () => number;
}

/** Says in the log what a tier that is too small for its rules does, so that nobody has to watch a metric to learn of it. */
export class RoomWatch {
  readonly #options: RoomWatchOptions;
  #saidOverflow = false;
  #refusals: number;
  #quietUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: RoomWatchOptions) {
    this.#options = options;
    this.#refusals = options.residencyRefusals();
  }

  /** To be called about once a second. */
  check(): void {
    const { cache, log, residencyRefusals, monotonicMs } = this.#options;
    if (!this.#saidOverflow && cache.pinnedOverflows > 0) {
      this.#saidOverflow = true;
      log.warn(
        'pinned routes need more than cache.memory.pinnedShare: the rest of them is treated as any other',
        { pinnedBytes: cache.pinnedBytes, sizeBytes: cache.budgetBytes },
      );
    }
    const refusals = residencyRefusals();
    if (refusals === this.#refusals || monotonicMs() < this.#quietUntilMs) return;
    log.warn(
      'responses are passed through and not stored: all that is in memory is younger than cache.memory.minResidency. Raise cache.memory.size',
      {
        notStored: refusals - this.#refusals,
        youngBytes: cache.youngBytes,
        pinnedBytes: cache.pinnedBytes,
        sizeBytes: cache.budgetBytes,
      },
    );
    this.#refusals = refusals;
    this.#quietUntilMs = monotonicMs() + QUIET_MS;
  }
}
