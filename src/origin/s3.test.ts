import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { type AddressInfo, createServer } from 'node:net';
import { startOriginServer } from '../../test/support/origin-server.ts';
import { type S3Server, startS3Server } from '../../test/support/s3-server.ts';
import { virtualClock } from '../../test/support/virtual-clock.ts';
import { Fields } from '../http/fields.ts';
import { get, type Recorder } from './origin.fixture.ts';
import { originSuite } from './origin.suite.ts';
import { s3Origin, signingClock } from './s3.fixture.ts';
import type { S3OriginDeps, S3OriginOptions } from './s3.ts';
import { ANONYMOUS, environmentCredentials, fileCredentials, type S3Credentials } from './s3-credentials.ts';

const withKeys = (id: string, secret: string): S3Credentials =>
  environmentCredentials({ AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret });

originSuite('s3', async () => {
  const server = await startS3Server();
  const { accessKeyId, secretAccessKey } = server.keys;
  return {
    origin: s3Origin(
      server.endpoint,
      { prefix: 'suite' },
      { credentials: withKeys(accessKeyId, secretAccessKey), onFault: () => undefined },
    ),
    publish: (path, bytes) =>
      server.put(`suite${path}`, bytes, path.endsWith('png') ? 'image/png' : 'image/jpeg'),
    stop: () => server.stop(),
  };
});

describe('s3 origin, against a server that verifies signatures', () => {
  let server: S3Server;
  beforeAll(async () => {
    server = await startS3Server();
    await server.put('a.jpg', 'image');
  });
  afterAll(() => server.stop());
  const origin = (options: Partial<S3OriginOptions> = {}, credentials?: S3Credentials, offsetMs = 0) => {
    const { accessKeyId, secretAccessKey } = server.keys;
    return s3Origin(server.endpoint, options, {
      credentials: credentials ?? withKeys(accessKeyId, secretAccessKey),
      clock: signingClock(offsetMs),
    });
  };

  test.each([
    ['/plain.jpg', 'plain.jpg'],
    ['/with%20space.jpg', 'with space.jpg'],
    ['/with+plus.jpg', 'with+plus.jpg'],
    ['/%C3%BCml%C3%A4ut/%E2%82%AC.jpg', 'ümläut/€.jpg'],
    ["/odd!$&'()*,;=:@~.jpg", "odd!$&'()*,;=:@~.jpg"],
    ['/100%25%3Fx%23y.jpg', '100%?x#y.jpg'],
    ['/..dots../.x.jpg', '..dots../.x.jpg'],
  ])('%s is the key %s', async (target, key) => {
    await server.put(key, key);
    const got = await get(origin(), target);
    expect(got.head?.status).toBe(200);
    expect(got.body.toString()).toBe(key);
    expect(got.violations).toEqual([]);
  });

  test('ranges pass through, and are part of the signature', async () => {
    const got = await get(origin(), '/a.jpg', { fields: ['range', 'bytes=1-2'] });
    expect(got.head?.status).toBe(206);
    expect(got.head?.fields.get('content-range')).toBe('bytes 1-2/5');
    expect(got.body.toString()).toBe('ma');
    const odd = await get(origin(), '/a.jpg', { fields: ['range', 'bytes=0-1,  3-4'] });
    expect(odd.head?.status).toBe(200);
  });

  test('a missing key is a plain 404, for GET and HEAD, without XML', async () => {
    for (const method of ['GET', 'HEAD']) {
      const got = await get(origin(), '/nope.jpg', { method });
      expect(got.head).toMatchObject({ status: 404, bodyBytes: 0 });
      expect(got.head?.fields.has('content-type')).toBeFalse();
      expect(got.receivedBytes).toBe(0);
      expect(got.violations).toEqual([]);
    }
  });

  test('a missing bucket is a failure, for GET and HEAD', async () => {
    for (const method of ['GET', 'HEAD']) {
      const got = await get(origin({ bucket: 'elsewhere' }), '/a.jpg', { method });
      expect(got.head).toBeUndefined();
      expect(got.failure?.cause).toBe('bucket');
      expect(got.failure?.detail).toContain('origin shop (s3://elsewhere): answered 404 NoSuchBucket');
    }
  });

  const bad: [string, S3Credentials, number, string][] = [
    ['another secret', withKeys('S3RVER', 'wrong'), 0, 'SignatureDoesNotMatch'],
    ['an unknown key', withKeys('AKNOBODY', 'wrong'), 0, 'InvalidAccessKeyId'],
    ['a clock an hour ahead', withKeys('S3RVER', 'S3RVER'), 3_600_000, 'the clocks differ'],
  ];
  test.each(bad)('%s is a failure of ours, for GET and HEAD', async (_, credentials, offsetMs, said) => {
    for (const method of ['GET', 'HEAD']) {
      const got = await get(origin({}, credentials, offsetMs), '/a.jpg', { method });
      expect(got.head).toBeUndefined();
      expect(got.failure?.cause).toBe('credentials');
      expect(got.failure?.detail).toContain(said);
      expect(got.failure?.detail).not.toContain('wrong');
      expect(got.violations).toEqual([]);
    }
  });

  test('rotated keys are found by the request that is refused', async () => {
    const clock = signingClock();
    const files = { keys: '' };
    const write = (id: string, secret: string): void => {
      files.keys = `[default]\naws_access_key_id=${id}\naws_secret_access_key=${secret}\n`;
    };
    const news: string[] = [];
    const credentials = fileCredentials(
      { path: '/keys', profile: 'default' },
      { clock, readFile: async () => files.keys, onNews: (kind) => news.push(kind) },
    );
    const rotating = s3Origin(server.endpoint, {}, { credentials, clock });
    await server.addKeys('AKOLD', 'old');
    write('AKOLD', 'old');
    expect((await get(rotating, '/a.jpg')).head?.status).toBe(200);
    await server.revokeKeys('AKOLD');
    clock.advance(2_000);
    expect((await get(rotating, '/a.jpg')).failure?.cause).toBe('credentials');
    await server.addKeys('AKNEW', 'new');
    write('AKNEW', 'new');
    clock.advance(2_000);
    const both = await Promise.all([get(rotating, '/a.jpg'), get(rotating, '/a.jpg', { method: 'HEAD' })]);
    for (const got of both) {
      expect(got.head?.status).toBe(200);
      expect(got.violations).toEqual([]);
    }
    expect(news).toEqual(['changed']);
  });

  test('without keys it asks as anybody', async () => {
    const got = await get(origin({}, ANONYMOUS), '/a.jpg', { fields: ['authorization', 'AWS client:evil'] });
    expect(got.body.toString()).toBe('image');
  });
});

describe('s3 origin: what it sends', () => {
  const server = startOriginServer();
  afterAll(() => server.stop());
  const last = () => server.seen.at(-1)!;
  const keys = environmentCredentials({
    AWS_ACCESS_KEY_ID: 'AKID',
    AWS_SECRET_ACCESS_KEY: 'topsecret',
    AWS_SESSION_TOKEN: 'session',
  });

  test('the key and what is signed; never the query, or fields that would make it another request', async () => {
    const origin = s3Origin(server.url, { prefix: 'p' }, { credentials: keys });
    await get(origin, '/a.jpg?acl&versionId=3&X-Amz-Signature=x', {
      fields: [
        ...['authorization', 'AWS a:b', 'x-amz-date', '20200101T000000Z', 'x-amz-acl', 'public-read'],
        ...[
          'cookie',
          'a=b',
          'content-type',
          'text/plain',
          'x-other',
          'y',
          'date',
          'Fri, 02 Jan 2026 03:04:05 GMT',
        ],
        ...['if-none-match', '"x"', 'user-agent', 'cat/1', 'accept', '*/*'],
      ],
    });
    expect(last()).toMatchObject({ method: 'GET', path: '/images/p/a.jpg', query: '' });
    const { 'x-amz-date': date, authorization, ...others } = Object.fromEntries(last().headers);
    expect(authorization).toStartWith('AWS4-HMAC-SHA256 Credential=AKID/');
    expect(date).not.toBe('20200101T000000Z');
    expect(others).toEqual({
      host: `127.0.0.1:${server.port}`,
      'x-amz-content-sha256': 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
      'x-amz-security-token': 'session',
      'if-none-match': '"x"',
      'user-agent': 'cat/1',
      accept: '*/*',
    });
  });

  test('in virtual style the bucket is in Host, and the connection goes to the endpoint', async () => {
    const seen: string[] = [];
    const listener = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: ({ headers, url }) => {
        seen.push(headers.get('host')!, url);
        return new Response('image');
      },
    });
    const endpoint = `http://127.0.0.1:${listener.port}`;
    const origin = s3Origin(endpoint, { addressing: 'virtual', bucket: 'my-bucket' }, { credentials: keys });
    expect((await get(origin, '/a%20b.jpg')).body.toString()).toBe('image');
    const host = `my-bucket.127.0.0.1:${listener.port}`;
    expect(seen).toEqual([host, `http://${host}/a%20b.jpg`]);
    await listener.stop(true);
  });

  test('a request that is sent a second time has a signature of its own', async () => {
    const dates: string[] = [];
    const listener = createServer((socket) => {
      let requests = 0;
      socket.on('data', (head) => {
        dates.push(/x-amz-date: (\S+)/.exec(head.toString())![1]!);
        requests += 1;
        // The first connection dies under its second request, as kept ones do.
        if (requests === 2) socket.destroy();
        else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nimage');
      });
    });
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const { port } = listener.address() as AddressInfo;
    // One second later whenever it is asked.
    const times = [1000, 2000, 3000];
    const clock = Object.assign(virtualClock(0), { nowMs: () => times.shift()! });
    const origin = s3Origin(`http://127.0.0.1:${port}`, { maxConnections: 1 }, { credentials: keys, clock });
    for (let i = 0; i < 2; i += 1) expect((await get(origin, '/a.jpg')).body.toString()).toBe('image');
    expect(dates).toEqual(['19700101T000001Z', '19700101T000002Z', '19700101T000003Z']);
    origin.close();
    listener.close();
  });

  test('over TLS the certificate is asked for, and checked, by that name', async () => {
    const asked: unknown[] = [];
    const connect = ((options: { hostname: string; tls?: { serverName?: string } }) => {
      asked.push([options.hostname, options.tls?.serverName]);
      return Promise.reject(Object.assign(new Error('no network here'), { code: 'ECONNREFUSED' }));
    }) as unknown as NonNullable<S3OriginDeps['connect']>;
    for (const options of [
      { addressing: 'virtual' },
      { addressing: 'path' },
      { addressing: 'virtual', tls: { verify: true, serverName: 'other.test' } },
    ] as const) {
      const got = await get(
        s3Origin('https://s3.test', { bucket: 'my-bucket', ...options }, { connect }),
        '/a.jpg',
      );
      expect(got.failure?.cause).toBe('refused');
    }
    expect(asked).toEqual([
      ['s3.test', 'my-bucket.s3.test'],
      ['s3.test', 's3.test'],
      ['s3.test', 'other.test'],
    ]);
  });

  test('nothing for what can be no key, and for other methods', async () => {
    const origin = s3Origin(server.url);
    const before = server.requests();
    for (const target of ['/', '/?list-type=2', '/..%2Fother/a.jpg', '/%FF']) {
      const got = await get(origin, target);
      expect(got.head).toMatchObject({ status: 404, framing: 'length', bodyBytes: 0 });
      expect(got.ending).toBe('end');
      expect(got.violations).toEqual([]);
    }
    expect((await get(origin, '/', { method: 'HEAD' })).head).toMatchObject({ status: 404, framing: 'none' });
    for (const method of ['PUT', 'POST', 'DELETE']) {
      const got = await get(origin, '/a.jpg', { method });
      expect(got.head?.status).toBe(405);
      expect(got.head?.fields.get('allow')).toBe('GET, HEAD');
    }
    expect(server.requests()).toBe(before);
  });
});

describe('s3 origin: what it makes of answers', () => {
  const server = startOriginServer();
  afterAll(() => server.stop());
  const xml = (code: string, more = ''): string => `<Error><Code>${code}</Code>${more}</Error>`;
  const answered = async (
    status: number,
    body: string,
    options: Partial<S3OriginOptions> = {},
    fields: Record<string, string> = {},
    method = 'GET',
  ): Promise<Recorder> => {
    server.can('/images/x.jpg', { status, body, fields: { 'content-type': 'application/xml', ...fields } });
    const got = await get(s3Origin(server.url, options), '/x.jpg', { method });
    expect(got.violations).toEqual([]);
    return got;
  };

  test('fields of S3 are left out, those of HTTP stay', async () => {
    server.can('/images/y.jpg', {
      body: 'image',
      fields: {
        'x-amz-request-id': '1',
        'x-amz-meta-owner': 'me',
        'cache-control': 'max-age=60',
        'last-modified': 'Fri, 02 Jan 2026 03:04:05 GMT',
        etag: '"tag"',
      },
    });
    const { head } = await get(s3Origin(server.url), '/y.jpg');
    const fields = Object.fromEntries(head!.fields);
    expect(Object.keys(fields).filter((name) => name.startsWith('x-amz'))).toEqual([]);
    expect(fields).toMatchObject({
      'cache-control': 'max-age=60',
      'last-modified': 'Fri, 02 Jan 2026 03:04:05 GMT',
      etag: '"tag"',
      'content-type': 'image/jpeg',
    });
  });

  test('trouble is passed on by its status, without its XML', async () => {
    const got = await answered(503, xml('SlowDown'), {}, { 'retry-after': '2' });
    expect(got.head).toMatchObject({ status: 503, framing: 'length', bodyBytes: 0 });
    expect(got.head?.fields.get('retry-after')).toBe('2');
    expect(got.receivedBytes).toBe(0);
  });

  test('a wrong region and a right that is missing are failures, for GET and HEAD', async () => {
    const wrongRegion = xml('AuthorizationHeaderMalformed', '<Region>eu-west-1</Region>');
    for (const method of ['GET', 'HEAD']) {
      const elsewhere = await answered(400, wrongRegion, {}, {}, method);
      expect(elsewhere.failure?.cause).toBe('bucket');
      expect(elsewhere.failure?.detail).toContain('set region: eu-west-1');
      expect((await answered(403, xml('AccessDenied'), {}, {}, method)).failure?.cause).toBe('denied');
      const lenient = await answered(403, xml('AccessDenied'), { accessDenied: 'not-found' }, {}, method);
      expect(lenient.head?.status).toBe(404);
    }
  });

  test('an error as long as a book is cut off', async () => {
    const got = await answered(403, xml('AccessDenied') + 'x'.repeat(1_000_000));
    expect(got.failure?.cause).toBe('denied');
  });

  test('keys that cannot be had fail each request, and none is sent', async () => {
    const before = server.requests();
    const clock = signingClock();
    const credentials = fileCredentials(
      { path: '/keys', profile: 'default' },
      { clock, readFile: () => Promise.reject(Object.assign(new Error(), { code: 'EACCES' })) },
    );
    const origin = s3Origin(server.url, {}, { credentials, clock });
    for (let i = 0; i < 2; i += 1) {
      const got = await get(origin, '/x.jpg');
      expect(got.failure).toMatchObject({ cause: 'credentials' });
      expect(got.failure?.detail).toContain('/keys cannot be read (EACCES)');
      expect(got.violations).toEqual([]);
    }
    expect(server.requests()).toBe(before);
  });

  test('a sink that throws is told of, and ends its own exchange only', async () => {
    const faults: unknown[] = [];
    const origin = s3Origin(server.url, {}, { onFault: (error) => faults.push(error) });
    server.can('/images/gone.jpg', { status: 404, body: xml('NoSuchKey') });
    for (const target of ['/', '/gone.jpg']) {
      const thrown = new Promise<void>((resolve) => {
        const fail = (): never => {
          resolve();
          throw new Error(`sink at fault: ${target}`);
        };
        const sink = { onHead: fail, onData: fail, onEnd: fail, onFail: fail, onTaint: fail };
        origin.fetch({ method: 'GET', target, fields: new Fields() }, sink);
      });
      await thrown;
    }
    await get(origin, '/y.jpg');
    expect(faults.map(String)).toEqual(['Error: sink at fault: /', 'Error: sink at fault: /gone.jpg']);
    expect(origin.gauges().active).toBe(0);
  });
});
