import { describe, expect, test } from 'bun:test';
import { Harness } from '../../../test/support/harness.ts';
import type { FieldPairs, OriginCall } from '../../../test/support/scripted-origin.ts';
import { virtualClock } from '../../../test/support/virtual-clock.ts';
import { type Random, seededRandom } from '../../base/random.ts';
import { OUTCOMES, type Outcome } from '../../cache/outcome.ts';
import type { ValidConfig } from '../../config/config.ts';
import { validateConfig } from '../../config/validate.ts';
import { POLICY_NAMES, type PolicyName } from '../../policy/policy.ts';
import { Stated, type TrafficRow } from '../../traffic/batch.ts';
import { nodeOf } from '../node-of.ts';
import { headBytes, MISSED, recordOf, START_MS, stated, TABLES } from '../simulate.fixture.ts';
import { simulate } from '../simulate.ts';

/**
 * The simulator against the live request path, in virtual time: the same requests, with an origin that takes its time, changes its images,
 * fails, and says all kinds of things about them. Both must come to the same counts, to the last one.
 */

const SEEDS = Number(process.env['SEEDS'] ?? 40);
const KEYS = 60;

interface Image {
  readonly fields: FieldPairs;
  readonly life: TrafficRow['life'];
  readonly etag: boolean;
  readonly status: number;
  readonly reason: TrafficRow['kind']['notStored'];
  readonly delayMs: number;
  readonly sizeBytes: number;
}

/** What an origin has, and when. A pure function of key and time, but for the dice that made it. */
class World {
  readonly images: readonly Image[];
  readonly outages: readonly (readonly [fromS: number, toS: number])[];
  readonly seed: number;

  constructor(random: Random, seed: number) {
    this.seed = seed;
    this.images = Array.from({ length: KEYS }, () => imageOf(random));
    this.outages = [
      [40, 55],
      [100, 102],
    ];
  }

  sizeAt(key: number, atMs: number): number {
    const { sizeBytes } = this.images[key]!;
    // A third of them changes every 25 seconds.
    const version = key % 3 === 0 && this.isShared(key) ? Math.floor((atMs - START_MS) / 25_000) : 0;
    return sizeBytes + version * 17;
  }

  /** What is not shared may be fetched for a request later than it came, and a record says how things stood when it came. */
  isShared(key: number): boolean {
    const { etag, reason, sizeBytes } = this.images[key]!;
    return etag && reason === '' && sizeBytes < 8000;
  }

  failsAt(key: number, atMs: number): boolean {
    const atS = (atMs - START_MS) / 1000;
    return (
      key % 2 === 0 && this.isShared(key) && this.outages.some(([fromS, toS]) => atS >= fromS && atS < toS)
    );
  }

  answer(call: OriginCall, key: number, atMs: number): void {
    if (this.failsAt(key, atMs)) {
      call.fail('reset');
      return;
    }
    const { fields, etag, status } = this.images[key]!;
    const sizeBytes = this.sizeAt(key, atMs);
    const tag = `"${String(sizeBytes).padStart(7, '0')}"`;
    const said = etag ? { ...fields, etag: tag } : fields;
    if (etag && call.request.fields.get('if-none-match') === tag) call.answer({ status: 304, fields: said });
    else call.answer({ status, fields: said }, new Uint8Array(sizeBytes));
  }
}

function imageOf(random: Random): Image {
  const pick = <T>(of: readonly T[]): T => of[Math.floor(random.next() * of.length)]!;
  const status = random.next() < 0.08 ? 404 : random.next() < 0.04 ? 503 : 200;
  const etag = status === 200 && random.next() < 0.7;
  const lifetimeS = pick([undefined, 0, 2, 10, 30, 1000]);
  const windows = pick([undefined, undefined, 3, 0]);
  const flags = pick([0, 0, 0, Stated.NO_CACHE, Stated.MUST_REVALIDATE, Stated.PUBLIC]);
  const sMaxage = lifetimeS !== undefined && random.next() < 0.2;
  const noStore = random.next() < 0.06;
  const directives = [
    ...(flags === Stated.NO_CACHE ? ['no-cache'] : []),
    ...(flags === Stated.MUST_REVALIDATE ? ['must-revalidate'] : []),
    ...(flags === Stated.PUBLIC ? ['public'] : []),
    ...(lifetimeS === undefined ? [] : [`${sMaxage ? 's-maxage' : 'max-age'}=${lifetimeS}`]),
    ...(windows === undefined ? [] : [`stale-while-revalidate=${windows}`, `stale-if-error=${windows}`]),
    ...(noStore ? ['no-store'] : []),
  ];
  return {
    fields: {
      'content-type': 'image/jpeg',
      ...(directives.length === 0 ? {} : { 'cache-control': directives.join(', ') }),
    },
    life: stated(lifetimeS, {
      whileRevalidateS: windows,
      ifErrorS: windows,
      flags: Stated.IMAGE | flags | (etag ? Stated.VALIDATOR : 0) | (sMaxage ? Stated.S_MAXAGE : 0),
    }),
    etag,
    status,
    reason: noStore ? 'no-store' : '',
    delayMs: pick([0, 1, 5, 20, 300, 1500, 4000]),
    sizeBytes: 50 + Math.floor(20_000 * random.next() ** 4),
  };
}

interface Request {
  readonly atMs: number;
  readonly key: number;
}

function requestsOf(random: Random, count: number): Request[] {
  let atMs = START_MS;
  return Array.from({ length: count }, () => {
    atMs += Math.floor(random.next() ** 3 * 250);
    return { atMs, key: Math.floor(KEYS * random.next() ** 2) };
  });
}

interface Setup {
  readonly policy: PolicyName;
  readonly memoryBytes: number;
  readonly route: string;
  readonly minResidencyS: number;
}

const ROUTES = [
  'ttl: { negative: 3s }\nstale: { whileRevalidate: 4s, ifError: 20s, lastKnownGood: never }',
  'ttl: { default: 15s, negative: 10s }\nstale: { whileRevalidate: 0s, ifError: 0s, lastKnownGood: images }\nmaxObject: 9KiB',
  'ttl: { min: 5s, negative: 0s }\nstale: { whileRevalidate: 0s, ifError: 0s, lastKnownGood: never }',
  'ttl: { override: 8s }\nstale: { whileRevalidate: 2s, ifError: 5s }\npinned: true',
];

function setupOf(random: Random): Setup {
  const pick = <T>(of: readonly T[]): T => of[Math.floor(random.next() * of.length)]!;
  return {
    route: pick(ROUTES),
    policy: pick(POLICY_NAMES),
    memoryBytes: pick([30_000, 60_000, 120_000, 2 ** 21]),
    minResidencyS: pick([0, 1, 10]),
  };
}

/** What both of them say. */
interface Counts {
  readonly outcomes: Partial<Record<Outcome, number>>;
  readonly originRequests: number;
  readonly validations: number;
  readonly insertions: number;
  readonly evictions: number;
  readonly early: number;
  readonly premature: number;
  readonly refetchedBytes: number;
  readonly usedBytes: number;
  readonly entries: number;
}

function live(
  world: World,
  setup: Setup,
  requests: readonly Request[],
): { counts: Counts; rows: TrafficRow[] } {
  const clock = virtualClock(START_MS);
  const h = new Harness({
    clock,
    policy: setup.policy,
    memoryBytes: setup.memoryBytes,
    route: setup.route,
    seed: world.seed,
    room: {
      minResidencyS: setup.minResidencyS,
      pinnedRoutes: [setup.route.includes('pinned')],
      pinnedShare: 0.5,
    },
    spoolBytes: 2 ** 24,
  });
  let validations = 0;
  h.origin.onCall = (call) => {
    const key = Number(/\d+/.exec(call.request.target)![0]);
    const askedMs = clock.nowMs();
    const land = (): void => {
      const { etag } = world.images[key]!;
      if (
        etag &&
        call.request.fields.get('if-none-match') ===
          `"${String(world.sizeAt(key, askedMs)).padStart(7, '0')}"`
      )
        if (!world.failsAt(key, askedMs)) validations += 1;
      world.answer(call, key, askedMs);
    };
    const { delayMs } = world.images[key]!;
    if (delayMs === 0) land();
    else clock.after(delayMs, land);
  };
  const rows = requests.map(({ atMs, key }) => {
    clock.advance(atMs - clock.nowMs());
    h.ask(`/${key}`);
    clock.advance(0);
    return rowOf(world, h, key, atMs);
  });
  clock.advance(10_000);
  const { cache } = h.tier;
  const account = cache.account.routes[0]!;
  const outcomes = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, h.booked(outcome)]));
  const counts = {
    outcomes,
    originRequests: h.origin.calls.length,
    validations,
    insertions: cache.account.insertions,
    evictions: account.evictions,
    early: account.earlyEvictions,
    premature: account.prematureEvictions,
    refetchedBytes: account.refetchedBytes,
    usedBytes: cache.usedBytes,
    entries: cache.count,
  };
  h.finish();
  return { counts, rows };
}

function rowOf(world: World, h: Harness, key: number, atMs: number): TrafficRow {
  const { life, status, reason, delayMs, fields, etag } = world.images[key]!;
  const fails = world.failsAt(key, atMs);
  const bodyBytes = world.sizeAt(key, atMs);
  const keyText = `r /${key}`;
  const { lo, hi } = h.tier.key.set(keyText);
  const kind = fails
    ? { ...MISSED, route: 'r', outcome: 'failed' as const, status: 0 }
    : { ...MISSED, route: 'r', status, notStored: reason };
  return {
    atMs,
    keyLo: lo,
    keyHi: hi,
    bodyBytes,
    besideBytes: keyText.length + headBytes({ ...fields, ...(etag ? { etag: '"0000000"' } : {}) }, bodyBytes),
    originMs: delayMs,
    kind: TABLES.kind(kind),
    life: fails ? { known: 'unknown' } : TABLES.life(life),
  };
}

/** The same as a configuration. The floor of memory in a file is higher than what a test needs. */
function configOf({ route, policy, minResidencyS }: Setup): ValidConfig {
  const text = [
    'version: 1',
    `cache: { memory: { size: 16MiB, policy: ${policy}, minResidency: ${minResidencyS}s, pinnedShare: 50 }, ghosts: 1000 }`,
    'origins:',
    '  o: { type: http, url: "http://127.0.0.1:9", connections: 256 }',
    'routes:',
    '  - name: r',
    '    origin: o',
    ...route.split('\n').map((line) => `    ${line}`),
  ].join('\n');
  const result = validateConfig(text, { file: 'candidate.yaml', env: {} });
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.config;
}

function simulated(setup: Setup, rows: readonly TrafficRow[]): Counts {
  const whole = nodeOf('candidate', configOf(setup));
  const node = { ...whole, memory: { ...whole.memory, sizeBytes: setup.memoryBytes } };
  const [report] = simulate(recordOf(rows), [node]);
  const { all, memory, origin } = report!;
  return {
    outcomes: {
      hit: all.memoryHits,
      revalidated: all.revalidated,
      stale: all.staleHits,
      collapsed: all.collapsed,
      miss: all.misses,
      bypass: all.bypasses,
      refused: 0,
      failed: all.failed,
    },
    originRequests: origin.requests,
    validations: origin.validations,
    insertions: memory.insertions,
    evictions: memory.evictions,
    early: memory.earlyEvictions,
    premature: memory.prematureEvictions,
    refetchedBytes: memory.refetchedBytes,
    usedBytes: memory.usedBytes,
    entries: memory.entries,
  };
}

describe('the simulator and the live request path count alike', () => {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    test(`seed ${seed}`, () => {
      const random = seededRandom(seed);
      const world = new World(random, seed);
      const setup = setupOf(random);
      const { counts, rows } = live(world, setup, requestsOf(random, 1200));
      expect(simulated(setup, rows), JSON.stringify(setup)).toEqual(counts);
    });
  }
});
