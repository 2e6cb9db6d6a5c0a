import type { Clock } from '../base/clock.ts';
import type { KeyBuffer } from '../cache/key.ts';
import { Recent } from './4-origin.ts';

/** How long requests for a resource whose response could not be shared go to the origin side by side. */
const UNSHARED_MS = 10_000;
/** After a validation that did not succeed, the next one in the background waits for so long. */
const RETRY_MS = 1_000;
/** After an origin failed to validate it, a response that may be served stale on error is served so for a while, unasked. */
const TROUBLE_MS = 30_000;

/** What happened to keys a moment ago, and makes a difference to whoever asks for them next. */
export class FlightMemory {
  readonly #key: KeyBuffer;
  readonly #clock: Clock;
  /** By primary key: a response that is private, or too large, is fetched by each request for itself, not in line. */
  readonly unshared = new Recent(UNSHARED_MS);
  /** By key: a busy image whose origin fails must not cost the origin a request for each stale hit. */
  readonly unrenewed = new Recent(RETRY_MS);
  readonly troubled = new Recent(TROUBLE_MS);

  constructor(key: KeyBuffer, clock: Clock) {
    this.#key = key;
    this.#clock = clock;
  }

  remember(recent: Recent, key: string): void {
    recent.add(this.#key.set(key), this.#clock.monotonicMs());
  }

  happened(recent: Recent, key: string): boolean {
    return recent.size > 0 && recent.has(this.#key.set(key), this.#clock.monotonicMs());
  }
}
