import { expect, test } from 'bun:test';
import type { OriginCall } from '../../../test/support/scripted-origin.ts';
import { type Random, seededRandom } from '../../base/random.ts';
import type { Recorder } from '../origin.fixture.ts';
import type { OriginFailureCause } from '../origin.ts';
import { type Guarded, type GuardedScript, guarded } from './guarded.fixture.ts';

/**
 * Whole lives of guarded origins that answer, fail, hang and break at random, asked by clients that pause and leave. Whatever
 * happens: no origin has more exchanges than it may, second tries stay within their budget, every request ends exactly once, its
 * head or failure comes within the deadline, and what it gets is what one origin sent.
 */
const LIVES = 200;
const STEPS = 150;

const EARLY: readonly OriginFailureCause[] = [
  'refused',
  'reset',
  'connect-timeout',
  'dns',
  'malformed',
  'tls',
];
const LATE: readonly OriginFailureCause[] = ['truncated', 'idle-timeout', 'overrun', 'total-timeout'];
const STATUSES = [200, 200, 200, 404, 500, 503, 429];

interface Asked {
  readonly recorder: Recorder;
  readonly startedMs: number;
  readonly method: string;
  headMs: number | undefined;
  aborted: boolean;
}

class Life {
  readonly #random: Random;
  readonly #script: Required<Pick<GuardedScript, 'connections' | 'deadlineMs' | 'retryShare' | 'origins'>>;
  readonly #g: Guarded;
  readonly #asked: Asked[] = [];
  readonly #mood: { failShare: number; hangShare: number; breakShare: number; delayMsMax: number };
  ends = 0;

  constructor(seed: number) {
    const random = seededRandom(seed);
    this.#random = random;
    const below = (n: number): number => Math.floor(random.next() * n);
    this.#mood = {
      failShare: random.next() ** 2,
      hangShare: random.next() ** 3,
      breakShare: random.next() ** 3,
      delayMsMax: 1 + below(800),
    };
    this.#script = {
      origins: 1 + below(3),
      connections: 1 + below(6),
      deadlineMs: 200 + below(3_000),
      retryShare: random.next() / 2,
    };
    this.#g = guarded({
      ...this.#script,
      queueMax: below(10),
      queueMs: 10 + below(2_000),
      retries: below(4),
      ...(random.next() < 0.7 ? { breaker: { consecutive: 2 + below(10) } } : {}),
      ...(random.next() < 0.5 ? { hedgeAfterMs: 10 + below(500) } : {}),
    });
    for (const origin of this.#g.origins) origin.onCall = (call) => this.#answer(call);
  }

  run(): void {
    const { clock } = this.#g;
    for (let step = 0; step < STEPS; step += 1) {
      for (let i = this.#below(3); i > 0; i -= 1) this.#ask();
      this.#disturb();
      clock.advance(this.#below(this.#below(10) === 0 ? 5_000 : 100));
      this.#holds();
    }
    // What hangs in its body is up to the timeouts of an origin, which these do not have.
    for (const origin of this.#g.origins) origin.onCall = undefined;
    for (let i = 0; i < 10; i += 1) {
      clock.advance(4_000);
      for (const origin of this.#g.origins)
        for (const call of origin.calls) if (call.running) call.fail('total-timeout');
    }
    this.#holds();
    for (const { recorder, aborted } of this.#asked) {
      expect(recorder.violations).toEqual([]);
      expect(recorder.ending === undefined).toBe(aborted && recorder.silenced);
    }
    for (const guard of this.#g.guards) expect(guard.gauges()).toMatchObject({ active: 0, waiting: 0 });
    expect([this.#g.origin.gauges().active, clock.pending]).toEqual([0, 0]);
  }

  #ask(): void {
    const method = this.#below(10) === 0 ? 'POST' : 'GET';
    const background = this.#below(5) === 0;
    const startedMs = this.#g.clock.monotonicMs();
    const recorder = this.#g.ask(`/${this.#asked.length}`, { method, background });
    this.#asked.push({ recorder, startedMs, method, headMs: undefined, aborted: false });
  }

  #disturb(): void {
    const one = this.#asked[this.#below(this.#asked.length)];
    if (one === undefined || one.recorder.ending !== undefined) return;
    const { exchange } = one.recorder;
    const roll = this.#random.next();
    if (roll < 0.2) exchange!.pause();
    else if (roll < 0.5) exchange!.resume();
    else if (roll < 0.7) {
      exchange!.abort();
      one.aborted = true;
      one.recorder.silenced = true;
    }
  }

  /** Of an origin: sooner or later, or never. */
  #answer(call: OriginCall): void {
    const { failShare, hangShare, breakShare, delayMsMax } = this.#mood;
    const { clock } = this.#g;
    if (this.#random.next() < hangShare) return;
    clock.after(this.#below(delayMsMax), () => {
      if (!call.running) return;
      if (this.#random.next() < failShare) {
        call.fail(EARLY[this.#below(EARLY.length)]!);
        return;
      }
      const body = Buffer.from(`${call.request.target} in two parts`);
      const framing = call.request.method === 'GET' ? 'length' : 'chunked';
      call.head({ status: STATUSES[this.#below(STATUSES.length)]!, bodyBytes: body.length, framing });
      call.data(body.subarray(0, 5));
      clock.after(this.#below(delayMsMax), () => {
        if (!call.running) return;
        if (this.#random.next() < breakShare) call.fail(LATE[this.#below(LATE.length)]!);
        else call.data(body.subarray(5)).end();
      });
    });
  }

  #holds(): void {
    const { connections, deadlineMs, retryShare } = this.#script;
    const nowMs = this.#g.clock.monotonicMs();
    for (const origin of this.#g.origins) expect(origin.running).toBeLessThanOrEqual(connections);
    for (const one of this.#asked) {
      const { recorder, startedMs, aborted } = one;
      if (recorder.head === undefined && recorder.ending === undefined && !aborted)
        expect(nowMs - startedMs).toBeLessThan(deadlineMs);
      if (recorder.ending !== 'end' || one.headMs !== undefined) continue;
      one.headMs = nowMs;
      this.ends += 1;
      expect(recorder.body.toString()).toBe(`/${this.#asked.indexOf(one)} in two parts`);
    }
    for (const [i, guard] of this.#g.guards.entries()) {
      // Whoever is asked first may be any of them once others are being skipped.
      const again = guard.retries + guard.hedges;
      expect(again).toBeLessThanOrEqual(retryShare * this.#asked.length + 10);
      if (i === 0) continue;
      const posts = this.#g.origins[i]!.calls.filter(({ request }) => request.method === 'POST');
      expect(posts.length).toBe(0);
    }
    for (const { method, recorder } of this.#asked.filter((one) => one.method === 'POST')) {
      const target = `/${this.#asked.findIndex((one) => one.recorder === recorder)}`;
      const tries = this.#g.origins[0]!.calls.filter(({ request }) => request.target === target);
      expect([method, tries.length]).toEqual([method, Math.min(1, tries.length)]);
    }
  }

  #below(limit: number): number {
    return Math.floor(this.#random.next() * limit);
  }
}

test(`${LIVES} lives of guarded origins`, () => {
  let ends = 0;
  for (let seed = 1; seed <= LIVES; seed += 1) {
    const life = new Life(seed);
    try {
      life.run();
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
    }
    ends += life.ends;
  }
  expect(ends).toBeGreaterThan(LIVES * 20);
});
