/**
 * A cache with a given number of small objects: `bun bench/serve/growth-node.ts OBJECTS PORT`.
 *
 * Times hits inside the process, prints the result as one line of JSON, and then serves the same cache over HTTP.
 * The request path and the listener are the node's own; only the filling is direct, for a million misses take minutes.
 */
import { seededRandom } from '../../src/base/random.ts';
import { validateConfig } from '../../src/config/validate.ts';
import { Fields } from '../../src/http/fields.ts';
import { Recorder } from '../../src/monitor/recorder.ts';
import { createHttpOrigin } from '../../src/origin/http.ts';
import { ORIGIN_FAILURES } from '../../src/origin/origin.ts';
import { Routes } from '../../src/serve/1-route.ts';
import { primaryKey } from '../../src/serve/2-key.ts';
import type { Answer, CacheRequest } from '../../src/serve/answer.ts';
import { Ledger } from '../../src/serve/ledger.ts';
import { RequestPath } from '../../src/serve/request.ts';
import { startPublicServer } from '../../src/server/listener.ts';
import { MemoryTier } from '../../src/store/memory/tier.ts';
import { realClock } from '../support/clock.ts';
import { median } from '../support/stats.ts';

const BODY_BYTES = 1_000;
const HEAD = `Content-Type: image/jpeg\r\nCache-Control: public, max-age=86400\r\nContent-Length: ${BODY_BYTES}\r\n\r\n`;
const HOST = '127.0.0.1';
/** Coprime to every power of ten: numbers that follow each other end up far apart in the cache. */
const STRIDE = 7_919;
const WARM_UP_HITS = 200_000;
const TIMED_HITS = 200_000;
const TIMED_RUNS = 7;

const [objects, port] = process.argv.slice(2).map(Number) as [number, number];

function buildPath(): RequestPath {
  const text = `version: 1
origins: { none: { type: http, url: 'http://127.0.0.1:9' } }
routes: [{ name: images, origin: none }]
`;
  const checked = validateConfig(text, { file: 'growth', env: {} });
  if (!checked.ok) throw new Error(checked.problems[0]!.reason);
  const onFault = (error: unknown): void => console.error(error);
  const { timeouts, maxBodyBytes, redirects, connections } = checked.config.origins['none'] as Extract<
    (typeof checked.config.origins)[string],
    { type: 'http' }
  >;
  const origin = createHttpOrigin(
    {
      name: 'none',
      url: 'http://127.0.0.1:9',
      timeouts,
      maxBodyBytes,
      maxHeadBytes: 65_536,
      redirects,
      tls: { verify: true },
      maxConnections: connections,
      extraFields: {},
    },
    { clock: realClock, onFault },
  );
  const tier = new MemoryTier({
    budgetBytes: Math.max(64 * 2 ** 20, objects * 2_048),
    policy: 's3-fifo',
    routes: 1,
    ghosts: 1_024,
    hashKey: { k0: 1, k1: 2 },
  });
  const recorder = new Recorder({ routes: ['images'], origins: ['none'], causes: ORIGIN_FAILURES });
  return new RequestPath({
    routes: new Routes(checked.config, [origin]),
    tier,
    ledger: new Ledger(recorder, realClock, undefined),
    clock: realClock,
    spoolBytesMax: 2 ** 20,
  });
}

function fill(path: RequestPath): void {
  const { tier } = path;
  const route = { name: 'images', keyHost: false } as Parameters<typeof primaryKey>[0];
  const body = new Uint8Array(BODY_BYTES).fill(0xff);
  const nowS = Math.floor(realClock.nowMs() / 1000);
  const untilS = nowS + 86_400;
  const facts = {
    ...{ route: 0, status: 200, flags: 0, bornS: nowS },
    ...{ freshUntilS: untilS, revalidateUntilS: untilS, errorUntilS: untilS },
  };
  for (let i = 0; i < objects; i += 1) {
    tier.key.set(primaryKey(route, HOST, `/o/${(i * STRIDE) % objects}`));
    const slot = tier.reserve(HEAD, BODY_BYTES, facts, nowS);
    tier.writeBody(slot, 0, body);
    tier.publish(slot);
  }
  if (tier.cache.count !== objects)
    throw new Error(`${tier.cache.count} of ${objects} objects are in the cache`);
}

/** Nanoseconds per hit over `among` of the objects, uniformly at random: handled, copied out, settled. */
function hitNs(path: RequestPath, among: number): number {
  const random = seededRandom(among);
  const scratch = new Uint8Array(256 * 1024);
  const fields = new Fields(['host', HOST]);
  let bytes = 0;
  const responder = {
    respond(answer: Answer): void {
      const count = answer.payload!.read(0, scratch, 256);
      bytes += count;
      answer.payload!.release();
      answer.done(count, true);
    },
  };
  const run = (hits: number): number => {
    const receivedMs = performance.now();
    for (let i = 0; i < hits; i += 1) {
      const target = `/o/${Math.floor(random.next() * among)}`;
      const request: CacheRequest = { method: 'GET', target, host: HOST, fields, client: HOST, receivedMs };
      path.handle(request, responder);
    }
    return ((performance.now() - receivedMs) * 1e6) / hits;
  };
  run(WARM_UP_HITS);
  bytes = 0;
  const timed = Array.from({ length: TIMED_RUNS }, () => run(TIMED_HITS));
  const wanted = TIMED_RUNS * TIMED_HITS * (HEAD.length + BODY_BYTES);
  if (bytes !== wanted) throw new Error(`hits gave ${bytes} bytes instead of ${wanted}`);
  return median(timed);
}

const path = buildPath();
fill(path);
const hot = Math.min(objects, 1_000);
const result = { uniformNs: hitNs(path, objects), hotNs: hitNs(path, hot) };
startPublicServer({
  listen: { hostname: HOST, port },
  handler: path,
  clock: realClock,
  onFault: (error) => console.error(error),
});
console.log(JSON.stringify(result));
