import { describe, expect, test } from 'bun:test';
import { type Random, seededRandom } from '../../base/random.ts';
import { Flag, NONE } from '../../cache/entries.ts';
import { POLICY_NAMES, type PolicyName } from '../../policy/policy.ts';
import { MemoryTier, type ResponseFacts } from './tier.ts';

const HASH_KEY = { k0: 11, k1: 22 };

function facts(freshUntilS: number, flags = 0): ResponseFacts {
  return {
    route: 0,
    status: 200,
    bornS: 0,
    freshUntilS,
    revalidateUntilS: freshUntilS,
    errorUntilS: freshUntilS,
    flags,
  };
}

interface Content {
  readonly head: string;
  readonly body: Buffer;
}

/** Every third key is a variant's, and stays so when it is renewed. */
function isVariant(key: string): boolean {
  return Number(key.slice(3)) % 3 === 0;
}

/** A tier beside a Map from key to what was stored last. What is missing must have been evicted, one for one. */
class Model {
  readonly tier: MemoryTier;
  readonly stored = new Map<string, Content>();
  /** Readers: what they pinned must stay as it was, whatever happens to its key. */
  readonly pinned: { readonly slot: number; readonly content: Content }[] = [];
  readonly random: Random;
  #evictions = 0;
  #nowS = 0;

  constructor(seed: number, budgetBytes: number, policy: PolicyName) {
    this.random = seededRandom(seed);
    this.tier = new MemoryTier({
      budgetBytes,
      policy,
      segmentBytes: 2 ** 13,
      routes: 1,
      ghosts: 100,
      hashKey: HASH_KEY,
    });
  }

  below(limit: number): number {
    return Math.floor(this.random.next() * limit);
  }

  key(): string {
    return `r /${this.below(60)}`;
  }

  content(): Content {
    const sizes = [0, 1, this.below(300), this.below(4_000), this.below(4_000), this.below(40_000)];
    const body = Buffer.alloc(sizes[this.below(sizes.length)]!);
    for (let i = 0; i < body.length; i += 1) body[i] = this.random.u32();
    return { head: `X: ${'h'.repeat(this.below(400))}\r\n\r\n`, body };
  }

  put(): void {
    const { tier } = this;
    const key = this.key();
    const { head, body } = this.content();
    tier.key.set(key);
    const flags = isVariant(key) ? Flag.VARIANT : 0;
    const slot = tier.reserve(head, body.length, facts(this.#nowS + this.below(50), flags), this.#nowS);
    this.bookEvictions();
    if (slot === NONE) return;
    for (let at = 0; at < body.length; ) {
      const piece = body.subarray(at, at + 1 + this.below(9_000));
      tier.writeBody(slot, at, piece);
      at += piece.length;
    }
    if (this.below(10) === 0) {
      tier.cache.withdraw(slot);
      return;
    }
    tier.key.set(key);
    tier.publish(slot);
    this.stored.set(key, { head, body });
  }

  /** As a 304 does: shorter, longer or of equal length; sometimes while somebody else reads. */
  refresh(): void {
    const { tier } = this;
    const key = this.key();
    const slot = tier.key.set(key) && tier.find();
    const old = this.stored.get(key);
    if (slot === NONE || old === undefined) return;
    const equal = this.below(2) === 0;
    const head = equal ? old.head.replace(/h|g/g, this.below(2) === 0 ? 'g' : 'h') : this.content().head;
    tier.cache.pin(slot);
    const readers = tier.cache.entries.pins(slot) - 1;
    const freshUntilS = this.#nowS + this.below(50);
    const renewed = tier.refresh(slot, head, facts(freshUntilS, Flag.VALIDATE), this.#nowS);
    this.bookEvictions();
    tier.key.set(key);
    expect(tier.find()).toBe(renewed);
    expect(tier.cache.entries.freshUntilS(renewed)).toBe(freshUntilS);
    expect(tier.cache.entries.flags(renewed) & Flag.VALIDATE).toBe(Flag.VALIDATE);
    if (equal && readers === 0) expect(renewed).toBe(slot);
    // Without room for a copy the old head stays.
    if (tier.head(renewed) === head) this.stored.set(key, { head, body: old.body });
    else expect(renewed).toBe(slot);
    tier.cache.unpin(renewed);
  }

  read(slot: number): Content {
    const { tier } = this;
    const total = tier.cache.entries.headBytes(slot) + tier.bodyBytes(slot);
    const into = Buffer.alloc(total + 10, 0xee);
    let at = 0;
    while (at < total) {
      const to = Math.min(total, at + 1 + this.below(20_000));
      const n = tier.read(slot, at, to, into, at + 5);
      expect(n).toBeGreaterThan(0);
      expect(n).toBeLessThanOrEqual(to - at);
      at += n;
    }
    expect([into[4], into[total + 5]]).toEqual([0xee, 0xee]);
    const headBytes = tier.cache.entries.headBytes(slot);
    return { head: into.toString('latin1', 5, 5 + headBytes), body: into.subarray(5 + headBytes, 5 + total) };
  }

  get(key: string, hit = true): void {
    const slot = this.tier.key.set(key) && this.tier.find();
    const content = this.stored.get(key);
    expect(slot !== NONE).toBe(content !== undefined);
    if (content === undefined) return;
    expect(this.read(slot)).toEqual(content);
    expect(this.tier.keyText(slot)).toBe(key);
    expect((this.tier.cache.entries.flags(slot) & Flag.VARIANT) !== 0).toBe(isVariant(key));
    if (!hit) return;
    this.tier.cache.hit(slot);
    if (this.below(4) === 0 && this.pinned.length < 8) {
      this.tier.cache.pin(slot);
      this.pinned.push({ slot, content });
    }
  }

  unpin(): void {
    if (this.pinned.length === 0) return;
    const [reader] = this.pinned.splice(this.below(this.pinned.length), 1);
    expect(this.read(reader!.slot)).toEqual(reader!.content);
    this.tier.cache.unpin(reader!.slot);
  }

  /** What the tier no longer finds is forgotten here too; that must be as many as were evicted. */
  bookEvictions(): void {
    const evictions = this.tier.cache.account.removals.room;
    const missing = [...this.stored.keys()].filter(
      (key) => this.tier.key.set(key) && this.tier.find() === NONE,
    );
    expect(missing.length).toBe(evictions - this.#evictions);
    this.#evictions = evictions;
    for (const key of missing) this.stored.delete(key);
  }

  step(): void {
    const roll = this.below(100);
    this.#nowS += this.below(2);
    if (roll < 40) this.put();
    else if (roll < 60) this.get(this.key());
    else if (roll < 75) this.refresh();
    else if (roll < 88) this.unpin();
    else if (roll < 90)
      this.tier.cache.switchPolicy(POLICY_NAMES[this.below(POLICY_NAMES.length)]!, this.#nowS);
    else if (roll < 92) this.tier.resize(30_000 + this.below(300_000), this.#nowS);
    else if (roll < 94) this.remove();
    else this.tier.maintain(this.#nowS);
    this.bookEvictions();
  }

  remove(): void {
    const key = this.key();
    const slot = this.tier.key.set(key) && this.tier.find();
    if (slot === NONE) return;
    this.tier.cache.remove(slot, 'purged');
    this.stored.delete(key);
  }

  finish(): void {
    while (this.pinned.length > 0) this.unpin();
    for (let i = 0; this.tier.maintain(this.#nowS); i += 1) expect(i).toBeLessThan(1_000);
    this.bookEvictions();
    this.tier.check();
    for (const key of this.stored.keys()) this.get(key, false);
    expect(this.tier.cache.count).toBe(this.stored.size);
    expect(this.tier.cache.usedBytes).toBeLessThanOrEqual(this.tier.cache.budgetBytes);
  }
}

describe.each([...POLICY_NAMES])('%s', (policy) => {
  test('equals a Map, full, in many segments, through resizes and switches', () => {
    let chained = 0;
    for (let seed = 1; seed <= 8; seed += 1) {
      const model = new Model(seed, 150_000, policy);
      for (let i = 0; i < 600; i += 1) {
        model.step();
        if (i % 20 === 0) model.tier.check();
      }
      model.finish();
      chained += model.tier.arena.chainedAllocations;
    }
    expect(chained).toBeGreaterThan(100);
  });
});

function put(tier: MemoryTier, key: string, body: Uint8Array, head = 'A: b\r\n\r\n'): number {
  tier.key.set(key);
  const slot = tier.reserve(head, body.length, facts(100), 0);
  if (slot === NONE) return NONE;
  tier.writeBody(slot, 0, body);
  tier.publish(slot);
  return slot;
}

function tierOf(budgetBytes: number, segmentBytes = 2 ** 14): MemoryTier {
  return new MemoryTier({
    budgetBytes,
    policy: 'lru',
    segmentBytes,
    routes: 1,
    ghosts: 0,
    hashKey: HASH_KEY,
  });
}

test('keys whose hashes agree are told apart', () => {
  const tier = tierOf(100_000);
  const set = tier.key.set.bind(tier.key);
  tier.key.set = (text) => {
    set(text);
    tier.key.lo = 5;
    tier.key.hi = 7;
    return tier.key;
  };
  const keys = ['r /a', 'r /b', 'r /aa', 'r /', 'r /ab'];
  for (const key of keys) put(tier, key, Buffer.from(`body of ${key}`));
  expect(tier.cache.count).toBe(keys.length);
  for (const key of keys) {
    const slot = tier.key.set(key) && tier.find();
    expect([tier.keyText(slot), tier.bodyText(slot)]).toEqual([key, `body of ${key}`]);
  }
  put(tier, 'r /b', Buffer.from('new'));
  const slot = tier.key.set('r /b') && tier.find();
  expect([tier.bodyText(slot), tier.cache.count]).toEqual(['new', keys.length]);
  expect(tier.key.set('r /c') && tier.find()).toBe(NONE);
  tier.check();
});

test('the budget is used to the last record that fits', () => {
  const tier = tierOf(200_000, 2 ** 13);
  const body = Buffer.alloc(3_000, 7);
  let entries = 0;
  while (tier.cache.account.removals.room === 0) {
    put(tier, `r /${entries}`, body);
    entries += 1;
  }
  const unusedBytes = tier.cache.budgetBytes - tier.cache.usedBytes;
  expect(unusedBytes).toBeLessThan(tier.cache.usedBytes / (entries - 1));
  expect(tier.arena.heldBytes).toBeLessThanOrEqual(tier.cache.budgetBytes);
  tier.check();
});

test('a shrink gives memory back, once readers are done', () => {
  const tier = tierOf(400_000);
  for (let i = 0; i < 40; i += 1) put(tier, `r /${i}`, Buffer.alloc(8_000, i));
  const reader = tier.key.set('r /39') && tier.find();
  const evictable = tier.key.set('r /38') && tier.find();
  tier.cache.pin(reader);
  tier.cache.pin(evictable);
  tier.resize(10_000, 1);
  while (tier.maintain(1) && tier.cache.count > 2);
  expect(tier.cache.count).toBe(2);
  expect(tier.bodyText(reader)).toBe(Buffer.alloc(8_000, 39).toString('latin1'));
  tier.cache.unpin(evictable);
  for (let i = 0; i < 10; i += 1) tier.maintain(1);
  expect(tier.cache.count).toBe(1);
  tier.cache.unpin(reader);
  for (let i = 0; i < 10 && tier.maintain(1); i += 1);
  expect(tier.cache.usedBytes).toBeLessThanOrEqual(10_000);
  expect(tier.arena.heldBytes).toBeLessThan(10_000 + tier.arena.segmentBytes);
  const survivor = tier.key.set('r /39') && tier.find();
  expect(tier.bodyText(survivor)).toBe(Buffer.alloc(8_000, 39).toString('latin1'));
  tier.check();
});

test('without memory from the system there is no room, and nothing is lost', () => {
  const tier = tierOf(400_000);
  put(tier, 'r /a', Buffer.from('a'));
  tier.arena.allocate = () => -1;
  expect(put(tier, 'r /b', Buffer.from('b'))).toBe(NONE);
  expect(tier.cache.count).toBe(1);
  tier.check();
});

test('a head that the table cannot count is not stored', () => {
  const tier = tierOf(400_000);
  expect(put(tier, 'r /a', Buffer.from('a'), `A: ${'b'.repeat(70_000)}\r\n\r\n`)).toBe(NONE);
  expect(tier.cache.count).toBe(0);
});
