import { afterAll, afterEach, describe, expect, test } from 'bun:test';
import { BAD_ORIGIN_BODY, startBadOrigin } from '../../test/support/bad-origin.ts';
import { startOriginServer } from '../../test/support/origin-server.ts';
import { virtualClock } from '../../test/support/virtual-clock.ts';
import { httpOrigin } from './http.fixture.ts';
import type { Connect } from './http-connection.ts';
import { get, type Recorder, start, until } from './origin.fixture.ts';

const bad = await startBadOrigin();
const made: ReturnType<typeof httpOrigin>[] = [];
const origin = (...args: Parameters<typeof httpOrigin>): ReturnType<typeof httpOrigin> => {
  const one = httpOrigin(...args);
  made.push(one);
  return one;
};
afterEach(async () => {
  for (const one of made.splice(0)) one.close();
  await bad.until(() => bad.open() === 0);
});
afterAll(() => bad.stop());

describe('http origin: connections', () => {
  test('are reused, one after the other', async () => {
    const shop = origin(bad.url);
    const before = bad.accepted();
    for (const target of ['/good', '/good-chunked', '/interim', '/empty', '/gzip']) await get(shop, target);
    await get(shop, '/good', { method: 'HEAD' });
    expect(bad.accepted()).toBe(before + 1);
    expect(shop.gauges()).toEqual({ active: 0, connections: 1 });
  });

  test('are not reused after a close, a failure or an abort', async () => {
    const shop = origin(bad.url);
    const before = bad.accepted();
    for (const target of [
      '/connection-close',
      '/http10',
      '/close-delimited',
      '/overrun',
      '/truncate-length',
    ]) {
      await get(shop, target);
      await until(() => shop.gauges().connections === 0);
    }
    const aborted = start(shop, '/hang-mid-body');
    await until(() => aborted.receivedBytes > 0);
    aborted.exchange?.abort();
    expect(shop.gauges()).toEqual({ active: 0, connections: 0 });
    expect(bad.accepted()).toBe(before + 6);
  });

  test('that are idle too long are closed', async () => {
    const clock = virtualClock(0);
    const shop = origin(bad.url, { idleConnectionMs: 4000 }, { clock });
    await Promise.all([get(shop, '/good'), get(shop, '/good')]);
    expect(shop.gauges().connections).toBe(2);
    clock.advance(3900);
    await get(shop, '/good'); // last in, first out: the other one stays idle
    clock.advance(200);
    expect(shop.gauges().connections).toBe(1);
    clock.advance(4000);
    expect(shop.gauges().connections).toBe(0);
  });

  test('are not kept longer than the server promises', async () => {
    const clock = virtualClock(0);
    const server = startOriginServer({ fields: { 'keep-alive': 'timeout=3' } });
    const shop = origin(server.url, { idleConnectionMs: 60_000 }, { clock });
    await get(shop, '/10/a.jpg');
    clock.advance(1900);
    expect(shop.gauges().connections).toBe(1);
    clock.advance(200);
    expect(shop.gauges().connections).toBe(0);
    await server.stop();
  });

  test.each(['/stale', '/stale-reset'])('that turn out to be dead are replaced once (%s)', async (target) => {
    const shop = origin(bad.url);
    await get(shop, target);
    const before = bad.accepted();
    const got = await get(shop, '/good');
    expect(got.body.equals(BAD_ORIGIN_BODY)).toBe(true);
    expect(got.violations).toEqual([]);
    expect(bad.accepted()).toBe(before + 1);
  });

  test('that are all dead cost one more try, not one each', async () => {
    const shop = origin(bad.url);
    await Promise.all(Array.from({ length: 5 }, () => get(shop, '/stale')));
    const before = bad.requests('good');
    expect((await get(shop, '/good')).ending).toBe('end');
    expect(bad.requests('good')).toBe(before + 2);
  });

  test('that turn out to be dead are not replaced by another used one', async () => {
    let attempts = 0;
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const connect = ((options: Parameters<Connect>[0]) => {
      attempts += 1;
      return attempts <= 2 ? Bun.connect(options) : gate.then(() => Bun.connect(options));
    }) as Connect;
    const shop = origin(bad.url, { maxConnections: 3 }, { connect });
    await Promise.all([get(shop, '/stale'), get(shop, '/interim')]);
    const slow = start(shop, '/stale-slow'); // on the connection that was used last
    const retried = start(shop, '/good'); // on the other one
    await until(() => attempts === 3);
    expect(await slow.ended).toBe('end');
    release();
    expect(await retried.ended).toBe('end');
  });

  test('that break inside a response are not tried again', async () => {
    const shop = origin(bad.url);
    await get(shop, '/stale-half');
    const got = await get(shop, '/good');
    expect(got.failure?.cause).toBe('reset');
    await get(shop, '/good');
    expect((await get(shop, '/truncate-length')).failure?.cause).toBe('truncated');
  });

  test('the second try is the last', async () => {
    const shop = origin(bad.url);
    await get(shop, '/good');
    const before = bad.requests('close-before-head');
    expect((await get(shop, '/close-before-head')).failure?.cause).toBe('reset');
    expect(bad.requests('close-before-head')).toBe(before + 2);
  });

  test('a second try gets a fresh connection even when all are taken by idle ones', async () => {
    const shop = origin(bad.url, { maxConnections: 1 });
    await get(shop, '/stale');
    const all = await Promise.all([get(shop, '/good'), get(shop, '/good'), get(shop, '/good')]);
    for (const got of all) expect(got.ending).toBe('end');
    expect(shop.gauges()).toEqual({ active: 0, connections: 1 });
  });
});

describe('http origin: the queue', () => {
  test('never opens more than so many, and serves in order', async () => {
    let running = 0;
    let most = 0;
    const order: string[] = [];
    const server = startOriginServer({
      before: async (request) => {
        running += 1;
        most = Math.max(most, running);
        order.push(request.path);
        await until(() => most === 3); // the first ones wait for each other
        await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
      },
    });
    const shop = origin(server.url, { maxConnections: 3 });
    const targets = Array.from({ length: 40 }, (_, i) => `/1000/${i}.jpg`);
    const all = await Promise.all(targets.map((target) => get(shop, target)));
    for (const got of all) expect(got.ending).toBe('end');
    expect(most).toBe(3);
    expect(shop.gauges()).toEqual({ active: 0, connections: 3 });
    for (const [i, path] of order.entries()) expect(Math.abs(targets.indexOf(path) - i)).toBeLessThan(3);
    await server.stop();
  });

  test('waiting for a busy connection is not connecting: it has the total time, and those that left are skipped', async () => {
    const clock = virtualClock(0);
    const shop = origin(bad.url, { maxConnections: 1 }, { clock });
    const busy = start(shop, '/hang-mid-body');
    await until(() => busy.receivedBytes > 0);
    const late = start(shop, '/good');
    clock.advance(2_500); // far above connectMs, below what ends the busy one
    expect(late.failure).toBeUndefined();
    const gone = start(shop, '/good');
    const patient = start(shop, '/good');
    gone.exchange?.abort();
    gone.silenced = true;
    busy.exchange?.abort();
    expect(await late.ended).toBe('end');
    expect(await patient.ended).toBe('end');
    expect(gone.violations).toEqual([]);
  });

  test('takes a connection from an exchange that nobody reads, and only then', async () => {
    const clock = virtualClock(0);
    const shop = origin(bad.url, { maxConnections: 2 }, { clock });
    const pausing = { onPart: (r: Recorder) => r.exchange?.pause() };
    const read = start(shop, '/hang-mid-body', pausing);
    const unread = start(shop, '/hang-mid-body', pausing);
    await until(() => read.receivedBytes > 0 && unread.receivedBytes > 0);
    clock.advance(5000);
    expect([read.ending, unread.ending]).toEqual([undefined, undefined]); // nobody else needs it
    read.exchange?.resume(); // slow, but it takes
    read.exchange?.pause();
    const waiting = start(shop, '/good');
    clock.advance(100);
    expect(unread.failure?.cause).toBe('idle-timeout');
    expect(unread.failure?.detail).toContain('took nothing for 3000 ms while others waited for a connection');
    expect(await waiting.ended).toBe('end');
    clock.advance(3500);
    expect(read.ending).toBeUndefined(); // the other connection is free again
    read.exchange?.abort();
  });

  test('takes it as well when requests wait elsewhere for an exchange to end', async () => {
    const clock = virtualClock(0);
    let crowded = false;
    const shop = origin(bad.url, {}, { clock, crowded: () => crowded });
    const unread = start(shop, '/hang-mid-body', { onPart: (r: Recorder) => r.exchange?.pause() });
    await until(() => unread.receivedBytes > 0);
    clock.advance(60_000);
    expect(unread.ending).toBeUndefined();
    crowded = true;
    clock.advance(3_100);
    expect(unread.failure?.cause).toBe('idle-timeout');
    expect(unread.failure?.detail).toContain('took nothing for 3000 ms while others waited');
  });
});

describe('http origin: a server that does not answer connects', () => {
  /** Bun.connect behind a gate; counts attempts that have not been let through. */
  function gated(): { connect: Connect; attempts: () => number; open: () => void } {
    let attempts = 0;
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const connect = (options: Parameters<Connect>[0]) => {
      attempts += 1;
      return gate.then(() => Bun.connect(options));
    };
    return { connect: connect as Connect, attempts: () => attempts, open: release };
  }

  test('is asked again at most once a second, and serves at once when it is back', async () => {
    const clock = virtualClock(0);
    const { connect, attempts, open } = gated();
    const shop = origin(bad.url, { maxConnections: 30 }, { clock, connect });
    const failures = new Set<string | undefined>();
    for (let second = 0; second < 20; second += 1) {
      const wave = Array.from({ length: 40 }, () => start(shop, '/good'));
      clock.advance(1100);
      for (const one of wave) failures.add(one.failure?.cause);
    }
    expect([...failures]).toEqual(['connect-timeout']);
    expect(attempts()).toBeLessThanOrEqual(30 + 22);
    expect(attempts()).toBeGreaterThanOrEqual(30 + 15);
    expect(shop.gauges()).toEqual({ active: 0, connections: attempts() });
    open();
    const all = await Promise.all(Array.from({ length: 10 }, () => get(shop, '/good')));
    for (const got of all) expect(got.ending).toBe('end');
    await until(() => shop.gauges().connections <= 30); // attempts that are not needed end as they open
  });

  test('a connection that comes late serves whoever waits then', async () => {
    const clock = virtualClock(0);
    const { connect, attempts, open } = gated();
    const shop = origin(bad.url, {}, { clock, connect });
    const left = start(shop, '/good');
    left.exchange?.abort();
    left.silenced = true;
    const served = start(shop, '/good');
    expect(attempts()).toBe(1);
    open();
    expect(await served.ended).toBe('end');
    expect(left.violations).toEqual([]);
    expect(bad.open()).toBe(1);
  });

  test('a refusal fails one that waits, not all', async () => {
    let attempts = 0;
    const connect = ((options: Parameters<Connect>[0]) => {
      attempts += 1;
      const error = Object.assign(new Error('no'), { code: 'ECONNREFUSED' });
      return attempts === 1 ? Promise.reject(error) : Bun.connect(options);
    }) as Connect;
    const shop = origin(bad.url, { maxConnections: 1 }, { connect });
    const [first, second] = await Promise.all([get(shop, '/good'), get(shop, '/good')]);
    expect(first.failure?.cause).toBe('refused');
    expect(second.ending).toBe('end');
  });

  test('a connect function that throws is a failure like any other', async () => {
    const connect = (() => {
      throw Object.assign(new Error('too many'), { code: 'EMFILE' });
    }) as Connect;
    const got = await get(origin(bad.url, {}, { connect }), '/good');
    expect(got.failure?.cause).toBe('refused');
    expect(got.failure?.detail).toContain('file descriptor');
    expect(got.violations).toEqual([]);
  });
});

test('a closed origin finishes what runs, and still serves, keeping nothing', async () => {
  const shop = origin(bad.url);
  await get(shop, '/good');
  const running = start(shop, '/good');
  shop.close();
  expect(await running.ended).toBe('end');
  await until(() => shop.gauges().connections === 0);
  expect((await get(shop, '/good')).ending).toBe('end');
  await until(() => shop.gauges().connections === 0);
});
