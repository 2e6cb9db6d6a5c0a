import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { Origin, OriginFailure, OriginFailureCause, OriginRequest } from '../origin.ts';
import { Attempt, type AttemptOwner } from './attempt.ts';
import { Breaker, type BreakerOptions, type CircuitState } from './breaker.ts';
import { Health, type HealthOptions } from './health.ts';
import { Queue } from './queue.ts';
import { RetryBudget } from './retry-budget.ts';

export interface GuardOptions {
  /** Most exchanges at a time; infinite where the origin has a limit of its own. */
  readonly connections: number;
  readonly queue: { readonly max: number; readonly timeoutMs: number };
  /** Undefined for none: every exchange is tried. */
  readonly breaker: BreakerOptions | undefined;
  readonly retry: RetryOptions;
  /** Undefined for no checks: it counts as healthy. */
  readonly health: HealthOptions | undefined;
}

export interface RetryOptions {
  /** Most second tries of one request at this origin. */
  readonly max: number;
  /** Second tries and hedges for each first try, 0 to 1. */
  readonly share: number;
  /** Statuses after which there may be another try, here or at the next origin. */
  readonly statuses: readonly number[];
}

/** Told what happens at one origin, whoever asked. Must not throw. */
export interface GuardEvents {
  /** One exchange ended, well or not; status 0 without a head. */
  exchanged(status: number, receivedBytes: number, firstByteMs: number): void;
  /** One exchange failed, or was not let through. */
  failed(failure: OriginFailure): void;
  /** One exchange begins, after so long in the queue. */
  queued(waitedMs: number): void;
  circuit(state: CircuitState, reason: string): void;
  health(healthy: boolean, reason: string): void;
}

/** What a guard is handed. */
export interface GuardDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly events: GuardEvents;
}

/** State of one origin, and counts since the start, for the metrics. */
export interface GuardGauges {
  /** Exchanges under way. */
  readonly active: number;
  readonly connections: number;
  /** Requests in the queue. */
  readonly waiting: number;
  readonly circuit: CircuitState;
  readonly healthy: boolean;
  readonly retries: number;
  /** Requests that another origin was asked for as well, because this one was slow. */
  readonly hedges: number;
  /** Requests that another origin was asked for, because this one had failed or was skipped. */
  readonly failovers: number;
}

/**
 * What protects one origin, and clients from it: a budget of exchanges with a bounded queue, a circuit breaker, a budget of
 * second tries, and health checks. One for each origin, shared by all routes that lead to it; `guarded-origin.ts` has the
 * way of one request along these.
 */
export class OriginGuard {
  readonly name: string;
  readonly options: GuardOptions;
  readonly budget: RetryBudget;
  readonly origin: Origin;
  readonly queue: Queue;
  readonly breaker: Breaker | undefined;
  readonly clock: Clock;
  readonly events: GuardEvents;
  retries = 0;
  hedges = 0;
  failovers = 0;
  readonly #health: Health | undefined;

  constructor(origin: Origin, options: GuardOptions, deps: GuardDeps) {
    const { clock, random, events } = deps;
    this.name = origin.name;
    this.options = options;
    this.origin = origin;
    this.clock = clock;
    this.events = events;
    this.budget = new RetryBudget(options.retry.share);
    this.queue = new Queue({ places: options.connections, ...options.queue }, clock);
    const onCircuit = (state: CircuitState, reason: string): void => {
      events.circuit(state, reason);
      if (state === 'open') this.queue.drop();
    };
    this.breaker = options.breaker && new Breaker(options.breaker, { clock, random, onChange: onCircuit });
    this.#health =
      options.health &&
      new Health(options.health, origin, {
        clock,
        random,
        onChange: (healthy, reason) => events.health(healthy, reason),
      });
  }

  /** As far as its checks know. */
  get healthy(): boolean {
    return this.#health?.healthy ?? true;
  }

  /** Why those who have a copy should not wait for it: it is left alone or being tried, or its queue is half full. */
  get trouble(): 'circuit-open' | 'queue-full' | undefined {
    if (this.breaker !== undefined && this.breaker.state !== 'closed') return 'circuit-open';
    const { waiting } = this.queue;
    return waiting > 0 && waiting * 2 >= this.options.queue.max ? 'queue-full' : undefined;
  }

  /** Nothing speaks against asking it. */
  get good(): boolean {
    return this.healthy && this.trouble === undefined;
  }

  /** Its circuit would let an exchange pass. */
  get admits(): boolean {
    return this.breaker?.admits ?? true;
  }

  /** Asks the origin, now or when its turn in the queue comes; or says at once why not. Calls nothing before it returned. */
  ask(request: OriginRequest, owner: AttemptOwner): Attempt | OriginFailure {
    const permit = this.breaker === undefined ? 0 : this.breaker.admit();
    if (permit === undefined) return this.refuse('circuit-open');
    const attempt = new Attempt(this, request, owner, permit);
    return attempt.begin() ? attempt : this.refuse('queue-full');
  }

  /** The failure of an exchange that was not let through, booked. */
  refuse(cause: 'circuit-open' | 'queue-full' | 'queue-timeout'): OriginFailure {
    const { queue, connections } = this.options;
    const busy = `all ${connections} exchanges (connections) were busy`;
    const seconds = Math.ceil((this.breaker?.retryAfterMs ?? 0) / 1000);
    const why = {
      'circuit-open': `its circuit is open: it failed too often, and is left alone for up to ${seconds} s more`,
      'queue-full': `${busy} and ${queue.max} requests (queue.max) already waited`,
      'queue-timeout': `${busy} for ${queue.timeoutMs} ms (queue.timeout)`,
    } as const;
    const failure = this.failure(cause, why[cause], Math.max(1, seconds));
    this.events.failed(failure);
    return failure;
  }

  failure(cause: OriginFailureCause, what: string, retryAfterS?: number): OriginFailure {
    const detail = `origin ${this.name}: ${what}`;
    return retryAfterS === undefined ? { cause, detail } : { cause, detail, retryAfterS };
  }

  close(): void {
    this.#health?.stop();
    this.origin.close();
  }

  gauges(): GuardGauges {
    return {
      active: this.queue.taken,
      connections: this.origin.gauges().connections,
      waiting: this.queue.waiting,
      circuit: this.breaker?.state ?? 'closed',
      healthy: this.healthy,
      retries: this.retries,
      hedges: this.hedges,
      failovers: this.failovers,
    };
  }
}
