import { GhostQueue } from '../../policy/ghost.ts';
import type { EntryId } from '../../policy/policy.ts';
import { ComparisonPolicy } from './comparison-policy.ts';
import type { Trace } from './trace.ts';

const IN_FIRST = 1;
const IN_MAIN = 2;

/**
 * 2Q, full version. Johnson, Shasha: "2Q: A Low Overhead High Performance Buffer Management Replacement Algorithm",
 * VLDB 1994, https://www.vldb.org/conf/1994/P439.PDF; parameters as in libCacheSim, `TwoQ.c`.
 *
 * Newcomers enter *A1in*, a FIFO queue of a quarter of the capacity, in which a hit changes nothing. What leaves it is
 * remembered in *A1out* (half of the capacity, in bytes of what left), and comes to *Am*, an LRU queue, when it is asked
 * for again. A1in gives way while it is above its share, else Am, which also keeps to its own three quarters when it takes
 * somebody in. Objects above a quarter of the capacity are never admitted.
 *
 * Cost: hit O(1); admit O(victims) amortised. 13 bytes per slot, 25 per ghost.
 */
export class TwoQ extends ComparisonPolicy {
  private readonly first = this.newList();
  private readonly main = this.newList();
  private readonly ghosts: GhostQueue;
  private readonly firstBytes: number;
  private readonly mainBytes: number;
  /** Whether the latest that was asked for had left A1in before. */
  private isKnown = false;

  constructor(trace: Trace, capacityBytes: number) {
    super(trace, capacityBytes);
    this.firstBytes = Math.floor(capacityBytes * 0.25);
    this.mainBytes = capacityBytes - this.firstBytes;
    this.ghosts = new GhostQueue(Math.floor(capacityBytes * 0.5));
  }

  hit(id: EntryId): void {
    if (this.slots.marks[id] === IN_MAIN) this.main.moveToHead(id);
  }

  protected override largestBytes(): number {
    return this.firstBytes;
  }

  protected override lacksRoom(sizeBytes: number): boolean {
    return super.lacksRoom(sizeBytes) || (this.isKnown && this.main.bytes + sizeBytes > this.mainBytes);
  }

  protected override requested(id: EntryId): void {
    this.isKnown = this.ghosts.take(id);
  }

  protected insert(id: EntryId): void {
    this.slots.marks[id] = this.isKnown ? IN_MAIN : IN_FIRST;
    (this.isKnown ? this.main : this.first).pushHead(id);
  }

  protected evictOne(): EntryId {
    const isFirst = this.first.bytes > this.firstBytes;
    const list = isFirst ? this.first : this.main;
    const victim = list.tail;
    list.unlink(victim);
    if (isFirst) this.ghosts.push(victim, this.slots.sizes[victim]!, Number.POSITIVE_INFINITY);
    return victim;
  }
}
