import { NONE } from '../../policy/list.ts';
import type { EntryId } from '../../policy/policy.ts';
import { ComparisonPolicy } from './comparison-policy.ts';
import type { Trace } from './trace.ts';

const RESIDENT = 1;

/**
 * Belady's MIN: who is asked for again farthest in the future leaves, whatever its size. Clairvoyant: it knows the trace, and is
 * asked about each of its requests once, in order. Belady: "A study of replacement algorithms for a virtual-storage
 * computer", IBM Systems Journal 5(2), 1966, https://doi.org/10.1147/sj.52.0078. For unit sizes no policy that admits
 * everything misses less; for others it is no bound.
 *
 * Cost: hit and admit O(log32 of the trace's requests). 4 bytes a request and an eighth more, 17 per slot.
 */
export class Belady extends ComparisonPolicy {
  private readonly keys: Uint32Array;
  /** When the key of each request is asked for again; the number of all requests for never. */
  private readonly nexts: Uint32Array;
  /** When those residents are asked for again that are. Times that have passed stay in it: whoever is resident has a later one. */
  private readonly upcoming: TimeSet;
  /** Residents that are not asked for again: they leave before all others, and it is the same in which order. */
  private readonly done: EntryId[] = [];
  /** The request that is answered next. */
  private now = 0;

  constructor(trace: Trace, capacityBytes: number) {
    super(trace, capacityBytes);
    this.keys = trace.keys;
    this.nexts = nextRequests(trace);
    this.upcoming = new TimeSet(trace.keys.length);
  }

  hit(id: EntryId): void {
    this.expect(id);
    this.now += 1;
  }

  override admit(id: EntryId, fingerprint: number, sizeBytes: number): void {
    super.admit(id, fingerprint, sizeBytes);
    this.now += 1;
  }

  protected insert(id: EntryId): void {
    this.slots.marks[id] = RESIDENT;
    this.expect(id);
  }

  protected evictOne(): EntryId {
    const gone = this.done.pop();
    if (gone !== undefined) return gone;
    const farthest = this.upcoming.last();
    this.upcoming.delete(farthest);
    return this.keys[farthest]!;
  }

  /** Notes when the object of the present request is asked for again. */
  private expect(id: EntryId): void {
    const next = this.nexts[this.now]!;
    if (next === this.nexts.length) this.done.push(id);
    else this.upcoming.add(next);
  }
}

/** For each request the next one of the same key, or the number of all requests if there is none. One pass, backwards. */
function nextRequests({ keys, objects }: Trace): Uint32Array {
  const nexts = new Uint32Array(keys.length);
  const upcoming = new Uint32Array(objects).fill(keys.length);
  for (let at = keys.length - 1; at >= 0; at -= 1) {
    const key = keys[at]!;
    nexts[at] = upcoming[key]!;
    upcoming[key] = at;
  }
  return nexts;
}

/** A set of whole numbers below a bound, one bit each, under words that say which words have any: a tree of 32 branches. */
class TimeSet {
  /** The bits themselves, then one bit for each word of the level before, up to a single word. */
  private readonly levels: Uint32Array[] = [];

  constructor(bound: number) {
    let words = bound;
    do {
      words = Math.max(1, Math.ceil(words / 32));
      this.levels.push(new Uint32Array(words));
    } while (words > 1);
  }

  add(time: number): void {
    let at = time;
    for (const level of this.levels) {
      level[at >>> 5]! |= 1 << (at & 31);
      at >>>= 5;
    }
  }

  delete(time: number): void {
    let at = time;
    for (const level of this.levels) {
      level[at >>> 5]! &= ~(1 << (at & 31));
      if (level[at >>> 5] !== 0) return;
      at >>>= 5;
    }
  }

  /** The largest, or {@link NONE}. */
  last(): number {
    let at = 0;
    for (let level = this.levels.length - 1; level >= 0; level -= 1) {
      const word = this.levels[level]![at]!;
      if (word === 0) return NONE;
      at = at * 32 + 31 - Math.clz32(word);
    }
    return at;
  }
}
