import { type VirtualClock, virtualClock } from '../../test/support/virtual-clock.ts';
import type { Origin } from './origin.ts';
import { createS3Origin, type S3OriginDeps, type S3OriginOptions } from './s3.ts';
import { ANONYMOUS } from './s3-credentials.ts';

/** Wall clock of the system, while no timeout can fire: real servers judge signatures by the time. */
export function signingClock(offsetMs = 0): VirtualClock {
  return Object.assign(virtualClock(0), { nowMs: () => Date.now() + offsetMs });
}

/** An S3 origin with options fit for tests; anonymous unless told. */
export function s3Origin(
  endpoint: string,
  options: Partial<S3OriginOptions> = {},
  deps: Partial<S3OriginDeps> = {},
): Origin {
  return createS3Origin(
    {
      name: 'shop',
      endpoint,
      bucket: 'images',
      region: 'us-east-1',
      addressing: 'path',
      prefix: '',
      accessDenied: 'error',
      timeouts: { connectMs: 1000, firstByteMs: 2000, idleMs: 3000, totalMs: 10_000 },
      maxBodyBytes: 100_000_000,
      maxHeadBytes: 16_384,
      tls: { verify: true },
      maxConnections: 16,
      ...options,
    },
    {
      clock: signingClock(),
      credentials: ANONYMOUS,
      onFault: (error) => {
        throw error;
      },
      ...deps,
    },
  );
}
