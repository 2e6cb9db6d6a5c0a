import type { WarmEntry, WarmIndex } from './plan.ts';

/**
 * An index as it would be at another time: all times of its entries move along. So what a node holds now can meet traffic of
 * yesterday, with as much of its lifetimes left as now.
 *
 * @param atMs milliseconds since the epoch. An index that was taken before stays as it is: it has aged since.
 */
export function warmAt(warm: WarmIndex, atMs: number): WarmIndex {
  const byS = Math.floor((atMs - warm.takenAtMs) / 1000);
  if (byS >= 0) return warm;
  const moved = (entry: WarmEntry): WarmEntry => ({
    ...entry,
    bornS: entry.bornS + byS,
    freshUntilS: entry.freshUntilS + byS,
    revalidateUntilS: entry.revalidateUntilS + byS,
    errorUntilS: entry.errorUntilS + byS,
    storedS: entry.storedS + byS,
  });
  return { takenAtMs: atMs, entries: warm.entries.map(moved) };
}
