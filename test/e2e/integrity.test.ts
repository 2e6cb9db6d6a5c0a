import { afterAll, beforeAll, expect, test } from 'bun:test';
import { seededRandom } from '../../src/base/random.ts';
import { OUTCOMES } from '../../src/cache/outcome.ts';
import { validateConfig } from '../../src/config/validate.ts';
import { POLICY_NAMES } from '../../src/policy/policy.ts';
import type { Node } from '../../src/server/node.ts';
import { type BadOrigin, startBadOrigin } from '../support/bad-origin.ts';
import { startTestNode } from '../support/node.ts';
import { bodyBytesOf, type OriginServer, startOriginServer } from '../support/origin-server.ts';
import { realClock } from '../support/real-clock.ts';
import type { Message, Orders, Report } from './integrity-worker.ts';

/**
 * A whole node over sockets, in front of origins that behave and one that does not, with too little memory: whatever a
 * client receives whole is what the origin sent, byte for byte, while policies change, the budget shrinks and grows, images
 * change, and clients leave or fall asleep. `INTEGRITY_REQUESTS=n` and `SEED=n` change the run.
 */
const REQUESTS = Number(process.env['INTEGRITY_REQUESTS'] ?? 200_000);
const SEED = Number(process.env['SEED'] ?? 1);
const CONNECTIONS = 48;
const MIB = 2 ** 20;

/** Bodies that never come whole, and so may neither be taken for whole nor be stored. */
const NEVER_WHOLE = [
  'truncate-length',
  'truncate-chunked',
  'no-final-chunk',
  'cut-final-chunk',
  'garbage-chunk',
  'reset-mid-body',
  'reset-before-head',
  'reset-mid-head',
  'close-before-head',
  'close-delimited-cut',
  'wrong-length',
  'hang-before-head',
  'hang-mid-head',
  'hang-mid-body',
  'cl-te',
  'two-cl',
  'negative-cl',
  'odd-te',
  'not-http',
  'bare-lf',
];
/** Bodies that are whole and then turn out to be followed by more, in the same breath. */
const LIARS = ['overrun', 'overrun-chunked'];
/** The same, but later: from connections of their own, for what comes late could end up inside any other response. */
const LATE_LIARS = ['overrun-late', 'overrun-next'];
const ODD_BUT_WHOLE = [
  'good',
  'good-chunked',
  'http10',
  'interim',
  'close-after',
  'connection-close',
  'stale',
  'stale-reset',
  'stale-half',
  'unavailable',
];

let slow: OriginServer;
let quick: OriginServer;
let bad: BadOrigin;
let node: Node;
const faults: string[] = [];

beforeAll(async () => {
  slow = startOriginServer({ cacheControl: 'max-age=3600' });
  quick = startOriginServer({ cacheControl: 'max-age=1' });
  bad = await startBadOrigin();
  node = start();
});

afterAll(async () => {
  await node.stop(0);
  await Promise.all([slow.stop(), quick.stop(), bad.stop()]);
});

function start(): Node {
  const result = validateConfig(
    `version: 1
server: { listen: "127.0.0.1:0" }
admin: { listen: "127.0.0.1:0" }
cache: { memory: { size: 6MiB, maxObject: 2MiB } }
origins:
  slow: { type: http, url: "${slow.url}" }
  quick: { type: http, url: "${quick.url}" }
  bad:
    type: http
    url: "${bad.url}"
    timeouts: { connect: 1s, firstByte: 100ms, idle: 100ms, total: 2s }
    breaker: { enabled: false } # or it would hardly ever be asked
  late: { type: http, url: "${bad.url}" }
routes:
  - { name: slow, origin: slow, match: { paths: ["/slow/*"] }, stripPrefix: /slow }
  - { name: quick, origin: quick, match: { paths: ["/quick/*"] }, stripPrefix: /quick, stale: { whileRevalidate: 30s } }
  - { name: bad, origin: bad, match: { paths: ["/bad/*"] }, stripPrefix: /bad }
  - { name: late, origin: late, match: { paths: ["/late/*"] }, stripPrefix: /late }
`,
    { file: 'integrity.yaml', env: {} },
  );
  if (!result.ok) throw new Error(result.problems.map((problem) => problem.reason).join('; '));
  return startTestNode(result.config, faults);
}

/** Runs the clients; meanwhile policy, budget and content change at each report of progress. */
function run(orders: Orders): Promise<Report> {
  const worker = new Worker(new URL('./integrity-worker.ts', import.meta.url).href);
  const random = seededRandom(orders.seed);
  const { promise, resolve, reject } = Promise.withResolvers<Report>();
  worker.onerror = (event) => reject(new Error(event.message));
  worker.onmessage = (event: MessageEvent<Message>) => {
    if ('report' in event.data) {
      worker.terminate();
      resolve(event.data.report);
      return;
    }
    node.switchPolicy(POLICY_NAMES[random.u32() % POLICY_NAMES.length]!);
    node.resizeMemory(MIB * (2 + (random.u32() % 8)));
    for (let i = 0; i < 20; i += 1) {
      const origin = random.u32() % 2 === 0 ? quick : slow;
      const one = origin.seen[random.u32() % Math.max(1, origin.seen.length)];
      if (one !== undefined) origin.change(one.path);
    }
  };
  worker.postMessage(orders);
  return promise;
}

test(
  `${REQUESTS} verified requests, seed ${SEED}`,
  async () => {
    const bad = [...NEVER_WHOLE, ...LIARS, ...ODD_BUT_WHOLE].map((name) => `/bad/${name}`);
    const late = LATE_LIARS.map((name) => `/late/${name}`);
    const badPaths = [...bad, ...late].flatMap((path) => [`${path}/0.jpg`, `${path}/1.jpg`]);
    const port = Number(new URL(node.url).port);
    const report = await run({ port, seed: SEED, requests: REQUESTS, connections: CONNECTIONS, badPaths });
    expect(report.violations).toEqual([]);
    expect(faults).toEqual([]);
    await quiet();
    while (node.tier.maintain(Math.floor(realClock.nowMs() / 1000)));

    const { requests, memory, notStored } = node.snapshot();
    // Each answer was booked as what it told the client; those nobody waited for are the only ones in doubt.
    let inDoubt = 0;
    for (const outcome of OUTCOMES) {
      expect(requests[outcome]).toBeGreaterThanOrEqual(report.seen[outcome]);
      inDoubt += requests[outcome] - report.seen[outcome];
    }
    expect(inDoubt).toBeLessThanOrEqual(report.leftEarly);
    expect(report.sent).toBe(report.whole + report.cut + report.left);

    // The run was what it set out to be.
    expect(report.seen.hit).toBeGreaterThan(REQUESTS / 4);
    for (const outcome of ['miss', 'collapsed', 'stale', 'failed'] as const)
      expect(report.seen[outcome]).toBeGreaterThan(0);
    expect(report.cut).toBeGreaterThan(0);
    expect(memory.removals.room).toBeGreaterThan(0);
    expect(notStored.truncated).toBeGreaterThan(0);

    node.tier.check();
    expect(memory.usedBytes).toBeLessThanOrEqual(memory.budgetBytes);
    const { entries } = node.tier.cache;
    for (const slot of entries.slots()) {
      expect(entries.pins(slot)).toBe(0);
      const [, path = ''] = node.tier.keyText(slot).split(' ');
      expect(NEVER_WHOLE).not.toContain(path.split('/')[2]);
    }
  },
  { timeout: 300_000 },
);

/** Resolves when no request, no fetch and no reader is left. Fetches whose client has gone end by themselves. */
async function quiet(): Promise<void> {
  const { entries } = node.tier.cache;
  const busy = (): boolean =>
    node.snapshot().origins.some((origin) => origin.active > 0) ||
    [...entries.slots()].some((slot) => entries.pins(slot) !== 0);
  while (busy()) await new Promise((resolve) => setImmediate(resolve));
}

test('a path whose body never comes whole is never a hit', async () => {
  for (const name of NEVER_WHOLE) {
    for (let i = 0; i < 2; i += 1) {
      const response = await fetch(`${node.url}/bad/${name}/again.jpg`).catch(() => undefined);
      await response?.arrayBuffer().catch(() => undefined);
      expect(response?.headers.get('cache-status') ?? '').not.toContain('; hit');
    }
  }
});

test('the body length of a path is what the clients reckon with', () => {
  expect(bodyBytesOf('/1500000/3.png')).toBe(1_500_000);
});
