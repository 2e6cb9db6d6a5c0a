import { unreachable } from '../../base/assert.ts';
import { createPolicy } from '../../policy/create.ts';
import type { EntryId, EvictionPolicy } from '../../policy/policy.ts';
import { Belady } from './belady.ts';
import { Clock } from './clock.ts';
import { Lfu } from './lfu.ts';
import type { Trace } from './trace.ts';
import { TwoQ } from './two-q.ts';

/**
 * The policies that have a published form: one that a reference simulator (libCacheSim) can be met with miss for miss. W-TinyLFU
 * has none: its papers leave hash functions and ties open.
 */
export const PUBLISHED_NAMES = [
  'lru',
  'fifo',
  'clock',
  'lfu',
  '2q',
  'sieve',
  's3-fifo',
  'gdsf',
  'belady',
] as const;
export type PublishedName = (typeof PUBLISHED_NAMES)[number];

export interface ReplayCounts {
  readonly misses: number;
  /** Sum of the sizes of the requests that missed. */
  readonly missedBytes: number;
}

/** The part of a policy that a replay needs. */
export interface Replayable extends Pick<EvictionPolicy, 'has' | 'hit'> {
  /** As in {@link EvictionPolicy}; whether the newcomer got in is asked of `has` when it comes again. */
  admit(id: EntryId, fingerprint: number, sizeBytes: number, victims: EntryId[]): unknown;
}

/**
 * Replays a trace through a published form, which is empty at the start.
 *
 * @param capacityBytes a whole number of at least 0.
 */
export function replayPublished(name: PublishedName, trace: Trace, capacityBytes: number): ReplayCounts {
  return replay(trace, createPublished(name, trace, capacityBytes));
}

/** An empty policy in its published form, for one replay of this trace: those that serve live, and those that only compare. */
export function createPublished(name: PublishedName, trace: Trace, capacityBytes: number): Replayable {
  switch (name) {
    case 'clock':
      return new Clock(trace, capacityBytes);
    case 'lfu':
      return new Lfu(trace, capacityBytes);
    case '2q':
      return new TwoQ(trace, capacityBytes);
    case 'belady':
      return new Belady(trace, capacityBytes);
    case 'lru':
    case 'fifo':
    case 'sieve':
    case 's3-fifo':
    case 'gdsf':
      return createPolicy(name, {
        capacityBytes,
        isPinned: unpinned,
        form: 'published',
        slots: trace.objects,
      });
    default:
      return unreachable(name);
  }
}

/**
 * Replays a trace under the conventions of published simulators (libCacheSim's): every request counts, no warm-up,
 * a hit does not change the stored size, nothing but the object's size is charged, nothing is pinned.
 *
 * @param policy empty, and used for nothing else; entry ids and fingerprints are the trace's keys.
 */
export function replay(trace: Trace, policy: Replayable): ReplayCounts {
  const { keys, sizes } = trace;
  const victims: EntryId[] = [];
  let misses = 0;
  let missedBytes = 0;
  for (let i = 0; i < keys.length; i += 1) {
    const key = keys[i]!;
    if (policy.has(key)) {
      policy.hit(key);
      continue;
    }
    misses += 1;
    missedBytes += sizes[i]!;
    policy.admit(key, key, sizes[i]!, victims);
    victims.length = 0;
  }
  return { misses, missedBytes };
}

function unpinned(): boolean {
  return false;
}
