import { assert } from '../base/assert.ts';
import { NONE, SlotList } from './list.ts';
import type { EntryId, PolicyName } from './policy.ts';
import { HELD, type SlottedOptions, SlottedPolicy } from './slotted.ts';

const UNVISITED = 1;
const VISITED = 2;

/**
 * SIEVE. Zhang, Yang, Yue, Vigfusson, Rashmi: "SIEVE is Simpler than LRU: an Efficient Turn-Key Eviction Algorithm
 * for Web Caches", NSDI 2024, https://www.usenix.org/conference/nsdi24/presentation/zhang-yazhuo.
 *
 * One queue that is never reordered, one bit per entry, one hand. A hit sets the bit. To evict, the hand walks from
 * where it stopped towards the head (then again from the tail), clears set bits and takes the first entry whose bit
 * is not set. Newcomers enter at the head, so the young are sieved soon and what survived stays behind the hand.
 *
 * Deviation: an unvisited entry that is pinned is passed by the hand and left as it is. Its place in the queue
 * does not change, as nothing's does in SIEVE.
 *
 * Cost: hit O(1), one byte written; admit O(victims) amortised, as each step of the hand clears a bit that a hit had
 * set, evicts, or passes a pinned entry. 13 bytes per slot.
 */
export class Sieve extends SlottedPolicy {
  readonly name: PolicyName = 'sieve';
  private readonly list: SlotList;
  /** Where the next eviction starts; NONE stands for the tail. */
  private hand: EntryId = NONE;

  constructor(options: SlottedOptions) {
    super(options);
    this.list = new SlotList(this.slots);
  }

  hit(id: EntryId): void {
    assert(this.slots.has(id), 'hit: the entry is not resident');
    this.slots.marks[id] = (this.slots.marks[id]! & HELD) | VISITED;
  }

  *queuedColdestFirst(): Generator<EntryId> {
    // One round of the hand takes the unvisited and clears the rest; the next round takes those.
    yield* this.round(UNVISITED);
    yield* this.round(VISITED);
  }

  override uses(id: EntryId): number {
    return (this.slots.marks[id]! & VISITED) === 0 ? 0 : 1;
  }

  override check(): void {
    super.check();
    assert(this.hand === NONE || this.slots.has(this.hand), 'sieve: the hand is not at a resident');
    for (const id of this.list.oldestFirst()) {
      const mark = this.slots.marks[id];
      assert(mark === UNVISITED || mark === VISITED, 'sieve: an unknown mark');
    }
  }

  protected lists(): readonly SlotList[] {
    return [this.list];
  }

  protected listOf(_id: EntryId): SlotList {
    return this.list;
  }

  protected insert(id: EntryId): void {
    this.slots.marks[id] = UNVISITED;
    this.list.pushHead(id);
  }

  protected canFree(bytes: number, exempt: EntryId): boolean {
    const { sizes } = this.slots;
    const start = this.start();
    let found = 0;
    let id = start;
    if (id === NONE) return false;
    do {
      if (id !== exempt && !this.isPinned(id)) found += sizes[id]!;
      id = this.ahead(id);
    } while (found < bytes && id !== start);
    return found >= bytes;
  }

  protected evictOne(exempt: EntryId, victims: EntryId[]): boolean {
    const { marks } = this.slots;
    let firstPassed = NONE;
    let id = this.start();
    while (id !== NONE && id !== firstPassed) {
      if (id !== exempt && marks[id] === VISITED) {
        marks[id] = UNVISITED;
        firstPassed = NONE;
      } else if (id !== exempt && !this.isPinned(id)) {
        this.hand = id;
        this.evict(id, victims);
        return true;
      } else if (firstPassed === NONE) {
        firstPassed = id;
      }
      id = this.ahead(id);
    }
    return false;
  }

  protected override dequeue(id: EntryId): void {
    if (this.hand === id) this.hand = this.slots.prev[id]!;
    super.dequeue(id);
  }

  private start(): EntryId {
    return this.hand === NONE ? this.list.tail : this.hand;
  }

  /** One step of the hand: towards the head, from there to the tail. */
  private ahead(id: EntryId): EntryId {
    const newer = this.slots.prev[id]!;
    return newer === NONE ? this.list.tail : newer;
  }

  private *round(mark: number): Generator<EntryId> {
    const start = this.start();
    let id = start;
    if (id === NONE) return;
    do {
      if (this.slots.marks[id] === mark) yield id;
      id = this.ahead(id);
    } while (id !== start);
  }
}
