import { afterAll, describe, expect, test } from 'bun:test';
import { TEST_CA, TEST_CERT, TEST_CERT_EXPIRED, TEST_KEY } from '../../test/support/certificates.ts';
import { startOriginServer } from '../../test/support/origin-server.ts';
import { virtualClock } from '../../test/support/virtual-clock.ts';
import { httpOrigin } from './http.fixture.ts';
import { get, start, until } from './origin.fixture.ts';
import { originSuite } from './origin.suite.ts';

const good = startOriginServer({ tls: { key: TEST_KEY, cert: TEST_CERT } });
const expired = startOriginServer({ tls: { key: TEST_KEY, cert: TEST_CERT_EXPIRED } });
afterAll(() => Promise.all([good.stop(), expired.stop()]));

const TRUSTED = { verify: true, ca: TEST_CA, serverName: 'origin.test' };

originSuite('https', async () => {
  const server = startOriginServer({ tls: { key: TEST_KEY, cert: TEST_CERT } });
  server.can('/nothing-here.jpg', { status: 404, body: 'not here' });
  return {
    origin: httpOrigin(
      server.url,
      { maxBodyBytes: 100_000_000, maxConnections: 16, tls: TRUSTED },
      { onFault: () => undefined },
    ),
    publish: (path, bytes) => {
      server.change(path);
      server.can(path, { body: bytes });
    },
    stop: () => server.stop(),
  };
});

describe('https origin: certificates', () => {
  test('a good one is accepted and the connection is reused', async () => {
    const origin = httpOrigin(good.url, { tls: TRUSTED, maxConnections: 1 });
    for (let i = 0; i < 3; i += 1) {
      const got = await get(origin, '/30000/a.jpg');
      expect(got.failure).toBeUndefined();
      expect(got.body.equals(good.bodyFor('/30000/a.jpg'))).toBe(true);
    }
    expect(origin.gauges().connections).toBe(1);
    origin.close();
  });

  const refusals: [string, string, object, string][] = [
    ['for another name', good.url, { ...TRUSTED, serverName: 'other.test' }, 'ERR_TLS_CERT_ALTNAME_INVALID'],
    [
      'for a name, when the URL has an address',
      good.url,
      { verify: true, ca: TEST_CA },
      'ERR_TLS_CERT_ALTNAME_INVALID',
    ],
    [
      'from an unknown authority',
      good.url,
      { verify: true, serverName: 'origin.test' },
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    ],
    ['that expired', expired.url, TRUSTED, 'CERT_HAS_EXPIRED'],
  ];
  test.each(refusals)('one %s is refused, before the request is sent', async (_, url, tls, code) => {
    const origin = httpOrigin(url, { tls: tls as typeof TRUSTED, extraFields: { authorization: 'secret' } });
    const before = good.requests() + expired.requests();
    const got = await get(origin, '/30000/a.jpg');
    expect(got.violations).toEqual([]);
    expect(got.failure?.cause).toBe('tls');
    expect(got.failure?.detail).toContain(code);
    expect(good.requests() + expired.requests()).toBe(before);
    await until(() => origin.gauges().connections === 0);
  });

  test.each([good.url, expired.url])('with verify: false any is accepted (%s)', async (url) => {
    const origin = httpOrigin(url, { tls: { verify: false, serverName: 'other.test' } });
    expect((await get(origin, '/10/a.jpg')).ending).toBe('end');
    origin.close();
  });

  test.each([true, false])('a server that does not speak TLS fails as tls (verify: %p)', async (verify) => {
    const plain = Bun.listen({
      hostname: '127.0.0.1',
      port: 0,
      socket: { data: (socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n') },
    });
    const got = await get(
      httpOrigin(`https://127.0.0.1:${plain.port}`, { tls: { ...TRUSTED, verify } }),
      '/a.jpg',
    );
    expect(got.failure?.cause).toBe('tls');
    expect(got.violations).toEqual([]);
    plain.stop(true);
  });

  test.each([true, false])('a server that hangs up instead fails as tls (verify: %p)', async (verify) => {
    const rude = Bun.listen({
      hostname: '127.0.0.1',
      port: 0,
      socket: { data: (socket) => void socket.terminate() },
    });
    const got = await get(
      httpOrigin(`https://127.0.0.1:${rude.port}`, { tls: { ...TRUSTED, verify } }),
      '/a.jpg',
    );
    expect(got.failure?.cause).toBe('tls');
    rude.stop(true);
  });

  test('a handshake that hangs is a connect timeout, and its socket is closed', async () => {
    const silent = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => undefined } });
    const clock = virtualClock(0);
    const origin = httpOrigin(`https://127.0.0.1:${silent.port}`, { tls: TRUSTED }, { clock });
    const got = start(origin, '/a.jpg');
    while (got.ending === undefined) clock.advance(50);
    expect(got.failure?.cause).toBe('connect-timeout');
    await until(() => {
      clock.advance(50);
      return origin.gauges().connections === 0;
    });
    silent.stop(true);
  });
});
