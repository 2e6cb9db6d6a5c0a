import { assert } from '../../src/base/assert.ts';
import { RETRIEVAL_FAILURES, type RetrievalFailure } from '../../src/cache/outcome.ts';
import type { Harness } from './harness.ts';
import type { Reader } from './reader.ts';

const FAILURES: ReadonlySet<string> = new Set(RETRIEVAL_FAILURES);

/**
 * Whether a request that has ended is a retrieval failure, judged by what its client saw; and if so, that exactly one cause
 * of the closed list was said, the same in header and books.
 */
export function failureOf(h: Harness, reader: Reader): RetrievalFailure | undefined {
  const { served, whole } = h.bookingOf(reader);
  const { status = 0 } = reader;
  const toldSo =
    status >= 500 || status === 408 || status === 429 || (status >= 400 && served.outcome === 'failed');
  // Something else was served in its place: a stale copy, or the original of a variant.
  const isMadeUpFor = served.outcome === 'stale' || served.detail === 'fallback';
  // It asked for nothing but what is stored here.
  const asItWished = served.cause === 'only-if-cached';
  if (reader.state === 'gone' && !FAILURES.has(served.cause)) return undefined;
  if (reader.state !== 'broken' && (!toldSo || asItWished)) {
    assert(
      !FAILURES.has(served.cause) || isMadeUpFor || reader.state === 'gone',
      `a whole answer with ${status} has no cause: ${served.cause}`,
    );
    return FAILURES.has(served.cause) && !isMadeUpFor ? (served.cause as RetrievalFailure) : undefined;
  }
  assert(FAILURES.has(served.cause), `a failed retrieval has a cause: ${status} ${served.cause}`);
  assert(whole === (reader.state === 'whole'), 'what was booked is what the client saw');
  if (toldSo && reader.state === 'whole') {
    const detail = / detail="?(?:stale-if-error )?([a-z0-9-]+)"?$/.exec(reader.cacheStatus)?.[1];
    assert(detail === served.cause, `the header says ${reader.cacheStatus}, the books say ${served.cause}`);
  }
  return served.cause as RetrievalFailure;
}

/** The metric counts what the clients saw. */
export function checkFailures(h: Harness): Map<RetrievalFailure, number> {
  const seen = new Map<RetrievalFailure, number>();
  for (const reader of h.readers) {
    const cause = failureOf(h, reader);
    if (cause !== undefined) seen.set(cause, (seen.get(cause) ?? 0) + 1);
  }
  const { retrievalFailures } = h.recorder;
  RETRIEVAL_FAILURES.forEach((cause, index) => {
    let counted = 0;
    for (let i = index; i < retrievalFailures.length; i += RETRIEVAL_FAILURES.length)
      counted += retrievalFailures[i]!;
    assert(counted === (seen.get(cause) ?? 0), `${cause}: ${counted} counted, ${seen.get(cause) ?? 0} seen`);
  });
  return seen;
}
