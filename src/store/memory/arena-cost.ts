import { assert } from '../../base/assert.ts';

/** A block is charged 1/32 more than its bytes. */
const RESERVE_PER_BLOCK = 1 / 32;

/** Whole blocks that a record takes. */
export function blocksOf(bytes: number, blockBytes: number): number {
  assert(bytes >= 1, 'a record has at least one byte');
  return Math.ceil(bytes / blockBytes);
}

/**
 * What a record of `bytes` bytes is charged: whole blocks and 1/32 (a block of 256 bytes costs 264). The 1/32 pays
 * for bits and extents and keeps 2.7 % of the blocks free. Without these, almost every record of a cache that is
 * always full comes to lie in dozens of extents, whose bookkeeping alone then takes as much; with them one in eight
 * lies in two or three.
 *
 * @param bytes its length, at least 1.
 * @param blockBytes unit of allocation, a power of two of at least 32.
 */
export function costBytesOf(bytes: number, blockBytes: number): number {
  return blocksOf(bytes, blockBytes) * blockBytes * (1 + RESERVE_PER_BLOCK);
}
