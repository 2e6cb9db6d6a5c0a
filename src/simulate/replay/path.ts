import { Flag, NONE } from '../../cache/entries.ts';
import { Recent, TROUBLE_MS, UNRENEWED_MS, UNSHARED_MS } from '../../cache/recent.ts';
import { NO_CACHE_CONTROL } from '../../http/cache-control.ts';
import { type ReuseInput, reuse } from '../../http/reuse.ts';
import type { SimulatedNode, SimulatedRoute } from '../plan.ts';
import { Asked } from './asked.ts';
import type { Events } from './events.ts';
import { Flight, type FlightEvents } from './flight.ts';
import type { KeyRows } from './key-rows.ts';
import { KeyStates, State } from './key-states.ts';
import { Landing } from './landing.ts';
import { OriginLoad } from './origin-load.ts';
import { OriginSide } from './origins.ts';
import { Count, Reason, type Tally } from './tally.ts';
import type { SimulatedTiers } from './tiers.ts';
import { VariantBooks } from './variant-books.ts';
import { Verdicts } from './verdicts.ts';

/** Finds or assumes the original that a variant is made of, and fills in what is known of it. */
export type Originals = (variant: Asked, into: Asked) => void;

export interface PathParts {
  readonly origins: SimulatedNode['origins'];
  readonly events: Events;
  readonly tiers: SimulatedTiers;
  readonly tally: Tally;
  readonly keys: KeyRows;
  /** That of the node in the rows of the keys. */
  readonly word: number;
  readonly originals: Originals;
}

/** Under its key, for one request alone, or past the cache. */
type Way = 'keyed' | 'alone' | 'past';

type Input = { -readonly [K in keyof ReuseInput]: ReuseInput[K] };

/**
 * The request path of one simulated node, in the order of the live one: look-up, ghosts, reuse, flights that others join, and what a
 * response comes to when it lands ({@link Landing}). Read `src/serve/request.ts`, `passage.ts` and `flights.ts` beside it.
 */
export class SimulatedPath implements FlightEvents {
  /** By number of route. */
  readonly routes: SimulatedRoute[] = [];
  readonly verdicts: Verdicts;
  readonly tiers: SimulatedTiers;
  readonly tally: Tally;
  readonly events: Events;
  readonly variants: VariantBooks;
  /** All origins together. */
  readonly load = new OriginLoad();
  readonly originsByName = new Map<string, OriginSide>();
  readonly unshared = new Recent(UNSHARED_MS);
  readonly unrenewed = new Recent(UNRENEWED_MS);
  readonly troubled = new Recent(TROUBLE_MS);
  /** By number of route. */
  readonly #origins: OriginSide[] = [];
  readonly #parts: PathParts;
  readonly #landing: Landing;
  readonly #flights: Flight[] = [];
  readonly states: KeyStates;
  readonly #freeFlights: Flight[] = [];
  readonly #freeAsked: Asked[] = [];
  readonly #reuse: Input = { ...NO_REUSE };
  #isCounting = false;

  constructor(parts: PathParts) {
    this.#parts = parts;
    this.tiers = parts.tiers;
    this.tally = parts.tally;
    this.events = parts.events;
    this.verdicts = new Verdicts(this.routes);
    this.states = new KeyStates(parts.keys, parts.word, this.#flights);
    this.variants = new VariantBooks(parts.keys, parts.tiers);
    this.#landing = new Landing(this);
  }

  /** A route appears in the record. */
  addRoute(route: SimulatedRoute): void {
    const { origins, events } = this.#parts;
    let origin = this.originsByName.get(route.origin);
    if (origin === undefined) {
      origin = new OriginSide(origins.get(route.origin), events, this.load);
      if (this.#isCounting) origin.count();
      this.originsByName.set(route.origin, origin);
    }
    this.routes.push(route);
    this.#origins.push(origin);
  }

  /** From now on it is what the report is about. */
  count(): void {
    this.#isCounting = true;
    for (const origin of this.originsByName.values()) origin.count();
  }

  /** A client's request. What was due before it has been done. */
  request(asked: Asked): void {
    this.tally.requested(asked);
    const kind = asked.kind!;
    // What a route without a cache makes of images is not stored either, but looked up like any other.
    if (kind.bypasses || !(kind.isVariant || this.routes[kind.route]!.caches)) this.lead(asked, NONE, 'past');
    else this.lookUp(asked);
  }

  /** From the look-up on; also for what the node itself asks for. */
  lookUp(asked: Asked): void {
    const { tiers } = this;
    const nowS = this.nowS;
    const slot = tiers.find(asked);
    if (slot !== NONE) {
      this.#considered(asked, slot, nowS, Count.MEMORY_HITS);
      return;
    }
    const raised = tiers.bringUp(asked, nowS);
    if (raised === NONE) {
      this.#absent(asked, nowS);
      return;
    }
    this.#considered(asked, raised, nowS, Count.DISK_HITS);
    tiers.cache.unpin(raised);
  }

  get nowS(): number {
    return Math.floor(this.events.nowMs() / 1000);
  }

  #considered(asked: Asked, slot: number, nowS: number, column: number): void {
    const { entries } = this.tiers.cache;
    const flags = entries.flags(slot);
    if (nowS < entries.freshUntilS(slot) && (flags & Flag.VALIDATE) === 0) {
      this.fromStore(asked, slot, column);
      return;
    }
    const input = this.#reuse;
    input.nowS = nowS;
    input.bornS = entries.bornS(slot);
    input.freshUntilS = entries.freshUntilS(slot);
    input.staleWhileRevalidateUntilS = entries.revalidateUntilS(slot);
    input.staleIfErrorUntilS = entries.errorUntilS(slot);
    input.alwaysValidate = (flags & Flag.VALIDATE) !== 0;
    input.lastKnownGood = (flags & Flag.LAST_GOOD) !== 0;
    const decision = reuse(input);
    switch (decision.use) {
      case 'fresh':
        this.fromStore(asked, slot, column);
        return;
      case 'stale-while-revalidate':
        this.fromStore(asked, slot, Count.STALE_HITS);
        this.#renewInBackground(asked, slot);
        return;
      case 'gateway-timeout':
      case 'validate': {
        const mayStandIn = decision.use === 'validate' && decision.mayServeStaleOnError;
        if (mayStandIn && this.#happened(this.troubled, asked)) {
          this.fromStore(asked, slot, Count.STALE_HITS, true);
          this.#renewInBackground(asked, slot);
          return;
        }
        asked.reason = Reason.EXPIRED;
        this.#board(asked, slot, mayStandIn);
      }
    }
  }

  #absent(asked: Asked, nowS: number): void {
    this.tiers.missed(asked, nowS);
    const state = this.states.of(asked.key);
    asked.reason = state === State.NEW ? Reason.FIRST : state - 1;
    // Until something better is known of it.
    if (state === State.NEW) this.states.set(asked.key, State.NOT_STORABLE);
    this.#board(asked, NONE, false);
  }

  /** Joins the flight of its key, or leads one. */
  #board(asked: Asked, stale: number, staleOnError: boolean): void {
    asked.stale = stale;
    asked.staleOnError = staleOnError;
    const flight = this.states.flight(asked.key);
    if (flight === undefined || this.#happened(this.unshared, asked)) {
      this.lead(asked, stale, 'keyed');
      return;
    }
    const waiter = this.#waiter(asked);
    if (stale !== NONE && flight.stale !== stale) {
      waiter.holdsStale = true;
      this.tiers.cache.pin(stale);
    }
    flight.waiters.push(waiter);
  }

  /** Renews what has just been served stale; one fetch at a time. */
  #renewInBackground(asked: Asked, slot: number): void {
    if (this.states.flight(asked.key) !== undefined) return;
    if (this.#happened(this.unrenewed, asked) || this.#happened(this.unshared, asked)) return;
    asked.stale = slot;
    asked.staleOnError = true;
    this.#takeOff(this.#flight(asked, slot, true), 'keyed');
  }

  /** Takes off with this request as its first passenger. */
  lead(asked: Asked, stale: number, way: Way): void {
    const flight = this.#flight(asked, stale, false);
    const waiter = this.#waiter(asked);
    waiter.stale = stale;
    flight.waiters.push(waiter);
    this.#takeOff(flight, way);
  }

  #flight(asked: Asked, stale: number, background: boolean): Flight {
    let flight = this.#freeFlights.pop();
    if (flight === undefined) {
      flight = new Flight(this.#flights.length, this);
      this.#flights.push(flight);
    }
    flight.asked.copy(asked);
    flight.stale = stale;
    flight.background = background;
    flight.asked.stale = stale;
    flight.asked.staleOnError = asked.staleOnError && stale !== NONE;
    flight.fails = asked.fails;
    flight.startedMs = this.events.nowMs();
    flight.ageS = asked.said!.ageS;
    flight.conditional = false;
    if (stale !== NONE) {
      const { cache } = this.tiers;
      flight.conditional = (cache.entries.flags(stale) & Flag.VALIDATOR) !== 0;
      cache.pin(stale);
    }
    return flight;
  }

  #takeOff(flight: Flight, way: Way): void {
    const { asked } = flight;
    flight.bypasses = way === 'past';
    flight.isKeyed = way === 'keyed';
    flight.isOpen = flight.isKeyed && this.states.flight(asked.key) === undefined;
    if (flight.isOpen) this.states.setFlight(asked.key, flight);
    if (asked.kind!.isVariant && !flight.bypasses) {
      const original = this.#take();
      this.#parts.originals(asked, original);
      original.maker = flight;
      original.counted = asked.counted;
      original.atMs = this.events.nowMs();
      this.lookUp(original);
      this.#freeAsked.push(original);
      return;
    }
    const entered = this.originOf(flight).enter(flight);
    if (entered === 'granted') this.#exchange(flight);
    else if (entered === 'full') this.#failSoon(flight);
  }

  /** The original of a variant is there, or will not come. */
  #originalCame(flight: Flight, failed: boolean, ageS: number, slot: number): void {
    flight.ageS = ageS;
    if (failed) {
      this.#failSoon(flight);
      return;
    }
    flight.original = slot;
    if (slot !== NONE) this.tiers.cache.pin(slot);
    this.events.at(flight.startedMs + flight.asked.originMs, flight);
  }

  granted(flight: Flight, waitedMs: number): void {
    this.originOf(flight).granted(flight, waitedMs);
    this.#exchange(flight);
  }

  refused(flight: Flight): void {
    this.originOf(flight).refused();
    this.#failSoon(flight);
  }

  #failSoon(flight: Flight): void {
    flight.fails = true;
    this.events.at(this.events.nowMs(), flight);
  }

  #exchange(flight: Flight): void {
    this.originOf(flight).requested();
    if (this.#isCounting) this.tally.inMinute('originRequests', this.events.nowMs(), 1);
    this.events.at(this.events.nowMs() + flight.asked.originMs, flight);
  }

  /** A body came from an origin. */
  originBytes(bytes: number): void {
    if (this.#isCounting) this.tally.inMinute('originBytes', this.events.nowMs(), bytes);
  }

  /** The origin that a flight asks. */
  originOf(flight: Flight): OriginSide {
    return this.#origins[flight.asked.kind!.route]!;
  }

  landed(flight: Flight): void {
    this.#landing.land(flight);
    this.originOf(flight).leave(flight);
    this.#end(flight);
  }

  failed(flight: Flight): void {
    this.#landing.fail(flight);
    this.originOf(flight).leave(flight);
    this.#end(flight);
  }

  /** Answers from what is stored. @param forError only because the origin failed. */
  fromStore(asked: Asked, slot: number, column: number, forError = false): void {
    this.tiers.served(slot);
    if (asked.maker !== undefined) {
      // What is left over says nothing of the origin: a stale variant, where there is one, is as good.
      const ageS = Math.max(0, this.nowS - this.tiers.cache.entries.bornS(slot));
      this.#originalCame(asked.maker, forError && asked.maker.asked.staleOnError, ageS, slot);
    } else if (column === Count.REVALIDATED) this.tally.served(asked, 'revalidated');
    else if (column === Count.COLLAPSED) this.tally.served(asked, 'collapsed');
    else this.tally.hit(asked, column);
  }

  /** Answers with what has just come, or with nothing. @param slot where it is going to be stored; NONE. */
  fromFlight(
    asked: Asked,
    outcome: 'miss' | 'collapsed' | 'bypass' | 'failed',
    flight: Flight,
    slot: number,
  ): void {
    const { maker } = asked;
    if (maker !== undefined) this.#originalCame(maker, outcome === 'failed', flight.ageS, slot);
    else this.tally.served(asked, outcome);
  }

  /** It takes no more passengers. */
  close(flight: Flight): void {
    if (!flight.isOpen) return;
    flight.isOpen = false;
    this.states.setFlight(flight.asked.key, undefined);
  }

  remember(recent: Recent, asked: Asked): void {
    recent.add(asked, this.events.nowMs());
  }

  /** A waiter has its answer. */
  release(waiter: Asked): void {
    if (waiter.holdsStale) this.tiers.cache.unpin(waiter.stale);
    waiter.holdsStale = false;
    this.#freeAsked.push(waiter);
  }

  #end(flight: Flight): void {
    this.close(flight);
    const { cache } = this.tiers;
    if (flight.stale !== NONE) cache.unpin(flight.stale);
    if (flight.original !== NONE) cache.unpin(flight.original);
    flight.original = NONE;
    flight.waiters.length = 0;
    this.#freeFlights.push(flight);
  }

  #happened(recent: Recent, asked: Asked): boolean {
    return recent.size > 0 && recent.has(asked, this.events.nowMs());
  }

  #waiter(asked: Asked): Asked {
    const waiter = this.#take();
    waiter.copy(asked);
    return waiter;
  }

  #take(): Asked {
    return this.#freeAsked.pop() ?? new Asked();
  }
}

const NO_REUSE: ReuseInput = {
  nowS: 0,
  bornS: 0,
  freshUntilS: 0,
  staleWhileRevalidateUntilS: 0,
  staleIfErrorUntilS: 0,
  alwaysValidate: false,
  lastKnownGood: false,
  requestCc: NO_CACHE_CONTROL,
  pragmaNoCache: false,
  // What clients ask of caches is not recorded.
  obeyRequestDirectives: false,
};
