import type { Route } from './1-route.ts';
import type { CacheRequest, Responder } from './answer.ts';
import type { AskedVariant } from './variants/ask.ts';

/** What is known of a request once route and key are found. */
export interface Asked {
  readonly request: CacheRequest;
  readonly responder: Responder;
  readonly route: Route;
  readonly resource: string;
  readonly primary: string;
  /** {@link Mark}s of the request's fields. */
  readonly found: number;
  /** Set for a variant; `primary` is then its key, and `resource` that of its original. */
  readonly variant: AskedVariant | undefined;
  /** Monotonic time of its look-up; set where traffic is recorded and it was not answered at once. */
  readonly seenMs?: number | undefined;
  /** What answers was brought up from the disk for it. */
  readonly fromDisk?: true;
}
