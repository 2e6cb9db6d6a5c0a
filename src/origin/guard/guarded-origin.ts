import type { Clock, Timer } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type {
  Origin,
  OriginExchange,
  OriginFailure,
  OriginFailureCause,
  OriginHead,
  OriginRequest,
  OriginSink,
} from '../origin.ts';
import { Attempt, type AttemptOwner } from './attempt.ts';
import type { OriginGuard } from './guard.ts';

export interface GuardedOriginOptions {
  readonly name: string;
  /** The origin, and those to fall back on, in their order. At least one; shared with other routes. */
  readonly guards: readonly OriginGuard[];
  /** Longest wait for the head of a response, whatever is done for it; may be infinite. */
  readonly deadlineMs: number;
  /** The next origin is asked as well when no head has come for so long; undefined for never. */
  readonly hedgeAfterMs: number | undefined;
}

/** Time for deadlines and delays, chance for their jitter. */
export interface GuardedOriginDeps {
  readonly clock: Clock;
  readonly random: Random;
}

/** Nothing of a response has been seen and nothing was done: the same may be asked again (RFC 9110 section 9.2.2). */
const RETRIABLE: ReadonlySet<OriginFailureCause> = new Set(['dns', 'refused', 'connect-timeout', 'reset']);
/** The first second try comes after half to one and a half times that; each further one after twice as long. */
const RETRY_MS = 50;

/**
 * One or several guarded origins as one. For each request, until the head of a response is there:
 *
 * - the first origin that is healthy and lets it through is asked; one that fails hands on to the next;
 * - when none is left, the last one is asked again where that is safe and the budget of second tries allows it;
 * - `hedgeAfter` asks the next one besides; the first head wins;
 * - the deadline ends it all.
 *
 * Health only changes the order: with none healthy they are asked all the same, for a check can be wrong as well. Methods
 * other than GET and HEAD get one try at the first origin. Renewals in the background are not tried twice, nor hedged.
 */
export function createGuardedOrigin(options: GuardedOriginOptions, deps: GuardedOriginDeps): Origin {
  return new GuardedOrigin(options, deps);
}

class GuardedOrigin implements Origin {
  readonly name: string;
  readonly options: GuardedOriginOptions;
  readonly clock: Clock;
  readonly random: Random;
  active = 0;

  constructor(options: GuardedOriginOptions, { clock, random }: GuardedOriginDeps) {
    this.name = options.name;
    this.options = options;
    this.clock = clock;
    this.random = random;
  }

  fetch(request: OriginRequest, sink: OriginSink): OriginExchange {
    const exchange = new GuardedExchange(this, request, sink);
    exchange.begin();
    return exchange;
  }

  trouble(): OriginFailureCause | undefined {
    let first: OriginFailureCause | undefined;
    for (const guard of this.options.guards) {
      const { trouble } = guard;
      if (trouble === undefined) return undefined;
      first ??= trouble;
    }
    return first;
  }

  close(): void {
    for (const guard of this.options.guards) guard.close();
  }

  gauges(): { readonly active: number; readonly connections: number } {
    let connections = 0;
    for (const guard of this.options.guards) connections += guard.gauges().connections;
    return { active: this.active, connections };
  }
}

class GuardedExchange implements OriginExchange, AttemptOwner {
  readonly #origin: GuardedOrigin;
  readonly #request: OriginRequest;
  readonly #sink: OriginSink;
  readonly #safe: boolean;
  readonly #untried: OriginGuard[];
  /** More than one only with a hedge. */
  #running: readonly Attempt[] = [];
  /** The one whose head was delivered. */
  #winner: Attempt | undefined;
  /** The best explanation so far of why there is no answer. */
  #problem: { readonly failure: OriginFailure; readonly refused: boolean } | undefined;
  #retries = 0;
  #began = false;
  #paused = false;
  #over = false;
  #deadline: Timer | undefined;
  #hedge: Timer | undefined;
  /** The next try, or the failure that is not told before `fetch` returned. */
  #next: Timer | undefined;

  constructor(origin: GuardedOrigin, request: OriginRequest, sink: OriginSink) {
    const { guards } = origin.options;
    this.#origin = origin;
    this.#request = request;
    this.#sink = sink;
    this.#safe = request.method === 'GET' || request.method === 'HEAD';
    this.#untried =
      guards.length === 1 || !this.#safe
        ? [guards[0]!]
        : [...guards.filter((guard) => guard.healthy), ...guards.filter((guard) => !guard.healthy)];
  }

  /** Called once. */
  begin(): void {
    const { clock, options } = this.#origin;
    const { deadlineMs, hedgeAfterMs } = options;
    this.#origin.active += 1;
    if (deadlineMs !== Number.POSITIVE_INFINITY)
      this.#deadline = clock.after(deadlineMs, () => this.#expire(deadlineMs));
    if (hedgeAfterMs !== undefined && this.#untried.length > 1 && this.#request.background !== true)
      this.#hedge = clock.after(hedgeAfterMs, () => this.#askAnother());
    this.#untried[0]!.budget.deposit();
    this.#advance(undefined);
    this.#began = true;
  }

  pause(): void {
    this.#paused = true;
    for (const attempt of this.#running) attempt.pause();
  }

  resume(): void {
    this.#paused = false;
    for (const attempt of this.#running) attempt.resume();
  }

  abort(): void {
    const attempts = this.#winner === undefined ? this.#running : [this.#winner];
    this.#finish();
    for (const attempt of attempts) attempt.abort();
  }

  onHead(attempt: Attempt, head: OriginHead): void {
    if (this.#passesOver(attempt, head)) return;
    const others = this.#running.filter((other) => other !== attempt);
    this.#winner = attempt;
    this.#running = [attempt];
    this.#cancelTimers();
    for (const other of others) other.abort();
    this.#tell(() => this.#sink.onHead(head));
  }

  onData(chunk: Uint8Array): void {
    try {
      this.#sink.onData(chunk);
    } catch (error) {
      this.#finish();
      throw error;
    }
  }

  onEnd(): void {
    this.#finish();
    this.#sink.onEnd();
  }

  onTaint(): void {
    this.#sink.onTaint();
  }

  onFail(attempt: Attempt, failure: OriginFailure): void {
    if (this.#winner !== undefined) {
      this.#fail(failure);
      return;
    }
    this.#note(failure, failure.retryAfterS !== undefined);
    this.#running = this.#running.filter((other) => other !== attempt);
    if (this.#running.length > 0) return;
    this.#advance(RETRIABLE.has(failure.cause) ? attempt.guard : undefined);
  }

  /** Asks whoever is next. @param again who may be asked once more when nobody is left. */
  #advance(again: OriginGuard | undefined): void {
    for (let guard = this.#untried.shift(); guard !== undefined; guard = this.#untried.shift())
      if (this.#ask(guard)) return;
    if (again !== undefined && this.#mayRetry(again)) this.#retry(again);
    else this.#fail(this.#problem!.failure);
  }

  /** @returns false when it was not let through. */
  #ask(guard: OriginGuard): boolean {
    const attempt = guard.ask(this.#request, this);
    if (!(attempt instanceof Attempt)) {
      this.#note(attempt, true);
      return false;
    }
    const [first] = this.#origin.options.guards;
    if (guard !== first && this.#running.length === 0 && this.#retries === 0) first!.failovers += 1;
    this.#running = [...this.#running, attempt];
    if (this.#paused) attempt.pause();
    return true;
  }

  /** Takes it out of the budget. */
  #mayRetry(guard: OriginGuard): boolean {
    if (!this.#safe || this.#request.background === true || this.#retries >= guard.options.retry.max)
      return false;
    return guard.admits && guard.budget.take();
  }

  #retry(guard: OriginGuard): void {
    const { clock, random } = this.#origin;
    const delayMs = RETRY_MS * 2 ** this.#retries * (0.5 + random.next());
    this.#retries += 1;
    guard.retries += 1;
    this.#next = clock.after(delayMs, () => {
      this.#next = undefined;
      if (!this.#ask(guard)) this.#advance(undefined);
    });
  }

  /** True when the head is not delivered, because another origin may have a better one. The same is not asked again: it answered. */
  #passesOver(attempt: Attempt, head: OriginHead): boolean {
    const { guard } = attempt;
    if (!this.#safe || !guard.options.retry.statuses.includes(head.status)) return false;
    const others = this.#running.filter((other) => other !== attempt);
    if (others.length === 0 && !this.#untried.some((one) => one.admits)) return false;
    this.#running = others;
    attempt.abort();
    if (others.length === 0) this.#advance(undefined);
    return true;
  }

  #askAnother(): void {
    const [slow] = this.#running;
    const index = this.#untried.findIndex((guard) => guard.good);
    if (slow === undefined || this.#running.length > 1 || index < 0 || !slow.guard.budget.take()) return;
    const [guard] = this.#untried.splice(index, 1);
    if (this.#ask(guard!)) slow.guard.hedges += 1;
  }

  #expire(deadlineMs: number): void {
    const attempts = this.#running;
    const [first] = this.#origin.options.guards;
    const what = `no response head within ${deadlineMs} ms (deadline of the route), waiting and further tries included`;
    const failure = first!.failure('deadline', what);
    this.#running = [];
    for (const attempt of attempts) attempt.late(failure, deadlineMs / 2);
    if (attempts.length === 0) first!.events.failed(failure);
    this.#fail(failure);
  }

  /** What an origin did tells more than that one was not asked, and the latest more than those before. */
  #note(failure: OriginFailure, refused: boolean): void {
    if (this.#problem === undefined || this.#problem.refused || !refused)
      this.#problem = { failure, refused };
  }

  #fail(failure: OriginFailure): void {
    if (!this.#began) {
      this.#next = this.#origin.clock.after(0, () => this.#fail(failure));
      return;
    }
    this.#finish();
    this.#sink.onFail(failure);
  }

  #tell(fn: () => void): void {
    try {
      fn();
    } catch (error) {
      this.#finish();
      throw error;
    }
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#running = [];
    this.#origin.active -= 1;
    this.#cancelTimers();
  }

  #cancelTimers(): void {
    const { clock } = this.#origin;
    for (const timer of [this.#deadline, this.#hedge, this.#next]) clock.cancel(timer);
    this.#next = undefined;
  }
}
