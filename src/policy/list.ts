import { assert } from '../base/assert.ts';
import type { EntryId } from './policy.ts';

/** No slot: the end of a list, an absent hand, an exemption that nobody has. */
export const NONE = -1;

/** Slots allocated when the caller does not say how many. */
const DEFAULT_SLOTS = 1024;

/**
 * Per-slot columns, indexed by {@link EntryId}: 13 bytes per slot. Every list of one policy shares them, because an
 * entry is in one list at a time. Read the columns afresh after {@link Slots.reserve}: growing replaces them.
 */
export class Slots {
  /** Neighbour nearer the head (inserted later), or {@link NONE}. */
  prev: Int32Array;
  /** Neighbour nearer the tail (inserted earlier), or {@link NONE}. */
  next: Int32Array;
  /** Charge in bytes, 1 to 2^32 - 1, while the slot is in a list. */
  sizes: Uint32Array;
  /** 0 while the slot is in no list; otherwise the policy's own non-zero flags. */
  marks: Uint8Array;

  /** @param slots how many to allocate now. */
  constructor(slots: number = DEFAULT_SLOTS) {
    assert(Number.isInteger(slots) && slots >= 0, 'slots is a whole number of at least 0');
    this.prev = new Int32Array(slots).fill(NONE);
    this.next = new Int32Array(slots).fill(NONE);
    this.sizes = new Uint32Array(slots);
    this.marks = new Uint8Array(slots);
  }

  /** True when the slot is in a list. O(1). */
  has(id: EntryId): boolean {
    return id >= 0 && id < this.marks.length && this.marks[id]! !== 0;
  }

  /** Makes `id` addressable. Doubles the columns when they are too short, so O(1) amortised. */
  reserve(id: EntryId): void {
    if (id < this.marks.length && id >= 0) return;
    assert(
      Number.isInteger(id) && id >= 0 && id < 0x7fff_ffff,
      'an entry id is a slot number below 2^31 - 1',
    );
    const length = Math.max(id + 1, this.marks.length * 2);
    const old = this.marks.length;
    this.prev = extended(this.prev, new Int32Array(length)).fill(NONE, old);
    this.next = extended(this.next, new Int32Array(length)).fill(NONE, old);
    this.sizes = extended(this.sizes, new Uint32Array(length));
    this.marks = extended(this.marks, new Uint8Array(length));
  }
}

/**
 * An intrusive doubly linked list over {@link Slots}: newest at the head, oldest at the tail. It counts its entries
 * and their bytes. Every operation is O(1) and allocates nothing unless it says otherwise.
 */
export class SlotList {
  head: EntryId = NONE;
  tail: EntryId = NONE;
  count = 0;
  /** Sum of the sizes of the entries in this list; may exceed 2^32. */
  bytes = 0;
  private readonly slots: Slots;

  constructor(slots: Slots) {
    this.slots = slots;
  }

  /** Inserts a slot that is in no list; its size must already be set. */
  pushHead(id: EntryId): void {
    this.linkAtHead(id);
    this.count += 1;
    this.bytes += this.slots.sizes[id]!;
  }

  /** Inserts a slot that is in no list as the oldest; its size must already be set. */
  pushTail(id: EntryId): void {
    const { prev, next, sizes } = this.slots;
    const old = this.tail;
    prev[id] = old;
    next[id] = NONE;
    if (old === NONE) this.head = id;
    else next[old] = id;
    this.tail = id;
    this.count += 1;
    this.bytes += sizes[id]!;
  }

  /** Takes a slot of this list out. */
  unlink(id: EntryId): void {
    this.cut(id);
    this.count -= 1;
    this.bytes -= this.slots.sizes[id]!;
  }

  /** Makes a slot of this list the newest. */
  moveToHead(id: EntryId): void {
    if (id === this.head) return;
    this.cut(id);
    this.linkAtHead(id);
  }

  /**
   * Makes every entry that is older than `id` the newest, in their order. `exempt` stays where it is, and so do
   * entries of `stayBytes` or more. `id` is in this list and is not `exempt`. O(entries passed).
   */
  moveOlderToHead(id: EntryId, exempt: EntryId, stayBytes: number = Number.POSITIVE_INFINITY): void {
    const { prev, sizes } = this.slots;
    let older = this.tail;
    while (older !== id) {
      const newer = prev[older]!;
      if (older !== exempt && sizes[older]! < stayBytes) this.moveToHead(older);
      older = newer;
    }
  }

  /**
   * Bytes of entries that may leave, summed from the tail until `enoughBytes` are found. Changes nothing.
   * Visits only as many entries as hold `enoughBytes`, plus the pinned ones between them.
   */
  unpinnedBytes(enoughBytes: number, exempt: EntryId, isPinned: (id: EntryId) => boolean): number {
    const { prev, sizes } = this.slots;
    let found = 0;
    for (let id = this.tail; id !== NONE && found < enoughBytes; id = prev[id]!) {
      if (id !== exempt && !isPinned(id)) found += sizes[id]!;
    }
    return found;
  }

  /** Ids from the oldest to the newest. The list must not change meanwhile. */
  *oldestFirst(): Generator<EntryId> {
    for (let id = this.tail; id !== NONE; id = this.slots.prev[id]!) yield id;
  }

  /** Walks the list both ways and throws InternalFault when a link or a counter is wrong. O(n). */
  check(): void {
    const { prev, next, sizes, marks } = this.slots;
    let count = 0;
    let bytes = 0;
    let before = NONE;
    for (let id = this.head; id !== NONE; id = next[id]!) {
      assert(prev[id] === before, 'list: a link back does not match the link forth');
      assert(marks[id] !== 0, 'list: an entry in the list is marked as in none');
      assert(sizes[id]! > 0, 'list: an entry has no size');
      count += 1;
      assert(count <= this.count, 'list: more entries than counted, or a cycle');
      bytes += sizes[id]!;
      before = id;
    }
    assert(before === this.tail, 'list: the last entry is not the tail');
    assert(count === this.count, 'list: fewer entries than counted');
    assert(bytes === this.bytes, 'list: bytes differ from a recount');
  }

  private linkAtHead(id: EntryId): void {
    const { prev, next } = this.slots;
    const old = this.head;
    prev[id] = NONE;
    next[id] = old;
    if (old === NONE) this.tail = id;
    else prev[old] = id;
    this.head = id;
  }

  private cut(id: EntryId): void {
    const { prev, next } = this.slots;
    const newer = prev[id]!;
    const older = next[id]!;
    if (newer === NONE) this.head = older;
    else next[newer] = older;
    if (older === NONE) this.tail = newer;
    else prev[older] = newer;
  }
}

/** `longer`, starting with a copy of `column`. */
function extended<T extends Int32Array | Uint32Array | Uint8Array>(column: T, longer: T): T {
  longer.set(column);
  return longer;
}
