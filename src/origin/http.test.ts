import { afterAll, describe, expect, test } from 'bun:test';
import { startOriginServer } from '../../test/support/origin-server.ts';
import { httpOrigin } from './http.fixture.ts';
import { get } from './origin.fixture.ts';
import { originSuite } from './origin.suite.ts';

const SUITE_OPTIONS = { maxBodyBytes: 100_000_000, maxConnections: 16 };

originSuite('http', async () => {
  const server = startOriginServer();
  server.can('/nothing-here.jpg', { status: 404, body: 'not here' });
  return {
    origin: httpOrigin(server.url, SUITE_OPTIONS, { onFault: () => undefined }),
    publish: (path, bytes) => {
      server.change(path);
      server.can(path, { body: bytes });
    },
    stop: () => server.stop(),
  };
});

describe('http origin: what it sends', () => {
  const server = startOriginServer();
  afterAll(() => server.stop());
  const last = () => server.seen.at(-1)!;

  test('the target behind the base path of the URL, with its query', async () => {
    for (const base of ['/shop/images', '/shop/images/']) {
      const got = await get(httpOrigin(server.url + base), '/10/a%20b.jpg?w=3&x=%2F');
      expect(got.ending).toBe('end');
      expect(last().path).toBe('/shop/images/10/a%20b.jpg');
      expect(last().query).toBe('?w=3&x=%2F');
    }
    await get(httpOrigin(`${server.url}/`), '/10/a.jpg');
    expect(last().path).toBe('/10/a.jpg');
  });

  test('the end-to-end fields of the request, and no others', async () => {
    await get(httpOrigin(server.url), '/10/a.jpg', {
      fields: ['user-agent', 'cat/1', 'accept', 'image/avif', 'accept', 'image/webp', 'x-latin', 'caf\xe9'],
    });
    const { headers } = last();
    expect(Object.fromEntries(headers)).toEqual({
      host: `127.0.0.1:${server.port}`,
      'user-agent': 'cat/1',
      accept: 'image/avif, image/webp',
      'x-latin': 'caf\xe9',
    });
  });

  test('nothing that would announce a body, a protocol or another host', async () => {
    await get(httpOrigin(server.url), '/10/a.jpg', {
      fields: [
        'content-length',
        '5',
        'expect',
        '100-continue',
        'connection',
        'close',
        'upgrade',
        'h2c',
        'host',
        'evil',
      ],
    });
    expect([...last().headers.keys()]).toEqual(['host']);
  });

  test('extra fields, instead of those of the request, and the Host of the options', async () => {
    const origin = httpOrigin(server.url, {
      hostHeader: 'images.example',
      extraFields: { Authorization: ' Bearer secret ', 'X-From': 'cache' },
    });
    await get(origin, '/10/a.jpg', { fields: ['authorization', 'Basic client', 'accept', '*/*'] });
    expect(Object.fromEntries(last().headers)).toEqual({
      host: 'images.example',
      authorization: 'Bearer secret',
      'x-from': 'cache',
      accept: '*/*',
    });
  });

  test('a head larger than any buffer of its own', async () => {
    const value = 'v'.repeat(1000);
    const fields = Array.from({ length: 14 }, (_, i) => [`x-${i}`, value]).flat();
    fields.push('x-last', 'w'.repeat(1500));
    await get(httpOrigin(server.url), '/10/a.jpg', { fields });
    expect(last().headers.get('x-13')).toBe(value);
    expect(last().headers.get('x-last')).toHaveLength(1500);
  });
});

describe('http origin: options that cannot work are refused by name', () => {
  const cases: [string, Parameters<typeof httpOrigin>, string][] = [
    ['another scheme', ['ftp://127.0.0.1/'], 'url'],
    ['no URL', ['127.0.0.1:80'], 'url'],
    ['credentials', ['http://me:secret@127.0.0.1/'], 'credentials'],
    ['a query', ['http://127.0.0.1/?a=1'], 'query'],
    ['no connections', ['http://127.0.0.1/', { maxConnections: 0 }], 'maxConnections'],
    ['a limit that is no number', ['http://127.0.0.1/', { maxBodyBytes: Number.NaN }], 'maxBodyBytes'],
    [
      'a timeout of nothing',
      ['http://127.0.0.1/', { timeouts: { connectMs: 0, firstByteMs: 1, idleMs: 1, totalMs: 1 } }],
      'connectMs',
    ],
    [
      'negative redirects',
      ['http://127.0.0.1/', { redirects: { follow: -1, crossHost: false } }],
      'redirects.follow',
    ],
    ['a field name with a space', ['http://127.0.0.1/', { extraFields: { 'x y': 'secret' } }], '"x y"'],
    ['a line break in a field', ['http://127.0.0.1/', { extraFields: { 'x-y': 'secret\r\nz: 1' } }], 'x-y'],
    ['a field of the client', ['http://127.0.0.1/', { extraFields: { Host: 'a' } }], 'host'],
    ['a Host with a line break', ['http://127.0.0.1/', { hostHeader: 'a\r\nb' }], 'hostHeader'],
  ];
  test.each(cases)('%s', (_, args, named) => {
    let message = '';
    try {
      httpOrigin(...args);
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toStartWith('origin shop: ');
    expect(message).toContain(named);
    expect(message).not.toContain('secret');
  });
});
