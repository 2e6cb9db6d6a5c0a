import type { EntryId, PolicyName } from './policy.ts';
import type { ReplayCounts, Trace } from './replay.ts';

/**
 * One naive model per policy: plain arrays, oldest first, every question answered by looking at everything.
 * Slow and obviously right. The tests' oracle, written from the papers and not from the implementations.
 */

export interface ModelEntry {
  readonly id: EntryId;
  readonly fingerprint: number;
  sizeBytes: number;
  /** LRU, FIFO: unused. SIEVE: 1 is visited. S3-FIFO: hits, up to 3. */
  hits: number;
}

export interface ModelOptions {
  readonly capacityBytes: number;
  readonly isPinned: (id: EntryId) => boolean;
  readonly form?: 'live' | 'published';
}

const sum = (entries: readonly { sizeBytes: number }[]): number =>
  entries.reduce((total, e) => total + e.sizeBytes, 0);

export abstract class Model {
  capacityBytes: number;
  protected readonly options: ModelOptions;

  constructor(options: ModelOptions) {
    this.options = options;
    this.capacityBytes = options.capacityBytes;
  }

  abstract residents(): ModelEntry[];
  abstract hit(id: EntryId): void;
  /** Takes the next victim out; undefined when all others than `exempt` are pinned. */
  abstract leave(exempt?: EntryId): ModelEntry | undefined;
  /** `known`: a ghost said so. */
  abstract enter(entry: ModelEntry, known: boolean): void;
  abstract remove(id: EntryId): void;

  accepts(sizeBytes: number): boolean {
    return sizeBytes <= this.capacityBytes;
  }

  takeGhost(_fingerprint: number): boolean {
    return false;
  }

  get usedBytes(): number {
    return sum(this.residents());
  }

  has(id: EntryId): boolean {
    return this.residents().some((e) => e.id === id);
  }

  admit(id: EntryId, fingerprint: number, sizeBytes: number, victims: EntryId[]): boolean {
    if (!this.accepts(sizeBytes) || this.pinnedBytes() + sizeBytes > this.capacityBytes) return false;
    const known = this.takeGhost(fingerprint);
    this.shrinkTo(this.capacityBytes - sizeBytes, victims);
    this.enter({ id, fingerprint, sizeBytes, hits: 0 }, known);
    return true;
  }

  recharge(id: EntryId, sizeBytes: number, victims: EntryId[]): boolean {
    const entry = this.residents().find((e) => e.id === id)!;
    if (sizeBytes > entry.sizeBytes) {
      if (this.pinnedBytes(id) + sizeBytes > this.capacityBytes) return false;
      this.shrinkTo(this.capacityBytes - (sizeBytes - entry.sizeBytes), victims, id);
    }
    entry.sizeBytes = sizeBytes;
    return true;
  }

  resize(capacityBytes: number, victims: EntryId[]): void {
    this.capacityBytes = capacityBytes;
    this.shrinkTo(capacityBytes, victims);
  }

  trim(victims: EntryId[]): void {
    this.shrinkTo(this.capacityBytes, victims);
  }

  protected pinned(entry: ModelEntry): boolean {
    return this.options.isPinned(entry.id);
  }

  private pinnedBytes(exempt?: EntryId): number {
    return sum(this.residents().filter((e) => this.pinned(e) && e.id !== exempt));
  }

  private shrinkTo(bytes: number, victims: EntryId[], exempt?: EntryId): void {
    while (this.usedBytes > bytes) {
      const victim = this.leave(exempt);
      if (victim === undefined) return;
      victims.push(victim.id);
    }
  }
}

/** The first that may leave; the pinned ones before it go to the end, if they are `movable`. If none may, nothing moves. */
function dequeue(
  queue: ModelEntry[],
  mayLeave: (e: ModelEntry) => boolean,
  exempt?: EntryId,
  movable: (e: ModelEntry) => boolean = () => true,
): ModelEntry | undefined {
  const others = queue.filter((e) => e.id !== exempt);
  const found = others.findIndex(mayLeave);
  if (found === -1) return undefined;
  for (const passed of others.slice(0, found).filter(movable)) {
    queue.push(...queue.splice(queue.indexOf(passed), 1));
  }
  return queue.splice(queue.indexOf(others[found]!), 1)[0];
}

class FifoModel extends Model {
  readonly queue: ModelEntry[] = [];

  residents(): ModelEntry[] {
    return this.queue;
  }

  hit(_id: EntryId): void {}

  leave(exempt?: EntryId): ModelEntry | undefined {
    return dequeue(this.queue, (e) => !this.pinned(e), exempt);
  }

  enter(entry: ModelEntry): void {
    this.queue.push(entry);
  }

  remove(id: EntryId): void {
    this.queue.splice(
      this.queue.findIndex((e) => e.id === id),
      1,
    );
  }
}

class LruModel extends FifoModel {
  override hit(id: EntryId): void {
    const at = this.queue.findIndex((e) => e.id === id);
    this.queue.push(...this.queue.splice(at, 1));
  }
}

class SieveModel extends FifoModel {
  /** Index in `queue` at which the hand looks next; at the end it starts over. */
  hand = 0;

  override hit(id: EntryId): void {
    this.queue.find((e) => e.id === id)!.hits = 1;
  }

  override leave(exempt?: EntryId): ModelEntry | undefined {
    // Two rounds decide: the first clears every bit that it meets.
    for (let step = 0; step < 2 * this.queue.length; step += 1) {
      const at = (this.hand + step) % this.queue.length;
      const entry = this.queue[at]!;
      if (entry.id === exempt) continue;
      if (entry.hits === 0 && !this.pinned(entry)) {
        this.queue.splice(at, 1);
        this.hand = at;
        // Past the newest the hand starts over at the oldest, however many arrive before it moves again.
        if (this.hand === this.queue.length) this.hand = 0;
        return entry;
      }
      entry.hits = 0;
    }
    return undefined;
  }

  override remove(id: EntryId): void {
    const at = this.queue.findIndex((e) => e.id === id);
    this.queue.splice(at, 1);
    if (at < this.hand) this.hand -= 1;
    if (this.hand === this.queue.length) this.hand = 0;
  }
}

class S3FifoModel extends Model {
  small: ModelEntry[] = [];
  main: ModelEntry[] = [];
  ghosts: { fingerprint: number; sizeBytes: number }[] = [];

  residents(): ModelEntry[] {
    return [...this.small, ...this.main];
  }

  smallCapacity(): number {
    return Math.floor(this.capacityBytes * 0.1);
  }

  override accepts(sizeBytes: number): boolean {
    return (
      super.accepts(sizeBytes) && (this.options.form !== 'published' || sizeBytes < this.smallCapacity())
    );
  }

  hit(id: EntryId): void {
    const entry = this.residents().find((e) => e.id === id)!;
    entry.hits = Math.min(3, entry.hits + 1);
  }

  enter(entry: ModelEntry, known: boolean): void {
    if (known) this.main.push(entry);
    else if (entry.sizeBytes < this.smallCapacity()) this.small.push(entry);
    else this.main.unshift(entry);
  }

  remove(id: EntryId): void {
    this.small = this.small.filter((e) => e.id !== id);
    this.main = this.main.filter((e) => e.id !== id);
  }

  override takeGhost(fingerprint: number): boolean {
    const before = this.ghosts.length;
    this.ghosts = this.ghosts.filter((g) => g.fingerprint !== fingerprint);
    return this.ghosts.length < before;
  }

  override resize(capacityBytes: number, victims: EntryId[]): void {
    while (sum(this.ghosts) > Math.floor(capacityBytes * 0.9)) this.ghosts.shift();
    super.resize(capacityBytes, victims);
  }

  leave(exempt?: EntryId): ModelEntry | undefined {
    const mainFirst = sum(this.main) > this.capacityBytes - this.smallCapacity() || this.small.length === 0;
    return (
      (mainFirst ? this.leaveMain(exempt) : undefined) ?? this.leaveSmall(exempt) ?? this.leaveMain(exempt)
    );
  }

  leaveSmall(exempt?: EntryId): ModelEntry | undefined {
    // Everything with two hits that stands before the victim moves to main; without a victim, all of them do.
    const others = this.small.filter((e) => e.id !== exempt);
    const end = others.findIndex((e) => e.hits < 2 && !this.pinned(e));
    for (const entry of others.slice(0, end === -1 ? undefined : end)) {
      if (entry.hits < 2) continue;
      this.small.splice(this.small.indexOf(entry), 1);
      entry.hits = 0;
      this.main.push(entry);
    }
    const victim = dequeue(this.small, (e) => !this.pinned(e), exempt);
    if (victim !== undefined) this.addGhost(victim);
    return victim;
  }

  leaveMain(exempt?: EntryId): ModelEntry | undefined {
    const others = (): ModelEntry[] => this.main.filter((e) => e.id !== exempt);
    const goesRound = (): ModelEntry | undefined => {
      const first = others().find((e) => e.hits > 0 || !this.pinned(e));
      return first !== undefined && first.hits > 0 ? first : undefined;
    };
    for (let entry = goesRound(); entry !== undefined; entry = goesRound()) {
      this.main.push(...this.main.splice(this.main.indexOf(entry), 1));
      entry.hits -= 1;
    }
    const movable = (e: ModelEntry): boolean => e.sizeBytes < this.smallCapacity();
    return dequeue(this.main, (e) => !this.pinned(e), exempt, movable);
  }

  addGhost({ fingerprint, sizeBytes }: ModelEntry): void {
    const capacity = Math.floor(this.capacityBytes * 0.9);
    if (sizeBytes > capacity || this.ghosts.some((g) => g.fingerprint === fingerprint)) return;
    const most = this.options.form === 'published' ? Infinity : Math.max(1024, 2 * this.residents().length);
    while (sum(this.ghosts) + sizeBytes > capacity || this.ghosts.length >= most) this.ghosts.shift();
    this.ghosts.push({ fingerprint, sizeBytes });
  }
}

/** Builds the naive model of a policy. */
export function createModel(name: PolicyName, options: ModelOptions): Model {
  if (name === 'fifo') return new FifoModel(options);
  if (name === 'lru') return new LruModel(options);
  if (name === 'sieve') return new SieveModel(options);
  return new S3FifoModel(options);
}

/**
 * Belady's MIN: evicts what is asked for farthest in the future. No policy misses less when every object has size 1.
 * Belady: "A study of replacement algorithms for a virtual-storage computer", IBM Systems Journal 5(2), 1966.
 */
export function beladyMisses(trace: Trace, capacity: number): ReplayCounts {
  const next = new Uint32Array(trace.keys.length);
  const upcoming = new Uint32Array(trace.objects).fill(0xffff_ffff);
  for (let i = trace.keys.length - 1; i >= 0; i -= 1) {
    next[i] = upcoming[trace.keys[i]!]!;
    upcoming[trace.keys[i]!] = i;
  }
  const resident = new Map<number, number>();
  let misses = 0;
  trace.keys.forEach((key, i) => {
    if (!resident.has(key)) {
      misses += 1;
      if (resident.size === capacity)
        resident.delete([...resident].reduce((a, b) => (b[1] > a[1] ? b : a))[0]);
    }
    resident.set(key, next[i]!);
  });
  return { misses, missedBytes: misses };
}
