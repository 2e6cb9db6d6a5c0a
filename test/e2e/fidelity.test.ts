import { afterEach, describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Clock } from '../../src/base/clock.ts';
import { seededRandom } from '../../src/base/random.ts';
import type { ValidConfig } from '../../src/config/config.ts';
import { validateConfig } from '../../src/config/validate.ts';
import type { Snapshot } from '../../src/monitor/snapshot.ts';
import { nodeOf } from '../../src/simulate/node-of.ts';
import type { SimulationReport } from '../../src/simulate/report.ts';
import { simulate } from '../../src/simulate/simulate.ts';
import { bytesSource, recordFrom } from '../../src/traffic/record/reading.ts';
import type { TrafficRecord } from '../../src/traffic/record.ts';
import { KeptRing } from '../support/kept-ring.ts';
import { startTestNode } from '../support/node.ts';
import { type OriginServer, startOriginServer } from '../support/origin-server.ts';
import { realClock } from '../support/real-clock.ts';

/**
 * Is the prediction true? A whole node is driven over HTTP, records what it is asked, and the simulator is asked about that record
 * what the node itself has counted. The clock stands still during a request, so nothing depends on how fast the machine is; what
 * time does to responses happens between requests.
 */

const START_MS = Date.parse('2026-01-05T00:00:00Z');

/** Stands still until it is told to go on; timers are the machine's. */
function standingClock(): Clock & { advance(ms: number): void } {
  let sinceMs = 0;
  return {
    ...realClock,
    nowMs: () => START_MS + sinceMs,
    monotonicMs: () => 1000 + sinceMs,
    advance: (ms) => {
      sinceMs += ms;
    },
  };
}

/** One request of the workload: how long after the one before, and for what. */
interface Step {
  readonly afterMs: number;
  readonly path: string;
}

/** Eight days become three hours: a recorder that is asked only now and then holds no more of them than that. */
const FASTER = 60;
/** Larger, so that the smallest memory is too small. */
const LARGER = 6;

/** 5,000 requests for images of a university's web server (test/golden/README.md), with their times and sizes but for a factor. */
function recordedWorkload(): Step[] {
  const text = gunzipSync(
    readFileSync(join(import.meta.dirname, '../golden/calgary_img_5000.csv.gz')),
  ).toString();
  let lastS = 0;
  return text
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => {
      const [timeS, key, size] = line.split(',');
      const afterMs = ((Number(timeS) - lastS) * 1000) / FASTER;
      lastS = Number(timeS);
      return { afterMs, path: `/${Number(size) * LARGER}/${key}.jpg` };
    });
}

/** Skewed requests for many small images: what a sample is taken of. */
function manyImages(requests: number, images: number): Step[] {
  const random = seededRandom(7);
  return Array.from({ length: requests }, () => {
    const image = Math.floor(images * random.next() ** 2.2);
    return { afterMs: random.next() * 200, path: `/${400 + ((image * 7919) % 3000)}/${image}.jpg` };
  });
}

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

function configOf(origin: OriginServer, cache: string): ValidConfig {
  const text = `version: 1
server: { listen: "127.0.0.1:0" }
admin: { listen: "127.0.0.1:0" }
cache: ${cache}
origins: { o: { type: http, url: "${origin.url}" } }
routes: [{ name: images, origin: o }]
`;
  const result = validateConfig(text, { file: 'fidelity.yaml', env: {} });
  if (!result.ok) throw new Error(result.problems.map(({ reason }) => reason).join('; '));
  return result.config;
}

/** What came of a workload. */
interface Lived {
  readonly config: ValidConfig;
  readonly snapshot: Snapshot;
  readonly originRequests: number;
  readonly record: TrafficRecord;
}

/** Sends the requests one after the other, each after the answer to the one before. */
async function live(steps: readonly Step[], cacheControl: string, cache: string): Promise<Lived> {
  const origin = startOriginServer({ cacheControl });
  stops.push(() => origin.stop());
  const config = configOf(origin, cache);
  const clock = standingClock();
  const ring = new KeptRing();
  const faults: string[] = [];
  const node = startTestNode(config, faults, { clock, traffic: { ring, path: undefined, paths: false } });
  stops.push(() => node.stop(0));
  for (const { afterMs, path } of steps) {
    clock.advance(afterMs);
    await (await fetch(node.url + path)).arrayBuffer();
    // What it set going in the background ends before the next one, as its time says.
    while (node.snapshot().fetches > 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const snapshot = node.snapshot();
  const headers = { authorization: 'Bearer a-token-for-tests' };
  const bytes = await (await fetch(`${node.adminUrl}/api/traffic/record`, { headers })).bytes();
  expect(faults).toEqual([]);
  const record = recordFrom('node', [bytesSource('node', bytes)]);
  return { config, snapshot, originRequests: origin.requests(), record };
}

function counted({ snapshot, originRequests }: Lived) {
  const { requests, memory } = snapshot;
  return {
    requests: Object.values(requests).reduce((sum, count) => sum + count, 0),
    hits: requests.hit + requests.stale,
    revalidated: requests.revalidated,
    misses: requests.miss,
    originRequests,
    insertions: memory.insertions,
    evictions: memory.removals.room,
    earlyEvictions: memory.earlyEvictions,
    prematureEvictions: memory.prematureEvictions,
    refetchedBytes: memory.refetchedBytes,
    usedBytes: memory.usedBytes,
    entries: memory.entries,
  };
}

function predicted({ all, memory, origin }: SimulationReport): ReturnType<typeof counted> {
  return {
    requests: all.requests,
    hits: all.hits,
    revalidated: all.revalidated,
    misses: all.misses,
    originRequests: origin.requests,
    insertions: memory.insertions,
    evictions: memory.evictions,
    earlyEvictions: memory.earlyEvictions,
    prematureEvictions: memory.prematureEvictions,
    refetchedBytes: memory.refetchedBytes,
    usedBytes: memory.usedBytes,
    entries: memory.entries,
  };
}

describe('what the simulator says of a whole record is what the node did', () => {
  const steps = recordedWorkload();
  // The others, and much else, are compared in virtual time: src/simulate/replay/live.test.ts.
  for (const policy of ['greedy-dual', 'w-tinylfu', 's3-fifo', 'lru'] as const) {
    test(policy, async () => {
      const lived = await live(
        steps,
        'max-age=240, stale-while-revalidate=10',
        `{ memory: { size: 4MiB, policy: ${policy} } }`,
      );
      const [report] = simulate(lived.record, [nodeOf('node', lived.config)]);
      const really = counted(lived);
      expect(predicted(report!)).toEqual(really);
      expect(report!.assumptions).toEqual([]);
      // The workload is worth something: everything that is compared has happened.
      for (const count of Object.values(really)) expect(count).toBeGreaterThan(10);
    }, 60_000);
  }
});

/** A mean error of one point takes 16,000 keys (docs/capacity.md), and four times fewer keys make it twice as large; twice that at 2,000. */
const BOUND_POINTS = 2 * Math.sqrt(16_000 / 2_000);

test('a sample of the record says the same within what is stated for so many keys', async () => {
  const lived = await live(manyImages(20_000, 8000), 'max-age=86400', '{ memory: { size: 4MiB } }');
  const really = counted(lived);
  const node = nodeOf('node', lived.config);
  const [whole] = simulate(lived.record, [node]);
  expect(predicted(whole!)).toEqual(really);
  const [sampled] = simulate(lived.record, [node], { rate: 0.25 });
  const said = predicted(sampled!);
  const points = (count: (of: typeof really) => number): number =>
    100 * Math.abs(count(said) / said.requests - count(really) / really.requests);
  for (const what of ['hits', 'evictions', 'prematureEvictions'] as const)
    expect(points((counts) => counts[what])).toBeLessThan(BOUND_POINTS);
}, 60_000);
