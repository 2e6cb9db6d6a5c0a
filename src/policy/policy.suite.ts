import { describe, expect, test } from 'bun:test';
import { InternalFault } from '../base/assert.ts';
import { type Random, seededRandom } from '../base/random.ts';
import type { CreateOptions } from './create.ts';
import type { Model, ModelOptions } from './policy.models.ts';
import type { EntryId, EvictionPolicy } from './policy.ts';

export interface SuiteSubject {
  readonly name: string;
  make(options: CreateOptions): EvictionPolicy;
  model(options: ModelOptions): Model;
  /** Whom the policy refuses though room could be made: nobody, large objects (as a published form may), or those asked for seldom. */
  readonly refuses: 'nobody' | 'large' | 'seldom';
  /** Whether hits change the order when somebody looks for room, also in vain. By default a refusal leaves the order as it was. */
  readonly countsLate?: boolean;
}

/** What every eviction policy must do. Each implementation runs this, and agrees with its naive model. */
export function policySuite(subject: SuiteSubject): void {
  const build = (capacityBytes: number, pins: ReadonlySet<EntryId> = new Set()): EvictionPolicy =>
    subject.make({ capacityBytes, isPinned: (id) => pins.has(id) });

  describe(subject.name, () => {
    agreesWithModel(subject);
    refusals(subject, build);
    holds(build);
    faults(build);
    if (subject.refuses === 'nobody') order(build);
  });
}

/** Kinds of random load: sizes and pins differ, the operations are the same. */
const LOADS = [
  { load: 'unit sizes', capacity: 40, maxSize: 1, pinShare: 0 },
  { load: 'unit sizes, some pinned', capacity: 40, maxSize: 1, pinShare: 0.2 },
  { load: 'small objects', capacity: 2_000, maxSize: 150, pinShare: 0 },
  { load: 'small objects, many pinned', capacity: 2_000, maxSize: 150, pinShare: 0.6 },
  { load: 'objects up to the capacity, some pinned', capacity: 1_000, maxSize: 1_100, pinShare: 0.2 },
  { load: 'a capacity above 2^32', capacity: 20_000_000_000, maxSize: 4_200_000_000, pinShare: 0.1 },
] as const;

const STEPS = 4_000;
const SEEDS = 3;
const KEYS = 120;

function agreesWithModel(subject: SuiteSubject): void {
  for (const load of LOADS) {
    test(`agrees with its model on every victim: ${load.load}`, () => {
      for (let seed = 1; seed <= SEEDS; seed += 1) new Trial(subject, load, seed).run();
    });
  }
}

/** One policy and its model side by side under the same random operations. */
class Trial {
  private readonly pins = new Set<EntryId>();
  private readonly policy: EvictionPolicy;
  private readonly model: Model;
  private readonly random: Random;
  private readonly load: (typeof LOADS)[number];
  private readonly countsLate: boolean;
  /** Key of each resident slot. Slots are reused, keys come back in other slots. */
  private readonly keyOf = new Map<EntryId, number>();
  /** The one random size of the current operation, the same for policy and model. */
  private sizeBytes = 1;
  private usedBefore = 0;

  constructor(subject: SuiteSubject, load: (typeof LOADS)[number], seed: number) {
    const options = { capacityBytes: load.capacity, isPinned: (id: EntryId) => this.pins.has(id) };
    this.policy = subject.make({ ...options, slots: 4 });
    this.model = subject.model(options);
    this.random = seededRandom(seed);
    this.load = load;
    this.countsLate = subject.countsLate === true;
  }

  run(): void {
    for (let step = 0; step < STEPS; step += 1) this.step();
  }

  private step(): void {
    const dice = this.random.next();
    if (dice < 0.76) this.request();
    else if (dice < 0.82) this.holdOrRelease();
    else if (dice < 0.9) this.pinOrUnpin();
    else if (dice < 0.95) this.onResident((id) => this.recharge(id));
    else if (dice < 0.98) this.onResident((id) => this.remove(id));
    else if (dice < 0.985) this.onResident((id) => this.renew(id));
    else if (dice < 0.995) this.trim();
    else this.resize();
    this.compare();
  }

  private request(): void {
    const key = Math.floor(this.random.next() ** 2 * KEYS);
    for (const [id, k] of this.keyOf) {
      if (k !== key) continue;
      this.policy.hit(id);
      this.model.hit(id);
      return;
    }
    let id = this.below(8);
    while (this.policy.has(id)) id += 1;
    const before = [...this.policy.coldestFirst()];
    const admitted = this.both((p, victims) => p.admit(id, key, this.sizeBytes, victims));
    if (this.policy.declined) expect(admitted).toBe(false);
    if (admitted) this.keyOf.set(id, key);
    else this.expectUnchanged(before);
    expect(this.policy.has(id)).toBe(admitted);
  }

  private recharge(id: EntryId): void {
    const before = [...this.policy.coldestFirst()];
    if (!this.both((p, victims) => p.recharge(id, this.sizeBytes, victims))) this.expectUnchanged(before);
    expect(this.policy.has(id)).toBe(true);
  }

  /** Admits one of the same key, and takes the old one out. */
  private renew(old: EntryId): void {
    const key = this.keyOf.get(old)!;
    this.policy.renewing(old);
    this.model.renewing(old);
    let id = this.below(8);
    while (this.policy.has(id)) id += 1;
    if (!this.both((p, victims) => p.admit(id, key, this.sizeBytes, victims))) return;
    if (this.policy.has(old)) this.remove(old);
    this.keyOf.set(id, key);
  }

  private remove(id: EntryId): void {
    this.policy.remove(id);
    this.model.remove(id);
    this.keyOf.delete(id);
    this.pins.delete(id);
    expect(this.policy.has(id)).toBe(false);
  }

  private holdOrRelease(): void {
    const { policy, model } = this;
    const held = [...model.held.young, ...model.held.kept];
    // About a third of the residents, so that the rest is what the policy chooses from.
    if (this.random.next() < 0.2 + held.length / (1 + 2 * this.keyOf.size)) {
      const entry = held[this.below(held.length)];
      if (entry === undefined) return;
      policy.release(entry.id);
      model.release(entry.id);
      return;
    }
    const kind = this.random.next() < 0.8 ? 'young' : 'kept';
    this.onResident((id) => {
      policy.hold(id, kind);
      model.hold(id, kind);
    });
  }

  private resize(): void {
    const capacity = this.random.next() < 0.5 ? this.load.capacity : this.below(this.load.capacity + 1);
    this.both((p, victims) => p.resize(capacity, victims));
    this.expectOnlyPinnedAbove();
  }

  private trim(): void {
    this.both((p, victims) => p.trim(victims));
    this.expectOnlyPinnedAbove();
  }

  private expectOnlyPinnedAbove(): void {
    if (this.policy.usedBytes <= this.policy.capacityBytes) return;
    for (const { id } of this.model.queued()) expect(this.pins.has(id)).toBe(true);
  }

  private pinOrUnpin(): void {
    if (this.random.next() < 0.5) {
      for (const id of [...this.pins]) if (this.random.next() < 0.3) this.pins.delete(id);
    }
    for (const id of this.keyOf.keys()) if (this.random.next() < this.load.pinShare * 0.3) this.pins.add(id);
  }

  /** Does the same to both, with the same random numbers, and compares the answers and the victims in order. */
  private both<T>(act: (policy: EvictionPolicy | Model, victims: EntryId[]) => T): T {
    const used = this.policy.usedBytes;
    const earlier = [-7]; // victims are appended, what is there already stays
    const expected: EntryId[] = [];
    this.sizeBytes = 1 + (this.random.u32() % this.load.maxSize);
    const answer = act(this.policy, earlier);
    expect(act(this.model, expected)).toEqual(answer);
    const [first, ...victims] = earlier;
    expect(first).toBe(-7);
    expect(victims).toEqual(expected);
    for (const id of victims) {
      expect(this.keyOf.delete(id)).toBe(true);
      expect(this.pins.has(id)).toBe(false);
      expect(this.policy.has(id)).toBe(false);
      expect(this.policy.isHeld(id, 'young')).toBe(false);
    }
    if (answer === false) expect([victims.length, this.policy.usedBytes]).toEqual([0, used]);
    return answer;
  }

  private expectUnchanged(before: EntryId[]): void {
    const after = [...this.policy.coldestFirst()];
    if (this.countsLate) expect(after.toSorted()).toEqual(before.toSorted());
    else expect(after).toEqual(before);
  }

  private compare(): void {
    const { policy, model } = this;
    policy.check();
    expect([policy.usedBytes, policy.count]).toEqual([model.usedBytes, model.residents().length]);
    expect(policy.capacityBytes).toBe(model.capacityBytes);
    // Above the capacity only what a resize left because it was pinned, and that never grows.
    expect(policy.usedBytes).toBeLessThanOrEqual(Math.max(policy.capacityBytes, this.usedBefore));
    this.usedBefore = policy.usedBytes;
    for (const kind of ['young', 'kept'] as const) {
      const held = model.held[kind];
      expect(policy.heldBytes(kind)).toBe(held.reduce((total, e) => total + e.sizeBytes, 0));
      expect(policy.longestHeld(kind)).toBe(held[0]?.id ?? -1);
      for (const { id } of held) expect(policy.isHeld(id, kind)).toBe(true);
    }
    for (const e of model.residents()) expect(policy.has(e.id)).toBe(true);
  }

  private onResident(act: (id: EntryId) => void): void {
    const ids = [...this.keyOf.keys()];
    if (ids.length > 0) act(ids[this.below(ids.length)]!);
  }

  private below(bound: number): number {
    return Math.floor(this.random.next() * bound);
  }
}

type Build = (capacityBytes: number, pins?: ReadonlySet<EntryId>) => EvictionPolicy;

function refusals(subject: SuiteSubject, build: Build): void {
  test('refuses what is larger than its capacity and evicts nobody', () => {
    const policy = build(1_000);
    const victims: EntryId[] = [];
    for (let id = 0; id < 100; id += 1) policy.admit(id, id, 10, victims);
    expect(policy.admit(200, 200, 1_001, victims)).toBe(false);
    expect(policy.recharge(5, 1_001, victims)).toBe(false);
    expect([victims.length, policy.usedBytes, policy.count]).toEqual([0, 1_000, 100]);
  });

  test('refuses when the bytes that are not pinned do not suffice, by one byte', () => {
    const pins = new Set<EntryId>();
    const policy = build(1_000, pins);
    const victims: EntryId[] = [];
    for (let id = 0; id < 100; id += 1) policy.admit(id, id, 10, victims);
    for (let id = 0; id < 98; id += 1) pins.add(id);
    // Asked for so often that nobody would refuse it for being seldom.
    for (let i = 0; i < 5; i += 1) expect(policy.admit(200, 200, 21, victims)).toBe(false);
    expect([victims, policy.declined]).toEqual([[], false]);
    expect(policy.admit(200, 200, 20, victims)).toBe(true);
    expect(victims.toSorted()).toEqual([98, 99]);
    policy.check();
  });

  test('keeps pinned entries over a shrunk capacity until they are unpinned and trimmed', () => {
    const pins = new Set<EntryId>([1, 3]);
    const policy = build(1_000, pins);
    const victims: EntryId[] = [];
    for (let id = 0; id < 10; id += 1) policy.admit(id, id, 90, victims);
    policy.resize(0, victims);
    expect([policy.count, policy.usedBytes, policy.capacityBytes]).toEqual([2, 180, 0]);
    expect(policy.admit(50, 50, 1, victims)).toBe(false);
    pins.clear();
    policy.trim(victims);
    expect([policy.count, policy.usedBytes, victims.length]).toEqual([0, 0, 10]);
    policy.check();
  });

  test('an entry can fill the whole capacity, unless the policy refuses large ones', () => {
    const policy = build(1_000);
    const victims: EntryId[] = [];
    policy.admit(1, 1, 20, victims);
    policy.hit(1);
    const first = policy.admit(2, 2, 1_000, victims);
    expect([first, policy.declined]).toEqual([subject.refuses === 'nobody', subject.refuses === 'seldom']);
    for (let i = 0; i < 40 && !policy.has(2); i += 1) policy.admit(2, 2, 1_000, victims);
    expect(policy.has(2)).toBe(subject.refuses !== 'large');
    expect(victims).toEqual(policy.has(2) ? [1] : []);
  });

  test('an entry of 4 GiB or more is refused as too large', () => {
    const policy = build(2 ** 40);
    expect(policy.admit(1, 1, 2 ** 32, [])).toBe(false);
    expect(policy.admit(1, 1, 2 ** 32 - 1, [])).toBe(true);
    expect(policy.usedBytes).toBe(2 ** 32 - 1);
    expect(policy.recharge(1, 2 ** 32, [])).toBe(false);
    policy.check();
  });
}

function holds(build: Build): void {
  test('held entries stay, newcomers are refused for want of room, and no search looks at one of them', () => {
    let asked = 0;
    const policy = build(1_000, {
      has: () => {
        asked += 1;
        return false;
      },
    } as unknown as ReadonlySet<EntryId>);
    const victims: EntryId[] = [];
    for (let id = 0; id < 100; id += 1) {
      policy.admit(id, id, 10, victims);
      policy.hold(id, id % 10 === 0 ? 'kept' : 'young');
    }
    for (let id = 100; id < 200; id += 1) expect(policy.admit(id, id, 10, victims)).toBe(false);
    policy.trim(victims);
    expect(policy.recharge(5, 11, victims)).toBe(false);
    expect([victims, policy.declined, policy.count, asked]).toEqual([[], false, 100, 0]);
    expect([policy.longestHeld('young'), policy.longestHeld('kept')]).toEqual([1, 0]);
    policy.release(7);
    for (let i = 0; i < 5 && !policy.has(200); i += 1) policy.admit(200, 200, 10, victims);
    expect([victims, policy.has(200)]).toEqual([[7], true]);
    expect(asked).toBeLessThan(20);
    policy.check();
  });

  test('removing and switching keep the account of what is held', () => {
    const policy = build(1_000);
    for (let id = 0; id < 4; id += 1) policy.admit(id, id, 90, []);
    policy.hold(0, 'young');
    policy.hold(2, 'kept');
    policy.hold(1, 'young');
    policy.hold(1, 'kept');
    expect([policy.heldBytes('young'), policy.heldBytes('kept')]).toEqual([90, 180]);
    expect([...policy.coldestFirst()]).toEqual([3, 0, 2, 1]);
    policy.remove(2);
    expect(policy.recharge(1, 150, [])).toBe(true);
    expect([policy.heldBytes('kept'), policy.longestHeld('kept'), policy.usedBytes]).toEqual([150, 1, 330]);
    expect([policy.isHeld(1, 'kept'), policy.isHeld(1, 'young'), policy.isHeld(2, 'kept')]).toEqual([
      true,
      false,
      false,
    ]);
    policy.check();
  });
}

function faults(build: Build): void {
  test('a call that breaks the contract is a fault and changes nothing', () => {
    const policy = build(1_000);
    policy.admit(1, 1, 10, []);
    const calls: (() => unknown)[] = [
      () => policy.admit(1, 1, 10, []),
      () => policy.admit(2, 2, 0, []),
      () => policy.admit(2, 2, 1.5, []),
      () => policy.admit(2, -1, 10, []),
      () => policy.admit(-1, 2, 10, []),
      () => policy.hit(2),
      () => policy.hit(-1),
      () => policy.remove(2),
      () => policy.recharge(2, 10, []),
      () => policy.recharge(1, 0, []),
      () => policy.hold(2, 'young'),
      () => policy.release(1),
      () => policy.resize(-1, []),
      () => policy.resize(Number.NaN, []),
    ];
    for (const call of calls) expect(call).toThrow(InternalFault);
    policy.check();
    expect([policy.count, policy.usedBytes, policy.capacityBytes]).toEqual([1, 10, 1_000]);
  });

  test('grows to the highest id and keeps what it holds', () => {
    const policy = build(1_000);
    for (const id of [0, 5_000, 70_000]) expect(policy.admit(id, id, 10, [])).toBe(true);
    expect([...policy.coldestFirst()]).toEqual([0, 5_000, 70_000]);
    policy.check();
  });
}

function order(build: Build): void {
  test('coldestFirst is the order in which entries leave', () => {
    const random = seededRandom(11);
    for (let round = 0; round < 20; round += 1) {
      const policy = build(3_000);
      for (let i = 0; i < 600; i += 1) {
        const id = Math.floor(random.next() ** 2 * 200);
        if (policy.has(id)) policy.hit(id);
        else policy.admit(id, id, 1 + (random.u32() % 100), []);
      }
      const order = [...policy.coldestFirst()];
      expect(order.length).toBe(policy.count);
      const victims: EntryId[] = [];
      expect(policy.admit(999, 999, 3_000, victims)).toBe(true);
      expect(victims).toEqual(order);
    }
  });
}
