import type { ReplayCounts } from '../simulate/published/replay.ts';
import type { Trace } from '../simulate/published/trace.ts';
import type { EntryId, Favour, HoldKind, PolicyName } from './policy.ts';
import { Remembered } from './remembered.ts';
import { FrequencySketch } from './sketch.ts';

/**
 * One naive model per policy: plain arrays, oldest first, every question answered by looking at everything.
 * Slow and obviously right. The tests' oracle, written from the papers and not from the implementations.
 */

export interface ModelEntry {
  readonly id: EntryId;
  readonly fingerprint: number;
  sizeBytes: number;
  /** LRU, FIFO: unused. SIEVE: 1 is visited. S3-FIFO: hits, up to 3. GDSF: requests. */
  hits: number;
  /** Which queue it is in, or comes back to: S3-FIFO and W-TinyLFU. */
  place?: string;
}

export interface ModelOptions {
  readonly capacityBytes: number;
  readonly isPinned: (id: EntryId) => boolean;
  readonly form?: 'live' | 'published';
  readonly favour?: Favour;
}

const sum = (entries: readonly { sizeBytes: number }[]): number =>
  entries.reduce((total, e) => total + e.sizeBytes, 0);

export abstract class Model {
  capacityBytes: number;
  /** Size of the newcomer for whom room is being made. */
  protected incoming = 0;
  protected readonly options: ModelOptions;

  constructor(options: ModelOptions) {
    this.options = options;
    this.capacityBytes = options.capacityBytes;
  }

  readonly held: Record<HoldKind, ModelEntry[]> = { young: [], kept: [] };

  abstract queued(): ModelEntry[];
  abstract hit(id: EntryId): void;
  /** Takes an entry out of its queue. */
  abstract takeOut(id: EntryId): void;
  /** Puts one that was held back. */
  abstract comeBack(entry: ModelEntry): void;
  /** Takes the next victim out; undefined when all others than `exempt` are pinned. */
  abstract leave(exempt?: EntryId): ModelEntry | undefined;
  /** `known`: a ghost said so. */
  abstract enter(entry: ModelEntry, known: boolean): void;

  residents(): ModelEntry[] {
    return [...this.queued(), ...this.held.young, ...this.held.kept];
  }

  remove(id: EntryId): void {
    this.detach(id);
  }

  detach(id: EntryId): void {
    const { young, kept } = this.held;
    if (this.queued().some((e) => e.id === id)) this.takeOut(id);
    else for (const list of [young, kept]) list.splice(0, list.length, ...list.filter((e) => e.id !== id));
  }

  hold(id: EntryId, kind: HoldKind): void {
    const entry = this.residents().find((e) => e.id === id)!;
    this.detach(id);
    this.held[kind].push(entry);
  }

  release(id: EntryId): void {
    const entry = this.residents().find((e) => e.id === id)!;
    this.detach(id);
    this.comeBack(entry);
  }

  /** The next newcomer has the key of that resident. */
  renewing(_id: EntryId): void {}

  /** Counts a request for what is not resident. */
  requested(_fingerprint: number, _sizeBytes: number): void {}

  /** Whether the algorithm keeps who is there. Asked when `excess` bytes would have to leave. */
  prefersOthers(_fingerprint: number, _sizeBytes: number, _excess: number): boolean {
    return false;
  }

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
    this.requested(fingerprint, sizeBytes);
    const heldBytes = sum([...this.held.young, ...this.held.kept]);
    if (!this.accepts(sizeBytes) || heldBytes + sizeBytes > this.capacityBytes) return false;
    const excess = this.usedBytes + sizeBytes - this.capacityBytes;
    if (excess > 0 && this.prefersOthers(fingerprint, sizeBytes, excess)) return false;
    if (this.pinnedBytes() + sizeBytes > this.capacityBytes) return false;
    this.incoming = sizeBytes;
    const known = this.takeGhost(fingerprint);
    this.shrinkTo(this.capacityBytes - sizeBytes, victims);
    this.incoming = 0;
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
    const { young, kept } = this.held;
    const pinned = this.queued().filter((e) => this.pinned(e));
    return sum([...pinned, ...young, ...kept].filter((e) => e.id !== exempt));
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

  queued(): ModelEntry[] {
    return this.queue;
  }

  hit(_id: EntryId): void {}

  leave(exempt?: EntryId): ModelEntry | undefined {
    return dequeue(this.queue, (e) => !this.pinned(e), exempt);
  }

  enter(entry: ModelEntry): void {
    this.queue.push(entry);
  }

  comeBack(entry: ModelEntry): void {
    this.queue.push(entry);
  }

  takeOut(id: EntryId): void {
    this.queue.splice(
      this.queue.findIndex((e) => e.id === id),
      1,
    );
  }
}

class LruModel extends FifoModel {
  override hit(id: EntryId): void {
    const at = this.queue.findIndex((e) => e.id === id);
    if (at !== -1) this.queue.push(...this.queue.splice(at, 1));
  }
}

class SieveModel extends FifoModel {
  /** Index in `queue` at which the hand looks next; at the end it starts over. */
  hand = 0;

  override hit(id: EntryId): void {
    this.residents().find((e) => e.id === id)!.hits = 1;
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

  override takeOut(id: EntryId): void {
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

  queued(): ModelEntry[] {
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

  override hold(id: EntryId, kind: HoldKind): void {
    const entry = this.residents().find((e) => e.id === id)!;
    if (this.small.includes(entry)) entry.place = 'small';
    else if (this.main.includes(entry)) entry.place = 'main';
    super.hold(id, kind);
  }

  comeBack(entry: ModelEntry): void {
    if (entry.place === 'small') this.small.push(entry);
    else if (entry.sizeBytes < this.smallCapacity() || entry.hits > 0) this.main.push(entry);
    else this.main.unshift(entry);
  }

  takeOut(id: EntryId): void {
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

/** Takes its frequencies from the real sketch, which has tests of its own. */
class WTinyLfuModel extends Model {
  window: ModelEntry[] = [];
  probation: ModelEntry[] = [];
  protected: ModelEntry[] = [];
  readonly sketch = new FrequencySketch();
  pressed = false;

  queued(): ModelEntry[] {
    return [...this.probation, ...this.protected, ...this.window];
  }

  windowCapacity(): number {
    return Math.floor(this.capacityBytes * 0.01);
  }

  override requested(fingerprint: number): void {
    this.sketch.add(fingerprint);
    this.pressed = false;
  }

  override prefersOthers(fingerprint: number, sizeBytes: number, excess: number): boolean {
    this.pressed = true;
    return sizeBytes > this.windowCapacity() && !this.wins(fingerprint, excess);
  }

  wins(fingerprint: number, bytes: number, exempt?: EntryId): boolean {
    const others = [...this.probation, ...this.protected].filter((e) => !this.pinned(e) && e.id !== exempt);
    const victims = others.filter((_, at) => sum(others.slice(0, at)) < bytes).slice(0, 256);
    const theirs = victims.reduce((total, e) => total + this.sketch.estimate(e.fingerprint), 0);
    return victims.length === 0 || theirs < this.sketch.estimate(fingerprint);
  }

  enter(entry: ModelEntry): void {
    this.sketch.ensure(this.residents().length + 1);
    entry.place = entry.sizeBytes > this.windowCapacity() ? 'probation' : 'window';
    this.comeBack(entry);
  }

  comeBack(entry: ModelEntry): void {
    if (entry.place === 'window') this.window.push(entry);
    if (entry.place === 'probation') this.probation.push(entry);
    if (entry.place === 'protected') this.protect(entry);
    while (!this.pressed && sum(this.window) > this.windowCapacity()) this.toMain(this.window[0]!);
  }

  toMain(entry: ModelEntry): void {
    this.takeOut(entry.id);
    entry.place = 'probation';
    this.probation.push(entry);
  }

  protect(entry: ModelEntry): void {
    this.takeOut(entry.id);
    entry.place = 'protected';
    this.protected.push(entry);
    const mainCapacity =
      this.capacityBytes - sum([...this.held.young, ...this.held.kept]) - this.windowCapacity();
    while (sum(this.protected) > mainCapacity * 0.8 && this.protected.length > 0)
      this.toMain(this.protected[0]!);
  }

  hit(id: EntryId): void {
    const entry = this.residents().find((e) => e.id === id)!;
    this.sketch.add(entry.fingerprint);
    if (!this.queued().includes(entry)) {
      if (entry.place === 'probation') entry.place = 'protected';
    } else if (entry.place === 'window') {
      this.takeOut(id);
      this.window.push(entry);
    } else if (entry.place === 'protected') {
      this.takeOut(id);
      this.protected.push(entry);
    } else this.protect(entry);
  }

  takeOut(id: EntryId): void {
    this.window = this.window.filter((e) => e.id !== id);
    this.probation = this.probation.filter((e) => e.id !== id);
    this.protected = this.protected.filter((e) => e.id !== id);
  }

  leave(exempt?: EntryId): ModelEntry | undefined {
    const incoming = this.incoming > this.windowCapacity() ? 0 : this.incoming;
    for (const entry of [...this.window]) {
      if (sum(this.window) + incoming <= this.windowCapacity()) break;
      if (entry.id === exempt) continue;
      if (!this.pinned(entry) && !this.wins(entry.fingerprint, entry.sizeBytes, exempt)) {
        this.takeOut(entry.id);
        return entry;
      }
      this.toMain(entry);
    }
    for (const queue of [this.probation, this.protected, this.window]) {
      const victim = dequeue(queue, (e) => !this.pinned(e), exempt);
      if (victim !== undefined) return victim;
    }
    return undefined;
  }
}

class GdsfModel extends Model {
  readonly queue: (ModelEntry & { priority: number; touch: number })[] = [];
  clock = 0;
  touches = 0;

  queued(): ModelEntry[] {
    return this.queue;
  }

  hit(id: EntryId): void {
    const entry = this.residents().find((e) => e.id === id)!;
    entry.hits += 1;
    const queued = this.queue.find((e) => e.id === id);
    if (queued !== undefined) this.touch(queued);
  }

  touch(entry: (typeof this.queue)[number]): void {
    this.touches += 1;
    entry.touch = this.touches;
    entry.priority = this.clock + (entry.hits * 1e6) / entry.sizeBytes;
  }

  enter(entry: ModelEntry): void {
    this.comeBack({ ...entry, hits: 1 });
  }

  comeBack(entry: ModelEntry): void {
    const queued = { ...entry, priority: 0, touch: 0 };
    this.touch(queued);
    this.queue.push(queued);
  }

  takeOut(id: EntryId): void {
    this.queue.splice(
      this.queue.findIndex((e) => e.id === id),
      1,
    );
  }

  leave(exempt?: EntryId): ModelEntry | undefined {
    const order = this.queue.toSorted((a, b) => a.priority - b.priority || a.touch - b.touch);
    const found = order.findIndex((e) => !this.pinned(e) && e.id !== exempt);
    if (found === -1) return undefined;
    const victim = order[found]!;
    this.clock = victim.priority;
    this.takeOut(victim.id);
    for (const passed of order.slice(0, found)) if (passed.id !== exempt) this.touch(passed);
    return victim;
  }
}

interface ValuedEntry extends ModelEntry {
  value: number;
  worth: number;
  /** Hits that its place does not tell of yet. */
  isHit: boolean;
}

/** Remembers evicted keys with the real class, which has tests of its own. */
class GreedyDualModel extends Model {
  /** In the order in which they were queued. */
  queue: ValuedEntry[] = [];
  readonly remembered = new Remembered();
  readonly weight: number = { requests: 0, balanced: 1, bytes: 10 }[this.options.favour ?? 'balanced'];
  clock = 0;
  meanBytes = 0;
  newcomers = 0;
  frequency = 0;

  /** Queues from the least value to the greatest, each from its oldest. */
  queued(): ValuedEntry[] {
    return this.queue.toSorted((a, b) => a.value - b.value);
  }

  valued(frequency: number, sizeBytes: number): number {
    const value = Math.sqrt(frequency * Math.sqrt(frequency)) * (this.weight + this.meanBytes / sizeBytes);
    let rounded = 2 ** -12;
    while (rounded * 2 <= value && rounded < 2 ** 17) rounded *= 2;
    return rounded * 1.5 <= value ? rounded * 1.5 : rounded;
  }

  hit(id: EntryId): void {
    const entry = this.residents().find((e) => e.id === id) as ValuedEntry;
    entry.hits = Math.min(127, entry.hits + 1);
    entry.isHit = true;
  }

  override remove(id: EntryId): void {
    this.renewing(id);
    super.remove(id);
  }

  override renewing(id: EntryId): void {
    const { fingerprint, hits } = this.residents().find((e) => e.id === id)!;
    this.remembered.put(fingerprint, hits);
  }

  override requested(fingerprint: number, sizeBytes: number): void {
    this.frequency = Math.min(127, this.remembered.take(fingerprint) + 1);
    this.newcomers = Math.min(1000, this.newcomers + 1);
    this.meanBytes += (Math.min(sizeBytes, this.capacityBytes) - this.meanBytes) / this.newcomers;
  }

  override admit(id: EntryId, fingerprint: number, sizeBytes: number, victims: EntryId[]): boolean {
    const admitted = super.admit(id, fingerprint, sizeBytes, victims);
    if (!admitted) this.remembered.put(fingerprint, this.frequency);
    return admitted;
  }

  override prefersOthers(_fingerprint: number, sizeBytes: number, excess: number): boolean {
    const mine = this.clock + this.valued(this.frequency, sizeBytes);
    if (this.findsRoom(mine, excess)) return false;
    this.clock = Math.max(this.clock, Math.min(mine, ...this.queue.map((e) => e.worth)));
    return sum(this.queue.filter((e) => !this.pinned(e))) >= excess;
  }

  /** Passes queue by queue; hits are counted on the way, and those that come to a later place are met again. */
  findsRoom(mine: number, excess: number): boolean {
    const met = new Set<ValuedEntry>();
    let [found, value] = [0, 0];
    const next = (): ValuedEntry | undefined =>
      this.queue
        .filter((e) => e.value >= value && e.worth <= mine && !met.has(e))
        .reduce<ValuedEntry | undefined>((a, b) => (a === undefined || b.value < a.value ? b : a), undefined);
    for (let entry = next(); entry !== undefined; entry = next()) {
      value = entry.value;
      if (entry.isHit) this.comeBack(this.out(entry));
      else {
        met.add(entry);
        if (!this.pinned(entry)) found += entry.sizeBytes;
        if (found >= excess) return true;
      }
    }
    return false;
  }

  enter(entry: ModelEntry): void {
    this.remembered.ensure(this.residents().length + 1);
    this.comeBack({ ...entry, hits: this.frequency });
  }

  override comeBack(entry: ModelEntry): void {
    const value = this.valued(entry.hits, entry.sizeBytes);
    this.queue.push(Object.assign(entry, { value, worth: this.clock + value, isHit: false }));
  }

  takeOut(id: EntryId): void {
    this.queue = this.queue.filter((e) => e.id !== id);
  }

  out(entry: ValuedEntry): ValuedEntry {
    this.takeOut(entry.id);
    return entry;
  }

  leave(exempt?: EntryId): ModelEntry | undefined {
    if (!this.queue.some((e) => !this.pinned(e) && e.id !== exempt)) return undefined;
    const passed: ValuedEntry[] = [];
    for (;;) {
      const entry = this.queue
        .filter((e) => e.id !== exempt)
        .reduce((a, b) => (b.worth < a.worth || (b.worth === a.worth && b.value < a.value) ? b : a));
      this.takeOut(entry.id);
      if (entry.isHit) this.comeBack(entry);
      else if (this.pinned(entry)) passed.push(entry);
      else {
        this.clock = Math.max(this.clock, entry.worth);
        this.remembered.put(entry.fingerprint, entry.hits);
        for (const each of passed) this.comeBack(each);
        return entry;
      }
    }
  }
}

/** Whether a policy declines newcomers by choice. */
export function mayDecline(name: PolicyName): boolean {
  return name === 'greedy-dual' || name === 'w-tinylfu';
}

/** Builds the naive model of a policy. */
export function createModel(name: PolicyName, options: ModelOptions): Model {
  if (name === 'greedy-dual') return new GreedyDualModel(options);
  if (name === 'w-tinylfu') return new WTinyLfuModel(options);
  if (name === 'gdsf') return new GdsfModel(options);
  if (name === 'fifo') return new FifoModel(options);
  if (name === 'lru') return new LruModel(options);
  if (name === 'sieve') return new SieveModel(options);
  return new S3FifoModel(options);
}

/**
 * Belady's MIN: evicts what is asked for farthest in the future. No policy misses less when every object has size 1.
 * With `mayRefuse` a newcomer that is asked for later than all residents is not taken in, as a policy with admission may do.
 * Belady: "A study of replacement algorithms for a virtual-storage computer", IBM Systems Journal 5(2), 1966.
 */
export function beladyMisses(trace: Trace, capacity: number, mayRefuse = false): ReplayCounts {
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
      if (resident.size === capacity) {
        const farthest = [...resident].reduce((a, b) => (b[1] > a[1] ? b : a));
        if (mayRefuse && next[i]! >= farthest[1]) return;
        resident.delete(farthest[0]);
      }
    }
    resident.set(key, next[i]!);
  });
  return { misses, missedBytes: misses };
}
