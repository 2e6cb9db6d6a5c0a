import { seededRandom } from '../../src/base/random.ts';
import { imageBytes, powerLaw } from '../../src/simulate/popularity.fixture.ts';
import {
  BATCH_ROWS_MAX,
  BatchBuilder,
  type ResponseLife,
  servedKind,
  type TrafficBatch,
  UNKNOWN_LIFE,
} from '../../src/traffic/batch.ts';
import { readTrace } from '../support/traces.ts';

/** Requests to make curves of. */
export interface CurveTraffic {
  readonly name: string;
  readonly requests: number;
  readonly batches: readonly TrafficBatch[];
}

/** Traffic of images that is made up: popularity by Zipf's law, and some that are asked for once. */
export interface MadeTraffic {
  readonly requests: number;
  readonly images: number;
  readonly zipf: number;
  /** Share of the requests that are for something nobody asks for again. */
  readonly onceShare: number;
  /** Lifetimes, by turns of the images; none has an end by default. */
  readonly lifetimesS?: readonly number[];
}

const KIND = servedKind('images', { outcome: 'hit', tier: 'memory' });

/** Objects of a trace without sizes. */
const UNSIZED_BYTES = 20_000;

/** A trace of the folder, one request a millisecond. */
export function recordedTraffic(dir: string, name: string): CurveTraffic {
  const { keys, sizes } = readTrace(dir, name);
  const sized = sizes.some((size) => size > 1);
  return trafficOf(name, keys.length, (at) => ({
    key: keys[at]!,
    bodyBytes: sized ? sizes[at]! : UNSIZED_BYTES,
  }));
}

/** Log-normal sizes, median 24 KB, over four orders of magnitude; the same for the same seed. */
export function madeTraffic(name: string, making: MadeTraffic, seed: number): CurveTraffic {
  const { requests, images, zipf, onceShare, lifetimesS = [] } = making;
  const lives = lifetimesS.map(
    (lifetimeS): ResponseLife => ({
      known: 'applied',
      lifetimeS,
      whileRevalidateS: 0,
      ifErrorS: 0,
      flags: 0,
    }),
  );
  const random = seededRandom(seed);
  const rank = powerLaw(images, zipf);
  let next = images;
  return trafficOf(name, requests, () => {
    const isOnce = random.next() < onceShare;
    const key = isOnce ? next : rank(random);
    if (isOnce) next += 1;
    return { key, bodyBytes: imageBytes(seed * 7_919 + key), life: lives[key % lives.length] };
  });
}

/** The same requests under other hashes: another sample of its keys. */
export function salted({ batches }: CurveTraffic, salt: number): TrafficBatch[] {
  const mask = Math.imul(salt, 0x9e37_79b1);
  return batches.map((batch) => ({ ...batch, keyHi: batch.keyHi.map((hi) => (hi ^ mask) >>> 0) }));
}

interface Request {
  readonly key: number;
  readonly bodyBytes: number;
  readonly life?: ResponseLife | undefined;
}

function trafficOf(name: string, requests: number, requestAt: (at: number) => Request): CurveTraffic {
  const builder = new BatchBuilder();
  const batches: TrafficBatch[] = [];
  for (let at = 0; at < requests; at += 1) {
    const { key, bodyBytes, life = UNKNOWN_LIFE } = requestAt(at);
    if (builder.count === BATCH_ROWS_MAX) batches.push(builder.take());
    builder.add({
      atMs: 1_000 + at,
      keyLo: Math.imul(key, 0x9e37_79b1) >>> 0,
      keyHi: Math.imul(key ^ 0x5bd1_e995, 0x85eb_ca6b) >>> 0,
      bodyBytes,
      besideBytes: 0,
      originMs: undefined,
      kind: KIND,
      life,
    });
  }
  if (builder.count > 0) batches.push(builder.take());
  return { name, requests, batches };
}
