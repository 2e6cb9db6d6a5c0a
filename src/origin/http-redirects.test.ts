import { afterAll, describe, expect, test } from 'bun:test';
import { BAD_ORIGIN_BODY, startBadOrigin } from '../../test/support/bad-origin.ts';
import { TEST_CA, TEST_CERT, TEST_KEY } from '../../test/support/certificates.ts';
import { startOriginServer } from '../../test/support/origin-server.ts';
import { virtualClock } from '../../test/support/virtual-clock.ts';
import { httpOrigin } from './http.fixture.ts';
import { authorityOf, redirectStep } from './http-target.ts';
import { get, until } from './origin.fixture.ts';

const bad = await startBadOrigin();
const other = startOriginServer();
afterAll(() => Promise.all([bad.stop(), other.stop()]));

const FOLLOW = { redirects: { follow: 3, crossHost: false } };
const to = (url: string, status = 302): string => `/redirect?to=${encodeURIComponent(url)}&status=${status}`;

describe('http origin: redirects', () => {
  test('are passed on when following is off', async () => {
    const got = await get(httpOrigin(bad.url), to('/good'));
    expect(got.head?.status).toBe(302);
    expect(got.head?.fields.get('location')).toBe('/good');
    expect(got.body.toString()).toBe('moved');
  });

  test.each([301, 302, 303, 307, 308])(
    'with status %d are followed on the same connection',
    async (status) => {
      const origin = httpOrigin(bad.url, FOLLOW);
      const before = bad.accepted();
      const got = await get(origin, to('good', status));
      expect(got.violations).toEqual([]);
      expect(got.head?.status).toBe(200);
      expect(got.body.equals(BAD_ORIGIN_BODY)).toBe(true);
      expect(bad.accepted()).toBe(before + 1);
      origin.close();
    },
  );

  test.each([300, 305])('status %d is a response like any other', async (status) => {
    expect((await get(httpOrigin(bad.url, FOLLOW), to('/good', status))).head?.status).toBe(status);
  });

  test('with an endless body cost the connection, not the answer', async () => {
    const got = await get(httpOrigin(bad.url, FOLLOW), '/redirect-endless');
    expect(got.body.equals(BAD_ORIGIN_BODY)).toBe(true);
    expect(got.violations).toEqual([]);
  });

  test('end after so many', async () => {
    const before = bad.requests('redirect-loop');
    const got = await get(httpOrigin(bad.url, FOLLOW), '/redirect-loop');
    expect(got.failure?.cause).toBe('redirect');
    expect(got.failure?.detail).toContain('more than 3');
    expect(got.head).toBeUndefined();
    expect(bad.requests('redirect-loop')).toBe(before + 4);
    expect((await get(httpOrigin(bad.url, FOLLOW), to(to(to('/good'))))).ending).toBe('end');
  });

  test('to another host need permission', async () => {
    const url = `http://localhost:${other.port}/10/a.jpg`;
    const refused = await get(httpOrigin(bad.url, FOLLOW), to(url));
    expect(refused.failure?.cause).toBe('redirect');
    expect(refused.failure?.detail).toContain('redirects.crossHost');
  });

  test('to another server leave the secrets behind, and its connections are let go', async () => {
    const clock = virtualClock(0);
    const origin = httpOrigin(
      bad.url,
      {
        redirects: { follow: 1, crossHost: true },
        extraFields: { 'x-secret': 's' },
        hostHeader: 'images.example',
      },
      { clock },
    );
    const got = await get(origin, to(`${other.url}/10/a.jpg?q=1#f`), {
      fields: ['authorization', 'Basic x', 'cookie', 'a=b', 'accept', 'image/*'],
    });
    expect(got.body.equals(other.bodyFor('/10/a.jpg'))).toBe(true);
    expect(Object.fromEntries(other.seen.at(-1)!.headers)).toEqual({
      host: `127.0.0.1:${other.port}`,
      accept: 'image/*',
    });
    expect(other.seen.at(-1)!.query).toBe('?q=1');
    expect(origin.gauges()).toEqual({ active: 0, connections: 2 });
    clock.advance(5000);
    await until(() => origin.gauges().connections === 0);
    clock.advance(100);
    expect(clock.pending).toBe(0);
  });

  test('are not followed from https to http', async () => {
    const secure = startOriginServer({ tls: { key: TEST_KEY, cert: TEST_CERT } });
    secure.can('/away', { status: 302, fields: { location: `${other.url}/10/a.jpg` }, body: '' });
    const origin = httpOrigin(secure.url, {
      redirects: { follow: 3, crossHost: true },
      tls: { verify: true, ca: TEST_CA, serverName: 'origin.test' },
    });
    const before = other.requests();
    const got = await get(origin, '/away');
    expect(got.failure?.cause).toBe('redirect');
    expect(got.failure?.detail).toContain('https to http');
    expect(other.requests()).toBe(before);
    await secure.stop();
  });
});

describe('redirectStep', () => {
  const from = authorityOf(new URL('http://images.example/'))!;
  const policy = { follow: 1, crossHost: true };
  const step = (location: string) => redirectStep(from, '/a/b.jpg?x=1', location, policy);

  test.each([
    ['c.jpg', 'http://images.example', '/a/c.jpg'],
    ['?y=2', 'http://images.example', '/a/b.jpg?y=2'],
    ['/c d.jpg', 'http://images.example', '/c%20d.jpg'],
    ['//cdn.example/c.jpg', 'http://cdn.example', '/c.jpg'],
    ['https://images.example:8443', 'https://images.example:8443', '/'],
    ['http://[::1]:81/c', 'http://[::1]:81', '/c'],
  ])('%s leads to %s%s', (location, key, target) => {
    expect(step(location)).toMatchObject({ authority: { key }, target });
  });

  test.each([
    'ftp://images.example/a',
    'javascript:1',
    'http://',
    'http://u:secret@images.example/',
    'file:///etc/passwd',
  ])('%s is refused without being repeated', (location) => {
    const result = step(location) as { refused: string };
    expect(result.refused).toStartWith('redirect ');
    expect(result.refused).not.toContain('secret');
  });
});
