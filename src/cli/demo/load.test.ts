import { afterEach, describe, expect, test } from 'bun:test';
import type { Clock, Timer } from '../../base/clock.ts';
import { Load, type LoadOptions } from './load.ts';
import type { Asked, Wish } from './mix.ts';
import { TRAFFIC_ERRORS, type TrafficReport } from './tally.ts';

const clock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: (delayMs, fn) => setTimeout(fn, delayMs) as unknown as Timer,
  cancel: (timer) => clearTimeout(timer as unknown as number | undefined),
};
const SIZE = 70_000;
const asked = (wish: Partial<Wish> = {}): Asked => ({
  sizeBytes: SIZE,
  wishes: [{ target: '/a', accept: 'image/*', sizeBytes: SIZE, share: 1, ...wish }],
});
const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

function load(port: number, change: Partial<LoadOptions> = {}): Load {
  const started = new Load(
    {
      host: '127.0.0.1',
      port,
      images: [asked()],
      schedule: { seed: 1, ratePerS: { min: 400, max: 400 }, dayMs: 60_000, alpha: 1 },
      connections: { ready: 4, variants: 4 },
      ...change,
    },
    clock,
  );
  stops.push(() => started.stop(0));
  return started;
}

function serve(answer: (request: Request) => Response | Promise<Response>): {
  port: number;
  addresses: Set<number>;
} {
  const addresses = new Set<number>();
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch(request, self) {
      addresses.add(self.requestIP(request)!.port);
      return answer(request);
    },
  });
  stops.push(() => server.stop(true));
  return { port: server.port!, addresses };
}

/** Answers each request with these raw bytes. */
function serveRaw(bytes: string, then?: (socket: Bun.Socket) => void): number {
  const server = Bun.listen({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      data(socket) {
        socket.write(bytes);
        then?.(socket);
      },
    },
  });
  stops.push(() => server.stop(true));
  return server.port;
}

async function until(from: Load, isReached: (report: TrafficReport) => boolean): Promise<TrafficReport> {
  while (!isReached(from.report())) await Bun.sleep(2);
  return from.report();
}

const errorsOf = (report: TrafficReport): number =>
  TRAFFIC_ERRORS.reduce((sum, kind) => sum + report.errors[kind], 0);

describe('the load generator', () => {
  test('keeps connections alive, within the limit, and counts whole answers by Cache-Status', async () => {
    let n = 0;
    const body = new Uint8Array(SIZE);
    const { port, addresses } = serve(() => {
      n += 1;
      return new Response(body, {
        headers: { 'cache-status': n % 4 === 0 ? 'Holdfast; fwd=uri-miss' : 'Holdfast; hit; ttl=4' },
      });
    });
    const running = load(port);
    await until(running, (report) => report.good >= 100);
    await running.stop(5_000);
    const report = running.report();
    expect(errorsOf(report)).toBe(0);
    expect(report.good).toBe(report.sent);
    expect(report.bodyBytes).toBe(report.good * SIZE);
    expect(report.hits.count + report.forwarded.count).toBe(report.good);
    expect(report.forwarded.count).toBe(Math.floor(n / 4));
    expect(addresses.size).toBeLessThanOrEqual(4);
  });

  test('stop waits for what is under way, and sends nothing more', async () => {
    const gate = Promise.withResolvers<void>();
    let n = 0;
    const { port } = serve(async () => {
      n += 1;
      await gate.promise;
      return new Response(new Uint8Array(SIZE));
    });
    const running = load(port, { connections: { ready: 2, variants: 2 } });
    await until(running, () => n === 2);
    const stopped = running.stop(10_000);
    gate.resolve();
    await stopped;
    expect(running.report().good).toBe(2);
    expect(n).toBe(2);
  });

  test('an open system: arrivals beyond all connections and the queue are skipped, and counted', async () => {
    const { port } = serve(() => new Promise<Response>(() => undefined));
    const running = load(port, {
      connections: { ready: 1, variants: 1 },
      schedule: { seed: 1, ratePerS: { min: 50_000, max: 50_000 }, dayMs: 60_000, alpha: 1 },
    });
    const report = await until(running, (one) => one.skipped > 0);
    expect(report.sent).toBe(1);
  });

  test('a variant may have any length, in a format that its client takes', async () => {
    const { port } = serve(
      () => new Response(new Uint8Array(1234), { headers: { 'content-type': 'image/webp' } }),
    );
    const running = load(port, { images: [asked({ accept: 'image/webp,*/*', sizeBytes: undefined })] });
    const report = await until(running, (one) => one.good >= 20);
    expect(errorsOf(report)).toBe(0);
    expect(report.bodyBytes).toBe(report.good * 1234);
    const other = load(port, { images: [asked({ accept: 'image/*', sizeBytes: undefined })] });
    const refused = await until(other, (one) => errorsOf(one) > 1);
    expect(refused.errors.type).toBe(errorsOf(refused));
    expect(refused.lastError).toBe('type: image/webp for /a and a client that takes image/*');
  });

  test('while variants are being made, what is ready is asked for all the same', async () => {
    let making = 0;
    const { port } = serve((request) => {
      if (!request.url.endsWith('?w=1')) return new Response(new Uint8Array(SIZE));
      making += 1;
      return new Promise<Response>(() => undefined);
    });
    const variant = asked({ target: '/a?w=1', sizeBytes: undefined });
    const running = load(port, { images: [variant, asked()], connections: { ready: 2, variants: 3 } });
    const report = await until(running, (one) => one.good >= 50);
    expect(making).toBe(3);
    expect(errorsOf(report)).toBe(0);
    await running.stop(0);
    expect(running.report()).toMatchObject({ unawaited: running.report().sent - running.report().good });
    expect(errorsOf(running.report())).toBe(0);
  });

  const head = (status: string, length: number): string =>
    `HTTP/1.1 ${status}\r\ncontent-length: ${length}\r\n\r\n`;
  test.each([
    ['status', 'another status', head('503 Busy', 0), undefined],
    ['length', 'another length', `${head('200 OK', 5)}abcde`, undefined],
    ['length', 'no length', `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`, undefined],
    ['length', 'more than announced', `${head('200 OK', 3)}abcd`, undefined],
    ['malformed', 'another protocol', 'SSH-2.0-OpenSSH\r\n\r\n', undefined],
    ['malformed', 'an endless head', 'x'.repeat(20_000), undefined],
    [
      'cut',
      'a body that ends early',
      `${head('200 OK', 3)}ab`,
      (socket: Bun.Socket): void => void socket.end(),
    ],
    ['cut', 'a reset within the head', 'HTTP/1.1 20', (socket: Bun.Socket): void => socket.terminate()],
  ] as const)('notices %s: %s', async (kind, _, bytes, then) => {
    const images = [asked({ sizeBytes: 3 })];
    const running = load(serveRaw(bytes, then), { images, connections: { ready: 1, variants: 1 } });
    const report = await until(running, (one) => errorsOf(one) > 1);
    expect(report.errors[kind]).toBe(errorsOf(report));
    expect(report.good).toBe(0);
    expect(report.lastError).toStartWith(`${kind}: `);
  });

  test('a head in pieces and a body in pieces are one answer', async () => {
    const port = serveRaw('HTTP/1.1 200 OK\r\nContent-Le', (socket) => {
      socket.flush();
      setImmediate(() => {
        socket.write('ngth: 3\r\nCache-Status: x; hit\r\n\r');
        setImmediate(() => {
          socket.write('\na');
          setImmediate(() => socket.write('bc'));
        });
      });
    });
    const running = load(port, { images: [asked({ sizeBytes: 3 })], connections: { ready: 1, variants: 1 } });
    const report = await until(running, (one) => one.good >= 3);
    expect(errorsOf(report)).toBe(0);
    expect(report.hits.count).toBe(report.good);
  });

  test('nobody listens: told as connect, again and again, without end or crash', async () => {
    const server = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => undefined } });
    server.stop(true);
    const running = load(server.port);
    const report = await until(running, (one) => errorsOf(one) >= 5);
    expect(report.errors.connect).toBe(errorsOf(report));
  });
});
