import { assert } from '../base/assert.ts';
import { FingerprintColumn, GhostQueue } from './ghost.ts';
import { NONE, SlotList } from './list.ts';
import type { EntryId, PolicyName } from './policy.ts';
import { type SlottedOptions, SlottedPolicy } from './slotted.ts';

/** A mark is a hit counter, 0 to 3, in the low two bits, and one bit for the queue. */
const HITS = 3;
const IN_SMALL = 4;
const IN_MAIN = 8;

/** Said of a newcomer's place: main, but as the oldest. Not kept in the mark. */
const ON_PROBATION = 16;

/** Hits in the small queue that earn a place in the main queue. */
const PROMOTION_HITS = 2;

/** Live bound on the ghost queue: this many per resident entry, and this many in any case. */
const GHOSTS_PER_RESIDENT = 2;
const GHOSTS_ALWAYS = 1024;

export interface S3FifoOptions extends SlottedOptions {
  /** Which form to run; see {@link S3Fifo}. Default `live`. */
  readonly form?: 'live' | 'published';
}

/**
 * S3-FIFO. Yang, Zhang, Qiu, Yue, Rashmi: "FIFO queues are all you need for cache eviction", SOSP 2023,
 * https://doi.org/10.1145/3600006.3613147; reference implementation: libCacheSim, `S3FIFO.c`.
 *
 * Three queues. A newcomer enters the *small* queue (a tenth of the capacity). At its tail, two hits or more move it
 * to the *main* queue, else it leaves and its fingerprint goes to the *ghost* queue (nine tenths of the capacity,
 * in bytes of what left). A newcomer whose fingerprint is found there goes to main at once. At main's tail an entry
 * that was hit goes round again with one hit less. So what is asked for once passes through a tenth of the cache.
 *
 * - **Published form**: as the reference does it, to reproduce published counts. Objects of at least a tenth of the
 *   capacity are never admitted; ghosts are bounded by bytes only.
 * - **Live form**: such large objects are not refused, which would make every request for them a miss for ever.
 *   They go straight to main, because they would push out all that is in the small queue, and there to the tail:
 *   they are the first to leave when main gives way, and one hit until then sends them round like the others. (From
 *   main's head they would stay for a whole round without a hit: up to 13 points of hit ratio worse on two real
 *   traces, in caches that only hold a few of them.) Ghosts are also bounded in number, by twice the residents
 *   (at least 1,024), so that memory is bounded whatever the sizes.
 *
 * Deviation for pins: only leaving is forbidden, promotion and going round happen as usual. A pinned entry that
 * would leave is passed over, and goes back to the head of its queue once another one leaves in its stead. Large
 * ones (fewer than twenty fit) stay where they are, or being sent once would end their probation. When a queue
 * holds nothing but pinned entries the other one gives way.
 *
 * Cost: hit O(1), one byte written at most; admit O(victims) amortised. 17 bytes per slot, 25 per ghost.
 */
export class S3Fifo extends SlottedPolicy {
  readonly name: PolicyName = 's3-fifo';
  private readonly published: boolean;
  private readonly small: SlotList;
  private readonly main: SlotList;
  private readonly ghosts: GhostQueue;
  private readonly fingerprints: FingerprintColumn;
  private smallCapacity = 0;
  private mainCapacity = 0;

  constructor(options: S3FifoOptions) {
    super(options);
    this.published = options.form === 'published';
    this.small = new SlotList(this.slots);
    this.main = new SlotList(this.slots);
    const { beside } = options;
    this.fingerprints =
      beside instanceof S3Fifo ? beside.fingerprints : new FingerprintColumn(this.slots.marks.length);
    this.ghosts = new GhostQueue(0);
    this.resized(options.capacityBytes);
  }

  hit(id: EntryId): void {
    assert(this.slots.has(id), 'hit: the entry is not resident');
    const mark = this.slots.marks[id]!;
    if ((mark & HITS) < HITS) this.slots.marks[id] = mark + 1;
  }

  /** Plays the evictions through on a copy: O(n) time and memory. */
  queuedColdestFirst(): Iterable<EntryId> {
    const copy = new S3Fifo({
      capacityBytes: this.capacityBytes,
      isPinned: () => false,
      slots: this.slots.marks.length,
      form: 'live',
    });
    copy.ghosts.resize(0);
    for (const list of this.lists()) {
      for (const id of list.oldestFirst()) {
        copy.slots.sizes[id] = this.slots.sizes[id]!;
        copy.slots.marks[id] = this.slots.marks[id]!;
        copy.listOf(id).pushHead(id);
      }
    }
    const order: EntryId[] = [];
    let more = true;
    while (more) more = copy.evictOne(NONE, order);
    return order;
  }

  /** What is in the main queue had hits to come there, which it has not kept. */
  override uses(id: EntryId): number {
    const mark = this.slots.marks[id]!;
    return (mark & HITS) + ((mark & IN_MAIN) === 0 ? 0 : PROMOTION_HITS);
  }

  override check(): void {
    super.check();
    this.ghosts.check();
    for (const id of this.small.oldestFirst())
      assert((this.slots.marks[id]! & ~HITS) === IN_SMALL, 's3-fifo: a wrong mark');
    for (const id of this.main.oldestFirst())
      assert((this.slots.marks[id]! & ~HITS) === IN_MAIN, 's3-fifo: a wrong mark');
  }

  protected lists(): readonly SlotList[] {
    return [this.small, this.main];
  }

  protected listOf(id: EntryId): SlotList {
    return (this.slots.marks[id]! & IN_MAIN) === 0 ? this.small : this.main;
  }

  protected override resized(capacityBytes: number): void {
    this.smallCapacity = Math.floor(capacityBytes * 0.1);
    this.mainCapacity = capacityBytes - this.smallCapacity;
    this.ghosts.resize(Math.floor(capacityBytes * 0.9));
  }

  protected override accepts(sizeBytes: number): boolean {
    return !this.published || sizeBytes < this.smallCapacity;
  }

  protected override placeOf(fingerprint: number, sizeBytes: number): number {
    // The ghost is taken in any case: what is resident is nobody's ghost.
    if (this.ghosts.take(fingerprint)) return IN_MAIN;
    return sizeBytes < this.smallCapacity ? IN_SMALL : IN_MAIN | ON_PROBATION;
  }

  protected insert(id: EntryId, fingerprint: number, place: number): void {
    this.fingerprints.set(id, fingerprint);
    this.slots.marks[id] = place & ~ON_PROBATION;
    if ((place & ON_PROBATION) === 0) this.listOf(id).pushHead(id);
    else this.main.pushTail(id);
  }

  /** After a hold a large one is on probation, unless it was hit meanwhile. */
  protected override enqueue(id: EntryId): void {
    const { marks, sizes } = this.slots;
    const onProbation = marks[id] === IN_MAIN && sizes[id]! >= this.smallCapacity;
    if (onProbation) this.main.pushTail(id);
    else this.listOf(id).pushHead(id);
  }

  protected canFree(bytes: number, exempt: EntryId): boolean {
    const mainFirst = this.mainGivesWay();
    const first = mainFirst ? this.main : this.small;
    const second = mainFirst ? this.small : this.main;
    const found = first.unpinnedBytes(bytes, exempt, this.isPinned);
    return found >= bytes || found + second.unpinnedBytes(bytes - found, exempt, this.isPinned) >= bytes;
  }

  protected evictOne(exempt: EntryId, victims: EntryId[]): boolean {
    if (this.mainGivesWay() && this.evictFromMain(exempt, victims)) return true;
    // Small may have promoted all that it could give; then main has it.
    return this.evictFromSmall(exempt, victims) || this.evictFromMain(exempt, victims);
  }

  private mainGivesWay(): boolean {
    return this.main.bytes > this.mainCapacity || this.small.count === 0;
  }

  private evictFromSmall(exempt: EntryId, victims: EntryId[]): boolean {
    const { small, main } = this;
    const { marks, sizes, prev } = this.slots;
    let id = small.tail;
    while (id !== NONE) {
      const newer = prev[id]!;
      if (id === exempt) {
        // keeps its place, whatever its hits
      } else if ((marks[id]! & HITS) >= PROMOTION_HITS) {
        small.unlink(id);
        marks[id] = IN_MAIN;
        main.pushHead(id);
      } else if (!this.isPinned(id)) {
        small.moveOlderToHead(id, exempt);
        this.evict(id, victims);
        this.ghosts.push(this.fingerprints.get(id), sizes[id]!, this.maxGhosts());
        return true;
      }
      id = newer;
    }
    return false;
  }

  private evictFromMain(exempt: EntryId, victims: EntryId[]): boolean {
    const { main } = this;
    const { marks, prev } = this.slots;
    let id = main.tail;
    while (id !== NONE) {
      const newer = prev[id]!;
      if (id !== exempt) {
        if ((marks[id]! & HITS) > 0) {
          marks[id] = marks[id]! - 1;
          main.moveToHead(id);
          if (newer === NONE) continue; // the newest goes round to itself
        } else if (!this.isPinned(id)) {
          main.moveOlderToHead(id, exempt, this.smallCapacity);
          this.evict(id, victims);
          return true;
        }
      }
      id = newer;
    }
    return false;
  }

  private maxGhosts(): number {
    return this.published
      ? Number.POSITIVE_INFINITY
      : Math.max(GHOSTS_ALWAYS, this.count * GHOSTS_PER_RESIDENT);
  }
}
