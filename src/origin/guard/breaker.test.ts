import { describe, expect, test } from 'bun:test';
import { BREAKER } from '../../../test/support/guard-script.ts';
import { type VirtualClock, virtualClock } from '../../../test/support/virtual-clock.ts';
import { seededRandom } from '../../base/random.ts';
import { Breaker, type BreakerOptions, type CircuitState, type Permit, type Verdict } from './breaker.ts';

interface Subject {
  readonly clock: VirtualClock;
  readonly breaker: Breaker;
  readonly changes: { state: CircuitState; reason: string }[];
}

function subject(options: Partial<BreakerOptions> = {}, seed = 1): Subject {
  const clock = virtualClock();
  const changes: Subject['changes'] = [];
  const onChange = (state: CircuitState, reason: string): void => void changes.push({ state, reason });
  const breaker = new Breaker({ ...BREAKER, ...options }, { clock, random: seededRandom(seed), onChange });
  return { clock, breaker, changes };
}

function settle(breaker: Breaker, verdict: Verdict, times = 1): void {
  for (let i = 0; i < times; i += 1) {
    const permit = breaker.admit();
    expect(permit).toBeDefined();
    breaker.settle(permit!, verdict, 'reset');
  }
}

describe('a circuit breaker opens', () => {
  test('after so many failures in a row, and says why, once', () => {
    const { breaker, changes } = subject();
    settle(breaker, 'bad', 4);
    settle(breaker, 'good');
    settle(breaker, 'none', 10);
    settle(breaker, 'bad', 4);
    expect(breaker.state).toBe('closed');
    settle(breaker, 'bad');
    expect([breaker.state, breaker.admit(), breaker.admits]).toEqual(['open', undefined, false]);
    expect(changes).toEqual([
      {
        state: 'open',
        reason: expect.stringMatching(
          /^5 exchanges in a row failed, the last one with reset; it is left alone for (0\.[89]|1\.0) s$/,
        ),
      },
    ]);
  });

  test('for answers that are errors only as a share: a row of them may be about a few images', () => {
    const { breaker, changes } = subject({ consecutive: 3, minRequests: 20 });
    settle(breaker, 'good', 10);
    settle(breaker, 'sorry', 9);
    expect(breaker.state).toBe('closed');
    settle(breaker, 'sorry');
    expect(breaker.state).toBe('open');
    expect(changes[0]!.reason).toContain('10 of 20 exchanges');
  });

  test('at a share of failures, of enough exchanges', () => {
    const { breaker, changes } = subject({ consecutive: 1000 });
    for (let i = 0; i < 4; i += 1) {
      settle(breaker, 'bad');
      settle(breaker, 'good');
    }
    settle(breaker, 'good');
    expect(breaker.state).toBe('closed');
    settle(breaker, 'bad');
    expect(breaker.state).toBe('open');
    expect(changes[0]!.reason).toContain('5 of 10 exchanges within 10 s failed');
  });

  test('for what is in the window only', () => {
    const { breaker, clock } = subject({ consecutive: 1000 });
    settle(breaker, 'bad', 9);
    clock.advance(10_000);
    settle(breaker, 'bad');
    expect(breaker.state).toBe('closed');
    clock.advance(3_600_000);
    settle(breaker, 'bad', 9);
    expect(breaker.state).toBe('closed');
    settle(breaker, 'bad');
    expect(breaker.state).toBe('open');
  });
});

describe('an open circuit', () => {
  test('lets a few pass after its time, and closes when they succeed', () => {
    const { breaker, clock, changes } = subject();
    settle(breaker, 'bad', 5);
    expect(breaker.retryAfterMs).toBeWithin(800, 1001);
    clock.advance(799);
    expect([breaker.state, breaker.admits]).toEqual(['open', false]);
    clock.advance(201);
    expect([breaker.state, breaker.admits, breaker.retryAfterMs]).toEqual(['half-open', true, 0]);
    const permits = [breaker.admit()!, breaker.admit()!];
    expect([breaker.admits, breaker.admit()]).toEqual([false, undefined]);
    breaker.settle(permits[0]!, 'none', '');
    const third = breaker.admit()!;
    breaker.settle(third, 'good', '');
    expect(breaker.state).toBe('half-open');
    breaker.settle(permits[1]!, 'good', '');
    expect(breaker.state).toBe('closed');
    expect(changes.map(({ state }) => state)).toEqual(['open', 'half-open', 'closed']);
  });

  test('stays open for longer each time, up to a limit, and starts anew once it was closed', () => {
    const { breaker, clock } = subject();
    settle(breaker, 'bad', 5);
    const times: number[] = [];
    for (let i = 0; i < 6; i += 1) {
      const openMs = breaker.retryAfterMs;
      times.push(openMs);
      clock.advance(openMs);
      settle(breaker, 'bad');
    }
    for (const [i, ms] of times.entries()) {
      const fullMs = Math.min(8_000, 1_000 * 2 ** i);
      expect(ms).toBeWithin(fullMs * 0.8, fullMs + 0.001);
    }
    clock.advance(8_000);
    settle(breaker, 'good', 2);
    expect(breaker.state).toBe('closed');
    settle(breaker, 'bad', 5);
    expect(breaker.retryAfterMs).toBeWithin(800, 1001);
  });

  test('hears nothing of exchanges that began before', () => {
    const { breaker, clock } = subject();
    const old = [breaker.admit()!, breaker.admit()!, breaker.admit()!];
    settle(breaker, 'bad', 5);
    breaker.settle(old[0]!, 'bad', '');
    clock.advance(1000);
    const probe = breaker.admit()!;
    breaker.settle(old[1]!, 'good', '');
    breaker.settle(old[2]!, 'bad', '');
    expect(breaker.state).toBe('half-open');
    breaker.settle(probe, 'good', '');
    settle(breaker, 'good');
    expect(breaker.state).toBe('closed');
  });
});

/** The same by rules, with every verdict of the window kept. */
class NaiveBreaker {
  state: CircuitState = 'closed';
  #verdicts: { readonly step: number; readonly bad: boolean }[] = [];
  #inARow = 0;
  #succeeded = 0;

  settle(verdict: Verdict, nowMs: number, options: BreakerOptions): void {
    if (verdict === 'none') return;
    const bad = verdict !== 'good';
    if (this.state === 'half-open') {
      this.#succeeded += bad ? 0 : 1;
      if (bad) this.#become('open');
      else if (this.#succeeded === options.probes) this.#become('closed');
      return;
    }
    const step = Math.floor((nowMs * 10) / options.windowMs);
    this.#verdicts.push({ step, bad });
    if (verdict === 'bad') this.#inARow += 1;
    if (verdict === 'good') this.#inARow = 0;
    const recent = this.#verdicts.filter((one) => one.step > step - 10);
    const failures = recent.filter((one) => one.bad).length;
    const share = failures / recent.length;
    const many = recent.length >= options.minRequests && share >= options.failureShare;
    const row = verdict === 'bad' && this.#inARow >= options.consecutive;
    if (row || (bad && many)) this.#become('open');
  }

  #become(state: CircuitState): void {
    this.state = state;
    this.#verdicts = [];
    this.#inARow = 0;
    this.#succeeded = 0;
  }

  halfOpen(): void {
    if (this.state === 'open') this.#become('half-open');
  }
}

test.each(Array.from({ length: 50 }, (_, i) => i + 1))('does what its rules say (seed %d)', (seed) => {
  const random = seededRandom(seed);
  const below = (n: number): number => Math.floor(random.next() * n);
  const options: BreakerOptions = {
    ...BREAKER,
    failureShare: 0.1 + random.next() * 0.9,
    minRequests: 2 + below(20),
    consecutive: 2 + below(10),
    probes: 1 + below(4),
  };
  const { breaker, clock } = subject(options, seed);
  const model = new NaiveBreaker();
  const badShare = random.next();
  const running: { readonly permit: Permit; readonly of: CircuitState; readonly epoch: number }[] = [];
  let epoch = 0;
  for (let step = 0; step < 2_000; step += 1) {
    clock.advance(below(10) === 0 ? below(3_000) : below(50));
    if (breaker.state === 'half-open' && model.state === 'open') {
      model.halfOpen();
      epoch += 1;
    }
    expect(breaker.state).toBe(model.state);
    const mine = running.filter((one) => one.epoch === epoch).length;
    if (random.next() < 0.6) {
      const admits = breaker.state === 'closed' || (breaker.state === 'half-open' && mine < options.probes);
      expect(breaker.admits).toBe(admits);
      const permit = breaker.admit();
      expect(permit !== undefined).toBe(admits);
      if (permit !== undefined) running.push({ permit, of: breaker.state, epoch });
    } else if (running.length > 0) {
      const [one] = running.splice(below(running.length), 1);
      const roll = random.next();
      const failure = roll < 0.4 ? 'sorry' : 'bad';
      const verdict = roll < 0.1 ? 'none' : random.next() < badShare ? failure : 'good';
      const before = model.state;
      if (one!.epoch === epoch) model.settle(verdict, clock.monotonicMs(), options);
      breaker.settle(one!.permit, verdict, 'reset');
      if (model.state !== before) epoch += 1;
    }
  }
});
