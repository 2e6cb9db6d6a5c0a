import { virtualClock } from '../../test/support/virtual-clock.ts';
import { createHttpOrigin, type HttpOriginDeps, type HttpOriginOptions } from './http.ts';
import type { Origin } from './origin.ts';

/** An http origin with options fit for tests. Unless a clock is given, its time stands still: no timeout can fire. */
export function httpOrigin(
  url: string,
  options: Partial<HttpOriginOptions> = {},
  deps: Partial<HttpOriginDeps> = {},
): Origin {
  return createHttpOrigin(
    {
      name: 'shop',
      url,
      timeouts: { connectMs: 1000, firstByteMs: 2000, idleMs: 3000, totalMs: 10_000 },
      maxBodyBytes: 1_000_000,
      maxHeadBytes: 16_384,
      redirects: { follow: 0, crossHost: false },
      tls: { verify: true },
      maxConnections: 8,
      extraFields: {},
      ...options,
    },
    { clock: virtualClock(0), ...deps },
  );
}
