import type { Clock } from '../base/clock.ts';
import type { MemoryTier } from '../store/memory/tier.ts';
import type { Routes } from './1-route.ts';
import type { Ledger } from './ledger.ts';
import type { TrafficRows } from './traffic-rows.ts';
import type { VariantOptions } from './variants/variants.ts';

/** What the request path of a node is made of. */
export interface RequestPathOptions {
  readonly routes: Routes;
  readonly tier: MemoryTier;
  readonly ledger: Ledger;
  readonly clock: Clock;
  /** Most bytes of responses that are under way and not in the tier. */
  readonly spoolBytesMax: number;
  /** Name of this process in the Via field of its requests; a request that has it already is a loop. */
  readonly pseudonym?: string;
  /** Told of a fault of our own on the way to an answer; it is counted, and the request was answered all the same. */
  readonly onFault?: (error: unknown) => void;
  /** Fetches under way at which what is not stored at all is refused. Default: no limit. */
  readonly fetchesMax?: number;
  /** Makes variants; without one, routes with images have none. */
  readonly images?: VariantOptions | undefined;
  /** Takes a row of each request; undefined where traffic is not recorded. */
  readonly rows?: TrafficRows | undefined;
}
