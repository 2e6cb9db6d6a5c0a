import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';

/** Closed: requests pass. Open: none does. Half-open: a few pass, to see whether it works again. */
export const CIRCUIT_STATES = ['closed', 'half-open', 'open'] as const;
export type CircuitState = (typeof CIRCUIT_STATES)[number];

export interface BreakerOptions {
  /** Share of failures in the window at which it opens, above 0 and up to 1. */
  readonly failureShare: number;
  /** With fewer exchanges than that in the window, the share says nothing. */
  readonly minRequests: number;
  readonly windowMs: number;
  /** Opens after so many failures in a row, whatever the window says. */
  readonly consecutive: number;
  /** How long it stays open the first time; doubled after each half-open time that ends in a failure. */
  readonly openMs: number;
  readonly maxOpenMs: number;
  /** Exchanges that are tried at a time while half-open, and successes that close it. */
  readonly probes: number;
  /** Statuses that count as failures. */
  readonly statuses: readonly number[];
}

/**
 * What an exchange said about its origin: `sorry` that it answered with an error, which may be about the one image and so
 * counts only as a share of all; `none` when it ended for other reasons.
 */
export type Verdict = 'good' | 'bad' | 'sorry' | 'none';

/** Admission of one exchange, to be handed back with its verdict. */
export type Permit = number;

export interface BreakerDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** Told once of each change, with the reason in words. */
  readonly onChange: (state: CircuitState, reason: string) => void;
}

/** The window moves in steps of its tenth. */
const BUCKETS = 10;
/** An open time is up to this share shorter than it could be, so that the nodes of a fleet do not come back in step. */
const JITTER = 0.2;

/**
 * A circuit breaker (M. Nygard, Release It!, 2nd ed. 2018, chapter 5). O(1) per exchange, no timers: what the passing of
 * time changes is seen at the next question.
 */
export class Breaker {
  readonly #options: BreakerOptions;
  readonly #deps: BreakerDeps;
  #state: CircuitState = 'closed';
  /** Grows with each change: a verdict about an earlier state says nothing about this one. */
  #generation: Permit = 0;
  readonly #good = new Float64Array(BUCKETS);
  readonly #bad = new Float64Array(BUCKETS);
  #bucket = 0;
  #inARow = 0;
  /** Times it opened since it was closed. */
  #openings = 0;
  #openUntilMs = 0;
  #probing = 0;
  #succeeded = 0;

  constructor(options: BreakerOptions, deps: BreakerDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  get state(): CircuitState {
    if (this.#state === 'open' && this.#nowMs() >= this.#openUntilMs) return 'half-open';
    return this.#state;
  }

  /** Milliseconds until the next exchange may be tried; 0 when that is not a matter of time. */
  get retryAfterMs(): number {
    return this.#state === 'open' ? Math.max(0, this.#openUntilMs - this.#nowMs()) : 0;
  }

  /** Whether {@link admit} would let an exchange pass. Changes nothing. */
  get admits(): boolean {
    const { state } = this;
    if (state !== 'half-open') return state === 'closed';
    return this.#state === 'open' || this.#probing < this.#options.probes;
  }

  /** Lets one exchange pass, or not. Each permit is to be settled exactly once. */
  admit(): Permit | undefined {
    if (!this.admits) return undefined;
    if (this.#state === 'open') this.#become('half-open', 'its time is up: a few requests are tried');
    if (this.#state === 'half-open') this.#probing += 1;
    return this.#generation;
  }

  /** @param what of a bad one: how it failed, in a word. */
  settle(permit: Permit, verdict: Verdict, what: string): void {
    if (permit !== this.#generation) return;
    if (this.#state === 'half-open') this.#settleProbe(verdict, what);
    else if (verdict !== 'none') this.#count(verdict, what);
  }

  #count(verdict: 'good' | 'bad' | 'sorry', what: string): void {
    this.#turn();
    const counts = verdict === 'good' ? this.#good : this.#bad;
    counts[this.#bucket % BUCKETS]! += 1;
    if (verdict === 'good') this.#inARow = 0;
    if (verdict === 'bad') this.#inARow += 1;
    if (verdict === 'good') return;
    const { consecutive, minRequests, failureShare, windowMs } = this.#options;
    const bad = sum(this.#bad);
    const all = bad + sum(this.#good);
    if (verdict === 'bad' && this.#inARow >= consecutive)
      this.#open(`${this.#inARow} exchanges in a row failed, the last one with ${what}`);
    else if (all >= minRequests && bad >= all * failureShare)
      this.#open(`${bad} of ${all} exchanges within ${windowMs / 1000} s failed, the last one with ${what}`);
  }

  #settleProbe(verdict: Verdict, what: string): void {
    this.#probing -= 1;
    if (verdict === 'bad' || verdict === 'sorry') this.#open(`it was tried again and failed with ${what}`);
    if (verdict !== 'good') return;
    this.#succeeded += 1;
    if (this.#succeeded < this.#options.probes) return;
    this.#openings = 0;
    this.#become('closed', `${this.#succeeded} requests succeeded`);
  }

  #open(reason: string): void {
    const { openMs, maxOpenMs } = this.#options;
    const fullMs = Math.min(maxOpenMs, openMs * 2 ** this.#openings);
    const forMs = fullMs * (1 - JITTER * this.#deps.random.next());
    this.#openings += 1;
    this.#openUntilMs = this.#nowMs() + forMs;
    this.#become('open', `${reason}; it is left alone for ${(forMs / 1000).toFixed(1)} s`);
  }

  #become(state: CircuitState, reason: string): void {
    this.#state = state;
    this.#generation += 1;
    this.#probing = 0;
    this.#succeeded = 0;
    this.#inARow = 0;
    this.#good.fill(0);
    this.#bad.fill(0);
    this.#deps.onChange(state, reason);
  }

  /** Moves the window on to now, and empties what has left it. */
  #turn(): void {
    const bucket = Math.floor((this.#nowMs() * BUCKETS) / this.#options.windowMs);
    const from = Math.max(this.#bucket + 1, bucket - BUCKETS + 1);
    for (let passed = from; passed <= bucket; passed += 1) {
      this.#good[passed % BUCKETS] = 0;
      this.#bad[passed % BUCKETS] = 0;
    }
    this.#bucket = bucket;
  }

  #nowMs(): number {
    return this.#deps.clock.monotonicMs();
  }
}

function sum(counts: Float64Array): number {
  let total = 0;
  for (const count of counts) total += count;
  return total;
}
