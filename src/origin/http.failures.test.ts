import { afterAll, describe, expect, test } from 'bun:test';
import { BAD_ORIGIN_BODY, startBadOrigin } from '../../test/support/bad-origin.ts';
import { type VirtualClock, virtualClock } from '../../test/support/virtual-clock.ts';
import { httpOrigin } from './http.fixture.ts';
import type { HttpOriginOptions } from './http.ts';
import { get, start, until } from './origin.fixture.ts';
import type { Origin, OriginFailureCause } from './origin.ts';

const bad = await startBadOrigin();
const origins: Origin[] = [];

function originWith(options: Partial<HttpOriginOptions> = {}, clock = virtualClock(0)): Origin {
  const origin = httpOrigin(bad.url, options, { clock });
  origins.push(origin);
  return origin;
}

afterAll(async () => {
  for (const origin of origins) origin.close();
  await bad.stop();
});

describe('http origin: proper responses of every shape', () => {
  const origin = originWith();
  test.each([
    ['/good', 'length'],
    ['/good-chunked', 'chunked'],
    ['/close-delimited', 'close'],
    ['/http10', 'length'],
    ['/interim', 'length'],
    ['/close-after', 'length'],
  ])('%s arrives whole, framed by %s', async (target, framing) => {
    const got = await get(origin, target);
    expect(got.failure).toBeUndefined();
    expect(got.violations).toEqual([]);
    expect(got.head).toMatchObject({ status: 200, framing });
    expect(got.body.equals(BAD_ORIGIN_BODY)).toBe(true);
  });

  test('a dripped response arrives whole', async () => {
    const got = await get(origin, '/drip');
    expect(got.body.equals(BAD_ORIGIN_BODY.subarray(0, 40))).toBe(true);
  });

  test('a content coding is left as it is', async () => {
    const got = await get(origin, '/gzip');
    expect(got.head?.fields.get('content-encoding')).toBe('gzip');
    expect(Buffer.from(Bun.gunzipSync(Uint8Array.from(got.body))).equals(BAD_ORIGIN_BODY)).toBe(true);
  });

  test('an error status is a response, not a failure', async () => {
    const got = await get(origin, '/unavailable');
    expect(got.head?.status).toBe(503);
    expect(got.body.toString()).toBe('busy');
  });

  test('hop-by-hop fields are gone', async () => {
    const got = await get(origin, '/good-chunked');
    expect(got.head?.fields.get('transfer-encoding')).toBeUndefined();
    expect((await get(origin, '/connection-close')).head?.fields.get('connection')).toBeUndefined();
  });
});

describe('http origin: every failure has its cause', () => {
  const cases: [target: string, cause: OriginFailureCause][] = [
    ['/truncate-length', 'truncated'],
    ['/truncate-chunked', 'truncated'],
    ['/no-final-chunk', 'truncated'],
    ['/cut-final-chunk', 'truncated'],
    ['/reset-mid-body', 'truncated'],
    ['/close-delimited-cut', 'truncated'],
    ['/reset-before-head', 'reset'],
    ['/reset-mid-head', 'reset'],
    ['/close-before-head', 'reset'],
    ['/overrun', 'overrun'],
    ['/overrun-chunked', 'overrun'],
    ['/no-content-with-body', 'overrun'],
    ['/too-large', 'too-large'],
    ['/endless-body', 'too-large'],
    ['/garbage-chunk', 'malformed'],
    ['/cl-te', 'malformed'],
    ['/two-cl', 'malformed'],
    ['/two-cl?same', 'malformed'],
    ['/negative-cl', 'malformed'],
    ['/odd-te', 'malformed'],
    ['/not-http', 'malformed'],
    ['/bad-status', 'malformed'],
    ['/long-status', 'malformed'],
    ['/bare-lf', 'malformed'],
    ['/obs-fold', 'malformed'],
    ['/nul', 'malformed'],
    ['/huge-head', 'malformed'],
    ['/endless-head', 'malformed'],
    ['/drip-head', 'malformed'],
    ['/many-fields', 'malformed'],
    ['/endless-interim', 'malformed'],
    ['/switch', 'malformed'],
  ];
  test.each(cases)('%s fails as %s', async (target, cause) => {
    const origin = originWith({ maxHeadBytes: target === '/drip-head' ? 100 : 16_384 });
    const before = bad.requests();
    const got = await get(origin, target);
    expect(got.violations).toEqual([]);
    expect(got.failure?.cause).toBe(cause);
    expect(got.failure?.detail).toStartWith(`origin shop (${bad.url}): `);
    expect(bad.requests()).toBe(before + 1); // a connection that was never used before gives no second try
    await until(() => origin.gauges().connections === 0);
    expect(origin.gauges().active).toBe(0);
  });

  test('a body behind a response to HEAD fails as overrun', async () => {
    const got = await get(originWith(), '/head-with-body', { method: 'HEAD' });
    expect(got.failure?.cause).toBe('overrun');
  });

  test('too large by its Content-Length fails before the head, by its bytes after it', async () => {
    const origin = originWith({ maxBodyBytes: BAD_ORIGIN_BODY.length - 1 });
    const announced = await get(origin, '/good');
    expect(announced.failure?.cause).toBe('too-large');
    expect(announced.head).toBeUndefined();
    for (const target of ['/good-chunked', '/close-delimited']) {
      const counted = await get(origin, target);
      expect(counted.failure?.cause).toBe('too-large');
      expect(counted.head?.status).toBe(200);
      expect(counted.receivedBytes).toBeLessThan(BAD_ORIGIN_BODY.length);
    }
    const exact = originWith({ maxBodyBytes: BAD_ORIGIN_BODY.length });
    for (const target of ['/good', '/good-chunked']) expect((await get(exact, target)).ending).toBe('end');
    expect((await get(origin, '/good', { method: 'HEAD' })).head?.status).toBe(200);
  });

  test('nobody listening is refused, a name that does not resolve is dns', async () => {
    const listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => undefined } });
    const { port } = listener;
    listener.stop(true);
    const refused = await get(originWith({ url: `http://127.0.0.1:${port}` }), '/a');
    expect(refused.failure?.cause).toBe('refused');
    expect(refused.failure?.detail).toContain('ECONNREFUSED');

    const error = { code: 'ENOTFOUND', syscall: 'getaddrinfo' };
    const unresolved = httpOrigin(
      'http://images.invalid',
      {},
      {
        connect: () => Promise.reject(Object.assign(new Error('getaddrinfo'), error)),
      },
    );
    const dns = await get(unresolved, '/a');
    expect(dns.failure?.cause).toBe('dns');
    expect(dns.violations).toEqual([]);
  });

  test('a target that cannot be written into a request line never leaves', async () => {
    const origin = originWith();
    const before = bad.requests();
    for (const target of ['/a b', '/a\r\nx: y', 'http://other/', '', '/ü', '/a#b']) {
      const got = await get(origin, target);
      expect(got.failure?.cause).toBe('malformed');
      expect(got.violations).toEqual([]);
    }
    expect(bad.requests()).toBe(before);
  });
});

describe('http origin: timeouts', () => {
  /** Advances the clock in small steps until the exchange ends; returns for how long it stood still. */
  async function ranFor(
    clock: VirtualClock,
    ended: () => boolean,
    stepMs = 50,
    limitMs = 20_000,
  ): Promise<number> {
    let passedMs = 0;
    while (!ended() && passedMs < limitMs) {
      clock.advance(stepMs);
      passedMs += stepMs;
    }
    return passedMs;
  }

  const cases: [string, OriginFailureCause, number][] = [
    ['/hang-before-head', 'first-byte-timeout', 2000],
    ['/hang-mid-head', 'first-byte-timeout', 2000],
    ['/hang-mid-body', 'idle-timeout', 3000],
    ['/hang-mid-body?chunked', 'idle-timeout', 3000],
    ['/wrong-length', 'idle-timeout', 3000],
  ];
  test.each(cases)(
    '%s fails as %s, not early and at most two sweeps late',
    async (target, cause, limitMs) => {
      const clock = virtualClock(0);
      const origin = originWith({}, clock);
      const name = target.slice(1).split('?')[0]!;
      const before = bad.requests(name);
      const got = start(origin, target);
      await until(() => bad.requests(name) > before);
      const expectedBytes =
        { '/wrong-length': 30_000, '/hang-before-head': 0, '/hang-mid-head': 0 }[target] ?? 15_000;
      await until(() => got.receivedBytes === expectedBytes);
      const passedMs = await ranFor(clock, () => got.ending !== undefined);
      expect(got.failure?.cause).toBe(cause);
      expect(passedMs).toBeGreaterThanOrEqual(limitMs);
      expect(passedMs).toBeLessThanOrEqual(limitMs + 100);
      expect(got.violations).toEqual([]);
      await until(() => origin.gauges().connections === 0);
    },
  );

  test('the exchange as a whole: a body that never stops for long', async () => {
    const clock = virtualClock(0);
    const origin = originWith({}, clock);
    const got = start(origin, '/drip');
    let passedMs = 0;
    while (got.ending === undefined) {
      const sofar = got.receivedBytes;
      await until(() => got.receivedBytes > sofar || got.ending !== undefined);
      clock.advance(500);
      passedMs += 500;
    }
    expect(got.failure?.cause).toBe('total-timeout');
    expect(passedMs).toBe(10_500);
  });

  test('while an exchange is paused, no time runs against the origin', async () => {
    const clock = virtualClock(0);
    const origin = originWith({}, clock);
    const got = start(origin, '/hang-mid-body', { onPart: (recorder) => recorder.exchange?.pause() });
    await until(() => got.receivedBytes > 0);
    clock.advance(60_000);
    expect(got.failure).toBeUndefined();
    got.exchange?.resume();
    const passedMs = await ranFor(clock, () => got.ending !== undefined);
    expect(got.failure?.cause).toBe('idle-timeout');
    expect(passedMs).toBeLessThan(10_000);
  });

  test('connecting: no answer', async () => {
    const clock = virtualClock(0);
    const origin = httpOrigin(bad.url, {}, { clock, connect: () => new Promise(() => undefined) });
    const got = start(origin, '/good');
    const passedMs = await ranFor(clock, () => got.ending !== undefined);
    expect(got.failure?.cause).toBe('connect-timeout');
    expect(got.failure?.detail).toContain('1 connection attempts without an answer');
    expect(passedMs).toBeGreaterThanOrEqual(1000);
    expect(passedMs).toBeLessThanOrEqual(1100);
  });

  test('an idle origin has no timer', async () => {
    const clock = virtualClock(0);
    const origin = originWith({}, clock);
    expect(clock.pending).toBe(0);
    await get(origin, '/good');
    expect(clock.pending).toBe(1);
    clock.advance(5000);
    await until(() => origin.gauges().connections === 0);
    clock.advance(100);
    expect(clock.pending).toBe(0);
    expect((await get(origin, '/good')).ending).toBe('end');
  });
});

describe('http origin: lengths that lie', () => {
  test('bytes that come later taint the response and end the connection', async () => {
    const origin = originWith();
    const got = await get(origin, '/overrun-late');
    expect(got.ending).toBe('end');
    await until(() => got.taints > 0);
    expect(got.taints).toBe(1);
    expect(got.violations).toEqual([]);
    await until(() => origin.gauges().connections === 0);
  });

  test('after abort() there is no taint', async () => {
    const origin = originWith();
    const got = await get(origin, '/overrun-late');
    got.exchange?.abort();
    await until(() => origin.gauges().connections === 0);
    expect(got.taints).toBe(0);
  });

  test('bytes in front of the next response taint the previous one; the next is fetched anew', async () => {
    const origin = originWith();
    const lying = await get(origin, '/overrun-next');
    const before = bad.requests('good');
    const next = await get(origin, '/good');
    expect(next.body.equals(BAD_ORIGIN_BODY)).toBe(true);
    expect(next.violations).toEqual([]);
    expect(bad.requests('good')).toBe(before + 2);
    expect(lying.taints).toBe(1);
  });

  test.each(['/two-cl', '/odd-te'])(
    'a malformed response (%s) is its own fault: the previous one stands, and it is not asked for again',
    async (target) => {
      const origin = originWith();
      const good = await get(origin, '/good');
      const behaviour = target.slice(1);
      const before = bad.requests(behaviour);
      const next = await get(origin, target);
      expect([next.ending, next.failure?.cause]).toEqual(['fail', 'malformed']);
      expect([good.taints, bad.requests(behaviour) - before]).toEqual([0, 1]);
    },
  );
});

test('a pause holds an endless origin back', async () => {
  const origin = originWith({ maxBodyBytes: 1e12 });
  let pauses = 0;
  const got = start(origin, '/endless-body', {
    onPart: (recorder) => {
      if (pauses++ === 0) recorder.exchange?.pause();
    },
  });
  await until(() => pauses > 0);
  for (let i = 0; i < 50; i += 1) await get(origin, '/good');
  const heldBytes = got.receivedBytes;
  expect(heldBytes).toBeLessThanOrEqual(512 * 1024);
  for (let i = 0; i < 50; i += 1) await get(origin, '/good');
  expect(got.receivedBytes).toBe(heldBytes);
  got.exchange?.resume();
  await until(() => got.receivedBytes > heldBytes + 5_000_000);
  got.exchange?.abort();
  expect(got.violations).toEqual([]);
});
