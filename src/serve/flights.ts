import type { Clock } from '../base/clock.ts';
import { Flag, NONE } from '../cache/entries.ts';
import type { FlightEnding, NotStoredReason } from '../cache/outcome.ts';
import { parseCacheControl } from '../http/cache-control.ts';
import { conditionalFields, confirms, merge304 } from '../http/conditional.ts';
import type { Fields } from '../http/fields.ts';
import { addVia, originRequestFields, storedResponseFields } from '../http/forward.ts';
import { canonicalRequestFields } from '../http/vary.ts';
import type { OriginHead } from '../origin/origin.ts';
import type { MemoryTier } from '../store/memory/tier.ts';
import type { Route } from './1-route.ts';
import { variantKey } from './2-key.ts';
import { varyNames } from './3-lookup.ts';
import { Flight, type FlightSteps, Recent } from './4-origin.ts';
import { admit, factsOf } from './5-admit.ts';
import { publish, renew, reserve } from './6-store.ts';
import { parseFieldLines } from './field-lines.ts';
import { ReservedBody, Spool, type SpoolBudget } from './flight-body.ts';
import type { Ledger } from './ledger.ts';
import type { Place } from './place.ts';

/** A small error body that several waiting requests share. */
const SHARED_ERROR_BYTES_MAX = 64 * 1024;
/** How long requests for a resource whose response could not be shared go to the origin side by side. */
const UNSHARED_MS = 10_000;
/** After a validation that did not succeed, the next one in the background waits for so long. */
const RETRY_MS = 1_000;

export interface FlightRequest {
  readonly route: Route;
  readonly primary: string;
  /** Key under which others may join; undefined for a fetch that serves one request alone. */
  readonly key: string | undefined;
  readonly method: 'GET' | 'HEAD';
  readonly target: string;
  readonly fields: Fields;
  /** Stored response to validate, or NONE. */
  readonly stale: number;
  /** Key under which that one is stored. */
  readonly staleKey: string;
  /** Set for a bypass: the origin is asked what the client asked, conditions and ranges included. */
  readonly neverStore: NotStoredReason | undefined;
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
  readonly #byKey = new Map<string, Flight>();
  readonly #all = new Set<Flight>();
  /** By primary key: a response that is private, or too large, is fetched by each request for itself, not in line. */
  readonly #unshared = new Recent(UNSHARED_MS);
  /** By key: a busy image whose origin fails must not cost the origin a request for each stale hit. */
  readonly #unrenewed = new Recent(RETRY_MS);

  constructor(tier: MemoryTier, ledger: Ledger, clock: Clock, spoolBytesMax: number) {
    this.#tier = tier;
    this.#ledger = ledger;
    this.#clock = clock;
    this.#budget = { limitBytes: spoolBytesMax, usedBytes: 0 };
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
    if (flight === undefined || this.#unshared.has(primary, this.#clock.monotonicMs())) return undefined;
    if (flight.head === undefined) return flight;
    return flight.shared && (flight.renewed !== NONE || flight.body?.joinable === true) ? flight : undefined;
  }

  /** True when a stale response may be validated in the background: nobody does, and it did not fail just now. */
  mayRenew(key: string, primary: string): boolean {
    const nowMs = this.#clock.monotonicMs();
    return !this.#byKey.has(key) && !this.#unrenewed.has(key, nowMs) && !this.#unshared.has(primary, nowMs);
  }

  /** Keeps what is under way for these keys from being stored or joined: it may be older than the purge. */
  purge(matches: (key: string) => boolean): void {
    for (const flight of this.#all) {
      if (!matches(flight.plan.primary)) continue;
      flight.purged = true;
      this.onClosed(flight);
    }
  }

  /** Takes off; {@link Flight.start} must follow once the first waiter has joined. */
  lead(request: FlightRequest): Flight {
    const { stale } = request;
    const fields = upstreamFields(request.fields, request.neverStore !== undefined);
    if (stale !== NONE) {
      this.#tier.cache.pin(stale);
      for (const [name, value] of conditionalFields(parseFieldLines(this.#tier.head(stale))))
        fields.set(name, value);
    }
    const flight = new Flight(
      {
        ...request,
        request: { method: request.method, target: request.target, fields },
        requestedS: Math.floor(this.#clock.nowMs() / 1000),
        startedMs: this.#clock.monotonicMs(),
      },
      this,
    );
    this.#all.add(flight);
    if (request.key !== undefined && !this.#byKey.has(request.key)) this.#byKey.set(request.key, flight);
    return flight;
  }

  /** Steps 5 and 6 for the head of a response. */
  onHead(flight: Flight, head: OriginHead): void {
    const { plan } = flight;
    flight.firstByteMs = this.#clock.monotonicMs() - plan.startedMs;
    const nowS = Math.floor(this.#clock.nowMs() / 1000);
    if (head.status === 304 && plan.stale !== NONE) {
      this.#renew(flight, head, nowS);
      return;
    }
    if (plan.neverStore !== undefined) {
      this.#passThrough(flight, head, plan.neverStore);
      return;
    }
    const admission = admit({
      route: plan.route,
      method: plan.request.method,
      requestFields: plan.fields,
      head,
      hasStored: plan.stale !== NONE && this.#tier.cache.entries.status(plan.stale) < 400,
      requestedS: plan.requestedS,
      nowS,
    });
    if (!admission.store) {
      if (admission.shareable) this.#shareError(flight, head, admission.reason);
      else this.#passThrough(flight, head, admission.reason);
      return;
    }
    const { facts } = admission;
    flight.place = this.#placeOf(flight, admission.vary);
    flight.facts = facts;
    if (head.bodyBytes === undefined) {
      flight.shared = true;
      flight.body = this.#spool(flight, head, true, plan.route.objectBytesMax);
      return;
    }
    const slot = reserve(
      this.#tier,
      flight.place,
      keptFields(head.fields, nowS),
      head.bodyBytes,
      facts,
      nowS,
    );
    if (slot === NONE) {
      this.#passThrough(flight, head, 'no-room');
      return;
    }
    flight.shared = true;
    flight.body = new ReservedBody(this.#tier, slot);
  }

  onWhole(flight: Flight): FlightEnding {
    const nowS = Math.floor(this.#clock.nowMs() / 1000);
    const { body } = flight;
    if (flight.renewed !== NONE) return 'revalidated';
    if (flight.purged && flight.notStored === undefined) this.#refuse(flight, 'superseded');
    if (body instanceof ReservedBody) {
      if (flight.purged) {
        this.#tier.cache.withdraw(body.slot);
        return 'not-stored';
      }
      flight.stored = body.slot;
      publish(this.#tier, flight.place!, body.slot, nowS);
      return 'stored';
    }
    if (!(body instanceof Spool)) return 'not-stored';
    const stored = body.keeping && flight.notStored === undefined && this.#storeSpool(flight, body, nowS);
    body.letGo();
    return stored ? 'stored' : 'not-stored';
  }

  onBroken(flight: Flight): void {
    const { body } = flight;
    if (body instanceof ReservedBody) this.#tier.cache.withdraw(body.slot);
    if (body instanceof Spool) body.letGo();
    if (body !== undefined && flight.notStored === undefined) this.#refuse(flight, 'truncated');
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
    if (plan.key !== undefined && plan.stale !== NONE && ending !== 'stored' && ending !== 'revalidated')
      this.#unrenewed.add(plan.key, this.#clock.monotonicMs());
    this.#ledger.flightEnded(ending);
    this.#ledger.originAnswered(plan.route, head?.status ?? 0, flight.receivedBytes, flight.firstByteMs);
    if (flight.failure !== undefined) this.#ledger.originFailed(plan.route, flight.failure);
  }

  onClosed(flight: Flight): void {
    const { key } = flight.plan;
    if (key !== undefined && this.#byKey.get(key) === flight) this.#byKey.delete(key);
  }

  #renew(flight: Flight, head: OriginHead, nowS: number): void {
    const { plan } = flight;
    const { entries } = this.#tier.cache;
    const stored = parseFieldLines(this.#tier.head(plan.stale));
    if (!confirms(stored, head.fields)) {
      // A 304 about another representation than ours: it says nothing of what is stored here.
      flight.unconfirmed = true;
      return;
    }
    const merged = merge304(stored, head.fields);
    const cc = parseCacheControl(merged.get('cache-control'));
    const facts = factsOf(
      plan.route,
      entries.status(plan.stale),
      merged,
      cc,
      plan.requestedS,
      nowS,
      head.fields,
    );
    const place = { primary: plan.primary, key: plan.staleKey, vary: [] };
    flight.renewed = renew(this.#tier, place, plan.stale, merged, facts, nowS);
    flight.shared = true;
  }

  #passThrough(flight: Flight, head: OriginHead, reason: NotStoredReason): void {
    this.#refuse(flight, reason);
    flight.shared = false;
    flight.body = this.#spool(flight, head, false, 0);
  }

  #shareError(flight: Flight, head: OriginHead, reason: NotStoredReason): void {
    // Not through refuse: it stays joinable, for an origin in trouble must not be asked by each request anew.
    flight.notStored = reason;
    this.#ledger.notStored(reason);
    flight.shared = true;
    flight.body = this.#spool(flight, head, true, SHARED_ERROR_BYTES_MAX);
  }

  #refuse(flight: Flight, reason: NotStoredReason): void {
    flight.notStored = reason;
    this.#ledger.notStored(reason);
    if (reason === 'truncated' || reason === 'superseded') return;
    this.onClosed(flight);
    if (flight.plan.key !== undefined) this.#unshared.add(flight.plan.primary, this.#clock.monotonicMs());
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
    flight.stored = slot;
    publish(this.#tier, flight.place!, slot, nowS);
    return true;
  }

  /** A resource varies by all fields that any of its responses named: so every stored variant stays reachable. */
  #placeOf(flight: Flight, vary: readonly string[]): Place {
    const { primary, fields } = flight.plan;
    if (vary.length === 0) return { primary, key: primary, vary };
    this.#tier.key.set(primary);
    const marker = this.#tier.find();
    const known =
      marker !== NONE && (this.#tier.cache.entries.flags(marker) & Flag.VARY) !== 0
        ? varyNames(this.#tier, marker)
        : [];
    const names = [...new Set([...known, ...vary])].sort();
    return { primary, key: variantKey(primary, names, fields), vary: names };
  }
}

/** Name of this cache in Via and Cache-Status. */
const PSEUDONYM = 'holdfast';
/** What a bypass sends on besides: the client's own conditions are then the origin's business. */
const CONDITIONS = [
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'if-range',
  'range',
];

/** Fields for the origin. Those that choose a variant are sent in the form that the key is made of. */
function upstreamFields(fields: Fields, bypass: boolean): Fields {
  const upstream = originRequestFields(canonicalRequestFields(fields), {
    cookies: bypass,
    cacheDirectives: bypass,
  });
  if (bypass) {
    for (const name of CONDITIONS) {
      const value = fields.get(name);
      if (value !== undefined) upstream.set(name, value);
    }
  }
  addVia(upstream, PSEUDONYM);
  return upstream;
}

function keptFields(fields: Fields, nowS: number): Fields {
  const kept = storedResponseFields(fields, nowS);
  addVia(kept, PSEUDONYM);
  return kept;
}
