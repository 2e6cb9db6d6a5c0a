import { type Clock, epochS } from '../base/clock.ts';
import type { ErrorCode } from '../base/errors.ts';
import { Flag, NONE } from '../cache/entries.ts';
import type { ForwardReason, Outcome } from '../cache/outcome.ts';
import { NO_CACHE_CONTROL, parseCacheControl } from '../http/cache-control.ts';
import { cacheStatus } from '../http/cache-status.ts';
import { isLoop } from '../http/forward.ts';
import { normalisePath } from '../http/target.ts';
import type { MemoryTier } from '../store/memory/tier.ts';
import type { Route, Routes } from './1-route.ts';
import { primaryKey, resourceOf, upstreamTarget } from './2-key.ts';
import { find, Mark, marks, plainlyFresh, reuseOf } from './3-lookup.ts';
import { freshLines, HitAnswer, refusal } from './7-respond.ts';
import type { Abandon, Answer, CacheRequest, RequestHandler, Responder } from './answer.ts';
import { Flights } from './flights.ts';
import type { Ledger } from './ledger.ts';
import { Passage } from './passage.ts';
import { variantKey, varyNames } from './place.ts';
import { selectedAnswer } from './selected.ts';
import { CACHE_NAME } from './upstream.ts';

export interface RequestPathOptions {
  readonly routes: Routes;
  readonly tier: MemoryTier;
  readonly ledger: Ledger;
  readonly clock: Clock;
  /** Most bytes of responses that are under way and not in the tier. */
  readonly spoolBytesMax: number;
  /** Name of this process in the Via field of its requests; a request that has it already is a loop. */
  readonly pseudonym?: string;
  /** Told of a fault of our own on the way to an answer; it is counted, and the request was answered all the same. */
  readonly onFault?: (error: unknown) => void;
}

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
  readonly #pseudonym: string;

  constructor(options: RequestPathOptions) {
    this.#routes = options.routes;
    this.tier = options.tier;
    this.ledger = options.ledger;
    this.clock = options.clock;
    this.#pseudonym = options.pseudonym ?? CACHE_NAME;
    this.flights = new Flights({ ...options, pseudonym: this.#pseudonym });
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
    const { method } = request;
    if (method !== 'GET' && method !== 'HEAD') {
      return this.#refuse(request, responder, undefined, 'method-not-allowed', 'Allow: GET, HEAD\r\n');
    }
    const target = normalisePath(request.target);
    if (target === undefined) return this.#refuse(request, responder, undefined, 'bad-request');
    const route = this.#routes.match(request.host, target.path);
    if (route === undefined) return this.#refuse(request, responder, undefined, 'route-not-found');
    const resource = resourceOf(route, target);
    const primary = primaryKey(route, request.host, resource);
    const found = marks(request.fields);
    if ((found & Mark.VIA) !== 0 && isLoop(request.fields, this.#pseudonym)) {
      return this.#refuse(request, responder, route, 'loop');
    }
    const passage = { request, responder, route, resource, primary, found };
    if (!route.caches) return this.#bypass(passage, 'route');
    if ((found & Mark.CREDENTIALS) !== 0) return this.#bypass(passage, 'authorization');

    const nowS = epochS(this.clock);
    let key = primary;
    let forward: ForwardReason = 'uri-miss';
    let slot = find(this.tier, key);
    if (slot !== NONE && (this.tier.cache.entries.flags(slot) & Flag.VARY) !== 0) {
      this.tier.cache.hit(slot);
      key = variantKey(primary, varyNames(this.tier, slot), request.fields);
      slot = find(this.tier, key);
      forward = 'vary-miss';
    }
    if (slot === NONE) return this.#absent({ ...passage, key, forward }, nowS);
    if (plainlyFresh(this.tier, slot, nowS, found)) {
      responder.respond(this.stored(passage, slot, 'hit', nowS, -1, ''));
      return undefined;
    }
    return this.#considered({ ...passage, key }, slot, nowS);
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
        responder.respond(this.stored(asked, slot, 'hit', nowS, -1, ''));
        return undefined;
      case 'stale-while-revalidate':
        responder.respond(this.stored(asked, slot, 'stale', nowS, -1, ''));
        this.#revalidateInBackground(asked, slot);
        return undefined;
      case 'gateway-timeout':
        return this.#refuse(request, responder, route, 'only-if-cached');
      case 'validate':
        if (decision.mayServeStaleOnError && this.flights.inTrouble(asked.key)) {
          responder.respond(this.stored(asked, slot, 'stale', nowS, -1, 'recent-failure'));
          this.#revalidateInBackground(asked, slot);
          return undefined;
        }
        return new Passage(this, {
          ...asked,
          forward: 'stale',
          stale: slot,
          staleOnError: decision.mayServeStaleOnError,
        }).board();
    }
  }

  /** Nothing is stored. The ghosts know whether that is the fault of an eviction. */
  #absent(
    asked: Asked & { readonly key: string; readonly forward: ForwardReason },
    nowS: number,
  ): Abandon | undefined {
    this.tier.cache.missed(this.tier.key, nowS);
    const { request, responder, route, found } = asked;
    if (
      (found & Mark.DIRECTIVES) !== 0 &&
      parseCacheControl(request.fields.get('cache-control')).onlyIfCached
    ) {
      return this.#refuse(request, responder, route, 'only-if-cached');
    }
    return new Passage(this, { ...asked, stale: NONE, staleOnError: false }).board();
  }

  /** The cache has no part in it: the origin is asked what the client asked. */
  #bypass(asked: Asked, reason: 'route' | 'authorization'): Abandon | undefined {
    const passage = new Passage(this, {
      ...asked,
      key: asked.primary,
      forward: 'bypass',
      stale: NONE,
      staleOnError: false,
    });
    return passage.alone(reason);
  }

  /** Renews a stale response that has just been served (RFC 5861 section 3); one fetch at a time. */
  #revalidateInBackground(asked: Asked & { readonly key: string }, slot: number): void {
    const { key, primary, route, resource, request } = asked;
    if (!this.flights.mayRenew(key, primary)) return;
    const target = upstreamTarget(route, resource);
    this.flights
      .lead({
        route,
        primary,
        key,
        method: 'GET',
        target,
        fields: request.fields,
        stale: slot,
        staleKey: key,
        conditional: true,
        neverStore: undefined,
      })
      .start();
  }

  /** Step 7 for a stored response, whole or the part that the request asks for. */
  stored(
    asked: Pick<Asked, 'request' | 'route' | 'found'>,
    slot: number,
    outcome: Outcome,
    nowS: number,
    originMs: number,
    cause: string,
  ): Answer {
    const { request, route, found } = asked;
    const { entries } = this.tier.cache;
    this.tier.cache.hit(slot);
    const ageS = Math.max(0, nowS - entries.bornS(slot));
    const ttlS = entries.freshUntilS(slot) - nowS;
    const status = outcome === 'hit' ? `Holdfast; hit; ttl=${ttlS}` : storedStatus(outcome, ttlS, cause);
    const served = { request, route, outcome, originMs, cause };
    const lines = freshLines(ageS, status);
    if ((found & (Mark.CONDITIONS | Mark.RANGE)) !== 0) {
      const selected = selectedAnswer(this.ledger, this.tier, slot, served, lines, nowS * 1000);
      if (selected !== undefined) return selected;
    }
    return new HitAnswer(this.ledger, this.tier, slot, served, lines);
  }

  #refuse(
    request: CacheRequest,
    responder: Responder,
    route: Route | undefined,
    code: ErrorCode,
    extraLines = '',
  ): undefined {
    const served = { request, route, outcome: 'refused', originMs: -1, detail: '' } as const;
    responder.respond(refusal(this.ledger, code, served, this.clock.nowMs(), extraLines));
    return undefined;
  }
}

/** What is known of a request once route and key are found. */
export interface Asked {
  readonly request: CacheRequest;
  readonly responder: Responder;
  readonly route: Route;
  readonly resource: string;
  readonly primary: string;
  /** {@link Mark}s of the request's fields. */
  readonly found: number;
}

/** `Cache-Status` of a stored response that is not a plain hit (RFC 9211 section 2). */
function storedStatus(outcome: Outcome, ttlS: number, cause: string): string {
  switch (outcome) {
    case 'revalidated':
      return cacheStatus({ cacheName: 'Holdfast', fwd: 'stale', fwdStatus: 304, ttlS });
    case 'collapsed':
      return cacheStatus({ cacheName: 'Holdfast', fwd: 'stale', fwdStatus: 304, collapsed: true, ttlS });
    default:
      return cacheStatus({
        cacheName: 'Holdfast',
        hit: true,
        ttlS,
        detail: cause === '' ? 'stale-while-revalidate' : `stale-if-error ${cause}`,
      });
  }
}
