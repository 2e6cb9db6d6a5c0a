import { describe, expect, test } from 'bun:test';

/**
 * The order of steps that `EntryReader.pin` and `Cache.claim` keep, as a model: every way in which the two threads can take
 * turns is tried. The code itself is tried in tier-reader.test.ts, with a step of the other side in between, and by two real
 * threads in tier-reader.threads.test.ts.
 */
interface Shared {
  counter: number;
  hidden: boolean;
  free: boolean;
  /** The reader used bytes that the owner had given away. */
  torn: boolean;
  /** Somebody got what he wanted. */
  won: number;
}

type Step = (shared: Shared, own: { saw: boolean }) => void;

const count: Step = (s) => {
  s.counter += 1;
};
const look: Step = (s, own) => {
  own.saw = !s.hidden;
};
const use: Step = (s, own) => {
  if (!own.saw) return;
  s.torn ||= s.free;
  s.won += 1;
};
const uncount: Step = (s) => {
  s.counter -= 1;
};
const claim: Step = (s) => {
  s.hidden = true;
};
const check: Step = (s, own) => {
  own.saw = s.counter === 0;
};
const free: Step = (s, own) => {
  if (own.saw) {
    s.free = true;
    s.won += 1;
  } else s.hidden = false;
};

/** Runs both in every order. @returns how many orders there are, in how many a reader was torn, in how many nobody won. */
function allOrders(reader: readonly Step[], owner: readonly Step[]) {
  const found = { orders: 0, torn: 0, nobody: 0 };
  const run = (turns: readonly boolean[]): void => {
    const shared: Shared = { counter: 0, hidden: false, free: false, torn: false, won: 0 };
    const at = [0, 0];
    const own = [{ saw: false }, { saw: false }];
    for (const turn of turns) {
      const who = turn ? 1 : 0;
      (turn ? owner : reader)[at[who]!]!(shared, own[who]!);
      at[who]! += 1;
    }
    found.orders += 1;
    if (shared.torn) found.torn += 1;
    if (shared.won === 0) found.nobody += 1;
    expect(shared.counter).toBe(0);
  };
  const extend = (turns: boolean[], readers: number, owners: number): void => {
    if (readers === 0 && owners === 0) run(turns);
    if (readers > 0) extend([...turns, false], readers - 1, owners);
    if (owners > 0) extend([...turns, true], readers, owners - 1);
  };
  extend([], reader.length, owner.length);
  return found;
}

describe('a reader and the owner want the same entry', () => {
  test('as the code does it, no order lets the reader use what the owner gave away', () => {
    const found = allOrders([count, look, use, use, uncount], [claim, check, free]);
    expect([found.orders, found.torn]).toEqual([56, 0]);
    // Both may give way; the reader then asks the owner, who looks for another victim.
    expect(found.nobody).toBeGreaterThan(0);
  });
  test('looking before counting does, and so does checking before claiming', () => {
    expect(allOrders([look, count, use, use, uncount], [claim, check, free]).torn).toBeGreaterThan(0);
    expect(allOrders([count, look, use, use, uncount], [check, claim, free]).torn).toBeGreaterThan(0);
  });
});
