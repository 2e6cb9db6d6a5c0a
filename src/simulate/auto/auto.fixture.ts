import { seededRandom } from '../../base/random.ts';
import { batchesOf, servedKind, type TrafficBatch, UNKNOWN_LIFE } from '../../traffic/batch.ts';
import { powerLaw } from '../popularity.fixture.ts';

/** A request of a client that nothing is known of but its key and size. */
export const KIND = servedKind('r');

/** Charge of a response of {@link BODY_BYTES} by the rules of the live tier. */
export const CHARGE_BYTES = 144 + 132 * 8;
/** With 24 bytes beside it, eight blocks of the arena. */
export const BODY_BYTES = 1_000;

/** A well mixed hash of a small number. */
export function hashOf(key: number): number {
  let h = Math.imul(key + 1, 0x9e37_79b1);
  h = Math.imul(h ^ (h >>> 15), 0x85eb_ca6b);
  return (h ^ (h >>> 13)) >>> 0;
}

/** Requests for these keys, a hundred a second, in batches of a thousand. */
export function batches(keys: readonly number[], fromS = 0, kind = KIND): TrafficBatch[] {
  const found: TrafficBatch[] = [];
  for (let from = 0; from < keys.length; from += 1_000) {
    const rows = keys.slice(from, from + 1_000).map((key, i) => ({
      atMs: (fromS + (from + i) / 100) * 1_000,
      keyLo: hashOf(key),
      keyHi: hashOf(key + 7_000_000),
      bodyBytes: BODY_BYTES,
      besideBytes: 24,
      originMs: undefined,
      kind,
      life: UNKNOWN_LIFE,
    }));
    found.push(...batchesOf(rows));
  }
  return found;
}

/** Keys by Zipf's law (0.9) out of `images`; `scanShare` of the requests are for what nobody asks for again. */
export function popular(requests: number, images: number, scanShare: number, seed: number): number[] {
  const random = seededRandom(seed);
  const rank = powerLaw(images, 0.9);
  return Array.from({ length: requests }, (_, i) =>
    random.next() < scanShare ? 1_000_000 + i : rank(random),
  );
}

/** Each key is asked for twice, `apart` requests later, and never again. */
export function twice(requests: number, apart: number): number[] {
  return Array.from(
    { length: requests },
    (_, i) => 4_000_000 + (i % 2 === 0 ? i : Math.max(0, i - apart * 2 + 1)),
  );
}
