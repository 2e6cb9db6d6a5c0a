import { type VirtualClock, virtualClock } from '../../../test/support/virtual-clock.ts';
import { EVEN_TEMPER, VirtualDisk } from '../../../test/support/virtual-disk.ts';
import { assert } from '../../base/assert.ts';
import type { Random } from '../../base/random.ts';
import { Flag, NONE } from '../../cache/entries.ts';
import { type DiskHead, findKey } from './disk.ts';
import { openDiskTier } from './open.ts';
import type { LogDiskTier } from './tier.ts';

/** Sizes of a disk tier that is small enough to turn over in a test. */
export const SMALL = { segmentBytes: 2 ** 18, budgetBytes: 2 ** 21 } as const;

/** Lets everything that is not waiting for the clock happen. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Lets everything happen that is begun, and moves the clock while it is waiting. */
export async function eventually<T>(clock: VirtualClock, promise: Promise<T>, stepMs = 100): Promise<T> {
  let over = false;
  const watched = promise.finally(() => {
    over = true;
  });
  watched.catch(() => undefined);
  await settle();
  for (let steps = 0; !over; steps += 1) {
    assert(steps < 100_000, 'what was waited for happens');
    clock.advance(stepMs);
    await settle();
  }
  return watched;
}

/** A tier on a virtual disk. */
export function openVirtual(
  disk: VirtualDisk,
  clock: VirtualClock,
  options: Partial<Parameters<typeof openDiskTier>[0]> = {},
): Promise<LogDiskTier> {
  return openDiskTier({
    files: disk.mount(),
    path: '/disk',
    clock,
    newHashKey: { k0: 0x0123_4567, k1: 0x89ab_cdef },
    ...SMALL,
    objectBytesMax: 2 ** 20,
    minFreeBytes: 0,
    minFreeInodes: 0,
    minResidencyS: 0,
    requireMount: false,
    routes: ['a', 'b'],
    ...options,
  });
}

/** A response whose every byte follows from its key and version. */
export function recordOf(
  key: string,
  version: number,
  bodyBytes: number,
  route = 1,
): { readonly record: DiskHead; readonly body: Uint8Array } {
  const body = new Uint8Array(bodyBytes);
  let state = (version * 0x9e37_79b1 + key.length * 0x85eb_ca6b + key.charCodeAt(key.length - 1)) >>> 0;
  for (let i = 0; i < bodyBytes; i += 1) {
    state = (Math.imul(state, 0x0019_660d) + 0x3c6e_f35f) >>> 0;
    body[i] = state >>> 24;
  }
  const facts = {
    route,
    status: 200,
    bornS: 1,
    freshUntilS: 2 + version,
    revalidateUntilS: 2 + version,
    errorUntilS: 2 + version,
    flags: 0,
  };
  return { record: { key: Buffer.from(key), head: `x-version: ${version}\r\n\r\n`, bodyBytes, facts }, body };
}

/** Appends one. */
export function put(
  tier: LogDiskTier,
  key: string,
  version: number,
  bodyBytes = 100,
  route = 1,
  facts: Partial<DiskHead['facts']> = {},
): boolean {
  const { record, body } = recordOf(key, version, bodyBytes, route);
  return tier.put({ ...record, facts: { ...record.facts, ...facts } }, (into, at) => into.set(body, at));
}

/** The entry of a key, or NONE. */
export function find(tier: LogDiskTier, key: string): number {
  const bytes = Buffer.from(key);
  return findKey(tier, bytes);
}

/** Reads what a key answers with and verifies every byte. @returns its version; undefined when there is none. */
export async function versionOf(tier: LogDiskTier, key: string): Promise<number | undefined> {
  const slot = find(tier, key);
  if (slot === NONE) return undefined;
  const loaded = await tier.load(slot, Buffer.from(key));
  if (loaded === undefined) return undefined;
  const version = Number(/x-version: (\d+)/.exec(loaded.head)![1]);
  const { body } = recordOf(key, version, loaded.body.length);
  assert(Buffer.compare(loaded.body, body) === 0, `${key} has the bytes of version ${version}`);
  return version;
}

/** What a model knows of a key. */
interface Known {
  /** Every version that was ever accepted, with its event. */
  readonly versions: Map<number, { readonly event: number; readonly bodyBytes: number }>;
  /** What has to answer: a version, or nothing; undefined after a restart until it is looked at. */
  now: number | undefined;
  /** The latest event: a put, a refusal, a removal. */
  event: number;
  /** The latest event that is durable, and the version that it left, if any. */
  durableEvent: number;
  durable: number | undefined;
}

/** How a run treats its disk. */
interface Plan {
  /** Operations fail, and others fill it. */
  readonly faults: boolean;
  /** It forgets what it said was safe: bits flip, and after a failed sync the next one says that all is well. */
  readonly rots: boolean;
  readonly latencyMs: number;
}

const KEYS = 24;

/** Every other key is a variant's, and what is an original's stays usable: so it is written again without having been asked for. */
function natureOf(key: string): Pick<DiskHead['facts'], 'flags' | 'freshUntilS'> {
  const isVariant = Number(key.slice(3)) % 2 === 1;
  return { flags: isVariant ? Flag.VARIANT : 0, freshUntilS: isVariant ? 1 : 4_000_000_000 };
}

/** Random use of a disk tier, held against a map. */
export class DiskModel {
  readonly seen = { found: 0, restarts: 0, evicted: 0, reinserted: 0, streamed: 0, renewed: 0, troubles: 0 };
  readonly #random: Random;
  readonly #clock = virtualClock();
  readonly #disk: VirtualDisk;
  readonly #plan: Plan;
  readonly #keys = new Map<string, Known>();
  #tier!: LogDiskTier;
  #event = 0;
  /** Number of the route b since the last start. */
  #route = 1;
  #budgetBytes: number = SMALL.budgetBytes;
  /** A shrink takes a second for each segment. */
  #drainedAtMs = 0;

  constructor(random: Random) {
    this.#random = random;
    this.#disk = new VirtualDisk(this.#clock, random);
    const dice = random.next();
    this.#plan = {
      faults: dice < 0.25,
      rots: dice >= 0.25 && dice < 0.4,
      latencyMs: random.next() < 0.3 ? 50 : 0,
    };
    for (let i = 0; i < KEYS; i += 1) {
      const known = { versions: new Map(), now: undefined, event: 0, durableEvent: 0, durable: undefined };
      this.#keys.set(`b /${i}`, known);
    }
  }

  /** Some hundred operations, and a last look at everything. */
  async run(operations: number): Promise<void> {
    await this.#open();
    await this.#wait(this.#tier.ready);
    this.#misbehave();
    for (let i = 0; i < operations; i += 1) {
      await this.#one();
      const { usedBytes, budgetBytes } = this.#tier.snapshot();
      assert(
        this.#clock.monotonicMs() < this.#drainedAtMs || usedBytes <= budgetBytes,
        `${usedBytes} bytes are within ${budgetBytes}`,
      );
    }
    this.#disk.temper.failRead = 0;
    await this.#restart();
    this.#tier.check();
    await this.#wait(this.#tier.close());
    assert(this.#disk.openFiles === 0, 'no file stays open');
  }

  #wait<T>(promise: Promise<T>): Promise<T> {
    return eventually(this.#clock, promise);
  }

  #below(limit: number): number {
    return this.#random.u32() % limit;
  }

  #anyKey(): [key: string, known: Known] {
    const key = `b /${this.#below(KEYS)}`;
    return [key, this.#keys.get(key)!];
  }

  async #one(): Promise<void> {
    const dice = this.#random.next();
    if (dice < 0.45) this.#put();
    else if (dice < 0.55) await this.#stream();
    else if (dice < 0.62) this.#remove();
    else if (dice < 0.67) this.#renew();
    else if (dice < 0.8) await this.#load();
    else if (dice < 0.85) await this.#readPart();
    else if (dice < 0.9) await this.#flush();
    else if (dice < 0.93) this.#resize();
    else if (dice < 0.96) await this.#restart();
    else this.#clock.advance(this.#below(3_000));
    if (this.#random.next() < 0.5) await settle();
  }

  #accepted(known: Known, version: number, bodyBytes: number): void {
    known.versions.set(version, { event: this.#event, bodyBytes });
    known.now = version;
    known.event = this.#event;
  }

  #put(): void {
    const [key, known] = this.#anyKey();
    this.#event += 1;
    const bodyBytes = this.#below(4) === 0 ? this.#below(100_000) : this.#below(5_000);
    if (put(this.#tier, key, this.#event, bodyBytes, this.#route, natureOf(key)))
      this.#accepted(known, this.#event, bodyBytes);
    else this.#forget(key, known);
  }

  /** As the memory tier does it with what was refused: what is there is of the past. */
  #forget(key: string, known: Known): void {
    const bytes = Buffer.from(key);
    const hash = this.#tier.hash(bytes, bytes.length);
    const slot = this.#tier.find(hash);
    if (slot === NONE) this.#tier.removeUnknown(hash);
    else this.#tier.remove(slot);
    known.now = undefined;
    known.event = this.#event;
  }

  #remove(): void {
    const [key, known] = this.#anyKey();
    this.#event += 1;
    this.#forget(key, known);
    assert(find(this.#tier, key) === NONE, 'what was removed is not found');
  }

  async #stream(): Promise<void> {
    const [key, known] = this.#anyKey();
    this.#event += 1;
    const version = this.#event;
    const bodyBytes = this.#below(125_000);
    const { record, body } = recordOf(key, version, bodyBytes, this.#route);
    const writer = this.#tier.begin({ ...record, facts: { ...record.facts, ...natureOf(key) } });
    if (writer === undefined) return;
    const stopAt = this.#below(5) === 0 ? this.#below(bodyBytes + 1) : bodyBytes;
    for (let at = 0; at < stopAt; ) {
      const next = Math.min(stopAt, at + 1 + this.#below(50_000));
      writer.append(body.subarray(at, next));
      at = next;
      // Others append meanwhile: the segment may be full, or leave, before this is whole.
      if (this.#below(2) === 0) this.#put();
      if (this.#below(3) === 0) await settle();
    }
    this.#event += 1;
    if (stopAt < bodyBytes) writer.abort();
    else if (writer.finish()) {
      this.#accepted(known, version, bodyBytes);
      known.versions.set(version, { event: this.#event, bodyBytes });
      this.seen.streamed += 1;
    }
  }

  #renew(): void {
    const [key, known] = this.#anyKey();
    const slot = find(this.#tier, key);
    if (slot === NONE || known.now === undefined) return;
    const facts = { ...this.#tier.facts(slot), freshUntilS: 1_000_000 };
    this.#tier.renew(slot, facts);
    assert(this.#tier.facts(slot).freshUntilS === 1_000_000, 'a renewal is known at once');
    this.seen.renewed += 1;
  }

  async #load(): Promise<void> {
    const [key, known] = this.#anyKey();
    const slot = find(this.#tier, key);
    if (slot !== NONE && this.#below(2) === 0) this.#tier.hit(slot);
    this.#expect(key, known, await this.#wait(versionOf(this.#tier, key)));
  }

  #expect(key: string, known: Known, version: number | undefined): void {
    if (version === undefined) return;
    assert(known.versions.has(version), `${key}: version ${version} was written`);
    assert(version === known.now, `${key}: version ${version} is the newest, ${known.now}`);
    const slot = find(this.#tier, key);
    assert(
      slot === NONE || this.#tier.facts(slot).route === this.#route,
      `${key}: its route is known by its name`,
    );
    const { flags } = natureOf(key);
    assert(slot === NONE || this.#tier.facts(slot).flags === flags, `${key}: it is still what it was`);
    this.seen.found += 1;
  }

  async #readPart(): Promise<void> {
    const [key, known] = this.#anyKey();
    const slot = find(this.#tier, key);
    if (slot === NONE) return;
    const version = known.now!;
    const reader = await this.#wait(this.#tier.open(slot, Buffer.from(key)));
    if (reader === undefined) return;
    const { body } = recordOf(key, version, reader.facts.bodyBytes);
    assert(reader.head.includes(`x-version: ${version}\r`), `${key}: opened is the newest`);
    for (let i = 0; i < 3; i += 1) {
      const from = this.#below(body.length + 1);
      const to = from + this.#below(body.length - from + 1);
      // What leaves meanwhile can still be read.
      this.#put();
      const part = await this.#wait(reader.read(from, to));
      if (part === undefined) break;
      assert(Buffer.compare(part, body.subarray(from, to)) === 0, `${key}: a part is what was written`);
    }
    reader.close();
  }

  async #flush(): Promise<void> {
    await this.#wait(this.#tier.flush());
    const { state, owedRemovals, unsyncedBytes } = this.#tier.snapshot();
    // After a trouble, what was owed may have been appended while the flush was under way.
    if (state !== 'ready' || owedRemovals > 0 || (this.seen.troubles > 0 && unsyncedBytes > 0)) return;
    assert(unsyncedBytes === 0, 'nothing is unsynced after a flush');
    for (const known of this.#keys.values()) {
      known.durable = known.now;
      known.durableEvent = known.event;
    }
  }

  #resize(): void {
    this.#budgetBytes = SMALL.segmentBytes * (4 + this.#below(8));
    this.#drainedAtMs = this.#clock.monotonicMs() + 15_000;
    this.#tier.resize(this.#budgetBytes);
  }

  async #open(): Promise<void> {
    const { temper } = this.#disk;
    Object.assign(temper, EVEN_TEMPER, { latencyMs: this.#plan.latencyMs });
    const routes = this.#below(2) === 0 ? ['a', 'b'] : ['b', 'c', 'd'];
    this.#route = routes.indexOf('b');
    const budgetBytes = this.#budgetBytes;
    this.#tier = await this.#wait(
      openVirtual(this.#disk, this.#clock, {
        budgetBytes,
        routes,
        onTrouble: () => {
          this.seen.troubles += 1;
        },
      }),
    );
    this.#drainedAtMs = this.#clock.monotonicMs() + 15_000;
    if (this.#plan.rots) Object.assign(temper, { flip: 0.02, failSync: 0.01 });
  }

  /** Not while it starts: what a segment that cannot be read says of older ones is not known. */
  #misbehave(): void {
    const { temper } = this.#disk;
    if (this.#plan.faults) {
      temper.failWrite = 0.02;
      temper.failOpen = 0.02;
      if (this.#below(3) === 0) temper.foreignBytes = temper.capacityBytes - 3 * 2 ** 19;
    }
  }

  async #restart(): Promise<void> {
    const how = this.#below(3);
    if (how === 0) {
      await this.#flush();
      await this.#wait(this.#tier.close());
    }
    const wasFound = new Set([...this.#keys.keys()].filter((key) => find(this.#tier, key) !== NONE));
    const { evictions, reinsertions } = this.#tier.snapshot();
    this.seen.evicted += evictions;
    this.seen.reinserted += reinsertions;
    if (how === 1) this.#disk.kill();
    if (how === 2) this.#disk.crash();
    await this.#open();
    this.seen.restarts += 1;
    // Used while it is still reading what was there.
    for (let i = this.#below(4); i > 0; i -= 1) await this.#useEarly();
    await this.#wait(this.#tier.ready);
    this.#disk.temper.flip = 0;
    for (const [key, known] of this.#keys) await this.#lookAgain(key, known, wasFound.has(key));
    if (this.#plan.rots) this.#disk.temper.flip = 0.02;
    this.#misbehave();
  }

  async #useEarly(): Promise<void> {
    const [key, known] = this.#anyKey();
    this.#event += 1;
    const dice = this.#below(3);
    if (dice === 0) this.#forget(key, known);
    else if (dice === 1) {
      if (put(this.#tier, key, this.#event, 1000, this.#route, natureOf(key)))
        this.#accepted(known, this.#event, 1000);
      else this.#forget(key, known);
    } else this.#mayBe(key, known, await this.#wait(versionOf(this.#tier, key)));
    if (known.event === this.#event) known.durableEvent = Math.min(known.durableEvent, known.event);
  }

  /** After a restart: what is found was written, and nothing that is durable speaks against it. */
  #mayBe(key: string, known: Known, version: number | undefined): void {
    if (version === undefined) return;
    const written = known.versions.get(version);
    assert(written !== undefined, `${key}: version ${version} was written`);
    if (this.#plan.rots) return;
    assert(
      written.event >= known.durableEvent || version === known.durable,
      `${key}: version ${version} (event ${written.event}) is not older than what is durable (${known.durableEvent})`,
    );
  }

  async #lookAgain(key: string, known: Known, wasFound: boolean): Promise<void> {
    const version = await this.#wait(versionOf(this.#tier, key));
    this.#mayBe(key, known, version);
    // What has left for want of room since the start is another matter.
    const untouched = known.event === known.durableEvent && this.#tier.snapshot().evictions === 0;
    const mustBe = untouched && wasFound && !this.#plan.rots && !this.#plan.faults;
    assert(
      !mustBe || known.durable === undefined || version === known.durable,
      `${key}: version ${known.durable} is durable and found, not ${version}`,
    );
    known.now = version;
  }
}
