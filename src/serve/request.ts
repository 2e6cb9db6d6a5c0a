import { type Clock, epochS } from '../base/clock.ts';
import type { ErrorCode } from '../base/errors.ts';
import { Flag, NONE } from '../cache/entries.ts';
import type { ForwardReason, Outcome, ServedCause } from '../cache/outcome.ts';
import { NO_CACHE_CONTROL, parseCacheControl } from '../http/cache-control.ts';
import { Fields } from '../http/fields.ts';
import { isLoop } from '../http/forward.ts';
import { normalisePath, type Target } from '../http/target.ts';
import type { OriginHead } from '../origin/origin.ts';
import type { MemoryTier } from '../store/memory/tier.ts';
import type { Route, Routes } from './1-route.ts';
import { primaryKey, resourceOf, upstreamTarget } from './2-key.ts';
import { Mark, marks, plainlyFresh, reuseOf } from './3-lookup.ts';
import type { FlightRequest } from './4-origin.ts';
import { refusal } from './7-respond.ts';
import type { Abandon, Answer, CacheRequest, RequestHandler, Responder } from './answer.ts';
import { type Asked, resourceIn } from './asked.ts';
import { bypasses } from './bypass.ts';
import { Flights } from './flights.ts';
import type { Ledger } from './ledger.ts';
import { CLIENT_CLOSED_REQUEST, Passage } from './passage.ts';
import { variantKey, varyNames } from './place.ts';
import { type Promoted, Promotions } from './promotion.ts';
import { Purger } from './purge.ts';
import type { RequestPathOptions } from './request-options.ts';
import { storedAnswer } from './stored.ts';
import type { TrafficRows } from './traffic-rows.ts';
import { invalidateAfter, mayForward } from './unsafe.ts';
import { CACHE_NAME } from './upstream.ts';
import { askOf } from './variants/ask.ts';
import { Variants } from './variants/variants.ts';

/**
 * The request path. All branching is here; read {@link handle} from top to bottom:
 *
 *     1 route  2 key  3 lookup  ->  fresh | stale | absent  ->  4 origin (collapsed)  5 admit  6 store  ->  7 respond
 *
 * A hit is answered before `handle` returns, without a promise. Steps 4 to 6 are in {@link Flights}; a request that
 * has to wait for them is a {@link Passage}.
 */
export class RequestPath implements RequestHandler {
  readonly flights: Flights;
  readonly tier: MemoryTier;
  readonly ledger: Ledger;
  readonly clock: Clock;
  #routes: Routes;
  readonly #fetchesMax: number;
  readonly #pseudonym: string;
  /** Undefined without a tier below. */
  readonly promotions: Promotions | undefined;
  readonly variants: Variants;
  readonly purger: Purger;
  readonly rows: TrafficRows | undefined;

  constructor(options: RequestPathOptions) {
    this.#routes = options.routes;
    this.#fetchesMax = options.fetchesMax ?? Number.POSITIVE_INFINITY;
    this.tier = options.tier;
    this.ledger = options.ledger;
    this.clock = options.clock;
    this.#pseudonym = options.pseudonym ?? CACHE_NAME;
    this.rows = options.rows;
    const recordsTraffic = options.rows !== undefined;
    this.flights = new Flights({ ...options, recordsTraffic, pseudonym: this.#pseudonym });
    this.variants = new Variants(this, { ...options, onFault: (error) => this.flights.onFault(error) });
    this.purger = new Purger({
      ...options,
      flights: this.flights,
      routes: () => this.#routes,
      onPurge: () => this.variants.failures.clear(),
    });
    const { below } = this.tier;
    if (below !== undefined) {
      this.promotions = new Promotions(this.tier, below, {
        clock: this.clock,
        onFault: (error) => this.flights.onFault(error),
      });
    }
  }

  /** So much is under way that what is not stored at all is not fetched besides. */
  get full(): boolean {
    return this.flights.count >= this.#fetchesMax;
  }

  /** Those that requests are matched against. */
  get routes(): Routes {
    return this.#routes;
  }

  /** From the next request on, these are the routes. What is under way ends by those that it began with. */
  reroute(routes: Routes): void {
    this.#routes = routes;
  }

  handle(request: CacheRequest, responder: Responder): Abandon | undefined {
    const target = normalisePath(request.target);
    if (target === undefined) return this.#refuse(request, responder, undefined, 'bad-request');
    const route = this.#routes.match(request.host, target.path);
    if (route === undefined) return this.#refuse(request, responder, undefined, 'route-not-found');
    const found = marks(request.fields);
    if ((found & Mark.VIA) !== 0 && isLoop(request.fields, this.#pseudonym)) {
      return this.#refuse(request, responder, route, 'loop');
    }
    if (route.images !== undefined) return this.#image(request, responder, route, target, found);
    const resource = resourceOf(route, target);
    const primary = primaryKey(route, request.host, resource);
    const asked = { request, responder, route, resource, primary, found, variant: undefined };
    if (request.method !== 'GET' && request.method !== 'HEAD') return this.#unsafe(asked);
    if (!route.caches) return this.#bypass(asked, 'route');
    if (route.bypass !== undefined && bypasses(route.bypass, target.path, request.fields)) {
      return this.#bypass(asked, 'rule');
    }
    if ((found & Mark.CREDENTIALS) !== 0) return this.#withCredentials(asked);
    return this.lookUp(asked);
  }

  /** The address may ask for a variant: that has a key of its own behind the one of its original. */
  #image(
    request: CacheRequest,
    responder: Responder,
    route: Route,
    target: Target,
    found: number,
  ): Abandon | undefined {
    const ask = askOf(route.images!, request, target, epochS(this.clock));
    if ('refused' in ask) return this.#refuse(request, responder, route, ask.refused, '', ask.why);
    const { resource, primary, originals } = ask;
    const original = { request, responder, route: originals, resource, primary, found, variant: undefined };
    if (request.method !== 'GET' && request.method !== 'HEAD') return this.#unsafe(original);
    if (ask.variant === undefined) {
      return (found & Mark.CREDENTIALS) !== 0 ? this.#withCredentials(original) : this.lookUp(original);
    }
    // Made of what everybody may see: credentials make no difference, and are not sent on.
    const variant = { ...ask, variant: ask.variant };
    return this.lookUp({ ...original, route, primary: variant.variant.key, variant });
  }

  /** From the lookup on. */
  lookUp(passage: Asked): Abandon | undefined {
    const { request, responder, primary, found } = passage;
    const nowS = epochS(this.clock);
    let key = primary;
    let forward: ForwardReason = 'uri-miss';
    let slot = this.tier.findKey(key);
    if (slot !== NONE && (this.tier.cache.entries.flags(slot) & Flag.VARY) !== 0) {
      this.tier.cache.hit(slot);
      key = variantKey(primary, varyNames(this.tier, slot), request.fields);
      slot = this.tier.findKey(key);
      forward = 'vary-miss';
    }
    if (slot !== NONE && plainlyFresh(this.tier, slot, nowS, found)) {
      this.rows?.hit(request, passage.route, resourceIn(passage, key), slot);
      responder.respond(this.stored(passage, slot, 'hit', nowS, -1, ''));
      return undefined;
    }
    const seenMs = this.rows?.stamp(request);
    if (slot === NONE) return this.#notInMemory({ ...passage, key, forward, seenMs }, nowS);
    return this.#considered({ ...passage, key, seenMs }, slot, nowS);
  }

  /** The tier below may have it: then it is brought up, and the lookup goes on from there. */
  #notInMemory(asked: Looked, nowS: number): Abandon | undefined {
    const below = this.promotions?.find() ?? NONE;
    if (below === NONE) return this.#absent(asked, nowS);
    let abandon: Abandon | undefined;
    const takeBack = this.promotions!.promote(asked.key, below, (promoted) => {
      this.#guarded(asked, () => {
        abandon = this.#broughtUp(asked, promoted);
      });
    });
    abandon = () => {
      takeBack();
      const { request, route } = asked;
      const served = { request, route, outcome: 'hit', status: CLIENT_CLOSED_REQUEST } as const;
      this.ledger.served({ ...served, originMs: -1, detail: 'disk', cause: 'client-gone' }, 0, false);
    };
    return () => abandon?.();
  }

  #broughtUp(looked: Looked, { slot, vary }: Promoted): Abandon | undefined {
    const nowS = epochS(this.clock);
    const asked = { ...looked, fromDisk: true } as const;
    const { primary, request } = asked;
    if (asked.key === primary && (vary !== undefined || (slot !== NONE && this.#namesVariants(slot)))) {
      const key = variantKey(primary, vary ?? varyNames(this.tier, slot), request.fields);
      const variant = this.tier.findKey(key);
      const chosen: Looked = { ...asked, key, forward: 'vary-miss' };
      return variant === NONE ? this.#notInMemory(chosen, nowS) : this.#considered(chosen, variant, nowS);
    }
    if (slot !== NONE) return this.#considered(asked, slot, nowS);
    this.tier.findKey(asked.key);
    return this.#absent(asked, nowS);
  }

  #namesVariants(slot: number): boolean {
    return (this.tier.cache.entries.flags(slot) & Flag.VARY) !== 0;
  }

  /** A fault of our own in a callback must not leave the client without an answer. */
  #guarded(asked: Looked, fn: () => void): void {
    try {
      fn();
    } catch (error) {
      this.flights.onFault(error);
      new Passage(this, { ...asked, forward: 'bypass', stale: NONE, staleOnError: false }).alone('storage');
    }
  }

  /** Something is stored, and it takes a closer look whether it may answer. */
  #considered(asked: Asked & { readonly key: string }, slot: number, nowS: number): Abandon | undefined {
    const { request, responder, route, found } = asked;
    const cc =
      (found & Mark.DIRECTIVES) === 0
        ? NO_CACHE_CONTROL
        : parseCacheControl(request.fields.get('cache-control'));
    const pragmaNoCache =
      (found & Mark.DIRECTIVES) !== 0 &&
      !request.fields.has('cache-control') &&
      /(^|,)\s*no-cache/i.test(request.fields.get('pragma') ?? '');
    const decision = reuseOf(this.tier, slot, route, { cc, pragmaNoCache }, nowS);
    switch (decision.use) {
      case 'fresh':
        this.#answerWith(asked, slot, 'hit', nowS, '');
        return undefined;
      case 'stale-while-revalidate':
        this.#answerWith(asked, slot, 'stale', nowS, '');
        this.revalidateInBackground(asked, slot);
        return undefined;
      case 'gateway-timeout':
        this.rows?.unanswered(asked, REFUSED);
        return this.#refuse(request, responder, route, 'only-if-cached');
      case 'validate':
        if (decision.mayServeStaleOnError) {
          const cause = this.#notWorthAsking(asked);
          if (cause !== undefined) {
            this.#answerWith(asked, slot, 'stale', nowS, cause);
            this.revalidateInBackground(asked, slot);
            return undefined;
          }
        }
        return new Passage(this, {
          ...asked,
          forward: 'stale',
          stale: slot,
          staleOnError: decision.mayServeStaleOnError,
        }).board();
    }
  }

  /** Why nobody with a copy to fall back on needs to wait for the origin; undefined when it is worth it. */
  #notWorthAsking({ route, key }: { route: Route; key: string }): ServedCause | undefined {
    if (this.flights.inTrouble(key)) return 'recent-failure';
    const trouble = route.origin.trouble?.();
    return trouble === undefined ? undefined : `origin-${trouble}`;
  }

  /** A stored response is the answer, at once. */
  #answerWith(
    asked: Asked & { readonly key: string },
    slot: number,
    outcome: Outcome,
    nowS: number,
    cause: ServedCause,
  ): void {
    this.rows?.stored(asked, slot, { outcome, originMs: undefined });
    asked.responder.respond(this.stored(asked, slot, outcome, nowS, -1, cause));
  }

  /** Nothing is stored. The ghosts know whether that is the fault of an eviction. */
  #absent(asked: Looked, nowS: number): Abandon | undefined {
    this.tier.cache.missed(this.tier.key, nowS);
    const { request, responder, route, found } = asked;
    if (
      (found & Mark.DIRECTIVES) !== 0 &&
      parseCacheControl(request.fields.get('cache-control')).onlyIfCached
    ) {
      this.rows?.unanswered(asked, REFUSED);
      return this.#refuse(request, responder, route, 'only-if-cached');
    }
    return new Passage(this, { ...asked, stale: NONE, staleOnError: false }).board();
  }

  /** Another method than GET and HEAD: the origin's business, or nobody's. */
  #unsafe(asked: Asked): Abandon | undefined {
    const { request, responder, route } = asked;
    if (mayForward(route, request.method)) return this.#bypass(asked, 'method');
    return this.#refuse(request, responder, route, 'method-not-allowed', 'Allow: GET, HEAD\r\n');
  }

  /** The head of a response to such a method is there. */
  accepted({ request, route, primary }: Asked, head: OriginHead): void {
    const { tier, flights, purger } = this;
    const where = { tier, flights, purger, routes: this.#routes };
    invalidateAfter(where, request, route, primary, head.status, head.fields);
  }

  /**
   * Answered from the store only with what says that it is for all; what comes may be stored if it says so (RFC 9111
   * section 3.5). Conditions, ranges and cookies of such a request are the origin's business.
   */
  #withCredentials(asked: Asked): Abandon | undefined {
    const { primary, request, responder, found } = asked;
    let key = primary;
    let slot = this.tier.findKey(key);
    if (slot !== NONE && (this.tier.cache.entries.flags(slot) & Flag.VARY) !== 0) {
      key = variantKey(primary, varyNames(this.tier, slot), request.fields);
      slot = this.tier.findKey(key);
    }
    const nowS = epochS(this.clock);
    const shared = slot !== NONE && (this.tier.cache.entries.flags(slot) & Flag.SHARED) !== 0;
    if (shared && plainlyFresh(this.tier, slot, nowS, found)) {
      this.rows?.hit(request, asked.route, resourceIn(asked, key), slot);
      responder.respond(this.stored(asked, slot, 'hit', nowS, -1, ''));
      return undefined;
    }
    const own = (found & (Mark.CONDITIONS | Mark.RANGE)) !== 0 || request.method === 'HEAD';
    return this.#bypass(asked, own || request.fields.has('cookie') ? 'authorization' : undefined);
  }

  /** The cache has no part in it: the origin is asked what the client asked. */
  #bypass(
    asked: Asked,
    reason: 'route' | 'rule' | 'method' | 'authorization' | undefined,
  ): Abandon | undefined {
    const passage = new Passage(this, {
      ...asked,
      seenMs: this.rows?.stamp(asked.request),
      key: asked.primary,
      forward: reason === 'method' ? 'method' : 'bypass',
      stale: NONE,
      staleOnError: false,
    });
    return passage.alone(reason);
  }

  /** Renews a stale response that has just been served (RFC 5861 section 3); one fetch at a time. */
  revalidateInBackground(asked: Asked & { readonly key: string }, slot: number): void {
    const { key, primary, route, resource } = asked;
    if (!this.flights.mayRenew(key, primary)) return;
    const target = upstreamTarget(route, resource);
    this.flights
      .lead({
        route,
        primary,
        key,
        method: 'GET',
        target,
        ...this.sourceOf(asked, true),
        stale: slot,
        staleKey: key,
        conditional: true,
        staleOnError: true,
        neverStore: undefined,
        background: true,
      })
      .start();
  }

  /** Who is asked, and with which of the client's fields: for a variant, nobody's but our own, and with none. */
  sourceOf(asked: Asked, hasStandIn: boolean): Pick<FlightRequest, 'fields' | 'source'> {
    const { request, variant } = asked;
    if (variant === undefined) return { fields: request.fields };
    return { fields: new Fields(), source: this.variants.source({ ...asked, variant }, hasStandIn) };
  }

  /** Step 7 for a stored response, whole or the part that the request asks for. */
  stored(
    asked: Pick<Asked, 'request' | 'route' | 'found'>,
    slot: number,
    outcome: Outcome,
    nowS: number,
    originMs: number,
    why: ServedCause,
  ): Answer {
    const { request, route, found } = asked;
    const served = { request, route, outcome, originMs, cause: why };
    return storedAnswer(this.ledger, this.tier, slot, served, found, nowS);
  }

  #refuse(
    request: CacheRequest,
    responder: Responder,
    route: Route | undefined,
    code: ErrorCode,
    extraLines = '',
    why = '',
  ): undefined {
    const served = { request, route, outcome: 'refused', originMs: -1, detail: '' } as const;
    responder.respond(refusal(this.ledger, code, served, this.clock.nowMs(), extraLines, why));
    return undefined;
  }
}

const REFUSED = { outcome: 'refused', originMs: undefined } as const;

/** A request whose lookup found nothing, so far. */
type Looked = Asked & { readonly key: string; readonly forward: ForwardReason };
