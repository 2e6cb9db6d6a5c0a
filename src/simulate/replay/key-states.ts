import type { Flight } from './flight.ts';
import type { KeyRows } from './key-rows.ts';
import { Reason } from './tally.ts';

/** A key's word for a node: in its lower bits what became of it, above them the flight under way. */
const STATE_BITS = 3;
const STATE_MASK = 7;

/** What became of a key: the reason for which it would be a miss, plus one; 0 while it was never asked for. */
export const State = {
  NEW: 0,
  /** Stored, so that only want of room can be why it is not here. */
  STORED: 1 + Reason.EVICTED,
  EXPIRED: 1 + Reason.EXPIRED,
  REFUSED: 1 + Reason.REFUSED,
  NOT_STORABLE: 1 + Reason.NOT_STORABLE,
} as const;

/** What one node knows of keys beside what it stores. All O(1). */
export class KeyStates {
  readonly #keys: KeyRows;
  readonly #word: number;
  readonly #flights: readonly Flight[];

  /** @param word that of the node in the rows of the keys; @param flights by their numbers. */
  constructor(keys: KeyRows, word: number, flights: readonly Flight[]) {
    this.#keys = keys;
    this.#word = word;
    this.#flights = flights;
  }

  /** A {@link State}. */
  of(key: number): number {
    return this.#keys.word(key, this.#word) & STATE_MASK;
  }

  set(key: number, state: number): void {
    this.#keys.set(key, this.#word, (this.#keys.word(key, this.#word) & ~STATE_MASK) | state);
  }

  /** The flight that requests for a key may join. */
  flight(key: number): Flight | undefined {
    const id = (this.#keys.word(key, this.#word) >>> STATE_BITS) - 1;
    return id < 0 ? undefined : this.#flights[id];
  }

  setFlight(key: number, flight: Flight | undefined): void {
    const id = flight === undefined ? 0 : flight.id + 1;
    this.#keys.set(key, this.#word, this.of(key) | (id << STATE_BITS));
  }
}
