import { describe, expect, test } from 'bun:test';
import { type Random, seededRandom } from '../base/random.ts';
import { POLICY_NAMES, type PolicyName } from '../policy/policy.ts';
import { Cache } from './cache.ts';
import { type EntryFacts, METADATA_BYTES } from './contract.ts';
import { NONE } from './entries.ts';
import type { RoomRules } from './residency.ts';

const PLAIN = 0;
const PINNED = 1;
const FLOOR_S = 10;
const FLOOR: RoomRules = { minResidencyS: FLOOR_S, pinnedRoutes: [], pinnedShare: 0 };

/** A cache whose bytes are only lengths, with what a test wants to know of it. */
class Subject {
  readonly cache: Cache;
  readonly storedS = new Map<number, number>();
  readonly dropped: number[] = [];
  /** How often a policy asked whether an entry may leave. */
  asked = 0;
  nowS = 1_000;
  #keys = 0;

  constructor(policy: PolicyName, budgetBytes: number, room: RoomRules) {
    this.cache = new Cache({
      budgetBytes,
      minChargeBytes: 10,
      policy,
      routes: 2,
      ghosts: 0,
      room,
      bytes: {
        sameKey: () => true,
        chargeOf: (slot) => this.cache.entries.recordBytes(slot),
        drop: (slot) => void this.dropped.push(slot),
      },
    });
    const { entries } = this.cache;
    const pins = entries.pins.bind(entries);
    entries.pins = (slot) => {
      this.asked += 1;
      return pins(slot);
    };
  }

  /** Admits a new key, or a given one, and publishes it; a charge includes the metadata. */
  put(chargeBytes: number, { route = PLAIN, key = 0, lifetimeS = 10_000 } = {}): number {
    this.#keys += 1;
    const hash = { lo: key === 0 ? 1_000_000 + this.#keys : key, hi: 0 };
    const recordBytes = chargeBytes - METADATA_BYTES;
    const until = this.nowS + lifetimeS;
    const facts: EntryFacts = {
      route,
      chargeBytes: recordBytes,
      recordBytes,
      keyBytes: 4,
      headBytes: 4,
      status: 200,
      bornS: this.nowS,
      freshUntilS: until,
      revalidateUntilS: until,
      errorUntilS: until,
      flags: 0,
    };
    const slot = this.cache.admit(hash, facts, this.nowS);
    if (slot !== NONE) this.cache.publish(slot, hash);
    return slot;
  }

  takeDropped(): number[] {
    return this.dropped.splice(0);
  }
}

describe.each([...POLICY_NAMES])('the residency floor, %s', (policy) => {
  test('nobody younger leaves for want of room; refused exactly when all the rest is young', () => {
    for (let seed = 1; seed <= 4; seed += 1) {
      const random = seededRandom(seed);
      const subject = new Subject(policy, 20_000, FLOOR);
      const held = new Map<number, { chargeBytes: number; storedS: number }>();
      const refusals = new Set<string>();
      for (let step = 0; step < 3_000; step += 1) {
        subject.nowS += random.next() < 0.2 ? Math.floor(random.next() * 4) : 0;
        if (random.next() < 0.5) hitOne(subject.cache, held, random);
        const chargeBytes = METADATA_BYTES + 10 + Math.floor(random.next() * 1_500);
        let youngBytes = 0;
        for (const one of held.values())
          if (subject.nowS - one.storedS < FLOOR_S) youngBytes += one.chargeBytes;
        const slot = subject.put(chargeBytes);
        for (const gone of subject.takeDropped()) {
          expect(subject.nowS - held.get(gone)!.storedS).toBeGreaterThanOrEqual(FLOOR_S);
          held.delete(gone);
        }
        if (slot !== NONE) held.set(slot, { chargeBytes, storedS: subject.nowS });
        else refusals.add(subject.cache.refusal);
        if (slot === NONE)
          expect(subject.cache.refusal === 'residency').toBe(youngBytes + chargeBytes > 20_000);
        else expect(youngBytes + chargeBytes).toBeLessThanOrEqual(20_000);
        if (step % 50 === 0) subject.cache.check();
      }
      expect(refusals.has('residency')).toBe(true);
      expect(subject.cache.account.removals.room).toBeGreaterThan(100);
    }
  });

  test('with everything young a newcomer is refused without asking one entry', () => {
    const subject = new Subject(policy, 2_000_000, FLOOR);
    while (subject.put(200) !== NONE);
    expect(subject.cache.count).toBe(10_000);
    subject.asked = 0;
    for (let i = 0; i < 1_000; i += 1) expect(subject.put(200)).toBe(NONE);
    expect(subject.cache.refusal).toBe('residency');
    expect(subject.asked).toBe(0);
    expect(subject.cache.youngBytes).toBe(2_000_000);
  });

  test('the young in between cost an eviction nothing, however many they are', () => {
    const subject = new Subject(policy, 2_000_000, FLOOR);
    for (let i = 0; i < 500; i += 1) subject.put(200);
    subject.nowS += FLOOR_S;
    while (subject.cache.usedBytes < 2_000_000) subject.put(200);
    subject.asked = 0;
    let stored = 0;
    for (let i = 0; i < 400; i += 1) if (subject.put(200, { key: 1 + (i % 200) }) !== NONE) stored += 1;
    expect(stored).toBeGreaterThan(150);
    // Each admission looks at a few that may leave; publish and unpin ask too.
    expect(subject.asked / 400).toBeLessThan(10);
  });

  test('all grow up at once: the work is spread over admissions, and one that needs much still gets it', () => {
    const subject = new Subject(policy, 2_000_000, FLOOR);
    while (subject.put(200) !== NONE);
    subject.nowS += FLOOR_S;
    expect(subject.put(200, { key: 7 })).not.toBe(NONE);
    expect(subject.cache.youngBytes).toBeGreaterThan(1_900_000);
    // Asked for again and again, so that a policy which counts wants it.
    let slot = NONE;
    for (let i = 0; i < 20 && slot === NONE; i += 1) {
      slot = subject.put(900_000, { key: 8 });
      if (slot === NONE) expect(subject.cache.refusal).toBe('admission');
    }
    if (policy !== 'w-tinylfu') expect(slot).not.toBe(NONE);
    subject.cache.check();
  });

  test('a shrink does not wait, and takes the oldest of the young first', () => {
    const subject = new Subject(policy, 2_000, FLOOR);
    const slots = Array.from({ length: 10 }, () => subject.put(200));
    subject.cache.resize(1_000, subject.nowS);
    expect(subject.takeDropped()).toEqual(slots.slice(0, 5));
    subject.cache.check();
  });

  test('a switch of policy keeps who is young', () => {
    const subject = new Subject('lru', 2_000, FLOOR);
    for (let i = 0; i < 10; i += 1) subject.put(200);
    subject.cache.switchPolicy(policy, subject.nowS);
    expect(subject.put(200)).toBe(NONE);
    expect([subject.cache.refusal, subject.cache.youngBytes]).toEqual(['residency', 2_000]);
    subject.nowS += FLOOR_S;
    // The second time it is asked for more often than who would leave.
    expect(Math.max(subject.put(200, { key: 5 }), subject.put(200, { key: 5 }))).not.toBe(NONE);
    subject.cache.check();
  });
});

function hitOne(cache: Cache, held: ReadonlyMap<number, unknown>, random: Random): void {
  const slots = [...held.keys()];
  const slot = slots[Math.floor(random.next() ** 2 * slots.length)];
  if (slot !== undefined) cache.hit(slot);
}

test('a clock that is set back makes nobody unevictable', () => {
  const subject = new Subject('lru', 2_000, FLOOR);
  for (let i = 0; i < 10; i += 1) subject.put(200);
  subject.nowS -= 3_600;
  expect(subject.put(200)).not.toBe(NONE);
});

test('a replacement can inherit the age of what it replaces', () => {
  const subject = new Subject('lru', 2_000, FLOOR);
  const old = subject.put(200);
  subject.nowS += FLOOR_S + 5;
  for (let i = 0; i < 8; i += 1) subject.put(200);
  const { entries } = subject.cache;
  const hash = { lo: 77, hi: 0 };
  const copy = subject.cache.admit(
    hash,
    { ...factsOf(subject.nowS), recordBytes: 200 - METADATA_BYTES },
    subject.nowS,
  );
  subject.cache.inherit(copy, old);
  subject.cache.publish(copy, hash);
  expect(entries.storedS(copy)).toBe(subject.nowS - FLOOR_S - 5);
  // Both are old enough to leave, in spite of a renewal a moment ago.
  expect([subject.put(200), subject.put(200)]).not.toContain(NONE);
  expect(subject.takeDropped().toSorted()).toEqual([old, copy].toSorted());
  expect(subject.put(200)).toBe(NONE);
});

function factsOf(nowS: number): EntryFacts {
  const until = nowS + 100;
  const lifetime = { bornS: nowS, freshUntilS: until, revalidateUntilS: until, errorUntilS: until };
  const record = { chargeBytes: 200 - METADATA_BYTES, recordBytes: 88, keyBytes: 4, headBytes: 4 };
  return { route: PLAIN, status: 200, flags: 0, ...record, ...lifetime };
}

describe.each([...POLICY_NAMES])('pinned routes, %s', (policy) => {
  const rules: RoomRules = { minResidencyS: 0, pinnedRoutes: [false, true], pinnedShare: 0.5 };

  test('never leave for want of room, whatever passes through, and cost nothing', () => {
    const subject = new Subject(policy, 2_000_000, rules);
    const pinned = new Set(Array.from({ length: 4_900 }, () => subject.put(200, { route: PINNED })));
    for (let i = 0; i < 5_100; i += 1) subject.put(200);
    subject.takeDropped();
    subject.asked = 0;
    for (let i = 0; i < 10_000; i += 1) subject.put(200);
    expect(subject.asked / 10_000).toBeLessThan(10);
    for (const slot of subject.takeDropped()) expect(pinned.has(slot)).toBe(false);
    for (const slot of pinned) expect(subject.cache.visible(slot)).toBe(true);
    expect([subject.cache.pinnedBytes, subject.cache.pinnedOverflows]).toEqual([980_000, 0]);
    subject.cache.check();
  });

  test('beyond their share they are as others, and counted', () => {
    const subject = new Subject(policy, 2_000, rules);
    for (let i = 0; i < 8; i += 1) subject.put(200, { route: PINNED, key: i + 1 });
    expect([subject.cache.pinnedBytes, subject.cache.pinnedOverflows]).toEqual([1_000, 3]);
    for (let i = 0; i < 100; i += 1) subject.put(200);
    // Slots of the first five are never reused.
    expect(subject.takeDropped().filter((slot) => slot < 5)).toEqual([]);
    expect(subject.cache.pinnedBytes).toBe(1_000);
    subject.cache.check();
  });

  test('a purge or a replacement gives their room back, also while the old one is being read', () => {
    const subject = new Subject(policy, 2_000, rules);
    const slots = Array.from({ length: 5 }, (_, i) => subject.put(200, { route: PINNED, key: i + 1 }));
    subject.cache.pin(slots[0]!);
    const copy = subject.put(200, { route: PINNED, key: 1 });
    expect([subject.cache.pinnedBytes, subject.cache.pinnedOverflows]).toEqual([1_000, 0]);
    expect(subject.cache.visible(copy)).toBe(true);
    subject.cache.unpin(slots[0]!);
    subject.cache.remove(slots[1]!, 'purged');
    subject.cache.remove(slots[2]!, 'expired');
    expect(subject.cache.pinnedBytes).toBe(600);
    expect(subject.takeDropped()).toEqual([slots[0]!, slots[1]!, slots[2]!]);
    subject.cache.check();
  });

  test('what can be served no more makes room for a newcomer of the route', () => {
    const subject = new Subject(policy, 2_000, rules);
    for (let i = 0; i < 5; i += 1) subject.put(200, { route: PINNED, lifetimeS: i === 3 ? 5 : 10_000 });
    subject.nowS += 5;
    subject.put(200, { route: PINNED });
    expect([subject.cache.pinnedBytes, subject.cache.pinnedOverflows]).toEqual([1_000, 0]);
    subject.put(200, { route: PINNED });
    expect(subject.cache.pinnedOverflows).toBe(1);
    subject.cache.check();
  });

  test('a smaller budget, other rules and another policy keep them within their share', () => {
    const subject = new Subject(policy, 4_000, rules);
    for (let i = 0; i < 10; i += 1) subject.put(200, { route: PINNED });
    subject.cache.resize(2_000, subject.nowS);
    expect([subject.cache.pinnedBytes, subject.cache.usedBytes]).toEqual([1_000, 2_000]);
    for (const name of POLICY_NAMES) subject.cache.switchPolicy(name, subject.nowS);
    expect(subject.cache.pinnedBytes).toBe(1_000);
    subject.cache.changeRules({ ...rules, pinnedShare: 0.8 }, subject.nowS);
    expect(subject.cache.pinnedBytes).toBe(1_600);
    subject.cache.changeRules({ ...rules, pinnedRoutes: [] }, subject.nowS);
    expect([subject.cache.pinnedBytes, subject.cache.count]).toEqual([0, 10]);
    subject.cache.check();
  });
});
