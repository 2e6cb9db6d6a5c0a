import { NONE } from '../../cache/entries.ts';
import { outlasts } from '../../cache/outlasts.ts';
import { isTrouble } from '../../http/status.ts';
import type { Flight } from './flight.ts';
import { State } from './key-states.ts';
import type { SimulatedPath } from './path.ts';
import { Count } from './tally.ts';
import type { Verdict } from './verdicts.ts';

/** How a flight ended, for what is remembered of it. */
type Ending = 'stored' | 'revalidated' | 'not-stored' | 'failed';

/** What becomes of a simulated response when it is there: `src/serve/landing.ts` and the second half of `flights.ts`. */
export class Landing {
  readonly #path: SimulatedPath;

  constructor(path: SimulatedPath) {
    this.#path = path;
  }

  /** The response is there, head and body. */
  land(flight: Flight): void {
    const path = this.#path;
    const { asked } = flight;
    const verdict = path.verdicts.of(asked.kind!, asked.said!);
    const isConfirmed =
      flight.conditional &&
      asked.kind!.status < 400 &&
      path.tiers.bodyBytes(flight.stale) === asked.bodyBytes;
    if (isConfirmed) {
      this.#renew(flight, verdict);
      return;
    }
    this.#transferred(flight);
    if (flight.bypasses) this.#tell(flight, false, 'bypass');
    else this.#ended(flight, this.#admit(flight, verdict));
  }

  /** The origin did not deliver. */
  fail(flight: Flight): void {
    const path = this.#path;
    path.close(flight);
    for (const waiter of flight.waiters) {
      if (waiter.staleOnError && waiter.stale !== NONE)
        path.fromStore(waiter, waiter.stale, Count.STALE_HITS, true);
      else path.fromFlight(waiter, 'failed', flight, NONE);
      path.release(waiter);
    }
    this.#ended(flight, 'failed');
  }

  /** A 304: what is stored is good again, or may be stored no longer. */
  #renew(flight: Flight, verdict: Verdict): void {
    const path = this.#path;
    const { tiers } = path;
    const { asked, stale } = flight;
    if (!asked.kind!.isVariant) path.originOf(flight).confirmed();
    const nowS = path.nowS;
    tiers.renew(stale, asked, verdict, this.#bornS(flight, nowS), nowS);
    const objects = verdict.reason !== undefined;
    if (objects) {
      this.#refuse(flight);
      tiers.expire(stale, asked);
      path.states.set(asked.key, State.EXPIRED);
    }
    for (let position = 0; position < flight.waiters.length; position += 1) {
      const waiter = flight.waiters[position]!;
      const leads = position === 0 && !flight.background;
      if (leads) path.fromStore(waiter, stale, Count.REVALIDATED);
      else if (objects) path.lead(waiter, NONE, 'alone');
      else path.fromStore(waiter, stale, Count.COLLAPSED);
      path.release(waiter);
    }
    this.#ended(flight, objects ? 'not-stored' : 'revalidated');
  }

  #admit(flight: Flight, verdict: Verdict): Ending {
    const path = this.#path;
    const { tiers } = path;
    const { asked } = flight;
    const { status, route } = asked.kind!;
    const nowS = path.nowS;
    const reason =
      verdict.reason ?? (asked.bodyBytes > path.routes[route]!.objectBytesMax ? 'too-large' : undefined);
    if (reason !== undefined) {
      // An error that may not be kept is still the answer for all who asked while it came.
      const forAll = flight.isKeyed && isTrouble(status) && reason === 'no-freshness';
      path.states.set(asked.key, State.NOT_STORABLE);
      if (!forAll) this.#refuse(flight);
      this.#tell(flight, forAll, 'miss');
      return 'not-stored';
    }
    if (
      outlasts(tiers.cache, flight.stale, status, nowS) ||
      outlasts(tiers.cache, tiers.find(asked), status, nowS)
    ) {
      this.#tell(flight, true, 'miss');
      return 'not-stored';
    }
    const bornS = this.#bornS(flight, nowS);
    const slot = tiers.reserve(asked, verdict, bornS, nowS);
    if (slot === NONE) return this.#withoutRoom(flight, verdict, bornS, nowS);
    this.#tell(flight, true, 'miss', slot);
    tiers.publish(slot, asked, nowS);
    path.states.set(asked.key, State.STORED);
    return 'stored';
  }

  /** Memory has none: the disk alone may take it. */
  #withoutRoom(flight: Flight, verdict: Verdict, bornS: number, nowS: number): Ending {
    const path = this.#path;
    const { asked } = flight;
    if (path.tiers.streamBelow(asked, verdict, bornS, nowS)) {
      path.states.set(asked.key, State.STORED);
      this.#tell(flight, true, 'miss');
      return 'stored';
    }
    const isTooLarge = asked.bodyBytes > path.tiers.objectBytesMax;
    path.states.set(asked.key, isTooLarge ? State.NOT_STORABLE : State.REFUSED);
    // Shared while it is under way, unless nobody could ever keep it.
    if (isTooLarge) this.#refuse(flight);
    this.#tell(flight, !isTooLarge, 'miss');
    return 'not-stored';
  }

  /** All who wait have their answer. @param shared it is for those who joined as well; @param slot where it will be stored. */
  #tell(flight: Flight, shared: boolean, outcome: 'miss' | 'bypass', slot: number = NONE): void {
    const path = this.#path;
    const { status } = flight.asked.kind!;
    const trouble = isTrouble(status);
    for (let position = 0; position < flight.waiters.length; position += 1) {
      const waiter = flight.waiters[position]!;
      const leads = position === 0 && !flight.background;
      if (!leads && !shared) path.lead(waiter, waiter.stale, 'alone');
      else if (trouble && waiter.staleOnError && waiter.stale !== NONE)
        path.fromStore(waiter, waiter.stale, Count.STALE_HITS, true);
      else path.fromFlight(waiter, outcomeOf(status, leads, outcome), flight, slot);
      path.release(waiter);
    }
  }

  /** It is not for others. */
  #refuse(flight: Flight): void {
    const path = this.#path;
    path.close(flight);
    if (flight.isKeyed) path.remember(path.unshared, flight.asked);
  }

  #transferred(flight: Flight): void {
    const path = this.#path;
    const { kind, bodyBytes } = flight.asked;
    if (kind!.isVariant && !flight.bypasses) return;
    path.originOf(flight).sent(bodyBytes);
    path.originBytes(bodyBytes);
  }

  #bornS({ ageS, startedMs }: Flight, nowS: number): number {
    const delayS = Math.max(0, nowS - Math.floor(startedMs / 1000));
    return nowS - ageS - delayS;
  }

  #ended(flight: Flight, ending: Ending): void {
    const path = this.#path;
    const { asked, stale, isKeyed } = flight;
    if (ending === 'stored' && asked.kind!.isVariant)
      path.variants.stored(asked, path.routes[asked.kind!.route]!);
    if (!isKeyed || stale === NONE || ending === 'stored' || ending === 'revalidated') return;
    path.remember(path.unrenewed, asked);
    if (ending === 'failed' || isTrouble(asked.kind!.status)) path.remember(path.troubled, asked);
  }
}

function outcomeOf(
  status: number,
  leads: boolean,
  outcome: 'miss' | 'bypass',
): 'miss' | 'collapsed' | 'bypass' | 'failed' {
  if (outcome === 'bypass') return 'bypass';
  if (status >= 500) return 'failed';
  return leads ? 'miss' : 'collapsed';
}
