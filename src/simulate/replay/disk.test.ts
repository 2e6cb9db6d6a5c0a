import { describe, expect, test } from 'bun:test';
import { DiskHarness } from '../../../test/support/disk-harness.ts';
import { settledClock } from '../../../test/support/simulation/process.ts';
import { type Random, seededRandom } from '../../base/random.ts';
import { Stated, type TrafficRow } from '../../traffic/batch.ts';
import type { SimulatedNode } from '../plan.ts';
import { headBytes, MISSED, nodeWith, recordOf, stated, TABLES } from '../simulate.fixture.ts';
import { simulate } from '../simulate.ts';

/** The simulated disk tier against the live one, over a virtual disk: the same log, segment by segment. */

const SEEDS = Number(process.env['SEEDS'] ?? 12);
const MIB = 2 ** 20;
const KEYS = 200;

interface Image {
  readonly sizeBytes: number;
  readonly lifetimeS: number;
}

interface Setup {
  readonly images: readonly Image[];
  readonly memoryBytes: number;
  readonly objectBytesMax: number;
  readonly policy: 'lru' | 's3-fifo';
}

function setupOf(random: Random): Setup {
  const pick = <T>(of: readonly T[]): T => of[Math.floor(random.next() * of.length)]!;
  return {
    images: Array.from({ length: KEYS }, () => ({
      sizeBytes: 100 + Math.floor(400_000 * random.next() ** 3),
      lifetimeS: pick([3, 60, 5000]),
    })),
    memoryBytes: pick([MIB / 2, MIB, 3 * MIB]),
    objectBytesMax: pick([60_000, 300_000]),
    policy: pick(['lru', 's3-fifo'] as const),
  };
}

const ROUTE = 'stale: { whileRevalidate: 0s, ifError: 0s, lastKnownGood: never }';

function fieldsOf({ lifetimeS, sizeBytes }: Image): Record<string, string> {
  const etag = `"${String(sizeBytes).padStart(7, '0')}"`;
  return { 'content-type': 'image/jpeg', 'cache-control': `max-age=${lifetimeS}`, etag };
}

function live(setup: Setup, keys: readonly number[], seed: number) {
  const clock = settledClock();
  const { memoryBytes, policy, objectBytesMax } = setup;
  const h = DiskHarness.open({
    clock,
    memoryBytes,
    policy,
    objectBytesMax,
    route: ROUTE,
    seed,
    spoolBytes: 2 ** 26,
  });
  // To the beginning of a second: what the disk takes a moment for does not end in another.
  clock.advance(1001 - (clock.nowMs() % 1000));
  let validations = 0;
  h.origin.onCall = (call) => {
    const image = setup.images[Number(/\d+/.exec(call.request.target)![0])]!;
    const fields = fieldsOf(image);
    if (call.request.fields.get('if-none-match') === fields['etag']) {
      validations += 1;
      call.answer({ status: 304, fields });
    } else call.answer({ status: 200, fields }, new Uint8Array(image.sizeBytes));
  };
  const rows = keys.map((key): TrafficRow => {
    const atMs = clock.nowMs();
    h.ask(`/${key}`);
    clock.advance(1000);
    const image = setup.images[key]!;
    const keyText = `r /${key}`;
    const { lo, hi } = h.tier.key.set(keyText);
    return {
      atMs,
      keyLo: lo,
      keyHi: hi,
      bodyBytes: image.sizeBytes,
      besideBytes: keyText.length + headBytes(fieldsOf(image), image.sizeBytes),
      originMs: 0,
      kind: TABLES.kind({ ...MISSED, route: 'r' }),
      life: TABLES.life(stated(image.lifetimeS, { flags: Stated.IMAGE | Stated.VALIDATOR })),
    };
  });
  const { cache } = h.tier;
  const { evictions, earlyEvictions, prematureEvictions } = cache.account.routes[0]!;
  const disk = h.disk.snapshot();
  const counts = {
    hits: h.booked('hit'),
    revalidated: h.booked('revalidated'),
    misses: h.booked('miss'),
    validations,
    memory: { entries: cache.count, usedBytes: cache.usedBytes, insertions: cache.account.insertions },
    left: { evictions, earlyEvictions, prematureEvictions },
    disk: {
      entries: disk.entries,
      usedBytes: disk.usedBytes,
      insertions: disk.insertions,
      evictions: disk.evictions,
      earlyEvictions: disk.earlyEvictions,
    },
  };
  h.finish();
  return { counts, rows };
}

function simulated(setup: Setup, rows: readonly TrafficRow[]) {
  const { memoryBytes: sizeBytes, policy, objectBytesMax } = setup;
  const rules = nodeWith().otherRoute;
  const node: SimulatedNode = nodeWith({
    memory: { sizeBytes, policy, objectBytesMax },
    disk: { sizeBytes: 8 * MIB, objectBytesMax: MIB / 2, minResidencyS: 0, variantsShare: 0.5 },
    routes: new Map([['r', rules]]),
  });
  const [{ all, memory, disk, origin }] = simulate(recordOf(rows), [node]) as [
    ReturnType<typeof simulate>[0] & object,
  ];
  const { evictions, earlyEvictions, prematureEvictions } = memory;
  return {
    hits: all.memoryHits + all.diskHits,
    revalidated: all.revalidated,
    misses: all.misses,
    validations: origin.validations,
    memory: { entries: memory.entries, usedBytes: memory.usedBytes, insertions: memory.insertions },
    left: { evictions, earlyEvictions, prematureEvictions },
    disk: {
      entries: disk!.entries,
      usedBytes: disk!.usedBytes,
      insertions: disk!.insertions,
      evictions: disk!.evictions,
      earlyEvictions: disk!.earlyEvictions,
    },
  };
}

describe('the simulated disk and the live one count alike', () => {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    test(`seed ${seed}`, () => {
      const random = seededRandom(seed);
      const setup = setupOf(random);
      const keys = Array.from({ length: 700 }, () => Math.floor(KEYS * random.next() ** 1.5));
      const { counts, rows } = live(setup, keys, seed);
      const { images: _, ...shown } = setup;
      expect(simulated(setup, rows), JSON.stringify(shown)).toEqual(counts);
    });
  }
});
