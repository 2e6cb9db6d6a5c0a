import { describe, expect, test } from 'bun:test';
import type { S3OriginConfig } from './config.ts';
import { addressingOf, endpointOf } from './s3.ts';
import { validateConfig } from './validate.ts';

const file = (options: string, route = ''): string =>
  `version: 1\norigins: { a: { type: s3${options} } }\nroutes: [{ name: a, origin: a${route} }]\n`;
const validated = (text: string) => validateConfig(text, { file: 'f', env: {}, baseDir: '/etc/holdfast' });

function accepted(options: string): S3OriginConfig {
  const result = validated(file(`, ${options}`));
  if (!result.ok) throw new Error(result.problems.map(({ reason }) => reason).join('; '));
  expect(result.warnings).toEqual([]);
  const origin = result.config.origins['a']!;
  if (origin.type !== 's3') throw new Error(origin.type);
  expect(result.config.routes[0]!.key.query).toBe('none');
  return origin;
}

describe('origins of type s3', () => {
  test('need a bucket, and nothing else', () => {
    const origin = accepted('bucket: images');
    expect(origin).toMatchObject({
      region: 'us-east-1',
      credentials: { from: 'environment', profile: 'default' },
      accessDenied: 'error',
      timeouts: { connectMs: 2000, totalMs: 60_000 },
      maxBodyBytes: 256 * 1024 ** 2,
      connections: 64,
      tls: { verify: true },
    });
    expect(endpointOf(origin).authority).toBe('s3.us-east-1.amazonaws.com');
    expect(addressingOf(origin)).toBe('virtual');
  });

  test('the endpoint and the style of addressing follow from the rest', () => {
    expect(endpointOf(accepted('bucket: images, region: cn-north-1')).authority).toBe(
      's3.cn-north-1.amazonaws.com.cn',
    );
    expect(addressingOf(accepted('bucket: my.images'))).toBe('path');
    const own = accepted('bucket: images, endpoint: "http://10.0.0.5:9000/"');
    expect(endpointOf(own)).toMatchObject({ scheme: 'http', authority: '10.0.0.5:9000' });
    expect(addressingOf(own)).toBe('path');
    expect(
      addressingOf(accepted('bucket: images, endpoint: "https://s3.example.com", addressing: virtual')),
    ).toBe('virtual');
  });

  test('the prefix has no slash at its end, and the file of keys an absolute path', () => {
    const origin = accepted('bucket: images, prefix: shop/photos/, credentials: { from: file, file: keys }');
    expect(origin.prefix).toBe('shop/photos');
    expect(origin.credentials.file).toBe('/etc/holdfast/keys');
  });

  const mistakes: [string, string, string, string][] = [
    ['no bucket', '', 'origins.a.bucket', '"bucket" is missing'],
    ['capital letters', ', bucket: Images', 'origins.a.bucket', 'no capital letters'],
    ['an underscore', ', bucket: my_images', 'origins.a.bucket', 'no underscore'],
    ['a place', ', bucket: s3://images/photos', 'origins.a.bucket', 'without s3://'],
    ['a path', ', bucket: images/photos', 'origins.a.bucket', 'no path'],
    ['an ARN', ', bucket: "arn:aws:s3:::images"', 'origins.a.bucket', 'an ARN'],
    ['an address', ', bucket: 10.0.0.1', 'origins.a.bucket', 'look like an address'],
    ['a zone', ', bucket: images, region: eu-west-1a', 'origins.a.region', 'a zone, not a region'],
    [
      'an endpoint with a path',
      ', bucket: images, endpoint: "http://m:9000/images"',
      'origins.a.endpoint',
      'no path',
    ],
    [
      'an endpoint with keys',
      ', bucket: images, endpoint: "http://AK:s@m:9000"',
      'origins.a.endpoint',
      'credential',
    ],
    [
      'a prefix with a slash before it',
      ', bucket: images, prefix: /photos',
      'origins.a.prefix',
      'do not start with /',
    ],
    ['a prefix that goes up', ', bucket: images, prefix: a/../b', 'origins.a.prefix', 'mean nothing'],
    [
      'a dotted bucket before the host',
      ', bucket: my.images, addressing: virtual',
      'origins.a.addressing',
      'no certificate is valid for my.images.s3.us-east-1.amazonaws.com',
    ],
    [
      'a bucket before an address',
      ', bucket: images, addressing: virtual, endpoint: "http://10.0.0.5:9000"',
      'origins.a.addressing',
      'no bucket can stand before it',
    ],
    [
      'a word for a mapping',
      ', bucket: images, credentials: anonymous',
      'origins.a.credentials',
      'a mapping such as { from: environment }',
    ],
    [
      'no file',
      ', bucket: images, credentials: { from: file }',
      'origins.a.credentials.from',
      'not said which file',
    ],
    [
      'a file that is not used',
      ', bucket: images, credentials: { file: keys }',
      'origins.a.credentials.file',
      'file has no effect',
    ],
    [
      'this node',
      ', bucket: images, endpoint: "http://127.0.0.1:8080"',
      'origins.a.endpoint',
      'round in circles',
    ],
    [
      'an option of http',
      ', bucket: images, host: x',
      'origins.a.host',
      'origins of type s3 have no option "host"',
    ],
  ];
  test.each(mistakes)('%s is refused', (_, options, path, reason) => {
    const result = validated(file(options));
    if (result.ok) throw new Error('accepted');
    expect(result.problems.map((problem) => [problem.path, problem.reason])).toEqual([
      [path, expect.stringContaining(reason)],
    ]);
  });

  test('keys in the configuration are refused, and not shown', () => {
    const result = validated(file(', bucket: images, credentials: { secretAccessKey: hidden-value }'));
    expect(result.ok).toBeFalse();
    expect(JSON.stringify(result)).not.toContain('hidden-value');
  });

  test.each([
    [
      'a query in the key',
      ', bucket: images',
      ', key: { query: [w] }',
      'routes[0].key.query',
      'never reach S3',
    ],
    [
      'TLS over http',
      ', bucket: images, endpoint: "http://m:9000", tls: { verify: false }',
      '',
      'origins.a.tls',
      'http:// endpoint',
    ],
    [
      'a total that is too short',
      ', bucket: images, timeouts: { total: 5s }',
      '',
      'origins.a.timeouts.total',
      'total (5s)',
    ],
  ])('%s is warned of', (_, options, route, path, reason) => {
    const result = validated(file(options, route));
    if (!result.ok) throw new Error(result.problems[0]!.reason);
    expect(result.warnings[0]).toMatchObject({ path, reason: expect.stringContaining(reason) });
  });
});
