import type { TierSizes } from '../sized.ts';

/** The smallest memory that a configuration may have. */
export const MEMORY_BYTES_MIN = 4 * 1024 ** 2;
/** The smallest disk that one may have. */
export const DISK_BYTES_MIN = 8 * 1024 ** 2;

/** With a margin (0.2: a fifth more), rounded up to at most a thirty-second more: sizes that people write. */
export function withMargin(bytes: number, margin: number, leastBytes: number): number {
  const wanted = Math.max(leastBytes, bytes * (1 + margin));
  const step = Math.max(1024 ** 2, 2 ** (Math.floor(Math.log2(wanted)) - 5));
  return Math.ceil(wanted / step) * step;
}

/** By how much sizes may become smaller, 0 to 1: until the first tier is at its smallest; one that is there already stays. */
export function leastFactor({ memoryBytes, diskBytes }: TierSizes): number {
  const tiers: [number, number][] = [[memoryBytes, MEMORY_BYTES_MIN]];
  if (typeof diskBytes === 'number') tiers.push([diskBytes, DISK_BYTES_MIN]);
  const factors = tiers.filter(([bytes, least]) => bytes > least).map(([bytes, least]) => least / bytes);
  return factors.length === 0 ? 1 : Math.max(...factors);
}

/** Both tiers by one factor, as far as they may become smaller. */
export function scaled({ memoryBytes, diskBytes }: TierSizes, factor: number): TierSizes {
  return {
    memoryBytes: Math.max(MEMORY_BYTES_MIN, Math.round(memoryBytes * factor)),
    diskBytes:
      typeof diskBytes === 'number' ? Math.max(DISK_BYTES_MIN, Math.round(diskBytes * factor)) : diskBytes,
  };
}
