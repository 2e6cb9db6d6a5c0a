import { Flag } from '../../cache/entries.ts';
import type { WarmIndex } from '../plan.ts';
import type { KeyRows } from './key-rows.ts';
import { State } from './key-states.ts';
import type { Kinds } from './kinds.ts';
import type { NodeRun } from './run.ts';
import type { Sampling } from './sampling.ts';

/** Fills the tiers with what a running node held, from its coldest entry to its hottest; what does not fit is gone. O(entries). */
export function warmUp(
  warm: WarmIndex,
  runs: readonly NodeRun[],
  kinds: Kinds,
  keys: KeyRows,
  sampling: Sampling,
): void {
  for (const entry of warm.entries) {
    if (!sampling.has(entry.keyHi)) continue;
    const route = kinds.route(entry.route);
    const isOriginal = (entry.flags & Flag.VARIANT) === 0;
    const key = keys.find(entry.keyLo, entry.keyHi, isOriginal);
    for (const run of runs) if (run.tiers.restore(entry, route)) run.path.states.set(key, State.STORED);
  }
}
