import { type Clock, epochS } from '../base/clock.ts';
import { Flag, NONE, Word } from '../cache/entries.ts';
import { OUTCOMES } from '../cache/outcome.ts';
import { isLoop } from '../http/forward.ts';
import { normalisePath, type Target } from '../http/target.ts';
import type { AccessLog } from '../monitor/access-log.ts';
import type { HitBooks } from '../monitor/hit-books.ts';
import type { StoredPlace, TierReader } from '../store/memory/tier-reader.ts';
import type { Route, Routes } from './1-route.ts';
import { primaryKey, resourceOf } from './2-key.ts';
import { Mark, marks } from './3-lookup.ts';
import { freshLines } from './7-respond.ts';
import type { Abandon, Answer, CacheRequest, Payload, RequestHandler, Responder } from './answer.ts';
import type { EdgeRows } from './edge-rows.ts';
import { variantKey } from './place.ts';
import { askOf } from './variants/ask.ts';

export interface EdgePathOptions {
  readonly routes: Routes;
  /** By route id, whether its hits may be answered here ({@link isPlain}). */
  readonly plain: readonly boolean[];
  readonly tier: TierReader;
  readonly books: HitBooks;
  readonly accessLog: AccessLog | undefined;
  readonly clock: Clock;
  /** As for the owner's path. */
  readonly pseudonym: string;
  /** Takes a row of each hit; undefined where traffic is not recorded. */
  readonly rows?: EdgeRows | undefined;
  /** Answers everything else. */
  readonly owner: RequestHandler;
}

/**
 * The request path of a worker: a plain fresh hit is answered out of the shared memory, anything else is the owner's.
 *
 * What stands here are the first steps of {@link RequestPath.handle} and nothing of its own: a rule that comes between a
 * request and its hit there has to be kept here too, or the request handed on. Options of routes: edge-routes.ts.
 */
export class EdgePath implements RequestHandler {
  readonly tier: TierReader;
  #options: EdgePathOptions;
  /** High half of the hash of the primary key that was looked up last. */
  #primaryHi = 0;

  constructor(options: EdgePathOptions) {
    this.#options = options;
    this.tier = options.tier;
  }

  /** From the next request on. */
  configure(routing: Pick<EdgePathOptions, 'routes' | 'plain'>, accessLog: AccessLog | undefined): void {
    this.#options = { ...this.#options, ...routing, accessLog };
  }

  handle(request: CacheRequest, responder: Responder): Abandon | undefined {
    const answer = this.#hit(request);
    if (answer === undefined) return this.#options.owner.handle(request, responder);
    responder.respond(answer);
    return undefined;
  }

  #hit(request: CacheRequest): Answer | undefined {
    const { method, fields } = request;
    if ((method !== 'GET' && method !== 'HEAD') || request.body !== undefined) return undefined;
    const found = marks(fields);
    if ((found & ~Mark.VIA) !== 0) return undefined;
    if (found !== 0 && isLoop(fields, this.#options.pseudonym)) return undefined;
    const target = normalisePath(request.target);
    if (target === undefined) return undefined;
    const route = this.#options.routes.match(request.host, target.path);
    if (route === undefined || !route.caches || this.#options.plain[route.id] !== true) return undefined;
    const asked = this.#keyOf(route, request, target);
    if (asked === undefined || this.#options.plain[asked.route.id] !== true) return undefined;
    const slot = this.#find(asked.primary, request);
    if (slot === NONE) return undefined;
    // A stored error is a failed retrieval each time: the owner books it with its cause.
    const ttlS =
      this.tier.word(slot, Word.STATUS) >= 400
        ? 0
        : this.tier.word(slot, Word.FRESH_UNTIL_S) - epochS(this.#options.clock);
    if (ttlS <= 0 || (this.tier.word(slot, Word.FLAGS) & (Flag.VALIDATE | Flag.VARY)) !== 0) {
      this.tier.unpin(slot);
      return undefined;
    }
    this.tier.hit(slot);
    this.#options.rows?.hit(this.tier, slot, request, asked.route.id, asked.original, this.#primaryHi);
    return new SharedHit(this, slot, request, asked.route, ttlS);
  }

  /** Key and route of what is asked for; undefined for an address that the owner is to refuse. */
  #keyOf(
    route: Route,
    request: CacheRequest,
    target: Target,
  ): { readonly primary: string; readonly route: Route; readonly original: string | undefined } | undefined {
    const original = undefined;
    if (route.images === undefined)
      return { route, primary: primaryKey(route, request.host, resourceOf(route, target)), original };
    const ask = askOf(route.images, request, target, this.nowS());
    if ('refused' in ask) return undefined;
    if (ask.variant !== undefined) return { route, primary: ask.variant.key, original: ask.primary };
    return { route: ask.originals, primary: ask.primary, original };
  }

  /** The stored response of a resource, or of its variant for this request: pinned, or NONE. */
  #find(primary: string, request: CacheRequest): number {
    const { tier } = this;
    tier.key.set(primary);
    this.#primaryHi = tier.key.hi;
    const slot = tier.find();
    if (slot === NONE || (tier.word(slot, Word.FLAGS) & Flag.VARY) === 0) return slot;
    tier.hit(slot);
    const names = tier.bodyText(slot).split(',');
    tier.unpin(slot);
    tier.key.set(variantKey(primary, names, request.fields));
    return tier.find();
  }

  nowS(): number {
    return epochS(this.#options.clock);
  }

  /** Books a hit that was sent, or given up. */
  served(hit: SharedHit, sentBytes: number, whole: boolean): void {
    const { books, accessLog, clock } = this.#options;
    const { request, route, status } = hit;
    const durationMs = clock.monotonicMs() - request.receivedMs;
    books.hit(route.id, status, sentBytes, durationMs, whole);
    accessLog?.log({
      timeMs: clock.nowMs(),
      client: request.client,
      method: request.method,
      host: request.host,
      target: request.target,
      status,
      outcomeIndex: HIT,
      route: route.name,
      sentBytes,
      durationMs,
      originMs: -1,
      whole,
      detail: '',
      cause: '',
      fields: request.fields,
    });
  }
}

const HIT = OUTCOMES.indexOf('hit');

/** A whole stored response out of shared memory; it stays pinned until it is released. */
class SharedHit implements Answer, Payload {
  readonly status: number;
  readonly head: string;
  readonly headInPayload = true;
  readonly payload: Payload;
  readonly bytes: number;
  readonly request: CacheRequest;
  readonly route: Route;
  readonly #edge: EdgePath;
  readonly #slot: number;
  readonly #place: StoredPlace;

  /** Takes over the caller's pin. */
  constructor(edge: EdgePath, slot: number, request: CacheRequest, route: Route, ttlS: number) {
    const { tier } = edge;
    this.#edge = edge;
    this.#slot = slot;
    this.#place = tier.place(slot);
    this.request = request;
    this.route = route;
    this.status = tier.word(slot, Word.STATUS);
    const ageS = Math.max(0, edge.nowS() - tier.word(slot, Word.BORN_S));
    this.head = freshLines(ageS, `Holdfast; hit; ttl=${ttlS}`);
    this.payload = this;
    this.bytes =
      request.method === 'HEAD'
        ? tier.word(slot, Word.HEAD_BYTES)
        : tier.word(slot, Word.RECORD_BYTES) - tier.word(slot, Word.KEY_BYTES);
  }

  read(position: number, into: Uint8Array, at: number): number {
    return this.#edge.tier.read(this.#place, position, this.bytes, into, at);
  }

  whenReadable(): void {}

  release(): void {
    this.#edge.tier.unpin(this.#slot);
  }

  done(sentBytes: number, whole: boolean): void {
    this.#edge.served(this, sentBytes, whole);
  }
}
