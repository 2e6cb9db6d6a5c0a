import { assert } from '../base/assert.ts';
import { FingerprintColumn } from './ghost.ts';
import { NONE, SlotList } from './list.ts';
import type { EntryId, Favour, PolicyName } from './policy.ts';
import { Remembered } from './remembered.ts';
import { type SlottedOptions, SlottedPolicy } from './slotted.ts';

/** A mark names the queue, from 1. */
const QUEUE = 63;
const QUEUES = 60;
/** How often an entry was asked for, 1 to 127; and whether some of it was since it was queued. */
const FREQUENCY = 127;
const HIT = 128;

/** What a miss costs besides the request itself: as much as so many requests where an object is of mean size, and in proportion to its size. */
const BYTES_WEIGHT: Readonly<Record<Favour, number>> = { requests: 0, balanced: 1, bytes: 10 };
/** Newcomers that the mean size is taken over. */
const MEAN_OVER = 1000;

/** The value of a queue's entries: 2^-12, 1.5 x 2^-12, 2^-11, and so on to 1.5 x 2^17. Scaled, the least is 2. */
const VALUE_SCALE = 2 ** 13;
const VALUES = Float64Array.from(
  { length: QUEUES },
  (_, queue) => (2 ** ((queue >> 1) + 1) * (1 + (queue & 1) / 2)) / VALUE_SCALE,
);
/** A frequency to the power of 3/4, from square roots, which are the same on every machine. */
const TEMPERED = Float64Array.from({ length: FREQUENCY + 1 }, (_, f) => Math.sqrt(f * Math.sqrt(f)));

export interface GreedyDualOptions extends SlottedOptions {
  /** Which misses to avoid; see {@link GreedyDual}. Default `balanced`, or as the policy that it is beside. */
  readonly favour?: Favour | undefined;
  /** A weight of bytes in place of a side's, at least 0: to measure what lies between and beyond. */
  readonly bytesWeight?: number;
}

/**
 * GreedyDual with frequencies, for images. Its parts are published, their combination is not:
 *
 * - An entry's *worth* is `clock + frequency^(3/4) x cost / size`. Who is worth least leaves, and the clock becomes that worth, so
 *   that what was popular long ago ages: GreedyDual-Size-Frequency (`gdsf.ts`), whose frequency is not tempered.
 * - The *cost* of a miss is one request and its bytes: `1 + weight x size / mean size`, as Cao and Irani propose ("Cost-Aware WWW
 *   Proxy Caching Algorithms", USITS 1997). The weight is what an operator chooses: 0 for the fewest requests to the origin
 *   (GDSF's side), 10 for the fewest bytes, 1 between. The mean is of the sizes that were asked for and missed lately.
 * - The value `frequency^(3/4) x cost / size` is rounded down to its two leading bits, and there is a queue for each: entries of one value are
 *   worth the more the later they came, so only the oldest of each queue are compared. Ghandeharizadeh, Irani, Lam, Yap: "CAMP: A Cost
 *   Adaptive Multi-Queue Eviction Policy for Key-Value Stores", Middleware 2014.
 * - A hit is only counted. It moves the entry when somebody looks for victims and meets it, as in CLOCK: it is then queued anew.
 * - *Frequencies outlast* the residency: as many keys as there are residents are remembered (`remembered.ts`).
 * - A *newcomer is declined* if, to make room, one that is worth more would have to leave. The clock then becomes the least of its
 *   worth and theirs: refusing ages the others as evicting does, and what is asked for again gets in.
 *
 * Deviations for pins: a pinned entry that would leave is queued anew. A frequency counts to 127.
 *
 * Cost: hit O(1), one byte written; an eviction compares at most 60 queues, and admit meets as many entries as leave, those that were hit since
 * (each once for a hit), pinned ones, and for a newcomer that is declined as many as hold its bytes. 26 bytes per slot, and 5 to 10
 * per entry for what is remembered.
 */
export class GreedyDual extends SlottedPolicy {
  readonly name: PolicyName = 'greedy-dual';
  private readonly queues: readonly SlotList[];
  /** Worth of the oldest of each queue; infinite where there is none. */
  private readonly least = new Float64Array(QUEUES).fill(Number.POSITIVE_INFINITY);
  /** Queues before and after these were never used. */
  private from = QUEUES;
  private to = 0;
  private readonly standing: Standing;
  private readonly remembered = new Remembered();
  private bytesWeight: number;
  private clock = 0;
  private meanBytes = 0;
  private newcomers = 0;
  /** How often the newcomer was asked for. */
  private frequency = 0;
  private readonly passed: EntryId[] = [];

  constructor(options: GreedyDualOptions) {
    super(options);
    const { beside, favour, bytesWeight } = options;
    const other = beside instanceof GreedyDual ? beside : undefined;
    this.queues = Array.from({ length: QUEUES }, () => new SlotList(this.slots));
    this.standing = other?.standing ?? new Standing(this.slots.marks.length);
    this.bytesWeight = bytesWeight ?? other?.bytesWeight ?? BYTES_WEIGHT[favour ?? 'balanced'];
  }

  hit(id: EntryId): void {
    assert(this.slots.has(id), 'hit: the entry is not resident');
    const { hits } = this.standing;
    const seen = hits[id]! | HIT;
    hits[id] = seen === 255 ? seen : seen + 1;
  }

  override uses(id: EntryId): number {
    return (this.standing.hits[id]! & FREQUENCY) - 1;
  }

  override favour(side: Favour): void {
    this.bytesWeight = BYTES_WEIGHT[side];
  }

  override admit(id: EntryId, fingerprint: number, sizeBytes: number, victims: EntryId[]): boolean {
    const admitted = super.admit(id, fingerprint, sizeBytes, victims);
    if (!admitted) this.remembered.put(fingerprint, this.frequency);
    return admitted;
  }

  override remove(id: EntryId): void {
    super.remove(id);
    this.remember(id);
  }

  override renewing(id: EntryId): void {
    assert(this.slots.has(id), 'renewing: the entry is not resident');
    this.remember(id);
  }

  /** By what they are worth, with the hits that were not counted yet. O(n log n). */
  queuedColdestFirst(): Iterable<EntryId> {
    const { worths, hits } = this.standing;
    const ids: EntryId[] = [];
    for (const queue of this.queues) for (const id of queue.oldestFirst()) ids.push(id);
    const worth = (id: EntryId): number =>
      (hits[id]! & HIT) === 0 ? worths[id]! : this.clock + VALUES[this.queueOf(id)]!;
    return ids.sort((a, b) => worth(a) - worth(b));
  }

  protected override checkQueues(): { count: number; bytes: number } {
    const { worths } = this.standing;
    for (const [at, queue] of this.queues.entries()) {
      let before = Number.NEGATIVE_INFINITY;
      for (const id of queue.oldestFirst()) {
        assert(worths[id]! >= before, 'greedy-dual: a queue is not in the order of worth');
        before = worths[id]!;
      }
      const least = queue.tail === NONE ? Number.POSITIVE_INFINITY : worths[queue.tail]!;
      assert(this.least[at] === least, "greedy-dual: a queue's least worth differs from a recount");
    }
    return super.checkQueues();
  }

  protected lists(): readonly SlotList[] {
    return this.queues;
  }

  protected listOf(id: EntryId): SlotList {
    return this.queues[(this.slots.marks[id]! & QUEUE) - 1]!;
  }

  protected override requested(fingerprint: number, sizeBytes: number): void {
    this.frequency = Math.min(FREQUENCY, this.remembered.take(fingerprint) + 1);
    this.newcomers = Math.min(MEAN_OVER, this.newcomers + 1);
    this.meanBytes += (Math.min(sizeBytes, this.capacityBytes) - this.meanBytes) / this.newcomers;
  }

  protected override prefersOthers(_fingerprint: number, sizeBytes: number, excessBytes: number): boolean {
    const mine = this.clock + VALUES[this.valued(this.frequency, sizeBytes)]!;
    if (this.worthLess(mine, excessBytes)) return false;
    let least = mine;
    for (let at = this.from; at < this.to; at += 1) least = Math.min(least, this.least[at]!);
    this.clock = Math.max(this.clock, least);
    // Where those who are worth more could not leave either, it is not the worth that keeps it out.
    return this.canFree(excessBytes, NONE);
  }

  protected insert(id: EntryId, fingerprint: number): void {
    this.standing.reserve(this.slots.marks.length);
    this.standing.fingerprints.set(id, fingerprint);
    this.standing.hits[id] = this.frequency;
    this.remembered.ensure(this.count);
    this.enqueue(id);
  }

  protected override enqueue(id: EntryId): void {
    const { hits, worths } = this.standing;
    const at = this.queueOf(id);
    const queue = this.queues[at]!;
    hits[id] = hits[id]! & FREQUENCY;
    worths[id] = this.clock + VALUES[at]!;
    this.slots.marks[id] = at + 1;
    queue.pushHead(id);
    if (queue.count > 1) return;
    this.least[at] = worths[id]!;
    this.from = Math.min(this.from, at);
    this.to = Math.max(this.to, at + 1);
  }

  protected override dequeue(id: EntryId): void {
    const at = (this.slots.marks[id]! & QUEUE) - 1;
    const queue = this.queues[at]!;
    const wasOldest = queue.tail === id;
    queue.unlink(id);
    if (!wasOldest) return;
    this.least[at] = queue.tail === NONE ? Number.POSITIVE_INFINITY : this.standing.worths[queue.tail]!;
  }

  protected canFree(bytes: number, exempt: EntryId): boolean {
    let found = 0;
    for (let at = this.from; at < this.to && found < bytes; at += 1)
      found += this.queues[at]!.unpinnedBytes(bytes - found, exempt, this.isPinned);
    return found >= bytes;
  }

  protected evictOne(exempt: EntryId, victims: EntryId[]): boolean {
    const { standing, passed } = this;
    const stays = (id: EntryId): boolean => (standing.hits[id]! & HIT) !== 0 || this.isPinned(id);
    let id = this.worthLeast(exempt);
    if (id === NONE || (stays(id) && !this.canFree(1, exempt))) return false;
    for (; stays(id); id = this.worthLeast(exempt)) {
      if ((standing.hits[id]! & HIT) !== 0) this.requeue(id);
      else {
        this.dequeue(id);
        passed.push(id);
      }
    }
    this.clock = Math.max(this.clock, standing.worths[id]!);
    this.evict(id, victims);
    this.remember(id);
    for (const each of passed) this.enqueue(each);
    passed.length = 0;
    return true;
  }

  /** Whether there are so many bytes of entries that are worth at most that and may leave. Counts the hits that it meets. */
  private worthLess(most: number, bytes: number): boolean {
    const { hits, worths } = this.standing;
    const { prev, sizes } = this.slots;
    let found = 0;
    for (let at = this.from; at < this.to; at += 1) {
      if (this.least[at]! > most) continue;
      const queue = this.queues[at]!;
      let id = queue.tail;
      while (id !== NONE && worths[id]! <= most) {
        const newer = prev[id]!;
        if ((hits[id]! & HIT) !== 0) {
          this.requeue(id);
          if (newer === NONE && queue.head === id) continue; // the newest went round to itself
        } else if (!this.isPinned(id)) {
          found += sizes[id]!;
          if (found >= bytes) return true;
        }
        id = newer;
      }
    }
    return false;
  }

  private remember(id: EntryId): void {
    const { fingerprints, hits } = this.standing;
    this.remembered.put(fingerprints.get(id), hits[id]! & FREQUENCY);
  }

  private requeue(id: EntryId): void {
    this.dequeue(id);
    this.enqueue(id);
  }

  /** The one that is worth least but for `exempt`, or NONE. */
  private worthLeast(exempt: EntryId): EntryId {
    const { least, queues } = this;
    let found = NONE;
    let worth = Number.POSITIVE_INFINITY;
    for (let at = this.from; at < this.to; at += 1) {
      if (least[at]! >= worth) continue;
      found = at;
      worth = least[at]!;
    }
    if (found === NONE) return NONE;
    const id = queues[found]!.tail;
    if (id !== exempt) return id;
    // Without it, its queue is worth what the next one in it is.
    const next = this.slots.prev[id]!;
    least[found] = next === NONE ? Number.POSITIVE_INFINITY : this.standing.worths[next]!;
    const other = this.worthLeast(NONE);
    least[found] = worth;
    return other === exempt ? next : other;
  }

  private queueOf(id: EntryId): number {
    return this.valued(this.standing.hits[id]! & FREQUENCY, this.slots.sizes[id]!);
  }

  /** The queue of a value: its exponent, and the bit that follows the first. */
  private valued(frequency: number, sizeBytes: number): number {
    const value = TEMPERED[frequency]! * (this.bytesWeight + this.meanBytes / sizeBytes);
    const scaled = Math.min(Math.max(value * VALUE_SCALE, 2), 2 ** 31 - 1) | 0;
    const octave = 30 - Math.clz32(scaled);
    return octave * 2 + ((scaled >>> octave) & 1);
  }
}

/** What entries have come to, by slot: 13 bytes each. */
class Standing {
  worths: Float64Array;
  hits: Uint8Array;
  readonly fingerprints: FingerprintColumn;

  constructor(length: number) {
    this.worths = new Float64Array(length);
    this.hits = new Uint8Array(length);
    this.fingerprints = new FingerprintColumn(length);
  }

  reserve(length: number): void {
    if (this.hits.length >= length) return;
    const { worths, hits } = this;
    this.worths = new Float64Array(length);
    this.worths.set(worths);
    this.hits = new Uint8Array(length);
    this.hits.set(hits);
  }
}
