import type { Clock } from '../base/clock.ts';
import type { KeyBuffer } from '../cache/key.ts';
import { Recent, TROUBLE_MS, UNRENEWED_MS, UNSHARED_MS } from '../cache/recent.ts';

/** What happened to keys a moment ago, and makes a difference to whoever asks for them next. */
export class FlightMemory {
  readonly #key: KeyBuffer;
  readonly #clock: Clock;
  /** By primary key: a response that is private, or too large, is fetched by each request for itself, not in line. */
  readonly unshared = new Recent(UNSHARED_MS);
  /** By key: a busy image whose origin fails must not cost the origin a request for each stale hit. */
  readonly unrenewed = new Recent(UNRENEWED_MS);
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
