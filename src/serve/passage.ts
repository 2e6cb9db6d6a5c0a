import { epochS } from '../base/clock.ts';
import { NONE } from '../cache/entries.ts';
import type { ForwardReason, NotStoredReason, Outcome, ServedCause } from '../cache/outcome.ts';
import { cacheStatus } from '../http/cache-status.ts';
import { formatHttpDate } from '../http/date.ts';
import type { Fields } from '../http/fields.ts';
import { addVia, passedResponseFields, storedResponseFields } from '../http/forward.ts';
import { isTrouble } from '../http/status.ts';
import { upstreamTarget } from './2-key.ts';
import { Mark } from './3-lookup.ts';
import type { Flight, FlightFailure, Waiter } from './4-origin.ts';
import { answerOf, refusal } from './7-respond.ts';
import type { Abandon, Answer } from './answer.ts';
import type { Asked } from './asked.ts';
import { fieldLines } from './field-lines.ts';
import { ReservedBody } from './flight-body.ts';
import { failureCause } from './ledger.ts';
import { variantKey } from './place.ts';
import type { RequestPath } from './request.ts';
import { rangeFields, select } from './selected.ts';
import { CACHE_NAME } from './upstream.ts';

/** A request that could not be answered at once, and why. */
export interface PassageOptions extends Asked {
  readonly key: string;
  readonly forward: ForwardReason;
  /** What is stored for the key, stale; or NONE. */
  readonly stale: number;
  /** It may be served if the origin fails. */
  readonly staleOnError: boolean;
}

/** Status in the books for a client that went away before it was answered. */
export const CLIENT_CLOSED_REQUEST = 499;

/**
 * One request on its way through an origin fetch: it leads a flight or joins one, and is answered when the head lands, from
 * the new response, from the renewed one, from the stale one, or with the reason why there is none.
 */
export class Passage implements Waiter {
  readonly #path: RequestPath;
  readonly #asked: PassageOptions;
  readonly #startedMs: number;
  #flight: Flight | undefined;
  /** The stored response of its key; NONE once it may be used no longer. */
  #stale: number;
  #leads = false;
  #bypass = false;
  #answered = false;
  /** Whether it keeps the stale response itself: a flight that validates it does so already. */
  #holdsStale = false;
  /** A fault of our own has kept it from its answer once. */
  #faulted = false;

  constructor(path: RequestPath, asked: PassageOptions) {
    this.#path = path;
    this.#asked = asked;
    this.#stale = asked.stale;
    this.#startedMs = path.clock.monotonicMs();
  }

  /**
   * Joins the flight of its key, or leads one.
   *
   * @param conditional false to ask for the whole response, although one is stored.
   */
  board(key: string = this.#asked.key, conditional = true): Abandon | undefined {
    const { primary } = this.#asked;
    const joined = this.#path.flights.joinable(key, primary);
    if (joined === undefined) return this.#lead(key, undefined, conditional);
    this.#leads = false;
    this.#flight = joined;
    if (joined.plan.stale !== this.#stale) this.#holdStale();
    if (this.#asked.staleOnError && this.#stale !== NONE) joined.hasStandIn = true;
    if (joined.landed) this.landed(joined);
    else joined.join(this);
    return this.#answered ? undefined : () => this.#abandon();
  }

  /**
   * Asks the origin for this request alone, without regard to the store.
   *
   * @param neverStore why nothing of it is kept; undefined when the response decides.
   */
  alone(neverStore: NotStoredReason | undefined): Abandon | undefined {
    this.#bypass = true;
    return this.#lead(undefined, neverStore);
  }

  landed(flight: Flight): void {
    if (this.#answered) return;
    if (flight.unconfirmed) {
      this.board(flight.plan.key, false);
      return;
    }
    if (!this.#leads && !this.#fits(flight)) return;
    if (flight.renewed !== NONE) {
      this.#fromStore(flight.renewed, this.#leads ? 'revalidated' : 'collapsed', '', flight);
    } else if (isTrouble(flight.head!.status) && this.#asked.staleOnError && this.#stale !== NONE) {
      this.#fromStore(this.#stale, 'stale', 'origin-status');
    } else {
      this.#path.rows?.fetched(this.#asked, flight, this.#waited(this.#outcome(flight.head!.status)));
      this.#respond(this.#fromFlight(flight));
    }
  }

  failed(flight: Flight, failure: FlightFailure | undefined): void {
    if (this.#answered) return;
    if (this.#asked.staleOnError && this.#stale !== NONE) {
      const slot = flight.renewed === NONE ? this.#stale : flight.renewed;
      this.#fromStore(slot, 'stale', failureCause(failure));
      return;
    }
    // A method that changes something is never sent twice.
    if (failure === undefined && !this.#faulted && isRead(this.#asked.request.method)) {
      this.#faulted = true;
      this.alone('storage');
      return;
    }
    this.#refuse(failureCause(failure), failure?.retryAfterS);
  }

  /** The request fails: there is no copy, and no answer. */
  #refuse(code: ReturnType<typeof failureCause> | 'shed', retryAfterS: number | undefined): void {
    const { request, route } = this.#asked;
    const waited = this.#waited('failed');
    this.#path.rows?.unanswered(this.#asked, code === 'shed' ? { ...waited, originMs: undefined } : waited);
    const served = { request, route, outcome: 'failed', originMs: this.#waitedMs(), detail: '' } as const;
    const nowMs = this.#path.clock.nowMs();
    const retry = retryAfterS === undefined ? '' : `Retry-After: ${retryAfterS}\r\n`;
    this.#respond(refusal(this.#path.ledger, code, served, nowMs, retry));
  }

  #lead(
    key: string | undefined,
    neverStore: NotStoredReason | undefined,
    conditional = true,
  ): Abandon | undefined {
    const { route, primary, resource, request } = this.#asked;
    if (this.#stale === NONE && this.#path.full) {
      this.#refuse('shed', 1);
      return undefined;
    }
    const flight = this.#path.flights.lead({
      route,
      primary,
      key,
      // A HEAD fetches what a GET would, so that the answer can be kept; except where nothing is.
      method: neverStore === undefined ? 'GET' : request.method,
      target: upstreamTarget(route, resource),
      ...this.#path.sourceOf(this.#asked, this.#asked.staleOnError && this.#stale !== NONE),
      stale: neverStore === undefined ? this.#stale : NONE,
      staleKey: this.#asked.key,
      conditional,
      staleOnError: this.#asked.staleOnError,
      neverStore,
      // What may be stored is the answer to its address alone: a body is in no key, and would choose it for all (a fat GET).
      body: neverStore === undefined ? undefined : request.body,
      onHead: isRead(request.method) ? undefined : (head) => this.#path.accepted(this.#asked, head),
    });
    this.#leads = true;
    this.#flight = flight;
    flight.join(this);
    flight.start();
    return () => this.#abandon();
  }

  /** May this flight's response answer a request that only joined it? If not, the request goes its own way. */
  #fits(flight: Flight): boolean {
    const { primary, request } = this.#asked;
    const { place } = flight;
    if (place !== undefined && place.vary.length > 0) {
      const mine = variantKey(primary, place.vary, request.fields);
      if (mine !== place.key) {
        this.board(mine);
        return false;
      }
    }
    if (flight.shared) return true;
    // A 304 took it out of the store.
    if (flight.renewed !== NONE) this.#stale = NONE;
    this.#lead(undefined, undefined);
    return false;
  }

  /** @param renewal the flight that confirmed it. */
  #fromStore(slot: number, outcome: Outcome, cause: ServedCause, renewal?: Flight): void {
    const path = this.#path;
    path.rows?.stored(this.#asked, slot, this.#waited(outcome), renewal);
    const nowS = epochS(path.clock);
    this.#respond(path.stored(this.#asked, slot, outcome, nowS, this.#waitedMs(), cause));
  }

  #fromFlight(flight: Flight): Answer {
    const { request, route, found } = this.#asked;
    const { ledger } = this.#path;
    const head = flight.head!;
    const { status } = head;
    const body = flight.body!;
    const fields = this.#leads ? passedResponseFields(head.fields) : this.#sharedFields(head.fields);
    addVia(fields, CACHE_NAME);
    // RFC 9110 section 6.6.1: whoever has a clock adds the Date that is missing.
    if (!fields.has('date')) fields.set('date', formatHttpDate(epochS(this.#path.clock)));
    const cause: ServedCause = isTrouble(status) ? 'origin-status' : (head.standsInFor ?? '');
    const brokenBy = (): ServedCause => (flight.failed ? failureCause(flight.failure) : '');
    const served = {
      request,
      route,
      outcome: this.#outcome(status),
      originMs: this.#waitedMs(),
      detail: flight.notStored ?? '',
      cause,
    };
    const lines = this.#statusLine(flight, fields);
    if (status === 204) fields.delete('content-length');
    else if (body.bytes !== undefined && head.framing !== 'none')
      fields.set('content-length', String(body.bytes));
    if ((found & (Mark.CONDITIONS | Mark.RANGE)) !== 0 && !this.#bypass && body.bytes !== undefined) {
      const selection = select(request, status, fields, body.bytes);
      if (selection.part === 'range' && body.joinable) {
        const { from, to } = selection;
        const part = `${lines}${fieldLines(rangeFields(fields, from, to, body.bytes))}\r\n`;
        return answerOf(ledger, { ...served, status: 206 }, part, body.open(from, to + 1), brokenBy);
      }
      const nowMs = this.#path.clock.nowMs();
      if (selection.part === 'unsatisfiable' && body.joinable) {
        const extent = `Content-Range: bytes */${body.bytes}\r\n`;
        return refusal(ledger, 'range-not-satisfiable', served, nowMs, extent);
      }
      if (selection.part === 'none') {
        if (selection.status === 412) return refusal(ledger, 'precondition-failed', served, nowMs);
        const rest = `${lines}${fieldLines(withoutLength(fields))}\r\n`;
        return answerOf(ledger, { ...served, status: 304 }, rest, undefined);
      }
    }
    const bodiless = request.method === 'HEAD' || head.framing === 'none';
    const payload = bodiless ? undefined : body.open(0, undefined);
    return answerOf(ledger, { ...served, status }, `${lines}${fieldLines(fields)}\r\n`, payload, brokenBy);
  }

  /** Without what was meant for the one client whose request led the fetch: Set-Cookie above all. */
  #sharedFields(fields: Fields): Fields {
    const shared = storedResponseFields(fields, epochS(this.#path.clock));
    const age = fields.get('age');
    if (age !== undefined) shared.set('age', age);
    return shared;
  }

  #outcome(status: number): Outcome {
    if (this.#bypass) return 'bypass';
    if (status >= 500) return 'failed';
    return this.#leads ? 'miss' : 'collapsed';
  }

  /** Ours goes behind that of a cache nearer to the origin, which is taken out of `fields` (RFC 9211 section 2). */
  #statusLine(flight: Flight, fields: Fields): string {
    const { forward } = this.#asked;
    const before = fields.get('cache-status');
    fields.delete('cache-status');
    const line = cacheStatus({
      cacheName: 'Holdfast',
      fwd: forward,
      fwdStatus: flight.head!.status,
      // Of a body that only its end decides on, nothing is said.
      stored: flight.body instanceof ReservedBody,
      collapsed: !this.#leads,
      detail: isTrouble(flight.head!.status) ? 'origin-status' : flight.notStored,
    });
    return `Cache-Status: ${before === undefined || before === '' ? line : `${before}, ${line}`}\r\n`;
  }

  #waitedMs(): number {
    return this.#path.clock.monotonicMs() - this.#startedMs;
  }

  #waited(outcome: Outcome): { readonly outcome: Outcome; readonly originMs: number } {
    return { outcome, originMs: this.#waitedMs() };
  }

  #respond(answer: Answer): void {
    this.#answered = true;
    this.#disembark();
    this.#asked.responder.respond(answer);
  }

  #abandon(): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#flight?.leave(this);
    this.#disembark();
    const { request, route } = this.#asked;
    const outcome: Outcome = this.#bypass ? 'bypass' : this.#leads ? 'miss' : 'collapsed';
    const flight = this.#flight;
    if (flight !== undefined) this.#path.rows?.fetched(this.#asked, flight, this.#waited(outcome));
    const served = { request, route, outcome, status: CLIENT_CLOSED_REQUEST, originMs: this.#waitedMs() };
    this.#path.ledger.served({ ...served, detail: '', cause: 'client-gone' }, 0, false);
  }

  #holdStale(): void {
    if (this.#stale === NONE || this.#holdsStale) return;
    this.#holdsStale = true;
    this.#path.tier.cache.pin(this.#stale);
  }

  #disembark(): void {
    if (this.#holdsStale) this.#path.tier.cache.unpin(this.#asked.stale);
  }
}

function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}

function withoutLength(fields: Fields): Fields {
  const rest = fields.clone();
  rest.delete('content-length');
  return rest;
}
