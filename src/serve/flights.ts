import { type Clock, epochS } from '../base/clock.ts';
import { NONE } from '../cache/entries.ts';
import type { FlightEnding, NotStoredReason } from '../cache/outcome.ts';
import { outlasts } from '../cache/outlasts.ts';
import type { PurgeRule } from '../cache/purge-rules.ts';
import { conditionalFields } from '../http/conditional.ts';
import { isTrouble } from '../http/status.ts';
import type { OriginFailure, OriginHead } from '../origin/origin.ts';
import type { DiskWriter } from '../store/disk/disk.ts';
import type { MemoryTier } from '../store/memory/tier.ts';
import { Flight, type FlightRequest, type FlightSteps } from './4-origin.ts';
import { begin, finish, publish, reserve } from './6-store.ts';
import { parseFieldLines } from './field-lines.ts';
import { ReservedBody } from './flight-body.ts';
import { FlightMemory } from './flight-memory.ts';
import { FlightPurges } from './flight-purges.ts';
import { forget } from './forget.ts';
import { Generations } from './generations.ts';
import { Landing } from './landing.ts';
import type { Ledger } from './ledger.ts';
import { incumbent, placeOf } from './place.ts';
import { Spool, type SpoolBudget } from './spool.ts';
import { keptFields, upstreamFields } from './upstream.ts';

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
  /** Traffic is recorded. */
  readonly recordsTraffic?: boolean;
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
  readonly #memory: FlightMemory;
  readonly #landing: Landing;
  readonly #generations: Generations;
  readonly #purges: FlightPurges;

  constructor(options: FlightsOptions) {
    this.#tier = options.tier;
    this.#purges = new FlightPurges(options.tier);
    this.#ledger = options.ledger;
    this.#clock = options.clock;
    this.#pseudonym = options.pseudonym;
    this.#onFault = options.onFault;
    this.#budget = { limitBytes: options.spoolBytesMax, usedBytes: 0 };
    this.#memory = new FlightMemory(options.tier.key, options.clock);
    this.#generations = new Generations(Math.floor(options.clock.nowMs()).toString(36));
    this.#landing = new Landing({
      ...options,
      generations: this.#generations,
      memory: this.#memory,
      budget: this.#budget,
      recordsTraffic: options.recordsTraffic === true,
      close: (flight) => this.onClosed(flight),
      overtake: (flight, key) => this.#overtake(flight, key),
    });
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
    if (flight === undefined || this.#memory.happened(this.#memory.unshared, primary)) return undefined;
    if (!flight.landed) return flight;
    return flight.shared && (flight.renewed !== NONE || flight.body?.joinable === true) ? flight : undefined;
  }

  /** True when a stale response may be validated in the background: nobody does, and it did not fail just now. */
  mayRenew(key: string, primary: string): boolean {
    if (this.#byKey.has(key)) return false;
    return (
      !this.#memory.happened(this.#memory.unrenewed, key) &&
      !this.#memory.happened(this.#memory.unshared, primary)
    );
  }

  /** True when the origin failed at this key lately: nobody needs to wait for it to fail again. */
  inTrouble(key: string): boolean {
    return this.#memory.happened(this.#memory.troubled, key);
  }

  /** Keeps what is under way, and older than a purge that it matches, from being stored or joined. */
  purge(rule: PurgeRule): void {
    for (const flight of this.#purges.purge(rule, this.#all)) this.onClosed(flight);
  }

  /** A resource was changed: fetches of it that are under way may bring what was before, and its variants are not found any more. */
  invalidate(primary: string): void {
    for (const flight of this.#byPrimary.get(primary) ?? []) {
      flight.purged = true;
      this.onClosed(flight);
    }
    this.#generations.next(primary);
  }

  /** Takes off; {@link Flight.start} must follow once the first waiter has joined. */
  lead(request: FlightRequest): Flight {
    const { stale, primary, background = false } = request;
    const { requestFields, sendsAllFields } = request.route;
    // Asked for one alone, who gets it with the credentials that were sent; it is for others only if it says so.
    const named = request.key === undefined ? [...requestFields, 'authorization'] : requestFields;
    const rules = { sendsAllFields, requestFields: named };
    const bypass = request.neverStore !== undefined;
    const hasBody = request.body !== undefined;
    const fields = upstreamFields(request.fields, bypass, this.#pseudonym, rules, hasBody);
    const conditions =
      stale !== NONE && request.conditional ? conditionalFields(parseFieldLines(this.#tier.head(stale))) : [];
    for (const [name, value] of conditions) fields.set(name, value);
    if (stale !== NONE) this.#tier.cache.pin(stale);
    const flight = new Flight(
      {
        ...request,
        conditional: conditions.length > 0,
        request: {
          method: request.method,
          target: request.target,
          fields,
          background,
          ...(request.body === undefined ? {} : { body: request.body }),
        },
        requestedS: epochS(this.#clock),
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
    return this.#landing.onHead(flight, head);
  }

  onWhole(flight: Flight): FlightEnding {
    const nowS = epochS(this.#clock);
    const { body } = flight;
    if (flight.renewed !== NONE) return flight.shared ? 'revalidated' : 'not-stored';
    if (flight.notStored === undefined) {
      const objection = this.#objection(flight, nowS);
      if (objection !== undefined) this.#landing.note(flight, objection);
    }
    const wanted = flight.notStored === undefined;
    if (body instanceof ReservedBody) {
      if (wanted) this.#publish(flight, body.slot, nowS);
      else this.#tier.cache.withdraw(body.slot);
      return wanted ? 'stored' : 'not-stored';
    }
    if (!(body instanceof Spool)) return 'not-stored';
    if (body.copy !== undefined) {
      const ending = this.#finishBelow(flight, body.copy, wanted, nowS);
      body.letGo();
      return ending;
    }
    const stored = wanted && body.keeping && this.#storeSpool(flight, body, nowS);
    if (!stored) body.letGo();
    return stored ? 'stored' : 'not-stored';
  }

  #finishBelow(flight: Flight, writer: DiskWriter, wanted: boolean, nowS: number): FlightEnding {
    const place = flight.place!;
    if (!wanted) writer.abort();
    else if (finish(this.#tier, place, writer, flight.plan.route.id, nowS)) {
      this.#overtake(flight, place.key);
      return 'stored';
    } else this.#landing.note(flight, 'storage');
    return 'not-stored';
  }

  /** What speaks against storing it now: since its head was there, others may have come and stored something better. */
  #objection(flight: Flight, nowS: number): NotStoredReason | undefined {
    const { plan, place, facts } = flight;
    if (this.#purges.isPurged(flight)) return 'superseded';
    if (place === undefined || facts === undefined) return undefined;
    const generation = this.#generations.of(plan.primary);
    const now = placeOf(this.#tier, plan.primary, place.vary, plan.fields, generation);
    // Its resource has come to vary by more: under the key that it was given, nobody would find it.
    if (now?.key !== place.key || flight.overtaken.has(place.key)) return 'superseded';
    return outlasts(this.#tier.cache, incumbent(this.#tier, place), facts.status, nowS)
      ? 'status'
      : undefined;
  }

  #publish(flight: Flight, slot: number, nowS: number): void {
    const place = flight.place!;
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
    if (body instanceof Spool) {
      body.copy?.abort();
      body.letGo();
    }
    if (body !== undefined && flight.notStored === undefined) this.#landing.note(flight, 'truncated');
  }

  onTaint(flight: Flight): void {
    const { ending, place, facts } = flight;
    if (ending === 'stored') forget(this.#tier, place!.key, 'tainted', facts!.bornS);
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
      this.#memory.remember(this.#memory.unrenewed, plan.key);
      const failed = flight.failure !== undefined || (head !== undefined && isTrouble(head.status));
      if (failed) this.#memory.remember(this.#memory.troubled, plan.key);
    }
    this.#ledger.flightEnded(ending);
    if (ending === 'stored') plan.source?.stored?.(flight.receivedBytes, head!);
  }

  onClosed(flight: Flight): void {
    const { key } = flight.plan;
    if (key !== undefined && this.#byKey.get(key) === flight) this.#byKey.delete(key);
  }

  onFault(error: unknown): void {
    this.#ledger.recorder.internalFault();
    this.#onFault?.(error);
  }

  #storeSpool(flight: Flight, spool: Spool, nowS: number): boolean {
    const fields = keptFields(flight.head!.fields, nowS);
    const slot = reserve(this.#tier, flight.place!, fields, spool.total, flight.facts!, nowS);
    if (slot === NONE) {
      const writer = begin(this.#tier, flight.place!, fields, spool.total, flight.facts!);
      if (writer !== undefined) {
        for (const chunk of spool.chunks) writer.append(chunk);
        if (this.#finishBelow(flight, writer, true, nowS) === 'stored') {
          spool.letGo();
          return true;
        }
      } else this.#landing.note(flight, this.#tier.cache.refusal);
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
