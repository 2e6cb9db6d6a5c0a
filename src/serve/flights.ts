import { type Clock, epochS } from '../base/clock.ts';
import { NONE } from '../cache/entries.ts';
import type { FlightEnding, NotStoredReason } from '../cache/outcome.ts';
import type { PurgeRule } from '../cache/purge-rules.ts';
import { parseCacheControl } from '../http/cache-control.ts';
import { conditionalFields, confirms, merge304 } from '../http/conditional.ts';
import { Fields } from '../http/fields.ts';
import type { OriginFailure, OriginHead } from '../origin/origin.ts';
import type { MemoryTier } from '../store/memory/tier.ts';
import { Flight, type FlightRequest, type FlightSteps, isTrouble, Recent } from './4-origin.ts';
import { admit, factsOf } from './5-admit.ts';
import { publish, renew, reserve } from './6-store.ts';
import { parseFieldLines } from './field-lines.ts';
import { ReservedBody, Spool, type SpoolBudget } from './flight-body.ts';
import { FlightPurges } from './flight-purges.ts';
import type { Ledger } from './ledger.ts';
import { incumbent, outlasts, placeOf } from './place.ts';
import { keptFields, upstreamFields } from './upstream.ts';

/** A small error body that several waiting requests share. */
const SHARED_ERROR_BYTES_MAX = 64 * 1024;
/** How long requests for a resource whose response could not be shared go to the origin side by side. */
const UNSHARED_MS = 10_000;
/** After a validation that did not succeed, the next one in the background waits for so long. */
const RETRY_MS = 1_000;
/** After an origin failed to validate it, a response that may be served stale on error is served so for a while, unasked. */
const TROUBLE_MS = 30_000;

export interface FlightsOptions {
  readonly tier: MemoryTier;
  readonly ledger: Ledger;
  readonly clock: Clock;
  /** Most bytes of responses that are under way and not in the tier. */
  readonly spoolBytesMax: number;
  /** Name of this process in Via. */
  readonly pseudonym: string;
  /** Told of a fault of our own, after it was counted. */
  readonly onFault?: (error: unknown) => void;
}

/**
 * The second half of the request path, steps 4 to 6: what is not in the store is fetched, admitted and stored.
 * Holds the flights under way, by key.
 */
export class Flights implements FlightSteps {
  readonly #tier: MemoryTier;
  readonly #ledger: Ledger;
  readonly #clock: Clock;
  readonly #budget: SpoolBudget;
  readonly #pseudonym: string;
  readonly #onFault: ((error: unknown) => void) | undefined;
  readonly #byKey = new Map<string, Flight>();
  readonly #all = new Set<Flight>();
  /** By primary key, in the order of their start. */
  readonly #byPrimary = new Map<string, Set<Flight>>();
  /** By primary key: a response that is private, or too large, is fetched by each request for itself, not in line. */
  readonly #unshared = new Recent(UNSHARED_MS);
  /** By key: a busy image whose origin fails must not cost the origin a request for each stale hit. */
  readonly #unrenewed = new Recent(RETRY_MS);
  readonly #troubled = new Recent(TROUBLE_MS);
  readonly #purges: FlightPurges;

  constructor(options: FlightsOptions) {
    this.#tier = options.tier;
    this.#purges = new FlightPurges(options.tier);
    this.#ledger = options.ledger;
    this.#clock = options.clock;
    this.#pseudonym = options.pseudonym;
    this.#onFault = options.onFault;
    this.#budget = { limitBytes: options.spoolBytesMax, usedBytes: 0 };
  }

  /** Flights under way. */
  get count(): number {
    return this.#all.size;
  }

  /** Bytes held by spools. */
  get spoolBytes(): number {
    return this.#budget.usedBytes;
  }

  /** The flight that a request for this key may join. */
  joinable(key: string, primary: string): Flight | undefined {
    const flight = this.#byKey.get(key);
    if (flight === undefined || this.#happened(this.#unshared, primary)) return undefined;
    if (flight.head === undefined) return flight;
    return flight.shared && (flight.renewed !== NONE || flight.body?.joinable === true) ? flight : undefined;
  }

  /** True when a stale response may be validated in the background: nobody does, and it did not fail just now. */
  mayRenew(key: string, primary: string): boolean {
    if (this.#byKey.has(key)) return false;
    return !this.#happened(this.#unrenewed, key) && !this.#happened(this.#unshared, primary);
  }

  /** True when the origin failed at this key lately: nobody needs to wait for it to fail again. */
  inTrouble(key: string): boolean {
    return this.#happened(this.#troubled, key);
  }

  /** Keeps what is under way, and older than a purge that it matches, from being stored or joined. */
  purge(rule: PurgeRule): void {
    for (const flight of this.#purges.purge(rule, this.#all)) this.onClosed(flight);
  }

  /** Takes off; {@link Flight.start} must follow once the first waiter has joined. */
  lead(request: FlightRequest): Flight {
    const { stale, primary } = request;
    const fields = upstreamFields(request.fields, request.neverStore !== undefined, this.#pseudonym);
    const conditions =
      stale !== NONE && request.conditional ? conditionalFields(parseFieldLines(this.#tier.head(stale))) : [];
    for (const [name, value] of conditions) fields.set(name, value);
    if (stale !== NONE) this.#tier.cache.pin(stale);
    const flight = new Flight(
      {
        ...request,
        conditional: conditions.length > 0,
        request: { method: request.method, target: request.target, fields },
        requestedS: epochS(this.#clock),
        startedMs: this.#clock.monotonicMs(),
        lastPurge: this.#tier.purges.total,
      },
      this,
    );
    this.#all.add(flight);
    const siblings = this.#byPrimary.get(primary);
    if (siblings === undefined) this.#byPrimary.set(primary, new Set([flight]));
    else siblings.add(flight);
    if (request.key !== undefined && !this.#byKey.has(request.key)) this.#byKey.set(request.key, flight);
    return flight;
  }

  /** Steps 5 and 6 for the head of a response. */
  onHead(flight: Flight, head: OriginHead): OriginFailure | undefined {
    const { plan } = flight;
    flight.firstByteMs = this.#clock.monotonicMs() - plan.startedMs;
    const nowS = epochS(this.#clock);
    if (plan.neverStore !== undefined) this.#passThrough(flight, head, plan.neverStore);
    else if (head.status === 304 && plan.conditional) this.#renew(flight, head, nowS);
    else if (head.status === 304 || head.status === 206) {
      const asked = head.status === 304 ? 'without conditions' : 'for the whole';
      const detail = `origin ${plan.route.origin.name}: status ${head.status} to a request ${asked}`;
      return { cause: 'malformed', detail };
    } else this.#admit(flight, head, nowS);
    return undefined;
  }

  #admit(flight: Flight, head: OriginHead, nowS: number): void {
    const { plan } = flight;
    const admission = admit({
      route: plan.route,
      method: plan.request.method,
      requestFields: plan.fields,
      head,
      requestedS: plan.requestedS,
      nowS,
    });
    if (!admission.store) {
      this.#passThrough(flight, head, admission.reason);
      return;
    }
    const { facts } = admission;
    const place = placeOf(this.#tier, plan.primary, admission.vary, plan.fields);
    if (place === undefined) {
      this.#passThrough(flight, head, 'vary-star');
      return;
    }
    // Also for what is not stored: who waits for another variant does not get this one.
    flight.place = place;
    if (
      outlasts(this.#tier, plan.stale, head.status, nowS) ||
      outlasts(this.#tier, incumbent(this.#tier, place), head.status, nowS)
    ) {
      this.#shareError(flight, head, 'status');
      return;
    }
    flight.facts = facts;
    if (head.bodyBytes === undefined) {
      flight.shared = true;
      flight.body = this.#spool(flight, head, true, plan.route.objectBytesMax);
      return;
    }
    const slot = reserve(this.#tier, place, keptFields(head.fields, nowS), head.bodyBytes, facts, nowS);
    if (slot === NONE) {
      this.#passThrough(flight, head, 'no-room');
      return;
    }
    flight.shared = true;
    flight.body = new ReservedBody(this.#tier, slot);
  }

  onWhole(flight: Flight): FlightEnding {
    const nowS = epochS(this.#clock);
    const { body } = flight;
    if (flight.renewed !== NONE) return flight.shared ? 'revalidated' : 'not-stored';
    if (flight.notStored === undefined) {
      const objection = this.#objection(flight, nowS);
      if (objection !== undefined) this.#note(flight, objection);
    }
    const wanted = flight.notStored === undefined;
    if (body instanceof ReservedBody) {
      if (wanted) this.#publish(flight, body.slot, nowS);
      else this.#tier.cache.withdraw(body.slot);
      return wanted ? 'stored' : 'not-stored';
    }
    if (!(body instanceof Spool)) return 'not-stored';
    const stored = wanted && body.keeping && this.#storeSpool(flight, body, nowS);
    if (!stored) body.letGo();
    return stored ? 'stored' : 'not-stored';
  }

  /** What speaks against storing it now: since its head was there, others may have come and stored something better. */
  #objection(flight: Flight, nowS: number): NotStoredReason | undefined {
    const { plan, place, facts } = flight;
    if (this.#purges.isPurged(flight)) return 'superseded';
    if (place === undefined || facts === undefined) return undefined;
    const now = placeOf(this.#tier, plan.primary, place.vary, plan.fields);
    // Its resource has come to vary by more: under the key that it was given, nobody would find it.
    if (now?.key !== place.key || flight.overtaken.has(place.key)) return 'superseded';
    return outlasts(this.#tier, incumbent(this.#tier, place), facts.status, nowS) ? 'status' : undefined;
  }

  #publish(flight: Flight, slot: number, nowS: number): void {
    const place = flight.place!;
    flight.stored = slot;
    publish(this.#tier, place, slot, nowS);
    this.#overtake(flight, place.key);
  }

  /** Fetches of this resource that took off earlier may bring what is older: they leave this in its place. */
  #overtake(flight: Flight, key: string): void {
    for (const other of this.#byPrimary.get(flight.plan.primary) ?? []) {
      if (other === flight) return;
      other.overtaken.add(key);
    }
  }

  onBroken(flight: Flight): void {
    const { body } = flight;
    if (body instanceof ReservedBody) this.#tier.cache.withdraw(body.slot);
    if (body instanceof Spool) body.letGo();
    if (body !== undefined && flight.notStored === undefined) this.#note(flight, 'truncated');
  }

  onTaint(flight: Flight): void {
    const { stored, place } = flight;
    if (stored === NONE || place === undefined) return;
    this.#tier.key.set(place.key);
    if (this.#tier.find() === stored) this.#tier.cache.remove(stored, 'tainted');
  }

  onEnded(flight: Flight, ending: FlightEnding): void {
    const { plan, head } = flight;
    const held = flight.renewed !== NONE ? flight.renewed : plan.stale;
    if (held !== NONE) this.#tier.cache.unpin(held);
    this.#all.delete(flight);
    const siblings = this.#byPrimary.get(plan.primary);
    siblings?.delete(flight);
    if (siblings?.size === 0) this.#byPrimary.delete(plan.primary);
    this.#purges.ended(this.#all);
    if (plan.key !== undefined && plan.stale !== NONE && ending !== 'stored' && ending !== 'revalidated') {
      this.#remember(this.#unrenewed, plan.key);
      const failed = flight.failure !== undefined || (head !== undefined && isTrouble(head.status));
      if (failed) this.#remember(this.#troubled, plan.key);
    }
    this.#ledger.flightEnded(ending);
    this.#ledger.originAnswered(plan.route, head?.status ?? 0, flight.receivedBytes, flight.firstByteMs);
    if (flight.failure !== undefined) this.#ledger.originFailed(plan.route, flight.failure);
  }

  onClosed(flight: Flight): void {
    const { key } = flight.plan;
    if (key !== undefined && this.#byKey.get(key) === flight) this.#byKey.delete(key);
  }

  onFault(error: unknown): void {
    this.#ledger.recorder.internalFault();
    this.#onFault?.(error);
  }

  #renew(flight: Flight, head: OriginHead, nowS: number): void {
    const { plan } = flight;
    const { entries } = this.#tier.cache;
    const stored = parseFieldLines(this.#tier.head(plan.stale));
    if (!confirms(stored, head.fields)) {
      // A 304 about another representation than ours: it says nothing of what is stored here.
      flight.unconfirmed = true;
      this.onClosed(flight);
      return;
    }
    if (flight.purged) {
      // The confirmation may be older than the purge: good for those who asked before it, and for nobody else.
      flight.renewed = plan.stale;
      this.#refuse(flight, 'superseded');
      return;
    }
    const merged = merge304(stored, head.fields);
    const status = entries.status(plan.stale);
    const cc = parseCacheControl(merged.get('cache-control'));
    const facts = factsOf(plan.route, status, merged, cc, plan.requestedS, nowS, head.fields);
    const objection = this.#objectionTo304(flight, status, merged, nowS);
    const place = { primary: plan.primary, key: plan.staleKey, vary: [] };
    flight.renewed = renew(this.#tier, place, plan.stale, merged, facts, nowS);
    if (objection === undefined) {
      flight.shared = true;
      this.#overtake(flight, plan.staleKey);
      return;
    }
    // The one who asked is answered from it, and nobody else.
    this.#refuse(flight, objection);
    if (this.#tier.cache.visible(flight.renewed)) this.#tier.cache.remove(flight.renewed, 'expired');
  }

  /** Why the response, with what the 304 says of it, may be stored no longer, or not where it is (RFC 9111 section 4.3.4). */
  #objectionTo304(flight: Flight, status: number, merged: Fields, nowS: number): NotStoredReason | undefined {
    const { route, primary, fields, stale, staleKey, requestedS } = flight.plan;
    const admission = admit({
      route,
      method: 'GET',
      // Not those of the client: its no-store is not about what is stored already.
      requestFields: new Fields(),
      head: { status, fields: merged, framing: 'length', bodyBytes: undefined },
      requestedS,
      nowS,
    });
    if (!admission.store) return admission.reason;
    if (!this.#tier.cache.visible(stale)) return undefined;
    const place = placeOf(this.#tier, primary, admission.vary, fields);
    return place?.key === staleKey ? undefined : 'vary-star';
  }

  #passThrough(flight: Flight, head: OriginHead, reason: NotStoredReason): void {
    this.#refuse(flight, reason);
    flight.shared = false;
    flight.body = this.#spool(flight, head, false, 0);
  }

  #shareError(flight: Flight, head: OriginHead, reason: NotStoredReason): void {
    // Not through refuse: it stays joinable, for an origin in trouble must not be asked by each request anew.
    this.#note(flight, reason);
    flight.shared = true;
    flight.body = this.#spool(flight, head, true, SHARED_ERROR_BYTES_MAX);
  }

  #refuse(flight: Flight, reason: NotStoredReason): void {
    this.#note(flight, reason);
    this.onClosed(flight);
    if (flight.plan.key !== undefined) this.#remember(this.#unshared, flight.plan.primary);
  }

  #note(flight: Flight, reason: NotStoredReason): void {
    flight.notStored = reason;
    this.#ledger.notStored(reason);
    this.#tier.notStored(flight.plan.primary, reason, epochS(this.#clock));
  }

  #remember(recent: Recent, key: string): void {
    recent.add(this.#tier.key.set(key), this.#clock.monotonicMs());
  }

  #happened(recent: Recent, key: string): boolean {
    return recent.size > 0 && recent.has(this.#tier.key.set(key), this.#clock.monotonicMs());
  }

  #spool(flight: Flight, head: OriginHead, keep: boolean, keepBytesMax: number): Spool {
    return new Spool({
      bytes: head.bodyBytes,
      keep,
      keepBytesMax,
      budget: this.#budget,
      pause: () => flight.pause(),
      resume: () => flight.resume(),
      onIdle: () => flight.abandonIfUseless(),
      onGiveUp: (reason) => {
        flight.shared = false;
        if (flight.notStored === undefined) this.#refuse(flight, reason);
        else this.onClosed(flight);
      },
    });
  }

  #storeSpool(flight: Flight, spool: Spool, nowS: number): boolean {
    const fields = keptFields(flight.head!.fields, nowS);
    const slot = reserve(this.#tier, flight.place!, fields, spool.total, flight.facts!, nowS);
    if (slot === NONE) {
      this.#refuse(flight, 'no-room');
      return false;
    }
    let at = 0;
    for (const chunk of spool.chunks) {
      this.#tier.writeBody(slot, at, chunk);
      at += chunk.length;
    }
    // Before it is published: from then on it could be evicted.
    spool.moveTo(this.#tier, slot);
    this.#publish(flight, slot, nowS);
    return true;
  }
}
