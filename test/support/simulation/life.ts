import { assert } from '../../../src/base/assert.ts';
import { type Random, seededRandom } from '../../../src/base/random.ts';
import type { RetrievalFailure } from '../../../src/cache/outcome.ts';
import { POLICY_NAMES } from '../../../src/policy/policy.ts';
import type { PurgeTarget } from '../../../src/serve/purge.ts';
import { checkFailures } from '../failures.ts';
import { RandomOrigin, tagOf } from '../random-origin.ts';
import type { Reader } from '../reader.ts';
import type { VirtualClock } from '../virtual-clock.ts';
import { VirtualDisk } from '../virtual-disk.ts';
import { copyOf } from './copies.ts';
import { Judge } from './judge.ts';
import { memoryBytes, type Plan, planOf } from './plan.ts';
import { awaited, Process, settledClock } from './process.ts';
import { ReadingThread } from './thread.ts';
import { Weather } from './weather.ts';

const ACCEPTS = ['image/avif,image/webp,*/*', 'image/webp,*/*;q=0.8', '*/*', undefined];

/** What happened in a life, or in many. */
export interface Tally {
  requests: number;
  hits: number;
  promoted: number;
  lent: number;
  purges: number;
  restarts: number;
  crashes: number;
  /** Steps with a disk that was in trouble. */
  degraded: number;
  /** Requests of which a copy was in memory, or only on disk. */
  owedMemory: number;
  owedDisk: number;
  threads: number;
  threadDeaths: number;
  diskEvictions: number;
  readonly causes: Map<RetrievalFailure, number>;
}

export function emptyTally(): Tally {
  return {
    requests: 0,
    hits: 0,
    promoted: 0,
    lent: 0,
    purges: 0,
    restarts: 0,
    crashes: 0,
    degraded: 0,
    owedMemory: 0,
    owedDisk: 0,
    threads: 0,
    threadDeaths: 0,
    diskEvictions: 0,
    causes: new Map(),
  };
}

/**
 * The whole life of a node in virtual time: random requests, a random origin, a tier that is always too small, clients that
 * leave, purges, resizes and switches of policy; a disk that outlives the process, and fails; clocks that jump; threads
 * that read beside it, and die. @throws InternalFault when one of its promises is broken.
 */
export class Life {
  readonly plan: Plan;
  readonly tally: Tally;
  readonly #clock: VirtualClock = settledClock();
  readonly #random: Random;
  readonly #origin: RandomOrigin;
  readonly #judge: Judge;
  readonly #disk: VirtualDisk | undefined;
  readonly #weather: Weather | undefined;
  #process: Process;
  #thread: ReadingThread | undefined;
  /** What was done until then is durable. */
  #durableMs = -1;
  /** Wall clock at the beginning. */
  readonly #startedMs: number = this.#clock.nowMs();

  constructor(seed: number, tally: Tally) {
    this.plan = planOf(seed);
    this.tally = tally;
    const random = seededRandom(seed ^ 0x5eed);
    this.#random = random;
    this.#origin = new RandomOrigin(random, this.#clock, this.plan.temper);
    this.#judge = new Judge(this.plan, this.#origin, () => this.#weather!.isReadable);
    if (this.plan.disk !== undefined) {
      this.#disk = new VirtualDisk(this.#clock, random, { latencyMs: this.plan.disk.latencyMs });
      this.#weather = new Weather(this.#disk, this.plan.disk, random);
    }
    this.#process = this.#start();
  }

  run(): void {
    const { steps, disk } = this.plan;
    for (let step = 0; step < steps; step += 1) {
      this.#act();
      this.#clock.advance(this.#below(this.#random.u32() % 20 === 0 ? 20_000 : 300));
      this.#process.h.tier.cache.catchUp();
      this.#weather?.change();
      if (disk !== undefined && this.#random.next() < disk.restartShare) this.#restart();
      this.#judge.judgeDone();
      this.#holdsBudgets();
      if (step % 10 === 0) this.#check();
    }
    this.#finish();
  }

  #start(): Process {
    this.#weather?.clear();
    const process = new Process({
      plan: this.plan,
      clock: this.#clock,
      random: this.#random,
      disk: this.#disk,
      onCall: (call) => this.#origin.answer(call),
    });
    const { tier } = process.h;
    const refresh = tier.refresh.bind(tier);
    const pathOf = (slot: number): string => tier.keyText(slot).split(' ')[1]!;
    tier.refresh = (slot, head, facts, nowS) => {
      const renewed = refresh(slot, head, facts, nowS);
      if (tier.head(renewed) !== head) this.#judge.oldHeads.add(pathOf(renewed));
      return renewed;
    };
    const renewGuest = tier.renewGuest.bind(tier);
    tier.renewGuest = (slot, facts) => {
      this.#judge.oldHeads.add(pathOf(slot));
      renewGuest(slot, facts);
    };
    return process;
  }

  #act(): void {
    const roll = this.#random.next();
    const { h } = this.#process;
    if (roll < 0.84) for (let i = this.#below(4); i >= 0; i -= 1) this.#ask();
    else if (roll < 0.86) h.tier.resize(memoryBytes(this.#random), h.nowS);
    else if (roll < 0.88) h.tier.cache.switchPolicy(POLICY_NAMES[this.#below(POLICY_NAMES.length)]!, h.nowS);
    else if (roll < 0.92) this.#purge();
    else if (roll < 0.94) this.#flush();
    else if (roll < 0.96 && this.plan.hasReaders) this.#changeThread();
    else if (roll < 0.98 && this.plan.clockJumps) this.#clock.jumpWall((this.#below(400) - 200) * 1_000);
    else h.tier.maintain(h.nowS);
  }

  #ask(): void {
    const path = `/${Math.floor(this.#random.next() ** 2 * this.plan.paths)}`;
    const accept = ACCEPTS[this.#below(ACCEPTS.length)];
    const fields: Record<string, string> = accept === undefined ? {} : { accept };
    const roll = this.#random.next();
    const { etags } = this.#judge;
    if (roll < 0.1) fields['range'] = `bytes=${this.#below(3_000)}-${3_000 + this.#below(3_000)}`;
    else if (roll < 0.2 && etags.length > 0) fields['if-none-match'] = etags[this.#below(etags.length)]!;
    else if (roll < 0.25) fields['authorization'] = 'Basic eA==';
    else if (roll < 0.3) fields['cache-control'] = 'only-if-cached';
    const how = this.#random.next();
    const method = how < 0.1 ? 'HEAD' : how < 0.12 ? 'POST' : 'GET';
    const held = this.#random.next() < 0.4;
    const startedMs = this.#clock.monotonicMs();
    const process = this.#process;
    const isPlain = method !== 'POST' && roll >= 0.3;
    const copy = isPlain ? this.#copyOf(path, accept) : undefined;
    const reader = process.h.ask(path, {
      method,
      fields,
      pace: held ? 'held' : 'eager',
      pieceBytesMax: 1 + this.#below(20_000),
    });
    if (held) this.#pumpLater(process, reader);
    if (this.#random.next() < this.plan.leaveShare)
      process.h.clock.after(this.#below(3_000), () => reader.leave());
    this.#judge.requests.push({
      path,
      method,
      accept,
      startedMs,
      fields,
      reader,
      process,
      copy,
      diskEvictions: process.disk?.snapshot().evictions,
      judged: false,
    });
  }

  #copyOf(path: string, accept: string | undefined): 'memory' | 'disk' | undefined {
    const copy = copyOf(this.#process, path, accept);
    if (copy?.where !== 'disk') return copy?.where;
    // A purge of what is on disk is a rule that is asked when it is read; times there are those of the wall.
    const storedMs = copy.storedS * 1_000 - this.#startedMs;
    return this.plan.clockJumps || this.#judge.isPurgedSince(path, storedMs) ? undefined : 'disk';
  }

  #pumpLater(process: Process, reader: Reader): void {
    process.h.clock.after(this.#below(200), () => {
      reader.pump(1 + this.#below(3));
      if (!reader.done) this.#pumpLater(process, reader);
    });
  }

  #purge(): void {
    const path = `/${this.#below(this.plan.paths)}`;
    const tag = tagOf(path);
    const kinds: readonly [PurgeTarget, (other: string) => boolean][] = [
      [{ url: path }, (other) => other === path],
      [{ prefix: path }, (other) => other.startsWith(path)],
      [{ tag }, (other) => tagOf(other) === tag],
      [{ route: 'r' }, () => true],
      [{ all: true }, () => true],
    ];
    const [target, matches] = kinds[this.#random.next() < 0.6 ? 0 : this.#below(kinds.length)]!;
    const isSoft = this.#random.next() < 0.2;
    this.#process.h.purge(target, isSoft);
    this.tally.purges += 1;
    this.#judge.purged(JSON.stringify(target), isSoft, this.#clock.monotonicMs(), matches);
  }

  /** Asks for all that was done to be durable; it is, when a healthy disk has said so. */
  #flush(): void {
    const { disk } = this.#process;
    const atMs = this.#clock.monotonicMs();
    void disk?.flush().then(() => this.#flushed(disk, atMs));
  }

  #flushed(disk: NonNullable<Process['disk']>, atMs: number): void {
    const { state, owedRemovals, unsyncedBytes } = disk.snapshot();
    if (disk !== this.#process.disk || state !== 'ready' || owedRemovals > 0 || unsyncedBytes > 0) return;
    this.#durableMs = Math.max(this.#durableMs, atMs);
  }

  /** The process ends, in one of three ways, and another one starts. */
  #restart(): void {
    const { disk } = this.#process;
    const how = this.#below(3);
    this.tally.restarts += 1;
    if (how === 0 && !this.#disk!.temper.hangs) {
      const atMs = this.#clock.monotonicMs();
      awaited(this.#clock, disk!.flush());
      this.#flushed(disk!, atMs);
    }
    this.#judge.judgeDone();
    this.#endThread();
    this.#process.kill();
    this.#judge.cutOff(this.#process);
    this.#count();
    if (how === 2) {
      this.tally.crashes += 1;
      this.#disk!.crash();
      this.#weather!.crashed();
    } else this.#disk!.kill();
    this.#judge.lost(this.#durableMs);
    this.#process = this.#start();
    const process = this.#process;
    void process.disk!.ready.then(() => this.#weather!.ready());
  }

  #changeThread(): void {
    if (this.#thread !== undefined) {
      this.#endThread();
      return;
    }
    const { tier } = this.#process.h;
    const slots = [...tier.cache.entries.slots()].filter((slot) => tier.cache.visible(slot));
    if (slots.length === 0) return;
    this.#thread = new ReadingThread(this.#process, tier.keyText(slots[this.#below(slots.length)]!));
    if (this.#thread.isReading) this.tally.threads += 1;
  }

  #endThread(): void {
    if (this.#thread === undefined) return;
    if (this.#random.next() < 0.5) this.#thread.finish();
    else {
      this.#thread.die();
      this.tally.threadDeaths += 1;
    }
    this.#thread = undefined;
  }

  #holdsBudgets(): void {
    const { h, disk } = this.#process;
    const { cache, arena } = h.tier;
    assert(arena.usedBytes <= cache.usedBytes, 'the arena holds no more than was charged');
    if (disk !== undefined) {
      const { usedBytes, budgetBytes, state } = disk.snapshot();
      if (state === 'degraded') this.tally.degraded += 1;
      // Of so few segments, one that has left may still be read while the others are all needed.
      const limitBytes = budgetBytes + (cache.entries.count > cache.count ? this.plan.disk!.segmentBytes : 0);
      assert(usedBytes <= limitBytes, `the disk has ${usedBytes} bytes of ${limitBytes}`);
    }
    if (cache.usedBytes <= cache.budgetBytes || this.#thread?.isReading === true) return;
    for (const slot of cache.entries.slots()) if (cache.entries.pins(slot) > 0) return;
    cache.trim(h.nowS);
    assert(cache.usedBytes <= cache.budgetBytes, 'only what is being served holds more than the budget');
  }

  #check(): void {
    this.#process.h.tier.check();
    const { disk } = this.#process;
    if (disk?.snapshot().state === 'ready') disk.check();
  }

  #finish(): void {
    const { h, disk } = this.#process;
    this.#weather?.clear();
    const { cache, reads } = h.tier;
    // What is being read from disk for who has left is given back when it comes.
    const isDone = (): boolean =>
      h.readers.every((reader) => reader.done) &&
      h.origin.running === 0 &&
      h.path.flights.count === 0 &&
      cache.entries.count === cache.count;
    for (let steps = 0; !isDone(); steps += 1)
      assert(steps < 200_000 && this.#clock.step(), 'every request comes to an end');
    this.#judge.judgeDone();
    for (const { judged, path, reader } of this.#judge.requests)
      assert(judged, `a request for ${path} came to an end: ${reader.state}`);
    this.#endThread();
    h.tier.cache.catchUp();
    for (let i = 0; i < 100 && h.tier.maintain(h.nowS); i += 1);
    assert(cache.usedBytes <= cache.budgetBytes, 'once nobody reads, the budget holds');
    assert(reads.usedBytes === 0, 'nothing that was read from disk is held any more');
    this.#check();
    h.checkQuiet();
    this.#count();
    if (disk !== undefined) {
      awaited(this.#clock, disk.close());
      assert(this.#disk!.openFiles === 0, 'no file stays open');
    }
    this.tally.owedMemory += this.#judge.owed.memory;
    this.tally.owedDisk += this.#judge.owed.disk;
  }

  /** Adds up what a process has seen, when it ends. */
  #count(): void {
    const { tally } = this;
    const { h, disk } = this.#process;
    tally.requests += h.booked();
    tally.hits += h.booked('hit');
    tally.promoted += h.path.promotions?.promoted ?? 0;
    tally.lent += h.path.promotions?.lent ?? 0;
    tally.diskEvictions += disk?.snapshot().evictions ?? 0;
    for (const [cause, count] of checkFailures(h))
      tally.causes.set(cause, (tally.causes.get(cause) ?? 0) + count);
  }

  #below(limit: number): number {
    return Math.floor(this.#random.next() * limit);
  }
}
