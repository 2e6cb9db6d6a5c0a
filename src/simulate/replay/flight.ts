import { NONE } from '../../cache/entries.ts';
import type { Queued } from '../../origin/guard/queue.ts';
import { Asked } from './asked.ts';
import type { Due } from './events.ts';

/** What a flight tells those who know what to do next. */
export interface FlightEvents {
  landed(flight: Flight): void;
  failed(flight: Flight): void;
  /** The origin has a place for it, after so long. */
  granted(flight: Flight, waitedMs: number): void;
  /** It had no place in time, or lost the one that it waited for. */
  refused(flight: Flight): void;
}

/** One simulated fetch: what `src/serve/4-origin.ts` calls a flight. Used again once it has ended. */
export class Flight implements Due, Queued {
  /** Its number among the flights of its node. */
  readonly id: number;
  /** What it fetches: a copy of the request that led it. */
  readonly asked = new Asked();
  /** Who waits for it; the first one led it, unless it is in the background. */
  readonly waiters: Asked[] = [];
  /** The stored response that it validates, pinned; NONE. */
  stale: number = NONE;
  /** It has a condition of ours: only then a 304 is an answer. */
  conditional = false;
  background = false;
  /** It is for whoever asks for its key; false for one that serves one request alone. */
  isKeyed = false;
  /** Others may join it under its key. */
  isOpen = false;
  /** The request went past the cache. */
  bypasses = false;
  startedMs = 0;
  /** Age that its response has on arrival, in seconds; a variant's is that of the original it was made of. */
  ageS = 0;
  /** The stored original that it is made of, pinned until it has landed; NONE. */
  original: number = NONE;
  /** It holds a place at its origin. */
  holdsPlace = false;
  /** It will not land: the origin fails. */
  fails = false;
  readonly #events: FlightEvents;

  constructor(id: number, events: FlightEvents) {
    this.id = id;
    this.#events = events;
  }

  due(): void {
    if (this.fails) this.#events.failed(this);
    else this.#events.landed(this);
  }

  granted(waitedMs: number): void {
    this.#events.granted(this, waitedMs);
  }

  expired(): void {
    this.#events.refused(this);
  }

  dropped(): void {
    this.#events.refused(this);
  }
}
