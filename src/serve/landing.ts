import { type Clock, epochS } from '../base/clock.ts';
import { Flag, NONE } from '../cache/entries.ts';
import type { NotStoredReason } from '../cache/outcome.ts';
import { outlasts } from '../cache/outlasts.ts';
import { confirms, merge304 } from '../http/conditional.ts';
import { Fields } from '../http/fields.ts';
import { isTrouble } from '../http/status.ts';
import { responseDirectives } from '../http/targeted.ts';
import { parseVary } from '../http/vary.ts';
import type { OriginFailure } from '../origin/origin.ts';
import type { DiskWriter } from '../store/disk/disk.ts';
import type { MemoryTier, ResponseFacts } from '../store/memory/tier.ts';
import { type Flight, HELD_BYTES_MAX, type SourceHead } from './4-origin.ts';
import { admit, factsOf } from './5-admit.ts';
import { begin, renew, reserve } from './6-store.ts';
import { parseFieldLines } from './field-lines.ts';
import { ReservedBody } from './flight-body.ts';
import type { FlightMemory } from './flight-memory.ts';
import { forget } from './forget.ts';
import type { Generations } from './generations.ts';
import type { Ledger } from './ledger.ts';
import { incumbent, type Place, placeOf } from './place.ts';
import { lifeSaid } from './said.ts';
import { Spool, type SpoolBudget } from './spool.ts';
import { keptFields } from './upstream.ts';
import { disarmSvg } from './variants/svg.ts';

/** A provisional variant is served for so long, at most, while the better one is tried to be made. */
const PROVISIONAL_STALE_S = 86_400;

/** Of a variant: marked as one, and fresh for no longer than what made it says. */
function variantFacts(
  facts: ResponseFacts,
  { lifetimeS, usableS = 0 }: SourceHead,
  nowS: number,
): ResponseFacts {
  const flags = facts.flags | Flag.VARIANT;
  if (lifetimeS === undefined) return { ...facts, flags };
  const freshUntilS = Math.min(facts.freshUntilS, nowS + lifetimeS);
  const untilS = Math.max(freshUntilS, nowS + Math.min(usableS, PROVISIONAL_STALE_S));
  return {
    ...facts,
    flags,
    freshUntilS,
    revalidateUntilS: untilS,
    errorUntilS: Math.max(untilS, facts.errorUntilS),
  };
}

/** An original of variants, or one of them. */
function isOfImages({ plan }: Flight): boolean {
  return plan.route.hasVariants || plan.source !== undefined;
}

/** A small error body that several waiting requests share. */
const SHARED_ERROR_BYTES_MAX = 64 * 1024;

/** What the landing needs of the flights it belongs to. */
export interface LandingParts {
  readonly tier: MemoryTier;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly memory: FlightMemory;
  readonly generations: Generations;
  readonly budget: SpoolBudget;
  /** Takes the flight out of those that may be joined. */
  readonly close: (flight: Flight) => void;
  /** Whether it is to be known what responses said of their lifetime. */
  readonly recordsTraffic: boolean;
  /** Keeps earlier fetches from storing under a key what is older. */
  readonly overtake: (flight: Flight, key: string) => void;
}

/** What becomes of a response when its head is there: steps 5 and 6, up to the first byte of its body. */
export class Landing {
  readonly #parts: LandingParts;
  readonly #tier: MemoryTier;

  constructor(parts: LandingParts) {
    this.#parts = parts;
    this.#tier = parts.tier;
  }

  /** As {@link FlightSteps.onHead}. */
  onHead(flight: Flight, head: SourceHead): OriginFailure | undefined {
    const { plan } = flight;
    const nowS = epochS(this.#parts.clock);
    plan.onHead?.(head);
    if (this.#parts.recordsTraffic) flight.said = lifeSaid(head.fields, head.fields, plan.requestedS, nowS);
    if (isOfImages(flight)) disarmSvg(head);
    if (head.standsInFor !== undefined) this.#share(flight, head, 'fallback', HELD_BYTES_MAX);
    else if (plan.neverStore !== undefined) this.#passThrough(flight, head, plan.neverStore);
    else if (head.status === 304 && plan.conditional) this.#renew(flight, head, nowS);
    else if (head.status === 304 || head.status === 206) {
      const asked = head.status === 304 ? 'without conditions' : 'for the whole';
      const detail = `origin ${plan.route.origin.name}: status ${head.status} to a request ${asked}`;
      const failure = { cause: 'malformed', detail } as const;
      this.#parts.ledger.originFailed(plan.route, failure);
      return failure;
    } else this.#admit(flight, head, nowS);
    return undefined;
  }

  #admit(flight: Flight, head: SourceHead, nowS: number): void {
    const { plan } = flight;
    const admission = admit({
      route: plan.route,
      method: plan.request.method,
      requestFields: plan.fields,
      selecting: plan.fields,
      target: plan.request.target,
      head,
      requestedS: plan.requestedS,
      nowS,
    });
    if (!admission.store) {
      // An error that may not be kept is still the answer for all who asked while it came. This reason is the last that
      // is looked for: nothing said that it is personal.
      const { reason } = admission;
      const forAll = plan.key !== undefined && isTrouble(head.status) && reason === 'no-freshness';
      flight.place = forAll ? this.#placeOf(flight, head.fields) : undefined;
      if (flight.place === undefined) this.#passThrough(flight, head, reason);
      else this.#share(flight, head, reason, SHARED_ERROR_BYTES_MAX);
      return;
    }
    const isMade = plan.source !== undefined;
    const facts = isMade ? variantFacts(admission.facts, head, nowS) : admission.facts;
    // What is made here has in its key whatever chose it.
    const place = isMade
      ? { primary: plan.primary, key: plan.primary, vary: [] }
      : placeOf(this.#tier, plan.primary, admission.vary, plan.fields, this.#generation(flight));
    if (place === undefined) {
      this.#passThrough(flight, head, 'vary-star');
      return;
    }
    // Also for what is not stored: who waits for another variant does not get this one.
    flight.place = place;
    if (
      outlasts(this.#tier.cache, plan.stale, head.status, nowS) ||
      outlasts(this.#tier.cache, incumbent(this.#tier, place), head.status, nowS)
    ) {
      flight.held = flight.hasStandIn;
      this.#share(flight, head, 'status', SHARED_ERROR_BYTES_MAX);
      return;
    }
    flight.facts = facts;
    if (head.bodyBytes === undefined) {
      flight.shared = true;
      flight.held = flight.hasStandIn;
      flight.body = this.#spool(flight, head, true, plan.route.objectBytesMax);
      return;
    }
    const kept = keptFields(head.fields, nowS);
    const slot = reserve(this.#tier, place, kept, head.bodyBytes, facts, nowS);
    if (slot === NONE) {
      const writer = begin(this.#tier, place, kept, head.bodyBytes, facts);
      if (writer === undefined) {
        // Shared while it is under way: a tier that is full must not cost the origin a fetch for each request.
        if (head.bodyBytes > this.#tier.objectBytesMax) this.#passThrough(flight, head, 'too-large');
        else {
          flight.held = flight.hasStandIn;
          this.#share(flight, head, this.#tier.cache.refusal, plan.route.objectBytesMax);
        }
      } else {
        flight.shared = true;
        // Kept only for as long as it is held: then it is on disk, and nobody waits for its beginning.
        flight.held = flight.hasStandIn && head.bodyBytes <= HELD_BYTES_MAX;
        flight.body = this.#spool(flight, head, flight.held, HELD_BYTES_MAX, writer);
      }
      return;
    }
    flight.shared = true;
    flight.held = flight.hasStandIn;
    flight.body = new ReservedBody(this.#tier, slot);
  }

  #renew(flight: Flight, head: SourceHead, nowS: number): void {
    const { plan } = flight;
    const { entries } = this.#tier.cache;
    const stored = parseFieldLines(this.#tier.head(plan.stale));
    if (!confirms(stored, head.fields)) {
      // A 304 about another representation than ours: it says nothing of what is stored here.
      flight.unconfirmed = true;
      this.#parts.close(flight);
      return;
    }
    if (flight.purged) {
      // The confirmation may be older than the purge: good for those who asked before it, and for nobody else.
      flight.renewed = plan.stale;
      this.refuse(flight, 'superseded');
      return;
    }
    const merged = merge304(stored, head.fields);
    // A policy that came with the 304 is the origin's, and has taken the place of ours.
    if (isOfImages(flight)) disarmSvg({ fields: merged });
    if (this.#parts.recordsTraffic) flight.said = lifeSaid(merged, head.fields, plan.requestedS, nowS);
    const status = entries.status(plan.stale);
    const cc = responseDirectives(merged);
    const said = factsOf(plan.route, status, merged, cc, plan.requestedS, nowS, head.fields);
    const facts = plan.source === undefined ? said : variantFacts(said, head, nowS);
    const objection = this.#objectionTo304(flight, status, merged, nowS);
    const place = { primary: plan.primary, key: plan.staleKey, vary: [] };
    flight.renewed = renew(this.#tier, place, plan.stale, merged, facts, nowS);
    if (objection === undefined) {
      flight.shared = true;
      this.#parts.overtake(flight, plan.staleKey);
      return;
    }
    // The one who asked is answered from it, and nobody else.
    this.refuse(flight, objection);
    if (this.#tier.cache.visible(flight.renewed)) this.#tier.cache.remove(flight.renewed, 'expired');
    else if (this.#tier.guest(flight.renewed) !== undefined)
      forget(this.#tier, plan.staleKey, 'expired', facts.bornS);
  }

  /** Why the response, with what the 304 says of it, may be stored no longer, or not where it is (RFC 9111 section 4.3.4). */
  #objectionTo304(flight: Flight, status: number, merged: Fields, nowS: number): NotStoredReason | undefined {
    const { route, primary, fields, stale, staleKey, requestedS, request } = flight.plan;
    const admission = admit({
      route,
      method: 'GET',
      // Not those of the client: its no-store is not about what is stored already.
      requestFields: new Fields(),
      selecting: fields,
      target: request.target,
      head: { status, fields: merged, framing: 'length', bodyBytes: undefined },
      requestedS,
      nowS,
    });
    if (!admission.store) return admission.reason;
    if (flight.plan.source !== undefined || !this.#tier.cache.visible(stale)) return undefined;
    const place = placeOf(this.#tier, primary, admission.vary, fields, this.#generation(flight));
    return place?.key === staleKey ? undefined : 'vary-star';
  }

  #passThrough(flight: Flight, head: SourceHead, reason: NotStoredReason): void {
    this.refuse(flight, reason);
    flight.shared = false;
    flight.body = this.#spool(flight, head, false, 0);
  }

  #share(flight: Flight, head: SourceHead, reason: NotStoredReason, keepBytesMax: number): void {
    // Not through refuse: it stays joinable, for an origin in trouble must not be asked by each request anew.
    this.note(flight, reason);
    flight.shared = true;
    flight.body = this.#spool(flight, head, true, keepBytesMax);
  }

  #placeOf({ plan }: Flight, fields: Fields): Place | undefined {
    const vary = parseVary(fields.get('vary'));
    const generation = this.#parts.generations.of(plan.primary);
    return vary === '*' ? undefined : placeOf(this.#tier, plan.primary, vary, plan.fields, generation);
  }

  #generation(flight: Flight): string {
    return this.#parts.generations.of(flight.plan.primary);
  }

  /** It is not for others: whoever joined goes its own way. */
  refuse(flight: Flight, reason: NotStoredReason): void {
    this.note(flight, reason);
    this.#parts.close(flight);
    const { memory } = this.#parts;
    if (flight.plan.key !== undefined) memory.remember(memory.unshared, flight.plan.primary);
  }

  note(flight: Flight, reason: NotStoredReason): void {
    flight.notStored = reason;
    this.#parts.ledger.notStored(reason);
    this.#tier.notStored(flight.plan.primary, reason, epochS(this.#parts.clock));
  }

  #spool(flight: Flight, head: SourceHead, keep: boolean, keepBytesMax: number, copy?: DiskWriter): Spool {
    return new Spool({
      bytes: head.bodyBytes,
      copy,
      keep,
      keepBytesMax,
      budget: this.#parts.budget,
      pause: () => flight.pause(),
      resume: () => flight.resume(),
      onIdle: () => flight.abandonIfUseless(),
      onGiveUp: (reason) => {
        flight.land();
        // Kept on disk all the same.
        if (copy !== undefined) return;
        flight.shared = false;
        if (flight.notStored === undefined) this.refuse(flight, reason);
        else this.#parts.close(flight);
      },
    });
  }
}
