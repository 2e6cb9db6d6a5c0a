import type {
  OriginExchange,
  OriginFailure,
  OriginFailureCause,
  OriginHead,
  OriginRequest,
  OriginSink,
} from '../origin.ts';
import type { Permit, Verdict } from './breaker.ts';
import type { OriginGuard } from './guard.ts';
import type { Queued } from './queue.ts';

/** Hears of one attempt what an {@link OriginSink} hears of an exchange. */
export interface AttemptOwner {
  onHead(attempt: Attempt, head: OriginHead): void;
  onData(chunk: Uint8Array): void;
  onEnd(): void;
  onFail(attempt: Attempt, failure: OriginFailure): void;
  onTaint(): void;
}

/** What says that an origin, or the way to it, is not well. Not here: what is about one image, or about our own limits. */
const TROUBLE: ReadonlySet<OriginFailureCause> = new Set([
  'dns',
  'refused',
  'connect-timeout',
  'tls',
  'reset',
  'first-byte-timeout',
  'idle-timeout',
  'total-timeout',
  'truncated',
]);

/**
 * Of those, what an origin does to a body that it does not want: it closes, and what is still sent to it meets a reset, also in
 * the midst of its answer (RFC 9112 section 9.6). Whoever sends such bodies must not close the origin to others.
 */
const BODY_UNWANTED: ReadonlySet<OriginFailureCause> = new Set(['reset', 'truncated']);

/** One try at one origin: its place in the queue, its exchange, what it says about the origin, and its entry in the books. */
export class Attempt implements OriginSink, Queued {
  readonly guard: OriginGuard;
  readonly #request: OriginRequest;
  readonly #owner: AttemptOwner;
  #permit: Permit | undefined;
  #exchange: OriginExchange | undefined;
  #over = false;
  #startedMs = 0;
  #status = 0;
  #firstByteMs = 0;
  #receivedBytes = 0;
  #paused = false;
  #wasPaused = false;

  constructor(guard: OriginGuard, request: OriginRequest, owner: AttemptOwner, permit: Permit) {
    this.guard = guard;
    this.#request = request;
    this.#owner = owner;
    this.#permit = permit;
  }

  /** Called once. @returns false when the queue is full; it is over then. */
  begin(): boolean {
    const entered = this.guard.queue.enter(this, this.#background);
    if (entered === 'granted') this.granted(0);
    if (entered === 'full') this.#settle('none');
    return entered !== 'full';
  }

  granted(waitedMs: number): void {
    const { guard } = this;
    guard.events.queued(waitedMs);
    this.#startedMs = guard.clock.monotonicMs();
    this.#exchange = guard.origin.fetch(this.#request, this);
    if (this.#paused) this.#exchange.pause();
  }

  expired(): void {
    this.#refuse('queue-timeout');
  }

  dropped(): void {
    this.#refuse(this.guard.admits ? 'queue-full' : 'circuit-open');
  }

  onHead(head: OriginHead): void {
    const { guard } = this;
    this.#status = head.status;
    this.#firstByteMs = guard.clock.monotonicMs() - this.#startedMs;
    if (guard.options.breaker?.statuses.includes(head.status) === true)
      this.#settle(this.#isRead ? 'sorry' : 'none', `status ${head.status}`);
    this.#pass(() => this.#owner.onHead(this, head));
  }

  onData(chunk: Uint8Array): void {
    this.#receivedBytes += chunk.length;
    try {
      this.#owner.onData(chunk);
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  onEnd(): void {
    this.#settle('good');
    this.#end();
    this.#owner.onEnd();
  }

  onFail(failure: OriginFailure): void {
    // Where its readers held it up, the time it took is theirs.
    const held = this.#paused || (this.#wasPaused && failure.cause === 'total-timeout');
    const unwanted = this.#request.body !== undefined && BODY_UNWANTED.has(failure.cause);
    this.#settle(TROUBLE.has(failure.cause) && !held && !unwanted ? 'bad' : 'none', failure.cause);
    this.#end();
    this.guard.events.failed(failure);
    this.#owner.onFail(this, failure);
  }

  onTaint(): void {
    this.#owner.onTaint();
  }

  pause(): void {
    this.#paused = true;
    this.#wasPaused = true;
    this.#exchange?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#exchange?.resume();
  }

  /** Ends it without a further call to its owner; idempotent. */
  abort(): void {
    if (!this.#over && this.#exchange === undefined) {
      this.#over = true;
      this.guard.queue.cancel(this);
      this.#settle('none');
      return;
    }
    this.#settle(this.#status === 0 ? 'none' : 'good');
    this.#end();
    this.#exchange?.abort();
  }

  /**
   * As {@link abort}: nobody waits for its head any longer.
   *
   * @param enoughMs having been asked for so long without an answer speaks against the origin.
   */
  late(failure: OriginFailure, enoughMs: number): void {
    const ranMs = this.guard.clock.monotonicMs() - this.#startedMs;
    if (this.#exchange !== undefined && ranMs >= enoughMs) this.#settle('bad', failure.cause);
    this.abort();
    this.guard.events.failed(failure);
  }

  get #background(): boolean {
    return this.#request.background === true;
  }

  /** Else an error may be about what its sender does: applications answer 429 or 503 to whom they hold back. */
  get #isRead(): boolean {
    return this.#request.method === 'GET' || this.#request.method === 'HEAD';
  }

  #refuse(cause: 'queue-full' | 'queue-timeout' | 'circuit-open'): void {
    this.#over = true;
    this.#settle('none');
    this.#owner.onFail(this, this.guard.refuse(cause));
  }

  #settle(verdict: Verdict, what = ''): void {
    const permit = this.#permit;
    this.#permit = undefined;
    if (permit !== undefined) this.guard.breaker?.settle(permit, verdict, what);
  }

  /** An owner that throws has had its end: the origin ends the exchange without another word. */
  #pass(tell: () => void): void {
    try {
      tell();
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  /** Books it and gives its place back. After the verdict: a circuit that opens lets nobody into that place. */
  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#settle('none');
    this.guard.events.exchanged(this.#status, this.#receivedBytes, this.#firstByteMs);
    this.guard.queue.leave(this.#background);
  }
}
