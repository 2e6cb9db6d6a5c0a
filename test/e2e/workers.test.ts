import { afterEach, expect, test } from 'bun:test';
import sharp from 'sharp';
import { seededRandom } from '../../src/base/random.ts';
import { OUTCOMES } from '../../src/cache/outcome.ts';
import { validateConfig } from '../../src/config/validate.ts';
import type { LineSink } from '../../src/monitor/sink.ts';
import { POLICY_NAMES } from '../../src/policy/policy.ts';
import { RawClient } from '../../src/server/harness.suite.ts';
import type { Node, NodeOptions } from '../../src/server/node.ts';
import { rowsOf } from '../../src/traffic/rows.fixture.ts';
import { startBadOrigin } from '../support/bad-origin.ts';
import { KeptRing } from '../support/kept-ring.ts';
import { startTestNode } from '../support/node.ts';
import { type OriginServer, type OriginServerOptions, startOriginServer } from '../support/origin-server.ts';
import { realClock } from '../support/real-clock.ts';
import type { Message, Orders, Report } from './integrity-worker.ts';

/**
 * A node with workers, over sockets: what its threads share is right under churn, is given back when one of them dies, and
 * looks from outside like one server. `INTEGRITY_REQUESTS=n` and `SEED=n` change the first test.
 */
const REQUESTS = Number(process.env['INTEGRITY_REQUESTS'] ?? 30_000);
const SEED = Number(process.env['SEED'] ?? 1);
const CONNECTIONS = 48;
const MIB = 2 ** 20;

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.socket.destroy();
  for (const stop of stops.splice(0).reverse()) await stop();
});

function originServer(options: OriginServerOptions): OriginServer {
  const origin = startOriginServer(options);
  stops.push(() => origin.stop());
  return origin;
}

/** A node that listens on all its threads. `faults` must stay empty where no worker is killed. */
async function nodeOf(
  text: string,
  more: Partial<NodeOptions> = {},
): Promise<{ node: Node; faults: string[] }> {
  const result = validateConfig(
    `version: 1\nserver: { listen: "127.0.0.1:0", maxConnections: 60 }\nadmin: { listen: "127.0.0.1:0" }\n${text}`,
    { file: 'workers.yaml', env: {} },
  );
  if (!result.ok) throw new Error(result.problems.map((problem) => problem.reason).join('; '));
  const faults: string[] = [];
  const node = startTestNode(result.config, faults, { workers: 3, ...more });
  stops.push(() => node.stop(0));
  await until(() => node.crew!.alive === 2);
  return { node, faults };
}

function oneOrigin(origin: OriginServer, memory = '6MiB'): string {
  return `cache: { memory: { size: ${memory} } }
origins: { o: { type: http, url: "${origin.url}" } }
routes: [{ name: r, origin: o }]
log: { access: { to: stdout } }
`;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** Resolves when nothing is under way in any thread. */
async function quiet(node: Node): Promise<void> {
  const { entries } = node.tier.cache;
  await until(
    () =>
      node.crew!.asks === 0 &&
      node.tier.readers!.pins === 0 &&
      node.snapshot().origins.every((origin) => origin.active === 0) &&
      [...entries.slots()].every((slot) => entries.pins(slot) === 0),
  );
  while (node.tier.maintain(Math.floor(realClock.nowMs() / 1000)));
  node.crew!.tick();
}

const clients: RawClient[] = [];

/** A client of a thread: the kernel deals connections out, so some are opened until one lands there. */
async function clientOf(node: Node, thread: number): Promise<RawClient> {
  const port = Number(new URL(node.url).port);
  const { connections } = node.crew!;
  const settled = (): boolean => {
    const open = clients.filter(({ socket, ended, closed }) => !(socket.destroyed || ended || closed));
    return connections.reduce((sum, count) => sum + count, 0) === open.length;
  };
  for (;;) {
    await until(settled);
    const before = connections[thread]!;
    const client = new RawClient(port);
    clients.push(client);
    await until(settled);
    if (connections[thread]! > before) return client;
    client.socket.destroy();
  }
}

function get(path: string, more = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: img.example\r\n${more}\r\n`;
}

/** Clients in a thread of their own, which verify every byte; meanwhile everything changes at each report of progress. */
function run(node: Node, origins: readonly OriginServer[], orders: Orders): Promise<Report> {
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
      const origin = origins[random.u32() % origins.length]!;
      const one = origin.seen[random.u32() % Math.max(1, origin.seen.length)];
      if (one === undefined) continue;
      origin.change(one.path);
      const kind = origin === origins[0] ? 'slow' : 'quick';
      void fetch(`${node.adminUrl}/api/purge`, {
        method: 'POST',
        headers: { authorization: 'Bearer a-token-for-tests', 'content-type': 'application/json' },
        body: JSON.stringify({ url: `http://127.0.0.1/${kind}${one.path}` }),
      });
    }
  };
  worker.postMessage(orders);
  return promise;
}

test(
  `${REQUESTS} verified requests to three threads, seed ${SEED}`,
  async () => {
    const slow = originServer({ cacheControl: 'max-age=3600' });
    const quick = originServer({ cacheControl: 'max-age=1' });
    const bad = await startBadOrigin();
    stops.push(() => bad.stop());
    const { node, faults } = await nodeOf(`cache: { memory: { size: 6MiB, maxObject: 2MiB } }
origins:
  slow: { type: http, url: "${slow.url}" }
  quick: { type: http, url: "${quick.url}" }
  bad: { type: http, url: "${bad.url}", timeouts: { connect: 1s, firstByte: 100ms, idle: 100ms, total: 2s } }
routes:
  - { name: slow, origin: slow, match: { paths: ["/slow/*"] }, stripPrefix: /slow }
  - { name: quick, origin: quick, match: { paths: ["/quick/*"] }, stripPrefix: /quick }
  - { name: bad, origin: bad, match: { paths: ["/bad/*"] }, stripPrefix: /bad }
`);
    const badPaths = [
      'good-chunked',
      'truncate-length',
      'truncate-chunked',
      'reset-mid-body',
      'close-after',
    ].map((name) => `/bad/${name}/0.jpg`);
    const port = Number(new URL(node.url).port);
    let overBudget = 0;
    let lastBytes = 0;
    const watch = setInterval(() => {
      // A shrink waits for who is being served; what is above the budget then only becomes less.
      const { usedBytes, budgetBytes } = node.tier.cache;
      if (usedBytes > Math.max(budgetBytes, lastBytes)) overBudget += 1;
      lastBytes = usedBytes;
    }, 1);
    const report = await run(node, [slow, quick], {
      port,
      seed: SEED,
      requests: REQUESTS,
      connections: CONNECTIONS,
      badPaths,
    });
    clearInterval(watch);
    expect(report.violations).toEqual([]);
    expect(faults).toEqual([]);
    expect(overBudget).toBe(0);
    await quiet(node);
    node.tier.check();
    const { requests, memory, workers, statuses } = node.snapshot();
    let inDoubt = 0;
    for (const outcome of OUTCOMES) {
      expect(requests[outcome]).toBeGreaterThanOrEqual(report.seen[outcome]);
      inDoubt += requests[outcome] - report.seen[outcome];
    }
    expect(inDoubt).toBeLessThanOrEqual(report.leftEarly);
    expect(statuses['2xx']).toBeGreaterThan(REQUESTS / 2);
    expect(workers).toMatchObject({ serving: 3, deaths: 0 });
    expect(memory.usedBytes).toBeLessThanOrEqual(memory.budgetBytes);
    expect(memory.removals.room).toBeGreaterThan(0);
    expect(memory.removals.purged).toBeGreaterThan(0);
    expect(report.seen.hit).toBeGreaterThan(REQUESTS / 10);
  },
  { timeout: 120_000 },
);

test('each thread answers, and the books of all are one', async () => {
  const origin = originServer({ cacheControl: 'max-age=3600' });
  const lines: string[] = [];
  const sink: LineSink = {
    lostLines: 0,
    ready: () => true,
    write: (bytes) => void lines.push(...Buffer.from(bytes).toString().trimEnd().split('\n')),
  };
  const { node } = await nodeOf(oneOrigin(origin), {
    accessLogs: { open: () => sink, retire: () => undefined },
  });
  const path = '/3000/a.jpg';
  const body = Buffer.from(origin.bodyFor(path)).toString('latin1');
  for (const thread of [1, 2, 0]) {
    const client = await clientOf(node, thread);
    client.send(get(path) + get(path, 'Range: bytes=10-19\r\n') + get(path, 'Connection: close\r\n'));
    const text = await client.all();
    expect(text.split(body)).toHaveLength(3);
    expect(text).toContain(`Content-Range: bytes 10-19/3000\r\n`);
  }
  await quiet(node);
  expect(origin.requests()).toBe(1);
  const { requests, statuses, memory } = node.snapshot();
  expect([requests.miss, requests.hit, statuses['2xx']]).toEqual([1, 8, 9]);
  expect(memory.entries).toBe(1);
  const metrics = await fetch(`${node.adminUrl}/metrics`, {
    headers: { authorization: 'Bearer a-token-for-tests' },
  });
  const text = await metrics.text();
  expect(text).toContain('holdfast_requests_total{route="r",outcome="hit"} 8\n');
  expect(text).toContain('holdfast_request_duration_seconds_count{outcome="hit"} 8\n');
  expect(text).toContain('holdfast_workers 3\n');
  await node.stop();
  expect(lines).toHaveLength(9);
  for (const line of lines) expect(JSON.parse(line)).toMatchObject({ path, route: 'r' });
});

test('the record of a node has the hits of all its threads', async () => {
  const origin = originServer({ cacheControl: 'max-age=3600' });
  const ring = new KeptRing();
  const { node } = await nodeOf(oneOrigin(origin), { traffic: { ring, path: undefined, paths: false } });
  const paths = ['/3000/a.jpg', '/4000/b.jpg', '/5000/c.jpg'];
  for (const thread of [0, 1, 2]) {
    for (const path of paths) {
      const client = await clientOf(node, thread);
      client.send(get(path) + get(path) + get(path, 'Connection: close\r\n'));
      expect(await client.all()).not.toContain(' 500 ');
    }
  }
  const { requests } = node.snapshot();
  // One that dies leaves what it noted.
  node.crew!.terminate(0);
  await until(() => node.crew!.deaths === 1);
  await node.stop(1000);
  const { info, batches } = ring.record();
  const rows = rowsOf(batches());
  expect([info.rows, rows.length]).toEqual([27, 27]);
  expect(rows.filter(({ kind }) => kind.outcome === 'hit')).toHaveLength(requests.hit);
  expect([requests.hit + requests.collapsed, requests.miss]).toEqual([24, 3]);
  const keys = rows.map(({ keyLo, keyHi, bodyBytes }) => `${keyLo} ${keyHi} ${bodyBytes}`);
  // Thread after thread, and path after path: one order over all rings.
  expect(keys).toEqual(
    paths
      .flatMap((_, i) => [keys[i * 3]!, keys[i * 3]!, keys[i * 3]!])
      .concat(keys.slice(0, 9), keys.slice(0, 9)),
  );
  expect(new Set(rows.map(({ bodyBytes }) => bodyBytes))).toEqual(new Set([3000, 4000, 5000]));
  expect(new Set(rows.map(({ besideBytes }) => besideBytes)).size).toBeLessThanOrEqual(3);
});

test('variants are found by every thread', async () => {
  const origin = originServer({ cacheControl: 'max-age=3600', fields: { vary: 'Accept' } });
  const { node } = await nodeOf(oneOrigin(origin));
  for (const thread of [0, 1, 2]) {
    const client = await clientOf(node, thread);
    client.send(
      get('/500/v.jpg', 'Accept: image/avif\r\n') +
        get('/500/v.jpg', 'Accept: image/webp\r\nConnection: close\r\n'),
    );
    expect((await client.all()).match(/ 200 OK/g)).toHaveLength(2);
  }
  await quiet(node);
  const { requests } = node.snapshot();
  expect([origin.requests(), requests.hit]).toEqual([2, 4]);
});

test('what is made of an image is a hit in every thread, by the class of formats that its client takes', async () => {
  const png = await sharp({ create: { width: 64, height: 48, channels: 3, background: '#369' } })
    .png()
    .toBuffer();
  let asked = 0;
  const origin = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: () => {
      asked += 1;
      return new Response(png, { headers: { 'cache-control': 'max-age=60', 'content-type': 'image/png' } });
    },
  });
  stops.push(() => origin.stop(true));
  const { node } = await nodeOf(
    oneOrigin({ url: `http://127.0.0.1:${origin.port}` } as OriginServer).replace(
      'origin: o',
      'origin: o, images: {}',
    ),
  );
  const target = '/a.png?w=32&auto=format';
  for (const thread of [0, 1, 2]) {
    const client = await clientOf(node, thread);
    const text = await client
      .send(
        get(target, 'Accept: image/webp,*/*\r\n') +
          get(target, 'Accept: image/webp;q=0.5,image/png\r\n') +
          get(target) +
          get('/a.png?w=much', 'Connection: close\r\n'),
      )
      .all();
    expect(text.match(/ 200 OK/g)).toHaveLength(3);
    expect(text.match(/Content-Type: image\/webp/g)).toHaveLength(2);
    expect(text).toContain('400 The image options');
  }
  await quiet(node);
  const { requests, images } = node.snapshot();
  expect([asked, requests.hit + requests.collapsed, images?.results.made]).toEqual([1, 7, 2]);
  expect(requests.hit).toBeGreaterThanOrEqual(6);
});

test('a body that is still arriving is served by another thread as it comes', async () => {
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const origin = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: () =>
      new Response(
        new ReadableStream({
          async start(controller) {
            controller.enqueue(new Uint8Array(50_000).fill(65));
            await gate;
            controller.enqueue(new Uint8Array(50_000).fill(66));
            controller.close();
          },
        }),
        { headers: { 'cache-control': 'max-age=60', 'content-type': 'image/jpeg' } },
      ),
  });
  stops.push(() => origin.stop(true));
  const { node } = await nodeOf(oneOrigin({ url: `http://127.0.0.1:${origin.port}` } as OriginServer));
  const three = [await clientOf(node, 1), await clientOf(node, 2), await clientOf(node, 0)];
  for (const client of three) client.send(get('/slow.jpg', 'Connection: close\r\n'));
  for (const client of three) await client.until(() => client.received.includes('A'.repeat(1_000)));
  open();
  for (const client of three)
    expect((await client.all()).replace(/[^B]/g, '').length).toBeGreaterThanOrEqual(50_000);
  await quiet(node);
  node.tier.check();
});

test('a worker that dies in the middle of deliveries takes its connections along, and nothing else', async () => {
  const origin = originServer({ cacheControl: 'max-age=3600' });
  const { node, faults } = await nodeOf(oneOrigin(origin, '64MiB'));
  const path = '/15000000/large.jpg';
  const [first, other] = [await clientOf(node, 0), await clientOf(node, 2)];
  first.send(get(path));
  await first.until(() => first.received.length > 15_000_000);
  const [hit, waiting] = [await clientOf(node, 1), await clientOf(node, 1)];
  // A hit that the client does not read, and a request that waits for the owner.
  const { promise: gate, resolve: letGo } = Promise.withResolvers<void>();
  origin.set({ before: () => gate });
  hit.socket.pause();
  hit.send(get(path));
  waiting.send(get('/100/never-seen.jpg'));
  await until(() => node.tier.readers!.pins === 1 && node.crew!.asks === 1);
  node.crew!.terminate(0);
  await until(() => node.crew!.deaths === 1);
  expect([node.tier.readers!.pins, node.crew!.asks, node.crew!.connections[1]]).toEqual([0, 0, 0]);
  letGo();
  hit.socket.resume();
  await until(() => [hit, waiting].every(({ ended, closed }) => ended || closed));
  expect(hit.received.length).toBeLessThan(15_000_000);
  other.send(get(path, 'Connection: close\r\n'));
  expect((await other.all()).length).toBeGreaterThan(15_000_000);
  await until(() => node.crew!.alive === 2);
  const again = await clientOf(node, 1);
  again.send(get('/200/new.jpg', 'Connection: close\r\n'));
  expect(await again.all()).toStartWith('HTTP/1.1 200 OK');
  first.socket.destroy();
  await quiet(node);
  node.tier.check();
  expect(node.snapshot().workers.deaths).toBe(1);
  expect(faults.every((fault) => fault.startsWith('a worker ended'))).toBe(true);
});

test('a drain lets every thread finish what it sends, and takes nobody new', async () => {
  const origin = originServer({ cacheControl: 'max-age=3600' });
  const { node } = await nodeOf(oneOrigin(origin, '64MiB'));
  const path = '/8000000/large.jpg';
  const idle = await clientOf(node, 1);
  const warm = await clientOf(node, 0);
  warm.send(get(path));
  await warm.until(() => warm.received.length > 8_000_000);
  const three = [await clientOf(node, 0), await clientOf(node, 1), await clientOf(node, 2)];
  for (const client of three) {
    client.socket.pause();
    client.send(get(path));
  }
  const { entries } = node.tier.cache;
  const isSending = (): boolean => [...entries.slots()].some((slot) => entries.pins(slot) === 1);
  await until(() => node.tier.readers!.pins === 2 && isSending());
  const stopped = node.stop(20_000);
  await until(() => idle.ended);
  for (const client of three) client.socket.resume();
  for (const client of three) expect((await client.all()).length).toBeGreaterThan(8_000_000);
  await stopped;
  expect([node.crew!.alive, node.tier.readers!.pins]).toEqual([0, 0]);
  warm.socket.destroy();
  await expect(fetch(node.url)).rejects.toThrow();
});

test('the limit of connections is for all threads together', async () => {
  const origin = originServer({ cacheControl: 'max-age=3600' });
  const { node } = await nodeOf(oneOrigin(origin));
  const port = Number(new URL(node.url).port);
  const open = (): number => node.crew!.connections.reduce((sum, count) => sum + count, 0);
  for (let i = 0; i < 60; i += 1) {
    clients.push(new RawClient(port));
    await until(() => open() === i + 1);
  }
  const refused = [new RawClient(port), new RawClient(port), new RawClient(port)];
  for (const client of refused) expect(await client.all()).toStartWith('HTTP/1.1 503 ');
  await until(() => node.snapshot().transport.refused === 3);
  for (const client of [...clients, ...refused]) client.socket.destroy();
  await until(() => node.snapshot().connections === 0);
});

test('a port that another process shares is refused', async () => {
  const other = Bun.listen({
    hostname: '127.0.0.1',
    port: 0,
    ...{ reusePort: true }, // not in the runtime's types
    socket: { data: () => undefined },
  });
  stops.push(async () => other.stop(true));
  const origin = originServer({});
  const result = validateConfig(
    `version: 1\nserver: { listen: "127.0.0.1:${other.port}" }\nadmin: { listen: "127.0.0.1:0" }\n${oneOrigin(origin)}`,
    { file: 'workers.yaml', env: {} },
  );
  if (!result.ok) throw new Error('not valid');
  expect(() => startTestNode(result.config, [], { workers: 2 })).toThrow('another process listens there');
});
