import { describe, expect, test } from 'bun:test';
import { Harness } from '../../../test/support/harness.ts';
import { ScriptedTransformer } from '../../../test/support/scripted-transformer.ts';
import { virtualClock } from '../../../test/support/virtual-clock.ts';
import { type Random, seededRandom } from '../../base/random.ts';
import { Stated, type TrafficRow } from '../../traffic/batch.ts';
import { MISSED, nodeWith, recordOf, START_MS, stated, TABLES } from '../simulate.fixture.ts';
import { simulate } from '../simulate.ts';

/** Variants in the simulator against the live request path: made of originals that have to be fetched first, or are there. */

const SEEDS = Number(process.env['SEEDS'] ?? 15);
const IMAGES = 25;
const WIDTHS = [undefined, 10, 20, 30] as const;
const ROUTE = 'stale: { whileRevalidate: 3s, ifError: 0s, lastKnownGood: never }';

interface Image {
  readonly sizeBytes: number;
  readonly lifetimeS: number;
  readonly delayMs: number;
}

/** What the index knows of an address once it is stored. */
interface Known {
  readonly lo: number;
  readonly hi: number;
  readonly besideBytes: number;
}

interface Setup {
  readonly images: readonly Image[];
  readonly memoryBytes: number;
  readonly policy: 'lru' | 's3-fifo' | 'gdsf';
  /** Of one original. */
  readonly variantsMax: number;
  readonly seed: number;
}

function setupOf(random: Random, seed: number): Setup {
  const pick = <T>(of: readonly T[]): T => of[Math.floor(random.next() * of.length)]!;
  return {
    seed,
    images: Array.from({ length: IMAGES }, (_, key) => ({
      // No two alike: the transformer tells them apart by that.
      sizeBytes: 500 + IMAGES * Math.floor(random.next() * 320) + key,
      lifetimeS: pick([2, 20, 5000]),
      // With requests at multiples of 11 ms no two things happen at one instant, whose order would be that of timers.
      delayMs: pick([0, 30, 702]),
    })),
    memoryBytes: pick([40_000, 80_000, 2 ** 21]),
    variantsMax: pick([1, 2, 100]),
    policy: pick(['lru', 's3-fifo', 'gdsf'] as const),
  };
}

function variantBytes(image: Image, width: number): number {
  return 100 + Math.floor((image.sizeBytes * width) / 40);
}

function studio({ images, policy, seed, variantsMax }: Setup, memoryBytes: number) {
  const clock = virtualClock(START_MS);
  const transformer = new ScriptedTransformer();
  const route = `${ROUTE}\nimages: { onFailure: error, variants: { max: ${variantsMax} } }`;
  const h = new Harness({ clock, transformer, route, memoryBytes, policy, seed, spoolBytes: 2 ** 24 });
  const counts = { validations: 0 };
  h.origin.onCall = (call) => {
    const image = images[Number(/\d+/.exec(call.request.target)![0])]!;
    const etag = `"${String(image.sizeBytes).padStart(6, '0')}"`;
    const fields = { 'content-type': 'image/jpeg', 'cache-control': `max-age=${image.lifetimeS}`, etag };
    const isSame = call.request.fields.get('if-none-match') === etag;
    const answer = (): void => {
      if (isSame) counts.validations += 1;
      if (isSame) call.answer({ status: 304, fields });
      else call.answer({ fields }, new Uint8Array(image.sizeBytes));
    };
    if (image.delayMs === 0) answer();
    else clock.after(image.delayMs, answer);
  };
  transformer.onCall = (call) =>
    void clock.after(0, () => {
      const image = images.find(({ sizeBytes }) => sizeBytes === call.job.original.length)!;
      call.make('x'.repeat(variantBytes(image, (call.job.variant as { width: number }).width)));
    });
  return { h, clock, counts };
}

function targetOf(key: number, width: number | undefined): string {
  return width === undefined ? `/${key}.jpg` : `/${key}.jpg?w=${width}`;
}

/** Stores everything once, to learn what keys and heads come to. */
function learn(setup: Setup): Map<string, Known> {
  const { h, clock } = studio({ ...setup, variantsMax: 100 }, 2 ** 23);
  const known = new Map<string, Known>();
  const { entries } = h.tier.cache;
  setup.images.forEach((_, key) => {
    for (const width of WIDTHS) {
      const before = new Set(entries.slots());
      h.ask(targetOf(key, width));
      clock.advance(1000);
      const slot = [...entries.slots()].find((one) => !before.has(one))!;
      const besideBytes = entries.keyBytes(slot) + entries.headBytes(slot);
      known.set(targetOf(key, width), { lo: entries.hashLo(slot), hi: entries.hashHi(slot), besideBytes });
    }
  });
  return known;
}

interface Request {
  readonly atMs: number;
  readonly key: number;
  readonly width: number | undefined;
}

function live(setup: Setup, requests: readonly Request[]) {
  const { h, clock, counts } = studio(setup, setup.memoryBytes);
  for (const { atMs, key, width } of requests) {
    clock.advance(atMs - clock.nowMs());
    h.ask(targetOf(key, width));
    clock.advance(0);
  }
  clock.advance(10_000);
  const { cache } = h.tier;
  const { evictions, prematureEvictions } = cache.account.routes[0]!;
  const found = {
    outcomes: ['hit', 'stale', 'revalidated', 'collapsed', 'miss'].map((word) => h.booked(word as 'hit')),
    originRequests: h.origin.calls.length,
    ...counts,
    memory: [cache.account.insertions, evictions, prematureEvictions, cache.count, cache.usedBytes],
  };
  h.finish();
  return found;
}

function rowsOf(setup: Setup, requests: readonly Request[]): TrafficRow[] {
  const known = learn(setup);
  return requests.flatMap(({ atMs, key, width }): TrafficRow[] => {
    const image = setup.images[key]!;
    const original = known.get(targetOf(key, undefined))!;
    const life = TABLES.life(stated(image.lifetimeS, { flags: Stated.IMAGE | Stated.VALIDATOR }));
    const row = {
      atMs,
      keyLo: original.lo,
      keyHi: original.hi,
      bodyBytes: image.sizeBytes,
      besideBytes: original.besideBytes,
      originMs: image.delayMs,
      kind: TABLES.kind({ ...MISSED, route: 'r', internal: width !== undefined }),
      life,
    };
    if (width === undefined) return [row];
    const { lo, besideBytes } = known.get(targetOf(key, width))!;
    const kind = TABLES.kind({ ...MISSED, route: 'r', variant: true });
    const bodyBytes = variantBytes(image, width);
    return [row, { ...row, keyLo: lo, besideBytes, bodyBytes, originMs: 0, kind }];
  });
}

function simulated(setup: Setup, rows: readonly TrafficRow[]) {
  const { memoryBytes: sizeBytes, policy, variantsMax } = setup;
  const variants = { maxVariants: variantsMax, maxVariantBytes: 64 * 2 ** 20 };
  const node = nodeWith({ memory: { sizeBytes, policy }, route: { staleWhileRevalidateS: 3, variants } });
  const { all, memory, origin } = simulate(recordOf(rows), [node])[0]!;
  return {
    outcomes: [all.memoryHits, all.staleHits, all.revalidated, all.collapsed, all.misses],
    originRequests: origin.requests,
    validations: origin.validations,
    memory: [
      memory.insertions,
      memory.evictions,
      memory.prematureEvictions,
      memory.entries,
      memory.usedBytes,
    ],
  };
}

describe('variants in the simulator and in the live request path', () => {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    test(`seed ${seed}`, () => {
      const random = seededRandom(seed);
      const setup = setupOf(random, seed);
      let atMs = START_MS;
      const requests = Array.from({ length: 400 }, () => {
        atMs += 11 * (1 + Math.floor(random.next() ** 2 * 36));
        const width = WIDTHS[Math.floor(random.next() * WIDTHS.length)];
        return { atMs, key: Math.floor(IMAGES * random.next() ** 2), width };
      });
      const { images: _, ...shown } = setup;
      expect(simulated(setup, rowsOf(setup, requests)), JSON.stringify(shown)).toEqual(live(setup, requests));
    });
  }
});
