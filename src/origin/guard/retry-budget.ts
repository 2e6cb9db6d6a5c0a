/** Tries beyond the first that a quiet origin may always have; and the most that can be saved up. */
const RESERVE = 10;

/**
 * What there may be of second tries: a share of the first ones, so that they never multiply the load of an origin that is
 * failing (the token bucket of gRFC A6 and of Finagle's RetryBudget). Over any time, second tries are at most
 * `share x first tries + 10`.
 */
export class RetryBudget {
  readonly #share: number;
  #tokens = RESERVE;

  /** @param share second tries for each first one, from 0 to 1; 0 for none at all. */
  constructor(share: number) {
    this.#share = share;
    if (share === 0) this.#tokens = 0;
  }

  /** A first try took place. */
  deposit(): void {
    this.#tokens = Math.min(RESERVE, this.#tokens + this.#share);
  }

  /** Takes a second try out of it; false when it is empty. */
  take(): boolean {
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
