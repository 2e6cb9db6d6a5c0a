import type { Hash64 } from '../base/hash.ts';
import { NOT_STORED_REASONS, type NotStoredReason, REMOVAL_REASONS, type RemovalReason } from './outcome.ts';

/** Why a key is absent: its response left for that reason, was missed too early, or was never stored. */
const KINDS = [...REMOVAL_REASONS, 'premature', ...NOT_STORED_REASONS] as const;
export type DepartureKind = RemovalReason | 'premature' | NotStoredReason;

/** One thing that happened to a key. Times in seconds since the epoch. */
export interface Departure {
  readonly kind: DepartureKind;
  readonly atS: number;
  /** When the response that left had been stored; 0 where none had. */
  readonly storedS: number;
  /** Until when it could have been used. */
  readonly usableUntilS: number;
  /** The purge that removed it; 0 for none. */
  readonly purge: number;
}

const CAPACITY = 65_536;
const NUMBER_OF = new Map<DepartureKind, number>(KINDS.map((kind, number) => [kind, number]));

/**
 * What happened last to keys that are not stored, for whoever asks why: a ring of the latest 65,536 events, 28 bytes each.
 * Adding is O(1), finding reads the ring: for an operator's question, not for requests.
 */
export class Departures {
  readonly #lo = new Uint32Array(CAPACITY);
  readonly #hi = new Uint32Array(CAPACITY);
  readonly #atS = new Uint32Array(CAPACITY);
  readonly #storedS = new Uint32Array(CAPACITY);
  readonly #usableUntilS = new Uint32Array(CAPACITY);
  readonly #purge = new Uint32Array(CAPACITY);
  readonly #kind = new Uint8Array(CAPACITY);
  #added = 0;

  add(lo: number, hi: number, departure: Departure): void {
    const at = this.#added % CAPACITY;
    this.#lo[at] = lo;
    this.#hi[at] = hi;
    this.#atS[at] = departure.atS;
    this.#storedS[at] = departure.storedS;
    this.#usableUntilS[at] = departure.usableUntilS;
    this.#purge[at] = departure.purge;
    this.#kind[at] = NUMBER_OF.get(departure.kind)!;
    this.#added += 1;
  }

  /** A response to this key was not stored. */
  notStored({ lo, hi }: Hash64, kind: NotStoredReason, atS: number): void {
    this.add(lo, hi, { kind, atS, storedS: 0, usableUntilS: 0, purge: 0 });
  }

  /** What happened to a key, the latest first, at most `max` events. O(capacity), some 50 us. */
  of(hash: Hash64, max: number): Departure[] {
    const found: Departure[] = [];
    const oldest = Math.max(0, this.#added - CAPACITY);
    for (let i = this.#added - 1; i >= oldest && found.length < max; i -= 1) {
      const at = i % CAPACITY;
      if (this.#lo[at] !== hash.lo || this.#hi[at] !== hash.hi) continue;
      found.push({
        kind: KINDS[this.#kind[at]!]!,
        atS: this.#atS[at]!,
        storedS: this.#storedS[at]!,
        usableUntilS: this.#usableUntilS[at]!,
        purge: this.#purge[at]!,
      });
    }
    return found;
  }
}
