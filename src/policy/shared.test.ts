import { describe, expect, test } from 'bun:test';
import { InternalFault } from '../base/assert.ts';
import { type Random, seededRandom } from '../base/random.ts';
import { createPolicy } from './create.ts';
import { createModel, mayDecline } from './policy.models.ts';
import { policySuite } from './policy.suite.ts';
import { type EntryId, type HoldKind, POLICY_NAMES, type PolicyName } from './policy.ts';
import { SharedPolicy } from './shared.ts';

class OnlyVariants extends SharedPolicy {
  override admit(id: EntryId, fingerprint: number, sizeBytes: number, victims: EntryId[]): boolean {
    return super.admit(id, fingerprint, sizeBytes, victims, true);
  }
}

// With one class in use it has all of the capacity, and every victim is the one that it would be without a division.
for (const name of POLICY_NAMES) {
  const forms = name === 's3-fifo' ? [OnlyVariants, SharedPolicy] : [OnlyVariants];
  for (const Form of forms) {
    policySuite({
      name: `${name}, divided, ${Form === OnlyVariants ? 'variants' : 'originals'} alone`,
      make: (options) =>
        new Form(createPolicy(name, options), { isPinned: options.isPinned, variantsShare: 0.4 }),
      model: (options) => createModel(name, options),
      refuses: mayDecline(name) ? 'seldom' : 'nobody',
      countsLate: name === 'greedy-dual',
    });
  }
}

interface Resident {
  readonly key: number;
  readonly isVariant: boolean;
  sizeBytes: number;
  held: HoldKind | undefined;
}

const CAPACITY = 4_000;
const KEYS = 200;

/** Random use of a divided capacity, and what must be true of it whatever the policy. */
class Trial {
  readonly residents = new Map<EntryId, Resident>();
  readonly pins = new Set<EntryId>();
  /** In the order in which they were held. */
  readonly held: Record<HoldKind, EntryId[]> = { young: [], kept: [] };
  readonly seen = { takenFromOther: 0, refused: 0, declined: 0, borrowed: 0 };
  readonly policy: SharedPolicy;
  readonly #random: Random;
  share: number;
  /** A shrink that pins kept from being complete. */
  #isOver = false;

  constructor(name: PolicyName, random: Random) {
    this.#random = random;
    this.share = random.next();
    const isPinned = (id: EntryId): boolean => this.pins.has(id);
    this.policy = new SharedPolicy(createPolicy(name, { capacityBytes: CAPACITY, isPinned, slots: 4 }), {
      isPinned,
      variantsShare: this.share,
    });
  }

  below(limit: number): number {
    return Math.floor(this.#random.next() * limit);
  }

  bytes(wanted: (one: Resident, id: EntryId) => boolean): number {
    let sum = 0;
    for (const [id, one] of this.residents) if (wanted(one, id)) sum += one.sizeBytes;
    return sum;
  }

  used(isVariant: boolean): number {
    return this.bytes((one) => one.isVariant === isVariant);
  }

  guarantee(isVariant: boolean): number {
    const variants = Math.floor(this.policy.capacityBytes * this.share);
    return isVariant ? variants : this.policy.capacityBytes - variants;
  }

  spare(isVariant: boolean, exempt?: EntryId): number {
    return this.bytes(
      (one, id) =>
        one.isVariant === isVariant && one.held === undefined && !this.pins.has(id) && id !== exempt,
    );
  }

  step(): void {
    const dice = this.#random.next();
    if (dice < 0.7) this.#request();
    else if (dice < 0.8) this.#pinOrUnpin();
    else if (dice < 0.88) this.#holdOrRelease();
    else if (dice < 0.92) this.#recharge();
    else if (dice < 0.96) this.#remove();
    else if (dice < 0.97) this.#resize();
    else if (dice < 0.98) this.#reshare();
    else this.#trim();
    this.#compare();
  }

  #any(): EntryId | undefined {
    return [...this.residents.keys()][this.below(this.residents.size)];
  }

  #request(): void {
    const isVariant = this.#random.next() < 0.6;
    const key = Math.floor(this.#random.next() ** 2 * KEYS) * 2 + (isVariant ? 1 : 0);
    const known = [...this.residents].find(([, one]) => one.key === key);
    if (known !== undefined) {
      this.policy.hit(known[0]);
      return;
    }
    let id = this.below(8);
    while (this.residents.has(id)) id += 1;
    const sizeBytes = 1 + (this.below(30) === 0 ? this.below(CAPACITY) : this.below(200));
    const before = new Map(this.residents);
    const mayHave = this.#mayHave(isVariant, sizeBytes, sizeBytes);
    const roomBytes = this.policy.roomBytes(isVariant);
    const victims: EntryId[] = [];
    const admitted = this.policy.admit(id, key, sizeBytes, victims, isVariant);
    const { declined } = this.policy;
    if (!admitted) {
      expect(victims).toEqual([]);
      if (mayHave) expect(declined).toBe(true);
      this.seen.refused += 1;
      if (declined) this.seen.declined += 1;
      return;
    }
    expect(mayHave).toBe(true);
    expect(sizeBytes).toBeLessThanOrEqual(roomBytes);
    this.#judge(victims, before, isVariant, sizeBytes);
    this.residents.set(id, { key, isVariant, sizeBytes, held: undefined });
  }

  /** Whether so many bytes more can be had, by the rules and nothing else. */
  #mayHave(isVariant: boolean, growth: number, sizeBytes: number, exempt?: EntryId): boolean {
    const excess = this.policy.usedBytes + growth - this.policy.capacityBytes;
    if (sizeBytes > this.policy.capacityBytes) return false;
    if (excess <= 0) return true;
    const own = this.spare(isVariant, exempt);
    const borrowed = Math.max(0, this.used(!isVariant) - this.guarantee(!isVariant));
    if (own >= excess) return true;
    const given = Math.min(excess, borrowed);
    return this.spare(!isVariant) >= given && own + given >= excess;
  }

  /** Whom a newcomer or a growth pushed out. */
  #judge(victims: EntryId[], before: Map<EntryId, Resident>, isVariant: boolean, growth: number): void {
    const sizes = { own: 0, other: 0, last: 0 };
    for (const id of victims) {
      const one = before.get(id)!;
      expect([this.pins.has(id), one.held]).toEqual([false, undefined]);
      this.residents.delete(id);
      if (one.isVariant === isVariant) sizes.own += one.sizeBytes;
      else {
        sizes.other += one.sizeBytes;
        sizes.last = one.sizeBytes;
      }
    }
    if (sizes.other === 0) return;
    this.seen.takenFromOther += 1;
    // The other class gave of what it had borrowed, and is below its guarantee by less than the last that left.
    expect(this.used(!isVariant) + sizes.last).toBeGreaterThan(this.guarantee(!isVariant));
    // And without its last one there would not have been enough.
    const used = this.used(true) + this.used(false);
    expect(used + sizes.own + sizes.last + growth).toBeGreaterThan(this.policy.capacityBytes);
  }

  #reshare(): void {
    this.share = this.#random.next();
    this.policy.reshare(this.share);
  }

  #recharge(): void {
    const id = this.#any();
    if (id === undefined) return;
    const one = this.residents.get(id)!;
    const sizeBytes = 1 + this.below(300);
    const growth = sizeBytes - one.sizeBytes;
    const mayHave = growth <= 0 || this.#mayHave(one.isVariant, growth, sizeBytes, id);
    const before = new Map(this.residents);
    const victims: EntryId[] = [];
    const done = this.policy.recharge(id, sizeBytes, victims);
    expect(done).toBe(mayHave);
    if (!done) expect(victims).toEqual([]);
    if (!done) return;
    this.#judge(victims, before, one.isVariant, growth);
    one.sizeBytes = sizeBytes;
  }

  #pinOrUnpin(): void {
    if (this.#random.next() < 0.5) this.pins.clear();
    for (const id of this.residents.keys()) if (this.#random.next() < 0.2) this.pins.add(id);
  }

  #holdOrRelease(): void {
    const id = this.#any();
    if (id === undefined) return;
    const one = this.residents.get(id)!;
    const list = one.held && this.held[one.held];
    list?.splice(list.indexOf(id), 1);
    const kind = this.#random.next() < 0.7 ? 'young' : 'kept';
    if (one.held !== undefined && this.#random.next() < 0.8) {
      this.policy.release(id);
      one.held = undefined;
    } else {
      this.policy.hold(id, kind);
      this.held[kind].push(id);
      one.held = kind;
    }
  }

  #remove(): void {
    const id = this.#any();
    if (id === undefined) return;
    this.policy.remove(id);
    this.#gone(id);
  }

  #gone(id: EntryId): void {
    const { held } = this.residents.get(id)!;
    if (held !== undefined) this.held[held].splice(this.held[held].indexOf(id), 1);
    this.residents.delete(id);
    this.pins.delete(id);
  }

  #resize(): void {
    const victims: EntryId[] = [];
    this.policy.resize(this.#random.next() < 0.5 ? CAPACITY : this.below(CAPACITY), victims);
    this.#shrunk(victims);
  }

  #trim(): void {
    const victims: EntryId[] = [];
    this.policy.trim(victims);
    this.#shrunk(victims);
  }

  /** A shrink takes from who is above its guarantee before it takes from others, and ends when it fits or nobody may leave. */
  #shrunk(victims: EntryId[]): void {
    let isOver = this.policy.usedBytes > this.policy.capacityBytes;
    if (isOver)
      expect(this.spare(true) + this.spare(false)).toBe(this.bytes((_, id) => victims.includes(id)));
    for (const id of victims) this.#gone(id);
    isOver &&= this.used(true) + this.used(false) > this.policy.capacityBytes;
    this.#isOver = isOver;
  }

  #compare(): void {
    const { policy, residents } = this;
    policy.check();
    const used = this.used(true) + this.used(false);
    expect([policy.usedBytes, policy.count]).toEqual([used, residents.size]);
    expect(policy.variants.usedBytes).toBe(this.used(true));
    this.#isOver &&= used > policy.capacityBytes;
    if (!this.#isOver) expect(used).toBeLessThanOrEqual(policy.capacityBytes);
    if (this.used(true) > this.guarantee(true) || this.used(false) > this.guarantee(false))
      this.seen.borrowed += 1;
    for (const kind of ['young', 'kept'] as const) {
      expect(policy.heldBytes(kind)).toBe(this.bytes((one) => one.held === kind));
      expect(policy.longestHeld(kind)).toBe(this.held[kind][0] ?? -1);
      for (const [id, one] of residents) expect(policy.isHeld(id, kind)).toBe(one.held === kind);
    }
    const order = [...policy.coldestFirst()];
    expect(order.toSorted((a, b) => a - b)).toEqual([...residents.keys()].sort((a, b) => a - b));
    expect(order.slice(order.length - this.held.young.length - this.held.kept.length)).toEqual([
      ...this.held.young,
      ...this.held.kept,
    ]);
  }
}

describe.each([...POLICY_NAMES])('%s, divided between two classes', (name) => {
  test('the guarantees hold after every operation, and so does the budget', () => {
    const seen = { takenFromOther: 0, refused: 0, declined: 0, borrowed: 0 };
    for (let seed = 1; seed <= 12; seed += 1) {
      const trial = new Trial(name, seededRandom(seed));
      for (let i = 0; i < 1_000; i += 1) trial.step();
      for (const what of Object.keys(seen) as (keyof typeof seen)[]) seen[what] += trial.seen[what];
    }
    expect(Math.min(seen.takenFromOther, seen.refused, seen.borrowed)).toBeGreaterThan(50);
    expect(seen.declined > 0).toBe(mayDecline(name));
  });

  const divided = (pins: ReadonlySet<EntryId> = new Set(), variantsShare = 0.5): SharedPolicy => {
    const isPinned = (id: EntryId): boolean => pins.has(id);
    return new SharedPolicy(createPolicy(name, { capacityBytes: 1_000, isPinned }), {
      isPinned,
      variantsShare,
    });
  };
  const fill = (policy: SharedPolicy, from: number, count: number, isVariant: boolean): EntryId[] => {
    const victims: EntryId[] = [];
    for (let id = from; id < from + count; id += 1) policy.admit(id, id, 10, victims, isVariant);
    return victims;
  };

  test('a flood of variants leaves originals their share, and takes all that they do not use', () => {
    const policy = divided();
    fill(policy, 0, 100, false);
    expect(policy.usedBytes).toBe(1_000);
    const victims = fill(policy, 1_000, 1_000, true);
    expect(policy.variants.usedBytes).toBe(500);
    expect(victims.filter((id) => id < 1_000).length).toBe(50);
    for (let id = 0; id < 100; id += 1) if (policy.has(id)) policy.remove(id);
    fill(policy, 5_000, 50, true);
    expect([policy.variants.usedBytes, policy.usedBytes]).toEqual([1_000, 1_000]);
    // And gives it back to originals, one by one.
    expect(fill(policy, 7_000, 50, false).length).toBe(50);
    expect([policy.variants.usedBytes, policy.usedBytes]).toEqual([500, 1_000]);
    policy.check();
  });

  test('where the one that borrowed cannot give, a newcomer takes from its own class, or is refused', () => {
    const pins = new Set<EntryId>();
    const policy = divided(pins);
    fill(policy, 0, 90, false);
    fill(policy, 200, 10, true);
    for (let id = 0; id < 90; id += 1) pins.add(id);
    const victims: EntryId[] = [];
    // Again and again, for W-TinyLFU weighs the newcomer against its own.
    for (let i = 0; i < 5 && !policy.has(300); i += 1) policy.admit(300, 300, 10, victims, true);
    expect(victims.length).toBe(1);
    expect(victims[0]!).toBeGreaterThanOrEqual(200);
    for (let id = 0; id < 90; id += 1) policy.hold(id, 'young');
    pins.clear();
    for (let i = 0; i < 5 && !policy.has(301); i += 1) policy.admit(301, 301, 10, victims, true);
    expect(victims.length).toBe(2);
    for (let id = 200; id < 400; id += 1) pins.add(id);
    expect(policy.admit(302, 302, 10, victims, true)).toBe(false);
    expect(victims.length).toBe(2);
    policy.check();
  });

  test('a newcomer larger than its guarantee may borrow, and never what the other is guaranteed', () => {
    const policy = divided(new Set(), 0.2);
    const victims: EntryId[] = [];
    expect(policy.admit(1, 1, 900, victims, true)).toBe(true);
    expect(policy.admit(2, 2, 700, victims, false)).toBe(true);
    expect(victims).toEqual([1]);
    for (let id = 100; id < 110; id += 1) policy.admit(id, id, 30, victims, true);
    const full = [...victims];
    // 800 are the originals', of which they use 700.
    expect(policy.admit(3, 3, 310, victims, true)).toBe(false);
    expect(victims).toEqual(full);
    for (let i = 0; i < 20 && !policy.has(4); i += 1) policy.admit(4, 4, 300, victims, true);
    expect([policy.has(4), policy.has(2), policy.usedBytes]).toEqual([true, true, 1_000]);
    policy.check();
  });

  test('a new share costs nobody his place at once, and is there with the next newcomers', () => {
    const policy = divided();
    fill(policy, 0, 100, false);
    fill(policy, 200, 60, true);
    expect(policy.variants.usedBytes).toBe(500);
    policy.reshare(0.1);
    expect([policy.variants.usedBytes, policy.usedBytes]).toEqual([500, 1_000]);
    fill(policy, 1_000, 100, false);
    expect([policy.variants.usedBytes, policy.usedBytes]).toEqual([100, 1_000]);
    expect(() => policy.reshare(1.01)).toThrow(InternalFault);
    policy.check();
  });

  test('a shrink takes from who borrowed, and from variants when all are within their share', () => {
    const policy = divided();
    fill(policy, 0, 30, false);
    fill(policy, 200, 70, true);
    const victims: EntryId[] = [];
    policy.resize(700, victims);
    expect(victims.length).toBe(30);
    expect(policy.variants.usedBytes).toBe(400);
    policy.resize(400, victims);
    expect([policy.variants.usedBytes, policy.usedBytes]).toEqual([200, 400]);
    policy.check();
  });
});
